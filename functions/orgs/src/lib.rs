//! Organizations, their members, and invitations.

mod input;
mod invitations;
mod members;
mod view;

use domain::auth::permission::{OwnOrg, ReadOrg, WriteOrg};
use http_api::{Api, Body, Caller, Created, Ctx, InOrg, Json, Listing, NoContent, Paging, Result};
use input::{NewOrg, OrgPatch};
use view::OrgView;

/// The operations of this function.
pub fn api() -> Api {
    let orgs = Api::new("Organizations")
        .at("/api/v1")
        .post(
            "/orgs",
            create_org,
            "Create an organization. The caller becomes its owner. The largest plan among a user's organizations \
             decides how many they may own; so does it for a new role, an invitation and a transfer.",
        )
        .get(
            "/orgs",
            list_orgs,
            "List the caller's organizations. Newest first, the personal one included. `X-Current-Org` is not read.",
        )
        .get(
            "/orgs/{org_id}",
            get_org,
            "Get an organization. With its plan, its seats and the caller's role.",
        )
        .patch(
            "/orgs/{org_id}",
            update_org,
            "Update an organization. Omitted fields stay unchanged. When the time zone changes, the current day \
             keeps its end. Later days begin in the new zone, and no date repeats: the first may be shorter, or up \
             to two days long.",
        )
        .delete(
            "/orgs/{org_id}",
            delete_org,
            "Delete an organization. Takes effect for all its members immediately.",
        )
        .get(
            "/orgs/{org_id}/members",
            members::list_members,
            "List the members of an organization. Including invited people, newest first.",
        )
        .patch(
            "/orgs/{org_id}/members/{user_id}",
            members::update_member,
            "Update the role of a member. At least one owner must remain. Only owners create owners and change them.",
        )
        .delete(
            "/orgs/{org_id}/members/{user_id}",
            members::remove_member,
            "Remove a member from an organization. For an invited person, revokes the invitation. Only owners remove \
             owners, invitations to be one included.",
        )
        .post(
            "/orgs/{org_id}/leave",
            members::leave_org,
            "Leave an organization. The last owner cannot.",
        )
        .post(
            "/orgs/{org_id}/transfer",
            members::transfer_org,
            "Transfer the ownership of an organization. To another member; the caller becomes an admin.",
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

async fn update_org(app: Ctx, member: InOrg<WriteOrg>, Body(patch): Body<OrgPatch>) -> Result<Json<OrgView>> {
    let change = patch.into_change()?;
    Ok(Json(app.update_org(&member.org, &member.actor(), change).await?.into()))
}

async fn delete_org(app: Ctx, member: InOrg<OwnOrg>) -> Result<NoContent> {
    app.delete_org(&member.org, &member.actor()).await?;
    Ok(NoContent)
}
