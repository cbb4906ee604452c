//! `/api/v1/chat`: a chat session may have no chatbot, and answering a message is optional.

use app::{BillingContext, GenerationOptions, NewConversation, Question, TurnAction};
use domain::{
    ChatbotId,
    auth::permission::{ReadChats, WriteChats},
    chats::conversation::{MAX_MESSAGE, MAX_TITLE},
};
use garde::Validate;
use http_api::{
    AnswerFrame, Body, Created, Ctx, Either, EventStream, May, Path, Query, Rest, Result, WantsStream, WithRest,
    not_blank, readable_name,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    sessions::session_with_messages,
    view::{MessageView, SessionPath, SessionView, SessionWithMessages, answered_view, question_view},
};

/// A new chat session.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct NewSession {
    /// ID of the chatbot that answers, if any.
    chatbot_id: Option<ChatbotId>,
    /// Model or alias to answer with if there is no chatbot.
    #[garde(length(chars, max = 200), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    model: Option<String>,
    /// Title; the beginning of the first message if omitted.
    #[garde(length(chars, max = MAX_TITLE), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    title: Option<String>,
}

/// What to include with the chat session.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Include {
    /// `messages`: include the latest messages.
    include: Option<String>,
}

/// A message.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct AddedMessage {
    /// The user's message.
    #[garde(length(chars, max = MAX_MESSAGE), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    content: String,
    /// Whether to answer it; if omitted, it is answered if the chat session has a chatbot.
    generate: Option<bool>,
    /// Model or alias to answer this message with.
    #[garde(length(chars, max = 200), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    model: Option<String>,
    /// Stream the answer as events; the same as `Accept: text/event-stream`.
    #[serde(default)]
    stream: bool,
    /// Include the model's reasoning in the stream, in separate events.
    include_thinking: Option<bool>,
}

/// A message and its answer.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MessageWithAnswer {
    #[serde(flatten)]
    message: MessageView,
    /// Null if no answer was requested.
    answer: Option<MessageView>,
}

pub(crate) async fn create_chat_session(
    app: Ctx,
    member: May<WriteChats>,
    Body(new): Body<NewSession>,
) -> Result<Created<SessionView>> {
    let new = NewConversation {
        org: member.org.org.clone(),
        user: member.identity.user.id.clone(),
        chatbot: new.chatbot_id,
        title: new.title,
        model: new.model,
    };
    Ok(Created(app.begin_conversation(new).await?.into()))
}

pub(crate) async fn get_chat_session(
    app: Ctx,
    member: May<ReadChats>,
    Path(path): Path<SessionPath>,
    Query(query): Query<Include>,
    rest: Rest,
) -> Result<WithRest<SessionWithMessages>> {
    let include = query.include.unwrap_or_default();
    let messages = include.split(',').any(|part| part.trim() == "messages");
    session_with_messages(&app, &member, &path.session_id, &rest, messages).await
}

pub(crate) async fn send_message(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<SessionPath>,
    accept: WantsStream,
    Body(new): Body<AddedMessage>,
) -> Result<Either<Created<MessageWithAnswer>, EventStream<AnswerFrame>>> {
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    let wants_stream = new.stream || accept.0;
    let is_answered = match new.generate {
        Some(generate) => generate,
        None if wants_stream => true,
        None => {
            let conversation = sessions.get(&path.session_id).await?;
            conversation.chatbot.is_some()
        }
    };
    if !is_answered {
        let turn = sessions.store_turn(&path.session_id, &new.content, &[]).await?;
        return Ok(Either::Left(Created(MessageWithAnswer {
            message: question_view(&turn),
            answer: None,
        })));
    }
    let question = Question {
        conversation: path.session_id,
        asked: TurnAction::Append(new.content),
        model: new.model,
        options: GenerationOptions::default(),
        include_thinking: new.include_thinking.unwrap_or(false),
    };
    let billing = BillingContext::of(&member.identity, &member.org);
    if wants_stream {
        let events = app.answer(billing, question).await?;
        return Ok(Either::Right(AnswerFrame::stream(events)));
    }
    let answered = app.answer_whole(billing, question).await?;
    Ok(Either::Left(Created(MessageWithAnswer {
        message: question_view(&answered.turn),
        answer: Some(answered_view(&answered, app.clock.now())),
    })))
}
