//! Accounts, as their owners and platform admins change them.

use futures::future::BoxFuture;
use model::{
    Actor, Email, Error, MailMessage, PlatformRole, Result, Secret, User, UserId, UserStatus, audit::ActorKind,
    time::after,
};
use serde_json::json;
use store::{Ended, UserChange, UserWrite};

use crate::{
    App, SignUp,
    admin::{ADMIN_ONLY, OWN_ACCOUNT},
    audited::Deed,
    revocation::RESTORABLE,
};

const ABSENT: Error = Error::NotFound("user");
/// How often a change is tried again that somebody else's change overtook.
const MAX_ATTEMPTS: usize = 20;
/// Most shared organizations that an account can leave at its end: all of it is one transaction of 100 parts.
const MAX_PLACES: usize = 30;

/// Who changes an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedBy {
    /// It is their own.
    Owner,
    /// A platform admin changes somebody else's.
    Admin,
}

impl App {
    /// An account that was not deleted.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn user<'a>(&'a self, id: &'a UserId) -> BoxFuture<'a, Result<User>> {
        Box::pin(async move { self.live_account(id).await?.ok_or(ABSENT) })
    }

    /// Creates an account for somebody else, who signs in with the password given. It has no session.
    ///
    /// # Errors
    /// [`Error::Conflict`] `email_taken`.
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

    /// Changes an account. An owner who changes the address has to know the password: whoever finds an open page does
    /// not take over the account. The role of an account is changed by an admin other than its owner.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] `email_taken`, [`Error::Invalid`] at `/current_password`.
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
            for _ in 0..MAX_ATTEMPTS {
                let old = self.user(id).await?;
                let change = UserChange {
                    name: change.name.clone().filter(|name| *name != old.name),
                    email: change.email.clone().filter(|email| *email != old.email),
                    role: change.role.filter(|role| by == ChangedBy::Admin && *role != old.role),
                    held_until: None,
                };
                let is_moved = |email: &Email| email.fingerprint() != old.email.fingerprint();
                let is_moved = change.email.as_ref().is_some_and(is_moved);
                // Only who had shown that the address is theirs gets the account back by it: at sign-up it may have
                // been mistyped. What an admin decides is not undone by a mail.
                let is_own = by == ChangedBy::Owner && old.email_verified && old.email.is_deliverable();
                let change = UserChange {
                    held_until: (is_moved && is_own).then(|| after(self.clock.now(), RESTORABLE)),
                    ..change
                };
                if change.email.is_some() && by == ChangedBy::Owner {
                    self.require_password(id, password).await?;
                }
                let mut fields = Vec::new();
                fields.extend(change.name.as_ref().map(|_| "name"));
                fields.extend(change.email.as_ref().map(|_| "email"));
                if fields.is_empty() && change.role.is_none() {
                    return Ok(old);
                }
                let mut new = old.clone();
                new.name = change.name.clone().unwrap_or(new.name);
                new.email_verified &= change.email.is_none();
                new.email = change.email.clone().unwrap_or(new.email);
                new.role = change.role.unwrap_or(new.role);
                let action = if change.role.is_some() {
                    "user.role_changed"
                } else {
                    "user.changed"
                };
                let deed = Deed::to_user(action, id)
                    .before(json!({"role": old.role}))
                    .after(json!({"role": new.role, "changed": fields}));
                let entry = self.entry(actor, &old.personal_org, deed)?;
                match self
                    .store
                    .accounts()
                    .change(admin.as_ref(), &old, &change, &entry)
                    .await?
                {
                    UserWrite::Done => {
                        if change.email.is_some() {
                            let (id, user) = (self.ids.make()?, new.id.clone());
                            self.try_to_mail(MailMessage::VerifyEmail { id, user }).await;
                        }
                        if is_moved {
                            self.tell_former_address(&old, change.held_until).await;
                        }
                        return Ok(new);
                    }
                    UserWrite::EmailTaken => {
                        let detail = "An account with this e-mail address exists.";
                        return Err(Error::conflict("email_taken", detail));
                    }
                    UserWrite::Changed => self.require_admin(admin.as_ref()).await?,
                }
            }
            Err(busy())
        })
    }

    /// Ends an account: from the next request on every credential of it is refused, its address is free, and it
    /// belongs to no shared organization. What it leaves behind is removed by a job.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] `last_owner` when a shared organization would have no owner left, and
    /// [`Error::Forbidden`] `own_account` for an admin's own account: another admin has to end it, so that one stays.
    pub fn end_user<'a>(&'a self, actor: &'a Actor, id: &'a UserId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let admin = admin_behind(actor, id);
            for _ in 0..MAX_ATTEMPTS {
                let user = self.user(id).await?;
                if user.role == PlatformRole::Admin && actor.id.as_deref() == Some(id.as_str()) {
                    return Err(OWN_ACCOUNT);
                }
                let places = self.store.places_of(id).await?;
                if places.held.len() > MAX_PLACES {
                    let detail = format!("Leave organizations until at most {MAX_PLACES} are left, then try again.");
                    return Err(Error::conflict("too_many_organizations", detail));
                }
                let deed = Deed::to_user("user.deleted", id)
                    .before(json!({"role": user.role, "status": user.status}))
                    .after(json!({"status": UserStatus::Deleted}));
                let entry = self.entry(actor, &user.personal_org, deed)?;
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
                        let detail = format!(
                            "\"{name}\" would have no owner left: hand it to somebody else or delete it first."
                        );
                        return Err(Error::conflict("last_owner", detail));
                    }
                    Ended::Changed => self.require_admin(admin.as_ref()).await?,
                }
            }
            Err(busy())
        })
    }

    /// A change that was refused may have been so because whoever wanted it is no admin any more.
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
        let detail = "is required to change the e-mail address";
        let password = password.ok_or_else(|| Error::invalid(pointer, detail))?;
        let found = self.store.accounts().by_id(id).await?.ok_or(ABSENT)?;
        let account = found.user.email.fingerprint();
        let guess = self.guess_inside(&account).await?;
        if self.hasher.verify(password, found.password_hash).await? {
            self.guessed_right_inside(guess).await
        } else {
            Err(Error::invalid(pointer, "is not the password of this account"))
        }
    }
}

/// The platform admin who acts on somebody else's account.
fn admin_behind(actor: &Actor, id: &UserId) -> Option<UserId> {
    let is_person = actor.kind == ActorKind::User;
    actor
        .id
        .clone()
        .filter(|actor| is_person && actor != id.as_str())
        .map(UserId)
}

fn busy() -> Error {
    Error::unavailable("an account is changed by too many at once")
}
