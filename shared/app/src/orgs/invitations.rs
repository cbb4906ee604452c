//! Invitations: a token is emailed to an address, and a user signed in with that address can accept it.

use domain::{
    Actor, Email, Entitlements, Error, Invitation, InvitationId, Mail, MailMessage, Membership, Org, OrgId, OrgRole,
    Result, Secret, User,
    billing::white_label::without_links,
    orgs::entitlements::EntitlementSource,
    orgs::invitation::{INVITATION_TTL, new_token, token_hash},
    time::after,
};
use futures::future::BoxFuture;
use serde_json::json;
use store::{OptimisticRetry, OrgFound, OrgWrite};

use crate::{
    App,
    audit::audit_event::AuditEvent,
    orgs::members::OWNER_REQUIRED,
    orgs::{NO_ORG, personal},
};

pub(super) const NO_INVITATION: Error = Error::NotFound("invitation");

fn of_invitation<'a>(action: &'a str, invitation: &'a Invitation) -> AuditEvent<'a> {
    AuditEvent::new(action, "invitation", invitation.id.as_str())
}

pub(super) fn already_member() -> Error {
    Error::conflict("already_member", "This person is already a member of the organization.")
}

impl App {
    /// Invites an address. If it is already invited, the same invitation is sent again with a new token.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `already_member`, `seat_limit` or `personal_org`; [`Error::Forbidden`]
    /// `owner_required`.
    pub fn invite<'a>(
        &'a self,
        by: &'a Membership,
        actor: &'a Actor,
        email: &'a Email,
        role: OrgRole,
    ) -> BoxFuture<'a, Result<Invitation>> {
        Box::pin(async move {
            if !by.role.may_manage(role) {
                return Err(OWNER_REQUIRED);
            }
            let mut retry = OptimisticRetry::to_change("an organization");
            loop {
                let is_first = retry.next().await?;
                let found = self.store.orgs().get(&by.org).await?.ok_or(NO_ORG)?;
                if found.org.personal {
                    return Err(personal());
                }
                if self.is_member(&by.org, email).await? {
                    return Err(already_member());
                }
                let known = self.store.invitations().of_address(&by.org, email).await?;
                // A concurrent request sent the same invitation: one email is enough.
                if let Some(known) = known
                    .clone()
                    .filter(|known| !is_first && known.role == role && !known.is_expired(self.clock.now()))
                {
                    return Ok(known);
                }
                if is_first {
                    self.count_invitation(&by.org, email).await?;
                }
                let sent = match known {
                    Some(known) => self.renew(by, actor, &known, role).await?,
                    None => self.invite_first(by, actor, email, role, &found).await?,
                };
                if let Some(invitation) = sent {
                    return Ok(invitation);
                }
            }
        })
    }

    /// Sends an invitation again, with a new token and seven more days.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `owner_required`.
    pub fn resend_invitation<'a>(
        &'a self,
        by: &'a Membership,
        actor: &'a Actor,
        id: &'a InvitationId,
    ) -> BoxFuture<'a, Result<Invitation>> {
        Box::pin(async move {
            let known = self.invitation(&by.org, id).await?;
            self.count_invitation(&by.org, &known.email).await?;
            let mut retry = OptimisticRetry::to_change("an organization");
            loop {
                retry.next().await?;
                let known = self.invitation(&by.org, id).await?;
                if let Some(sent) = self.renew(by, actor, &known, known.role).await? {
                    return Ok(sent);
                }
            }
        })
    }

    /// Withdraws an invitation.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `owner_required`.
    pub fn revoke_invitation<'a>(
        &'a self,
        by: &'a Membership,
        actor: &'a Actor,
        id: &'a InvitationId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut retry = OptimisticRetry::to_change("an organization");
            loop {
                retry.next().await?;
                let known = self.invitation(&by.org, id).await?;
                if !by.role.may_manage(known.role) {
                    return Err(OWNER_REQUIRED);
                }
                if self.end(&known, actor, "invitation.revoked").await? {
                    return Ok(());
                }
            }
        })
    }

    /// Returns the invitations of an organization, newest first.
    pub fn invitations<'a>(&'a self, org: &'a OrgId) -> BoxFuture<'a, Result<Vec<Invitation>>> {
        Box::pin(async move {
            let mut found = self.store.invitations().of_org(org).await?;
            found.reverse();
            Ok(found)
        })
    }

    /// Creates the first invitation of an address; returns `None` on a conflict with another invitation or change of
    /// the organization.
    async fn invite_first(
        &self,
        by: &Membership,
        actor: &Actor,
        email: &Email,
        role: OrgRole,
        found: &OrgFound,
    ) -> Result<Option<Invitation>> {
        let (token, now) = (new_token()?, self.clock.now());
        let invitation = Invitation {
            id: self.ids.make()?,
            org: by.org.clone(),
            email: email.clone(),
            role,
            invited_by: by.member.clone(),
            token_hash: token_hash(&token),
            created_at: now,
            expires_at: after(now, INVITATION_TTL),
        };
        let event = of_invitation("member.invited", &invitation).after(json!({ "role": role }));
        let entry = self.entry(actor, &by.org, event)?;
        match self
            .store
            .invitations()
            .create(&invitation, &found.org, now, &entry)
            .await?
        {
            OrgWrite::Done => {
                self.send_invitation(&invitation, &found.org, &token).await?;
                Ok(Some(invitation))
            }
            OrgWrite::Full if self.free_seats(&by.org).await? => Ok(None),
            OrgWrite::Full => {
                let now = self.store.orgs().get(&by.org).await?.ok_or(NO_ORG)?;
                let own = now.org.entitlements(self.clock.now());
                if now.seats < own.limits.seats {
                    return Ok(None);
                }
                Err(Error::conflict("seat_limit", no_seat(&own)))
            }
            _ => Ok(None),
        }
    }

    /// Sends an invitation again; returns `None` if it was concurrently ended or renewed.
    async fn renew(
        &self,
        by: &Membership,
        actor: &Actor,
        known: &Invitation,
        role: OrgRole,
    ) -> Result<Option<Invitation>> {
        if !by.role.may_manage(known.role) {
            return Err(OWNER_REQUIRED);
        }
        let token = new_token()?;
        let renewed = known.renewed(role, by.member.clone(), &token, self.clock.now());
        let event = of_invitation("invitation.renewed", known)
            .before(json!({"role": known.role}))
            .after(json!({ "role": role }));
        let entry = self.entry(actor, &by.org, event)?;
        if self.store.invitations().renew(known, &renewed, &entry).await? != OrgWrite::Done {
            return Ok(None);
        }
        let org = self.store.orgs().get(&by.org).await?.ok_or(NO_ORG)?.org;
        self.send_invitation(&renewed, &org, &token).await?;
        Ok(Some(renewed))
    }

    /// Ends expired invitations to free their seats; returns whether there were any.
    async fn free_seats(&self, org: &OrgId) -> Result<bool> {
        let now = self.clock.now();
        let mut freed = false;
        for invitation in self.store.invitations().of_org(org).await? {
            if invitation.is_expired(now) {
                freed |= self.end(&invitation, &Actor::system(), "invitation.expired").await?;
            }
        }
        Ok(freed)
    }

    pub(super) async fn end(&self, invitation: &Invitation, actor: &Actor, action: &str) -> Result<bool> {
        let event = of_invitation(action, invitation).before(json!({"role": invitation.role}));
        let entry = self.entry(actor, &invitation.org, event)?;
        Ok(self.store.invitations().end(invitation, &entry).await? == OrgWrite::Done)
    }

    async fn invitation(&self, org: &OrgId, id: &InvitationId) -> Result<Invitation> {
        self.store.invitations().get(org, id).await?.ok_or(NO_INVITATION)
    }

    async fn is_member(&self, org: &OrgId, email: &Email) -> Result<bool> {
        let Some(known) = self.store.accounts().by_email(&email.fingerprint()).await? else {
            return Ok(false);
        };
        let membership = self.store.accounts().membership(org, &known.user.id).await?;
        Ok(membership.is_some())
    }

    /// Queues the email with the token. The token is stored nowhere else in cleartext; if the queue does not accept it,
    /// the request fails, and sending it again creates a new token.
    async fn send_invitation(&self, invitation: &Invitation, org: &Org, token: &Secret) -> Result<()> {
        let inviter = self.store.accounts().get(&invitation.invited_by).await?;
        let inviter = inviter.map_or_else(|| "A member".to_owned(), |user| inviter_name(&user));
        let role = match invitation.role {
            OrgRole::Owner => "an owner",
            OrgRole::Admin => "an admin",
            OrgRole::Member => "a member",
        };
        // A line break in a name would end the email's header.
        let product = self.product_name(org).await?;
        let name: String = org.name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mail = Mail {
            id: self.ids.make()?,
            to: invitation.email.clone(),
            subject: format!("You are invited to {name}"),
            text: format!(
                "{inviter} invites you to join the organization {name} on {product} as {role}.\n\n\
                 To accept, sign in, or sign up, with this address at\n\n{}/invitations?token={}\n\n\
                 It is valid for {} days. If you do not know the organization, do nothing.\n",
                self.config.public_url,
                token.expose(),
                INVITATION_TTL.as_secs() / (24 * 3600),
            ),
            about: Some(invitation.invited_by.clone()),
            org_id: Some(org.id.clone()),
            branding: None,
        };
        self.queue_mail(&MailMessage::Mail(mail)).await
    }
}

/// Returns the sentence for an organization without a free seat.
fn no_seat(own: &Entitlements) -> String {
    let limit = own.limits.seats;
    match own.sources.seats {
        EntitlementSource::Plan => format!(
            "The {} plan has {limit} seats, pending invitations included, and all are taken. Remove a member, revoke \
             an invitation, or choose a larger plan.",
            own.plan.name()
        ),
        EntitlementSource::Override => format!(
            "This organization has {limit} seats, pending invitations included, and all are taken. Remove a member, \
             revoke an invitation, or ask the operator for more."
        ),
    }
}

/// Returns a user as named in an email to a stranger. Names are free text, so nothing in them may become a link.
fn inviter_name(user: &User) -> String {
    let name = without_links(&user.name);
    let email = &user.email;
    match (email.is_deliverable(), user.email_verified) {
        (false, _) => name,
        (true, true) => format!("{name} ({email})"),
        (true, false) => format!("{name} ({email}, an address that is not confirmed)"),
    }
}
