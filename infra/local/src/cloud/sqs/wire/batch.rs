//! Up to ten entries in one request, each with a fate of its own.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::requests::{Batch, DeleteEntry, SendEntry, VisibilityEntry};
use super::{Answer, sent};
use crate::cloud::sqs::error::{Kind, SqsError};
use crate::cloud::sqs::message::MAX_BYTES;
use crate::cloud::sqs::queue::name_in_url;
use crate::cloud::sqs::{Draft, Sqs};

/// The most entries of a batch.
const MAX_ENTRIES: usize = 10;

impl Sqs {
    pub(super) fn send_message_batch(&self, request: Batch<SendEntry>) -> Answer {
        let name = self.batch(&request, |entry| &entry.id)?;
        let mut drafts = Vec::new();
        for entry in request.entries {
            let draft = Draft::new(entry.message_body, entry.message_attributes, entry.delay_seconds)
                .and_then(|draft| draft.in_group(entry.message_group_id));
            drafts.push((entry.id, draft));
        }
        let bytes: usize = drafts
            .iter()
            .filter_map(|(_, draft)| draft.as_ref().ok())
            .map(Draft::bytes)
            .sum();
        if bytes > MAX_BYTES {
            let message =
                format!("Batch requests cannot be longer than {MAX_BYTES} bytes. You have sent {bytes} bytes.");
            return Err(SqsError::new(Kind::BatchRequestTooLong, message));
        }
        Ok(each(drafts, |draft| {
            let draft = draft?;
            Ok(sent(&self.send(&name, &draft)?, &draft))
        }))
    }

    pub(super) fn delete_message_batch(&self, request: Batch<DeleteEntry>) -> Answer {
        let name = self.batch(&request, |entry| &entry.id)?;
        let entries = request
            .entries
            .into_iter()
            .map(|entry| (entry.id, entry.receipt_handle));
        Ok(each(entries, |handle| {
            self.delete(&name, &handle)?;
            Ok(json!({}))
        }))
    }

    pub(super) fn change_visibility_batch(&self, request: Batch<VisibilityEntry>) -> Answer {
        let name = self.batch(&request, |entry| &entry.id)?;
        let entries = request
            .entries
            .into_iter()
            .map(|entry| (entry.id, (entry.receipt_handle, entry.visibility_timeout)));
        Ok(each(entries, |(handle, timeout)| {
            self.hide(&name, &handle, timeout)?;
            Ok(json!({}))
        }))
    }

    /// Checks a batch as a whole, and returns the name of its queue.
    fn batch<E>(&self, batch: &Batch<E>, id: impl Fn(&E) -> &str) -> Result<String, SqsError> {
        let name = name_in_url(&batch.queue_url)?.to_owned();
        self.steps(|steps, _| steps.queue(&name).map(drop))?;
        if batch.entries.is_empty() {
            let message = "There should be at least one entry in the request.";
            return Err(SqsError::new(Kind::EmptyBatchRequest, message));
        }
        if batch.entries.len() > MAX_ENTRIES {
            let message = format!(
                "Maximum number of entries per request are {MAX_ENTRIES}. You have sent {}.",
                batch.entries.len()
            );
            return Err(SqsError::new(Kind::TooManyEntriesInBatchRequest, message));
        }
        let mut seen = HashSet::new();
        for entry in &batch.entries {
            let id = id(entry);
            let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if id.is_empty() || id.len() > 80 || !id.chars().all(legal) {
                let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
                return Err(SqsError::new(Kind::InvalidBatchEntryId, message));
            }
            if !seen.insert(id) {
                let message = format!("Id {id} repeated.");
                return Err(SqsError::new(Kind::BatchEntryIdsNotDistinct, message));
            }
        }
        Ok(name)
    }
}

/// Does the work for each entry and reports it under the entry's id.
fn each<T>(entries: impl IntoIterator<Item = (String, T)>, mut work: impl FnMut(T) -> Answer) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, entry) in entries {
        match work(entry) {
            Ok(mut done) => {
                done["Id"] = json!(id);
                successful.push(done);
            }
            Err(error) => failed.push(error.entry(&id)),
        }
    }
    let mut answer = json!({ "Successful": successful });
    if !failed.is_empty() {
        answer["Failed"] = json!(failed);
    }
    answer
}
