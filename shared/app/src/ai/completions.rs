//! Completions: answers to messages that the request contains. Only the ledger records them; no conversation is stored.

use domain::{Answer, Category, Chatbot, ChatbotId, Error, GenerationId, MessageId, Result};
use futures::{
    StreamExt as _,
    future::BoxFuture,
    stream::{BoxStream, unfold},
};
use llm::{ChatRequest, Mark, Message, Role, exchanges};

use crate::{
    App, BillingContext, Generated, Generation, GenerationOptions, GenerationStream, Outcome,
    chats::answer::{AnswerPostProcessor, Grounding},
    chats::answer_counts::UnstoredAnswer,
};

/// Prefix of a chatbot's name where a model is expected.
const CHATBOT: &str = "chatbot/";
/// Default maximum answer length, in tokens: enough for most answers, well below a daily limit.
const MAX_TOKENS: u32 = 4_096;

/// Messages to be answered.
#[derive(Debug, Clone)]
pub struct CompletionRequest {
    /// Model or alias, or a chatbot as `chatbot/<id>`.
    pub model: String,
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// Options for the answer.
    pub options: GenerationOptions,
}

/// An event of a completion stream.
#[derive(Debug)]
pub enum CompletionEvent {
    /// The model's reasoning, which is not part of the answer.
    Thinking(String),
    /// The next text, with citations as `[number]`.
    Text(String),
    /// The completion is finished and charged. Always the last event of a successful stream.
    Done(Box<Completion>),
}

/// A finished completion.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The answer, as a conversation would store it.
    pub answer: Answer,
    /// The model's reasoning.
    pub thinking: String,
    /// How it ended, and its cost.
    pub outcome: Outcome,
    /// Positions of the citations in the text.
    pub marks: Vec<Mark>,
}

/// A completion in progress. Dropping it ends the provider call; the text generated so far is charged.
pub struct CompletionStream {
    /// Its ID.
    pub id: GenerationId,
    /// The model that generates the answer, by its provider's name for it.
    pub model: String,
    writer: Writer,
}

struct Writer {
    answer: Answer,
    generation: GenerationStream,
    wording: AnswerPostProcessor,
    question: String,
    thinking: String,
    /// What counts if the chatbot does not answer the question.
    unstored: Option<UnstoredAnswer>,
    /// The final event, if it is still to be sent.
    done: Option<Completion>,
}

/// Returns the name that selects a chatbot where a model is expected.
pub fn chatbot_model(id: &ChatbotId) -> String {
    format!("{CHATBOT}{id}")
}

/// Returns whether a name selects a chatbot.
pub(crate) fn is_chatbot(name: &str) -> bool {
    name.starts_with(CHATBOT)
}

impl App {
    /// Starts a completion. Every rejection happens before this resolves, including a provider's failure before the
    /// first token; later failures come through the stream.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for an unknown chatbot, [`Error::Invalid`] at `/messages` if there is nothing to
    /// answer, and the errors of [`App::generate`].
    pub fn complete(
        &self,
        billing: BillingContext,
        asked: CompletionRequest,
    ) -> BoxFuture<'_, Result<CompletionStream>> {
        Box::pin(async move {
            let bot = self.chatbot_named(&billing, &asked.model).await?;
            let billing = match &bot {
                Some(bot) => billing.asking(bot)?,
                None => billing,
            };
            self.complete_as(billing, bot, asked).await
        })
    }

    /// Starts a completion by a chatbot that was found already, or by a model. `billing`: with the chatbot.
    fn complete_as(
        &self,
        billing: BillingContext,
        bot: Option<Chatbot>,
        asked: CompletionRequest,
    ) -> BoxFuture<'_, Result<CompletionStream>> {
        Box::pin(async move {
            let Some(last) = asked.messages.iter().rposition(|said| said.role == Role::User) else {
                return Err(Error::invalid("/messages", "must contain a user message to answer"));
            };
            let question = asked.messages[last].content.clone();
            let before = exchanges(&asked.messages[..last]);
            let (thinking_tokens, reasoning_effort) = (asked.options.thinking_tokens(), asked.options.reasoning_effort);
            let (grounding, settings) = match &bot {
                Some(bot) => {
                    let settings = asked.options.of_chatbot(bot.settings.clone());
                    let grounding = self.ground((bot, &settings.model), &billing, &question, &before);
                    (grounding.await?, settings)
                }
                None => (Grounding::default(), asked.options.alone(MAX_TOKENS)),
            };
            let id: GenerationId = self.ids.make()?;
            let unstored = bot.as_ref().map(|bot| UnstoredAnswer {
                app: self.clone(),
                org: billing.org.clone(),
                user: billing.user.clone(),
                chatbot: bot.id.clone(),
                refusal: settings.refusal_text.clone(),
            });
            let generation = Generation {
                id: id.clone(),
                billing,
                category: Category::Chat,
                model: if bot.is_some() { settings.model } else { asked.model },
                thinking_tokens,
                request: ChatRequest {
                    model: String::new(),
                    system: settings.system_prompt,
                    messages: asked.messages,
                    sources: grounding.sources(),
                    prescribed: None,
                    refusal: settings.refusal_text,
                    max_tokens: settings.max_tokens,
                    temperature: settings.temperature,
                    reasoning_effort,
                },
            };
            let generation = grounding.prescribed(generation);
            let generation = self.generate(generation).await?.begun().await?;
            Ok(CompletionStream {
                id: id.clone(),
                model: generation.model().to_owned(),
                writer: Writer {
                    answer: Answer::new(MessageId(id.0), self.clock.now()),
                    generation,
                    wording: AnswerPostProcessor::new(grounding, 0),
                    question,
                    thinking: String::new(),
                    unstored,
                    done: None,
                },
            })
        })
    }

    /// Returns the finished completion of [`App::complete`].
    ///
    /// # Errors
    /// Returns the errors of [`App::complete`] and its stream, and [`Error::Upstream`] `answer_not_streamed` if it
    /// takes longer than a client can wait for an unstreamed answer.
    pub fn complete_whole(
        &self,
        billing: BillingContext,
        asked: CompletionRequest,
    ) -> BoxFuture<'_, Result<Completion>> {
        Box::pin(async move { self.whole(self.complete(billing, asked)).await })
    }

    /// As [`App::complete_whole`], by a chatbot that was found already.
    pub(crate) fn complete_whole_as(
        &self,
        billing: BillingContext,
        bot: Option<Chatbot>,
        asked: CompletionRequest,
    ) -> BoxFuture<'_, Result<Completion>> {
        Box::pin(async move { self.whole(self.complete_as(billing, bot, asked)).await })
    }

    async fn whole(&self, begun: BoxFuture<'_, Result<CompletionStream>>) -> Result<Completion> {
        let whole = async {
            let mut events = begun.await?.events();
            while let Some(event) = events.next().await {
                if let CompletionEvent::Done(completion) = event? {
                    return Ok(*completion);
                }
            }
            Err(Error::internal("a completion ended without its last event"))
        };
        self.in_time_for_a_whole_answer(whole, "The text generated so far is charged.")
            .await
    }

    /// Returns the chatbot that a name selects where a model is expected; `None` for a model's name.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the organization has no such chatbot.
    pub fn chatbot_named<'a>(
        &'a self,
        billing: &'a BillingContext,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Chatbot>>> {
        Box::pin(async move {
            let Some(id) = name.strip_prefix(CHATBOT) else {
                return Ok(None);
            };
            let found = self.store.chatbots(&billing.org).get(&ChatbotId(id.to_owned())).await?;
            found.ok_or(Error::NotFound("chatbot")).map(Some)
        })
    }
}

impl CompletionStream {
    /// Returns the text as it is generated, then the final event.
    pub fn events(self) -> BoxStream<'static, Result<CompletionEvent>> {
        let events = unfold(Some(self.writer), |writer| async {
            let mut writer = writer?;
            let event = writer.next().await?;
            let goes_on = matches!(event, Ok(CompletionEvent::Text(_) | CompletionEvent::Thinking(_)));
            Some((event, goes_on.then_some(writer)))
        });
        events.boxed()
    }
}

impl std::fmt::Debug for CompletionStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CompletionStream")
    }
}

impl Writer {
    async fn next(&mut self) -> Option<Result<CompletionEvent>> {
        if let Some(done) = self.done.take() {
            return Some(Ok(CompletionEvent::Done(Box::new(done))));
        }
        loop {
            match self.generation.next().await? {
                Ok(Generated::Accepted) => {}
                Ok(Generated::Thinking(thinking)) => {
                    self.thinking.push_str(&thinking);
                    return Some(Ok(CompletionEvent::Thinking(thinking)));
                }
                Ok(Generated::Text(text)) => {
                    let text = self.wording.push(text);
                    if !text.is_empty() {
                        self.answer.text.push_str(&text);
                        return Some(Ok(CompletionEvent::Text(text)));
                    }
                }
                Ok(Generated::Done(outcome)) => {
                    let event = self.finish(*outcome);
                    let answer = match &event {
                        CompletionEvent::Done(completion) => Some(completion.answer.clone()),
                        _ => self.done.as_ref().map(|completion| completion.answer.clone()),
                    };
                    if let Some((unstored, answer)) = self.unstored.take().zip(answer) {
                        unstored.count(&answer).await;
                    }
                    return Some(Ok(event));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Returns the remaining buffered text, if any; the final event follows it.
    fn finish(&mut self, outcome: Outcome) -> CompletionEvent {
        let (rest, notice) = self.wording.finish(true, outcome.blank);
        self.answer.text.push_str(&rest);
        let mut answer = Answer {
            citations: self.wording.citations(&self.question, &self.answer.text),
            notice,
            ..self.answer.clone()
        };
        outcome.clone().settle(&mut answer);
        let completion = Completion {
            answer,
            marks: self.wording.marks().to_vec(),
            thinking: std::mem::take(&mut self.thinking),
            outcome,
        };
        if rest.is_empty() {
            return CompletionEvent::Done(Box::new(completion));
        }
        self.done = Some(completion);
        CompletionEvent::Text(rest)
    }
}
