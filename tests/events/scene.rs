//! A stack in which everything exists that the events ask for.

use std::time::Duration;

use aws_lambda_events::{dynamodb, eventbridge::EventBridgeEvent, sqs::SqsEvent};
use http_api::Api;
use lambda_http::request;
use local::functions;
use reqwest::Method;
use serde_json::Value;

use super::{
    files::{api, encoded, function_of, read, streams},
    lambda::{self, Reply},
};
use crate::support::{Caller, Test};

/// A stack with what the placeholders stand for.
pub(super) struct Scene {
    pub(super) t: Test,
    /// Whose account the events use.
    pub(super) ada: Caller,
    values: [(&'static str, String); 5],
}

impl Scene {
    pub(super) async fn new() -> Self {
        let t = Test::new().await;
        let ada = t.user("ada").await;
        let upload = request::from_str(&read("documents/upload.json")).unwrap();
        let form = ada.request(Method::POST, "/api/v1/documents/upload");
        let form = form.header("content-type", &upload.headers()["content-type"]);
        let document = ada.send(form.body(upload.body().to_vec())).await.created().text("id");
        t.drain().await;
        let session = ada.session(&[&document]).await;
        let values = [
            ("{{email}}", "ada@example.com".to_owned()),
            ("{{new_email}}", "grace@example.com".to_owned()),
            ("{{access_token}}", ada.token.clone()),
            ("{{document_id}}", document),
            ("{{session_id}}", session),
        ];
        Self { t, ada, values }
    }

    /// The text without placeholders.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.values {
            text = text.replace(name, value);
        }
        assert!(!text.contains("{{"), "a placeholder that nobody fills in: {text}");
        text
    }

    /// Gives an event to its function.
    pub(super) async fn replay(&self, event: &str) -> Reply {
        let (function, text) = (function_of(event), self.fill(&read(event)));
        if let Some(api) = api(function) {
            return self.serve(function, api, &encoded(&text)).await;
        }
        let deployment = self.t.stack.functions();
        let mut workers = functions::workers(deployment).into_iter();
        if let Some(worker) = workers.find(|worker| worker.name == function) {
            let batch: SqsEvent = serde_json::from_str(&text).unwrap();
            let answer = (worker.handler)(batch, Duration::from_mins(1)).await;
            return Reply::of_worker(answer.unwrap());
        }
        let mut followers = functions::followers(deployment, &self.t.stack.app().config.tables).into_iter();
        if let Some(follower) = followers.find(|follower| follower.name == function) {
            let batch: dynamodb::Event = serde_json::from_str(&text).unwrap();
            let failed = (follower.handler)(batch).await.unwrap();
            return Reply::of_worker(serde_json::to_value(failed).unwrap());
        }
        let event: EventBridgeEvent = serde_json::from_str(&text).unwrap();
        assert_eq!(event.source, "aws.scheduler");
        let mut schedules = functions::schedules().into_iter();
        let schedule = schedules.find(|schedule| schedule.name == function);
        let schedule = schedule.expect("a function of this name");
        let app = deployment.app(schedule.name).unwrap();
        (schedule.run)(app).await.unwrap();
        Reply::of_worker(Value::Null)
    }

    /// Gives the text of an event to an HTTP function.
    pub(super) async fn serve(&self, function: &str, api: Api, event: &str) -> Reply {
        let router = api.finish(self.t.stack.functions().app(function).unwrap());
        if streams(function) {
            lambda::streamed(router, event).await
        } else {
            Reply::of_whole(lambda::whole(router, event).await)
        }
    }
}
