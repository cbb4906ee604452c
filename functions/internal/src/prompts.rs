//! Prompts of any user: turns of conversations as rows.

use domain::{Error, TurnId};
use http_api::{Body, Created, Ctx, Listing, NewPrompt, Paging, Path, PromptView, Result, Service};

use crate::sessions::SessionPath;

pub(crate) async fn list_prompts_of_session(
    app: Ctx,
    _: Service,
    Path(path): Path<SessionPath>,
    page: Paging,
) -> Result<Listing<PromptView>> {
    let sessions = app.chat_sessions_with(&path.session_id).await?;
    let conversation = sessions.get(&path.session_id).await?;
    let head = conversation.head.as_ref().map(TurnId::question);
    let turns = sessions.path(&path.session_id, head.as_ref(), &page).await?;
    page.answer(turns.map(|turn| PromptView::new(turn, &conversation.user)))
}

pub(crate) async fn create_prompt_for_user(
    app: Ctx,
    _: Service,
    Body(new): Body<NewPrompt>,
) -> Result<Created<PromptView>> {
    let sessions = app.chat_sessions_with(&new.session_id).await?;
    let conversation = sessions.get(&new.session_id).await?;
    if new.user_id.is_some_and(|user| user != conversation.user) {
        return Err(Error::invalid("/user_id", "must be the user of this chat session").into());
    }
    let turn = sessions
        .store_turn(&new.session_id, &new.prompt_text, &new.llm_responses)
        .await?;
    Ok(Created(PromptView::new(turn, &conversation.user)))
}
