//! Completions: answers to messages that whoever asks brings along. No conversation is kept of them; the ledger is.

use domain::{Category, Chatbot, ChatbotId, Citation, Error, GenerationId, Result};
use futures::{
    StreamExt as _,
    future::BoxFuture,
    stream::{BoxStream, unfold},
};
use llm::{ChatRequest, Mark, Message, Role};

use crate::{
    App, BillingContext, Generated, Generation, GenerationOptions, GenerationStream, Outcome,
    chats::answer::{AnswerPostProcessor, Grounding},
};

/// What the name of a chatbot begins with, where a model is named.
const CHATBOT: &str = "chatbot/";
/// The longest answer of a request that does not say, tokens: as long as most answers are, and not a day's limit.
const MAX_TOKENS: u32 = 4_096;

/// Messages that are to be answered.
#[derive(Debug, Clone)]
pub struct CompletionRequest {
    /// Model or alias, or a chatbot as `chatbot/<id>`.
    pub model: String,
    /// What was said, oldest first.
    pub messages: Vec<Message>,
    /// How the answer is wanted.
    pub options: GenerationOptions,
}

/// Part of a completion.
#[derive(Debug)]
pub enum CompletionEvent {
    /// What the model thinks, which is no part of the answer.
    Thinking(String),
    /// The next words, with citations as `[number]`.
    Text(String),
    /// It is whole and paid for. Always the last event of a good stream.
    Done(Box<Completion>),
}

/// A whole completion.
#[derive(Debug, Clone)]
pub struct Completion {
    /// Its ID.
    pub id: GenerationId,
    /// What was said.
    pub text: String,
    /// What the model thought.
    pub thinking: String,
    /// How it ended, and what it cost.
    pub outcome: Outcome,
    /// The passages that the text cites.
    pub citations: Vec<Citation>,
    /// Where it cites them.
    pub marks: Vec<Mark>,
    /// Something to know about the answer, for example that documents were still being read.
    pub notice: Option<String>,
}

/// A completion as it is made. Dropping it ends the call to the provider, and what was written is paid for.
pub struct CompletionStream {
    /// Its ID.
    pub id: GenerationId,
    /// The model that writes, as its provider knows it.
    pub model: String,
    writer: Writer,
}

struct Writer {
    id: GenerationId,
    generation: GenerationStream,
    wording: AnswerPostProcessor,
    question: String,
    text: String,
    thinking: String,
    /// What is left to be said.
    done: Option<Completion>,
}

/// The name that stands for a chatbot where a model is named.
pub fn chatbot_model(id: &ChatbotId) -> String {
    format!("{CHATBOT}{id}")
}

/// Whether a name is that of a chatbot.
pub(crate) fn is_chatbot(name: &str) -> bool {
    name.starts_with(CHATBOT)
}

impl App {
    /// Begins a completion. Everything that can be refused is refused before this resolves, a provider's failure
    /// before its first words included; what fails later comes through the stream.
    ///
    /// # Errors
    /// [`Error::NotFound`] without such a chatbot, [`Error::Invalid`] at `/messages` when there is nothing to answer,
    /// and those of [`App::generate`].
    pub fn complete(
        &self,
        billing: BillingContext,
        asked: CompletionRequest,
    ) -> BoxFuture<'_, Result<CompletionStream>> {
        Box::pin(async move {
            let mut questions = asked.messages.iter().rev().filter(|said| said.role == Role::User);
            let Some(question) = questions.next().map(|said| said.content.clone()) else {
                return Err(Error::invalid(
                    "/messages",
                    "needs a message of a user, which is answered",
                ));
            };
            let before = questions.next().map(|said| said.content.as_str());
            let bot = self.chatbot_named(&billing, &asked.model).await?;
            let (thinking_tokens, reasoning_effort) = (asked.options.thinking_tokens(), asked.options.reasoning_effort);
            let (grounding, settings, billing) = match &bot {
                Some(bot) => {
                    let billing = billing.asking(bot)?;
                    let settings = asked.options.of_chatbot(bot.settings.clone());
                    (self.ground(bot, &question, before).await?, settings, billing)
                }
                None => (Grounding::default(), asked.options.alone(MAX_TOKENS), billing),
            };
            let id: GenerationId = self.ids.make()?;
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
                    max_tokens: settings.max_tokens,
                    temperature: settings.temperature,
                    reasoning_effort,
                },
            };
            let generation = self.generate(generation).await?.begun().await?;
            Ok(CompletionStream {
                id: id.clone(),
                model: generation.model().to_owned(),
                writer: Writer {
                    id,
                    generation,
                    wording: AnswerPostProcessor::new(grounding, 0),
                    question,
                    text: String::new(),
                    thinking: String::new(),
                    done: None,
                },
            })
        })
    }

    /// The completion of [`App::complete`], whole.
    ///
    /// # Errors
    /// As there, as the stream fails, and [`Error::Upstream`] `answer_not_streamed` when it takes longer than a client waits
    /// for a whole one.
    pub fn complete_whole(
        &self,
        billing: BillingContext,
        asked: CompletionRequest,
    ) -> BoxFuture<'_, Result<Completion>> {
        Box::pin(async move {
            let whole = async {
                let mut events = self.complete(billing, asked).await?.events();
                while let Some(event) = events.next().await {
                    if let CompletionEvent::Done(completion) = event? {
                        return Ok(*completion);
                    }
                }
                Err(Error::internal("a completion ended without its last event"))
            };
            self.in_time_for_a_whole_answer(whole, "What was written so far is charged.")
                .await
        })
    }

    /// The chatbot that a name stands for where a model is named; none for a model's.
    ///
    /// # Errors
    /// [`Error::NotFound`] without such a chatbot in the organization.
    pub fn chatbot_named<'a>(
        &'a self,
        billing: &'a BillingContext,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Chatbot>>> {
        Box::pin(async move {
            let Some(id) = name.strip_prefix(CHATBOT) else {
                return Ok(None);
            };
            let found = self.chatbots(&billing.org).get(&ChatbotId(id.to_owned())).await?;
            found.ok_or(Error::NotFound("chatbot")).map(Some)
        })
    }
}

impl CompletionStream {
    /// The words as they are written, and the end.
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
                        self.text.push_str(&text);
                        return Some(Ok(CompletionEvent::Text(text)));
                    }
                }
                Ok(Generated::Done(outcome)) => return Some(Ok(self.finish(*outcome))),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The last words, if some were held back; the end follows them.
    fn finish(&mut self, outcome: Outcome) -> CompletionEvent {
        let (rest, notice) = self.wording.finish(true, outcome.blank);
        self.text.push_str(&rest);
        let completion = Completion {
            id: self.id.clone(),
            citations: self.wording.citations(&self.question, &self.text),
            marks: self.wording.marks().to_vec(),
            text: std::mem::take(&mut self.text),
            thinking: std::mem::take(&mut self.thinking),
            outcome,
            notice,
        };
        if rest.is_empty() {
            return CompletionEvent::Done(Box::new(completion));
        }
        self.done = Some(completion);
        CompletionEvent::Text(rest)
    }
}
