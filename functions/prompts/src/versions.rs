//! Versions of a prompt, the labels that point to them, and their variables.

use std::collections::BTreeMap;

use domain::{
    PromptId, PromptVersion, Timestamp,
    auth::permission::{ReadPrompts, WritePrompts},
    prompt,
};
use garde::Validate;
use http_api::{Body, Ctx, Json, Listing, May, NoContent, Paging, Path, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::user_prompts::{PromptPath, UserPromptView};

/// A version of a prompt.
#[derive(Serialize, JsonSchema)]
pub(crate) struct VersionView {
    prompt_id: String,
    /// Its number, starting at 1.
    version: u32,
    prompt_text: String,
    variables: Vec<String>,
    created_at: Timestamp,
}

impl VersionView {
    fn new(prompt: &PromptId, version: PromptVersion) -> Self {
        Self {
            prompt_id: prompt.0.clone(),
            version: version.version,
            variables: prompt::variables(&version.text)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            prompt_text: version.text,
            created_at: version.created_at,
        }
    }
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct VersionPath {
    prompt_id: PromptId,
    /// A number, a label, or `latest`.
    version: String,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct LabelPath {
    prompt_id: PromptId,
    label: String,
}

/// The version that a label points to.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "LabelTarget")]
pub(crate) struct Pointed {
    /// Number of a version.
    #[garde(skip)]
    version: u32,
}

/// Values for the variables of a prompt.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "PromptValues")]
pub(crate) struct Values {
    /// Keyed by variable name; every variable needs a value.
    #[serde(default)]
    #[garde(skip)]
    variables: BTreeMap<String, String>,
    /// A number, a label, or `latest` (the default).
    #[garde(length(chars, max = 100))]
    version: Option<String>,
}

/// A rendered prompt.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RenderedPrompt {
    prompt_id: String,
    /// The version that was rendered.
    version: u32,
    text: String,
}

pub(crate) async fn list_prompt_versions(
    app: Ctx,
    member: May<ReadPrompts>,
    Path(path): Path<PromptPath>,
    page: Paging,
) -> Result<Listing<VersionView>> {
    let (org, user) = (&member.org.org, &member.identity.user.id);
    let found = app.prompt_versions(org, user, &path.prompt_id, &page).await?;
    page.answer(found.map(|version| VersionView::new(&path.prompt_id, version)))
}

pub(crate) async fn get_prompt_version(
    app: Ctx,
    member: May<ReadPrompts>,
    Path(path): Path<VersionPath>,
) -> Result<Json<VersionView>> {
    let (org, user) = (&member.org.org, &member.identity.user.id);
    let (prompt, version) = app
        .prompt_version(org, user, &path.prompt_id, Some(&path.version))
        .await?;
    Ok(Json(VersionView::new(&prompt.id, version)))
}

pub(crate) async fn label_prompt_version(
    app: Ctx,
    member: May<WritePrompts>,
    Path(path): Path<LabelPath>,
    Body(pointed): Body<Pointed>,
) -> Result<Json<UserPromptView>> {
    let (org, user) = (&member.org.org, &member.identity.user.id);
    let version = Some(pointed.version);
    let prompt = app
        .label_prompt(org, user, &path.prompt_id, &path.label, version)
        .await?;
    Ok(Json(prompt.into()))
}

pub(crate) async fn remove_prompt_label(
    app: Ctx,
    member: May<WritePrompts>,
    Path(path): Path<LabelPath>,
) -> Result<NoContent> {
    let (org, user) = (&member.org.org, &member.identity.user.id);
    app.label_prompt(org, user, &path.prompt_id, &path.label, None).await?;
    Ok(NoContent)
}

/// Changes nothing, so the permission to read a prompt suffices.
pub(crate) async fn render_prompt(
    app: Ctx,
    member: May<ReadPrompts>,
    Path(path): Path<PromptPath>,
    Body(values): Body<Values>,
) -> Result<Json<RenderedPrompt>> {
    let (org, user) = (&member.org.org, &member.identity.user.id);
    let (prompt, version) = app
        .prompt_version(org, user, &path.prompt_id, values.version.as_deref())
        .await?;
    Ok(Json(RenderedPrompt {
        prompt_id: prompt.id.0,
        version: version.version,
        text: prompt::render(&version.text, &values.variables)?,
    }))
}
