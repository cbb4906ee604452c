//! Pages that are fetched again: what has changed becomes a version, what is gone is reported, and answers go on.

use std::time::Duration;

use domain::{
    Actor, Document, DocumentId, DocumentStatus, DueFetch, Entitlements, Error, FetchMessage, FetchTarget,
    ImportDataSourceMessage, IndexFailure, Membership, OutboxEntry, RefreshInterval, Result, WebSource,
    documents::outbox::OutboxStep,
    documents::refresh::{PageCheck, RETRY_MS},
};
use fetch::{Conditions, FetchError, Fetched, Limits};
use futures::future::BoxFuture;
use serde_json::json;
use store::{Checked, OptimisticRetry};

use super::{
    NO_DOCUMENT,
    web_pages::{PageFile, failure, text_hash},
};
use crate::{App, Delivery, audit::audit_event::AuditEvent, platform::batch_outcome::BatchOutcome};

const NOT_YOURS: Error = Error::Forbidden {
    code: "not_yours",
    detail: "Only the uploader of this document, or an owner or admin of the organization, can change it.",
};
/// Most bytes of a page: the worker holds it in memory.
const MAX_BYTES: u64 = 25 * 1024 * 1024;
/// Time limit of a fetch.
const TOTAL: Duration = Duration::from_secs(30);
/// After this many deliveries a page that could not be fetched is given up until it is due again.
const MAX_DELIVERIES: u32 = 5;
/// The longest pause that a site can ask for. One that asks for more is tried again after this.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// The pause if a site that does not answer asks for none.
const PAUSE: Duration = Duration::from_secs(20);
/// When a document is looked at again that is being indexed.
const AFTER_INDEXING: Duration = Duration::from_mins(1);

/// What fetching a page has shown.
pub(super) enum Refetched {
    /// It has not changed since it was fetched before.
    NotModified,
    /// The page.
    Content(Box<PageFile>),
    /// There is none, for this reason.
    Failed(FetchError),
}

/// What became of a document whose page was fetched again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refreshed {
    /// Its text is the same.
    Unchanged,
    /// It gets another version.
    Updated,
    /// The site has no such page any more.
    Gone,
    /// The page could not be fetched, or stored.
    Failed,
}

impl App {
    /// Fetches what a message of the queue `fetch_pages` names.
    ///
    /// # Errors
    /// Returns an error if the queue must deliver the message again.
    pub fn fetch_pages<'a>(&'a self, message: &'a FetchMessage, delivery: &'a Delivery) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match message {
                FetchMessage::Step {
                    org_id,
                    crawl_id,
                    run,
                    step,
                } => Box::pin(self.crawl_step(org_id, crawl_id, (*run, *step), delivery)).await,
                FetchMessage::Due(due) => match &due.target {
                    FetchTarget::Document { document_id } => {
                        Box::pin(self.refresh_document(due, document_id, delivery)).await
                    }
                    FetchTarget::Crawl { crawl_id } => self.repeat_crawl(due, crawl_id).await,
                    // Another worker reads catalogs.
                    FetchTarget::DataSource { .. } => self.queue_due(due.clone()).await,
                },
            }
        })
    }

    /// Queues the fetches that are due; returns their number.
    ///
    /// # Errors
    /// Returns an error if a service does not respond; the next run handles the rest.
    pub(crate) async fn relay_fetches(&self) -> Result<usize> {
        let fetches = self.store.due_fetches();
        let now = self.clock.now();
        let mut queued = BatchOutcome::default();
        for due in fetches.due(now).await? {
            let until = now.as_millisecond() + RETRY_MS;
            let done = match fetches.claim(&due, until).await {
                // If the message is lost, it is due again in an hour.
                Ok(Some(claimed)) => self.queue_due(claimed).await.map(|()| 1),
                Ok(None) => Ok(0),
                Err(error) => Err(error),
            };
            queued.count(
                done,
                |error| tracing::warn!(org_id = %due.org_id, %error, "fetch.not_queued"),
            );
        }
        queued.end()
    }

    /// Queues a fetch for the worker that does it.
    async fn queue_due(&self, due: DueFetch) -> Result<()> {
        match due.target {
            FetchTarget::DataSource { data_source_id } => {
                let message = ImportDataSourceMessage {
                    org_id: due.org_id,
                    data_source_id,
                };
                self.queues.send(&message).await
            }
            FetchTarget::Document { .. } | FetchTarget::Crawl { .. } => self.queues.send(&FetchMessage::Due(due)).await,
        }
    }

    /// Sets how often the page of a document is fetched again; `None`: not at all.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_yours`, and [`Error::Conflict`] for a document that is no
    /// page of the web or belongs to a crawl.
    pub fn set_document_refresh<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a DocumentId,
        every: Option<RefreshInterval>,
    ) -> BoxFuture<'a, Result<Document>> {
        Box::pin(async move {
            let documents = self.store.documents(&member.org);
            let mut retry = OptimisticRetry::to_change("a document");
            loop {
                retry.next().await?;
                let document = documents.get(id).await?.ok_or(NO_DOCUMENT)?;
                if !member.may_change(&document.created_by) {
                    return Err(NOT_YOURS);
                }
                if document.refresh_every == every {
                    return Ok(document);
                }
                if document.web.is_none() {
                    let detail = "Only documents from web pages can be refreshed. Upload a new version of this one.";
                    return Err(Error::conflict("no_web_page", detail));
                }
                if document.crawl.is_some() {
                    let detail = "This page belongs to a crawl, which refreshes it. Change `refresh` of the crawl.";
                    return Err(Error::conflict("crawled_page", detail));
                }
                let event = AuditEvent::new("document.updated", "document", id.as_str())
                    .before(json!({ "refresh": document.refresh_every }))
                    .after(json!({ "refresh": every }));
                let entry = self.entry(actor, &member.org, event)?;
                let now = self.clock.now();
                if documents.set_refresh(&document, every, &entry, now).await? {
                    return documents.get(id).await?.ok_or(NO_DOCUMENT);
                }
            }
        })
    }

    /// Fetches the page of a document that is due, unless that was done or changed since.
    async fn refresh_document(&self, due: &DueFetch, id: &DocumentId, delivery: &Delivery) -> Result<()> {
        let documents = self.store.documents(&due.org_id);
        let Some(document) = documents.get(id).await? else {
            return Ok(());
        };
        let (Some(web), Some(every)) = (&document.web, document.refresh_every) else {
            return Ok(());
        };
        if document.due_ms != Some(due.due_ms) {
            return Ok(());
        }
        if document.is_unfinished() && document.status != DocumentStatus::Failed {
            return Err(Error::InProgress {
                detail: "the document is being indexed",
                retry_after: AFTER_INDEXING,
            });
        }
        let next = Some(every.next_ms(self.clock.now()));
        if web.fetched_at.is_none() {
            // It was never read, so there is nothing to compare: the worker that indexes it fetches it.
            let checked = self.check_of(&document, None);
            let is_due = documents
                .record_check(
                    &document,
                    &Checked {
                        check: &checked,
                        web: None,
                        due_ms: next,
                    },
                )
                .await?;
            return if is_due {
                self.index_again(&document).await
            } else {
                Ok(())
            };
        }
        let own = self.entitlements_of(&due.org_id).await?;
        let found = self.fetch_again(web, &own, delivery.receive_count).await?;
        self.apply_refetched(document, found, next).await.map(|_| ())
    }

    async fn index_again(&self, document: &Document) -> Result<()> {
        let now = self.clock.now();
        let promise = OutboxEntry {
            document: document.id.clone(),
            org: document.org.clone(),
            step: OutboxStep::SendIndexMessage,
            created_ms: now.as_millisecond(),
        };
        let documents = self.store.documents(&document.org);
        if documents.request_reindex(document, &promise, now).await? {
            self.queue_indexing(&promise).await;
        }
        Ok(())
    }

    /// Fetches a page that was fetched before.
    ///
    /// # Errors
    /// Returns an error if another delivery should try again.
    pub(super) async fn fetch_again(&self, web: &WebSource, own: &Entitlements, deliveries: u32) -> Result<Refetched> {
        let conditions = Conditions {
            etag: web.etag.clone(),
            last_modified: web.last_modified.clone(),
        };
        let max = own.limits.file_bytes.min(MAX_BYTES);
        let limits = Limits {
            total: TOTAL,
            first_byte: TOTAL,
            received_bytes: max,
            decompressed_bytes: max,
        };
        let found = self.fetcher.get()?.get(&web.url, &conditions, &limits).await;
        let found = match found {
            Ok(Fetched::NotModified) => return Ok(Refetched::NotModified),
            Ok(content) => self.page_file(content, web.clone(), own),
            Err(error) => Err(error),
        };
        match found {
            Ok(file) => Ok(Refetched::Content(Box::new(file))),
            Err(error) if error.is_transient() && deliveries < MAX_DELIVERIES => Err(try_again(&error)),
            Err(error) => Ok(Refetched::Failed(error)),
        }
    }

    /// Enters what was fetched into its document. `due_ms`: when that is to be fetched next.
    pub(super) async fn apply_refetched(
        &self,
        document: Document,
        found: Refetched,
        due_ms: Option<i64>,
    ) -> Result<Refreshed> {
        let (refreshed, check, web) = match found {
            Refetched::NotModified => (Refreshed::Unchanged, self.check_of(&document, None), None),
            Refetched::Failed(FetchError::NotFound) => {
                let check = self.check_of(&document, Some(failure(&FetchError::NotFound)));
                let gone_since = document.check.as_ref().and_then(|check| check.gone_since);
                let check = PageCheck {
                    gone_since: Some(gone_since.unwrap_or(check.at)),
                    ..check
                };
                (Refreshed::Gone, check, None)
            }
            Refetched::Failed(error) => {
                let check = self.check_of(&document, Some(failure(&error)));
                (Refreshed::Failed, check, None)
            }
            Refetched::Content(file) if self.has_same_text(&document, &file).await? => {
                (Refreshed::Unchanged, self.check_of(&document, None), Some(file.web))
            }
            Refetched::Content(file) => match self.add_page_version(&document, *file).await {
                Ok(_) => (Refreshed::Updated, self.check_of(&document, None), None),
                Err(Error::NotFound(_)) => return Ok(Refreshed::Failed),
                Err(error @ Error::Limit(_)) => {
                    let failure = IndexFailure {
                        code: "limit_reached".to_owned(),
                        detail: error.to_string(),
                    };
                    (Refreshed::Failed, self.check_of(&document, Some(failure)), None)
                }
                Err(error) => return Err(error),
            },
        };
        let documents = self.store.documents(&document.org);
        let checked = Checked {
            check: &check,
            web: web.as_ref(),
            due_ms,
        };
        // Otherwise its user has changed when it is due, or deleted it.
        documents.record_check(&document, &checked).await?;
        Ok(refreshed)
    }

    fn check_of(&self, document: &Document, failure: Option<IndexFailure>) -> PageCheck {
        let gone_since = document.check.as_ref().and_then(|check| check.gone_since);
        PageCheck {
            at: self.clock.now(),
            gone_since: gone_since.filter(|_| failure.is_some()),
            failure,
        }
    }

    /// Returns whether what is indexed of a page is what is indexed of a document, or will be.
    async fn has_same_text(&self, document: &Document, file: &PageFile) -> Result<bool> {
        let known = match document.web.as_ref().and_then(|web| web.text_hash.clone()) {
            Some(known) => known,
            // It was fetched by an earlier release.
            None => match self.objects.get(&document.file_key()).await? {
                Some(bytes) => text_hash(&bytes, document.kind),
                None => return Ok(false),
            },
        };
        Ok(file.web.text_hash.as_deref() == Some(known.as_str()))
    }
}

/// Returns the error after which a page is fetched again: when the site says, within reason.
pub(super) fn try_again(error: &FetchError) -> Error {
    Error::InProgress {
        detail: "the web site does not answer now",
        retry_after: error.retry_after().unwrap_or(PAUSE).min(LONGEST_PAUSE),
    }
}

/// Returns whether another delivery may try again.
pub(super) const fn may_try_again(deliveries: u32) -> bool {
    deliveries < MAX_DELIVERIES
}
