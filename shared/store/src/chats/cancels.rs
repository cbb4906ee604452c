//! Requests to stop an answer, which reach whichever process writes it.

use std::time::Duration;

use domain::{MessageId, Result, Timestamp, time::after};

use crate::{
    Store, keys,
    table::item::{conditional, n},
    tables,
};

/// How long a request is stored: longer than any answer takes.
const RETENTION: Duration = Duration::from_hours(1);

/// Requests to stop an answer.
#[derive(Debug, Clone)]
pub struct Cancels(Store);

impl Store {
    /// Returns access to requests to stop an answer.
    pub fn cancels(&self) -> Cancels {
        Cancels(self.clone())
    }
}

impl Cancels {
    /// Requests that the answer be stopped.
    pub async fn ask(&self, answer: &MessageId, now: Timestamp) -> Result<()> {
        let update = self
            .0
            .ephemeral()
            .update(&keys::cancel(answer))
            .update_expression("SET #ttl = :ttl")
            .expression_attribute_names("#ttl", tables::TTL)
            .expression_attribute_values(":ttl", n(after(now, RETENTION).as_second()));
        conditional(update).await.map(|_| ())
    }

    /// Returns whether the answer is to be stopped. An answer's ID is unique, so a request never becomes outdated; it
    /// is read repeatedly, so one that is missed is found the next time.
    pub async fn is_asked(&self, answer: &MessageId) -> Result<bool> {
        let found = self.0.ephemeral().get_raw(keys::cancel(answer), false).await?;
        Ok(found.is_some())
    }
}
