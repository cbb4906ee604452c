//! Organizations: whose they are, who belongs to them, and who is invited.

mod input;
mod invitations;
mod members;
mod view;

use http_api::{Api, Body, Caller, Created, Ctx, InOrg, Json, Listing, NoContent, Paging, Result};
use input::{NewOrg, OrgPatch};
use model::permission::{OwnOrg, ReadOrg, WriteOrg};
use view::OrgView;

/// The operations of this function.
pub fn api() -> Api {
    let orgs = Api::new("Organizations")
        .at("/api/v1")
        .post("/orgs", create_org, "Make an organization; its maker owns it.")
        .get("/orgs", list_orgs, "List the caller's organizations, newest first.")
        .get("/orgs/{org_id}", get_org, "Get an organization.")
        .patch(
            "/orgs/{org_id}",
            update_org,
            "Change an organization; what is left out stays as it is.",
        )
        .delete(
            "/orgs/{org_id}",
            delete_org,
            "Delete an organization; it is gone for everybody at once.",
        )
        .get(
            "/orgs/{org_id}/members",
            members::list_members,
            "List members and invited ones, newest first.",
        )
        .patch(
            "/orgs/{org_id}/members/{user_id}",
            members::update_member,
            "Give a member another role.",
        )
        .delete(
            "/orgs/{org_id}/members/{user_id}",
            members::remove_member,
            "Take a member out, or withdraw the invitation of an invited one.",
        )
        .post("/orgs/{org_id}/leave", members::leave_org, "Leave an organization.")
        .post(
            "/orgs/{org_id}/transfer",
            members::transfer_org,
            "Hand the ownership to another member.",
        );
    orgs.merge(invitations::api())
}

async fn create_org(app: Ctx, caller: Caller, Body(new): Body<NewOrg>) -> Result<Created<OrgView>> {
    let new = new.into_new_org()?;
    let org = app.create_org(&caller.identity.user, &caller.actor(), new).await?;
    Ok(Created(org.into()))
}

async fn list_orgs(app: Ctx, caller: Caller, page: Paging) -> Result<Listing<OrgView>> {
    let found = app.own_orgs(&caller.identity.user, &page).await?;
    page.answer(found.map(OrgView::from))
}

async fn get_org(app: Ctx, member: InOrg<ReadOrg>) -> Result<Json<OrgView>> {
    Ok(Json(app.org_of(&member.org).await?.into()))
}

async fn update_org(app: Ctx, member: InOrg<WriteOrg>, Body(wanted): Body<OrgPatch>) -> Result<Json<OrgView>> {
    let change = wanted.into_change()?;
    Ok(Json(app.update_org(&member.org, &member.actor(), change).await?.into()))
}

async fn delete_org(app: Ctx, member: InOrg<OwnOrg>) -> Result<NoContent> {
    app.delete_org(&member.org, &member.actor()).await?;
    Ok(NoContent)
}
