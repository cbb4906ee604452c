//! Revocation of all credentials of an account: sessions, API keys, emailed links, exports, and the password if someone
//! else may know it.
//!
//! One write to the account ends them all, including those being created concurrently, because each carries the epoch
//! in which it was created ([`domain::CredentialEpochs`]). A job removes what they leave behind and notifies the owner.

use std::time::Duration;

use domain::{
    Actor, ApiKey, AuditEntry, Error, Export, KeptKeys, KeyState, MailId, MailMessage, OrgId, Purge, Result, Secret,
    Timestamp, User, UserId, UserStatus, id::made_at,
};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use store::{OptimisticRetry, Revocation, Revoked, RevokedBy};

use crate::{
    App, Origin,
    audit::audit_event::AuditEvent,
    auth::credentials::{digest_of_link, user_actor, void_link},
    mail::email_templates,
};

/// How long the previous owner of an address can undo its change.
pub(crate) const RESTORABLE: Duration = Duration::from_hours(email_templates::RESTORE_HOURS);

impl App {
    /// Ends all credentials of an account as it was read, or changes nothing. Every revocation goes through here,
    /// except for disabled or deleted accounts, whose credentials are not accepted anyway.
    pub(crate) async fn revoke_credentials(
        &self,
        user: &User,
        by: RevokedBy<'_>,
        kept: KeptKeys,
        entry: &AuditEntry,
    ) -> Result<Revoked> {
        let now = self.clock.now();
        let promise = Purge::Credentials {
            user_id: user.id.clone(),
            ended_at: now,
            mail_id: self.ids.make()?,
        };
        let revocation = Revocation {
            user,
            epochs: match by {
                RevokedBy::AddressRestored { undone, .. } => user.credentials.restored(undone),
                RevokedBy::PasswordReset { .. } | RevokedBy::ClerkPerson { .. } => {
                    user.credentials.ended_by_owner(kept)
                }
                RevokedBy::SignOut if self.may_end_links(&user.id).await? => user.credentials.ended(kept),
                RevokedBy::SignOut => user.credentials.ended_without_links(kept),
            },
            by,
            promise: &promise,
            now,
        };
        let revoked = self.store.accounts().revoke_credentials(&revocation, entry).await?;
        if revoked == Revoked::Done {
            self.queue_purge(&promise).await;
        }
        Ok(revoked)
    }

    /// Returns the API keys that survived the last end of all other credentials. No new key can join them: a key is
    /// stored in the epoch in which it was requested.
    pub(crate) async fn kept_keys(&self, user: &UserId) -> Result<Vec<ApiKey>> {
        let user = self.user(user).await?;
        let now = self.clock.now();
        let mut kept = self.keys_of(&user).await?;
        kept.retain(|key| is_kept(&user, key) && key.state(now) != KeyState::Revoked);
        Ok(kept)
    }

    /// Ends all credentials of `user` except the password, including this request's; returns the API keys of shared
    /// organizations that stay valid.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] if there are too many concurrent changes of the account.
    pub fn sign_out_everywhere<'a>(
        &'a self,
        user: &'a UserId,
        actor: &'a Actor,
        revoke_org_keys: bool,
    ) -> BoxFuture<'a, Result<Vec<ApiKey>>> {
        Box::pin(async move {
            let mut retry = OptimisticRetry::to_change("an account");
            loop {
                retry.next().await?;
                let user = self.user(user).await?;
                let keep = keys_to_keep(&user, revoke_org_keys);
                let event = AuditEvent::to_user("user.sessions_ended", &user.id).after(org_keys(keep));
                let entry = self.entry(actor, &user.personal_org, event)?;
                if self.revoke_credentials(&user, RevokedBy::SignOut, keep, &entry).await? == Revoked::Done {
                    return self.kept_keys(&user.id).await;
                }
            }
        })
    }

    /// Restores an account's previous address by the link emailed to it, and ends all credentials, because whoever
    /// changed the address knew the password. An email to set a new password is sent.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the link is unknown, used or expired, or the account already has the address.
    pub fn restore_address<'a>(&'a self, token: &'a Secret, origin: &'a Origin) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let digest = digest_of_link(token)?;
            let accounts = self.store.accounts();
            let mut retry = OptimisticRetry::to_change("an account");
            loop {
                retry.next().await?;
                let link = accounts.address_restore(&digest, self.clock.now()).await?;
                let link = link.ok_or_else(void_link)?;
                let user = accounts.get(&link.user).await?.ok_or_else(void_link)?;
                let has_it = user.email.is_same(&link.email);
                if !user.is_active() || has_it || !user.credentials.may_undo(link.epoch) {
                    return Err(void_link());
                }
                let event =
                    AuditEvent::to_user("user.email_restored", &user.id).after(json!({"password_removed": true}));
                let entry = self.entry(&user_actor(&user, origin), &user.personal_org, event)?;
                let by = RevokedBy::AddressRestored {
                    email: &link.email,
                    undone: link.epoch,
                    link: &digest,
                };
                match self.revoke_credentials(&user, by, KeptKeys::None, &entry).await? {
                    Revoked::Done => {
                        let (id, email) = (self.ids.make()?, link.email);
                        self.try_to_mail(MailMessage::PasswordReset { id, email }).await;
                        return Ok(());
                    }
                    Revoked::AddressTaken => {
                        let detail = "Another account now has this email address, so it cannot be restored.";
                        return Err(Error::conflict("email_taken", detail));
                    }
                    Revoked::AccountChanged | Revoked::PersonKnown => {}
                }
            }
        })
    }

    /// Returns the email that notifies an account's previous address of its change. `restorable_until`: until when a
    /// link in the email undoes the change, if there is one.
    pub(crate) fn address_changed(&self, before: &User, restorable_until: Option<Timestamp>) -> Result<MailMessage> {
        Ok(MailMessage::AddressChanged {
            id: self.ids.make()?,
            user: before.id.clone(),
            email: before.email.clone(),
            epoch: before.credentials.next(),
            restorable_until,
        })
    }

    /// Removes what credentials left behind that ended at `ended_at`, and notifies their owner. None of it was still
    /// accepted. Idempotent.
    pub(crate) async fn clear_credentials(&self, user: &UserId, ended_at: Timestamp, mail: &MailId) -> Result<()> {
        let found = self.store.accounts().get(user).await?;
        // The data of a deleted account is removed with it.
        let Some(user) = found.filter(|user| user.status != UserStatus::Deleted) else {
            return Ok(());
        };
        let (mut revoked, mut kept) = (Vec::new(), Vec::new());
        for key in self.keys_of(&user).await? {
            if user.accepts_key(&key) {
                kept.extend((is_kept(&user, &key) && key.revoked_at.is_none()).then_some(key));
            } else if key.revoked_at.is_none_or(|at| at == ended_at) {
                let keys = self.store.api_keys(&key.org);
                match self.revoke_key(&keys, &key.id, ended_at, &Actor::system()).await {
                    Ok(()) | Err(Error::NotFound(_)) => revoked.push(key),
                    Err(error) => return Err(error),
                }
            }
        }
        self.store.sessions().remove_ended(&user).await?;
        self.store.accounts().remove_void_links(&user).await?;
        self.remove_exports(&user, ended_at).await?;
        let mail = email_templates::access_reset(mail, &user, &revoked, &kept);
        self.queue_mail(&MailMessage::AccessReset(mail)).await
    }

    /// Removes archives and files requested before the credentials ended, because a link to one of them may have
    /// leaked.
    async fn remove_exports(&self, user: &User, ended_at: Timestamp) -> Result<()> {
        self.store.exports().remove_ended(user).await?;
        let current = self.store.exports().get(&user.id).await?.map(|export| export.id.0);
        let prefix = Export::objects_of(&user.id);
        let mut next = Some(None);
        while let Some(after) = next {
            let (keys, more) = self.objects.keys_below(&prefix, after).await?;
            for key in keys {
                let rest = key.strip_prefix(&prefix).unwrap_or_default();
                let id = rest.split(['.', '/']).next().unwrap_or_default();
                let is_older = made_at(id).is_none_or(|made| made <= ended_at);
                if is_older && current.as_deref() != Some(id) {
                    self.objects.delete(&key).await?;
                }
            }
            next = more.map(Some);
        }
        Ok(())
    }

    /// Returns all API keys that act for a user, including revoked ones.
    async fn keys_of(&self, user: &User) -> Result<Vec<ApiKey>> {
        let places = self.store.memberships_of(&user.id).await?;
        let shared = places.held.into_iter().map(|membership| membership.org);
        let mut keys = Vec::new();
        for org in shared.chain([user.personal_org.clone()]).collect::<Vec<OrgId>>() {
            keys.extend(self.store.api_keys(&org).of_user(&user.id).await?);
        }
        Ok(keys)
    }
}

/// Returns which API keys survive the end of all other credentials: none of an account whose owner is not known.
pub(crate) fn keys_to_keep(user: &User, revoke_org_keys: bool) -> KeptKeys {
    if revoke_org_keys || !user.owner_is_known() {
        KeptKeys::None
    } else {
        KeptKeys::ReliedOn
    }
}

/// Returns the same for the audit log.
pub(crate) fn org_keys(kept: KeptKeys) -> Value {
    json!({"org_keys_kept": kept == KeptKeys::ReliedOn})
}

fn is_kept(user: &User, key: &ApiKey) -> bool {
    user.accepts_key(key) && key.epoch < user.credentials.valid_from
}
