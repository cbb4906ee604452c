//! Configuration from the environment, checked once at start.

use std::time::Duration;

use domain::KeyMode;
use llm::{LONGEST_CALL, Profiles};
use store::{QueueUrls, Tables};

/// API Gateway ends a response that is silent for five minutes, and an answer that is not streamed is silent until its end
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html>).
const WHOLE_ANSWER: Duration = Duration::from_secs(280);
/// Where the local stack answers.
const DEFAULT_PUBLIC_URL: &str = "http://localhost:8000";

/// What every function is told by its environment. Secrets are not here: they come from Secrets Manager.
#[derive(Debug, Clone)]
pub struct Config {
    /// Table names.
    pub tables: Tables,
    /// Bucket of uploads and segments.
    pub bucket: String,
    /// URLs of the queues.
    pub queues: QueueUrls,
    /// Put in front of every name in Secrets Manager.
    pub secrets_prefix: String,
    /// Which API keys are made and accepted: a developer's machine refuses those of production, and the reverse.
    pub key_mode: KeyMode,
    /// Sender of email, as in `Parlance <no-reply@example.com>`. Only the worker that sends needs it.
    pub mail_from: String,
    /// Where people open the links in emails and of citations, without a slash at the end.
    pub public_url: String,
    /// Where the providers of models are.
    pub providers: Providers,
    /// How long answers may take.
    pub answers: AnswerLimits,
    /// Whether a model whose provider has no key is answered by the built-in `local` model. Only on a
    /// developer's machine: in production no one is to be answered by another model than they think.
    pub fall_back_to_local_model: bool,
    /// Sessions of Clerk, where they are accepted.
    pub clerk: Option<ClerkConfig>,
    /// How uploaded documents are read. Only the worker that indexes them needs it.
    pub reading: reading::Settings,
}

/// Memory of a function that does not say how much it has, in MB: that of one whole CPU.
const DEFAULT_MEMORY_MB: u64 = 1769;

/// How long answers may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerLimits {
    /// `MODEL_LIMITS`: how long models may take, and how much room they need to think.
    pub profiles: Profiles,
    /// `WHOLE_ANSWER_SECONDS`: how long an answer may take that is not streamed.
    pub whole: Duration,
}

impl AnswerLimits {
    /// From the environment, through `get`.
    ///
    /// # Errors
    /// A variable that cannot be read.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let profiles = Profiles::parse(&get("MODEL_LIMITS").unwrap_or_default());
        Ok(Self {
            profiles: profiles.map_err(|why| ConfigError::Unreadable("MODEL_LIMITS", why))?,
            whole: whole_answer(&get("WHOLE_ANSWER_SECONDS").unwrap_or_default())?,
        })
    }
}

/// Where the providers of models are. Their keys are secrets and not here.
#[derive(Debug, Clone)]
pub struct Providers {
    /// `OPENAI_BASE_URL`: `OpenAI`, or whoever speaks its protocol and is to answer under its name.
    pub openai: String,
    /// `ANTHROPIC_BASE_URL`, without the version.
    pub anthropic: String,
    /// `GEMINI_BASE_URL`, with the version.
    pub gemini: String,
    /// Amazon Bedrock, where it may be used.
    pub bedrock: Option<Bedrock>,
    /// `AZURE_OPENAI_ENDPOINT`, as in `https://NAME.openai.azure.com`.
    pub azure: Option<String>,
    /// `AZURE_OPENAI_API_VERSION`.
    pub azure_api_version: String,
    /// `OPENAI_COMPATIBLE_BASE_URL`: an own server, such as Ollama, llama.cpp or vLLM, or a further vendor. It may need
    /// no key.
    pub compatible: Option<String>,
}

/// Amazon Bedrock.
#[derive(Debug, Clone)]
pub struct Bedrock {
    /// `BEDROCK_REGION`.
    pub region: String,
    /// `BEDROCK_BASE_URL`, by default the endpoint of the region.
    pub base_url: String,
}

impl Providers {
    /// From the environment, through `get`.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|v| !v.is_empty());
        let or = |name: &str, default: &str| get(name).unwrap_or_else(|| default.to_owned());
        let bedrock = get("BEDROCK_REGION").map(|region| Bedrock {
            base_url: get("BEDROCK_BASE_URL")
                .unwrap_or_else(|| format!("https://bedrock-runtime.{region}.amazonaws.com")),
            region,
        });
        Self {
            openai: or("OPENAI_BASE_URL", "https://api.openai.com/v1"),
            anthropic: or("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
            gemini: or("GEMINI_BASE_URL", "https://generativelanguage.googleapis.com/v1beta"),
            bedrock,
            azure: get("AZURE_OPENAI_ENDPOINT"),
            azure_api_version: or("AZURE_OPENAI_API_VERSION", "2024-10-21"),
            compatible: get("OPENAI_COMPATIBLE_BASE_URL"),
        }
    }
}

/// How sessions of Clerk are recognized.
#[derive(Debug, Clone)]
pub struct ClerkConfig {
    /// Issuer of its session tokens, exactly as they name it.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_url: String,
    /// Origins whose sessions count; any when empty.
    pub authorized_parties: Vec<String>,
}

impl ClerkConfig {
    /// From `CLERK_ISSUER`, `CLERK_JWKS_URL` and `CLERK_AUTHORIZED_PARTIES` (separated by commas); none without an
    /// issuer.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let get = |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|v| !v.is_empty());
        let issuer = get("CLERK_ISSUER")?;
        let parties = get("CLERK_AUTHORIZED_PARTIES").unwrap_or_default();
        let parties = parties.split(',').map(str::trim).filter(|party| !party.is_empty());
        Some(Self {
            jwks_url: get("CLERK_JWKS_URL")
                .unwrap_or_else(|| format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/'))),
            authorized_parties: parties.map(str::to_owned).collect(),
            issuer,
        })
    }
}

/// A variable that is missing or unusable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is needed.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// It cannot be read; why not, in a sentence.
    #[error("the environment variable {0} cannot be read: {1}")]
    Unreadable(&'static str, String),
}

impl Config {
    /// Reads the configuration through `get`, for example `|name| std::env::var(name).ok()`.
    ///
    /// # Errors
    /// The first required variable that is missing, or one that cannot be read.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let required = |name: &'static str| {
            get(name)
                .filter(|value| !value.is_empty())
                .ok_or(ConfigError::Missing(name))
        };
        let or = |name: &str, default: &str| {
            get(name)
                .filter(|v| !v.is_empty())
                .unwrap_or_else(|| default.to_owned())
        };
        // Set by Lambda.
        let memory_mb = get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|memory| memory.parse().ok());
        let memory_mb: u64 = memory_mb.unwrap_or(DEFAULT_MEMORY_MB);
        Ok(Self {
            tables: Tables {
                identity: required("TABLE_IDENTITY")?,
                app: required("TABLE_APP")?,
                chunks: required("TABLE_CHUNKS")?,
                usage: required("TABLE_USAGE")?,
                ephemeral: required("TABLE_EPHEMERAL")?,
                audit: required("TABLE_AUDIT")?,
            },
            bucket: required("BUCKET")?,
            queues: QueueUrls {
                index_documents: required("QUEUE_INDEX_DOCUMENTS")?,
                send_mail: required("QUEUE_SEND_MAIL")?,
                purge: required("QUEUE_PURGE")?,
                export_user: required("QUEUE_EXPORT_USER")?,
            },
            secrets_prefix: or("SECRETS_PREFIX", ""),
            key_mode: if or("KEY_MODE", "live") == "test" {
                KeyMode::Test
            } else {
                KeyMode::Live
            },
            mail_from: or("MAIL_FROM", ""),
            public_url: or("PUBLIC_URL", DEFAULT_PUBLIC_URL).trim_end_matches('/').to_owned(),
            providers: Providers::read(&get),
            answers: AnswerLimits::read(&get)?,
            fall_back_to_local_model: false,
            clerk: ClerkConfig::read(&get),
            reading: reading::Settings::for_function(memory_mb * 1024 * 1024),
        })
    }
}

fn whole_answer(text: &str) -> Result<Duration, ConfigError> {
    if text.trim().is_empty() {
        return Ok(WHOLE_ANSWER);
    }
    let seconds = text.trim().parse().ok();
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| !time.is_zero())
        .map(|time| time.min(LONGEST_CALL))
        .ok_or_else(|| ConfigError::Unreadable("WHOLE_ANSWER_SECONDS", format!("`{text}` is no number of seconds")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named() {
        let error = Config::read(|name| (name != "BUCKET").then(|| "x".to_owned())).err();
        assert_eq!(
            error.map(|e| e.to_string()).as_deref(),
            Some("the environment variable BUCKET is not set")
        );
    }

    #[test]
    fn a_limit_that_cannot_be_read_is_named() {
        let read = |wrong: &str, value: &str| {
            let limits = AnswerLimits::read(|name| (name == wrong).then(|| value.to_owned()));
            limits.map(|limits| limits.whole).map_err(|error| error.to_string())
        };
        assert_eq!(read("MODEL_LIMITS", "*=60/60"), Ok(WHOLE_ANSWER));
        assert_eq!(read("WHOLE_ANSWER_SECONDS", "25"), Ok(Duration::from_secs(25)));
        for (name, value) in [
            ("MODEL_LIMITS", "o3"),
            ("WHOLE_ANSWER_SECONDS", "-1"),
            ("WHOLE_ANSWER_SECONDS", "soon"),
        ] {
            let error = read(name, value).err().unwrap_or_default();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }
}
