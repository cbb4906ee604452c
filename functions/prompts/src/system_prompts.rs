//! Prompts of the platform: admins write them, everyone can read them.

use app::PromptChange;
use domain::{
    SystemPrompt, Timestamp,
    auth::permission::ReadPrompts,
    prompt::{MAX_NAME, MAX_TEXT},
};
use garde::Validate;
use http_api::{
    Body, Created, Ctx, Json, Listing, May, Message, Paging, Path, PlatformAdmin, Result, not_blank, optional_name,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::user_prompts::PromptPath;

/// A prompt for everyone.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct SystemPromptText {
    /// The text.
    #[garde(length(chars, max = MAX_TEXT), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    prompt_text: String,
    /// Name shown in lists; an empty string removes it.
    #[garde(length(chars, max = MAX_NAME), inner(custom(optional_name)))]
    #[schemars(regex(pattern = http_api::OPTIONAL_NAME))]
    name: Option<String>,
}

impl From<SystemPromptText> for PromptChange {
    fn from(text: SystemPromptText) -> Self {
        Self {
            name: text.name,
            text: Some(text.prompt_text),
            shared: None,
        }
    }
}

/// A prompt of the platform.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SystemPromptView {
    prompt_id: String,
    prompt_text: String,
    name: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<SystemPrompt> for SystemPromptView {
    fn from(prompt: SystemPrompt) -> Self {
        Self {
            prompt_id: prompt.id.0,
            prompt_text: prompt.text,
            name: prompt.name,
            created_at: prompt.created_at,
            updated_at: prompt.updated_at,
        }
    }
}

pub(crate) async fn create_system_prompt(
    app: Ctx,
    admin: PlatformAdmin,
    Body(new): Body<SystemPromptText>,
) -> Result<Created<SystemPromptView>> {
    let prompt = app
        .create_system_prompt(&admin.identity.user, &admin.actor(), new.into())
        .await?;
    Ok(Created(prompt.into()))
}

pub(crate) async fn list_system_prompts(
    app: Ctx,
    _: May<ReadPrompts>,
    page: Paging,
) -> Result<Listing<SystemPromptView>> {
    let found = app.list_system_prompts(&page).await?;
    page.answer(found.map(SystemPromptView::from))
}

pub(crate) async fn get_system_prompt(
    app: Ctx,
    _: May<ReadPrompts>,
    Path(path): Path<PromptPath>,
) -> Result<Json<SystemPromptView>> {
    Ok(Json(app.system_prompt(&path.prompt_id).await?.into()))
}

pub(crate) async fn update_system_prompt(
    app: Ctx,
    admin: PlatformAdmin,
    Path(path): Path<PromptPath>,
    Body(change): Body<SystemPromptText>,
) -> Result<Json<SystemPromptView>> {
    let prompt = app
        .change_system_prompt(&admin.identity.user, &admin.actor(), &path.prompt_id, change.into())
        .await?;
    Ok(Json(prompt.into()))
}

pub(crate) async fn delete_system_prompt(
    app: Ctx,
    admin: PlatformAdmin,
    Path(path): Path<PromptPath>,
) -> Result<Message> {
    app.delete_system_prompt(&admin.identity.user, &admin.actor(), &path.prompt_id)
        .await?;
    Ok(Message("Prompt deleted successfully"))
}
