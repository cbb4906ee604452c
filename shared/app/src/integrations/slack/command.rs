//! Slash commands: a question whose answer only the person who asked sees. No conversation is kept.

use serde_json::{Value, json};

use super::{
    Connected, held,
    words::{NO_CHATBOT, NO_QUESTION, TOO_MANY, Told, told},
};
use crate::{BillingContext, CompletionRequest, Delivery, GenerationOptions};

impl Connected<'_> {
    /// Answers a command at its `response_url`, at most once.
    pub(super) async fn answer_command(
        &self,
        (text, user, channel): (&str, &str, &str),
        (trigger, response_url): (&str, &str),
        delivery: &Delivery,
    ) -> domain::Result<()> {
        let holder = delivery.holder();
        let place = (&self.integration.id, channel, trigger);
        let integrations = self.app.store.integrations(&self.integration.org);
        let now = self.app.clock.now();
        let claimed = integrations.claim_reply(place, &holder, delivery.lease_end(), now);
        let mut state = held(claimed.await?, now)?;
        if state.is_done || state.is_posting {
            return Ok(());
        }
        let message = match self.command_message(text, (user, channel), &mut state.is_counted).await {
            Ok(message) => message,
            Err(error) => match told(&error, delivery.receive_count > 1) {
                Told::Person(text) | Told::Thread(text) => json!({"text": slack::to_mrkdwn(&text)}),
                Told::Later => {
                    integrations.save_reply(place, &holder, &state).await?;
                    integrations.release_reply(place, &holder).await?;
                    return Err(error);
                }
            },
        };
        let mut message = message;
        message["response_type"] = json!("ephemeral");
        state.is_posting = true;
        if !integrations.save_reply(place, &holder, &state).await? {
            return Ok(());
        }
        if let Err(error) = self.app.slack.respond(response_url, &message).await {
            tracing::warn!(%error, "slack.command_not_answered");
        }
        state.is_done = true;
        integrations.save_reply(place, &holder, &state).await.map(|_| ())
    }

    async fn command_message(
        &self,
        text: &str,
        (user, channel): (&str, &str),
        is_counted: &mut bool,
    ) -> domain::Result<Value> {
        let say = |text: &str| Ok(json!({"text": slack::to_mrkdwn(text)}));
        let question = slack::from_mrkdwn(text, &self.bot_user);
        let Some(chatbot) = self.chatbot(channel).await? else {
            return say(NO_CHATBOT);
        };
        if question.is_empty() {
            return say(chatbot.settings.welcome_message.as_deref().unwrap_or(NO_QUESTION));
        }
        if !*is_counted && !self.may_ask(user).await? {
            return say(TOO_MANY);
        }
        *is_counted = true;
        let Some(payer) = self.app.payer(&chatbot.org, &self.integration.created_by).await? else {
            return say(NO_CHATBOT);
        };
        let billing = BillingContext::user(&payer, &chatbot.org).with_chatbot(&chatbot);
        let asked = CompletionRequest {
            model: chatbot.settings.model.clone(),
            messages: vec![llm::Message::user(&question)],
            options: GenerationOptions::default(),
        };
        let completion = self.app.complete_whole_as(billing, Some(chatbot), asked).await?;
        let answer = completion.answer;
        let sources = slack::answer_blocks(&self.references(&answer).await?, None);
        let parts = slack::split(&answer.text);
        let first = parts.first().cloned().unwrap_or_default();
        let mut blocks = vec![json!({"type": "markdown", "text": first})];
        if parts.len() > 1 {
            let more = "The answer is longer than a message. Mention me in a channel to get all of it.";
            blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": more}]}));
        }
        blocks.extend(sources);
        let notice: String = first.chars().take(300).collect();
        Ok(json!({"text": slack::to_mrkdwn(&notice), "blocks": blocks}))
    }
}
