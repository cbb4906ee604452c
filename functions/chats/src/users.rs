//! Chat sessions with prompts.

use app::{ConversationChange, NewConversation};
use domain::{
    ChatbotId, Error, PlatformRole, UserId,
    auth::permission::{ReadChats, WriteChats},
    chats::conversation::MAX_TITLE,
};
use garde::Validate;
use http_api::{Body, Created, Ctx, Json, Listing, May, Message, Paging, Path, Result, SelfOrAdmin, readable_name};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::view::{SESSION_NOT_FOUND, SessionPath, TitledSessionView};

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
    let caller = &member.identity.user;
    let (org, user) = match new.user_id {
        Some(named) if named != caller.id => {
            if caller.role != PlatformRole::Admin || !member.identity.is_person() {
                return Err(foreign_user().into());
            }
            let user = app.user(&named).await?;
            (user.personal_org, user.id)
        }
        _ => (member.org.org.clone(), caller.id.clone()),
    };
    let new = NewConversation {
        org,
        user,
        chatbot: new.chatbot_id,
        title: Some(new.title),
        model: None,
    };
    Ok(Created(app.begin_conversation(new).await?.into()))
}

/// Rejects a body that names another user.
pub(crate) fn foreign_user() -> Error {
    Error::Forbidden {
        code: "foreign_user_id",
        detail: "You can do this for your own account only; leave `user_id` out.",
    }
}

pub(crate) async fn get_session(
    app: Ctx,
    member: May<ReadChats>,
    Path(path): Path<SessionPath>,
) -> Result<Json<TitledSessionView>> {
    let conversations = app.conversations(&member.org.org, &member.identity.user.id);
    let conversation = conversations.get(&path.session_id).await?;
    Ok(Json(conversation.ok_or(SESSION_NOT_FOUND)?.into()))
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
    let conversations = app.conversations(&member.org.org, &member.identity.user.id);
    let changed = conversations.change(&path.session_id, &change, app.clock.now()).await?;
    Ok(Json(changed.ok_or(SESSION_NOT_FOUND)?.into()))
}

pub(crate) async fn delete_session(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<SessionPath>,
) -> Result<Message> {
    let conversations = app.conversations(&member.org.org, &member.identity.user.id);
    if conversations.delete(&path.session_id, app.clock.now()).await? {
        Ok(Message("Chat session deleted successfully"))
    } else {
        Err(SESSION_NOT_FOUND.into())
    }
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
    let found = app.conversations(&org, &about.user).list(&page, None).await?;
    page.answer(found.map(TitledSessionView::from))
}
