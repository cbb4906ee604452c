//! Following an answer, from its start or from where a connection was lost, and stopping it.

use std::{sync::Arc, time::Duration};

use async_stream::try_stream;
use domain::{AnswerStatus, ConversationId, Error, MessageId, Result, Turn};
use futures::{StreamExt as _, future::BoxFuture};
use store::Conversations;
use tokio::sync::watch;

use super::{
    AnswerEvent, AnswerStream, Answered, NO_MESSAGE, SESSION_NOT_FOUND,
    active_answers::{Ended, Progress, copy_of, interrupted},
};
use crate::{App, ChatSessions};

/// Polling interval for an answer that another process generates.
const POLL: Duration = Duration::from_millis(500);
/// Polling interval for whether an answer has stopped.
const STOP_POLL: Duration = Duration::from_millis(200);
/// Number of such polls before the answer is returned as it is.
const STOP_LOOKS: usize = 25;

/// The last frame of an answer that a client has received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastSeen {
    /// The answer.
    pub answer: MessageId,
    /// Bytes of it that were received; `None` if the client also has the end.
    pub bytes: Option<usize>,
}

impl LastSeen {
    /// Parses the `id:` of a frame: the answer, and how much of it the client has.
    pub fn parse(text: &str) -> Option<Self> {
        let (answer, seen) = text.trim().split_once(':')?;
        let bytes = match seen {
            "end" => None,
            bytes => Some(bytes.parse().ok()?),
        };
        Some(Self {
            answer: MessageId(answer.to_owned()),
            bytes,
        })
    }
}

impl AnswerEvent {
    /// Returns the `id:` of its frame, in the format of [`LastSeen::parse`].
    pub fn id(&self) -> String {
        match self {
            Self::Text { answer, end, .. } | Self::Thinking { answer, end, .. } => format!("{answer}:{end}"),
            Self::Done(answered) => format!("{}:end", answered.answer),
        }
    }
}

impl ChatSessions {
    /// Follows an answer from where the client left off, whether this process or another one generates it or it is
    /// already stored. `message`: the answer, or its question for the answer that is shown. `include_thinking`: whether
    /// to include the model's reasoning if this process generates the answer, from the start if the client has received
    /// nothing, else only new reasoning.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::BadRequest`] `invalid_last_event_id`.
    pub fn follow_answer<'a>(
        &'a self,
        conversation: &'a ConversationId,
        message: &'a MessageId,
        seen: Option<LastSeen>,
        include_thinking: bool,
    ) -> BoxFuture<'a, Result<AnswerStream>> {
        Box::pin(async move {
            let turn = self.turn_of(conversation, message).await?;
            let named = seen.as_ref().map(|seen| &seen.answer).filter(|_| message.is_question());
            let answer = answer_of(&turn, named.unwrap_or(message))?;
            if seen.as_ref().is_some_and(|seen| seen.answer != answer) {
                return Err(not_of_it());
            }
            let from = match &seen {
                None => 0,
                Some(LastSeen { bytes: Some(bytes), .. }) => *bytes,
                // The client has all of it, unless it was continued since.
                Some(LastSeen { bytes: None, .. }) if !is_generating(&turn, &answer, &self.app) => {
                    return Ok(futures::stream::empty().boxed());
                }
                Some(LastSeen { bytes: None, .. }) => turn.answer(&answer).map_or(0, |answer| answer.text.len()),
            };
            if let Some(live) = self.app.active_answers.get(&answer) {
                text_after(&live.text(), from)?;
                let progress = live.follow();
                let thought = if seen.is_some() {
                    progress.borrow().thinking.len()
                } else {
                    0
                };
                return Ok(follow(progress, answer, from, include_thinking.then_some(thought)));
            }
            let stored = turn.answer(&answer).map_or("", |answer| &answer.text);
            // Another process may have generated more than it has stored.
            if from > stored.len() && !is_generating(&turn, &answer, &self.app) {
                return Err(not_of_it());
            }
            text_after(stored, from)?;
            Ok(watch_table(
                self.app.clone(),
                self.conversations.clone(),
                turn,
                answer,
                from,
            ))
        })
    }

    /// Stops an answer that this process or another one generates, and returns it as it was stored then; a finished
    /// answer stays unchanged.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn stop_answer<'a>(
        &'a self,
        conversation: &'a ConversationId,
        message: &'a MessageId,
    ) -> BoxFuture<'a, Result<Answered>> {
        Box::pin(async move {
            let mut turn = self.turn_of(conversation, message).await?;
            let answer = answer_of(&turn, message)?;
            if !is_generating(&turn, &answer, &self.app) {
                return Ok(Answered { turn, answer });
            }
            self.app.request_stop(&answer).await?;
            for _ in 0..STOP_LOOKS {
                pause(STOP_POLL).await;
                turn = self.turn_of(conversation, message).await?;
                if !is_generating(&turn, &answer, &self.app) {
                    break;
                }
            }
            Ok(Answered { turn, answer })
        })
    }

    async fn turn_of(&self, conversation: &ConversationId, message: &MessageId) -> Result<Turn> {
        let turn = message.turn();
        let (there, turn) = futures::try_join!(
            self.conversations.get(conversation),
            self.conversations.turn(conversation, &turn)
        )?;
        there.ok_or(SESSION_NOT_FOUND)?;
        turn.ok_or(NO_MESSAGE)
    }
}

impl App {
    /// Requests the writer of an answer to stop.
    pub(crate) async fn request_stop(&self, answer: &MessageId) -> Result<()> {
        if let Some(live) = self.active_answers.get(answer) {
            live.stop.cancel();
            Ok(())
        } else {
            self.store.cancels().ask(answer, self.clock.now()).await
        }
    }
}

/// Waits before the table is read again.
#[expect(
    clippy::disallowed_methods,
    reason = "another process generates the answer and reports it only in the table"
)]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Returns the answer that a message refers to: itself, or the one shown for it.
fn answer_of(turn: &Turn, message: &MessageId) -> Result<MessageId> {
    let found = if message.is_question() {
        turn.shown()
    } else {
        turn.answer(message)
    };
    Ok(found.ok_or(NO_MESSAGE)?.id.clone())
}

fn is_generating(turn: &Turn, answer: &MessageId, app: &App) -> bool {
    let now = app.clock.now();
    turn.answer(answer).is_some_and(|answer| answer.is_generating(now))
}

fn not_of_it() -> Error {
    let detail = "`Last-Event-ID` is not the `id:` of a frame of this answer.";
    Error::bad_request("invalid_last_event_id", detail)
}

/// Returns the text after `from`, if there is any yet.
fn text_after(text: &str, from: usize) -> Result<Option<&str>> {
    if from >= text.len() {
        return Ok(None);
    }
    text.get(from..).map(Some).ok_or_else(not_of_it)
}

/// New events of an answer that this process generates.
struct NewEvents {
    thinking: Option<String>,
    text: Option<String>,
    end: Option<Ended>,
}

fn look(progress: &mut watch::Receiver<Progress>, end: usize, thought: Option<usize>) -> Result<NewEvents> {
    let progress = progress.borrow_and_update();
    let thinking = thought.and_then(|from| progress.thinking.get(from..));
    Ok(NewEvents {
        thinking: thinking.filter(|new| !new.is_empty()).map(str::to_owned),
        text: text_after(&progress.text, end)?.map(str::to_owned),
        end: progress.end.clone(),
    })
}

/// Follows an answer that this process generates. `thought`: bytes of its reasoning after which to include it; `None`
/// to exclude it.
pub(super) fn follow(
    mut progress: watch::Receiver<Progress>,
    answer: MessageId,
    from: usize,
    mut thought: Option<usize>,
) -> AnswerStream {
    try_stream! {
        let mut end = from;
        loop {
            let NewEvents { thinking, text, end: ended } = look(&mut progress, end, thought)?;
            if let Some(text) = thinking {
                thought = thought.map(|from| from + text.len());
                yield AnswerEvent::Thinking { answer: answer.clone(), end, text };
            }
            if let Some(text) = text {
                end += text.len();
                yield AnswerEvent::Text { answer: answer.clone(), end, text };
            }
            match ended {
                Some(Ended::Stored(turn)) => {
                    let turn = Arc::unwrap_or_clone(turn);
                    yield AnswerEvent::Done(Box::new(Answered { turn, answer }));
                    return;
                }
                Some(Ended::Broken(error)) => Err(copy_of(&error))?,
                None => {}
            }
            // Its writer disappeared without a result.
            progress.changed().await.map_err(|_| interrupted())?;
        }
    }
    .boxed()
}

/// Follows an answer that another process generates or that has ended, by polling the table.
fn watch_table(app: App, conversations: Conversations, mut turn: Turn, answer: MessageId, from: usize) -> AnswerStream {
    try_stream! {
        let mut end = from;
        loop {
            let (text, status) = {
                let found = turn.answer(&answer).ok_or(NO_MESSAGE)?;
                (text_after(&found.text, end)?.map(str::to_owned), found.status_at(app.clock.now()))
            };
            if let Some(text) = text {
                end += text.len();
                yield AnswerEvent::Text { answer: answer.clone(), end, text };
            }
            match status {
                AnswerStatus::Complete | AnswerStatus::Stopped => {
                    yield AnswerEvent::Done(Box::new(Answered { turn, answer }));
                    return;
                }
                AnswerStatus::Failed => Err(interrupted())?,
                AnswerStatus::Generating => {}
            }
            pause(POLL).await;
            let found = conversations.turn(&turn.conversation, &turn.id).await?;
            turn = found.ok_or(NO_MESSAGE)?;
        }
    }
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_frame_says_what_the_client_has() {
        let seen = |bytes| {
            Some(LastSeen {
                answer: MessageId("a-1".to_owned()),
                bytes,
            })
        };
        assert_eq!(LastSeen::parse("a-1:17"), seen(Some(17)));
        assert_eq!(LastSeen::parse(" a-1:end"), seen(None));
        for other in ["", "a-1", "a-1:", "a-1:-1", "a-1:x", "17"] {
            assert_eq!(LastSeen::parse(other), None, "{other}");
        }
    }

    #[test]
    fn words_are_never_cut_within_a_letter() {
        assert_eq!(text_after("añb", 0).ok(), Some(Some("añb")));
        assert_eq!(text_after("añb", 3).ok(), Some(Some("b")));
        assert!(text_after("añb", 2).is_err());
        assert_eq!(text_after("añb", 4).ok(), Some(None));
        assert_eq!(text_after("añb", 99).ok(), Some(None));
    }
}
