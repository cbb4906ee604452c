//! Crawls of web sites: creating, changing and deleting them.

mod pages;
mod plan;
mod steps;

use std::time::Duration;

use domain::{
    Actor, Crawl, CrawlId, CrawlOptions, CrawlStatus, DueFetch, Error, FetchMessage, Membership, OrgId, Page,
    PageRequest, RefreshInterval, Result, WebSource, documents::crawl::CrawlTally, documents::tags::normalize_tags,
    time::after,
};
use fetch::FetchError;
use futures::future::BoxFuture;
use serde_json::json;
use store::OptimisticRetry;

use super::web_pages::unusable;
use crate::{App, audit::audit_event::AuditEvent};

const NO_CRAWL: Error = Error::NotFound("crawl");
const NOT_YOURS: Error = Error::Forbidden {
    code: "not_yours",
    detail: "Only the creator of this crawl, or an owner or admin of the organization, can change it.",
};
/// After this time a crawl whose first message was lost begins all the same.
const FIRST_LOOK: Duration = Duration::from_mins(15);

/// A crawl to create.
#[derive(Debug)]
pub struct NewCrawl {
    /// What it reads.
    pub options: CrawlOptions,
    /// The tags of its documents, as given.
    pub tags: Vec<String>,
    /// How often it is repeated.
    pub refresh: Option<RefreshInterval>,
}

/// A change of a crawl.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CrawlChange {
    /// Whether it is to be canceled.
    pub cancel: bool,
    /// How often it is repeated; `Some(None)`: not at all.
    pub refresh: Option<Option<RefreshInterval>>,
}

impl App {
    /// Creates a crawl and queues its first step.
    ///
    /// # Errors
    /// Returns [`Error::Unusable`] at `/url` for an address that may not be fetched, [`Error::Invalid`], and
    /// [`Error::Conflict`] `too_many_crawls` while the organization has [`Crawl::MAX_ACTIVE`] active ones.
    pub fn create_crawl<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        new: NewCrawl,
    ) -> BoxFuture<'a, Result<Crawl>> {
        Box::pin(async move {
            let tags = normalize_tags(&new.tags)?;
            let mut options = new.options.checked()?;
            let target = self.fetcher.get()?.target(&options.url);
            options.url = target.map_err(|error| unusable(&error))?.url().to_string();
            if options.url.len() > WebSource::MAX_URL {
                return Err(unusable(&FetchError::InvalidUrl));
            }
            let now = self.clock.now();
            let crawl = Crawl {
                id: self.ids.make()?,
                org: member.org.clone(),
                created_by: member.member.clone(),
                options,
                tags,
                every: new.refresh,
                status: CrawlStatus::Queued,
                stored: 0,
                tally: CrawlTally::default(),
                failure: None,
                end: None,
                run: 1,
                step: 0,
                plan_key: None,
                due_ms: Some(after(now, FIRST_LOOK).as_millisecond()),
                created_at: now,
                updated_at: now,
                finished_at: None,
            };
            let event = AuditEvent::new("crawl.created", "crawl", crawl.id.as_str()).after(json!({
                "depth": crawl.options.depth, "max_pages": crawl.options.max_pages,
                "sitemap": crawl.options.sitemap, "refresh": crawl.every,
            }));
            let entry = self.entry(actor, &member.org, event)?;
            if !self.store.crawls(&member.org).create(&crawl, &entry).await? {
                let detail = format!(
                    "This organization has {} active crawls. Wait until one has finished, or cancel one.",
                    Crawl::MAX_ACTIVE
                );
                return Err(Error::conflict("too_many_crawls", detail));
            }
            if let Err(error) = self.send_step(&crawl, Duration::ZERO).await {
                tracing::warn!(crawl_id = %crawl.id, %error, "crawl.message_left_to_relay");
            }
            Ok(crawl)
        })
    }

    /// Returns the crawls of an organization, newest first.
    pub fn list_crawls<'a>(&'a self, org: &'a OrgId, page: &'a PageRequest) -> BoxFuture<'a, Result<Page<Crawl>>> {
        Box::pin(async move { self.store.crawls(org).list(page).await })
    }

    /// Returns a crawl.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn crawl<'a>(&'a self, org: &'a OrgId, id: &'a CrawlId) -> BoxFuture<'a, Result<Crawl>> {
        Box::pin(async move { self.store.crawls(org).get(id).await?.ok_or(NO_CRAWL) })
    }

    /// Cancels a crawl, or changes how often it is repeated. The documents that it has created stay.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] `not_yours`, and [`Error::Conflict`] `crawl_ended` if it can no
    /// longer be canceled.
    pub fn update_crawl<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a CrawlId,
        change: CrawlChange,
    ) -> BoxFuture<'a, Result<Crawl>> {
        Box::pin(async move {
            let crawls = self.store.crawls(&member.org);
            let mut retry = OptimisticRetry::to_change("a crawl");
            loop {
                retry.next().await?;
                let crawl = self.changeable_crawl(member, id).await?;
                let now = self.clock.now();
                if change.cancel && crawl.status != CrawlStatus::Cancelled {
                    if !crawl.status.is_active() {
                        let detail = "This crawl has ended. Set `refresh` to null if it is not to be repeated.";
                        return Err(Error::conflict("crawl_ended", detail));
                    }
                    let promised = self.crawl_completed(&crawl, CrawlStatus::Cancelled).await?;
                    let event = AuditEvent::new("crawl.cancelled", "crawl", id.as_str()).promise(promised);
                    let entry = self.entry(actor, &member.org, event)?;
                    if !crawls.cancel(&crawl, &entry, now).await? {
                        continue;
                    }
                    self.delete_plans(&crawl).await;
                    continue;
                }
                let Some(every) = change.refresh.filter(|every| *every != crawl.every) else {
                    return Ok(crawl);
                };
                let event = AuditEvent::new("crawl.updated", "crawl", id.as_str())
                    .before(json!({ "refresh": crawl.every }))
                    .after(json!({ "refresh": every }));
                let entry = self.entry(actor, &member.org, event)?;
                crawls.set_refresh(&crawl, every, &entry, now).await?;
            }
        })
    }

    /// Deletes a crawl, which ends if it is active. Its documents stay, or are deleted in the background.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], and [`Error::Forbidden`] `not_yours`.
    pub fn delete_crawl<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a CrawlId,
        with_documents: bool,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let crawls = self.store.crawls(&member.org);
            let mut retry = OptimisticRetry::to_change("a crawl");
            loop {
                retry.next().await?;
                let crawl = self.changeable_crawl(member, id).await?;
                let event = AuditEvent::new("crawl.deleted", "crawl", id.as_str())
                    .after(json!({ "with_documents": with_documents }));
                let entry = self.entry(actor, &member.org, event)?;
                let deleting = with_documents.then_some(actor);
                if let Some(purge) = crawls.delete(&crawl, deleting, &entry, self.clock.now()).await? {
                    self.queue_purge(&purge).await;
                    return Ok(());
                }
            }
        })
    }

    /// Removes what a deleted crawl left behind. Idempotent; nothing happens as long as the crawl exists.
    pub(crate) async fn purge_crawl(&self, org: &OrgId, id: &CrawlId, with_documents: Option<&Actor>) -> Result<()> {
        let crawls = self.store.crawls(org);
        if crawls.get(id).await?.is_some() {
            return Ok(());
        }
        if let Some(actor) = with_documents {
            for page in crawls.pages(id).await? {
                let is_of_crawl = |document: &domain::Document| document.crawl.as_ref() == Some(id);
                match self.remove_document(org, actor, &page.document, is_of_crawl).await {
                    // A user was faster.
                    Ok(()) | Err(Error::NotFound(_) | Error::Forbidden { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        crawls.erase_pages(id).await?;
        self.objects.delete_below(&Crawl::folder(org, id)).await
    }

    /// Continues a crawl that is due: another run of one that has ended, and a message for one that is active, in case
    /// that was lost.
    pub(super) async fn repeat_crawl(&self, due: &DueFetch, id: &CrawlId) -> Result<()> {
        let crawls = self.store.crawls(&due.org_id);
        let Some(mut crawl) = crawls.get(id).await? else {
            return Ok(());
        };
        if crawl.due_ms != Some(due.due_ms) {
            return Ok(());
        }
        if !crawl.status.is_active() {
            // Otherwise it has changed, or too many others are active: it is due again in an hour.
            if crawl.every.is_none() || !crawls.begin_run(&crawl, self.clock.now()).await? {
                return Ok(());
            }
            (crawl.run, crawl.step) = (crawl.run + 1, 0);
        }
        self.send_step(&crawl, Duration::ZERO).await
    }

    /// Queues the next step of a crawl.
    async fn send_step(&self, crawl: &Crawl, delay: Duration) -> Result<()> {
        let message = FetchMessage::Step {
            org_id: crawl.org.clone(),
            crawl_id: crawl.id.clone(),
            run: crawl.run,
            step: crawl.step,
        };
        self.queues.send_later(&message, delay).await
    }

    async fn changeable_crawl(&self, member: &Membership, id: &CrawlId) -> Result<Crawl> {
        let crawl = self.crawl(&member.org, id).await?;
        if member.may_change(&crawl.created_by) {
            Ok(crawl)
        } else {
            Err(NOT_YOURS)
        }
    }
}
