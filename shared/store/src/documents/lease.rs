//! The lease under which a worker indexes a document, and the counters of its attempts.
//!
//! An attempt is counted only where it reveals something about the document: from the start of reading its file until
//! the worker reports the result. Deliveries that found the document leased, or whose worker died before or after
//! reading, are not counted.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{
    Document, DocumentId, DocumentStatus, DocumentVersion, IndexFailure, Result, Timestamp, WebhookEvent,
    documents::document::Checkpoint,
};

use super::{
    Documents,
    embedding::{EMBEDDED_BATCHES, EMBEDDING},
};
use crate::{
    keys,
    table::item::{Item, Transaction, conditional, conditional_once, from_item, n, part, s, transact, value},
};

/// Attribute: readings that began and whose worker never reported a result.
pub(super) const INTERRUPTED: &str = "interrupted_readings";
/// Attribute: the progress of the pages that earlier runs have read, while there is a checkpoint.
pub(super) const CHECKPOINT_PERCENT: &str = "checkpoint_percent";
/// Attribute: readings in which the reader process died.
pub(super) const READER_DEATHS: &str = "reader_deaths";

/// The outcome of requesting a lease.
#[derive(Debug)]
pub enum Lease {
    /// The worker holds the document until the lease ends; earlier attempts ended like this.
    Taken(Box<Document>, Attempts),
    /// Nothing is left to do.
    Finished,
    /// The document was deleted, or its upload was never acknowledged.
    Gone,
    /// Another worker holds it, until this time at most.
    Held(Timestamp),
}

/// Counters of the attempts at an unfinished generation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempts {
    /// Readings during which the worker died.
    pub interrupted: u32,
    /// Readings during which the process that read the file died and the worker survived.
    pub reader_deaths: u32,
}

/// The result of indexing one generation.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The document can be searched.
    Ready {
        /// Object key of the segment.
        segment: String,
        /// Object key of the segment that it replaces.
        replaced: Option<String>,
        /// Number of pages, for formats that have them.
        pages: Option<u32>,
        /// Number of searchable passages.
        chunks: u32,
        /// Number of pages whose text a model transcribed.
        transcribed_pages: u32,
        /// Version of the reader that made the segment.
        reader_version: u32,
        /// The document with the same bytes that it was taken over from.
        duplicate_of: Option<DocumentId>,
        /// The version whose file it is, if that is to replace the one in use.
        version: Option<Box<DocumentVersion>>,
    },
    /// The document can never be read.
    Failed(IndexFailure),
    /// The version that was to replace the one in use can never be read: the latter stays in use.
    VersionFailed {
        /// Number of the version.
        version: u32,
        /// Why.
        failure: IndexFailure,
    },
    /// The failure is on our side: a redelivery may still succeed.
    Abandoned(IndexFailure),
}

impl Outcome {
    fn status(&self) -> Result<AttributeValue> {
        value(&match self {
            Self::Ready { .. } | Self::VersionFailed { .. } => DocumentStatus::Ready,
            Self::Failed(_) | Self::Abandoned(_) => DocumentStatus::Failed,
        })
    }
}

impl Documents {
    /// Leases a document for indexing until `until`. `last`: no worker follows this one, so the document counts as
    /// failed for this reason until the work succeeds; otherwise it would wait forever if the worker died.
    pub async fn lease(
        &self,
        id: &DocumentId,
        holder: &str,
        (now, until): (Timestamp, Timestamp),
        last: Option<&IndexFailure>,
    ) -> Result<Lease> {
        let set = format!(
            "SET lease_holder = :me, lease_ms = :until, #status = :status, updated_at = :now, \
             progress = if_not_exists({CHECKPOINT_PERCENT}, :zero)"
        );
        let update = self
            .store
            .app()
            .update(&keys::document(&self.org, id))
            // The worker's own lease exists if its write arrived and only the response was lost.
            .condition_expression(
                "attribute_exists(pk) AND done < want \
                 AND (attribute_not_exists(lease_ms) OR lease_ms <= :now_ms OR lease_holder = :me)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":me", s(holder))
            .expression_attribute_values(":now", s(now.to_string()))
            .expression_attribute_values(":now_ms", n(now.as_millisecond()))
            .expression_attribute_values(":until", n(until.as_millisecond()))
            .expression_attribute_values(":zero", n(0))
            .return_values(ReturnValue::AllNew);
        let update = match last {
            None => update
                .update_expression(set)
                .expression_attribute_values(":status", value(&DocumentStatus::Processing)?),
            Some(failure) => update
                .update_expression(format!("{set}, failure = :failure"))
                .expression_attribute_values(":status", value(&DocumentStatus::Failed)?)
                .expression_attribute_values(":failure", value(failure)?),
        };
        if let Some(item) = conditional(update).await? {
            let attempts = Attempts {
                interrupted: number(&item, INTERRUPTED).unwrap_or(0),
                reader_deaths: number(&item, READER_DEATHS).unwrap_or(0),
            };
            return Ok(Lease::Taken(Box::new(from_item(item)?), attempts));
        }
        let Some(item) = self.store.app().get_raw(keys::document(&self.org, id), true).await? else {
            return Ok(Lease::Gone);
        };
        let until = number(&item, "lease_ms").and_then(|until| Timestamp::from_millisecond(until).ok());
        let document: Document = from_item(item)?;
        Ok(match until {
            Some(until) if document.is_unfinished() => Lease::Held(until),
            // Its holder released it between the two reads.
            None if document.is_unfinished() => Lease::Held(now),
            _ => Lease::Finished,
        })
    }

    /// Records that reading the file begins, at this progress. Returns `false` if the lease was lost.
    pub async fn begin_reading(&self, id: &DocumentId, holder: &str, percent: u8, now: Timestamp) -> Result<bool> {
        let count = format!("{INTERRUPTED} = if_not_exists({INTERRUPTED}, :zero) + :one");
        let update = self
            .held(id, holder, now)
            .update_expression(format!("SET progress = :percent, updated_at = :now, {count}"))
            .expression_attribute_values(":percent", n(percent))
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":one", n(1));
        Ok(conditional_once(update).await?.is_ok())
    }

    /// Records the progress of reading. Returns `false` if the lease was lost.
    pub async fn record_progress(&self, id: &DocumentId, holder: &str, percent: u8, now: Timestamp) -> Result<bool> {
        let update = self
            .held(id, holder, now)
            .update_expression("SET progress = :percent, updated_at = :now")
            .expression_attribute_values(":percent", n(percent));
        Ok(conditional(update).await?.is_some())
    }

    /// Releases a document of which some pages are read, for the next delivery. Returns `false` if the lease was lost.
    pub async fn pause(
        &self,
        id: &DocumentId,
        holder: &str,
        checkpoint: &Checkpoint,
        attempts: Attempts,
        now: Timestamp,
    ) -> Result<bool> {
        let update = self
            .held(id, holder, now)
            .update_expression(format!(
                "SET checkpoint = :checkpoint, progress = :percent, {CHECKPOINT_PERCENT} = :percent, updated_at = :now, \
                 {READER_DEATHS} = :deaths \
                 REMOVE lease_holder, lease_ms, {INTERRUPTED}"
            ))
            .expression_attribute_values(":checkpoint", value(checkpoint)?)
            .expression_attribute_values(":percent", n(checkpoint.percent()))
            .expression_attribute_values(":deaths", n(attempts.reader_deaths));
        Ok(conditional(update).await?.is_some())
    }

    /// Records that the file was read, so it does not crash its reader. Returns `false` if the lease was lost.
    pub async fn end_reading(&self, id: &DocumentId, holder: &str, now: Timestamp) -> Result<bool> {
        let update = self
            .held(id, holder, now)
            .update_expression(format!(
                "SET progress = :percent, updated_at = :now REMOVE {INTERRUPTED}"
            ))
            .expression_attribute_values(":percent", n(80));
        Ok(conditional(update).await?.is_some())
    }

    /// Releases a document whose indexing is to be retried, with the counters of its attempts. Returns `false` if the
    /// lease was lost.
    pub async fn release(&self, document: &Document, holder: &str, attempts: Attempts, now: Timestamp) -> Result<bool> {
        let percent = document.checkpoint.as_ref().map_or(0, Checkpoint::percent);
        let update = self
            .held(&document.id, holder, now)
            .update_expression(format!(
                "SET #status = :status, updated_at = :now, progress = :percent, {INTERRUPTED} = :interrupted, \
                 {READER_DEATHS} = :deaths REMOVE lease_holder, lease_ms"
            ))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", value(&DocumentStatus::Pending)?)
            .expression_attribute_values(":percent", n(percent))
            .expression_attribute_values(":interrupted", n(attempts.interrupted))
            .expression_attribute_values(":deaths", n(attempts.reader_deaths));
        Ok(conditional(update).await?.is_some())
    }

    /// Finishes a generation, and promises its event to webhooks. Returns `false` if the lease was lost, or another worker finished this generation first.
    pub async fn finish(
        &self,
        id: &DocumentId,
        holder: &str,
        generation: u64,
        (outcome, event): (&Outcome, Option<&WebhookEvent>),
        now: Timestamp,
    ) -> Result<bool> {
        let update = self
            .store
            .app()
            .part_update(&keys::document(&self.org, id))
            .condition_expression("lease_holder = :me AND done < :generation AND want >= :generation")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":me", s(holder))
            .expression_attribute_values(":generation", n(generation))
            .expression_attribute_values(":status", outcome.status()?)
            .expression_attribute_values(":now", s(now.to_string()));
        let common = "#status = :status, updated_at = :now, progress = :percent";
        let remove =
            format!("lease_holder, lease_ms, checkpoint, {CHECKPOINT_PERCENT}, {INTERRUPTED}, {READER_DEATHS}");
        let update = match outcome {
            Outcome::Ready {
                segment,
                replaced,
                pages,
                chunks,
                transcribed_pages,
                reader_version,
                duplicate_of,
                version,
            } => {
                let (mut set, mut removed) = (String::new(), String::new());
                let mut update = update;
                if let Some(of) = duplicate_of {
                    set.push_str(", duplicate_of = :of");
                    update = update.expression_attribute_values(":of", s(of.as_str()));
                }
                if let Some(version) = version {
                    set.push_str(
                        ", version = :version, file_name = :file_name, kind = :kind, size_bytes = :size, \
                         sha256 = :sha256, #source = :source",
                    );
                    removed.push_str(", wanted_version");
                    if duplicate_of.is_none() {
                        removed.push_str(", duplicate_of");
                    }
                    update = update
                        .expression_attribute_names("#source", "source")
                        .expression_attribute_values(":version", n(version.number))
                        .expression_attribute_values(":file_name", s(&version.file_name))
                        .expression_attribute_values(":kind", value(&version.kind)?)
                        .expression_attribute_values(":size", n(version.size_bytes))
                        .expression_attribute_values(":sha256", s(&version.sha256))
                        .expression_attribute_values(":source", s(&version.source));
                }
                update
                    .update_expression(format!(
                        "SET {common}, done = :generation, #segment = :segment, replaced_segment = :replaced, \
                         pages = :pages, chunks = :chunks, transcribed_pages = :transcribed, \
                          reader_version = :reader{set} \
                         REMOVE {remove}, failure, failed_version, {EMBEDDING}, {EMBEDDED_BATCHES}{removed}"
                    ))
                    .expression_attribute_values(":reader", n(reader_version))
                    .expression_attribute_values(":replaced", value(replaced)?)
                    .expression_attribute_values(":percent", n(100))
                    .expression_attribute_names("#segment", "segment")
                    .expression_attribute_values(":segment", s(segment))
                    .expression_attribute_values(":pages", value(pages)?)
                    .expression_attribute_values(":chunks", n(chunks))
                    .expression_attribute_values(":transcribed", n(transcribed_pages))
            }
            Outcome::VersionFailed { version, failure } => update
                .update_expression(format!(
                    "SET {common}, done = :generation, failure = :failure, failed_version = :version \
                     REMOVE {remove}, wanted_version"
                ))
                .expression_attribute_values(":percent", n(100))
                .expression_attribute_values(":version", n(version))
                .expression_attribute_values(":failure", value(failure)?),
            Outcome::Failed(failure) | Outcome::Abandoned(failure) => {
                let done = if matches!(outcome, Outcome::Failed(_)) {
                    ", done = :generation"
                } else {
                    ""
                };
                update
                    .update_expression(format!("SET {common}, failure = :failure{done} REMOVE {remove}"))
                    .expression_attribute_values(":percent", n(0))
                    .expression_attribute_values(":failure", value(failure)?)
            }
        };
        let mut parts = vec![part(update)?, self.part_note_change(id, now)?];
        parts.extend(self.store.part_promise_event(event)?);
        Ok(transact(&self.store.db, parts).await? == Transaction::Done)
    }

    /// Begins an update of a document on the condition that `holder` has its lease.
    fn held(
        &self,
        id: &DocumentId,
        holder: &str,
        now: Timestamp,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.store
            .app()
            .update(&keys::document(&self.org, id))
            .condition_expression("lease_holder = :me")
            .expression_attribute_values(":me", s(holder))
            .expression_attribute_values(":now", s(now.to_string()))
    }
}

fn number<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name).map(AttributeValue::as_n)?.ok()?.parse().ok()
}
