//! System status and caches.

use app::Provider;
use domain::Timestamp;
use http_api::{Ctx, Json, Message, PlatformAdmin, Result};
use schemars::JsonSchema;
use serde::Serialize;

/// The overall system status.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SystemStatusView {
    /// `healthy`, or `degraded` if a component does not respond, messages are dead-lettered or a schedule failed.
    status: &'static str,
    /// Tables, the bucket and queues.
    dependencies: Vec<DependencyStatus>,
    /// Approximate numbers of messages in the queues.
    queues: Vec<QueueStatus>,
    /// Model providers.
    models: Vec<ProviderStatus>,
    /// The last run of every schedule that has ever run.
    schedules: Vec<ScheduleStatus>,
    /// How many times all caches have been cleared.
    cache_epoch: u64,
    /// The deployed version.
    versions: Versions,
}

#[derive(Serialize, JsonSchema)]
struct DependencyStatus {
    /// For example `table:identity`, `bucket` or `queue:index_documents`.
    name: String,
    /// Whether it responded to this check.
    ok: bool,
}

#[derive(Serialize, JsonSchema)]
struct QueueStatus {
    name: &'static str,
    /// Messages waiting for delivery.
    waiting: u64,
    /// Messages being processed.
    in_flight: u64,
    /// Messages in the dead-letter queue.
    dead_letters: u64,
}

#[derive(Serialize, JsonSchema)]
struct ProviderStatus {
    provider: &'static str,
    /// Whether it has the configuration it needs.
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
        provider: match provider.provider {
            Provider::BuiltIn => "local",
            other => other.name(),
        },
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
