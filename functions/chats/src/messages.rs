//! Messages of a chat session. A turn is stored as one item and shown as two messages.

use domain::{
    Page, Rating,
    auth::permission::{ReadChats, WriteChats},
};
use garde::Validate;
use http_api::{Body, Ctx, Json, Listing, May, NoContent, Paging, Path, Result, readable_text};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::view::{MessagePath, MessageView, SessionPath, answered_view, in_reading_order, message_view};

/// A rating of an answer.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct NewFeedback {
    /// The rating: good or bad.
    rating: Rating,
    /// A comment.
    #[garde(length(chars, max = 2000), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    reason: Option<String>,
}

pub(crate) async fn list_messages(
    app: Ctx,
    member: May<ReadChats>,
    Path(path): Path<SessionPath>,
    page: Paging,
) -> Result<Listing<MessageView>> {
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    let conversation = sessions.get(&path.session_id).await?;
    let shown = sessions.shown_messages(&conversation, &page).await?;
    page.answer(Page {
        items: in_reading_order(&shown.items, app.clock.now()),
        next: shown.next,
    })
}

pub(crate) async fn get_message(
    app: Ctx,
    member: May<ReadChats>,
    Path(path): Path<MessagePath>,
) -> Result<Json<MessageView>> {
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    let turn = sessions.message(&path.session_id, &path.message_id).await?;
    Ok(Json(message_view(&turn, &path.message_id, app.clock.now())))
}

/// Shows the branch that was last active after the message.
pub(crate) async fn select_message(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<MessagePath>,
) -> Result<Json<MessageView>> {
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    let turn = sessions.show_message(&path.session_id, &path.message_id).await?;
    Ok(Json(message_view(&turn, &path.message_id, app.clock.now())))
}

pub(crate) async fn rate_answer(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<MessagePath>,
    Body(feedback): Body<NewFeedback>,
) -> Result<Json<MessageView>> {
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    let reason = feedback.reason.filter(|reason| !reason.trim().is_empty());
    let rating = Some((feedback.rating, reason));
    let rated = sessions.rate_answer(&path.session_id, &path.message_id, rating).await?;
    Ok(Json(answered_view(&rated, app.clock.now())))
}

pub(crate) async fn unrate_answer(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<MessagePath>,
) -> Result<NoContent> {
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    sessions.rate_answer(&path.session_id, &path.message_id, None).await?;
    Ok(NoContent)
}
