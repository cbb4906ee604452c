//! Passwords, verified addresses and sessions, changed by their owner.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Actor, ApiKey, AuditEntry, Email, Error, MailMessage, NewPassword, Page, PageRequest, Result, Secret, Session,
    SessionId, User, time::after,
};
use futures::future::BoxFuture;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::{
    AccountChange, AddressChange, AddressRestore, PasswordChange, PasswordReset, Revoked, RevokedBy, SignIn, UserWrite,
    Verification,
};

use crate::{
    App, Credential, Identity, Origin,
    audit::audit_event::AuditEvent,
    auth::revocation::{RESTORABLE, keys_to_keep, org_keys},
    mail::email_templates::{RESET_MINUTES, VERIFY_HOURS},
    users::email_taken,
};

/// How often a new password is tried again that a change of the account overtook.
const MAX_ATTEMPTS: usize = 20;
/// Characters in front of a token that are not one of ours: it is hashed, so its length is nearly all there is to check.
const MAX_TOKEN_BYTES: usize = 128;

/// A new password, with what proves that it may be set.
#[derive(Debug)]
pub struct NewCredentials {
    /// The current password.
    pub current: Secret,
    /// The one to come.
    pub new: NewPassword,
}

pub(crate) fn void_link() -> Error {
    Error::invalid(
        "/token",
        "is not valid any more; ask for a new mail and use its link once",
    )
}

const SIGN_IN_REQUIRED: Error = Error::Unauthorized {
    code: "sign_in_required",
    detail: "Sign in to the account that is to have this address, then open the link again.",
};

const CHANGED: &str = "The account was changed at the same time; try again.";

/// A person who acts on the own account.
pub(crate) fn user_actor(user: &User, origin: &Origin) -> Actor {
    Actor::user(user.id.as_str(), origin.request_id.as_str())
}

/// A token for an email, and the digest under which it is kept.
fn new_token() -> Result<(Secret, String)> {
    let token = Secret::new(URL_SAFE_NO_PAD.encode(domain::id::random_bytes::<32>()?));
    let digest = digest(&token);
    Ok((token, digest))
}

fn digest(token: &Secret) -> String {
    hex::encode(Sha256::digest(token.expose()))
}

pub(crate) fn digest_of_link(token: &Secret) -> Result<String> {
    if token.expose().len() > MAX_TOKEN_BYTES {
        return Err(void_link());
    }
    Ok(digest(token))
}

impl App {
    /// An entry about something done to an account that has no values.
    fn account_entry(&self, user: &User, actor: &Actor, action: &str) -> Result<AuditEntry> {
        self.entry(actor, &user.personal_org, AuditEvent::to_user(action, &user.id))
    }

    /// Replaces a password by its owner, and ends all their other sessions.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the current password is not right, [`Error::TooMany`] when that was so too often.
    pub fn change_password<'a>(
        &'a self,
        identity: &'a Identity,
        actor: Actor,
        change: NewCredentials,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let user = &identity.user;
            let account = user.email.fingerprint();
            let guess = self.guess_inside(&account).await?;
            let found = self.store.accounts().by_id(&user.id).await?;
            let found = found.ok_or(Error::NotFound("user"))?;
            let right = self.hasher.verify(&change.current, found.password_hash.clone()).await?;
            if !right {
                return Err(Error::invalid("/current_password", "is not the current password"));
            }
            let hash = self.hasher.hash(&change.new).await?;
            let keep = match &identity.credential {
                Credential::Session(id) => Some(id),
                Credential::Clerk(_) | Credential::Key(_) => None,
            };
            let change = PasswordChange {
                account: &found,
                hash: &hash,
                keep,
            };
            let entry = self.account_entry(user, &actor, "user.password_changed")?;
            if !self.store.accounts().set_password(&change, &entry).await? {
                return Err(Error::conflict("account_changed", CHANGED));
            }
            if let Credential::Clerk(session) = &identity.credential {
                // All other sessions end; this one goes on.
                self.know_clerk_session(user, session, found.user.session_epoch + 1)
                    .await?;
            }
            self.guessed_right_inside(guess).await
        })
    }

    /// Asks for an email with a link to set a new password. What happens here is the same for every address; whether
    /// there is an account, the worker finds out.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub fn request_password_reset(&self, email: Email) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let id = self.ids.make()?;
            self.queue_mail(&MailMessage::PasswordReset { id, email }).await
        })
    }

    /// Sets a new password by the link of an email, which works once, and ends all credentials that were made before:
    /// someone else may have made them. The address counts as verified from here on. Returns the API keys of shared
    /// organizations that go on; `revoke_org_keys` ends them too.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the link is unknown, used or too old, or was made for another address.
    pub fn reset_password<'a>(
        &'a self,
        token: &'a Secret,
        new: &'a NewPassword,
        revoke_org_keys: bool,
        origin: &'a Origin,
    ) -> BoxFuture<'a, Result<Vec<ApiKey>>> {
        Box::pin(async move {
            let digest = digest_of_link(token)?;
            self.account_of_reset(&digest).await?;
            let hash = self.hasher.hash(new).await?;
            for _ in 0..MAX_ATTEMPTS {
                let account = self.account_of_reset(&digest).await?;
                let user = &account.user;
                let keep = keys_to_keep(user, revoke_org_keys);
                let event = AuditEvent::to_user("user.password_reset", &user.id).after(org_keys(keep));
                let entry = self.entry(&user_actor(user, origin), &user.personal_org, event)?;
                let by = RevokedBy::PasswordReset {
                    hash: &hash,
                    version: account.password_version,
                    link: &digest,
                };
                if self.revoke_credentials(user, by, keep, &entry).await? == Revoked::Done {
                    self.remember_network(user, origin).await;
                    return self.kept_keys(&user.id).await;
                }
            }
            Err(Error::unavailable("an account is changed by too many at once"))
        })
    }

    /// The account whose password a link sets, as long as both are as the email found them.
    async fn account_of_reset(&self, digest: &str) -> Result<SignIn> {
        let accounts = self.store.accounts();
        let link = accounts.password_reset(digest, self.clock.now()).await?;
        let link = link.ok_or_else(void_link)?;
        let account = accounts.by_id(&link.user).await?.ok_or_else(void_link)?;
        // Another password does not make it void: who knows that one would keep the owner of the address out.
        let user = &account.user;
        let is_good = user.is_active()
            && user.credentials.accept_link(link.epoch)
            && link.email.is_some_and(|email| email.is_same(&user.email));
        if is_good { Ok(account) } else { Err(void_link()) }
    }

    /// Whoever reads the owner's email is not a stranger: they can sign in while strangers guess.
    async fn remember_network(&self, user: &User, origin: &Origin) {
        let Some(network) = &origin.network else { return };
        let account = user.email.fingerprint();
        let known = self.store.logins().know(&account, network, self.clock.now()).await;
        if let Err(error) = known {
            tracing::warn!(user_id = %user.id, error = %error, "auth.network_not_noted");
        }
    }

    /// A link by which the password of `account` can be set; answers its token.
    pub(crate) async fn new_password_link(&self, account: &SignIn) -> Result<Secret> {
        let (token, digest) = new_token()?;
        let link = PasswordReset {
            user: account.user.id.clone(),
            email: Some(account.user.email.clone()),
            epoch: account.user.credentials.current,
            expires_at: after(self.clock.now(), Duration::from_mins(RESET_MINUTES)),
        };
        self.store.accounts().put_password_reset(&digest, &link).await?;
        Ok(token)
    }

    /// Asks for an email with a link that verifies the caller's address, or the one that their account is to have. There is
    /// none when it is verified.
    ///
    /// # Errors
    /// [`Error::TooMany`], and when the queue does not take it.
    pub fn request_verification<'a>(&'a self, user: &'a User) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let (id, pending) = (self.ids.make()?, user.pending_email(self.clock.now()));
            self.count_verification(user).await?;
            let message = match (user.id.clone(), pending.cloned()) {
                (user, Some(email)) => MailMessage::VerifyNewEmail { id, user, email },
                (user, None) => MailMessage::VerifyEmail { id, user },
            };
            self.queue_mail(&message).await
        })
    }

    /// Notes that the address of an account is its own, by the link of an email, or gives the account the address that it
    /// was to have. The link works once. `signed_in`: who opened it. With someone else than the owner of the account,
    /// or no one, only the email was answered: a stranger may have signed up with the address.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the link is unknown, used or too old, or the account has another address by now.
    /// [`Error::Unauthorized`] `sign_in_required` for a new address of an account that no one is signed in to;
    /// [`Error::Conflict`] `email_taken`.
    pub fn verify_email<'a>(
        &'a self,
        token: &'a Secret,
        signed_in: Option<&'a Identity>,
        origin: &'a Origin,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let digest = digest_of_link(token)?;
            let (accounts, now) = (self.store.accounts(), self.clock.now());
            let link = accounts.verification(&digest, now).await?.ok_or_else(void_link)?;
            let user = accounts.get(&link.user).await?.ok_or_else(void_link)?;
            // An API key is in more hands than those of a person.
            let is_person = |it: &&Identity| !matches!(it.credential, Credential::Key(_));
            let is_owner = signed_in.filter(is_person).is_some_and(|it| it.user.id == user.id);
            if !user.credentials.accept_link(link.epoch) {
                return Err(void_link());
            }
            let is_pending = user.pending_email(now).is_some_and(|email| email.is_same(&link.email));
            let is_done = if link.email.is_same(&user.email) {
                let epochs = if is_owner {
                    user.credentials.of_known_owner()
                } else {
                    user.credentials
                };
                let entry = self.account_entry(&user, &user_actor(&user, origin), "user.email_verified")?;
                accounts.verify_email(&digest, &user, &epochs, &entry).await?
            } else if !is_pending {
                false
            } else if is_owner {
                self.give_pending_address(&user, digest, origin).await?
            } else {
                return Err(SIGN_IN_REQUIRED);
            };
            if is_done { Ok(()) } else { Err(void_link()) }
        })
    }

    /// Gives an account the address that it was to have. `link`: digest of the link that showed it.
    async fn give_pending_address(&self, user: &User, link: String, origin: &Origin) -> Result<bool> {
        let Some(email) = user.pending_email(self.clock.now()).cloned() else {
            return Ok(false);
        };
        let held_until = after(self.clock.now(), RESTORABLE);
        let address = AddressChange::Verified {
            email: email.clone(),
            link,
            held_until,
        };
        let change = AccountChange {
            address,
            mails: vec![self.address_changed(user, Some(held_until))?],
            ..AccountChange::default()
        };
        let event = AuditEvent::to_user("user.changed", &user.id).after(json!({"changed": ["email"]}));
        let entry = self.entry(&user_actor(user, origin), &user.personal_org, event)?;
        let accounts = self.store.accounts();
        match accounts.change(None, user, &change, &entry).await? {
            UserWrite::Done => {
                self.queue_promised(&change.mails).await;
                Ok(true)
            }
            // The account has it by another use of the link.
            UserWrite::EmailTaken if !accounts.has_other_owner(&email, &user.id, self.clock.now()).await? => Ok(false),
            UserWrite::EmailTaken => Err(email_taken()),
            UserWrite::Changed => Ok(false),
        }
    }

    /// A link that verifies `email` for `user`, which is its address or to be it; answers its token.
    pub(crate) async fn new_verification(&self, user: &User, email: &Email) -> Result<Secret> {
        let (token, digest) = new_token()?;
        let link = Verification {
            user: user.id.clone(),
            email: email.clone(),
            epoch: user.credentials.current,
            expires_at: after(self.clock.now(), Duration::from_hours(VERIFY_HOURS)),
        };
        self.store.accounts().put_verification(&digest, &link).await?;
        Ok(token)
    }

    /// A link that gives an account the address back that it had before a change; answers its token.
    pub(crate) async fn new_address_restore(&self, link: &AddressRestore) -> Result<Secret> {
        let (token, digest) = new_token()?;
        self.store.accounts().put_address_restore(&digest, link).await?;
        Ok(token)
    }

    /// The sessions in which `user` is signed in, newest first.
    pub fn sessions<'a>(&'a self, user: &'a User, page: &'a PageRequest) -> BoxFuture<'a, Result<Page<Session>>> {
        Box::pin(async move {
            let mut found = self.store.sessions().list(user, page).await?;
            let now = self.clock.now();
            found.items.retain(|session| session.is_live(user, now));
            Ok(found)
        })
    }

    /// Ends one session of `user`.
    ///
    /// # Errors
    /// [`Error::NotFound`] when they have none with this ID.
    pub fn end_session<'a>(&'a self, user: &'a User, session: &'a SessionId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if self.store.sessions().revoke(&user.id, session).await? {
                Ok(())
            } else {
                Err(Error::NotFound("session"))
            }
        })
    }
}
