//! Changing passwords, verifying addresses and managing sessions, by the account's owner.

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
    AccountChange, AddressChange, AddressRestore, OptimisticRetry, PasswordChange, PasswordReset, Revoked, RevokedBy,
    SignIn, UserWrite, Verification,
};

use crate::{
    App, Credential, Identity, Origin,
    audit::audit_event::AuditEvent,
    auth::revocation::{RESTORABLE, keys_to_keep, org_keys},
    mail::email_templates::{RESET_MINUTES, VERIFY_HOURS},
    users::email_taken,
};

/// Maximum length of a token. It is hashed, so its length is nearly all that needs checking.
const MAX_TOKEN_BYTES: usize = 128;

/// A new password, with proof that it may be set.
#[derive(Debug)]
pub struct NewCredentials {
    /// The current password.
    pub current: Secret,
    /// The new password.
    pub new: NewPassword,
}

pub(crate) fn void_link() -> Error {
    Error::invalid(
        "/token",
        "is no longer valid; request a new email and use its link once",
    )
}

const SIGN_IN_REQUIRED: Error = Error::Unauthorized {
    code: "sign_in_required",
    detail: "Sign in to the account that requested this address, then open the link again.",
};

const CHANGED: &str = "The account was changed at the same time. Try again.";

/// Returns the actor for a user who changes their own account.
pub(crate) fn user_actor(user: &User, origin: &Origin) -> Actor {
    Actor::user(user.id.as_str(), origin.request_id.as_str())
}

/// Returns a token for an email, and the digest under which it is stored.
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
    /// Returns an audit entry without values about an account.
    fn account_entry(&self, user: &User, actor: &Actor, action: &str) -> Result<AuditEntry> {
        self.entry(actor, &user.personal_org, AuditEvent::to_user(action, &user.id))
    }

    /// Changes a password on behalf of its owner, and ends all their other sessions.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the current password is wrong, [`Error::TooMany`] if it was wrong too often.
    pub fn change_password<'a>(
        &'a self,
        identity: &'a Identity,
        actor: Actor,
        change: NewCredentials,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let user = &identity.user;
            let account = user.email.fingerprint();
            let guess = self.guess_in_session(&account).await?;
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
                // All other sessions end; this one continues.
                self.remember_clerk_session(user, session, found.user.session_epoch + 1)
                    .await?;
            }
            self.guess_in_session_succeeded(guess).await
        })
    }

    /// Requests an email with a link to set a new password. The behavior is the same for every address; the worker
    /// checks whether an account exists.
    ///
    /// # Errors
    /// Returns an error if the queue does not accept it.
    pub fn request_password_reset(&self, email: Email) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let id = self.ids.make()?;
            self.queue_mail(&MailMessage::PasswordReset { id, email }).await
        })
    }

    /// Sets a new password with an emailed link, which works once, and ends all earlier credentials, because someone
    /// else may have created them. The address counts as verified from then on. Returns the API keys of shared
    /// organizations that stay valid; `revoke_org_keys` ends them too.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the link is unknown, used, expired, or was issued for a different address.
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
            let mut retry = OptimisticRetry::to_change("an account");
            loop {
                retry.next().await?;
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
        })
    }

    /// Returns the account whose password a link sets, if the account is unchanged since the email.
    async fn account_of_reset(&self, digest: &str) -> Result<SignIn> {
        let accounts = self.store.accounts();
        let link = accounts.password_reset(digest, self.clock.now()).await?;
        let link = link.ok_or_else(void_link)?;
        let account = accounts.by_id(&link.user).await?.ok_or_else(void_link)?;
        // A changed password does not void the link, or someone who knows the password could lock out the owner of the
        // address.
        let user = &account.user;
        let is_good = user.is_active()
            && user.credentials.accept_link(link.epoch)
            && link.email.is_some_and(|email| email.is_same(&user.email));
        if is_good { Ok(account) } else { Err(void_link()) }
    }

    /// Remembers the network of a user who reads the owner's email, so that strangers' guesses do not lock it out.
    async fn remember_network(&self, user: &User, origin: &Origin) {
        let Some(network) = &origin.network else { return };
        let account = user.email.fingerprint();
        let known = self.store.logins().know(&account, network, self.clock.now()).await;
        if let Err(error) = known {
            tracing::warn!(user_id = %user.id, error = %error, "auth.network_not_noted");
        }
    }

    /// Creates a link to set the password of `account` and returns its token.
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

    /// Requests an email with a link that verifies the caller's address or their unconfirmed new one. Nothing is sent
    /// if the address is already verified.
    ///
    /// # Errors
    /// Returns [`Error::TooMany`], or an error if the queue does not accept it.
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

    /// Verifies the address of an account by an emailed link, or switches the account to its unconfirmed new address.
    /// The link works once. `signed_in`: the user who opened it. If that is not the account's owner, or nobody, only
    /// the email was confirmed: a stranger may have signed up with the address.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the link is unknown, used or expired, or the account has a different address by
    /// now; [`Error::Unauthorized`] `sign_in_required` for a new address of an account that nobody is signed in to;
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
            // More people than one may hold an API key.
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
                self.apply_pending_address(&user, digest, origin).await?
            } else {
                return Err(SIGN_IN_REQUIRED);
            };
            if is_done { Ok(()) } else { Err(void_link()) }
        })
    }

    /// Switches an account to its unconfirmed new address. `link`: digest of the link that proves ownership.
    async fn apply_pending_address(&self, user: &User, link: String, origin: &Origin) -> Result<bool> {
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
            // The account received the address through a concurrent use of the link.
            UserWrite::EmailTaken if !accounts.has_other_owner(&email, &user.id, self.clock.now()).await? => Ok(false),
            UserWrite::EmailTaken => Err(email_taken()),
            UserWrite::Changed => Ok(false),
        }
    }

    /// Creates a link that verifies `email` as the current or new address of `user`, and returns its token.
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

    /// Creates a link that restores an account's previous address, and returns its token.
    pub(crate) async fn new_address_restore(&self, link: &AddressRestore) -> Result<Secret> {
        let (token, digest) = new_token()?;
        self.store.accounts().put_address_restore(&digest, link).await?;
        Ok(token)
    }

    /// Returns the sessions in which `user` is signed in, newest first.
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
    /// Returns [`Error::NotFound`] if they have no session with this ID.
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
