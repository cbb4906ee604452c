//! Chat sessions with prompts.

use app::{ConversationChange, ConversationFilter, NewConversation};
use domain::{
    ChatbotId, UserId,
    auth::permission::{ReadChats, WriteChats},
    chats::conversation::MAX_TITLE,
};
use garde::Validate;
use http_api::{Body, Created, Ctx, Json, Listing, May, Message, Paging, Path, Result, SelfOrAdmin, readable_name};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::view::{SessionPath, TitledSessionView};

/// A new chat session.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct NewUserSession {
    /// Title.
    #[garde(length(chars, max = MAX_TITLE), custom(readable_name))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    title: String,
    /// ID of its user: the caller's, which may be omitted; platform admins may name any user.
    user_id: Option<UserId>,
    /// ID of the chatbot that answers, if any.
    chatbot_id: Option<ChatbotId>,
}

/// A change of a chat session.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewTitle {
    /// The new title.
    #[garde(length(chars, max = MAX_TITLE), custom(readable_name))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    title: String,
}

pub(crate) async fn begin_session(
    app: Ctx,
    member: May<WriteChats>,
    Body(new): Body<NewUserSession>,
) -> Result<Created<TitledSessionView>> {
    let owner = app.owner_named(&member.identity, &member.org, new.user_id.as_ref());
    let (org, user) = owner.await?;
    let new = NewConversation {
        org,
        user,
        chatbot: new.chatbot_id,
        title: Some(new.title),
        model: None,
    };
    Ok(Created(app.begin_conversation(new).await?.into()))
}

pub(crate) async fn get_session(
    app: Ctx,
    member: May<ReadChats>,
    Path(path): Path<SessionPath>,
) -> Result<Json<TitledSessionView>> {
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    let conversation = sessions.get(&path.session_id).await?;
    Ok(Json(conversation.into()))
}

pub(crate) async fn rename_session(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<SessionPath>,
    Body(new): Body<NewTitle>,
) -> Result<Json<TitledSessionView>> {
    let change = ConversationChange {
        title: Some(new.title),
        ..ConversationChange::default()
    };
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    let changed = sessions.change(&path.session_id, &change).await?;
    Ok(Json(changed.into()))
}

pub(crate) async fn delete_session(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<SessionPath>,
) -> Result<Message> {
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    sessions.delete(&path.session_id).await?;
    Ok(Message("Chat session deleted successfully"))
}

/// Lists the caller's own in the current organization; platform admins see those of other users in their personal one.
pub(crate) async fn list_user_sessions(
    app: Ctx,
    member: May<ReadChats>,
    about: SelfOrAdmin<ReadChats>,
    page: Paging,
) -> Result<Listing<TitledSessionView>> {
    let org = if about.is_self() {
        member.org.org.clone()
    } else {
        app.user(&about.user).await?.personal_org
    };
    let found = app
        .chat_sessions(&org, &about.user)
        .list(&page, ConversationFilter::default())
        .await?;
    page.answer(found.map(TitledSessionView::from))
}
