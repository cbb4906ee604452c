//! Account changes by their owners and platform admins.

pub(crate) mod archive;
pub(crate) mod data_inventory;
pub(crate) mod export_user;
pub(crate) mod purge;
pub(crate) mod settings;

use std::time::Duration;

use domain::{
    Actor, Email, Error, MailMessage, Membership, OrgId, PendingEmail, PlatformRole, Result, Secret, User, UserId,
    UserStatus, audit::ActorKind, time::after,
};
use futures::future::BoxFuture;
use serde_json::json;
use store::{AccountChange, AddressChange, Ended, OptimisticRetry, UserWrite};

use crate::{
    App, Identity, SignUp,
    admin::{ADMIN_ONLY, OWN_ACCOUNT},
    audit::audit_event::AuditEvent,
    auth::sign_in::ENDED,
    mail::email_templates::VERIFY_HOURS,
};

const USER_NOT_FOUND: Error = Error::NotFound("user");
/// Maximum number of shared organizations that an account can leave when it is deleted: all of it is one transaction of
/// 100 items.
const MAX_PLACES: usize = 30;

/// A change of an account; absent fields stay unchanged.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// New name.
    pub name: Option<String>,
    /// New address.
    pub email: Option<Email>,
    /// New platform role.
    pub role: Option<PlatformRole>,
}

/// Who changes an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedBy {
    /// The account's owner.
    Owner {
        /// The epoch of the session used ([`User::session_epoch`]).
        session_epoch: u64,
    },
    /// A platform admin, for another account.
    Admin,
}

impl App {
    /// Returns an account that was not deleted.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn user<'a>(&'a self, id: &'a UserId) -> BoxFuture<'a, Result<User>> {
        Box::pin(async move { self.live_account(id).await?.ok_or(USER_NOT_FOUND) })
    }

    /// Creates an account, without a session, for someone else, who signs in with the given password.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `email_taken`.
    pub fn create_user<'a>(
        &'a self,
        actor: &'a Actor,
        sign_up: SignUp,
        role: PlatformRole,
    ) -> BoxFuture<'a, Result<User>> {
        Box::pin(async move {
            let (draft, password_hash) = self.draft_sign_up(sign_up, role).await?;
            self.store_account(draft, &password_hash, None, actor).await
        })
    }

    /// Changes an account. An owner who changes the address must provide the password, so that an unattended session
    /// does not suffice to take over the account. If the current address is verified, the new one is pending until its
    /// email is confirmed ([`App::verify_email`]), so that nobody claims an address that is not theirs or loses the
    /// status of a verified one. The role of an account is changed by an admin other than its owner.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Conflict`] `email_taken`, [`Error::Invalid`] at `/current_password`,
    /// [`Error::TooMany`].
    pub fn change_user<'a>(
        &'a self,
        actor: &'a Actor,
        id: &'a UserId,
        by: ChangedBy,
        change: UserChange,
        password: Option<&'a Secret>,
    ) -> BoxFuture<'a, Result<User>> {
        Box::pin(async move {
            let admin = admin_behind(actor, id);
            let mut retry = OptimisticRetry::to_change("an account");
            loop {
                retry.next().await?;
                let old = self.user(id).await?;
                let (address, mails) = self.address_change(&old, by, change.email.as_ref(), password).await?;
                let change = AccountChange {
                    name: change.name.clone().filter(|name| *name != old.name),
                    role: change.role.filter(|role| by == ChangedBy::Admin && *role != old.role),
                    address,
                    mails,
                };
                let mut fields = Vec::new();
                fields.extend(change.name.as_ref().map(|_| "name"));
                match change.address {
                    AddressChange::None => {}
                    AddressChange::Requested(_) => fields.push("pending_email"),
                    _ => fields.push("email"),
                }
                if fields.is_empty() && change.role.is_none() {
                    return Ok(old);
                }
                let role = change.role.unwrap_or(old.role);
                let action = if change.role.is_some() {
                    "user.role_changed"
                } else {
                    "user.changed"
                };
                let event = AuditEvent::to_user(action, id)
                    .before(json!({"role": old.role}))
                    .after(json!({"role": role, "changed": fields}));
                let entry = self.entry(actor, &old.personal_org, event)?;
                let accounts = self.store.accounts();
                match accounts.change(admin.as_ref(), &old, &change, &entry).await? {
                    UserWrite::Done => {
                        self.queue_promised(&change.mails).await;
                        let mut new = old;
                        new.name = change.name.unwrap_or(new.name);
                        new.role = role;
                        match change.address {
                            AddressChange::None => {}
                            AddressChange::Respelled(email) => new.email = email,
                            AddressChange::Requested(pending) => new.pending_email = Some(pending),
                            AddressChange::Unverified(email) | AddressChange::Verified { email, .. } => {
                                (new.email, new.email_verified, new.pending_email) = (email, false, None);
                            }
                        }
                        return Ok(new);
                    }
                    UserWrite::EmailTaken => return Err(email_taken()),
                    UserWrite::Changed => self.require_admin(admin.as_ref()).await?,
                }
            }
        })
    }

    /// Returns how the address changes for a request of `wanted`, and the emails that report it.
    async fn address_change(
        &self,
        old: &User,
        by: ChangedBy,
        wanted: Option<&Email>,
        password: Option<&Secret>,
    ) -> Result<(AddressChange, Vec<MailMessage>)> {
        let Some(email) = wanted.filter(|email| **email != old.email) else {
            return Ok((AddressChange::None, Vec::new()));
        };
        if let ChangedBy::Owner { session_epoch } = by {
            // A concurrent end of the session takes precedence.
            if session_epoch != old.session_epoch {
                return Err(ENDED);
            }
            self.require_password(&old.id, password).await?;
        }
        if email.is_same(&old.email) {
            return Ok((AddressChange::Respelled(email.clone()), Vec::new()));
        }
        let now = self.clock.now();
        if self.store.accounts().has_other_owner(email, &old.id, now).await? {
            return Err(email_taken());
        }
        if by != ChangedBy::Admin {
            self.count_address_change(&old.id).await?;
        }
        let (id, user) = (self.ids.make()?, old.id.clone());
        // An admin's decision needs no confirmation. An address that was never verified may have been mistyped at
        // sign-up.
        if by != ChangedBy::Admin && old.email_verified && old.email.is_deliverable() {
            let pending = PendingEmail {
                email: email.clone(),
                expires_at: after(now, Duration::from_hours(VERIFY_HOURS)),
            };
            let told = MailMessage::EmailChangeRequested {
                id: self.ids.make()?,
                user: user.clone(),
            };
            let email = email.clone();
            let mails = vec![MailMessage::VerifyNewEmail { id, user, email }, told];
            return Ok((AddressChange::Requested(pending), mails));
        }
        let told = self.address_changed(old, None)?;
        let mails = vec![MailMessage::VerifyEmail { id, user }, told];
        Ok((AddressChange::Unverified(email.clone()), mails))
    }

    /// Deletes an account: from the next request on, all its credentials are rejected, its address is free, and it
    /// belongs to no shared organization. A job removes its data.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Conflict`] `last_owner` if a shared organization would have no owner left,
    /// and [`Error::Forbidden`] `own_account` for an admin's own account: another admin must delete it, so that one
    /// remains.
    pub fn end_user<'a>(&'a self, actor: &'a Actor, id: &'a UserId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let admin = admin_behind(actor, id);
            let mut retry = OptimisticRetry::to_change("an account");
            loop {
                retry.next().await?;
                let user = self.user(id).await?;
                if user.role == PlatformRole::Admin && actor.id.as_deref() == Some(id.as_str()) {
                    return Err(OWN_ACCOUNT);
                }
                let places = self.store.memberships_of(id).await?;
                if places.held.len() > MAX_PLACES {
                    let detail = format!("Leave organizations until at most {MAX_PLACES} are left. Then try again.");
                    return Err(Error::conflict("too_many_organizations", detail));
                }
                let event = AuditEvent::to_user("user.deleted", id)
                    .before(json!({"role": user.role, "status": user.status}))
                    .after(json!({"status": UserStatus::Deleted}));
                let entry = self.entry(actor, &user.personal_org, event)?;
                let now = self.clock.now();
                match self
                    .store
                    .accounts()
                    .end(admin.as_ref(), &user, &places, now, &entry)
                    .await?
                {
                    Ended::Done(purge) => {
                        self.queue_purge(&purge).await;
                        return Ok(());
                    }
                    Ended::LastOwner(org) => {
                        let found = self.store.orgs().get(&org).await?;
                        let name = found.map_or_else(|| org.0.clone(), |found| found.org.name);
                        let detail =
                            format!("\"{name}\" would have no owner left. Transfer its ownership or delete it first.");
                        return Err(Error::conflict("last_owner", detail));
                    }
                    Ended::Changed => self.require_admin(admin.as_ref()).await?,
                }
            }
        })
    }

    /// Returns the organization and user for whom something is created: the caller in the current organization or, for
    /// platform admins, the user that the body names in their personal organization.
    ///
    /// # Errors
    /// Returns [`Error::Forbidden`] `foreign_user_id` if others name a user, and [`Error::NotFound`].
    pub fn owner_named<'a>(
        &'a self,
        identity: &'a Identity,
        member: &'a Membership,
        named: Option<&'a UserId>,
    ) -> BoxFuture<'a, Result<(OrgId, UserId)>> {
        Box::pin(async move {
            let caller = &identity.user;
            match named.filter(|named| **named != caller.id) {
                Some(named) if caller.role == PlatformRole::Admin && identity.is_person() => {
                    let user = self.user(named).await?;
                    Ok((user.personal_org, user.id))
                }
                named => {
                    identity.check_own_id(named)?;
                    Ok((member.org.clone(), caller.id.clone()))
                }
            }
        })
    }

    /// A change may have been rejected because the caller is no longer an admin.
    async fn require_admin(&self, admin: Option<&UserId>) -> Result<()> {
        let Some(admin) = admin else { return Ok(()) };
        let found = self.store.accounts().get(admin).await?;
        match found.filter(|user| user.is_active() && user.role == PlatformRole::Admin) {
            Some(_) => Ok(()),
            None => Err(ADMIN_ONLY),
        }
    }

    async fn require_password(&self, id: &UserId, password: Option<&Secret>) -> Result<()> {
        let pointer = "/current_password";
        let detail = "is required to change the email address";
        let password = password.ok_or_else(|| Error::invalid(pointer, detail))?;
        let found = self.store.accounts().by_id(id).await?.ok_or(USER_NOT_FOUND)?;
        let account = found.user.email.fingerprint();
        let guess = self.guess_in_session(&account).await?;
        if self.hasher.verify(password, found.password_hash).await? {
            self.guess_in_session_succeeded(guess).await
        } else {
            Err(Error::invalid(pointer, "is not the password of this account"))
        }
    }
}

/// Returns the platform admin who acts on another user's account.
fn admin_behind(actor: &Actor, id: &UserId) -> Option<UserId> {
    let is_person = actor.kind == ActorKind::User;
    actor
        .id
        .clone()
        .filter(|actor| is_person && actor != id.as_str())
        .map(UserId)
}

pub(crate) fn email_taken() -> Error {
    Error::conflict(
        "email_taken",
        "An account with this email address already exists. Sign in to it, or use another address.",
    )
}
