//! `/v1/embeddings` (<https://platform.openai.com/docs/api-reference/embeddings>).

use app::{BillingContext, EmbeddingRequest, TextRole};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::Category;
use domain::{Error, auth::permission::WriteChats};
use garde::Validate;
use http_api::{Body, Ctx, Json, May, Result, readable_name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Maximum number of texts in a request, as in `OpenAI`'s API.
const MAX_TEXTS: usize = 2_048;

/// A request for embeddings.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct EmbeddingInput {
    /// Name of the model.
    #[garde(length(chars, max = 200), custom(readable_name))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    model: String,
    /// A string, or a list of strings.
    input: Texts,
    /// What the texts are, for models that embed questions (`query`) and texts that may answer them (`passage`, the
    /// default) differently: those of Gemini, and of Cohere at Bedrock.
    input_type: Option<InputType>,
    /// Encoding of the vectors.
    encoding_format: Option<Encoding>,
    /// Number of dimensions, for models that can shorten their vectors.
    #[garde(range(min = 1, max = 16_384))]
    dimensions: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "EmbeddingTexts")]
#[serde(untagged, expecting = "must be a string or a list of strings")]
enum Texts {
    One(#[schemars(length(min = 1))] String),
    Many(#[schemars(length(min = 1, max = MAX_TEXTS), inner(length(min = 1)))] Vec<String>),
    /// Rejected: token numbers are specific to one model.
    #[schemars(skip)]
    Tokens(#[expect(dead_code, reason = "only distinguishes the variant")] Vec<serde_json::Value>),
}

#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[schemars(rename = "EmbeddingInputType")]
#[serde(rename_all = "lowercase")]
enum InputType {
    /// Questions.
    Query,
    /// Texts that may answer questions.
    Passage,
}

#[derive(Deserialize, JsonSchema, Default, Clone, Copy)]
#[schemars(rename = "EmbeddingEncoding")]
#[serde(rename_all = "lowercase")]
enum Encoding {
    /// A list of numbers.
    #[default]
    Float,
    /// Little-endian 32-bit floats in base64, about a third of the size.
    Base64,
}

/// Embeddings of texts.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EmbeddingList {
    /// `list`.
    object: &'static str,
    /// One per text, in the order of the texts.
    data: Vec<EmbeddedText>,
    /// The model that created them.
    model: String,
    usage: Read,
    /// The provider of the model.
    provider: String,
    /// Cost in millionths of a US dollar; null if the price is unknown.
    cost_micro_usd: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Embedding")]
struct EmbeddedText {
    /// `embedding`.
    object: &'static str,
    index: usize,
    embedding: Vector,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EmbeddingVector")]
#[serde(untagged)]
enum Vector {
    Floats(Vec<f32>),
    Base64(String),
}

/// Tokens read.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EmbeddingUsage")]
struct Read {
    prompt_tokens: u64,
    total_tokens: u64,
}

pub(crate) async fn create_embedding(
    app: Ctx,
    member: May<WriteChats>,
    Body(body): Body<EmbeddingInput>,
) -> Result<Json<EmbeddingList>> {
    let request = EmbeddingRequest {
        model: body.model,
        texts: body.input.texts()?,
        role: match body.input_type {
            Some(InputType::Query) => TextRole::Question,
            Some(InputType::Passage) | None => TextRole::Passage,
        },
        dimensions: body.dimensions,
        category: Category::Embeddings,
    };
    let billing = BillingContext::of(&member.identity, &member.org);
    let embedded = app.embed(billing, request).await?;
    let data = embedded
        .vectors
        .into_iter()
        .enumerate()
        .map(|(index, vector)| EmbeddedText {
            object: "embedding",
            index,
            embedding: body.encoding_format.unwrap_or_default().write(vector),
        });
    Ok(Json(EmbeddingList {
        object: "list",
        data: data.collect(),
        model: embedded.model,
        usage: Read {
            prompt_tokens: embedded.usage.prompt_tokens,
            total_tokens: embedded.usage.total_tokens,
        },
        provider: embedded.provider.to_string(),
        cost_micro_usd: embedded.cost_micro_usd,
    }))
}

impl Texts {
    fn texts(self) -> domain::Result<Vec<String>> {
        let texts = match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
            Self::Tokens(_) => {
                let detail = "must be a string or a list of strings; lists of token numbers are not supported";
                return Err(Error::invalid("/input", detail));
            }
        };
        if texts.is_empty() || texts.len() > MAX_TEXTS {
            let detail = format!("must contain 1 to {MAX_TEXTS} texts");
            return Err(Error::invalid("/input", detail));
        }
        match texts.iter().position(String::is_empty) {
            Some(number) if texts.len() > 1 => Err(Error::invalid(format!("/input/{number}"), "must not be empty")),
            Some(_) => Err(Error::invalid("/input", "must not be empty")),
            None => Ok(texts),
        }
    }
}

impl Encoding {
    fn write(self, vector: Vec<f32>) -> Vector {
        match self {
            Self::Float => Vector::Floats(vector),
            Self::Base64 => {
                let bytes: Vec<u8> = vector.into_iter().flat_map(f32::to_le_bytes).collect();
                Vector::Base64(STANDARD.encode(bytes))
            }
        }
    }
}
