//! Emails that were sent, and outbox entries of emails.

use std::time::Duration;

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{MailId, MailMessage, Result, Timestamp, UserId, time::after};
use serde::{Deserialize, Serialize};

use crate::{
    Store, keys,
    table::item::{conditional, conditional_once, from_item, n, to_item},
    tables,
};

/// How long sending one email may take before another delivery of its message may try.
const LEASE: Duration = Duration::from_mins(2);
/// How long a sent email is remembered: as long as a queue retains a message.
const RETENTION: Duration = Duration::from_hours(14 * 24);

/// Emails by ID.
#[derive(Debug, Clone)]
pub struct Mails(Store);

/// What a delivery of an email's message may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// Send it.
    Mine,
    /// Wait this long: another delivery is sending it, or died while sending.
    Held(Duration),
    /// Nothing: it was already sent.
    Sent,
}

/// An outbox entry of an email, written in the transaction that the email is about.
#[derive(Debug, Serialize, Deserialize)]
pub struct PromisedMail {
    /// The account that it is about.
    pub user: UserId,
    /// The email.
    pub mail: MailMessage,
    created_ms: i64,
}

impl Store {
    /// Returns the outbox entry of an email about an account, as a part of the transaction that the email is about.
    pub(crate) fn part_email_entry(
        &self,
        user: &UserId,
        mail: &MailMessage,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        let promise = PromisedMail {
            user: user.clone(),
            mail: mail.clone(),
            created_ms: now.as_millisecond(),
        };
        let mut item = to_item(&keys::promised_mail(user, mail.id()), &promise)?;
        item.insert(tables::TTL.to_owned(), n(after(now, RETENTION).as_second()));
        self.app().part_put(item)
    }

    /// Returns access to emails by ID.
    pub fn mails(&self) -> Mails {
        Mails(self.clone())
    }
}

impl Mails {
    /// Claims an email for sending.
    pub async fn claim(&self, mail: &MailId, now: Timestamp) -> Result<Claimed> {
        let now_ms = now.as_millisecond();
        let update = self
            .0
            .ephemeral()
            .update(&keys::mail(mail))
            .update_expression("SET lease_ms = :lease, #ttl = :ttl")
            .condition_expression(
                "attribute_not_exists(sent_ms) AND (attribute_not_exists(lease_ms) OR lease_ms <= :now)",
            )
            .expression_attribute_names("#ttl", tables::TTL)
            .expression_attribute_values(":now", n(now_ms))
            .expression_attribute_values(":lease", n(after(now, LEASE).as_millisecond()))
            .expression_attribute_values(":ttl", n(after(now, RETENTION).as_second()));
        // No other delivery can take the claim before its lease ends.
        let Err(there) = conditional_once(update).await? else {
            return Ok(Claimed::Mine);
        };
        let Some(item) = there else {
            return Ok(Claimed::Held(LEASE));
        };
        if item.contains_key("sent_ms") {
            return Ok(Claimed::Sent);
        }
        let until: Option<i64> = item.get("lease_ms").and_then(|lease| lease.as_n().ok()?.parse().ok());
        let left = u64::try_from(until.unwrap_or(now_ms) - now_ms).unwrap_or_default();
        Ok(Claimed::Held(Duration::from_millis(left)))
    }

    /// Records that an email was sent.
    pub async fn sent(&self, mail: &MailId, now: Timestamp) -> Result<()> {
        let update = self
            .0
            .ephemeral()
            .update(&keys::mail(mail))
            .update_expression("SET sent_ms = :now REMOVE lease_ms")
            .expression_attribute_values(":now", n(now.as_millisecond()));
        conditional(update).await.map(|_| ())
    }

    /// Returns outbox entries of emails created before `before_ms` (milliseconds since the Unix epoch), a bounded
    /// number.
    pub async fn promised(&self, before_ms: i64) -> Result<Vec<PromisedMail>> {
        let promises = self.0.app().created_before(keys::PROMISED_MAILS, before_ms).await?;
        promises.into_iter().map(from_item).collect()
    }

    /// Returns whether an email was sent.
    pub async fn was_sent(&self, mail: &MailId) -> Result<bool> {
        let found = self.0.ephemeral().get_raw(keys::mail(mail), true).await?;
        Ok(found.is_some_and(|item| item.contains_key("sent_ms")))
    }

    /// Removes the outbox entry of an email that was sent.
    pub async fn remove_promise(&self, promise: &PromisedMail) -> Result<()> {
        let key = keys::promised_mail(&promise.user, promise.mail.id());
        self.0.app().delete(&key).await
    }

    /// Releases an email that could not be sent, for the next delivery.
    pub async fn release(&self, mail: &MailId) -> Result<()> {
        let update = self
            .0
            .ephemeral()
            .update(&keys::mail(mail))
            .update_expression("REMOVE lease_ms")
            .condition_expression("attribute_not_exists(sent_ms)");
        conditional(update).await.map(|_| ())
    }
}
