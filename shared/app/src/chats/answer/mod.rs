//! Answering a message of a conversation, from the documents of its chatbot, with citations.
//!
//! An answer is written by a task of its own, which goes on when no one listens any more: whoever asked, and whoever
//! comes back later, only follows it. One answer of a conversation is written at a time.

mod active_answers;
mod begin;
mod follow;
mod generation_options;
mod grounding;
mod post_processor;
mod title;
mod write;

use std::time::Duration;

pub(crate) use active_answers::ActiveAnswers;
use domain::{Conversation, ConversationId, Error, MessageId, PageRequest, Result, Turn, UpstreamKind};
pub use follow::LastSeen;
use futures::{
    future::BoxFuture,
    stream::{BoxStream, StreamExt as _},
};
pub use generation_options::GenerationOptions;
pub(crate) use grounding::Grounding;
pub(crate) use post_processor::AnswerPostProcessor;
use store::Conversations;
pub(crate) use title::cut;

use crate::{App, BillingContext};

/// Turns of a conversation that a model is shown at most; of these, as many as fit into its window.
const HISTORY: u16 = 50;
/// Who writes an answer says so again before this has passed; otherwise the answer has failed.
const LEASE: Duration = Duration::from_secs(45);
/// Most versions of one question: each learns of all others in one transaction.
const MAX_VERSIONS: usize = 20;

/// Code of the error of an answer that takes longer than one may that is not streamed: asking for it again is no use.
pub const ANSWER_NOT_STREAMED: &str = "answer_not_streamed";

const SESSION_NOT_FOUND: Error = Error::NotFound("chat session");
const NO_MESSAGE: Error = Error::NotFound("message");

/// What a person wants answered.
#[derive(Debug, Clone)]
pub struct Question {
    /// The conversation.
    pub conversation: ConversationId,
    /// What they wrote, and where in the conversation.
    pub asked: TurnAction,
    /// Model or alias that answers; that of the chatbot, or of the conversation, when left out.
    pub model: Option<String>,
    /// How the answer is wanted.
    pub options: GenerationOptions,
    /// Whether the stream holds what the model thinks.
    pub include_thinking: bool,
}

/// What a person wrote, and where in the conversation.
#[derive(Debug, Clone)]
pub enum TurnAction {
    /// A message behind what is shown.
    Append(String),
    /// Another version of a question that was asked before: a branch.
    Edit(MessageId, String),
    /// Another answer to a question that was asked before; a question or one of its answers.
    Regenerate(MessageId),
    /// More of an answer that ended because it had become too long.
    Continue(MessageId),
}

/// Part of an answer.
#[derive(Debug)]
pub enum AnswerEvent {
    /// What the model thinks, for those who want to see it. It is kept nowhere.
    Thinking {
        /// The answer.
        answer: MessageId,
        /// Bytes of the answer so far, which thinking is no part of.
        end: usize,
        /// The words.
        text: String,
    },
    /// The next words, with citations as `[number]`.
    Text {
        /// The answer.
        answer: MessageId,
        /// Bytes of the answer up to the end of these words: where to go on after them.
        end: usize,
        /// The words.
        text: String,
    },
    /// The answer is stored as it is. Always the last event of a good stream.
    Done(Box<Answered>),
}

/// A turn, and which answer of it this is about.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The turn.
    pub turn: Turn,
    /// The answer.
    pub answer: MessageId,
}

/// An answer as it is made. Dropping it stops nothing: the answer is written to its end and stored.
pub type AnswerStream = BoxStream<'static, Result<AnswerEvent>>;

impl App {
    /// Answers a message. This resolves once the model has begun, or one second after its provider took the request:
    /// whatever fails before is refused, and what fails later comes through the stream. An answer that failed is kept
    /// as `failed`.
    ///
    /// # Errors
    /// [`Error::NotFound`] without such a conversation or message, [`Error::Conflict`] `chatbot_deleted`,
    /// `answer_in_progress`, `not_continuable`, `too_many_versions`, `too_many_answers`, and those of
    /// [`App::generate`].
    pub fn answer(&self, billing: BillingContext, question: Question) -> BoxFuture<'_, Result<AnswerStream>> {
        Box::pin(async move {
            let conversations = self.conversations(&billing.org, &billing.user);
            let conversation = conversations
                .get(&question.conversation)
                .await?
                .ok_or(SESSION_NOT_FOUND)?;
            let draft = self.draft(&conversations, conversation, question.asked).await?;
            self.begin(
                billing,
                conversations,
                draft,
                question.model,
                question.options,
                question.include_thinking,
            )
            .await
        })
    }

    /// The answer of [`App::answer`], whole.
    ///
    /// # Errors
    /// As there, as the stream fails, and [`Error::Upstream`] `answer_not_streamed` when it takes longer than a client waits
    /// for a whole one; it is written on then.
    pub fn answer_whole(&self, billing: BillingContext, question: Question) -> BoxFuture<'_, Result<Answered>> {
        Box::pin(async move {
            let whole = async {
                let mut events = self.answer(billing, question).await?;
                while let Some(event) = events.next().await {
                    if let AnswerEvent::Done(answered) = event? {
                        return Ok(*answered);
                    }
                }
                Err(Error::internal("an answer ended without its last event"))
            };
            self.in_time_for_a_whole_answer(whole, "The answer is written on; read it in the chat session later.")
                .await
        })
    }

    /// An answer that is not streamed, unless it takes longer than a client can wait for one.
    pub(crate) async fn in_time_for_a_whole_answer<T>(
        &self,
        whole: impl Future<Output = Result<T>>,
        afterwards: &str,
    ) -> Result<T> {
        let limit = self.config.answers.whole;
        tokio::time::timeout(limit, whole).await.unwrap_or_else(|_| {
            let seconds = limit.as_secs_f64();
            Err(Error::Upstream {
                kind: UpstreamKind::TimedOut,
                code: ANSWER_NOT_STREAMED,
                retry_after: None,
                detail: format!(
                    "The model takes longer than the {seconds} seconds that an answer may take as a whole. Ask for a stream \
                     with `\"stream\": true`, which may take 14 minutes. {afterwards}"
                ),
            })
        })
    }

    /// The turn that is answered next, and what was said before it.
    async fn draft(
        &self,
        conversations: &Conversations,
        conversation: Conversation,
        asked: TurnAction,
    ) -> Result<Draft> {
        let now = self.clock.now();
        let id = conversation.id.clone();
        let head = conversation.head.as_ref();
        let (mut turn, before) = match asked {
            TurnAction::Append(content) => {
                let before = history(conversations, &id, head.map(domain::TurnId::question)).await?;
                self.is_free(before.first())?;
                let turn = self.ids.make_turn(&id, head)?;
                (Turn::new(turn, id.clone(), before.first(), content, now), before)
            }
            TurnAction::Edit(message, content) => {
                let old = self.free_turn(conversations, &conversation, &message).await?;
                let before = history(conversations, &id, old.before()).await?;
                let mut turn = Turn::new(self.ids.make_turn(&id, head)?, id.clone(), None, content, now);
                (turn.parent, turn.after) = (old.parent.clone(), old.after.clone());
                turn.versions.clone_from(&old.versions);
                if turn.versions.is_empty() {
                    turn.versions.push(old.id);
                }
                turn.versions.push(turn.id.clone());
                if turn.versions.len() > MAX_VERSIONS {
                    let detail = format!("A question can have {MAX_VERSIONS} versions; ask it anew instead.");
                    return Err(Error::conflict("too_many_versions", detail));
                }
                (turn, before)
            }
            TurnAction::Regenerate(message) => {
                let turn = self.free_turn(conversations, &conversation, &message).await?;
                let before = history(conversations, &id, turn.before()).await?;
                (turn, before)
            }
            TurnAction::Continue(message) => {
                let mut turn = self.free_turn(conversations, &conversation, &message).await?;
                let answer = turn.answer(&message).ok_or(NO_MESSAGE)?;
                let is_cut = answer.finish_reason.as_deref() == Some("length");
                if !is_cut || answer.model.as_deref() == Some("local") {
                    let detail = "Only an answer that a language model ended because of its length can be continued.";
                    return Err(Error::conflict("not_continuable", detail));
                }
                turn.show(&message);
                let before = history(conversations, &id, turn.before()).await?;
                return Ok(Draft {
                    conversation,
                    turn,
                    before,
                    answer: message,
                });
            }
        };
        let Some(answer) = turn.add_answer(now) else {
            let detail = "This question has as many answers as it can have; ask it anew instead.";
            return Err(Error::conflict("too_many_answers", detail));
        };
        let answer = answer.id.clone();
        Ok(Draft {
            conversation,
            turn,
            answer,
            before,
        })
    }

    /// The turn of a message, when no answer of the conversation is being written.
    async fn free_turn(
        &self,
        conversations: &Conversations,
        conversation: &Conversation,
        message: &MessageId,
    ) -> Result<Turn> {
        let id = message.turn();
        let turn = conversations.turn(&conversation.id, &id).await?.ok_or(NO_MESSAGE)?;
        if !message.is_question() && turn.answer(message).is_none() {
            return Err(NO_MESSAGE);
        }
        match &conversation.head {
            Some(head) if *head != id => {
                self.is_free(conversations.turn(&conversation.id, head).await?.as_ref())?;
            }
            _ => self.is_free(Some(&turn))?,
        }
        Ok(turn)
    }

    /// An answer is always written at the head, so the head tells whether one is.
    pub(crate) fn is_free(&self, head: Option<&Turn>) -> Result<()> {
        if head.is_some_and(|turn| turn.is_generating(self.clock.now())) {
            Err(in_progress())
        } else {
            Ok(())
        }
    }
}

/// A turn that is to be answered.
struct Draft {
    /// As it was read: whatever was done to its path since makes the turn impossible.
    conversation: Conversation,
    turn: Turn,
    /// The answer that is to be written.
    answer: MessageId,
    /// The turns before it, newest first.
    before: Vec<Turn>,
}

/// The turns that lead to a message, newest first.
async fn history(conversations: &Conversations, id: &ConversationId, message: Option<MessageId>) -> Result<Vec<Turn>> {
    let page = PageRequest {
        limit: HISTORY,
        after: None,
    };
    match message {
        Some(message) => Ok(conversations.path(id, Some(&message), &page).await?.items),
        None => Ok(Vec::new()),
    }
}

pub(crate) fn in_progress() -> Error {
    let detail = "An answer of this chat session is being written; wait for its end, or stop it.";
    Error::conflict("answer_in_progress", detail)
}
