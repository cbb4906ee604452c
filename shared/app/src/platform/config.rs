//! Configuration from the environment, validated once at startup.

use std::time::Duration;

use domain::KeyMode;

use super::embedding_model::EmbeddingModel;
use crate::billing::config::BillingConfig;
use crate::integrations::slack::config::SlackSettings;
use llm::{LONGEST_CALL, Profiles};
use store::{QueueUrls, Tables};

/// API Gateway ends a response that sends nothing for five minutes, and an unstreamed answer sends nothing until its
/// end (<https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html>).
const WHOLE_ANSWER: Duration = Duration::from_secs(280);
/// Default URL of the local stack.
const DEFAULT_PUBLIC_URL: &str = "http://localhost:8000";

/// The configuration of every function. Secrets are not included: they come from Secrets Manager.
#[derive(Debug, Clone)]
pub struct Config {
    /// Table names.
    pub tables: Tables,
    /// Bucket of uploads and segments.
    pub bucket: String,
    /// URLs of the queues.
    pub queues: QueueUrls,
    /// Prefix of every name in Secrets Manager.
    pub secrets_prefix: String,
    /// Mode of the API keys that are created and accepted: development rejects those of production, and vice versa.
    pub key_mode: KeyMode,
    /// Sender of email, as in `Parlance <no-reply@example.com>`. Only the worker that sends email needs it.
    pub mail_from: String,
    /// Base URL of links in emails and citations, without a trailing slash.
    pub public_url: String,
    /// Endpoints of the model providers.
    pub providers: Providers,
    /// Time limits of answers.
    pub answers: AnswerLimits,
    /// Whether the built-in `local` model replaces a model whose provider has no key. Development only: in production
    /// no user is to get answers from a different model unknowingly.
    pub fall_back_to_local_model: bool,
    /// Clerk sessions, if accepted.
    pub clerk: Option<ClerkConfig>,
    /// How uploaded documents are read. Only the indexing worker needs it.
    pub reading: reading::Settings,
    /// How queries are executed, and uploaded tables read.
    pub sql: sql_engine::Settings,
    /// Hosts that pages may be fetched from although they are not public. Development only.
    pub private_hosts: fetch::PrivateHosts,
    /// How organizations pay.
    pub billing: BillingConfig,
    /// Slack's API, and the platform's app there.
    pub slack: SlackSettings,
    /// The model that makes vectors of passages and questions.
    pub embedding: EmbeddingModel,
}

/// Default memory of a function in MB, if not specified: that of one whole CPU.
const DEFAULT_MEMORY_MB: u64 = 1769;

/// Time limits of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerLimits {
    /// `MODEL_LIMITS`: time limits of models, and their reasoning allowances.
    pub profiles: Profiles,
    /// `WHOLE_ANSWER_SECONDS`: time limit of an unstreamed answer.
    pub whole: Duration,
}

impl AnswerLimits {
    /// Reads the settings from the environment, through `get`.
    ///
    /// # Errors
    /// Returns an error for a variable that cannot be parsed.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let profiles = Profiles::parse(&get("MODEL_LIMITS").unwrap_or_default());
        Ok(Self {
            profiles: profiles.map_err(|why| ConfigError::Unreadable("MODEL_LIMITS", why))?,
            whole: whole_answer(&get("WHOLE_ANSWER_SECONDS").unwrap_or_default())?,
        })
    }
}

/// Endpoints of the model providers. Their keys are secrets and not included.
#[derive(Debug, Clone)]
pub struct Providers {
    /// `OPENAI_BASE_URL`: `OpenAI`, or a compatible service that answers under its name.
    pub openai: String,
    /// `ANTHROPIC_BASE_URL`, without the version.
    pub anthropic: String,
    /// `GEMINI_BASE_URL`, with the version.
    pub gemini: String,
    /// `COHERE_BASE_URL`, without the version.
    pub cohere: String,
    /// Amazon Bedrock, if enabled.
    pub bedrock: Option<Bedrock>,
    /// `AZURE_OPENAI_ENDPOINT`, as in `https://NAME.openai.azure.com`.
    pub azure: Option<String>,
    /// `AZURE_OPENAI_API_VERSION`.
    pub azure_api_version: String,
    /// `OPENAI_COMPATIBLE_BASE_URL`: a self-hosted server, such as Ollama, llama.cpp or vLLM, or another vendor. Its
    /// key is optional.
    pub compatible: Option<String>,
}

/// Amazon Bedrock.
#[derive(Debug, Clone)]
pub struct Bedrock {
    /// `BEDROCK_REGION`.
    pub region: String,
    /// `BEDROCK_BASE_URL`; by default the region's endpoint.
    pub base_url: String,
}

impl Providers {
    /// Reads the settings from the environment, through `get`.
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
            cohere: or("COHERE_BASE_URL", "https://api.cohere.com"),
            bedrock,
            azure: get("AZURE_OPENAI_ENDPOINT"),
            azure_api_version: or("AZURE_OPENAI_API_VERSION", "2024-10-21"),
            compatible: get("OPENAI_COMPATIBLE_BASE_URL"),
        }
    }
}

/// How Clerk sessions are verified.
#[derive(Debug, Clone)]
pub struct ClerkConfig {
    /// Issuer of its session tokens, exactly as they state it.
    pub issuer: String,
    /// URL of its keys.
    pub jwks_url: String,
    /// Origins whose sessions are accepted; all if empty.
    pub authorized_parties: Vec<String>,
}

impl ClerkConfig {
    /// Reads `CLERK_ISSUER`, `CLERK_JWKS_URL` and `CLERK_AUTHORIZED_PARTIES` (comma-separated); returns `None` without
    /// an issuer.
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

/// A missing or invalid variable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is required.
    #[error("the environment variable {0} is not set")]
    Missing(String),
    /// It cannot be parsed; the second field is the reason.
    #[error("the environment variable {0} cannot be parsed: {1}")]
    Unreadable(&'static str, String),
}

impl Config {
    /// Reads the configuration through `get`, for example `|name| std::env::var(name).ok()`.
    ///
    /// # Errors
    /// Returns the first required variable that is missing, or one that cannot be parsed.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let required = |name: &str| {
            get(name)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| ConfigError::Missing(name.to_owned()))
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
                usage: required("TABLE_USAGE")?,
                ephemeral: required("TABLE_EPHEMERAL")?,
                audit: required("TABLE_AUDIT")?,
            },
            bucket: required("BUCKET")?,
            queues: QueueUrls::read(|queue| required(&queue.variable()))?,
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
            sql: sql_engine::Settings::for_function(memory_mb * 1024 * 1024),
            private_hosts: no_private_hosts(&or("ALLOW_PRIVATE_FETCH", ""))?,
            billing: BillingConfig::read(&get, KeyMode::Live)?,
            slack: SlackSettings::read(&get),
            embedding: EmbeddingModel::read(&get),
        })
    }

    /// Reads `ALLOW_PRIVATE_FETCH`, `host:port` separated by commas, through `get`.
    ///
    /// # Errors
    /// Returns an error for a part that is not of this form.
    pub fn read_private_hosts(get: impl Fn(&str) -> Option<String>) -> Result<fetch::PrivateHosts, ConfigError> {
        let hosts = fetch::PrivateHosts::parse(&get("ALLOW_PRIVATE_FETCH").unwrap_or_default());
        hosts.map_err(|error| ConfigError::Unreadable("ALLOW_PRIVATE_FETCH", error.to_string()))
    }
}

/// In the cloud, a private host would open the network of the functions to every user.
fn no_private_hosts(list: &str) -> Result<fetch::PrivateHosts, ConfigError> {
    if list.is_empty() {
        return Ok(fetch::PrivateHosts::default());
    }
    let why = "it is for the local stack only; remove it";
    Err(ConfigError::Unreadable("ALLOW_PRIVATE_FETCH", why.to_owned()))
}

fn whole_answer(text: &str) -> Result<Duration, ConfigError> {
    if text.trim().is_empty() {
        return Ok(WHOLE_ANSWER);
    }
    let seconds = text.trim().parse().ok();
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| !time.is_zero())
        .map(|time| time.min(LONGEST_CALL))
        .ok_or_else(|| ConfigError::Unreadable("WHOLE_ANSWER_SECONDS", format!("`{text}` is not a number of seconds")))
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
    fn private_hosts_are_refused_in_the_cloud() {
        let error = Config::read(|name| match name {
            "MODEL_LIMITS" | "WHOLE_ANSWER_SECONDS" => None,
            _ => Some("localhost:8080".to_owned()),
        })
        .err();
        let sentence = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(sentence.contains("ALLOW_PRIVATE_FETCH"), "{sentence}");
        let read = |list: &str| Config::read_private_hosts(|_| Some(list.to_owned()));
        assert!(read("localhost:8080,127.0.0.1:81").is_ok() && read("localhost").is_err());
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
