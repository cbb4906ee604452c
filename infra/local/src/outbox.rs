//! Mail that would have been sent.

use std::sync::{Arc, Mutex, PoisonError};

use model::Timestamp;
use serde::Serialize;

/// A mail.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) created_at: Timestamp,
}

/// Mails of this process, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outbox(Arc<Mutex<Vec<Mail>>>);

impl Outbox {
    /// The mails, newest first.
    pub(crate) fn newest_first(&self) -> Vec<Mail> {
        let mails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mails.iter().rev().cloned().collect()
    }
}
