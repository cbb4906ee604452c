//! Answering a message of a conversation, from the documents of its chatbot, with citations.

mod grounding;

use std::time::Duration;

use futures::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use grounding::Grounding;
use llm::{ChatEvent, ChatRequest, CitationFilter, FinishReason, Message};
use model::{
    Chatbot, ChatbotSettings, Conversation, ConversationId, Error, Membership, PageRequest, Result, Turn, TurnStatus,
    Usage, time::after,
};

use crate::{App, models::Chosen};

/// Turns of a conversation that the model is shown.
const HISTORY: u16 = 10;
/// An answer takes no longer than this; one that has not ended by then has failed.
const LEASE: Duration = Duration::from_secs(150);
/// Longest automatic title, in characters.
const TITLE: usize = 60;

/// A message of a person.
#[derive(Debug, Clone)]
pub struct Question {
    /// The conversation.
    pub conversation: ConversationId,
    /// What they wrote.
    pub content: String,
}

/// Part of an answer.
#[derive(Debug)]
pub enum AnswerEvent {
    /// The next words. A citation number in them is always backed by a source.
    Text(String),
    /// The answer is whole and stored. Always the last event of a good stream.
    Done(Box<Turn>),
}

/// An answer as it is made. Dropping it stops the model.
pub type AnswerStream = BoxStream<'static, Result<AnswerEvent>>;

impl App {
    /// Answers a message. Everything that can be refused is refused before this resolves; what fails later comes
    /// through the stream.
    ///
    /// # Errors
    /// [`Error::NotFound`] without such a conversation, [`Error::Conflict`] `chatbot_deleted`,
    /// [`Error::Upstream`].
    pub fn answer<'a>(&'a self, member: &'a Membership, question: Question) -> BoxFuture<'a, Result<AnswerStream>> {
        Box::pin(async move {
            let conversations = self.conversations(&member.org, &member.member);
            let history = PageRequest {
                limit: HISTORY,
                after: None,
            };
            let (conversation, history) = futures::try_join!(
                conversations.get(&question.conversation),
                conversations.turns(&question.conversation, &history)
            )?;
            let conversation = conversation.ok_or(Error::NotFound("chat session"))?;
            let mut history = history.items;
            history.retain(|turn| turn.status == TurnStatus::Complete);
            history.reverse();

            let chatbot = self.chatbot_of(member, &conversation).await?;
            let settings = chatbot.as_ref().map(|bot| bot.settings.clone()).unwrap_or_default();
            let chosen = self.model(&settings.model, &[]).await?;
            let grounding = match &chatbot {
                Some(bot) => self.ground(bot, &question.content, history.last()).await?,
                None => Grounding::default(),
            };

            let turn = self.new_turn(&question, &chosen)?;
            if !conversations.begin_turn(&turn, &title(&question.content)).await? {
                return Err(Error::NotFound("chat session"));
            }
            let request = request(&chosen.name, &settings, &grounding, &history, &question.content);
            Ok(generate(self.clone(), member.clone(), turn, grounding, chosen, request))
        })
    }

    async fn chatbot_of(&self, member: &Membership, conversation: &Conversation) -> Result<Option<Chatbot>> {
        let Some(id) = &conversation.chatbot else {
            return Ok(None);
        };
        let bot = self.chatbots(&member.org).get(id).await?;
        let gone = || Error::conflict("chatbot_deleted", "The chatbot of this chat session was deleted.");
        bot.ok_or_else(gone).map(Some)
    }

    fn new_turn(&self, question: &Question, chosen: &Chosen) -> Result<Turn> {
        let now = self.clock.now();
        Ok(Turn {
            id: self.ids.make()?,
            answer_id: self.ids.make()?,
            conversation: question.conversation.clone(),
            question: question.content.clone(),
            answer: String::new(),
            citations: Vec::new(),
            notice: None,
            model: chosen.name.clone(),
            requested_model: chosen.requested.clone(),
            usage: Usage::default(),
            finish_reason: None,
            status: TurnStatus::Generating,
            lease_until_ms: after(now, LEASE).as_millisecond(),
            created_at: now,
            completed_at: None,
        })
    }
}

fn request(
    name: &str,
    settings: &ChatbotSettings,
    grounding: &Grounding,
    history: &[Turn],
    question: &str,
) -> ChatRequest {
    let mut messages = Vec::with_capacity(history.len() * 2 + 1);
    for turn in history {
        messages.push(Message::user(&turn.question));
        messages.push(Message::assistant(&turn.answer));
    }
    messages.push(Message::user(question));
    ChatRequest {
        model: name.to_owned(),
        system: settings.system_prompt.clone(),
        messages,
        sources: grounding.sources(),
        max_tokens: settings.max_tokens,
        temperature: settings.temperature,
    }
}

/// Runs the model and stores what came of it. Nothing runs unless the stream is polled.
fn generate(
    app: App,
    member: Membership,
    mut turn: Turn,
    grounding: Grounding,
    chosen: Chosen,
    request: ChatRequest,
) -> AnswerStream {
    async_stream::stream! {
        let conversations = app.conversations(&member.org, &member.member);
        let mut filter = CitationFilter::new(grounding.numbers());
        let mut events = chosen.model.chat(request);
        let mut finished = None;
        while let Some(event) = events.next().await {
            let text = match event {
                Ok(ChatEvent::Answering { .. }) => continue,
                Ok(ChatEvent::Text(text)) => filter.push(&text),
                Ok(ChatEvent::Done { finish_reason, usage }) => {
                    finished = Some((finish_reason, usage));
                    break;
                }
                Err(error) => {
                    tracing::warn!(turn_id = %turn.id, code = error.code(), error = %error, "answer.model_failed");
                    turn.status = TurnStatus::Failed;
                    if let Err(error) = conversations.end_turn(&turn).await {
                        tracing::warn!(turn_id = %turn.id, error = %error, "answer.not_stored");
                    }
                    yield Err(error.into());
                    return;
                }
            };
            if !text.is_empty() {
                turn.answer.push_str(&text);
                yield Ok(AnswerEvent::Text(text));
            }
        }
        // A model stream ends with `Done` or an error; `finished` is only empty if an adapter breaks that.
        let (reason, usage) = finished.unwrap_or((FinishReason::Other, llm::Usage::default()));
        let mut rest = filter.finish();
        if let Some(notice) = grounding.notice() {
            rest.push_str("\n\n");
            rest.push_str(&notice);
            turn.notice = Some(notice);
        }
        if !rest.is_empty() {
            turn.answer.push_str(&rest);
            yield Ok(AnswerEvent::Text(rest));
        }
        turn.citations = grounding.citations(filter.cited(), &turn.question, &turn.answer);
        turn.usage = Usage {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            total_tokens: usage.total(),
            estimated: usage.estimated,
        };
        turn.finish_reason = Some(reason_name(reason).to_owned());
        turn.status = TurnStatus::Complete;
        turn.completed_at = Some(app.clock.now());
        match conversations.end_turn(&turn).await {
            Ok(true) => yield Ok(AnswerEvent::Done(Box::new(turn))),
            Ok(false) => yield Err(Error::NotFound("chat session")),
            Err(error) => yield Err(error),
        }
    }
    .boxed()
}

fn reason_name(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Other => "other",
    }
}

/// The first words of a question, cut at a word.
fn title(question: &str) -> String {
    let line = question.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TITLE {
        return line;
    }
    let cut: String = line.chars().take(TITLE).collect();
    let cut = cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words);
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn a_title_is_the_beginning_of_the_question_cut_at_a_word() {
        assert_eq!(title("  What is\nthis? "), "What is this?");
        let long = title("How long do I have to return a grinder that was opened but never used at all?");
        assert_eq!(long, "How long do I have to return a grinder that was opened but…");
        assert_eq!(title(&"x".repeat(80)).chars().count(), 61);
    }
}
