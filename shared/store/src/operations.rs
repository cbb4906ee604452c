//! Data for the operators of the platform: recent failures and schedule runs; and the epoch of all caches.

use std::time::Duration;

use domain::{Page, PageRequest, Result, Timestamp, id::made_at, time::after};
use serde::{Deserialize, Serialize};

use crate::{
    Store, keys,
    table::item::{ListFilter, conditional, from_item, n, to_item},
    table::paginate::{ListPartition, by_id, id_only, paginate},
    tables,
};

/// How long failures are stored.
const FAILURE_RETENTION: Duration = Duration::from_hours(7 * 24);

/// Failures, schedule runs and the cache epoch.
#[derive(Debug, Clone)]
pub struct Operations(Store);

/// A request that failed with a server error, limited to what the access log may contain.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// Its ID; sorts by time.
    pub id: String,
    /// ID of the request in our logs.
    pub request_id: String,
    /// HTTP method.
    pub method: String,
    /// Route template.
    pub route: String,
    /// HTTP status.
    pub status: u16,
    /// The error code of the response.
    pub code: String,
    /// When the response was sent.
    pub at: Timestamp,
}

/// Selects failures. Absent fields match everything.
#[derive(Debug, Clone, Default)]
pub struct FailureFilter {
    /// The error code of the response.
    pub code: Option<String>,
    /// Route template.
    pub route: Option<String>,
    /// At or after this time.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
}

/// The result of the last run of a schedule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScheduleRun {
    /// Name of the schedule.
    pub schedule: String,
    /// When the run began.
    pub began_at: Timestamp,
    /// When the run ended.
    pub ended_at: Timestamp,
    /// Whether the run ended without an error.
    pub ok: bool,
}

impl FailureFilter {
    fn matches(&self, failure: &Failure) -> bool {
        self.code.as_ref().is_none_or(|code| *code == failure.code)
            && self.route.as_ref().is_none_or(|route| *route == failure.route)
            && self.from.is_none_or(|from| failure.at >= from)
            && self.to.is_none_or(|to| failure.at < to)
    }
}

impl Store {
    /// Returns access to failures, schedule runs and the cache epoch.
    pub fn operations(&self) -> Operations {
        Operations(self.clone())
    }
}

impl Operations {
    /// Stores a failure for a week.
    pub async fn record_failure(&self, failure: &Failure) -> Result<()> {
        let key = keys::failure(&day_of(failure.at), &failure.id);
        let mut item = to_item(&key, failure)?;
        item.insert(
            tables::TTL.to_owned(),
            n(after(failure.at, FAILURE_RETENTION).as_second()),
        );
        self.0.ephemeral().put_new(item).await.map(|_| ())
    }

    /// Lists failures of the last week, newest first. The cursor is an ID, as in [`crate::AuditLog::of_everybody`].
    pub async fn failures(&self, filter: &FailureFilter, now: Timestamp, page: &PageRequest) -> Result<Page<Failure>> {
        let days = (0..8).map(|back| day_of(before(now, Duration::from_hours(back * 24))));
        let partitions = days.map(|day| ListPartition {
            shards: Vec::new(),
            hash: vec![("pk", keys::failures(&day))],
            name: day,
            index: None,
            range: &["sk"],
        });
        let oldest = before(now, FAILURE_RETENTION);
        let day = page.after.as_deref().and_then(made_at).map(day_of);
        let page = by_id(page, day.as_deref());
        let found = paginate(self.0.ephemeral(), partitions.collect(), &page, |item| {
            let failure: Failure = from_item(item)?;
            Ok((failure.at > oldest && filter.matches(&failure)).then_some(failure))
        });
        Ok(id_only(found.await?))
    }

    /// Stores the result of the last run of a schedule.
    pub async fn record_run(&self, run: &ScheduleRun) -> Result<()> {
        let item = to_item(&keys::schedule_run(&run.schedule), run)?;
        self.0.ephemeral().put(item).await
    }

    /// Returns the last run of every schedule that has ever run.
    pub async fn runs(&self) -> Result<Vec<ScheduleRun>> {
        let page = PageRequest {
            limit: PageRequest::MAX_LIMIT,
            after: None,
        };
        let found = self
            .0
            .ephemeral()
            .list(keys::SCHEDULES.to_owned(), keys::RUNS, &page, ListFilter::default())
            .await?;
        found.items.into_iter().map(from_item).collect()
    }

    /// Returns the epoch of all caches.
    pub async fn cache_epoch(&self) -> Result<u64> {
        let item = self.0.ephemeral().get_raw(keys::cache_epoch(), true).await?;
        let epoch = item.and_then(|item| item.get("epoch")?.as_n().ok()?.parse().ok());
        Ok(epoch.unwrap_or_default())
    }

    /// Begins a new epoch and returns it. Concurrent callers may share one new epoch.
    pub async fn next_cache_epoch(&self) -> Result<u64> {
        let next = self.cache_epoch().await? + 1;
        let update = self
            .0
            .ephemeral()
            .update(&keys::cache_epoch())
            .update_expression("SET epoch = :next")
            .condition_expression("attribute_not_exists(epoch) OR epoch < :next")
            .expression_attribute_values(":next", n(next));
        conditional(update).await?;
        Ok(next)
    }
}

fn before(at: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(at.as_millisecond().saturating_sub(by)).unwrap_or(Timestamp::MIN)
}

fn day_of(at: Timestamp) -> String {
    at.to_string()[..10].to_owned()
}
