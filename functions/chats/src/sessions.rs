//! Chat sessions, in both API styles.

use app::{ConversationChange, Found};
use domain::{
    ConversationId, Error, Page, PageRequest,
    auth::permission::{ReadChats, WriteChats},
    chats::conversation::MAX_TITLE,
};
use garde::Validate;
use http_api::{
    Body, Ctx, Json, Listing, May, Member, NoContent, Paging, Path, Query, Rest, Result, WithRest, readable_name,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::view::{SESSION_NOT_FOUND, SessionPath, SessionView, SessionWithMessages, in_reading_order};

/// The chat sessions to list.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SessionFilter {
    /// Words to find in titles and messages. A page searches a limited number of chat sessions, so it may contain few,
    /// or none, and still have a next page.
    q: Option<String>,
    /// Only pinned ones, or only unpinned ones.
    pinned: Option<bool>,
}

/// A change of a chat session; omitted fields stay unchanged.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct SessionPatch {
    /// The new title.
    #[garde(length(chars, max = MAX_TITLE), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    title: Option<String>,
    /// Whether it is pinned.
    pinned: Option<bool>,
    /// Model or alias to answer with if there is no chatbot.
    #[garde(length(chars, max = 200), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    model: Option<String>,
}

/// A chat session, and where the searched words occur in it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FoundSession {
    #[serde(flatten)]
    session: SessionView,
    /// ID of the message that contains the words; omitted if the title does.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    /// An excerpt with the words.
    #[serde(skip_serializing_if = "Option::is_none")]
    excerpt: Option<String>,
}

impl From<Found> for FoundSession {
    fn from(found: Found) -> Self {
        let (message_id, excerpt) = found.place.map(|(id, words)| (id.0, words)).unzip();
        Self {
            session: found.conversation.into(),
            message_id,
            excerpt,
        }
    }
}

pub(crate) async fn list_chat_sessions(
    app: Ctx,
    member: May<ReadChats>,
    page: Paging,
    Query(query): Query<SessionFilter>,
) -> Result<Listing<FoundSession>> {
    let conversations = app.conversations(&member.org.org, &member.identity.user.id);
    let words = query.q.as_deref().map(str::trim).filter(|words| !words.is_empty());
    let found = match words {
        Some(words) if words.chars().count() > 200 => {
            return Err(Error::invalid("/q", "must be at most 200 characters long").into());
        }
        Some(words) => app.search_conversations(&conversations, words, &page).await?,
        None => {
            let listed = conversations.list(&page, query.pinned).await?;
            listed.map(|conversation| Found {
                conversation,
                place: None,
            })
        }
    };
    let matches_filter = |found: &Found| query.pinned.is_none_or(|pinned| found.conversation.pinned == pinned);
    let items = found.items.into_iter().filter(matches_filter).map(FoundSession::from);
    page.answer(Page {
        items: items.collect(),
        next: found.next,
    })
}

/// Returns a chat session, with its latest messages and the link to earlier ones if requested.
pub(crate) async fn session_with_messages(
    app: &Ctx,
    member: &Member,
    id: &ConversationId,
    rest: &Rest,
    messages: bool,
) -> Result<WithRest<SessionWithMessages>> {
    let conversations = app.conversations(&member.org.org, &member.identity.user.id);
    let conversation = conversations.get(id).await?.ok_or(SESSION_NOT_FOUND)?;
    let (messages, next) = if messages {
        let page = PageRequest::default();
        let shown = app.shown_messages(&conversations, &conversation, &page).await?;
        (Some(in_reading_order(&shown.items, app.clock.now())), shown.next)
    } else {
        (None, None)
    };
    let session = SessionWithMessages {
        session: conversation.into(),
        messages,
    };
    rest.answer(session, "messages", next)
}

pub(crate) async fn update_chat_session(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<SessionPath>,
    Body(change): Body<SessionPatch>,
) -> Result<Json<SessionView>> {
    let change = ConversationChange {
        title: change.title,
        pinned: change.pinned,
        model: change.model,
    };
    let conversations = app.conversations(&member.org.org, &member.identity.user.id);
    let changed = conversations.change(&path.session_id, &change, app.clock.now()).await?;
    Ok(Json(changed.ok_or(SESSION_NOT_FOUND)?.into()))
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
        Err(SESSION_NOT_FOUND.into())
    }
}
