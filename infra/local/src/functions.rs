//! The list of all functions. The drift test compares it with `functions/`, `template.yaml` and the `OpenAPI`
//! document.

use std::{sync::Arc, time::Duration};

use app::{App, BoxFuture};
use http_api::Api;
use runtime::{Follower as _, Job as _, Schedule as _};

use crate::{
    cloud::mapping::{Handler, stream},
    deployment::Deployment,
};

/// An HTTP function and the constructor of its route table.
type Group = (&'static str, fn() -> Api);

/// All HTTP functions.
const GROUPS: [Group; 15] = [
    ("apikeys", apikeys::api),
    ("admin", admin::api),
    ("ai", ai::api),
    ("audit", audit::api),
    ("auth", auth::api),
    ("chatbots", chatbots::api),
    ("chats", chats::api),
    ("clerk_webhook", clerk_webhook::api),
    ("documents", documents::api),
    ("orgs", orgs::api),
    ("internal", internal::api),
    ("prompts", prompts::api),
    ("system", system::api),
    ("usage", usage::api),
    ("users", users::api),
];

/// Returns the HTTP functions with their route tables.
pub fn groups() -> Vec<(&'static str, Api)> {
    GROUPS.iter().map(|(name, api)| (*name, api())).collect()
}

/// Returns the route table of an HTTP function; `None` if it does not exist.
pub(crate) fn group(name: &str) -> Option<Api> {
    let (_, api) = GROUPS.iter().find(|(known, _)| *known == name)?;
    Some(api())
}

/// Returns a router of all operations, served by one app: for measurements.
pub fn router(app: App) -> axum::Router {
    let apis = groups().into_iter().map(|(_, api)| api);
    apis.reduce(Api::merge).map(|api| api.finish(app)).unwrap_or_default()
}

/// A function that consumes a queue.
pub struct Worker {
    /// Its name, and that of its queue.
    pub name: &'static str,
    /// The handler of a batch.
    pub handler: Handler,
}

/// Returns the functions that consume a queue, in the order in which they are drained: the others send to the last
/// one's queue.
pub fn workers(deployment: &Deployment) -> Vec<Worker> {
    vec![
        worker::<index_documents::IndexDocuments>(deployment),
        worker::<purge::PurgeDeleted>(deployment),
        worker::<export_user::ExportUser>(deployment),
        worker::<send_mail::SendMail>(deployment),
    ]
}

fn worker<J: runtime::Job>(deployment: &Deployment) -> Worker {
    let deployment = deployment.clone();
    let handler: Handler = Arc::new(move |event, time_limit| {
        let app = deployment.app(J::QUEUE).map_err(|error| error.to_string());
        Box::pin(async move {
            let app = app?;
            let ends_at = domain::time::after(app.clock.now(), time_limit);
            let answer = runtime::deliver::<J>(app, event, ends_at).await;
            serde_json::to_value(answer).map_err(|error| error.to_string())
        })
    });
    Worker {
        name: J::QUEUE,
        handler,
    }
}

/// A function that processes the changes of a table.
pub struct Follower {
    /// Its name.
    pub name: &'static str,
    /// The table.
    pub table: String,
    /// The handler of a batch.
    pub handler: stream::Handler,
}

/// Returns the functions that process the changes of a table.
pub fn followers(deployment: &Deployment, tables: &store::Tables) -> Vec<Follower> {
    vec![follower::<roll_up_usage::RollUpUsage>(deployment, &tables.usage)]
}

fn follower<F: runtime::Follower>(deployment: &Deployment, table: &str) -> Follower {
    let deployment = deployment.clone();
    let handler: stream::Handler = Arc::new(move |event| {
        let app = deployment.app(F::NAME).map_err(|error| error.to_string());
        Box::pin(async move { Ok(runtime::process_batch::<F>(app?, event).await) })
    });
    Follower {
        name: F::NAME,
        table: table.to_owned(),
        handler,
    }
}

/// A function that runs on a schedule.
#[derive(Clone, Copy)]
pub struct Scheduled {
    /// Its name.
    pub name: &'static str,
    /// The interval.
    pub every: Duration,
    /// The function's entry point.
    pub run: fn(App) -> BoxFuture<'static, domain::Result<()>>,
}

/// Returns the functions that run on a schedule.
pub fn schedules() -> Vec<Scheduled> {
    vec![
        Scheduled {
            name: relay_outbox::RelayOutbox::NAME,
            every: Duration::from_mins(5),
            run: relay_outbox::RelayOutbox::run,
        },
        Scheduled {
            name: reset_quotas::ResetQuotas::NAME,
            every: Duration::from_mins(15),
            run: reset_quotas::ResetQuotas::run,
        },
    ]
}

/// Returns the names of all functions.
pub fn names() -> Vec<&'static str> {
    let groups = groups().into_iter().map(|(name, _)| name);
    let schedules = schedules().into_iter().map(|schedule| schedule.name);
    groups
        .chain([index_documents::IndexDocuments::QUEUE, send_mail::SendMail::QUEUE])
        .chain([purge::PurgeDeleted::QUEUE, export_user::ExportUser::QUEUE])
        .chain([roll_up_usage::RollUpUsage::NAME])
        .chain(schedules)
        .collect()
}

/// Returns the `OpenAPI` document of all HTTP functions.
pub fn openapi() -> serde_json::Value {
    let apis: Vec<Api> = groups().into_iter().map(|(_, api)| api).collect();
    http_api::openapi(&apis)
}
