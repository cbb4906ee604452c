//! Changes of a crawl's state: with each, its due time and its place among the active ones change in one transaction.

use domain::{
    Actor, AuditEntry, Crawl, CrawlId, CrawlStatus, Purge, RefreshInterval, Result, Timestamp, WebhookEvent,
    documents::crawl::CrawlTally, documents::refresh::RETRY_MS,
};

use super::{CrawlEnded, Crawls};
use crate::{
    Partition, TableName, keys,
    table::changes::Changes,
    table::item::{Transaction, n, part, s, transact, value},
};

impl Crawls {
    /// Ends a run whose lease `holder` has, and promises its event to webhooks; the crawl is repeated when its interval says so. Returns `false` if the
    /// lease was lost or its due time has changed, and nothing was written.
    pub async fn finish(
        &self,
        crawl: &Crawl,
        holder: &str,
        (tally, ended, event): (&CrawlTally, &CrawlEnded, Option<&WebhookEvent>),
        now: Timestamp,
    ) -> Result<bool> {
        let mut changes = Changes::default()
            .set("tally", value(tally)?)
            .set("finished_at", s(now.to_string()))
            .set("updated_at", s(now.to_string()));
        changes = match ended {
            CrawlEnded::Finished(end) => changes
                .set("status", value(&CrawlStatus::Finished)?)
                .set("end", value(end)?)
                .remove("failure"),
            CrawlEnded::Failed(failure) => changes
                .set("status", value(&CrawlStatus::Failed)?)
                .set("failure", value(failure)?)
                .remove("end"),
        };
        let due_ms = crawl.every.map(|every| every.next_ms(now));
        let held = Some((holder, event));
        self.change_due(crawl, changes, due_ms, Activity::Ends, held, None)
            .await
    }

    /// Begins another run of a crawl that has ended. Returns `false` if it has changed since it was read or the
    /// organization has as many active crawls as it may, and nothing was written.
    pub async fn begin_run(&self, crawl: &Crawl, now: Timestamp) -> Result<bool> {
        let changes = Changes::default()
            .set("status", value(&CrawlStatus::Queued)?)
            .set("run", n(crawl.run + 1))
            .set("step", n(0))
            .set("tally", value(&CrawlTally::default())?)
            .set("updated_at", s(now.to_string()))
            .remove("end")
            .remove("failure");
        let due_ms = Some(now.as_millisecond() + RETRY_MS);
        self.change_due(crawl, changes, due_ms, Activity::Begins, None, None)
            .await
    }

    /// Cancels an active crawl, with an audit entry; it is not repeated. Returns `false` if it has changed since it was
    /// read, and nothing was written.
    pub async fn cancel(&self, crawl: &Crawl, entry: &AuditEntry, now: Timestamp) -> Result<bool> {
        let changes = Changes::default()
            .set("status", value(&CrawlStatus::Cancelled)?)
            .set("finished_at", s(now.to_string()))
            .set("updated_at", s(now.to_string()))
            .remove("every");
        self.change_due(crawl, changes, None, Activity::Ends, None, Some(entry))
            .await
    }

    /// Sets how often a crawl is repeated, with an audit entry. Returns `false` if it has changed since it was read, and
    /// nothing was written.
    pub async fn set_refresh(
        &self,
        crawl: &Crawl,
        every: Option<RefreshInterval>,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<bool> {
        let changes = Changes::default().set("updated_at", s(now.to_string()));
        let changes = match every {
            Some(every) => changes.set("every", value(&every)?),
            None => changes.remove("every"),
        };
        let due_ms = if crawl.status.is_active() {
            crawl.due_ms
        } else {
            every.map(|every| every.next_ms(now))
        };
        self.change_due(crawl, changes, due_ms, Activity::Stays, None, Some(entry))
            .await
    }

    /// Deletes a crawl, with an audit entry, and with an entry that has what it stored removed. Returns `false` if it has
    /// changed since it was read, and nothing was written.
    pub async fn delete(
        &self,
        crawl: &Crawl,
        with_documents: Option<&Actor>,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Option<Purge>> {
        let purge = Purge::Crawl {
            org_id: self.org.clone(),
            crawl_id: crawl.id.clone(),
            with_documents: with_documents.cloned(),
        };
        let key = keys::crawl(&self.org, &crawl.id);
        let app = self.store.app();
        let deleted = match crawl.due_ms {
            None => app.part_delete_if(&key, "attribute_exists(pk) AND attribute_not_exists(due_ms)")?,
            Some(due_ms) => app.part_delete_where(&key, "due_ms = :due", [(":due", n(due_ms))])?,
        };
        let mut parts = vec![
            deleted,
            self.part_deactivate(&crawl.id)?,
            self.store.part_purge_entry(&purge, now.as_millisecond())?,
        ];
        let due = self.due(&crawl.id, crawl.due_ms);
        parts.extend(self.store.parts_move_due(due.as_ref(), None)?);
        let done = self.store.transact_audited(entry, parts).await? == Transaction::Done;
        Ok(done.then_some(purge))
    }

    /// Removes the rows of a deleted crawl's pages. Idempotent.
    pub async fn erase_pages(&self, id: &CrawlId) -> Result<()> {
        let rows = Partition::part(TableName::App, keys::tenant(&self.org), keys::crawled_pages(id));
        self.store.erase(&rows).await
    }

    /// Writes changes and another due time, if status, run and due time are those that were read.
    async fn change_due(
        &self,
        crawl: &Crawl,
        changes: Changes,
        due_ms: Option<i64>,
        activity: Activity,
        ends: Option<(&str, Option<&WebhookEvent>)>,
        entry: Option<&AuditEntry>,
    ) -> Result<bool> {
        let changes = match due_ms {
            Some(due_ms) => changes.set("due_ms", n(due_ms)),
            None => changes.remove("due_ms"),
        };
        let changes = match activity {
            Activity::Stays => changes,
            Activity::Begins | Activity::Ends => changes.remove("lease_holder").remove("lease_ms").remove("plan_key"),
        };
        let mut conditions = vec!["#was = :was", "#run_was = :run_was"];
        let mut update = self
            .store
            .app()
            .part_update(&keys::crawl(&self.org, &crawl.id))
            .expression_attribute_names("#was", "status")
            .expression_attribute_names("#run_was", "run")
            .expression_attribute_values(":was", value(&crawl.status)?)
            .expression_attribute_values(":run_was", n(crawl.run));
        match crawl.due_ms {
            None => conditions.push("attribute_not_exists(due_ms)"),
            Some(before) => {
                conditions.push("due_ms = :before");
                update = update.expression_attribute_values(":before", n(before));
            }
        }
        if let Some((holder, _)) = ends {
            conditions.push("lease_holder = :me");
            update = update.expression_attribute_values(":me", s(holder));
        }
        let update = changes.on(update.condition_expression(conditions.join(" AND ")));
        let mut parts = vec![part(update)?];
        parts.extend(self.store.part_promise_event(ends.and_then(|(_, event)| event))?);
        let (before, after) = (self.due(&crawl.id, crawl.due_ms), self.due(&crawl.id, due_ms));
        parts.extend(self.store.parts_move_due(before.as_ref(), after.as_ref())?);
        match activity {
            Activity::Stays => {}
            Activity::Begins => parts.push(self.part_activate(&crawl.id)?),
            Activity::Ends => parts.push(self.part_deactivate(&crawl.id)?),
        }
        let written = match entry {
            Some(entry) => self.store.transact_audited(entry, parts).await?,
            None => transact(&self.store.db, parts).await?,
        };
        Ok(written == Transaction::Done)
    }
}

/// What becomes of a crawl's place among the active ones.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Activity {
    Stays,
    Begins,
    Ends,
}
