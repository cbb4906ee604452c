//! Wishes to stop an answer, which reach whichever process writes it.

use std::time::Duration;

use domain::{MessageId, Result, Timestamp, time::after};

use crate::{
    Store, keys,
    table::item::{conditional, n},
    tables,
};

/// How long a wish is kept: longer than any answer takes.
const KEEP: Duration = Duration::from_hours(1);

/// Wishes to stop an answer.
#[derive(Debug, Clone)]
pub struct Cancels(Store);

impl Store {
    /// Wishes to stop an answer.
    pub fn cancels(&self) -> Cancels {
        Cancels(self.clone())
    }
}

impl Cancels {
    /// Asks whoever writes the answer to stop.
    pub async fn ask(&self, answer: &MessageId, now: Timestamp) -> Result<()> {
        let update = self
            .0
            .ephemeral()
            .update(&keys::cancel(answer))
            .update_expression("SET #ttl = :ttl")
            .expression_attribute_names("#ttl", tables::TTL)
            .expression_attribute_values(":ttl", n(after(now, KEEP).as_second()));
        conditional(update).await.map(|_| ())
    }

    /// Whether the answer is to be stopped. An answer has its id alone, so a wish never becomes untrue; it is looked for
    /// again and again, so that one which is not seen yet is seen the next time.
    pub async fn is_asked(&self, answer: &MessageId) -> Result<bool> {
        let found = self.0.ephemeral().get_raw(keys::cancel(answer), false).await?;
        Ok(found.is_some())
    }
}
