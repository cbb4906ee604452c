//! Invitations, for those who send and for those who receive them.

use domain::{
    Email, OrgRole, Page,
    auth::permission::{ReadMembers, WriteMembers},
};
use http_api::{Api, Body, Caller, Created, Ctx, InOrg, Json, Listing, NoContent, Paging, Path, Result};

use crate::{
    input::{InvitationPath, NewInvitation, Token},
    view::{InvitationView, InvitedToView, MemberView, OrgView},
};

pub(crate) fn api() -> Api {
    Api::new("Organizations")
        .at("/api/v1")
        .post(
            "/orgs/{org_id}/invite",
            invite_member,
            "Invite a person to an organization. By email; inviting them again sends a new token. It holds a seat, \
             and expires seven days after its last email. At most 100 at once from an organization and one more in \
             five minutes; 50 to an address and one more in half an hour.",
        )
        .get(
            "/orgs/{org_id}/invitations",
            list_invitations,
            "List the invitations of an organization. Newest first.",
        )
        .post(
            "/orgs/{org_id}/invitations/{invitation_id}/resend",
            resend_invitation,
            "Send an invitation again. The previous token is no longer valid. At most 50 mails to an address, and \
             one more in half an hour.",
        )
        .delete(
            "/orgs/{org_id}/invitations/{invitation_id}",
            revoke_invitation,
            "Revoke an invitation. Its seat is free again.",
        )
        .get(
            "/invitations",
            list_own_invitations,
            "List the invitations of the caller. Newest first; those sent to the caller's address, once it is \
             verified.",
        )
        .post(
            "/invitations/accept",
            accept_invitation,
            "Accept an invitation. One that was sent to the caller's address, once, within seven days of its last \
             email. Used, withdrawn and unknown ones are 404, expired ones 410.",
        )
        .post(
            "/invitations/decline",
            decline_invitation,
            "Decline an invitation. One that was sent to the caller's address.",
        )
}

async fn invite_member(
    app: Ctx,
    member: InOrg<WriteMembers>,
    Body(new): Body<NewInvitation>,
) -> Result<Created<MemberView>> {
    let email = Email::parse(&new.email)?;
    let role = new.role.unwrap_or(OrgRole::Member);
    let invitation = app.invite(&member.org, &member.actor(), &email, role).await?;
    Ok(Created(MemberView::new(
        app::SeatHolder::Invited(invitation),
        app.clock.now(),
    )))
}

async fn list_invitations(app: Ctx, member: InOrg<ReadMembers>, page: Paging) -> Result<Listing<InvitationView>> {
    let now = app.clock.now();
    let found = app.invitations(&member.org.org).await?;
    let found = paged(found, &page, |invitation| invitation.id.as_str());
    page.answer(found.map(|invitation| InvitationView::new(invitation, now)))
}

async fn resend_invitation(
    app: Ctx,
    member: InOrg<WriteMembers>,
    Path(path): Path<InvitationPath>,
) -> Result<Json<InvitationView>> {
    let sent = app
        .resend_invitation(&member.org, &member.actor(), &path.invitation_id)
        .await?;
    Ok(Json(InvitationView::new(sent, app.clock.now())))
}

async fn revoke_invitation(
    app: Ctx,
    member: InOrg<WriteMembers>,
    Path(path): Path<InvitationPath>,
) -> Result<NoContent> {
    app.revoke_invitation(&member.org, &member.actor(), &path.invitation_id)
        .await?;
    Ok(NoContent)
}

async fn list_own_invitations(app: Ctx, caller: Caller, page: Paging) -> Result<Listing<InvitedToView>> {
    let found = app.invitations_of(&caller.identity.user).await?;
    let found = paged(found, &page, |found| found.invitation.id.as_str());
    page.answer(found.map(InvitedToView::from))
}

async fn accept_invitation(app: Ctx, caller: Caller, Body(body): Body<Token>) -> Result<Json<OrgView>> {
    let user = &caller.identity.user;
    let org = app.accept_invitation(user, &caller.actor(), &body.token).await?;
    Ok(Json(org.into()))
}

async fn decline_invitation(app: Ctx, caller: Caller, Body(body): Body<Token>) -> Result<NoContent> {
    let user = &caller.identity.user;
    app.decline_invitation(user, &caller.actor(), &body.token).await?;
    Ok(NoContent)
}

/// Returns a page of a list that is already complete, newest first.
fn paged<T>(mut items: Vec<T>, page: &Paging, id: impl Fn(&T) -> &str) -> Page<T> {
    if let Some(after) = &page.after {
        items.retain(|item| id(item) < after.as_str());
    }
    let more = items.len() > usize::from(page.limit);
    items.truncate(page.limit.into());
    Page {
        next: items.last().filter(|_| more).map(|item| id(item).to_owned()),
        items,
    }
}
