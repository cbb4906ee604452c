//! Stored prompts of any user, and the prompts of the platform.

use app::PromptChange;
use domain::{PromptId, SystemPrompt, UserId, UserPrompt, prompt::MAX_TEXT};
use garde::Validate;
use http_api::{Body, Created, Ctx, Listing, Message, Paging, Path, Result, Service, not_blank};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sessions::UserPath;

/// A new stored prompt.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewPromptForUser {
    /// ID of its user.
    #[garde(skip)]
    user_id: UserId,
    /// The text.
    #[garde(length(chars, max = MAX_TEXT), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    prompt_text: String,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct PromptPath {
    prompt_id: PromptId,
}

/// A stored prompt of a user.
#[derive(Serialize, JsonSchema)]
pub(crate) struct KeptPromptView {
    prompt_id: String,
    user_id: String,
    prompt_text: String,
    name: Option<String>,
}

impl From<UserPrompt> for KeptPromptView {
    fn from(prompt: UserPrompt) -> Self {
        Self {
            prompt_id: prompt.id.0,
            user_id: prompt.user.0,
            prompt_text: prompt.text,
            name: prompt.name,
        }
    }
}

/// A prompt of the platform.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PlatformPromptView {
    prompt_id: String,
    prompt_text: String,
    name: Option<String>,
}

impl From<SystemPrompt> for PlatformPromptView {
    fn from(prompt: SystemPrompt) -> Self {
        Self {
            prompt_id: prompt.id.0,
            prompt_text: prompt.text,
            name: prompt.name,
        }
    }
}

pub(crate) async fn list_prompts_for_user(
    app: Ctx,
    _: Service,
    Path(path): Path<UserPath>,
    page: Paging,
) -> Result<Listing<KeptPromptView>> {
    let user = app.user(&path.user_id).await?;
    let found = app.list_prompts(&user.personal_org, &user.id, &page).await?;
    page.answer(found.map(KeptPromptView::from))
}

pub(crate) async fn keep_prompt_for_user(
    app: Ctx,
    _: Service,
    Body(new): Body<NewPromptForUser>,
) -> Result<Created<KeptPromptView>> {
    let user = app.user(&new.user_id).await?;
    let change = PromptChange {
        text: Some(new.prompt_text),
        ..PromptChange::default()
    };
    let prompt = app.create_prompt(&user.personal_org, &user.id, change).await?;
    Ok(Created(prompt.into()))
}

pub(crate) async fn delete_prompt_of_user(app: Ctx, _: Service, Path(path): Path<PromptPath>) -> Result<Message> {
    app.delete_prompt_of_any(&path.prompt_id).await?;
    Ok(Message("User prompt deleted successfully"))
}

pub(crate) async fn list_platform_prompts(app: Ctx, _: Service, page: Paging) -> Result<Listing<PlatformPromptView>> {
    let found = app.list_system_prompts(&page).await?;
    page.answer(found.map(PlatformPromptView::from))
}
