//! Completes outbox entries whose request crashed.

use std::time::Duration;

use domain::{Result, documents::outbox::OutboxStep};
use futures::future::BoxFuture;

use crate::{App, platform::batch_outcome::BatchOutcome};

impl App {
    /// Completes or cleans up outbox entries older than `older_than`; returns their number. `older_than` must exceed
    /// the maximum duration of a request, unless no request can be running.
    ///
    /// # Errors
    /// Returns an error if a service does not respond; the next run handles the rest, and all other entries are still
    /// processed.
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
            // Each failure is already logged.
            kept.count(self.relay_mails(before).await, |_| {});
            kept.count(self.relay_imports(before).await, |_| {});
            kept.count(self.purge_promised().await, |_| {});
            kept.count(self.sweep_uploads().await, |_| {});
            kept.count(self.relay_fetches().await, |_| {});
            kept.count(self.relay_webhooks(before).await, |_| {});
            kept.end()
        })
    }
}
