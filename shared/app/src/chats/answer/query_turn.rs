//! Turns that a database answers: they are begun and ended like those that a model answers.

use domain::{Answer, Conversation, EventType, MessageId, Result, Turn, TurnId};
use store::Conversations;

use super::{
    Draft, NO_MESSAGE, TurnAction, history, title,
    write::{Asker, event_of, store},
};
use crate::{App, BillingContext};

/// A turn whose answer is in progress.
pub(crate) struct BegunTurn {
    conversations: Conversations,
    conversation: Conversation,
    turn: Turn,
    answer: MessageId,
}

impl App {
    /// Returns the turns of a chat session that are shown, newest first, as many as a model is told.
    pub(crate) async fn turns_before(
        &self,
        conversations: &Conversations,
        conversation: &Conversation,
    ) -> Result<Vec<Turn>> {
        let head = conversation.head.as_ref().map(TurnId::question);
        history(conversations, &conversation.id, head).await
    }

    /// Stores a question after the turn that is shown, with an answer in progress.
    ///
    /// # Errors
    /// Returns [`domain::Error::Conflict`] `answer_in_progress`.
    pub(crate) async fn begin_turn(
        &self,
        conversations: Conversations,
        conversation: Conversation,
        question: String,
    ) -> Result<BegunTurn> {
        let asked = TurnAction::Append(question);
        let Draft {
            conversation,
            mut turn,
            answer,
            ..
        } = self.draft(&conversations, conversation, asked).await?;
        let title = title::cut(&turn.question);
        self.announce(&conversations, &conversation, (&mut turn, &answer), &title)
            .await?;
        Ok(BegunTurn {
            conversations,
            conversation,
            turn,
            answer,
        })
    }

    /// Stores the answer of a turn that was begun, and tells webhooks of it. Returns the turn and the answer.
    ///
    /// # Errors
    /// Returns [`domain::Error::NotFound`] if the turn was deleted in the meantime.
    pub(crate) async fn end_turn(
        &self,
        billing: &BillingContext,
        begun: BegunTurn,
        describe: impl Fn(&mut Answer),
    ) -> Result<(Turn, MessageId)> {
        let BegunTurn {
            conversations,
            conversation,
            mut turn,
            answer,
        } = begun;
        let now = self.clock.now();
        let describe = |answer: &mut Answer| {
            describe(answer);
            answer.completed_at = Some(now);
        };
        let mut whole = turn.answer(&answer).cloned();
        if let Some(whole) = &mut whole {
            describe(whole);
        }
        let wanted = self.terms(billing).await?.org.webhooks;
        let asker = Asker {
            org: billing.org.clone(),
            user: billing.user.clone(),
            chatbot: conversation.chatbot,
            refusal: None,
        };
        let event = whole.filter(|_| wanted.wants(EventType::MessageCreated));
        let event = event.and_then(|answer| event_of(self, &turn, &answer, &asker));
        let stored = store(&conversations, &mut turn, (&answer, event.as_ref()), describe);
        if stored.await? {
            Ok((turn, answer))
        } else {
            Err(NO_MESSAGE)
        }
    }
}
