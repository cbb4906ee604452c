//! Starting an answer: all possible rejections, and the task that generates it.

use std::borrow::Cow;

use domain::{
    Answer, AnswerStatus, Category, Chatbot, ChatbotId, ChatbotSettings, Conversation, DocumentId, Error, GenerationId,
    MessageId, Result, Turn, time::after,
};
use llm::{ChatRequest, Message, with_markers, without_citations};
use retrieval::Exchange;
use store::{Conversations, TurnBegun};

use super::{
    AnswerPostProcessor, AnswerStream, Draft, GenerationOptions, Grounding, LEASE, SESSION_NOT_FOUND,
    active_answers::until_begun,
    follow::follow,
    in_progress, title,
    write::{Asker, Writer},
};
use crate::{App, BillingContext, Generation, query::told_to_models};

/// Instruction to a model that must continue its own text.
const GO_ON: &str = "Your answer was cut off. Go on exactly where it ended, without repeating anything.";

impl App {
    pub(super) async fn begin(
        &self,
        billing: BillingContext,
        conversations: Conversations,
        draft: Draft,
        model: Option<String>,
        options: GenerationOptions,
        include_thinking: bool,
    ) -> Result<AnswerStream> {
        let Draft {
            conversation,
            mut turn,
            before,
            answer,
        } = draft;
        let chatbot = self.chatbot_of(&billing, &conversation).await?;
        let (thinking_tokens, effort) = (options.thinking_tokens(), options.reasoning_effort);
        let settings = match &chatbot {
            Some(bot) => options.of_chatbot(bot.settings.clone()),
            None => options.alone(ChatbotSettings::default().max_tokens),
        };
        let billing = match &chatbot {
            Some(bot) if model.is_none() => billing.asking(bot)?,
            Some(bot) => billing.with_chatbot(bot),
            None => billing,
        };
        let name = model
            .or_else(|| conversation.model.clone().filter(|_| chatbot.is_none()))
            .unwrap_or_else(|| settings.model.clone());
        let begun = turn.answer(&answer).cloned();
        let is_first = begun.as_ref().is_none_or(|answer| answer.text.is_empty());
        // The product's placeholder for an answer is not the model's text.
        let written = begun
            .as_ref()
            .filter(|answer| !answer.is_blank())
            .map(|answer| answer.text.clone());
        let written = written.unwrap_or_default();
        let cited = begun.as_ref().map(numbers).unwrap_or_default();
        let shared = &conversation.documents;
        let grounding = self.grounding(
            chatbot.as_ref().map(|bot| (bot, name.as_str())),
            shared,
            &billing,
            &turn.question,
            &before,
        );
        let grounding = grounding
            .await?
            .behind(begun.map(|answer| answer.citations).unwrap_or_default());

        let shown = with_markers(&written, &cited);
        let request = ChatRequest {
            reasoning_effort: effort,
            ..request(&settings, &grounding, &before, &turn.question, &shown)
        };
        let generation = Generation {
            id: if is_first {
                GenerationId(answer.0.clone())
            } else {
                self.ids.make()?
            },
            billing: billing.clone(),
            category: Category::Chat,
            model: name.clone(),
            thinking_tokens,
            request,
        };
        let generation = grounding.prescribed(generation);
        // Reading documents takes time: a request that was overtaken meanwhile reserves nothing.
        if chatbot.is_some() {
            check_unmoved(&conversations, &conversation).await?;
        }
        let generation = self.generate(generation).await?;

        let title = title::cut(&turn.question);
        self.announce(&conversations, &conversation, (&mut turn, &answer), &title)
            .await?;
        let needs_title = conversation.title.is_none() && !grounding.is_prescribed();
        let live = self.active_answers.open(&answer, written.clone());
        let writer = Writer {
            app: self.clone(),
            conversations,
            wording: AnswerPostProcessor::new(grounding, written.len()),
            generation: Some(generation),
            live: live.clone(),
            began: tokio::time::Instant::now(),
            asker: Asker {
                org: billing.org.clone(),
                user: billing.user.clone(),
                chatbot: conversation.chatbot.clone(),
                refusal: settings.refusal_text.clone(),
            },
            generate_title: needs_title.then_some(title::TitleGenerator {
                // A title is not an answer to anyone.
                billing: BillingContext {
                    chatbot: None,
                    chatbot_cap: None,
                    ..billing
                },
                model: name,
                conversation: conversation.id,
                title,
            }),
            turn,
            answer: answer.clone(),
        };
        let begun = self.run_to_completion(writer.run());
        begun.ok_or_else(|| Error::internal("an answer was begun outside of a runtime"))?;
        let mut progress = live.follow();
        until_begun(&mut progress, written.len()).await?;
        Ok(follow(progress, answer, written.len(), include_thinking.then_some(0)))
    }

    /// Stores that an answer is being generated, in its turn at the head of the conversation.
    pub(super) async fn announce(
        &self,
        conversations: &Conversations,
        conversation: &Conversation,
        (turn, answer): (&mut Turn, &MessageId),
        title: &str,
    ) -> Result<()> {
        if let Some(answer) = turn.answer_mut(answer) {
            answer.status = AnswerStatus::Generating;
            answer.lease_until_ms = after(self.clock.now(), LEASE).as_millisecond();
        }
        if conversations.begin(conversation, turn, Some(title)).await? == TurnBegun::Overtaken {
            check_unmoved(conversations, conversation).await?;
            return Err(in_progress());
        }
        Ok(())
    }

    /// Returns the passages that a question to a chatbot, answered by a model, finds in its documents and in those that were
    /// shared.
    async fn grounding(
        &self,
        asked: Option<(&Chatbot, &str)>,
        shared: &[DocumentId],
        billing: &BillingContext,
        question: &str,
        before: &[Turn],
    ) -> Result<Grounding> {
        let Some((bot, model)) = asked else {
            return Ok(Grounding::default());
        };
        let exchanges: Vec<Exchange<'_>> = before.iter().map(exchange).collect();
        let bot = with_documents(bot, shared);
        self.ground((&bot, model), billing, question, &exchanges).await
    }

    async fn chatbot_of(&self, billing: &BillingContext, conversation: &Conversation) -> Result<Option<Chatbot>> {
        let Some(id) = &conversation.chatbot else {
            return Ok(None);
        };
        let bot = self.store.chatbots(&billing.org).get(id).await?;
        let gone = || Error::conflict("chatbot_deleted", "The chatbot of this chat session was deleted.");
        let bot = bot.ok_or_else(gone)?;
        // Who asks through an integration is a visitor: drafts are for members.
        let published = conversation.channel.and_then(|_| bot.clone().as_published());
        Ok(Some(published.unwrap_or(bot)))
    }
}

/// Returns a chatbot that also answers from these documents. If there are any, it has no ID, so that nothing is stored for
/// it.
fn with_documents<'a>(bot: &'a Chatbot, documents: &[DocumentId]) -> Cow<'a, Chatbot> {
    if documents.is_empty() {
        return Cow::Borrowed(bot);
    }
    let mut bot = bot.clone();
    bot.id = ChatbotId(String::new());
    bot.documents.extend(documents.iter().cloned());
    bot.documents.sort_unstable();
    bot.documents.dedup();
    Cow::Owned(bot)
}

/// Returns an error if a conversation was deleted, or its path was changed, since it was read.
async fn check_unmoved(conversations: &Conversations, read: &Conversation) -> Result<()> {
    let now = conversations.get(&read.id).await?.ok_or(SESSION_NOT_FOUND)?;
    if now.rev == read.rev {
        Ok(())
    } else {
        Err(in_progress())
    }
}

/// What a database answered is left out: its rows may be anybody's words.
fn exchange(turn: &Turn) -> Exchange<'_> {
    let said = turn.shown().filter(|answer| answer.is_said() && answer.query.is_none());
    Exchange {
        question: &turn.question,
        answer: said.map_or("", |answer| &answer.text),
    }
}

/// Returns the citation numbers of an answer.
fn numbers(answer: &Answer) -> Vec<u32> {
    answer.citations.iter().map(|citation| citation.number).collect()
}

fn request(
    settings: &ChatbotSettings,
    grounding: &Grounding,
    before: &[Turn],
    question: &str,
    written: &str,
) -> ChatRequest {
    let mut messages = Vec::with_capacity(before.len() * 2 + 3);
    for turn in before.iter().rev() {
        let said = turn.shown().filter(|answer| answer.is_said());
        // A question whose answer failed is omitted from the context; one that was only stored is included.
        if said.is_some() || turn.answers.is_empty() {
            messages.push(Message::user(&turn.question));
        }
        let text = |answer: &Answer| match &answer.query {
            Some(query) => told_to_models(query, &answer.text),
            None => without_citations(&answer.text, &numbers(answer)),
        };
        messages.extend(said.map(|answer| Message::assistant(text(answer))));
    }
    messages.push(Message::user(question));
    if !written.is_empty() {
        messages.push(Message::assistant(written));
        messages.push(Message::user(GO_ON));
    }
    ChatRequest {
        model: String::new(),
        system: settings.system_prompt.clone(),
        messages,
        sources: grounding.sources(),
        prescribed: None,
        refusal: settings.refusal_text.clone(),
        max_tokens: settings.max_tokens,
        temperature: settings.temperature,
        reasoning_effort: None,
    }
}
