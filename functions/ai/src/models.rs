//! Models by name: Parlance's list, and `OpenAI`'s (<https://platform.openai.com/docs/api-reference/models>).

use app::{BillingContext, ModelView, chatbot_model};
use domain::{Error, PageRequest, Permission, auth::permission::WriteChats};
use http_api::{Ctx, Json, May, Member, Path, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Maximum number of chatbots in the list, newest first; the others answer too.
const MAX_CHATBOTS: u16 = 100;

/// An available model.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AiModel {
    /// The name to use in requests.
    id: String,
    /// The provider.
    provider: String,
    /// Aliases.
    aliases: Vec<String>,
    /// Context window: maximum length of request and answer together, in tokens.
    context_tokens: u32,
    /// Maximum length of an answer, in tokens.
    max_output_tokens: u32,
    /// Price per million prompt tokens in millionths of a US dollar; null if unknown.
    input_micro_usd_per_million: Option<u64>,
    /// Price per million completion tokens in millionths of a US dollar; null if unknown.
    output_micro_usd_per_million: Option<u64>,
}

/// A list of models.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ModelList {
    /// `list`.
    object: &'static str,
    data: Vec<Model>,
}

/// A model, or a chatbot.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Model {
    id: String,
    /// `model`.
    object: &'static str,
    /// Creation time in seconds since 1970; 0 for models, whose creation time is unknown.
    created: i64,
    /// The provider of a model, or the creator of a chatbot.
    owned_by: String,
    /// Display name.
    name: String,
}

/// The parameter `{model}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ModelPath {
    model: String,
}

impl From<ModelView> for AiModel {
    fn from(model: ModelView) -> Self {
        Self {
            id: model.id,
            provider: model.provider.to_string(),
            aliases: model.aliases.iter().map(|&alias| alias.to_owned()).collect(),
            context_tokens: model.context_tokens,
            max_output_tokens: model.max_output_tokens,
            input_micro_usd_per_million: model.price.map(|price| price.input_per_million()),
            output_micro_usd_per_million: model.price.map(|price| price.output_per_million()),
        }
    }
}

pub(crate) async fn list_ai_models(app: Ctx, member: May<WriteChats>) -> Result<Json<Vec<AiModel>>> {
    let billing = BillingContext::of(&member.identity, &member.org);
    let models = app.models(&billing).await?;
    Ok(Json(models.into_iter().map(AiModel::from).collect()))
}

pub(crate) async fn list_models(app: Ctx, member: May<WriteChats>) -> Result<Json<ModelList>> {
    let data = models(&app, &member).await?;
    Ok(Json(ModelList { object: "list", data }))
}

pub(crate) async fn get_model(app: Ctx, member: May<WriteChats>, Path(path): Path<ModelPath>) -> Result<Json<Model>> {
    model(&app, &member, &path.model).await
}

async fn model(app: &Ctx, member: &Member, name: &str) -> Result<Json<Model>> {
    let billing = BillingContext::of(&member.identity, &member.org);
    if let Some(bot) = app.chatbot_named(&billing, name).await? {
        let is_shown = member.identity.reaches(Permission::ReadChatbots) && billing.asking(&bot).is_ok();
        let bot = is_shown.then_some(bot).ok_or(Error::NotFound("chatbot"))?;
        return Ok(Json(Model::of_chatbot(bot)));
    }
    let found = app.model_called(&billing, name).await?;
    let absent = || Error::ModelRequest {
        is_missing: true,
        code: "model_not_found",
        detail: "Model not found. `GET /v1/models` lists the available models.".to_owned(),
        param: Some("model".to_owned()),
    };
    Ok(Json(found.ok_or_else(absent)?.into()))
}

async fn models(app: &Ctx, member: &Member) -> Result<Vec<Model>> {
    let billing = BillingContext::of(&member.identity, &member.org);
    let mut found: Vec<Model> = app.models(&billing).await?.into_iter().map(Model::from).collect();
    if member.identity.reaches(Permission::ReadChatbots) {
        let page = PageRequest {
            limit: MAX_CHATBOTS,
            after: None,
        };
        let bots = app.list_chatbots(&member.org.org, None, &page).await?.items;
        let bots = bots.into_iter().filter(|bot| billing.clone().asking(bot).is_ok());
        found.extend(bots.map(Model::of_chatbot));
    }
    Ok(found)
}

impl Model {
    fn of_chatbot(bot: domain::Chatbot) -> Self {
        Self {
            id: chatbot_model(&bot.id),
            object: "model",
            created: bot.created_at.as_second(),
            owned_by: bot.created_by.0,
            name: bot.name,
        }
    }
}

impl From<ModelView> for Model {
    fn from(model: ModelView) -> Self {
        Self {
            name: model.id.clone(),
            id: model.id,
            object: "model",
            created: 0,
            owned_by: model.provider.to_string(),
        }
    }
}
