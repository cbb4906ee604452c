//! The functions: one line of `functions` declares a function, and the local stack, its tests and benches follow from
//! it. The drift test compares the list with `functions/`, `template.yaml` and the `OpenAPI` document.

use std::{sync::Arc, time::Duration};

use app::{App, BoxFuture};
use domain::{Message as _, Result};
use http_api::Api;
use runtime::{Follower, Job, Schedule};
use store::Tables;

use crate::{
    cloud::mapping::{self, stream},
    deployment::Deployment,
};

/// All functions. Those that consume a queue are drained in this order: the others send to the last one's queue.
fn functions() -> Vec<Function> {
    vec![
        http("apikeys", apikeys::api),
        http("admin", admin::api),
        http("ai", ai::api),
        http("audit", audit::api),
        http("auth", auth::api),
        http("chatbots", chatbots::api),
        http("chats", chats::api),
        http("clerk_webhook", clerk_webhook::api),
        http("documents", documents::api),
        http("orgs", orgs::api),
        http("internal", internal::api),
        http("prompts", prompts::api),
        http("system", system::api),
        http("usage", usage::api),
        http("users", users::api),
        http("billing", billing::api),
        http("stripe_webhook", stripe_webhook::api),
        http("integrations", integrations::api),
        http("slack_events", slack_events::api),
        http("webhooks", webhooks::api),
        http("query", query::api),
        http("widget", widget::api),
        http("console", console::api),
        queue::<fetch_pages::FetchPages>(),
        queue::<index_documents::IndexDocuments>(),
        queue::<purge::PurgeDeleted>(),
        queue::<export_user::ExportUser>(),
        queue::<answer_slack::AnswerSlack>(),
        queue::<deliver_webhooks::DeliverWebhooks>(),
        queue::<import_data_source::ImportDataSource>(),
        queue::<embed_passages::EmbedPassages>(),
        queue::<apply_stripe_events::ApplyStripeEvents>(),
        queue::<send_mail::SendMail>(),
        schedule::<relay_outbox::RelayOutbox>(),
        schedule::<reset_quotas::ResetQuotas>(),
        schedule::<reconcile_billing::ReconcileBilling>(),
        table_stream::<roll_up_usage::RollUpUsage>(|tables| &tables.usage),
        table_stream::<dispatch_webhooks::DispatchWebhooks>(|tables| &tables.app),
    ]
}

/// A function.
struct Function {
    name: &'static str,
    trigger: Trigger,
}

/// What invokes a function, and its entry point.
enum Trigger {
    Http(fn() -> Api),
    Queue(fn(Deployment) -> mapping::Handler),
    Schedule(Duration, fn(App) -> BoxFuture<'static, Result<()>>),
    TableStream(fn(&Tables) -> &String, fn(Deployment) -> stream::Handler),
}

fn http(name: &'static str, api: fn() -> Api) -> Function {
    Function {
        name,
        trigger: Trigger::Http(api),
    }
}

fn queue<J: Job>() -> Function {
    Function {
        name: J::Message::QUEUE.name(),
        trigger: Trigger::Queue(batches::<J>),
    }
}

fn schedule<S: Schedule>() -> Function {
    Function {
        name: S::NAME,
        trigger: Trigger::Schedule(S::INTERVAL, S::run),
    }
}

fn table_stream<F: Follower>(table: fn(&Tables) -> &String) -> Function {
    Function {
        name: F::NAME,
        trigger: Trigger::TableStream(table, changes::<F>),
    }
}

/// Returns the handler of a queue's batches.
fn batches<J: Job>(deployment: Deployment) -> mapping::Handler {
    Arc::new(move |event, time_limit| {
        let app = deployment
            .app(J::Message::QUEUE.name())
            .map_err(|error| error.to_string());
        Box::pin(async move {
            let app = app?;
            let ends_at = domain::time::after(app.clock.now(), time_limit);
            let answer = runtime::deliver::<J>(app, event, ends_at).await;
            serde_json::to_value(answer).map_err(|error| error.to_string())
        })
    })
}

/// Returns the handler of a table's changes.
fn changes<F: Follower>(deployment: Deployment) -> stream::Handler {
    Arc::new(move |event| {
        let app = deployment.app(F::NAME).map_err(|error| error.to_string());
        Box::pin(async move { Ok(runtime::process_batch::<F>(app?, event).await) })
    })
}

/// Returns the names of all functions.
pub fn names() -> Vec<&'static str> {
    functions().iter().map(|function| function.name).collect()
}

/// Returns the HTTP functions with their route tables.
pub fn groups() -> Vec<(&'static str, Api)> {
    let groups = functions().into_iter().filter_map(|function| match function.trigger {
        Trigger::Http(api) => Some((function.name, api())),
        _ => None,
    });
    groups.collect()
}

/// Returns the route table of an HTTP function; `None` if it does not exist.
pub(crate) fn group(name: &str) -> Option<Api> {
    functions().into_iter().find_map(|function| match function.trigger {
        Trigger::Http(api) if function.name == name => Some(api()),
        _ => None,
    })
}

/// Returns a router of all operations, served by one app: for measurements.
pub fn router(app: App) -> axum::Router {
    let apis = groups().into_iter().map(|(_, api)| api);
    apis.reduce(Api::merge).map(|api| api.finish(app)).unwrap_or_default()
}

/// Returns the `OpenAPI` document of all HTTP functions.
pub fn openapi() -> serde_json::Value {
    let apis: Vec<Api> = groups().into_iter().map(|(_, api)| api).collect();
    http_api::openapi(&apis)
}

/// A function that consumes a queue.
pub struct Worker {
    /// Its name, and that of its queue.
    pub name: &'static str,
    /// The handler of a batch.
    pub handler: mapping::Handler,
}

/// Returns the functions that consume a queue, in the order in which they are drained.
pub fn workers(deployment: &Deployment) -> Vec<Worker> {
    let workers = functions().into_iter().filter_map(|function| match function.trigger {
        Trigger::Queue(handler) => Some(Worker {
            name: function.name,
            handler: handler(deployment.clone()),
        }),
        _ => None,
    });
    workers.collect()
}

/// A function that processes the changes of a table.
pub struct Consumer {
    /// Its name.
    pub name: &'static str,
    /// The table.
    pub table: String,
    /// The handler of a batch.
    pub handler: stream::Handler,
}

/// Returns the functions that process the changes of a table.
pub fn followers(deployment: &Deployment, tables: &Tables) -> Vec<Consumer> {
    let followers = functions().into_iter().filter_map(|function| match function.trigger {
        Trigger::TableStream(table, handler) => Some(Consumer {
            name: function.name,
            table: table(tables).clone(),
            handler: handler(deployment.clone()),
        }),
        _ => None,
    });
    followers.collect()
}

/// A function that runs on a schedule.
#[derive(Clone, Copy)]
pub struct Scheduled {
    /// Its name.
    pub name: &'static str,
    /// The interval.
    pub every: Duration,
    /// The function's entry point.
    pub run: fn(App) -> BoxFuture<'static, Result<()>>,
}

/// Returns the functions that run on a schedule.
pub fn schedules() -> Vec<Scheduled> {
    let schedules = functions().into_iter().filter_map(|function| match function.trigger {
        Trigger::Schedule(every, run) => Some(Scheduled {
            name: function.name,
            every,
            run,
        }),
        _ => None,
    });
    schedules.collect()
}
