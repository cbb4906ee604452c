//! Chat sessions.

use garde::Validate;
use http_api::{Body, Created, Ctx, Json, Listing, May, NoContent, Paging, Path, Result, readable_name};
use model::{
    ChatbotId, Conversation, ConversationId, Error, PageRequest, Timestamp,
    permission::{ReadChats, WriteChats},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::messages::{MessageView, in_reading_order};

pub(crate) const ABSENT: Error = Error::NotFound("chat session");

/// A new chat session.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct NewChatSession {
    /// The chatbot that answers.
    chatbot_id: ChatbotId,
    /// Shown in lists; the beginning of the first message when left out.
    #[garde(inner(length(chars, max = 200), custom(readable_name)))]
    title: Option<String>,
}

/// The parameter `{session_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SessionPath {
    pub(crate) session_id: ConversationId,
}

/// A chat session.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SessionView {
    id: String,
    /// The same as `id`.
    session_id: String,
    chatbot_id: Option<String>,
    user_id: String,
    /// Null until the first message.
    title: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Conversation> for SessionView {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id.0.clone(),
            session_id: conversation.id.0,
            chatbot_id: conversation.chatbot.map(|id| id.0),
            user_id: conversation.user.0,
            title: conversation.title,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
        }
    }
}

/// A chat session with its latest messages, in reading order.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SessionWithMessages {
    #[serde(flatten)]
    session: SessionView,
    messages: Vec<MessageView>,
}

pub(crate) async fn create_chat_session(
    app: Ctx,
    member: May<WriteChats>,
    Body(new): Body<NewChatSession>,
) -> Result<Created<SessionView>> {
    let bot = app
        .chatbots(&member.org.org)
        .get(&new.chatbot_id)
        .await?
        .ok_or(Error::NotFound("chatbot"))?;
    let now = app.clock.now();
    let conversation = Conversation {
        id: app.ids.make()?,
        org: member.org.org.clone(),
        user: member.identity.user.id.clone(),
        chatbot: Some(bot.id),
        title: new.title,
        created_at: now,
        updated_at: now,
    };
    app.conversations(&conversation.org, &conversation.user)
        .create(&conversation)
        .await?;
    Ok(Created(conversation.into()))
}

pub(crate) async fn list_chat_sessions(app: Ctx, member: May<ReadChats>, page: Paging) -> Result<Listing<SessionView>> {
    let found = app
        .conversations(&member.org.org, &member.identity.user.id)
        .list(&page)
        .await?;
    page.answer(found.map(SessionView::from))
}

pub(crate) async fn get_chat_session(
    app: Ctx,
    member: May<ReadChats>,
    Path(path): Path<SessionPath>,
) -> Result<Json<SessionWithMessages>> {
    let conversations = app.conversations(&member.org.org, &member.identity.user.id);
    let conversation = conversations.get(&path.session_id).await?.ok_or(ABSENT)?;
    let turns = conversations.turns(&path.session_id, &PageRequest::default()).await?;
    let messages = in_reading_order(turns.items, app.clock.now());
    Ok(Json(SessionWithMessages {
        session: conversation.into(),
        messages,
    }))
}

pub(crate) async fn delete_chat_session(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<SessionPath>,
) -> Result<NoContent> {
    let conversations = app.conversations(&member.org.org, &member.identity.user.id);
    if conversations.delete(&path.session_id, app.clock.now()).await? {
        Ok(NoContent)
    } else {
        Err(ABSENT.into())
    }
}
