//! The state of the system, and its caches.

use domain::Timestamp;
use http_api::{Ctx, Json, Message, PlatformAdmin, Result};
use schemars::JsonSchema;
use serde::Serialize;

/// How the whole system is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SystemStatusView {
    /// `healthy`, or `degraded` when something does not answer, messages were given up or a schedule failed.
    status: &'static str,
    /// Tables, the bucket and queues.
    dependencies: Vec<DependencyStatus>,
    /// What the queues hold, about.
    queues: Vec<QueueStatus>,
    /// Providers of models.
    models: Vec<ProviderStatus>,
    /// The last run of every schedule that ever ran.
    schedules: Vec<ScheduleStatus>,
    /// How often all caches were cleared.
    cache_epoch: u64,
    /// What is deployed.
    versions: Versions,
}

#[derive(Serialize, JsonSchema)]
struct DependencyStatus {
    /// As in `table:identity`, `bucket`, `queue:index_documents`.
    name: String,
    /// Whether it answered just now.
    ok: bool,
}

#[derive(Serialize, JsonSchema)]
struct QueueStatus {
    name: &'static str,
    /// Messages that wait to be delivered.
    waiting: u64,
    /// Messages that are being worked on.
    in_flight: u64,
    /// Messages that were given up.
    dead_letters: u64,
}

#[derive(Serialize, JsonSchema)]
struct ProviderStatus {
    provider: &'static str,
    /// Whether it has what it needs to answer.
    configured: bool,
}

#[derive(Serialize, JsonSchema)]
struct ScheduleStatus {
    name: String,
    began_at: Timestamp,
    ended_at: Timestamp,
    /// Whether it ended without an error.
    ok: bool,
}

#[derive(Serialize, JsonSchema)]
struct Versions {
    parlance: &'static str,
}

pub(crate) async fn get_system_status(app: Ctx, _: PlatformAdmin) -> Result<Json<SystemStatusView>> {
    let found = app.system_status().await?;
    let healthy = found.dependencies.iter().all(|each| each.ok)
        && found.queues.iter().all(|queue| queue.dead_letters == 0)
        && found.schedules.iter().all(|run| run.ok);
    let dependencies = found.dependencies.into_iter().map(|each| DependencyStatus {
        name: each.name,
        ok: each.ok,
    });
    let queues = found.queues.into_iter().map(|queue| QueueStatus {
        name: queue.name,
        waiting: queue.waiting,
        in_flight: queue.in_flight,
        dead_letters: queue.dead_letters,
    });
    let models = found.providers.into_iter().map(|provider| ProviderStatus {
        provider: provider.name,
        configured: provider.configured,
    });
    let schedules = found.schedules.into_iter().map(|run| ScheduleStatus {
        name: run.schedule,
        began_at: run.began_at,
        ended_at: run.ended_at,
        ok: run.ok,
    });
    Ok(Json(SystemStatusView {
        status: if healthy { "healthy" } else { "degraded" },
        dependencies: dependencies.collect(),
        queues: queues.collect(),
        models: models.collect(),
        schedules: schedules.collect(),
        cache_epoch: found.cache_epoch,
        versions: Versions {
            parlance: env!("CARGO_PKG_VERSION"),
        },
    }))
}

pub(crate) async fn clear_caches(app: Ctx, admin: PlatformAdmin) -> Result<Message> {
    let tenant = &admin.identity.user.personal_org;
    app.clear_caches(&admin.actor(), tenant).await?;
    Ok(Message("Cache cleared successfully"))
}
