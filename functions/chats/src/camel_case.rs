//! `/api/chat`: a chat session has a chatbot, and every message is answered.

use app::{GenerationOptions, NewConversation, Question, TurnAction};
use domain::{
    ChatbotId,
    auth::permission::{ReadChats, WriteChats},
    chats::conversation::{MAX_MESSAGE, MAX_TITLE},
};
use garde::Validate;
use http_api::{Body, Created, Ctx, May, Path, Rest, Result, WantsStream, WithRest, not_blank, readable_name};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    answers::{Answering, answer},
    sessions::session_with_messages,
    view::{SessionPath, SessionView, SessionWithMessages},
};

/// A new chat session.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct NewChatSession {
    /// ID of the chatbot that answers.
    chatbot_id: ChatbotId,
    /// Title; the beginning of the first message if omitted.
    #[garde(length(chars, max = MAX_TITLE), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    title: Option<String>,
}

/// A message to the chatbot.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct NewMessage {
    /// The user's message.
    #[garde(length(chars, max = MAX_MESSAGE), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    content: String,
    /// Model or alias to answer this message with; the chatbot's if omitted.
    #[garde(length(chars, max = 200), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    model: Option<String>,
    /// Stream the answer as events; the same as `Accept: text/event-stream`.
    #[serde(default)]
    stream: bool,
    /// Include the model's reasoning in the stream, in separate events.
    include_thinking: Option<bool>,
}

pub(crate) async fn create_chat_session(
    app: Ctx,
    member: May<WriteChats>,
    Body(new): Body<NewChatSession>,
) -> Result<Created<SessionView>> {
    let new = NewConversation {
        org: member.org.org.clone(),
        user: member.identity.user.id.clone(),
        chatbot: Some(new.chatbot_id),
        title: new.title,
        model: None,
    };
    Ok(Created(app.begin_conversation(new).await?.into()))
}

pub(crate) async fn get_chat_session(
    app: Ctx,
    member: May<ReadChats>,
    Path(path): Path<SessionPath>,
    rest: Rest,
) -> Result<WithRest<SessionWithMessages>> {
    session_with_messages(&app, &member, &path.session_id, &rest, true).await
}

pub(crate) async fn send_message(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<SessionPath>,
    accept: WantsStream,
    Body(new): Body<NewMessage>,
) -> Result<Answering> {
    let question = Question {
        conversation: path.session_id,
        asked: TurnAction::Append(new.content),
        model: new.model,
        options: GenerationOptions::default(),
        include_thinking: new.include_thinking.unwrap_or(false),
    };
    answer(&app, &member, question, new.stream || accept.0).await
}
