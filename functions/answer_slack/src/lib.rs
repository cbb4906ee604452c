//! Worker: answers messages at Slack in their threads, and keeps the state of installations.

use app::{App, BoxFuture, Delivery};
use domain::{Result, SlackMessage};
use runtime::Job;

/// Consumes the queue `answer_slack`.
#[derive(Debug)]
pub struct AnswerSlack;

impl Job for AnswerSlack {
    type Message = SlackMessage;

    fn run(app: App, message: SlackMessage, delivery: Delivery) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { app.answer_slack(&message, &delivery).await })
    }
}
