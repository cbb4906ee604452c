//! Members of an organization.

use domain::{
    Error, UserId,
    auth::permission::{OwnOrg, ReadMembers, ReadOrg, WriteMembers},
};
use http_api::{Body, Caller, Ctx, InOrg, Json, Listing, NoContent, Paging, Path, Result};

use crate::{
    input::{MemberPatch, MemberPath, NewOwner},
    view::{MemberView, OrgView},
};

pub(crate) async fn list_members(app: Ctx, member: InOrg<ReadMembers>, page: Paging) -> Result<Listing<MemberView>> {
    let now = app.clock.now();
    let found = app.members(&member.org.org, &page).await?;
    page.answer(found.map(|seat| MemberView::new(seat, now)))
}

pub(crate) async fn update_member(
    app: Ctx,
    member: InOrg<WriteMembers>,
    Path(path): Path<MemberPath>,
    Body(change): Body<MemberPatch>,
) -> Result<Json<MemberView>> {
    let user = path.user(&member.identity.user.id);
    app.set_member_role(&member.org, &member.actor(), &user, change.role)
        .await?;
    let seat = app.member(&member.org.org, &user).await?;
    Ok(Json(MemberView::new(seat, app.clock.now())))
}

pub(crate) async fn remove_member(
    app: Ctx,
    member: InOrg<WriteMembers>,
    Path(path): Path<MemberPath>,
) -> Result<NoContent> {
    let user = path.user(&member.identity.user.id);
    app.remove_member(&member.org, &member.actor(), &user).await?;
    Ok(NoContent)
}

/// Only signed-in users leave an organization: an API key gets 403.
pub(crate) async fn leave_org(app: Ctx, member: InOrg<ReadOrg>, caller: Caller) -> Result<NoContent> {
    app.leave_org(&caller.identity.user, &member.org.org, &caller.actor())
        .await?;
    Ok(NoContent)
}

pub(crate) async fn transfer_org(app: Ctx, member: InOrg<OwnOrg>, Body(heir): Body<NewOwner>) -> Result<Json<OrgView>> {
    let heir = UserId(heir.user_id.0.to_ascii_lowercase());
    if heir == member.org.member {
        return Err(Error::invalid("/user_id", "must be another member").into());
    }
    app.transfer_org(&member.org, &member.actor(), &heir).await?;
    let mut membership = member.org.clone();
    membership.role = domain::OrgRole::Admin;
    Ok(Json(app.org_of(&membership).await?.into()))
}
