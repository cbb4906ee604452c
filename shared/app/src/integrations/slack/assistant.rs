//! The assistant pane: a greeting, and the questions that a chatbot suggests.

use std::time::Duration;

use domain::time::after;
use serde_json::{Value, json};
use store::SlackClaim;

use super::{Connected, reply::metadata};
use crate::Delivery;

/// Most questions that are suggested.
const MAX_PROMPTS: usize = 4;

impl Connected<'_> {
    /// Greets a person who opened the assistant pane, with the questions that the chatbot suggests.
    pub(super) async fn greet(&self, channel: &str, thread: &str, delivery: &Delivery) -> domain::Result<()> {
        let Some(chatbot) = self.chatbot(channel).await? else {
            return Ok(());
        };
        let holder = delivery.holder();
        let place = (&self.integration.id, channel, thread);
        let integrations = self.app.store.integrations(&self.integration.org);
        let now = self.app.clock.now();
        let until = after(now, Duration::from_mins(1));
        let SlackClaim::Held(mut state) = integrations.claim_reply(place, &holder, until, now).await? else {
            return Ok(());
        };
        if state.is_done {
            return Ok(());
        }
        // Said once or not at all.
        state.is_done = true;
        if !integrations.save_reply(place, &holder, &state).await? {
            return Ok(());
        }
        let token = self.token.expose();
        let questions = chatbot.settings.suggested_questions.iter().take(MAX_PROMPTS);
        let prompts: Vec<Value> = questions
            .map(|question| json!({"title": question, "message": question}))
            .collect();
        let mut calls = Vec::new();
        if let Some(welcome) = &chatbot.settings.welcome_message {
            let text = slack::without_mentions(welcome);
            let mut message = json!({"channel": channel, "thread_ts": thread, "markdown_text": text});
            message["metadata"] = metadata(thread);
            calls.push(("chat.postMessage", message));
        }
        if !prompts.is_empty() {
            let prompts = json!({"channel_id": channel, "thread_ts": thread, "prompts": prompts});
            calls.push(("assistant.threads.setSuggestedPrompts", prompts));
        }
        for (method, arguments) in calls {
            if let Err(error) = self.app.slack.call::<Value>(token, method, &arguments, false).await {
                self.slack_failure(&error).await?;
            }
        }
        Ok(())
    }
}
