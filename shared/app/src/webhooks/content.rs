//! The body of a request. Texts of conversations are read when an event is sent, and stored with neither the event nor
//! its deliveries: what was deleted since is not sent.

use domain::{
    ConversationId, EventData, MessageId, OrgId, Result, Timestamp, TurnId, UserId, Webhook, WebhookEvent,
    webhooks::data::{FeedbackTexts, MessageTexts},
};
use serde::Serialize;

use crate::App;

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(flatten)]
    data: &'a EventData,
    timestamp: Timestamp,
    org_id: &'a OrgId,
}

/// Returns the body of an event.
pub(super) fn body_of(event: &WebhookEvent) -> Result<String> {
    let payload = Payload {
        data: &event.data,
        timestamp: event.at,
        org_id: &event.org,
    };
    serde_json::to_string(&payload).map_err(domain::Error::internal)
}

impl App {
    /// Returns the body of an event as a webhook gets it.
    pub(super) async fn payload(&self, webhook: &Webhook, event: &WebhookEvent) -> Result<String> {
        if !webhook.include_content {
            return body_of(event);
        }
        let mut full = event.clone();
        let org = &event.org;
        match &mut full.data {
            EventData::MessageCreated(message) => {
                let place = (&message.user_id, &message.session_id, &message.prompt_id);
                message.content = self
                    .texts(org, place, &message.message_id)
                    .await?
                    .map(|texts| MessageTexts {
                        question: texts.question,
                        answer: texts.answer,
                    });
            }
            EventData::MessageFeedback(feedback) => {
                let place = (&feedback.user_id, &feedback.session_id, &feedback.prompt_id);
                feedback.content = self.texts(org, place, &feedback.message_id).await?;
            }
            _ => {}
        }
        body_of(&full)
    }

    /// Returns the texts of an answer that still exists.
    async fn texts(
        &self,
        org: &OrgId,
        (user, session, prompt): (&UserId, &ConversationId, &TurnId),
        message: &MessageId,
    ) -> Result<Option<FeedbackTexts>> {
        let conversations = self.conversations(org, user);
        if conversations.get(session).await?.is_none() {
            return Ok(None);
        }
        let turn = conversations.turn(session, prompt).await?;
        Ok(turn.and_then(|turn| {
            let answer = turn.answer(message)?.clone();
            Some(FeedbackTexts {
                question: turn.question,
                answer: answer.text,
                reason: answer.feedback.and_then(|feedback| feedback.reason),
            })
        }))
    }
}
