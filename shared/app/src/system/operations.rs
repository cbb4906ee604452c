//! Running the platform: its status, recent failures, runs of schedules, and caches that are told to forget.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use domain::{Actor, AuditEntry, Day, OrgId, Page, PageRequest, Result, Secret, usage::statistics::PeriodRequest};
use futures::future::BoxFuture;
use jiff::ToSpan as _;
use serde_json::json;
use store::{AuditFilter, Failure, FailureFilter, QueueDepth, ScheduleRun};

use crate::{App, Dependency, PlatformReport, audit::audit_event::AuditEvent};

/// How often a process asks for the epoch of caches, milliseconds: so long may one go on with what it knows.
const ASK_EVERY_MS: i64 = 30_000;

/// What this process last knew of the epoch of caches.
#[derive(Default)]
pub(crate) struct Caches {
    epoch: AtomicU64,
    asked_ms: AtomicI64,
}

/// A request that failed by our fault, as the border tells it.
#[derive(Debug)]
pub struct Failed {
    /// The request in our logs.
    pub request_id: String,
    /// HTTP method.
    pub method: String,
    /// Route template; empty when none matched.
    pub route: String,
    /// HTTP status.
    pub status: u16,
    /// The stable word of the answer.
    pub code: &'static str,
}

/// A provider of models.
#[derive(Debug, Clone, Copy)]
pub struct Provider {
    /// Its name, as in the names of its models.
    pub name: &'static str,
    /// Whether it has what it needs to answer.
    pub configured: bool,
}

/// How the whole system is.
#[derive(Debug)]
pub struct SystemStatus {
    /// Tables, the bucket and queues, and whether they answer.
    pub dependencies: Vec<Dependency>,
    /// What the queues hold; those that do not answer are left out.
    pub queues: Vec<QueueDepth>,
    /// Providers of models.
    pub providers: Vec<Provider>,
    /// The last run of every schedule that ever ran.
    pub schedules: Vec<ScheduleRun>,
    /// The epoch of all caches.
    pub cache_epoch: u64,
}

/// What is measured of the platform, the same whoever answers.
#[derive(Debug)]
pub struct PlatformMetrics {
    /// Tables, the bucket and queues, and whether they answer.
    pub dependencies: Vec<Dependency>,
    /// What the queues hold; those that do not answer are left out.
    pub queues: Vec<QueueDepth>,
    /// The last run of every schedule that ever ran.
    pub schedules: Vec<ScheduleRun>,
    /// What everyone used since the first of the month (UTC).
    pub usage: PlatformReport,
}

/// One line of what happened on the platform.
#[derive(Debug)]
pub enum LogEntry {
    /// Someone changed something.
    Audit(Box<AuditEntry>),
    /// A request failed by our fault.
    Failure(Failure),
}

impl LogEntry {
    fn id(&self) -> &str {
        match self {
            Self::Audit(entry) => entry.id.as_str(),
            Self::Failure(failure) => &failure.id,
        }
    }
}

impl App {
    /// How the whole system is.
    pub fn system_status(&self) -> BoxFuture<'_, Result<SystemStatus>> {
        Box::pin(async move {
            let operations = self.store.operations();
            let (readiness, queues, providers, schedules, cache_epoch) = futures::join!(
                self.readiness(),
                self.queues.depths(),
                self.providers(),
                operations.runs(),
                operations.cache_epoch()
            );
            Ok(SystemStatus {
                dependencies: readiness.dependencies,
                queues,
                providers: providers?,
                schedules: schedules?,
                cache_epoch: cache_epoch?,
            })
        })
    }

    /// What is measured of the platform.
    pub fn metrics(&self) -> BoxFuture<'_, Result<PlatformMetrics>> {
        Box::pin(async move {
            let today = Day::of(self.clock.now(), "UTC")?.date;
            let month = PeriodRequest {
                from: Some(today.first_of_month()),
                // Where the day is ahead of UTC, it may be tomorrow.
                to: Some(today.saturating_add(1.day())),
                days: None,
            };
            let operations = self.store.operations();
            let (readiness, queues, schedules, usage) = futures::join!(
                self.readiness(),
                self.queues.depths(),
                operations.runs(),
                self.platform_usage(month)
            );
            Ok(PlatformMetrics {
                dependencies: readiness.dependencies,
                queues,
                schedules: schedules?,
                usage: usage?,
            })
        })
    }

    /// Makes every process forget what it has cached: this one now, the others within 30 seconds. Answers the new
    /// epoch.
    pub fn clear_caches<'a>(&'a self, actor: &'a Actor, tenant: &'a OrgId) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let epoch = self.store.operations().next_cache_epoch().await?;
            self.forget(epoch).await;
            let event = AuditEvent::new("system.caches_cleared", "system", "caches").after(json!({"epoch": epoch}));
            self.store.record(&self.entry(actor, tenant, event)?).await?;
            Ok(epoch)
        })
    }

    /// The secret called `name`; none when it does not exist.
    pub(crate) async fn secret(&self, name: &'static str) -> Result<Option<Secret>> {
        self.reject_stale_epoch().await;
        self.secrets.get(name).await
    }

    /// Forgets what is cached if that was asked for since. Who cannot ask goes on with what is known.
    pub(crate) async fn reject_stale_epoch(&self) {
        let now = self.clock.now_ms();
        let asked = self.caches.asked_ms.load(Ordering::Relaxed);
        if now.saturating_sub(asked) < ASK_EVERY_MS {
            return;
        }
        self.caches.asked_ms.store(now, Ordering::Relaxed);
        match self.store.operations().cache_epoch().await {
            Ok(epoch) if epoch > self.caches.epoch.load(Ordering::Relaxed) => self.forget(epoch).await,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "caches.epoch_unknown"),
        }
    }

    async fn forget(&self, epoch: u64) {
        self.caches.epoch.fetch_max(epoch, Ordering::Relaxed);
        self.segments.clear();
        self.secrets.expire();
        self.clerk.clear().await;
    }

    /// Runs a schedule and notes how it went. That it cannot be noted is no failure of the schedule.
    pub fn run_schedule<'a>(&'a self, name: &'a str, run: BoxFuture<'a, Result<()>>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let began_at = self.clock.now();
            let outcome = run.await;
            let note = ScheduleRun {
                schedule: name.to_owned(),
                began_at,
                ended_at: self.clock.now(),
                ok: outcome.is_ok(),
            };
            if let Err(error) = self.store.operations().note_run(&note).await {
                tracing::warn!(schedule = name, %error, "schedule.not_noted");
            }
            outcome
        })
    }

    /// Keeps a failure for those who run the platform.
    pub fn note_failure(&self, failed: Failed) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let noted = async {
                let failure = Failure {
                    id: self.ids.make()?,
                    request_id: failed.request_id,
                    method: failed.method,
                    route: failed.route,
                    status: failed.status,
                    code: failed.code.to_owned(),
                    at: self.clock.now(),
                };
                self.store.operations().note_failure(&failure).await
            };
            if let Err(error) = noted.await {
                tracing::warn!(%error, "failure.not_noted");
            }
        })
    }

    /// Audit entries of all organizations and failures of the last week as one list, newest first; a list without a
    /// filter is left out. What clients wrote stays sealed: it is their users' business.
    pub fn platform_log<'a>(
        &'a self,
        audit: Option<&'a AuditFilter>,
        failures: Option<&'a FailureFilter>,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<LogEntry>>> {
        let now = self.clock.now();
        Box::pin(async move {
            // One more than wanted: whether there is a next page depends on both lists.
            let more = PageRequest {
                limit: page.limit + 1,
                after: page.after.clone(),
            };
            let (mut items, mut read_to) = (Vec::new(), Vec::new());
            if let Some(filter) = audit {
                let found = self.store.audit_log().of_everybody(filter, now, &more).await?;
                items.extend(found.items.into_iter().map(|entry| LogEntry::Audit(Box::new(entry))));
                read_to.extend(found.next);
            }
            if let Some(filter) = failures {
                let found = self.store.operations().failures(filter, now, &more).await?;
                items.extend(found.items.into_iter().map(LogEntry::Failure));
                read_to.extend(found.next);
            }
            items.sort_by(|a, b| b.id().cmp(a.id()));
            // Older than that one list may hold more, which would belong between.
            let floor = read_to.into_iter().max();
            items.retain(|entry| floor.as_deref().is_none_or(|floor| entry.id() >= floor));
            let limit = usize::from(page.limit);
            let next = if items.len() > limit {
                items.truncate(limit);
                items.last().map(|last| last.id().to_owned())
            } else {
                floor
            };
            Ok(Page { items, next })
        })
    }

    /// Whether `key` is the key of the internal operations; without one configured, nothing is.
    pub fn is_service_key<'a>(&'a self, key: &'a Secret) -> BoxFuture<'a, Result<bool>> {
        self.is_secret("INTERNAL_API_KEY", key)
    }

    /// Whether `token` is the one with which metrics are read; without one configured, nothing is.
    pub fn is_scrape_token<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<bool>> {
        self.is_secret("METRICS_TOKEN", token)
    }

    fn is_secret<'a>(&'a self, name: &'static str, key: &'a Secret) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let known = self.secret(name).await?;
            let same = |known: Secret| {
                // Digests have one length, so that comparing them does not tell the length of the key.
                let digest =
                    |secret: &Secret| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.expose().as_bytes());
                let (known, given) = (digest(&known), digest(key));
                aws_lc_rs::constant_time::verify_slices_are_equal(known.as_ref(), given.as_ref()).is_ok()
            };
            Ok(known.is_some_and(same))
        })
    }
}
