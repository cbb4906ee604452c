//! The event of a document that was indexed, or cannot be.

use domain::{Document, EventData, Result, WebhookEvent, webhooks::data::DocumentEvent};
use store::Outcome;

use crate::App;

impl App {
    /// Returns the event of this outcome for the current generation of a document, if a webhook wants it.
    pub(super) async fn indexing_event(
        &self,
        document: &Document,
        outcome: &Outcome,
    ) -> Result<Option<Box<WebhookEvent>>> {
        let data = match outcome {
            Outcome::Ready { version, .. } => {
                let version = version.as_ref().map_or(document.version, |version| version.number);
                EventData::DocumentReady(DocumentEvent::of(document, version, None))
            }
            Outcome::VersionFailed { version, failure } => {
                EventData::DocumentFailed(DocumentEvent::of(document, *version, Some(failure)))
            }
            Outcome::Failed(failure) | Outcome::Abandoned(failure) => {
                EventData::DocumentFailed(DocumentEvent::of(document, document.version, Some(failure)))
            }
        };
        let occurrence = format!("{} {}", document.id, document.want);
        self.event(&document.org, data, &occurrence).await
    }
}
