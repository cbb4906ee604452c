//! Invitations as seen by the invited person: to list, accept and decline them.

use domain::{
    Actor, Error, EventData, Invitation, Membership, Org, OrgId, OrgRole, Result, Secret, User,
    orgs::invitation::token_hash, webhooks::data::MemberEvent,
};
use futures::future::BoxFuture;
use serde_json::json;
use store::{Accepted, OptimisticRetry};

use super::invitations::{NO_INVITATION, already_member};
use crate::{App, audit::audit_event::AuditEvent, orgs::OwnOrg};

const EXPIRED: Error = Error::Gone {
    code: "invitation_expired",
    detail: "The invitation has expired. Ask for a new one.",
};
const WRONG_ADDRESS: Error = Error::Forbidden {
    code: "wrong_address",
    detail: "The invitation was sent to another address. Sign in with that address.",
};

/// An invitation as seen by the invited person.
#[derive(Debug)]
pub struct InvitedTo {
    /// The invitation.
    pub invitation: Invitation,
    /// The organization; `None` for a user who has not proven ownership of the address yet.
    pub org: Option<Org>,
}

impl App {
    /// Returns the pending invitations for the address of `user`, newest first.
    pub fn invitations_of<'a>(&'a self, user: &'a User) -> BoxFuture<'a, Result<Vec<InvitedTo>>> {
        Box::pin(async move {
            let now = self.clock.now();
            let mut found = self.store.invitations().of_user(&user.email).await?;
            found.retain(|invitation| !invitation.is_expired(now));
            found.sort_by(|a, b| b.id.cmp(&a.id));
            let ids: Vec<OrgId> = found.iter().map(|invitation| invitation.org.clone()).collect();
            let mut orgs = self.store.orgs().get_many(&ids).await?;
            let shown = found.into_iter().filter_map(|invitation| {
                let org = orgs.remove(&invitation.org)?.org;
                let org = user.email_verified.then_some(org);
                Some(InvitedTo { invitation, org })
            });
            Ok(shown.collect())
        })
    }

    /// Accepts an invitation and makes `user` a member of its organization.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if it is unknown, used or withdrawn; [`Error::Gone`] if it has expired;
    /// [`Error::Forbidden`] `wrong_address`; [`Error::Conflict`] `already_member`; [`Error::Limit`] for the owner role
    /// if the user owns as many organizations as their plan allows.
    pub fn accept_invitation<'a>(
        &'a self,
        user: &'a User,
        actor: &'a Actor,
        token: &'a Secret,
    ) -> BoxFuture<'a, Result<OwnOrg>> {
        Box::pin(async move {
            let mut retry = OptimisticRetry::to_change("an organization");
            loop {
                retry.next().await?;
                let invitation = self.presented(user, token).await?;
                let now = self.clock.now();
                if invitation.is_expired(now) {
                    return Err(EXPIRED);
                }
                let membership = Membership {
                    org: invitation.org.clone(),
                    member: user.id.clone(),
                    role: invitation.role,
                    joined_at: now,
                };
                let after =
                    json!({"role": membership.role, "invitation": invitation.id, "invited_by": invitation.invited_by});
                let data = EventData::MemberAdded(MemberEvent {
                    user_id: user.id.clone(),
                    role: membership.role,
                });
                let promised = self.event(&membership.org, data, invitation.id.as_str()).await?;
                let event = AuditEvent::to_user("member.joined", &user.id)
                    .after(after)
                    .promise(promised);
                let entry = self.entry(actor, &membership.org, event)?;
                let places = match membership.role {
                    OrgRole::Owner => Some(self.memberships_within_org_limit(user).await?),
                    OrgRole::Admin | OrgRole::Member => None,
                };
                let invitations = self.store.invitations();
                match invitations
                    .accept(&invitation, &membership, places.as_ref(), &entry)
                    .await?
                {
                    Accepted::Done => {
                        self.seats_changed(&membership.org).await;
                        return self.org_of(&membership).await;
                    }
                    Accepted::Changed | Accepted::Gone => return Err(NO_INVITATION),
                    Accepted::Member => {
                        // Invited while they joined another way: this frees the seat.
                        self.end(&invitation, actor, "invitation.revoked").await?;
                        return Err(already_member());
                    }
                    Accepted::Overtaken => {}
                }
            }
        })
    }

    /// Declines an invitation, whether or not it has expired.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `wrong_address`.
    pub fn decline_invitation<'a>(
        &'a self,
        user: &'a User,
        actor: &'a Actor,
        token: &'a Secret,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let invitation = self.presented(user, token).await?;
            if self.end(&invitation, actor, "invitation.declined").await? {
                Ok(())
            } else {
                Err(NO_INVITATION)
            }
        })
    }

    /// Returns the invitation with this token if it was sent to this user.
    async fn presented(&self, user: &User, token: &Secret) -> Result<Invitation> {
        let found = self.store.invitations().by_token(&token_hash(token)).await?;
        let invitation = found.ok_or(NO_INVITATION)?;
        if self.store.orgs().get(&invitation.org).await?.is_none() {
            Err(NO_INVITATION)
        } else if invitation.is_for(&user.email) {
            Ok(invitation)
        } else {
            Err(WRONG_ADDRESS)
        }
    }
}
