//! `/api/v1/ai/chat`: one message, answered by a model or a chatbot, with or without a chat session.

use app::{Answered, BillingContext, CompletionRequest, GenerationOptions, Message, Question, TurnAction};
use domain::{
    Answer, ChatbotSettings, Citation, ConversationId, Error, Usage, auth::permission::WriteChats,
    chats::conversation::MAX_MESSAGE,
};
use garde::Validate;
use http_api::{
    AnswerFrame, Body, Ctx, Either, EventStream, Json, May, Member, Result, WantsStream, not_blank, readable_name,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A message.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct AiMessage {
    /// The user's message.
    #[garde(length(chars, max = MAX_MESSAGE), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    message: String,
    /// Model or alias to answer with, or a chatbot as `chatbot/<id>`.
    #[garde(length(chars, max = 200), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    model: Option<String>,
    /// The chat session that stores the message and its answer; if omitted, neither is stored.
    session_id: Option<ConversationId>,
    /// Instructions for the answer.
    #[garde(length(chars, max = MAX_MESSAGE))]
    system_prompt: Option<String>,
    /// Maximum length of the answer, in tokens.
    #[garde(range(min = 1))]
    max_tokens: Option<u32>,
    /// Sampling temperature.
    #[garde(range(min = 0.0, max = 2.0))]
    temperature: Option<f32>,
    /// Stream the answer as events; the same as `Accept: text/event-stream`.
    #[serde(default)]
    stream: bool,
    /// Include the model's reasoning in the stream, in separate events.
    include_thinking: Option<bool>,
}

/// An answer.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AiAnswer {
    /// ID of the message, if a chat session stores it.
    id: String,
    content: String,
    /// The model that answered.
    model: String,
    /// The provider of that model.
    provider: String,
    /// The requested model, if another one answered.
    requested_model: Option<String>,
    /// Whether another model answered because the requested one was unavailable.
    fallback: bool,
    /// The passages that the numbers in the text cite.
    sources: Vec<Citation>,
    /// A notice about the answer, for example that documents were still being indexed.
    notice: Option<String>,
    usage: Usage,
    /// Cost in millionths of a US dollar; null if the price is unknown.
    cost_micro_usd: Option<u64>,
    /// `stop`, `length`, `content_filter` or `stopped`.
    finish_reason: String,
    session_id: Option<ConversationId>,
}

impl AiAnswer {
    fn new(answer: Answer, session_id: Option<ConversationId>) -> Self {
        Self {
            id: answer.id.0,
            content: answer.text,
            model: answer.model.unwrap_or_default(),
            provider: answer.provider.unwrap_or_default(),
            requested_model: answer.requested_model,
            fallback: answer.fallback,
            sources: answer.citations,
            notice: answer.notice,
            usage: answer.usage,
            cost_micro_usd: answer.cost_micro_usd,
            finish_reason: answer.finish_reason.unwrap_or_default(),
            session_id,
        }
    }

    fn in_session(answered: &Answered) -> Result<Self> {
        let answer = answered.turn.answer(&answered.answer).cloned();
        let answer = answer.ok_or(Error::NotFound("message"))?;
        Ok(Self::new(answer, Some(answered.turn.conversation.clone())))
    }
}

pub(crate) async fn ask_ai(
    app: Ctx,
    member: May<WriteChats>,
    accept: WantsStream,
    Body(input): Body<AiMessage>,
) -> Result<Either<Json<AiAnswer>, EventStream<AnswerFrame>>> {
    if input.stream || accept.0 {
        return stream(&app, &member, input).await.map(Either::Right);
    }
    let billing = BillingContext::of(&member.identity, &member.org);
    let answer = match input.into_target() {
        MessageTarget::Turn(question) => AiAnswer::in_session(&app.answer_whole(billing, question).await?)?,
        MessageTarget::Completion(request) => AiAnswer::new(app.complete_whole(billing, request).await?.answer, None),
    };
    Ok(Either::Left(Json(answer)))
}

pub(crate) async fn stream_ai(
    app: Ctx,
    member: May<WriteChats>,
    Body(input): Body<AiMessage>,
) -> Result<EventStream<AnswerFrame>> {
    stream(&app, &member, input).await
}

async fn stream(app: &Ctx, member: &Member, input: AiMessage) -> Result<EventStream<AnswerFrame>> {
    let billing = BillingContext::of(&member.identity, &member.org);
    let include_thinking = input.include_thinking.unwrap_or(false);
    Ok(match input.into_target() {
        MessageTarget::Turn(question) => AnswerFrame::stream(app.answer(billing, question).await?),
        MessageTarget::Completion(request) => {
            AnswerFrame::completion(app.complete(billing, request).await?, include_thinking)
        }
    })
}

/// What the message belongs to.
enum MessageTarget {
    /// The next message of a chat session.
    Turn(Question),
    /// A single message without a chat session.
    Completion(CompletionRequest),
}

impl AiMessage {
    fn into_target(self) -> MessageTarget {
        let options = GenerationOptions {
            system: self.system_prompt,
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            reasoning_effort: None,
        };
        match self.session_id {
            Some(conversation) => MessageTarget::Turn(Question {
                conversation,
                asked: TurnAction::Append(self.message),
                model: self.model,
                options,
                include_thinking: self.include_thinking.unwrap_or(false),
            }),
            None => MessageTarget::Completion(CompletionRequest {
                model: self.model.unwrap_or_else(|| ChatbotSettings::default().model),
                messages: vec![Message::user(self.message)],
                options,
            }),
        }
    }
}
