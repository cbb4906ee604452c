//! Chat sessions of any user.

use app::{ConversationChange, NewConversation};
use domain::{Conversation, ConversationId, Timestamp, UserId};
use garde::Validate;
use http_api::{Body, Created, Ctx, Json, Listing, Message, Paging, Path, Result, Service, readable_name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A new chat session.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "NewSessionForUser")]
pub(crate) struct NewUserSession {
    /// ID of its user.
    #[garde(skip)]
    user_id: UserId,
    /// Title; the beginning of the first message if omitted.
    #[garde(length(chars, max = 200), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    title: Option<String>,
}

/// A change of a chat session.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct SessionTitle {
    /// The new title.
    #[garde(length(chars, max = 200), custom(readable_name))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    title: String,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct UserPath {
    pub(crate) user_id: UserId,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct SessionPath {
    pub(crate) session_id: ConversationId,
}

/// A chat session.
#[derive(Serialize, JsonSchema)]
pub(crate) struct UserSessionView {
    session_id: String,
    /// The same as `session_id`.
    id: String,
    user_id: String,
    /// `New chat` until the first message.
    title: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Conversation> for UserSessionView {
    fn from(conversation: Conversation) -> Self {
        Self {
            title: conversation.title_or_default().to_owned(),
            session_id: conversation.id.0.clone(),
            id: conversation.id.0,
            user_id: conversation.user.0,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
        }
    }
}

pub(crate) async fn list_sessions_of_user(
    app: Ctx,
    _: Service,
    Path(path): Path<UserPath>,
    page: Paging,
) -> Result<Listing<UserSessionView>> {
    let user = app.user(&path.user_id).await?;
    let found = app
        .chat_sessions(&user.personal_org, &user.id)
        .list(&page, app::ConversationFilter::default())
        .await?;
    page.answer(found.map(UserSessionView::from))
}

pub(crate) async fn create_session_for_user(
    app: Ctx,
    _: Service,
    Body(new): Body<NewUserSession>,
) -> Result<Created<UserSessionView>> {
    let user = app.user(&new.user_id).await?;
    let new = NewConversation {
        org: user.personal_org,
        user: user.id,
        chatbot: None,
        title: new.title,
        model: None,
    };
    Ok(Created(app.begin_conversation(new).await?.into()))
}

pub(crate) async fn get_internal_session(
    app: Ctx,
    _: Service,
    Path(path): Path<SessionPath>,
) -> Result<Json<UserSessionView>> {
    let sessions = app.chat_sessions_with(&path.session_id).await?;
    let found = sessions.get(&path.session_id).await?;
    Ok(Json(found.into()))
}

pub(crate) async fn rename_internal_session(
    app: Ctx,
    _: Service,
    Path(path): Path<SessionPath>,
    Body(change): Body<SessionTitle>,
) -> Result<Json<UserSessionView>> {
    let sessions = app.chat_sessions_with(&path.session_id).await?;
    let change = ConversationChange {
        title: Some(change.title),
        ..ConversationChange::default()
    };
    let renamed = sessions.change(&path.session_id, &change).await?;
    Ok(Json(renamed.into()))
}

pub(crate) async fn delete_internal_session(app: Ctx, _: Service, Path(path): Path<SessionPath>) -> Result<Message> {
    let sessions = app.chat_sessions_with(&path.session_id).await?;
    sessions.delete(&path.session_id).await?;
    Ok(Message("Session deleted successfully"))
}
