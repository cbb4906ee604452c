//! Prompts of everybody: turns of conversations as rows.

use garde::Validate;
use http_api::{Body, Created, Ctx, Listing, Paging, Path, Result, Service, not_blank};
use model::{
    ConversationId, Error, Timestamp, Turn, TurnId, UserId,
    conversation::MAX_MESSAGE,
    turn::{MAX_RESPONSE, MAX_RESPONSES},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sessions::{ABSENT, SessionPath};

/// A new prompt.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct NewSessionPrompt {
    /// What the person said.
    #[garde(length(chars, max = MAX_MESSAGE), custom(not_blank))]
    prompt_text: String,
    /// The answers to it.
    #[serde(default)]
    #[garde(length(max = MAX_RESPONSES), inner(length(chars, max = MAX_RESPONSE)))]
    llm_responses: Vec<String>,
    /// Whose chat session it is; may be left out.
    user_id: Option<UserId>,
    /// The chat session it belongs to.
    session_id: ConversationId,
}

/// A prompt with its answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SessionPromptView {
    prompt_id: String,
    user_id: String,
    session_id: String,
    prompt_text: String,
    /// All answers to it, oldest first.
    llm_responses: Vec<String>,
    timestamp: Timestamp,
}

impl SessionPromptView {
    fn of(turn: Turn, user: &UserId) -> Self {
        Self {
            prompt_id: turn.id.0,
            user_id: user.0.clone(),
            session_id: turn.conversation.0,
            prompt_text: turn.question,
            llm_responses: turn.answers.into_iter().map(|answer| answer.text).collect(),
            timestamp: turn.created_at,
        }
    }
}

pub(crate) async fn list_prompts_of_session(
    app: Ctx,
    _: Service,
    Path(path): Path<SessionPath>,
    page: Paging,
) -> Result<Listing<SessionPromptView>> {
    let conversations = app.conversations_with(&path.session_id).await?.ok_or(ABSENT)?;
    let conversation = conversations.get(&path.session_id).await?.ok_or(ABSENT)?;
    let head = conversation.head.as_ref().map(TurnId::question);
    let turns = conversations.path(&path.session_id, head.as_ref(), &page).await?;
    page.answer(turns.map(|turn| SessionPromptView::of(turn, &conversation.user)))
}

pub(crate) async fn create_prompt_for_user(
    app: Ctx,
    _: Service,
    Body(new): Body<NewSessionPrompt>,
) -> Result<Created<SessionPromptView>> {
    let conversations = app.conversations_with(&new.session_id).await?.ok_or(ABSENT)?;
    let conversation = conversations.get(&new.session_id).await?.ok_or(ABSENT)?;
    if new.user_id.is_some_and(|user| user != conversation.user) {
        return Err(Error::invalid("/user_id", "has to be the user whose session this is").into());
    }
    let turn = app
        .store_turn(&conversations, &new.session_id, &new.prompt_text, &new.llm_responses)
        .await?;
    Ok(Created(SessionPromptView::of(turn, &conversation.user)))
}
