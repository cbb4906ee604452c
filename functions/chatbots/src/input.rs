//! Request bodies and parameters.

use app::ChatbotChange;
use domain::{AnswerMode, Chatbot, ChatbotId, ChatbotSettings, DocumentId, FixedAnswer, Org, Quota};
use garde::Validate;
use http_api::{not_blank, readable_name, readable_text};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// A new chatbot.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewChatbot {
    /// Display name.
    #[garde(length(chars, max = Chatbot::MAX_NAME), custom(readable_name))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    name: String,
    /// What the chatbot is for.
    #[garde(length(chars, max = 2000), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    description: Option<String>,
    /// How it answers; defaults for omitted settings.
    #[garde(dive)]
    settings: Option<SettingsPatch>,
    /// IDs of the documents it answers from. `document_ids` is an alias.
    #[garde(skip)]
    #[serde(alias = "document_ids", alias = "documentIds")]
    documents: Option<Vec<DocumentId>>,
}

/// A change of a chatbot.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct ChatbotPatch {
    /// New name.
    #[garde(length(chars, max = Chatbot::MAX_NAME), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    name: Option<String>,
    /// New description; an empty string removes it.
    #[garde(length(chars, max = 2000), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    description: Option<String>,
    /// Settings to change; the others stay.
    #[garde(dive)]
    settings: Option<SettingsPatch>,
    /// IDs of all documents it answers from, replacing the current ones. `document_ids` is an alias.
    #[garde(skip)]
    #[serde(alias = "document_ids", alias = "documentIds")]
    documents: Option<Vec<DocumentId>>,
}

/// Settings of a chatbot. Omitted settings stay unchanged; an empty string clears an optional one. Unknown settings are
/// rejected, because they would be lost.
#[derive(Default, Deserialize, Validate, JsonSchema)]
#[schemars(rename = "ChatbotSettingsPatch", deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null removes a limit, absence leaves it unchanged")]
pub(crate) struct SettingsPatch {
    /// Model or alias to answer with.
    #[garde(length(chars, max = 100), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    model: Option<String>,
    /// Instructions at the start of every conversation.
    #[garde(length(chars, max = 8000), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    system_prompt: Option<String>,
    /// First message shown to users.
    #[garde(length(chars, max = 1000), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    welcome_message: Option<String>,
    /// Questions offered to users at the beginning; an empty list removes them.
    #[garde(
        length(max = 10),
        inner(inner(length(chars, min = 1, max = 200), custom(readable_text)))
    )]
    #[schemars(inner(length(min = 1, max = 200), regex(pattern = http_api::READABLE_TEXT)))]
    suggested_questions: Option<Vec<String>>,
    /// Its answer if the documents do not answer a question.
    #[garde(length(chars, max = 1000), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    refusal_text: Option<String>,
    /// `chat`: the model always answers. `query`: without a passage the chatbot answers its refusal text, and no model
    /// is called.
    #[garde(skip)]
    mode: Option<AnswerMode>,
    /// Questions with a prescribed answer, for which no model is called. A question with the same words, in any order
    /// and inflection, is the same. Replaces the current ones; all together have at most 32 KB.
    #[garde(length(max = FixedAnswer::MAX), custom(small_together), dive)]
    fixed_answers: Option<Vec<FixedAnswerInput>>,
    /// Whether the model rewrites a question that leans on the conversation (`and in May?`) before the documents are
    /// searched, which is one more call. The built-in model does not; then rules add what the question leaves out.
    #[garde(skip)]
    rewrite_questions: Option<bool>,
    /// The share of a question that a passage must contain to be given to the model, weighted by the rarity of the
    /// words. With the built-in embedding model, a passage that means the same contains it too; the scales of other models
    /// are not known.
    #[garde(range(min = 0.0, max = 1.0))]
    min_relevance: Option<f32>,
    /// The model of Cohere or Bedrock that orders the passages that a search finds, such as `cohere/rerank-v3.5` or
    /// `amazon.rerank-v1:0`, before `top_k` of them are given to the model: one more call for each question. If it fails or
    /// takes too long, they keep the order of the search. An empty string for none.
    #[garde(length(chars, max = Org::MAX_MODEL), inner(custom(reranks)))]
    rerank_model: Option<String>,
    /// Sampling temperature, 0 to 2.
    #[garde(range(min = 0.0, max = 2.0))]
    temperature: Option<f32>,
    /// Maximum length of an answer, in tokens.
    #[garde(range(min = 1, max = 32_000))]
    max_tokens: Option<u32>,
    /// Number of passages given to the model.
    #[garde(range(min = 1, max = 20))]
    top_k: Option<u32>,
    /// Accent color of the widget, `#rrggbb`.
    #[garde(pattern(r"^(#[0-9a-fA-F]{6})?$"))]
    color: Option<String>,
    /// Maximum LLM tokens per day of its organization; null for no separate limit.
    #[garde(range(max = Quota::MAX_DAILY_LIMIT))]
    #[serde(default, deserialize_with = "nullable")]
    daily_token_cap: Option<Option<u64>>,
}

/// A question with a prescribed answer.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "FixedAnswer")]
pub(crate) struct FixedAnswerInput {
    #[garde(length(chars, max = FixedAnswer::MAX_QUESTION), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    question: String,
    /// The answer, given as it is.
    #[garde(length(chars, max = FixedAnswer::MAX_ANSWER), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    answer: String,
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature of a validator"
)]
fn small_together(given: &Option<Vec<FixedAnswerInput>>, (): &()) -> garde::Result {
    let sizes = given
        .iter()
        .flatten()
        .map(|fixed| fixed.question.len() + fixed.answer.len());
    if sizes.sum::<usize>() <= FixedAnswer::MAX_BYTES {
        Ok(())
    } else {
        let most = FixedAnswer::MAX_BYTES / 1024;
        Err(garde::Error::new(format!("must have at most {most} KB together")))
    }
}

/// Checks that a model can rerank, unless it is none.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature of a validator")]
fn reranks(name: &str, (): &()) -> garde::Result {
    if name.trim().is_empty() || app::is_reranker(name) {
        return Ok(());
    }
    Err(garde::Error::new(
        "names no reranking model of Cohere or Bedrock; name one such as cohere/rerank-v3.5",
    ))
}

/// Distinguishes null from absent.
#[expect(clippy::option_option, reason = "null removes a limit, absence leaves it unchanged")]
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn fixed_answers(given: Vec<FixedAnswerInput>) -> Vec<FixedAnswer> {
    let given = given.into_iter();
    given
        .map(|FixedAnswerInput { question, answer }| FixedAnswer { question, answer })
        .collect()
}

impl SettingsPatch {
    /// Returns the settings with these changes.
    pub(crate) fn applied_to(self, before: ChatbotSettings) -> ChatbotSettings {
        let text = |new: Option<String>, before| if new.is_some() { non_empty(new) } else { before };
        ChatbotSettings {
            model: self.model.unwrap_or(before.model),
            system_prompt: text(self.system_prompt, before.system_prompt),
            welcome_message: text(self.welcome_message, before.welcome_message),
            suggested_questions: self.suggested_questions.unwrap_or(before.suggested_questions),
            refusal_text: text(self.refusal_text, before.refusal_text),
            mode: self.mode.unwrap_or(before.mode),
            fixed_answers: self.fixed_answers.map_or(before.fixed_answers, fixed_answers),
            rewrite_questions: self.rewrite_questions.unwrap_or(before.rewrite_questions),
            min_relevance: self.min_relevance.unwrap_or(before.min_relevance),
            rerank_model: text(self.rerank_model, before.rerank_model),
            temperature: self.temperature.or(before.temperature),
            max_tokens: self.max_tokens.unwrap_or(before.max_tokens),
            top_k: self.top_k.unwrap_or(before.top_k),
            color: text(self.color, before.color),
            daily_token_cap: self.daily_token_cap.unwrap_or(before.daily_token_cap),
        }
    }

    fn changes(self) -> Vec<(&'static str, Value)> {
        let text = |name, value: Option<String>| value.map(|text| (name, json!(non_empty(Some(text)))));
        [
            self.model.map(|model| ("settings.model", json!(model))),
            text("settings.system_prompt", self.system_prompt),
            text("settings.welcome_message", self.welcome_message),
            self.suggested_questions
                .map(|questions| ("settings.suggested_questions", json!(questions))),
            text("settings.refusal_text", self.refusal_text),
            self.mode.map(|mode| ("settings.mode", json!(mode))),
            self.fixed_answers
                .map(|fixed| ("settings.fixed_answers", json!(fixed_answers(fixed)))),
            self.rewrite_questions
                .map(|rewrites| ("settings.rewrite_questions", json!(rewrites))),
            self.min_relevance.map(|share| ("settings.min_relevance", json!(share))),
            text("settings.rerank_model", self.rerank_model),
            self.temperature
                .map(|temperature| ("settings.temperature", json!(temperature))),
            self.max_tokens.map(|tokens| ("settings.max_tokens", json!(tokens))),
            self.top_k.map(|passages| ("settings.top_k", json!(passages))),
            text("settings.color", self.color),
            self.daily_token_cap
                .map(|tokens| ("settings.daily_token_cap", json!(tokens))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl From<NewChatbot> for app::NewChatbot {
    fn from(new: NewChatbot) -> Self {
        let settings = new.settings.unwrap_or_default();
        Self {
            name: new.name,
            description: new.description,
            names_model: settings.model.is_some(),
            settings: settings.applied_to(ChatbotSettings::default()),
            documents: new.documents.unwrap_or_default(),
        }
    }
}

impl ChatbotPatch {
    pub(crate) fn into_change(self) -> ChatbotChange {
        ChatbotChange {
            name: self.name.map(|name| name.trim().to_owned()),
            description: self.description,
            settings: self.settings.map(SettingsPatch::changes).unwrap_or_default(),
            documents: self.documents,
        }
    }
}

/// Options of a clone.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct CloneOptions {
    /// Its name; `Copy of` and the name of the original if omitted.
    #[garde(length(chars, max = Chatbot::MAX_NAME), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    pub(crate) name: Option<String>,
}

/// Documents to assign.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct DocumentIds {
    /// Their IDs. `documents` is an alias.
    #[serde(alias = "documents")]
    #[garde(length(min = 1, max = Chatbot::MAX_DOCUMENTS))]
    pub(crate) document_ids: Vec<DocumentId>,
}

/// A question to search the documents of a chatbot for.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct PassageSearch {
    /// The question, or words of it. `question` is an alias.
    #[serde(alias = "question")]
    #[garde(length(chars, min = 1, max = 2000), custom(readable_text))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    pub(crate) query: String,
    /// Maximum number of passages; as many as the model is given if omitted.
    #[garde(range(min = 1, max = 50))]
    pub(crate) limit: Option<u32>,
}

/// The chatbots to list.
#[derive(Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ListScope {
    /// The caller's own.
    #[default]
    Own,
    /// All that the members of the current organization share.
    Org,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Filter {
    /// `own` (default) or `org`.
    #[serde(default)]
    scope: ListScope,
}

impl Filter {
    /// Only the caller's own.
    pub(crate) fn own(&self) -> bool {
        self.scope == ListScope::Own
    }
}

/// The parameter `{chatbot_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct BotPath {
    pub(crate) chatbot_id: ChatbotId,
}

/// The parameters `{chatbot_id}` and `{document_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct LinkPath {
    pub(crate) chatbot_id: ChatbotId,
    pub(crate) document_id: DocumentId,
}
