//! Chat sessions, in both API styles.

use app::{ChannelFilter, ConversationChange, ConversationFilter, Found};
use domain::{
    ConversationChannel, ConversationId, Error, Page, PageRequest,
    auth::permission::{ReadChats, WriteChats},
    chats::conversation::MAX_TITLE,
};
use garde::Validate;
use http_api::{
    Body, Ctx, Json, Listing, May, Member, NoContent, Paging, Path, Query, Rest, Result, WithRest, readable_name,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::view::{SessionPath, SessionView, SessionWithMessages, in_reading_order};

/// The chat sessions to list.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SessionFilter {
    /// Words to find in titles and messages. A page searches a limited number of chat sessions, so it may contain few,
    /// or none, and still have a next page.
    q: Option<String>,
    /// Only pinned ones, or only unpinned ones.
    pinned: Option<bool>,
    /// Where they take place; by default those that the caller holds.
    channel: Option<SessionChannel>,
}

/// Where listed chat sessions take place.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SessionChannel {
    /// The caller holds them.
    Own,
    /// People hold them in Slack, with an integration of the caller.
    Slack,
    /// Visitors hold them on a web site, with an integration of the caller.
    Website,
    /// All of these.
    All,
}

impl SessionFilter {
    fn filter(&self) -> ConversationFilter {
        let channel = match self.channel {
            None | Some(SessionChannel::Own) => ChannelFilter::Own,
            Some(SessionChannel::Slack) => ChannelFilter::Of(ConversationChannel::Slack),
            Some(SessionChannel::Website) => ChannelFilter::Of(ConversationChannel::Website),
            Some(SessionChannel::All) => ChannelFilter::All,
        };
        ConversationFilter {
            pinned: self.pinned,
            channel,
        }
    }
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
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    let words = query.q.as_deref().map(str::trim).filter(|words| !words.is_empty());
    let found = match words {
        Some(words) if words.chars().count() > 200 => {
            return Err(Error::invalid("/q", "must be at most 200 characters long").into());
        }
        Some(words) => sessions.search(words, &page).await?,
        None => {
            let listed = sessions.list(&page, query.filter()).await?;
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
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    let conversation = sessions.get(id).await?;
    let (messages, next) = if messages {
        let page = PageRequest::default();
        let shown = sessions.shown_messages(&conversation, &page).await?;
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
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    let changed = sessions.change(&path.session_id, &change).await?;
    Ok(Json(changed.into()))
}

pub(crate) async fn delete_chat_session(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<SessionPath>,
) -> Result<NoContent> {
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    sessions.delete(&path.session_id).await?;
    Ok(NoContent)
}
