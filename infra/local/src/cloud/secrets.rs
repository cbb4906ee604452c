//! Secrets Manager: names and texts in one file that only its owner can read.
#![expect(
    clippy::needless_pass_by_value,
    reason = "a request belongs to its handler, whatever it needs of it"
)]

mod state;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::{Response, StatusCode};
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::state::{Secret, State, Version};
use super::wire::{Protocol, read, reply};
use super::{ACCOUNT, Clock, REGION, StartError, new_id};

/// The secrets.
pub(super) struct Secrets {
    state: Mutex<State>,
    clock: Clock,
}

/// A refusal: the error's name in the service's model, and a sentence.
struct Refusal(&'static str, String);

type Answer = Result<Value, Refusal>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Lookup {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    name: String,
    description: Option<String>,
    #[serde(flatten)]
    value: NewValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    secret_id: String,
    description: Option<String>,
    #[serde(flatten)]
    value: NewValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewValue {
    client_request_token: Option<String>,
    secret_string: Option<String>,
    /// Base64.
    secret_binary: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    secret_id: String,
    #[serde(default)]
    force_delete_without_recovery: bool,
    recovery_window_in_days: Option<i64>,
}

impl Secrets {
    /// Opens the file; without one, secrets live in memory. The seeded ones win over stored ones.
    pub(super) fn open(file: Option<PathBuf>, seeded: Vec<(String, String)>, clock: Clock) -> Result<Self, StartError> {
        let mut state = State::open(file)?;
        let now = clock();
        for (name, text) in seeded {
            state.seed(name, text, now);
        }
        Ok(Self {
            state: Mutex::new(state),
            clock,
        })
    }

    /// Answers one request.
    pub(super) async fn serve(&self, operation: &str, body: Incoming) -> Response<Body> {
        let answer = match read(body).await {
            Ok(body) => self.answer(operation, &body),
            Err(reason) => Err(Refusal("InvalidRequestException", reason)),
        };
        match answer {
            Ok(value) => reply(Protocol::Json11, StatusCode::OK, &value),
            Err(Refusal(kind, message)) => {
                let status = match kind {
                    "InternalServiceError" => StatusCode::INTERNAL_SERVER_ERROR,
                    _ => StatusCode::BAD_REQUEST,
                };
                reply(Protocol::Json11, status, &json!({ "__type": kind, "Message": message }))
            }
        }
    }

    fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        let now = (self.clock)();
        // Changes are made to a copy and take effect when they are on disk, so a panic leaves nothing half done.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match operation {
            "GetSecretValue" => get_value(&state, parse(body)?),
            "DescribeSecret" => describe(&state, parse(body)?),
            "ListSecrets" => Ok(list(&state)),
            "CreateSecret" => create(&mut state, parse(body)?, now),
            "PutSecretValue" | "UpdateSecret" => put(&mut state, parse(body)?, now),
            "DeleteSecret" => delete(&mut state, parse(body)?, now),
            "RestoreSecret" => restore(&mut state, parse(body)?),
            _ => Err(Refusal(
                "InvalidRequestException",
                format!("The operation {operation} is not part of the embedded cloud."),
            )),
        }
    }
}

fn get_value(state: &State, request: Lookup) -> Answer {
    let name = name_of(&request.secret_id);
    let secret = live(state, name)?;
    let wanted = match (request.version_stage, &request.version_id) {
        (None, None) => Some(state::stage(0).to_owned()),
        (label, _) => label,
    };
    let found = secret.versions.iter().enumerate().find(|(age, version)| {
        request.version_id.as_ref().is_none_or(|id| *id == version.id)
            && wanted.as_ref().is_none_or(|label| label == state::stage(*age))
    });
    let (age, version) = found.ok_or_else(|| {
        let label = wanted.as_deref().unwrap_or("the version asked for");
        let message = format!("Secrets Manager can't find the specified secret value for staging label: {label}");
        Refusal("ResourceNotFoundException", message)
    })?;
    let mut answer = json!({
        "ARN": arn(name),
        "Name": name,
        "VersionId": version.id,
        "VersionStages": [state::stage(age)],
        "CreatedDate": date(version.created_ms),
    });
    if let Some(text) = &version.text {
        answer["SecretString"] = json!(text);
    }
    if let Some(binary) = &version.binary {
        answer["SecretBinary"] = json!(binary);
    }
    Ok(answer)
}

fn describe(state: &State, request: Lookup) -> Answer {
    let name = name_of(&request.secret_id);
    let secret = state.find(name).ok_or_else(not_found)?;
    Ok(description(name, secret))
}

fn list(state: &State) -> Value {
    let live = state
        .all()
        .into_iter()
        .filter(|(_, secret)| secret.deleted_ms.is_none());
    let all: Vec<_> = live.map(|(name, secret)| description(name, secret)).collect();
    json!({ "SecretList": all })
}

fn description(name: &str, secret: &Secret) -> Value {
    let stages: serde_json::Map<_, _> = secret
        .versions
        .iter()
        .enumerate()
        .map(|(age, version)| (version.id.clone(), json!([state::stage(age)])))
        .collect();
    let changed = secret
        .versions
        .first()
        .map_or(secret.created_ms, |version| version.created_ms);
    let mut answer = json!({
        "ARN": arn(name),
        "Name": name,
        "CreatedDate": date(secret.created_ms),
        "LastChangedDate": date(changed),
        "VersionIdsToStages": stages,
    });
    if let Some(text) = &secret.description {
        answer["Description"] = json!(text);
    }
    if let Some(deleted) = secret.deleted_ms {
        answer["DeletedDate"] = date(deleted);
    }
    answer
}

fn create(state: &mut State, request: Create, now: i64) -> Answer {
    let name = request.name;
    let legal = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    if name.is_empty() || name.len() > 512 || !name.chars().all(legal) {
        let message =
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!";
        return Err(Refusal("ValidationException", message.into()));
    }
    match state.find(&name) {
        Some(secret) if secret.deleted_ms.is_some() => {
            let message =
                "You can't create this secret because a secret with this name is already scheduled for deletion.";
            return Err(Refusal("InvalidRequestException", message.into()));
        }
        Some(_) => {
            let message = format!("The operation failed because the secret {name} already exists.");
            return Err(Refusal("ResourceExistsException", message));
        }
        None => {}
    }
    let mut secret = Secret {
        description: request.description,
        created_ms: now,
        ..Secret::default()
    };
    let version = version(request.value, now)?;
    let mut answer = json!({ "ARN": arn(&name), "Name": name });
    if let Some(version) = version {
        answer["VersionId"] = json!(version.id);
        secret.push(version);
    }
    save(state, &name, Some(secret))?;
    Ok(answer)
}

/// `PutSecretValue` and `UpdateSecret` differ in the description only.
fn put(state: &mut State, request: Put, now: i64) -> Answer {
    let name = name_of(&request.secret_id).to_owned();
    let mut secret = live(state, &name)?.clone();
    if request.description.is_some() {
        secret.description = request.description;
    }
    let mut answer = json!({ "ARN": arn(&name), "Name": name });
    if let Some(version) = version(request.value, now)? {
        answer["VersionId"] = json!(version.id);
        answer["VersionStages"] = json!([state::stage(0)]);
        match secret.versions.iter().find(|known| known.id == version.id) {
            None => secret.push(version),
            // The token of a retried request: the same content is the same version.
            Some(known) if known.text == version.text && known.binary == version.binary => {}
            Some(_) => {
                let message =
                    "You can't use ClientRequestToken because that value is already in use for a version of secret";
                return Err(Refusal("ResourceExistsException", message.into()));
            }
        }
    }
    save(state, &name, Some(secret))?;
    Ok(answer)
}

fn delete(state: &mut State, request: Delete, now: i64) -> Answer {
    let name = name_of(&request.secret_id).to_owned();
    if request.force_delete_without_recovery {
        save(state, &name, None)?;
        return Ok(json!({ "ARN": arn(&name), "Name": name, "DeletionDate": date(now) }));
    }
    let days = request.recovery_window_in_days.unwrap_or(30);
    if !(7..=30).contains(&days) {
        let message = "RecoveryWindowInDays value must be between 7 and 30 days (inclusive).";
        return Err(Refusal("InvalidParameterException", message.into()));
    }
    let mut secret = live(state, &name)?.clone();
    secret.deleted_ms = Some(now);
    save(state, &name, Some(secret))?;
    let gone = now + days * 24 * 60 * 60 * 1000;
    Ok(json!({ "ARN": arn(&name), "Name": name, "DeletionDate": date(gone) }))
}

fn restore(state: &mut State, request: Lookup) -> Answer {
    let name = name_of(&request.secret_id).to_owned();
    let mut secret = state.find(&name).ok_or_else(not_found)?.clone();
    secret.deleted_ms = None;
    save(state, &name, Some(secret))?;
    Ok(json!({ "ARN": arn(&name), "Name": name }))
}

fn save(state: &mut State, name: &str, secret: Option<Secret>) -> Result<(), Refusal> {
    state
        .replace(name, secret)
        .map_err(|error| Refusal("InternalServiceError", error.to_string()))
}

/// The version that a request carries, if it carries a value.
fn version(value: NewValue, now: i64) -> Result<Option<Version>, Refusal> {
    let NewValue {
        client_request_token,
        secret_string: text,
        secret_binary: binary,
    } = value;
    match (&text, &binary) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            let message = "You can't specify both a binary secret value and a string secret value in the same secret.";
            Err(Refusal("InvalidParameterException", message.into()))
        }
        _ => {
            let id = client_request_token.unwrap_or_else(new_id);
            Ok(Some(Version {
                id,
                created_ms: now,
                text,
                binary,
            }))
        }
    }
}

fn live<'a>(state: &'a State, name: &str) -> Result<&'a Secret, Refusal> {
    let secret = state.find(name).ok_or_else(not_found)?;
    if secret.deleted_ms.is_some() {
        let message = "You can't perform this operation on the secret because it was marked for deletion.";
        return Err(Refusal("InvalidRequestException", message.into()));
    }
    Ok(secret)
}

fn not_found() -> Refusal {
    Refusal(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.".into(),
    )
}

/// AWS adds six random characters to the ARN; the same ones each time keep it stable over restarts.
fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-local0")
}

/// A secret may be named by its name or by its ARN.
fn name_of(id: &str) -> &str {
    match id.strip_prefix("arn:").and_then(|arn| arn.rsplit(':').next()) {
        Some(name) => name.strip_suffix("-local0").unwrap_or(name),
        None => id,
    }
}

/// The protocol writes dates as seconds since the epoch, with a fraction.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 fit into 53 bits for 280,000 years"
)]
fn date(ms: i64) -> Value {
    json!(ms as f64 / 1000.0)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal("InvalidParameterException", error.to_string()))
}
