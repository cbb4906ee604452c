//! Counting what people think of answers, and questions that were not answered: by chatbot, user and day.

use domain::{Answer, ChatbotId, Day, EventData, MessageId, OrgId, Result, Turn, UnansweredQuestion, UserId};
use store::{AnswerCount, Conversations, Saved};

use crate::{App, orgs::NO_ORG};

/// What is written in the transaction that counts something about an answer.
pub(crate) enum Beside<'a> {
    /// Nothing.
    Nothing,
    /// The event that webhooks get, if one wants it.
    Event(Box<EventData>),
    /// The question, in the list of those that were not answered.
    Unanswered(&'a UnansweredQuestion),
}

impl App {
    /// Saves a turn in which `change` counts something about an answer, with what is written beside it. The day of the answer
    /// is stored with it, so that what is taken back is taken from the day on which it was counted.
    ///
    /// # Errors
    /// Returns [`domain::Error::NotFound`] if the organization was deleted.
    pub(crate) async fn save_counted(
        &self,
        conversations: &Conversations,
        (org, user): (&OrgId, &UserId),
        turn: &mut Turn,
        (answer, chatbot): (&MessageId, Option<&ChatbotId>),
        beside: Beside<'_>,
        change: impl Fn(AnswerCount) -> AnswerCount,
    ) -> Result<Saved> {
        let org = self.store.orgs().get(org).await?.ok_or(NO_ORG)?.org;
        let occurrence = format!("{answer} {}", self.clock.now());
        let (event, unanswered) = match beside {
            Beside::Nothing => (None, None),
            Beside::Event(data) => (self.event_of(&org, *data, &occurrence), None),
            Beside::Unanswered(question) => (None, Some(question)),
        };
        let Some(answer) = turn.answer_mut(answer) else {
            return conversations.save(turn).await;
        };
        let day = match answer.counted_on {
            Some(day) => day,
            None => Day::of(answer.created_at, &org.time_zone)?.date,
        };
        let count = change(AnswerCount {
            org: org.id,
            is_personal: org.personal,
            user: user.clone(),
            day,
            chatbot: chatbot.cloned(),
            up: 0,
            down: 0,
            unanswered: 0,
            now: self.clock.now(),
        });
        if count.is_empty() {
            return conversations.save_promising(turn, event.as_deref()).await;
        }
        answer.counted_on = Some(day);
        conversations
            .save_counted(turn, &count, (event.as_deref(), unanswered))
            .await
    }
}

/// What counts if an answer that is not stored turns out to be a refusal.
pub(crate) struct UnstoredAnswer {
    pub(crate) app: App,
    pub(crate) org: OrgId,
    pub(crate) user: UserId,
    pub(crate) chatbot: ChatbotId,
    pub(crate) refusal: Option<String>,
}

impl UnstoredAnswer {
    /// Counts a question that was not answered. A failure loses a count and not an answer.
    pub(crate) async fn count(&self, answer: &Answer) {
        if !is_refusal(answer, self.refusal.as_deref()) {
            return;
        }
        let counted = async {
            let org = self.app.store.orgs().get(&self.org).await?.ok_or(NO_ORG)?.org;
            let count = AnswerCount {
                day: Day::of(answer.created_at, &org.time_zone)?.date,
                is_personal: org.personal,
                org: org.id,
                user: self.user.clone(),
                chatbot: Some(self.chatbot.clone()),
                up: 0,
                down: 0,
                unanswered: 1,
                now: self.app.clock.now(),
            };
            self.app.store.ledger().count_answer(&count).await
        };
        if let Err(error) = counted.await {
            tracing::warn!(%error, "answer.not_counted");
        }
    }
}

/// Returns whether an answer is the refusal of its chatbot. `refusal`: the chatbot's own text, if it has one.
pub(crate) fn is_refusal(answer: &Answer, refusal: Option<&str>) -> bool {
    let text = match &answer.notice {
        Some(notice) => answer
            .text
            .trim_end()
            .strip_suffix(notice.as_str())
            .unwrap_or(&answer.text),
        None => &answer.text,
    };
    llm::is_refusal(text, refusal)
}
