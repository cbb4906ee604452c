//! Mail: asked for by requests, written and sent by the worker `send_mail`.
//!
//! A queue delivers at least once, so an email has an ID, and what was sent under it is remembered: claim, send, note.
//! A crash between the last two sends an email twice, never not at all.

pub(crate) mod email_templates;
pub(crate) mod ses;

use domain::{Email, Error, Mail, MailMessage, Result, User, UserId, UserStatus, rate_limit::MAILS};
use futures::future::BoxFuture;
use store::{
    AddressRestore, Claimed, Queue,
    keys::{self, Key},
};

use crate::{App, platform::batch_outcome::BatchOutcome};

/// A way for email to leave.
pub trait Mailer: Send + Sync {
    /// Hands an email over for delivery.
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<()>>;

    /// Removes what is kept of emails to these addresses of a person who is erased, and of those with their words in them
    /// ([`Mail::about`]). What only hands email over keeps none.
    fn forget<'a>(&'a self, _person: &'a UserId, _addresses: &'a [Email]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

impl App {
    /// Asks for an email to be sent.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub fn queue_mail<'a>(&'a self, message: &'a MailMessage) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.queues.send(Queue::SendMail, message).await })
    }

    /// Asks for an email that the request does not depend on: there is another way to get it.
    pub(crate) async fn try_to_mail(&self, message: MailMessage) {
        if let Err(error) = self.queue_mail(&message).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "mail.not_queued");
        }
    }

    /// Has emails sent that were promised in a transaction. They are sent without the queue too, only later.
    pub(crate) async fn queue_promised(&self, mails: &[MailMessage]) {
        for mail in mails {
            self.try_to_mail(mail.clone()).await;
        }
    }

    /// Has emails sent that were promised before `before_ms` (milliseconds since the Unix epoch) and are not out; answers
    /// how many promises were kept, now or before.
    pub(crate) async fn relay_mails(&self, before_ms: i64) -> Result<usize> {
        let mails = self.store.mails();
        let mut kept = BatchOutcome::default();
        for promise in mails.promised(before_ms).await? {
            let id = promise.mail.id();
            let done = async {
                if mails.was_sent(id).await? {
                    mails.keep_promise(&promise).await?;
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

    /// Does what a message of the queue asks for.
    ///
    /// # Errors
    /// When the queue should deliver the message again.
    pub fn send_mail<'a>(&'a self, message: &'a MailMessage) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let id = message.id();
            let mails = self.store.mails();
            match mails.claim(id, self.clock.now()).await? {
                Claimed::Mine => {}
                Claimed::Sent => return Ok(()),
                Claimed::Held(retry_after) => {
                    return Err(Error::InProgress {
                        detail: "another worker is sending this mail",
                        retry_after,
                    });
                }
            }
            if let Err(error) = self.write_and_send(message).await {
                // Best effort: the claim ends by itself before the message comes again.
                if let Err(left) = mails.release(id).await {
                    tracing::warn!(mail_id = %id, error = %left, "mail.claim_left");
                }
                return Err(error);
            }
            if let Err(error) = mails.sent(id, self.clock.now()).await {
                // It is out. To fail now would send it again.
                tracing::warn!(mail_id = %id, error = %error, "mail.not_noted");
            }
            Ok(())
        })
    }

    async fn write_and_send(&self, message: &MailMessage) -> Result<()> {
        let Some(mail) = self.written(message).await?.filter(|mail| mail.to.is_deliverable()) else {
            return Ok(());
        };
        let sent = self.mailer.send(&mail).await;
        if let (Err(_), Some(bucket)) = (&sent, bucket(message, &mail.to)) {
            // What did not leave does not count, or an outage would use up what the address may get.
            self.store.rate_limits().give_back(&bucket, MAILS).await?;
        }
        sent
    }

    /// The email that a message asks for; none when there is no one to write to.
    async fn written(&self, message: &MailMessage) -> Result<Option<Mail>> {
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
                self.written_about_pending_address(message).await
            }
            MailMessage::AddressChanged { .. } => self.written_about_former_address(message).await,
            MailMessage::TokenAlert {
                id,
                user,
                org,
                percent,
                used,
                limit,
                resets_at,
            } => {
                let Some(user) = self.wants_mail(user).await? else {
                    return Ok(None);
                };
                let counters = (*percent, *used, *limit);
                Ok(Some(email_templates::token_alert(
                    id,
                    &user,
                    org.as_deref(),
                    counters,
                    *resets_at,
                )))
            }
            MailMessage::TokensBack { id, user, org } => {
                let Some(user) = self.wants_mail(user).await? else {
                    return Ok(None);
                };
                Ok(Some(email_templates::tokens_back(id, &user, org.as_deref())))
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

    /// The emails to the address that an account is to have, and to the one that it has.
    async fn written_about_pending_address(&self, message: &MailMessage) -> Result<Option<Mail>> {
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
        // One that was replaced by the next gets no email any more.
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

    /// The email to the address that an account had before.
    async fn written_about_former_address(&self, message: &MailMessage) -> Result<Option<Mail>> {
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
        // Of an account that was deleted meanwhile there is nothing to take back.
        let account = self.store.accounts().get(user).await?;
        if account.is_none_or(|user| user.status == UserStatus::Deleted) {
            return Ok(None);
        }
        let token = self.new_address_restore(&link).await?;
        Ok(Some(email_templates::address_changed(id, email, url, Some(&token))))
    }

    /// The user, if the account is active and wants to be told by email.
    async fn wants_mail(&self, user: &UserId) -> Result<Option<User>> {
        let account = self.store.accounts().by_id(user).await?;
        let Some(account) = account.filter(|account| account.user.is_active()) else {
            return Ok(None);
        };
        let settings = self.store.settings(user, self.clock.now()).await?;
        Ok(settings.notifications.email.then_some(account.user))
    }

    /// Whether an address may get another email that someone asked for by typing it.
    async fn may_mail(&self, message: &MailMessage, to: &Email) -> Result<bool> {
        let Some(bucket) = bucket(message, to) else {
            return Ok(true);
        };
        let taken = self.store.rate_limits().check(&bucket, MAILS, self.clock.now()).await?;
        Ok(taken.is_ok())
    }
}

/// What limits email to an address; nothing limits what the product itself wants said. Each kind has its own, so that
/// no one keeps the email from someone who forgot their password by asking for another kind.
fn bucket(message: &MailMessage, to: &Email) -> Option<Key> {
    let kind = match message {
        // A way back is given once for each time that an address was verified.
        MailMessage::AddressChanged {
            restorable_until: Some(_),
            ..
        }
        | MailMessage::Mail(_)
        | MailMessage::TokenAlert { .. }
        | MailMessage::TokensBack { .. } => return None,
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
