//! Prompts of any user: turns of conversations as rows.

use domain::{Error, TurnId};
use http_api::{Body, Created, Ctx, Listing, NewPrompt, Paging, Path, PromptView, Result, Service};

use crate::sessions::{SESSION_NOT_FOUND, SessionPath};

pub(crate) async fn list_prompts_of_session(
    app: Ctx,
    _: Service,
    Path(path): Path<SessionPath>,
    page: Paging,
) -> Result<Listing<PromptView>> {
    let conversations = app
        .conversations_with(&path.session_id)
        .await?
        .ok_or(SESSION_NOT_FOUND)?;
    let conversation = conversations.get(&path.session_id).await?.ok_or(SESSION_NOT_FOUND)?;
    let head = conversation.head.as_ref().map(TurnId::question);
    let turns = conversations.path(&path.session_id, head.as_ref(), &page).await?;
    page.answer(turns.map(|turn| PromptView::new(turn, &conversation.user)))
}

pub(crate) async fn create_prompt_for_user(
    app: Ctx,
    _: Service,
    Body(new): Body<NewPrompt>,
) -> Result<Created<PromptView>> {
    let conversations = app
        .conversations_with(&new.session_id)
        .await?
        .ok_or(SESSION_NOT_FOUND)?;
    let conversation = conversations.get(&new.session_id).await?.ok_or(SESSION_NOT_FOUND)?;
    if new.user_id.is_some_and(|user| user != conversation.user) {
        return Err(Error::invalid("/user_id", "must be the user of this chat session").into());
    }
    let turn = app
        .store_turn(&conversations, &new.session_id, &new.prompt_text, &new.llm_responses)
        .await?;
    Ok(Created(PromptView::new(turn, &conversation.user)))
}
