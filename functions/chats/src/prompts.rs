//! Turns as prompts: one row is a user's message and the answers to it.

use domain::{
    TurnId,
    auth::permission::{ReadChats, WriteChats},
    chats::conversation::MAX_MESSAGE,
    chats::turn::{MAX_RESPONSE, MAX_RESPONSES},
};
use garde::Validate;
use http_api::{
    Body, Created, Ctx, Json, Listing, May, Message, NewPrompt, Paging, Path, PromptView, Result, not_blank,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::view::SessionPath;

/// A change of a prompt.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct PromptChange {
    /// The text of the user's message.
    #[garde(length(chars, max = MAX_MESSAGE), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    prompt_text: String,
    /// The answers, replacing the current ones; unchanged if omitted.
    #[garde(length(max = MAX_RESPONSES), inner(inner(length(chars, max = MAX_RESPONSE))))]
    #[schemars(inner(length(max = MAX_RESPONSE)))]
    llm_responses: Option<Vec<String>>,
}

/// The parameter `{prompt_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PromptPath {
    prompt_id: TurnId,
}

pub(crate) async fn create_prompt(
    app: Ctx,
    member: May<WriteChats>,
    Body(new): Body<NewPrompt>,
) -> Result<Created<PromptView>> {
    let user = &member.identity.user.id;
    member.identity.check_own_id(new.user_id.as_ref())?;
    let sessions = app.chat_sessions(&member.org.org, user);
    let turn = sessions
        .store_turn(&new.session_id, &new.prompt_text, &new.llm_responses)
        .await?;
    Ok(Created(PromptView::new(turn, user)))
}

pub(crate) async fn get_prompt(
    app: Ctx,
    member: May<ReadChats>,
    Path(path): Path<PromptPath>,
) -> Result<Json<PromptView>> {
    let user = &member.identity.user.id;
    let sessions = app.chat_sessions(&member.org.org, user);
    let (_, turn) = sessions.turn(&path.prompt_id).await?;
    Ok(Json(PromptView::new(turn, user)))
}

pub(crate) async fn update_prompt(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<PromptPath>,
    Body(change): Body<PromptChange>,
) -> Result<Json<PromptView>> {
    let user = &member.identity.user.id;
    let sessions = app.chat_sessions(&member.org.org, user);
    let answers = change.llm_responses.as_deref();
    let (_, turn) = sessions
        .rewrite_turn(&path.prompt_id, &change.prompt_text, answers)
        .await?;
    Ok(Json(PromptView::new(turn, user)))
}

pub(crate) async fn delete_prompt(app: Ctx, member: May<WriteChats>, Path(path): Path<PromptPath>) -> Result<Message> {
    let sessions = app.chat_sessions(&member.org.org, &member.identity.user.id);
    sessions.erase_turn(&path.prompt_id).await?;
    Ok(Message("Prompt deleted successfully"))
}

pub(crate) async fn list_session_prompts(
    app: Ctx,
    member: May<ReadChats>,
    Path(path): Path<SessionPath>,
    page: Paging,
) -> Result<Listing<PromptView>> {
    let user = &member.identity.user.id;
    let sessions = app.chat_sessions(&member.org.org, user);
    let conversation = sessions.get(&path.session_id).await?;
    let head = conversation.head.as_ref().map(TurnId::question);
    let turns = sessions.path(&path.session_id, head.as_ref(), &page).await?;
    page.answer(turns.map(|turn| PromptView::new(turn, user)))
}
