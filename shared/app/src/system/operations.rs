//! Operating the platform: status, recent failures, scheduled runs, and clearing caches.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use domain::{Actor, AuditEntry, Day, OrgId, Page, PageRequest, Result, Secret, usage::statistics::PeriodRequest};
use futures::future::BoxFuture;
use jiff::ToSpan as _;
use llm::Provider;
use serde_json::json;
use store::{AuditFilter, Failure, FailureFilter, QueueDepth, ScheduleRun};

use crate::{App, Dependency, PlatformReport, audit::audit_event::AuditEvent};

/// How often a process reads the cache epoch, in milliseconds, which bounds how long it uses stale caches.
const ASK_EVERY_MS: i64 = 30_000;

/// The cache epoch as last read by this process.
#[derive(Default)]
pub(crate) struct Caches {
    epoch: AtomicU64,
    asked_ms: AtomicI64,
}

/// A request that failed because of an internal fault, as reported by the HTTP middleware.
#[derive(Debug)]
pub struct Failed {
    /// The request ID in our logs.
    pub request_id: String,
    /// HTTP method.
    pub method: String,
    /// Route template; empty if none matched.
    pub route: String,
    /// HTTP status.
    pub status: u16,
    /// The response's stable error code.
    pub code: &'static str,
}

/// Whether models of a provider can be used.
#[derive(Debug, Clone, Copy)]
pub struct ProviderStatus {
    /// The provider.
    pub provider: Provider,
    /// Whether it is configured.
    pub configured: bool,
}

/// The status of the whole system.
#[derive(Debug)]
pub struct SystemStatus {
    /// Tables, the bucket and queues, and whether they respond.
    pub dependencies: Vec<Dependency>,
    /// Queue depths; queues that do not respond are omitted.
    pub queues: Vec<QueueDepth>,
    /// The model providers.
    pub providers: Vec<ProviderStatus>,
    /// The last run of every schedule that has ever run.
    pub schedules: Vec<ScheduleRun>,
    /// The cache epoch.
    pub cache_epoch: u64,
}

/// Platform metrics, identical from every instance.
#[derive(Debug)]
pub struct PlatformMetrics {
    /// Tables, the bucket and queues, and whether they respond.
    pub dependencies: Vec<Dependency>,
    /// Queue depths; queues that do not respond are omitted.
    pub queues: Vec<QueueDepth>,
    /// The last run of every schedule that has ever run.
    pub schedules: Vec<ScheduleRun>,
    /// Usage of all users since the first of the month (UTC).
    pub usage: PlatformReport,
}

/// An entry of the platform log.
#[derive(Debug)]
pub enum LogEntry {
    /// A change by a caller.
    Audit(Box<AuditEntry>),
    /// A request that failed because of an internal fault.
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
    /// Returns the status of the whole system.
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

    /// Returns the platform metrics.
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

    /// Makes every process clear its caches: this one immediately, the others within 30 seconds. Returns the new epoch.
    pub fn clear_caches<'a>(&'a self, actor: &'a Actor, tenant: &'a OrgId) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let epoch = self.store.operations().next_cache_epoch().await?;
            self.forget(epoch).await;
            let event = AuditEvent::new("system.caches_cleared", "system", "caches").after(json!({"epoch": epoch}));
            self.store.record(&self.entry(actor, tenant, event)?).await?;
            Ok(epoch)
        })
    }

    /// Returns the secret called `name`, or `None` if it does not exist.
    pub(crate) async fn secret(&self, name: &'static str) -> Result<Option<Secret>> {
        self.reject_stale_epoch().await;
        self.secrets.get(name).await
    }

    /// Clears the caches if that was requested since. If the epoch cannot be read, the cached data is used.
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
        self.manifests.clear();
        self.secrets.expire();
        self.clerk.clear().await;
    }

    /// Runs a schedule and records the result. A failure to record it does not fail the schedule.
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
            if let Err(error) = self.store.operations().record_run(&note).await {
                tracing::warn!(schedule = name, %error, "schedule.not_noted");
            }
            outcome
        })
    }

    /// Records a failure for the platform's operators.
    pub fn record_failure(&self, failed: Failed) -> BoxFuture<'_, ()> {
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
                self.store.operations().record_failure(&failure).await
            };
            if let Err(error) = noted.await {
                tracing::warn!(%error, "failure.not_noted");
            }
        })
    }

    /// Returns audit entries of all organizations and failures of the last week as one list, newest first; a list
    /// without a filter is omitted. Client entries stay encrypted: they are private to their users.
    pub fn platform_log<'a>(
        &'a self,
        audit: Option<&'a AuditFilter>,
        failures: Option<&'a FailureFilter>,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<LogEntry>>> {
        let now = self.clock.now();
        Box::pin(async move {
            // One more than requested: whether there is a next page depends on both lists.
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
            // A list that has more entries may continue with ones that belong before this time.
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

    /// Returns whether `key` is the key of the internal operations; `false` if none is configured.
    pub fn is_service_key<'a>(&'a self, key: &'a Secret) -> BoxFuture<'a, Result<bool>> {
        self.is_secret("INTERNAL_API_KEY", key)
    }

    /// Returns whether `token` is the token for reading metrics; `false` if none is configured.
    pub fn is_scrape_token<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<bool>> {
        self.is_secret("METRICS_TOKEN", token)
    }

    fn is_secret<'a>(&'a self, name: &'static str, key: &'a Secret) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let known = self.secret(name).await?;
            let same = |known: Secret| {
                // Digests have equal length, so the comparison does not reveal the length of the key.
                let digest =
                    |secret: &Secret| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.expose().as_bytes());
                let (known, given) = (digest(&known), digest(key));
                aws_lc_rs::constant_time::verify_slices_are_equal(known.as_ref(), given.as_ref()).is_ok()
            };
            Ok(known.is_some_and(same))
        })
    }
}
