//! Keeps promises whose request crashed.

use std::time::Duration;

use domain::{Result, documents::outbox::OutboxStep};
use futures::future::BoxFuture;

use crate::{App, platform::batch_outcome::BatchOutcome};

impl App {
    /// Finishes or cleans up what was promised longer than `older_than` ago; answers how many promises that were.
    /// `older_than` must be longer than a request can take, unless no request can be running.
    ///
    /// # Errors
    /// When a service does not answer; what was not done is found again by the next run, and keeps nothing else from
    /// being done.
    pub fn relay_outbox(&self, older_than: Duration) -> BoxFuture<'_, Result<usize>> {
        Box::pin(async move {
            let age = i64::try_from(older_than.as_millis()).unwrap_or(i64::MAX);
            let before = self.clock.now_ms().saturating_sub(age);
            let due = self.store.outbox().due(before).await?;
            let mut kept = BatchOutcome::default();
            for promise in &due {
                tracing::info!(document_id = %promise.document, step = ?promise.step, "outbox.relay");
                let done = match promise.step {
                    OutboxStep::SendIndexMessage => self.send_index_message(promise).await,
                    OutboxStep::AbandonUpload | OutboxStep::RemoveUpload => self.abandon_upload(promise).await,
                };
                kept.count(
                    done.map(|()| 1),
                    |error| tracing::warn!(document_id = %promise.document, %error, "outbox.not_relayed"),
                );
            }
            // All have told of their own failures.
            kept.count(self.relay_mails(before).await, |_| {});
            kept.count(self.purge_promised().await, |_| {});
            kept.count(self.sweep_uploads().await, |_| {});
            kept.end()
        })
    }
}
