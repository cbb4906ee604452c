//! Email: requested by use cases, composed and sent by the worker `send_mail`.
//!
//! A queue delivers at least once, so an email has an ID, and its sending is recorded: claim, send, record. A crash
//! between the last two steps sends an email twice, but never loses one.

mod billing_templates;
mod branding;
pub(crate) mod email_templates;
pub(crate) mod ses;

use domain::{Email, Error, Mail, MailMessage, OrgId, Result, User, UserId, UserStatus, rate_limit::MAILS};
use futures::future::BoxFuture;
use store::{
    AddressRestore, Claimed,
    keys::{self, Key},
};

use crate::{App, platform::batch_outcome::BatchOutcome};

/// A transport for email.
pub trait Mailer: Send + Sync {
    /// Submits an email for delivery.
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<()>>;

    /// Removes stored emails to these addresses of an erased user, and those that contain their words
    /// ([`Mail::about`]). A transport that only submits email stores none.
    fn forget<'a>(&'a self, _person: &'a UserId, _addresses: &'a [Email]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

impl App {
    /// Requests an email.
    ///
    /// # Errors
    /// Returns an error if the queue does not accept it.
    pub fn queue_mail<'a>(&'a self, message: &'a MailMessage) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.queues.send(message).await })
    }

    /// Requests an email that is not essential to the request, because the user can obtain it another way.
    pub(crate) async fn try_to_mail(&self, message: MailMessage) {
        if let Err(error) = self.queue_mail(&message).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "mail.not_queued");
        }
    }

    /// Queues emails whose outbox entries were written in a transaction. If the queue fails, the relay sends them
    /// later.
    pub(crate) async fn queue_promised(&self, mails: &[MailMessage]) {
        for mail in mails {
            self.try_to_mail(mail.clone()).await;
        }
    }

    /// Queues emails whose outbox entries were written before `before_ms` (milliseconds since the Unix epoch) and that
    /// are not sent; returns the number of entries that are completed, now or earlier.
    pub(crate) async fn relay_mails(&self, before_ms: i64) -> Result<usize> {
        let mails = self.store.mails();
        let mut kept = BatchOutcome::default();
        for promise in mails.promised(before_ms).await? {
            let id = promise.mail.id();
            let done = async {
                if mails.was_sent(id).await? {
                    mails.remove_promise(&promise).await?;
                    Ok(1)
                } else {
                    self.queue_mail(&promise.mail).await.map(|()| 0)
                }
            };
            kept.count(
                done.await,
                |error| tracing::warn!(mail_id = %id, %error, "mail.not_relayed"),
            );
        }
        kept.end()
    }

    /// Processes a message of the queue.
    ///
    /// # Errors
    /// Returns an error if the queue must deliver the message again.
    pub fn send_mail<'a>(&'a self, message: &'a MailMessage) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let id = message.id();
            let mails = self.store.mails();
            match mails.claim(id, self.clock.now()).await? {
                Claimed::Mine => {}
                Claimed::Sent => return Ok(()),
                Claimed::Held(retry_after) => {
                    return Err(Error::InProgress {
                        detail: "another worker is sending this email",
                        retry_after,
                    });
                }
            }
            if let Err(error) = self.write_and_send(message).await {
                // Best effort: the claim expires before the message is delivered again.
                if let Err(left) = mails.release(id).await {
                    tracing::warn!(mail_id = %id, error = %left, "mail.claim_left");
                }
                return Err(error);
            }
            if let Err(error) = mails.sent(id, self.clock.now()).await {
                // The email is sent. An error now would send it again.
                tracing::warn!(mail_id = %id, error = %error, "mail.not_noted");
            }
            Ok(())
        })
    }

    async fn write_and_send(&self, message: &MailMessage) -> Result<()> {
        let Some(mail) = self.compose(message).await?.filter(|mail| mail.to.is_deliverable()) else {
            return Ok(());
        };
        let mail = self.branded(mail).await?;
        let sent = self.mailer.send(&mail).await;
        if let (Err(_), Some(bucket)) = (&sent, bucket(message, &mail.to)) {
            // A failed email does not count, or an outage would use up the address's rate limit.
            self.store.rate_limits().give_back(&bucket, MAILS).await?;
        }
        sent
    }

    /// Composes the email that a message requests; `None` if there is no recipient.
    async fn compose(&self, message: &MailMessage) -> Result<Option<Mail>> {
        let url = &self.config.public_url;
        match message {
            MailMessage::Mail(mail) => Ok(Some(mail.clone())),
            MailMessage::AccessReset(mail) => {
                let may = self.may_mail(message, &mail.to).await?;
                Ok(may.then(|| mail.clone()))
            }
            MailMessage::PasswordReset { id, email } => {
                let account = self.store.accounts().by_email(&email.fingerprint()).await?;
                let account = account.filter(|account| account.user.is_active());
                let Some(account) = account else { return Ok(None) };
                if !self.may_mail(message, email).await? {
                    return Ok(None);
                }
                let token = self.new_password_link(&account).await?;
                Ok(Some(email_templates::password_reset(id, &account.user, url, &token)))
            }
            MailMessage::VerifyEmail { id, user } => {
                let account = self.store.accounts().by_id(user).await?;
                let account = account.filter(|account| account.user.is_active() && !account.user.email_verified);
                let Some(account) = account else { return Ok(None) };
                if !self.may_mail(message, &account.user.email).await? {
                    return Ok(None);
                }
                let token = self.new_verification(&account.user, &account.user.email).await?;
                Ok(Some(email_templates::verify_email(id, &account.user, url, &token)))
            }
            MailMessage::VerifyNewEmail { .. } | MailMessage::EmailChangeRequested { .. } => {
                self.compose_pending_address(message).await
            }
            MailMessage::AddressChanged { .. } => self.compose_former_address(message).await,
            MailMessage::TokenAlert {
                id,
                user,
                org,
                org_id,
                percent,
                used,
                limit,
                resets_at,
            } => {
                let Some(user) = self.wants_mail(user).await? else {
                    return Ok(None);
                };
                let counters = (*percent, *used, *limit);
                let mail = email_templates::token_alert(id, &user, org.as_deref(), counters, *resets_at);
                Ok(Some(of_org(mail, org_id.as_ref())))
            }
            MailMessage::TokensBack { id, user, org, org_id } => {
                let Some(user) = self.wants_mail(user).await? else {
                    return Ok(None);
                };
                let mail = email_templates::tokens_back(id, &user, org.as_deref());
                Ok(Some(of_org(mail, org_id.as_ref())))
            }
            MailMessage::Billing {
                id,
                user,
                org,
                org_id,
                notice,
            } => {
                let account = self.store.accounts().get(user).await?.filter(User::is_active);
                let Some(user) = account else { return Ok(None) };
                let mail = billing_templates::billing(id, &user, org.as_deref(), notice, url);
                Ok(Some(of_org(mail, org_id.as_ref())))
            }
            MailMessage::WebhookDisabled {
                id,
                user,
                org,
                org_id,
                webhook_id,
                reason,
            } => {
                let account = self.store.accounts().get(user).await?.filter(User::is_active);
                let Some(user) = account else { return Ok(None) };
                let mail = email_templates::webhook_disabled(id, &user, org.as_deref(), webhook_id, *reason);
                Ok(Some(of_org(mail, Some(org_id))))
            }
            MailMessage::EmailTaken { id, email } => {
                let account = self.store.accounts().by_email(&email.fingerprint()).await?;
                let account = account.filter(|account| account.user.is_active());
                let Some(account) = account else { return Ok(None) };
                if !self.may_mail(message, email).await? {
                    return Ok(None);
                }
                Ok(Some(email_templates::email_taken(id, &account.user, url)))
            }
        }
    }

    /// Composes the emails about a change of address, to the new and to the current address.
    async fn compose_pending_address(&self, message: &MailMessage) -> Result<Option<Mail>> {
        let (id, user, new) = match message {
            MailMessage::VerifyNewEmail { id, user, email } => (id, user, Some(email)),
            MailMessage::EmailChangeRequested { id, user } => (id, user, None),
            _ => return Ok(None),
        };
        let account = self.store.accounts().get(user).await?.filter(User::is_active);
        let Some(user) = account else { return Ok(None) };
        let Some(pending) = user.pending_email(self.clock.now()) else {
            return Ok(None);
        };
        // An address replaced by a newer request gets no further email.
        if new.is_some_and(|new| new != pending) || !self.may_mail(message, new.unwrap_or(&user.email)).await? {
            return Ok(None);
        }
        if new.is_none() {
            return Ok(Some(email_templates::email_change_requested(id, &user)));
        }
        let token = self.new_verification(&user, pending).await?;
        let url = &self.config.public_url;
        Ok(Some(email_templates::verify_new_email(id, &user, pending, url, &token)))
    }

    /// Composes the email to an account's previous address.
    async fn compose_former_address(&self, message: &MailMessage) -> Result<Option<Mail>> {
        let url = &self.config.public_url;
        let MailMessage::AddressChanged {
            id,
            user,
            email,
            epoch,
            restorable_until,
        } = message
        else {
            return Ok(None);
        };
        let Some(until) = restorable_until else {
            let may = self.may_mail(message, email).await?;
            return Ok(may.then(|| email_templates::address_changed(id, email, url, None)));
        };
        let link = AddressRestore {
            user: user.clone(),
            email: email.clone(),
            epoch: *epoch,
            expires_at: *until,
        };
        // If the account was deleted in the meantime, there is nothing to undo.
        let account = self.store.accounts().get(user).await?;
        if account.is_none_or(|user| user.status == UserStatus::Deleted) {
            return Ok(None);
        }
        let token = self.new_address_restore(&link).await?;
        Ok(Some(email_templates::address_changed(id, email, url, Some(&token))))
    }

    /// Returns the user if the account is active and wants notifications by email.
    async fn wants_mail(&self, user: &UserId) -> Result<Option<User>> {
        let account = self.store.accounts().by_id(user).await?;
        let Some(account) = account.filter(|account| account.user.is_active()) else {
            return Ok(None);
        };
        let settings = self.store.settings(user, self.clock.now()).await?;
        Ok(settings.notifications.email.then_some(account.user))
    }

    /// Returns whether an address may receive another email that was triggered by typing it.
    async fn may_mail(&self, message: &MailMessage, to: &Email) -> Result<bool> {
        let Some(bucket) = bucket(message, to) else {
            return Ok(true);
        };
        let taken = self.store.rate_limits().check(&bucket, MAILS, self.clock.now()).await?;
        Ok(taken.is_ok())
    }
}

/// Returns an email that an organization writes.
fn of_org(mail: Mail, org: Option<&OrgId>) -> Mail {
    Mail {
        org_id: org.cloned(),
        ..mail
    }
}

/// Returns the rate limit that applies to an email; the product's own notifications have none. Each kind has its own,
/// so that requesting one kind cannot block the password reset of the address's owner.
fn bucket(message: &MailMessage, to: &Email) -> Option<Key> {
    let kind = match message {
        // The undo link is sent once each time an address was verified.
        MailMessage::AddressChanged {
            restorable_until: Some(_),
            ..
        }
        | MailMessage::Mail(_)
        | MailMessage::TokenAlert { .. }
        | MailMessage::TokensBack { .. }
        | MailMessage::Billing { .. }
        | MailMessage::WebhookDisabled { .. } => return None,
        MailMessage::PasswordReset { .. } => "RESET",
        MailMessage::VerifyEmail { .. } => "VERIFY",
        MailMessage::VerifyNewEmail { .. } => "VERIFY_NEW",
        MailMessage::EmailChangeRequested { .. } => "CHANGE_REQUESTED",
        MailMessage::EmailTaken { .. } => "TAKEN",
        MailMessage::AccessReset(_) => "ACCESS",
        MailMessage::AddressChanged { .. } => "CHANGED",
    };
    Some(keys::mails_to(&to.fingerprint(), kind))
}
