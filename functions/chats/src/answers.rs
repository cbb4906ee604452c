//! Answers: alternatives, continuations, and the resumption of a lost stream.

use app::{BillingContext, GenerationOptions, LastSeen, Question, TurnAction};
use domain::{
    ConversationId, Error,
    auth::permission::{ReadChats, WriteChats},
    chats::conversation::MAX_MESSAGE,
};
use garde::Validate;
use http_api::{
    AnswerFrame, Body, Ctx, Either, EventStream, Json, LastEventId, May, Member, Path, Query, Result, WantsStream,
    not_blank, readable_name,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::view::{MessagePath, MessageView, answered_view};

/// An answer, whole or as a stream.
pub(crate) type Answering = Either<Json<MessageView>, EventStream<AnswerFrame>>;

/// Options of an answer.
#[derive(Default, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
#[schemars(rename = "AnswerOptions")]
pub(crate) struct AnswerOptions {
    /// Model or alias to answer with; that of the chatbot, or of the chat session, if omitted.
    #[garde(length(chars, max = 200), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    model: Option<String>,
    /// Stream the answer as events; the same as `Accept: text/event-stream`.
    #[serde(default)]
    stream: bool,
    /// Include the model's reasoning in the stream, in separate events.
    include_thinking: Option<bool>,
}

/// Options of a resumed stream.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Following {
    /// Include the model's reasoning, in separate events, while it lasts: reasoning is not stored.
    include_thinking: Option<bool>,
}

/// An edit of a message.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct EditedMessage {
    /// The new text of the message.
    #[garde(length(chars, max = MAX_MESSAGE), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    content: String,
    /// Model or alias to answer with.
    #[garde(length(chars, max = 200), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    model: Option<String>,
    /// Stream the answer as events; the same as `Accept: text/event-stream`.
    #[serde(default)]
    stream: bool,
    /// Include the model's reasoning in the stream, in separate events.
    include_thinking: Option<bool>,
}

/// Answers a question, whole or as a stream.
pub(crate) async fn answer(app: &Ctx, member: &Member, question: Question, stream: bool) -> Result<Answering> {
    let billing = BillingContext::of(&member.identity, &member.org);
    if stream {
        let events = app.answer(billing, question).await?;
        return Ok(Either::Right(AnswerFrame::stream(events)));
    }
    let answered = app.answer_whole(billing, question).await?;
    Ok(Either::Left(Json(answered_view(&answered, app.clock.now()))))
}

/// Answers a message again, or continues its answer.
async fn answer_at(
    app: &Ctx,
    member: &Member,
    conversation: ConversationId,
    asked: TurnAction,
    WantsStream(is_accepted): WantsStream,
    body: Option<Body<AnswerOptions>>,
) -> Result<Answering> {
    let manner = body.map(|Body(manner)| manner).unwrap_or_default();
    let question = Question {
        conversation,
        asked,
        model: manner.model,
        options: GenerationOptions::default(),
        include_thinking: manner.include_thinking.unwrap_or(false),
    };
    answer(app, member, question, manner.stream || is_accepted).await
}

pub(crate) async fn regenerate_answer(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<MessagePath>,
    accept: WantsStream,
    body: Option<Body<AnswerOptions>>,
) -> Result<Answering> {
    answer_at(
        &app,
        &member,
        path.session_id,
        TurnAction::Regenerate(path.message_id),
        accept,
        body,
    )
    .await
}

pub(crate) async fn continue_answer(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<MessagePath>,
    accept: WantsStream,
    body: Option<Body<AnswerOptions>>,
) -> Result<Answering> {
    answer_at(
        &app,
        &member,
        path.session_id,
        TurnAction::Continue(path.message_id),
        accept,
        body,
    )
    .await
}

pub(crate) async fn edit_message(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<MessagePath>,
    accept: WantsStream,
    Body(edited): Body<EditedMessage>,
) -> Result<Answering> {
    let question = Question {
        conversation: path.session_id,
        asked: TurnAction::Edit(path.message_id, edited.content),
        model: edited.model,
        options: GenerationOptions::default(),
        include_thinking: edited.include_thinking.unwrap_or(false),
    };
    answer(&app, &member, question, edited.stream || accept.0).await
}

pub(crate) async fn stop_answer(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<MessagePath>,
) -> Result<Json<MessageView>> {
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    let stopped = sessions.stop_answer(&path.session_id, &path.message_id).await?;
    Ok(Json(answered_view(&stopped, app.clock.now())))
}

pub(crate) async fn follow_answer(
    app: Ctx,
    member: May<ReadChats>,
    Path(path): Path<MessagePath>,
    Query(query): Query<Following>,
    LastEventId(last): LastEventId,
) -> Result<EventStream<AnswerFrame>> {
    let seen = match last {
        None => None,
        Some(id) => Some(LastSeen::parse(&id).ok_or_else(|| {
            let detail = "`Last-Event-ID` is not the `id:` of a frame of this answer.";
            Error::bad_request("invalid_last_event_id", detail)
        })?),
    };
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    let events = sessions
        .follow_answer(
            &path.session_id,
            &path.message_id,
            seen,
            query.include_thinking.unwrap_or(false),
        )
        .await?;
    Ok(AnswerFrame::stream(events))
}
