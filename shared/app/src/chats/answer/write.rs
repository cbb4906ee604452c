//! Generating an answer: from the model to its followers and the table.

use std::{sync::Arc, time::Duration};

use domain::{
    Answer, AnswerStatus, ChatbotId, Error, EventData, EventType, MessageId, OrgId, Result, Turn, UnansweredQuestion,
    UserId, WebhookEvent, time::after, webhooks::data::MessageEvent,
};
use futures::{
    StreamExt as _,
    future::{BoxFuture, pending},
};
use store::{AnswerCount, Conversations, Saved};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{
    AnswerPostProcessor, LEASE, NO_MESSAGE,
    active_answers::{AnswerBroadcast, Ended},
    title,
};
use crate::{
    App, Generated, GenerationStream, Outcome,
    chats::{
        answer_counts::{Beside, is_refusal},
        unanswered::hash_of_words,
    },
};

/// How often the writer checks whether another process wants it to stop. A request from this process is immediate.
const LOOK: Duration = Duration::from_secs(3);
/// An answer that took longer gets no generated title, because Lambda ends an invocation after 15 minutes.
const TITLED_WITHIN: Duration = Duration::from_mins(12);
/// After this many checks the text so far is stored in full; each write costs one write unit per kilobyte.
const LOOKS_PER_CHECKPOINT: u32 = 3;

/// The writer of an answer.
pub(super) struct Writer {
    pub(super) app: App,
    pub(super) conversations: Conversations,
    pub(super) turn: Turn,
    pub(super) answer: MessageId,
    pub(super) wording: AnswerPostProcessor,
    /// `None` once it has ended.
    pub(super) generation: Option<GenerationStream>,
    pub(super) live: Arc<AnswerBroadcast>,
    pub(super) began: Instant,
    /// Who asked, in which organization, and the chatbot that answers with its refusal, if one does.
    pub(super) asker: Asker,
    /// For a conversation titled with its first words: what is needed to generate a better title.
    pub(super) generate_title: Option<title::TitleGenerator>,
}

/// Who asked a question, and of which chatbot.
pub(super) struct Asker {
    pub(super) org: OrgId,
    pub(super) user: UserId,
    pub(super) chatbot: Option<ChatbotId>,
    /// What the chatbot says if its documents do not answer.
    pub(super) refusal: Option<String>,
}

/// How the model's answer ended.
enum End {
    Whole(Box<Outcome>),
    /// With its cost if the provider was called.
    Failed(Error, Option<Box<Outcome>>),
    /// The turn was deleted, so the answer is discarded.
    Gone,
}

/// Result of the periodic checks.
enum CheckResult {
    Nothing,
    Stop,
    Stored(Box<Turn>),
    Gone,
}

impl Writer {
    /// Runs until the model ends, it is stopped, or its turn is deleted; then stores the answer.
    pub(super) async fn run(mut self) {
        // However this ends, including a panic, no follower must keep waiting.
        let _closed = Closing(self.app.clone(), self.answer.clone());
        let generation = self.generation.as_ref();
        let is_awaited = generation.is_some_and(|call| call.wanted_events().wants(EventType::MessageCreated));
        let end = self.write().await;
        // Boxed, because the SDK's state across an await is large.
        Box::pin(self.finish(end, is_awaited)).await;
    }

    async fn write(&mut self) -> End {
        let mut timer = interval_at(Instant::now() + LOOK, LOOK);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut looks, mut keeping) = (0_u32, None);
        loop {
            let Some(generation) = self.generation.as_mut() else {
                return End::Gone;
            };
            tokio::select! {
                event = generation.next() => match event {
                    Some(Ok(Generated::Accepted)) => self.live.accept(),
                    Some(Ok(Generated::Thinking(thinking))) => self.live.think(&thinking),
                    Some(Ok(Generated::Text(text))) => {
                        let text = self.wording.push(text);
                        if !text.is_empty() {
                            self.live.write(&text);
                        }
                    }
                    Some(Ok(Generated::Done(outcome))) => {
                        self.settle(keeping).await;
                        return End::Whole(outcome);
                    }
                    Some(Err(error)) => {
                        let outcome = generation.take_failed();
                        self.settle(keeping).await;
                        return End::Failed(error, outcome);
                    }
                    None => {
                        self.settle(keeping).await;
                        return End::Failed(Error::internal("a generation ended without its last event"), None);
                    }
                },
                () = self.live.stop.cancelled() => {
                    self.settle(keeping).await;
                    return self.stop().await;
                }
                kept = done(&mut keeping) => {
                    keeping = None;
                    match kept {
                        CheckResult::Nothing => {}
                        CheckResult::Stop => return self.stop().await,
                        CheckResult::Stored(turn) => self.turn = *turn,
                        CheckResult::Gone => return End::Gone,
                    }
                }
                _ = timer.tick(), if keeping.is_none() => {
                    looks += 1;
                    keeping = Some(self.keep(looks % LOOKS_PER_CHECKPOINT == 0));
                }
            }
        }
    }

    /// Checks whether the answer is to stop, and stores the text so far if it is due.
    fn keep(&self, is_due: bool) -> BoxFuture<'static, CheckResult> {
        let (app, answer) = (self.app.clone(), self.answer.clone());
        let (conversations, mut turn) = (self.conversations.clone(), self.turn.clone());
        let text = self.live.text();
        Box::pin(async move {
            match app.store.cancels().is_asked(&answer).await {
                Ok(true) => return CheckResult::Stop,
                Ok(false) => {}
                Err(error) => tracing::warn!(message_id = %answer, %error, "answer.not_looked"),
            }
            if !is_due {
                return CheckResult::Nothing;
            }
            let lease = after(app.clock.now(), LEASE).as_millisecond();
            let stored = store(&conversations, &mut turn, (&answer, None), |answer| {
                answer.text.clone_from(&text);
                answer.lease_until_ms = lease;
            });
            match stored.await {
                Ok(true) => CheckResult::Stored(Box::new(turn)),
                Ok(false) => CheckResult::Gone,
                Err(error) => {
                    tracing::warn!(message_id = %answer, %error, "answer.no_checkpoint");
                    CheckResult::Nothing
                }
            }
        })
    }

    /// A write in progress is awaited, so that its result is known.
    async fn settle(&mut self, keeping: Option<BoxFuture<'static, CheckResult>>) {
        if let Some(keeping) = keeping
            && let CheckResult::Stored(turn) = keeping.await
        {
            self.turn = *turn;
        }
    }

    async fn stop(&mut self) -> End {
        let Some(generation) = self.generation.take() else {
            return End::Gone;
        };
        match generation.stop().await {
            Ok(outcome) => End::Whole(Box::new(outcome)),
            Err(error) => End::Failed(error, None),
        }
    }

    /// Stores the answer. `is_awaited`: whether a webhook of the organization wants to know of it.
    async fn finish(mut self, end: End, is_awaited: bool) {
        // Ends the call if it is still running, and settles it.
        self.generation = None;
        let (outcome, failure) = match end {
            End::Whole(outcome) => (Some(outcome), None),
            End::Failed(error, outcome) => (outcome, Some(error)),
            End::Gone => (None, Some(NO_MESSAGE)),
        };
        let status = match &outcome {
            _ if failure.is_some() => AnswerStatus::Failed,
            Some(outcome) if outcome.finish_reason == "stopped" => AnswerStatus::Stopped,
            Some(_) | None => AnswerStatus::Complete,
        };
        // A continued answer already has text.
        let blank = outcome.as_ref().and_then(|outcome| outcome.blank);
        let blank = blank.filter(|_| self.live.text().is_empty());
        let (rest, notice) = self.wording.finish(status == AnswerStatus::Complete, blank);
        if !rest.is_empty() {
            self.live.write(&rest);
        }
        let text = self.live.text();
        let citations = self.wording.citations(&self.turn.question, &text);
        let now = self.app.clock.now();
        let mut whole = self.turn.answer(&self.answer).cloned();
        if let Some(answer) = &mut whole {
            answer.text.clone_from(&text);
            answer.citations = citations;
            answer.notice = notice;
            answer.status = status;
            answer.failure = failure.as_ref().map(|error| error_code(error).to_owned());
            answer.completed_at = Some(now);
            if let Some(outcome) = outcome {
                outcome.settle(answer);
            }
        }
        let is_unanswered = |answer: &Answer| {
            self.asker.chatbot.is_some()
                && answer.status == AnswerStatus::Complete
                && is_refusal(answer, self.asker.refusal.as_deref())
        };
        let is_unanswered = whole.as_ref().is_some_and(is_unanswered);
        let event = whole.as_ref().filter(|_| is_awaited);
        let event = event.and_then(|answer| event_of(&self.app, &self.turn, answer, &self.asker));
        let place = (&self.answer, event.as_ref());
        let stored = store(&self.conversations, &mut self.turn, place, |answer| {
            if let Some(whole) = &whole {
                let feedback = answer.feedback.take();
                *answer = whole.clone();
                answer.feedback = feedback;
            }
        });
        let stored = stored.await;
        if matches!(stored, Ok(true)) && is_unanswered {
            self.count_unanswered().await;
        }
        let ended = match (stored, failure) {
            (Ok(true), None) => Ended::Stored(Arc::new(self.turn.clone())),
            (Ok(_), Some(error)) => Ended::Broken(Arc::new(error)),
            (Ok(false), None) => Ended::Broken(Arc::new(NO_MESSAGE)),
            (Err(error), _) => {
                tracing::error!(message_id = %self.answer, %error, "answer.not_stored");
                Ended::Broken(Arc::new(error))
            }
        };
        // A title must be generated within the same invocation.
        let has_time = self.began.elapsed() < TITLED_WITHIN;
        let is_told =
            matches!(ended, Ended::Stored(_)) && status == AnswerStatus::Complete && blank.is_none() && has_time;
        self.live.end(ended);
        if let Some(untitled) = self.generate_title.filter(|_| is_told) {
            let app = self.app.clone();
            let titling = untitled.generate_title(app, self.conversations, self.turn.question, text);
            self.app.run_to_completion(titling);
        }
    }
}

impl Writer {
    /// Marks and counts a question that was not answered, once. The answer is stored already, so a failure here loses a count and not
    /// an answer.
    async fn count_unanswered(&mut self) {
        let counted = async {
            loop {
                let Some(answer) = self.turn.answer_mut(&self.answer).filter(|answer| !answer.unanswered) else {
                    return Ok(());
                };
                answer.unanswered = true;
                let at = answer.completed_at.unwrap_or(answer.created_at);
                let Asker { org, user, chatbot, .. } = &self.asker;
                let unanswered = chatbot.as_ref().map(|chatbot| UnansweredQuestion {
                    answer: self.answer.clone(),
                    chatbot: chatbot.clone(),
                    user: user.clone(),
                    conversation: self.turn.conversation.clone(),
                    words: hash_of_words(chatbot, &self.turn.question),
                    at,
                });
                let saved = self.app.save_counted(
                    &self.conversations,
                    (org, user),
                    &mut self.turn,
                    (&self.answer, chatbot.as_ref()),
                    unanswered.as_ref().map_or(Beside::Nothing, Beside::Unanswered),
                    |count| AnswerCount { unanswered: 1, ..count },
                );
                if saved.await? == Saved::Done {
                    return Ok(());
                }
                let (conversation, id) = (&self.turn.conversation, &self.turn.id);
                match self.conversations.turn(conversation, id).await? {
                    Some(found) => self.turn = found,
                    None => return Ok(()),
                }
            }
        };
        let counted: Result<()> = counted.await;
        if let Err(error) = counted {
            tracing::warn!(message_id = %self.answer, %error, "answer.not_counted");
        }
    }
}

/// Returns the event of an answer; `None` if it failed.
pub(super) fn event_of(app: &App, turn: &Turn, answer: &Answer, asker: &Asker) -> Option<WebhookEvent> {
    if !matches!(answer.status, AnswerStatus::Complete | AnswerStatus::Stopped) {
        return None;
    }
    let data = EventData::MessageCreated(MessageEvent {
        message_id: answer.id.clone(),
        prompt_id: turn.id.clone(),
        session_id: turn.conversation.clone(),
        user_id: asker.user.clone(),
        chatbot_id: asker.chatbot.clone(),
        model: answer.model.clone().unwrap_or_default(),
        finish_reason: answer.finish_reason.clone(),
        total_tokens: answer.usage.total_tokens,
        content: None,
    });
    // A continued answer is complete more than once.
    let occurrence = format!("{} {}", answer.id, answer.usage.total_tokens);
    Some(WebhookEvent::new(&asker.org, app.clock.now(), data, &occurrence))
}

/// Returns the stable code of the error that made an answer fail.
pub(crate) fn error_code(error: &Error) -> &'static str {
    match error {
        Error::Upstream { code, .. } | Error::ModelRequest { code, .. } | Error::Conflict { code, .. } => code,
        Error::Unavailable(_) => "unavailable",
        Error::NotFound(_) => "not_found",
        _ => "internal",
    }
}

/// Changes an answer in the table, and promises its event to webhooks, despite concurrent writes to its turn; returns `false` if it was deleted.
pub(super) async fn store(
    conversations: &Conversations,
    turn: &mut Turn,
    (id, event): (&MessageId, Option<&WebhookEvent>),
    change: impl Fn(&mut Answer),
) -> Result<bool> {
    loop {
        let Some(answer) = turn.answer_mut(id) else {
            return Ok(false);
        };
        change(answer);
        if conversations.save_promising(turn, event).await? == Saved::Done {
            return Ok(true);
        }
        match conversations.turn(&turn.conversation, &turn.id).await? {
            Some(found) => *turn = found,
            None => return Ok(false),
        }
    }
}

/// Resolves when the pending check ends, if there is one.
async fn done(keeping: &mut Option<BoxFuture<'static, CheckResult>>) -> CheckResult {
    match keeping {
        Some(keeping) => keeping.await,
        None => pending().await,
    }
}

/// Unregisters an answer when it is dropped.
struct Closing(App, MessageId);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.active_answers.close(&self.1);
    }
}
