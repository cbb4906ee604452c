//! Crawls of web sites.
//!
//! A step is done under a lease. A page becomes a document in one transaction with the crawl's counter and the plan's,
//! so neither a repeated step nor a race stores a page twice or one too many. The IDs of documents follow from their
//! pages ([`Crawl::document_id`]).

mod changes;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, TransactWriteItem};
use domain::{
    AuditEntry, Crawl, CrawlEnd, CrawlId, CrawlStatus, Document, DueFetch, Entitlements, FetchTarget, IndexFailure,
    OrgId, OutboxEntry, Page, PageRequest, PlanLimit, Result, Timestamp,
    documents::crawl::{CrawlTally, CrawledPage},
};

use crate::{
    Store, keys,
    orgs::resource_counts::{Counted, ResourceChange},
    table::item::{ListFilter, Transaction, conditional, from_item, n, part, s, to_item, value},
};

/// The crawls of one organization.
#[derive(Debug, Clone)]
pub struct Crawls {
    store: Store,
    org: OrgId,
}

/// The outcome of requesting a lease for a step.
#[derive(Debug)]
pub enum CrawlLease {
    /// The worker has the step until the lease ends.
    Taken(Box<Crawl>),
    /// Nothing is left to do: the step was done, or the crawl has ended or was deleted.
    Over,
    /// The step before is not finished, or another worker has it.
    Busy,
}

/// A page to store.
#[derive(Debug)]
pub struct NewPage<'a> {
    /// The limits that must allow it.
    pub own: &'a Entitlements,
    /// Its document.
    pub document: &'a Document,
    /// Has it indexed.
    pub promise: &'a OutboxEntry,
    /// How far it was from the first page, and the address that was requested.
    pub page: &'a CrawledPage,
    /// The key of that address.
    pub key: &'a str,
}

/// The outcome of storing a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStored {
    /// Its document was created.
    Done,
    /// It has one already, or had one that a user deleted.
    Known,
    /// Not stored: the crawl has ended, has as many documents as it may, or the lease was lost.
    Stopped,
    /// Not stored: the plan allows no more.
    Full(PlanLimit),
}

/// How a run ended.
#[derive(Debug, Clone)]
pub enum CrawlEnded {
    /// It has finished.
    Finished(CrawlEnd),
    /// The site could not be read.
    Failed(IndexFailure),
}

impl Store {
    /// Returns access to the crawls of `org`.
    pub fn crawls(&self, org: &OrgId) -> Crawls {
        Crawls {
            store: self.clone(),
            org: org.clone(),
        }
    }
}

impl Crawls {
    fn due(&self, id: &CrawlId, due_ms: Option<i64>) -> Option<DueFetch> {
        due_ms.map(|due_ms| DueFetch {
            org_id: self.org.clone(),
            target: FetchTarget::Crawl { crawl_id: id.clone() },
            due_ms,
        })
    }

    /// Returns the part that makes a crawl one of the active ones, of which there are at most [`Crawl::MAX_ACTIVE`].
    fn part_activate(&self, id: &CrawlId) -> Result<TransactWriteItem> {
        let update = self.store.app().part_update(&keys::active_crawls(&self.org));
        part(
            update
                .update_expression("ADD active :id")
                .condition_expression("attribute_not_exists(active) OR size(active) < :most OR contains(active, :one)")
                .expression_attribute_values(":id", AttributeValue::Ss(vec![id.0.clone()]))
                .expression_attribute_values(":one", s(id.as_str()))
                .expression_attribute_values(":most", n(Crawl::MAX_ACTIVE)),
        )
    }

    fn part_deactivate(&self, id: &CrawlId) -> Result<TransactWriteItem> {
        let update = self.store.app().part_update(&keys::active_crawls(&self.org));
        part(
            update
                .update_expression("DELETE active :id")
                .expression_attribute_values(":id", AttributeValue::Ss(vec![id.0.clone()])),
        )
    }

    /// Creates a crawl, with an audit entry. Returns `false` if the organization has as many active ones as it may.
    pub async fn create(&self, crawl: &Crawl, entry: &AuditEntry) -> Result<bool> {
        let mut parts = vec![
            self.part_activate(&crawl.id)?,
            self.store
                .app()
                .part_put_new(to_item(&keys::crawl(&self.org, &crawl.id), crawl)?)?,
        ];
        let due = self.due(&crawl.id, crawl.due_ms);
        parts.extend(self.store.parts_move_due(None, due.as_ref())?);
        Ok(self.store.transact_audited(entry, parts).await? == Transaction::Done)
    }

    /// Returns a crawl.
    pub async fn get(&self, id: &CrawlId) -> Result<Option<Crawl>> {
        self.store.app().get(keys::crawl(&self.org, id)).await
    }

    /// Lists crawls, newest first.
    pub async fn list(&self, page: &PageRequest) -> Result<Page<Crawl>> {
        let tenant = keys::tenant(&self.org);
        let table = self.store.app();
        let found = table.list(tenant, keys::CRAWLS, page, ListFilter::default()).await?;
        Ok(Page {
            items: found.items.into_iter().map(from_item).collect::<Result<_>>()?,
            next: found.next,
        })
    }

    /// Leases a step until `until`.
    pub async fn lease(
        &self,
        id: &CrawlId,
        (run, step): (u32, u32),
        holder: &str,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<CrawlLease> {
        let update = self
            .store
            .app()
            .update(&keys::crawl(&self.org, id))
            .update_expression("SET lease_holder = :me, lease_ms = :until, #status = :running, updated_at = :now")
            .condition_expression(
                "#run = :run AND #step = :step AND #status IN (:queued, :running) \
                 AND (attribute_not_exists(lease_ms) OR lease_ms <= :now_ms OR lease_holder = :me)",
            )
            .expression_attribute_names("#run", "run")
            .expression_attribute_names("#step", "step")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":run", n(run))
            .expression_attribute_values(":step", n(step))
            .expression_attribute_values(":queued", value(&CrawlStatus::Queued)?)
            .expression_attribute_values(":running", value(&CrawlStatus::Running)?)
            .expression_attribute_values(":me", s(holder))
            .expression_attribute_values(":until", n(until.as_millisecond()))
            .expression_attribute_values(":now", s(now.to_string()))
            .expression_attribute_values(":now_ms", n(now.as_millisecond()))
            .return_values(ReturnValue::AllNew);
        if let Some(item) = conditional(update).await? {
            return Ok(CrawlLease::Taken(Box::new(from_item(item)?)));
        }
        Ok(match self.get(id).await? {
            Some(crawl) if crawl.status.is_active() && (crawl.run, crawl.step) <= (run, step) => CrawlLease::Busy,
            _ => CrawlLease::Over,
        })
    }

    /// Gives a lease back. Returns `false` if it was lost.
    pub async fn release(&self, id: &CrawlId, holder: &str) -> Result<bool> {
        let update = self
            .store
            .app()
            .update(&keys::crawl(&self.org, id))
            .update_expression("REMOVE lease_holder, lease_ms")
            .condition_expression("lease_holder = :me")
            .expression_attribute_values(":me", s(holder));
        Ok(conditional(update).await?.is_some())
    }

    /// Returns the page that a crawl has made a document of, by the key of the address that was requested.
    pub async fn page(&self, id: &CrawlId, key: &str) -> Result<Option<CrawledPage>> {
        self.store.app().get(keys::crawled_page(&self.org, id, key)).await
    }

    /// Returns all pages that a crawl has made documents of, a number that its options bound.
    pub async fn pages(&self, id: &CrawlId) -> Result<Vec<CrawledPage>> {
        let (tenant, prefix) = (keys::tenant(&self.org), keys::crawled_pages(id));
        self.store.app().all_below(&tenant, &prefix).await
    }

    /// Creates the document of a page, whose file is stored.
    pub async fn store_page(&self, crawl: &Crawl, holder: &str, new: &NewPage<'_>) -> Result<PageStored> {
        let app = self.store.app();
        let counted = app
            .part_update(&keys::crawl(&self.org, &crawl.id))
            .update_expression("SET #stored = if_not_exists(#stored, :zero) + :one")
            .condition_expression(
                "#status = :running AND lease_holder = :me AND (attribute_not_exists(#stored) OR #stored < :most)",
            )
            .expression_attribute_names("#stored", "stored")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":running", value(&CrawlStatus::Running)?)
            .expression_attribute_values(":me", s(holder))
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":most", n(crawl.options.max_pages));
        let document = keys::document(&self.org, &new.document.id);
        let row = keys::crawled_page(&self.org, &crawl.id, new.key);
        let mut parts = vec![
            app.part_put_new(to_item(&row, new.page)?)?,
            app.part_put_new(to_item(&document, new.document)?)?,
            part(counted)?,
            app.part_put(to_item(&keys::outbox(&new.document.id), new.promise)?)?,
        ];
        let documents = self.store.documents(&self.org);
        parts.extend(documents.part_put_content(new.document)?);
        let one_more = ResourceChange::document(1, new.document.size_bytes);
        let written = self.store.transact_counted(&self.org, parts, &one_more, Some(new.own));
        Ok(match written.await? {
            Counted::Done => PageStored::Done,
            Counted::Refused(0 | 1) => PageStored::Known,
            Counted::Refused(_) => PageStored::Stopped,
            Counted::Full(limit) => PageStored::Full(limit),
        })
    }

    /// Enters another address of a page that a crawl has made a document of.
    pub async fn put_page(&self, id: &CrawlId, key: &str, page: &CrawledPage) -> Result<()> {
        let row = to_item(&keys::crawled_page(&self.org, id, key), page)?;
        self.store.app().put(row).await
    }

    /// Returns whether `holder` has the lease of a step.
    pub async fn holds(&self, id: &CrawlId, holder: &str) -> Result<bool> {
        let item = self.store.app().get_raw(keys::crawl(&self.org, id), true).await?;
        Ok(item.is_some_and(|item| item.get("lease_holder") == Some(&s(holder))))
    }

    /// Completes a step: the next one can be taken. Returns `false` if the lease was lost or the crawl has ended.
    pub async fn advance(
        &self,
        crawl: &Crawl,
        holder: &str,
        (tally, plan_key): (&CrawlTally, &str),
        now: Timestamp,
    ) -> Result<bool> {
        let update = self
            .store
            .app()
            .update(&keys::crawl(&self.org, &crawl.id))
            .update_expression(
                "SET #step = :next, tally = :tally, plan_key = :plan_key, updated_at = :now \
                 REMOVE lease_holder, lease_ms",
            )
            .condition_expression("lease_holder = :me AND #step = :step AND #run = :run AND #status = :running")
            .expression_attribute_names("#step", "step")
            .expression_attribute_names("#run", "run")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":running", value(&CrawlStatus::Running)?)
            .expression_attribute_values(":me", s(holder))
            .expression_attribute_values(":step", n(crawl.step))
            .expression_attribute_values(":next", n(crawl.step + 1))
            .expression_attribute_values(":run", n(crawl.run))
            .expression_attribute_values(":tally", value(tally)?)
            .expression_attribute_values(":plan_key", s(plan_key))
            .expression_attribute_values(":now", s(now.to_string()));
        Ok(conditional(update).await?.is_some())
    }
}
