//! Prompts that users store.

use std::collections::BTreeMap;

use app::PromptChange;
use domain::{
    PromptId, Timestamp, UserId, UserPrompt,
    auth::permission::{ReadPrompts, WritePrompts},
    prompt::{self, MAX_NAME, MAX_TEXT},
};
use garde::Validate;
use http_api::{
    Body, Created, Ctx, Json, Listing, May, Message, Paging, Path, Query, Result, SelfOrAdmin, not_blank, optional_name,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A new stored prompt.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewUserPrompt {
    /// The caller's own user ID, which may be omitted; platform admins may name any user.
    #[garde(skip)]
    user_id: Option<UserId>,
    /// The text. `{{name}}` is a variable.
    #[garde(length(chars, max = MAX_TEXT), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    prompt_text: String,
    /// Name shown in lists.
    #[garde(length(chars, max = MAX_NAME), inner(custom(optional_name)))]
    #[schemars(regex(pattern = http_api::OPTIONAL_NAME))]
    name: Option<String>,
    /// Whether all members of the organization may read it.
    #[garde(skip)]
    shared: Option<bool>,
}

/// A change of a stored prompt. Omitted fields stay unchanged.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct UserPromptPatch {
    /// The text of the next version.
    #[garde(length(chars, max = MAX_TEXT), inner(custom(not_blank)))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    prompt_text: Option<String>,
    /// Name shown in lists; an empty string removes it.
    #[garde(length(chars, max = MAX_NAME), inner(custom(optional_name)))]
    #[schemars(regex(pattern = http_api::OPTIONAL_NAME))]
    name: Option<String>,
    /// Whether all members of the organization may read it.
    #[garde(skip)]
    shared: Option<bool>,
}

/// The parameter `{prompt_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PromptPath {
    pub(crate) prompt_id: PromptId,
}

/// The prompts to list.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PromptFilter {
    /// `own` (the default), or `org` for those that members share.
    #[serde(default)]
    scope: ListScope,
}

/// Whose prompts to list.
#[derive(Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ListScope {
    /// The caller's own.
    #[default]
    Own,
    /// Those that members of the organization share.
    Org,
}

/// A prompt.
#[derive(Serialize, JsonSchema)]
pub(crate) struct UserPromptView {
    prompt_id: String,
    user_id: String,
    /// Text of the latest version.
    prompt_text: String,
    name: Option<String>,
    /// Number of the latest version, starting at 1.
    version: u32,
    /// Labels and the versions that they point to.
    labels: BTreeMap<String, u32>,
    /// The variables of the latest version.
    variables: Vec<String>,
    /// Whether all members of the organization may read it.
    shared: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<UserPrompt> for UserPromptView {
    fn from(prompt: UserPrompt) -> Self {
        Self {
            variables: prompt::variables(&prompt.text).into_iter().map(str::to_owned).collect(),
            prompt_id: prompt.id.0,
            user_id: prompt.user.0,
            prompt_text: prompt.text,
            name: prompt.name,
            version: prompt.version,
            labels: prompt.labels,
            shared: prompt.shared,
            created_at: prompt.created_at,
            updated_at: prompt.updated_at,
        }
    }
}

pub(crate) async fn create_user_prompt(
    app: Ctx,
    member: May<WritePrompts>,
    Body(new): Body<NewUserPrompt>,
) -> Result<Created<UserPromptView>> {
    let change = PromptChange {
        name: new.name,
        text: Some(new.prompt_text),
        shared: new.shared,
    };
    let owner = app.owner_named(&member.identity, &member.org, new.user_id.as_ref());
    let (org, user) = owner.await?;
    let prompt = app.create_prompt(&org, &user, change).await?;
    Ok(Created(prompt.into()))
}

pub(crate) async fn list_own_prompts(
    app: Ctx,
    member: May<ReadPrompts>,
    Query(query): Query<PromptFilter>,
    page: Paging,
) -> Result<Listing<UserPromptView>> {
    let (org, user) = (&member.org.org, &member.identity.user.id);
    let found = match query.scope {
        ListScope::Own => app.list_prompts(org, user, &page).await?,
        ListScope::Org => app.list_shared_prompts(org, user, &page).await?,
    };
    page.answer(found.map(UserPromptView::from))
}

/// Lists the caller's own in the current organization, and those of another user in their personal one.
pub(crate) async fn list_prompts_of_user(
    app: Ctx,
    about: SelfOrAdmin<ReadPrompts>,
    member: May<ReadPrompts>,
    page: Paging,
) -> Result<Listing<UserPromptView>> {
    let org = if about.is_self() {
        member.org.org.clone()
    } else {
        app.user(&about.user).await?.personal_org
    };
    let found = app.list_prompts(&org, &about.user, &page).await?;
    page.answer(found.map(UserPromptView::from))
}

pub(crate) async fn get_user_prompt(
    app: Ctx,
    member: May<ReadPrompts>,
    Path(path): Path<PromptPath>,
) -> Result<Json<UserPromptView>> {
    let (org, user) = (&member.org.org, &member.identity.user.id);
    Ok(Json(app.prompt(org, user, &path.prompt_id).await?.into()))
}

pub(crate) async fn update_user_prompt(
    app: Ctx,
    member: May<WritePrompts>,
    Path(path): Path<PromptPath>,
    Body(body): Body<UserPromptPatch>,
) -> Result<Json<UserPromptView>> {
    let change = PromptChange {
        name: body.name,
        text: body.prompt_text,
        shared: body.shared,
    };
    let (org, user) = (&member.org.org, &member.identity.user.id);
    let prompt = app.change_prompt(org, user, &path.prompt_id, &change).await?;
    Ok(Json(prompt.into()))
}

pub(crate) async fn delete_user_prompt(
    app: Ctx,
    member: May<WritePrompts>,
    Path(path): Path<PromptPath>,
) -> Result<Message> {
    app.delete_prompt(&member.org.org, &member.identity.user.id, &path.prompt_id)
        .await?;
    Ok(Message("Prompt deleted successfully"))
}
