//! Secrets Manager: names, texts and their versions in one file that only its owner can read.
#![expect(
    clippy::needless_pass_by_value,
    reason = "a request belongs to its handler, whatever it needs of it"
)]

mod changes;
mod state;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::changes::{create, delete, move_stage, put, restore, update};
use self::state::{CURRENT, Secret, State};
use super::wire::{Protocol, read, reply};
use super::{ACCOUNT, Clock, REGION, StartError};

/// The secrets.
pub(super) struct Secrets {
    state: Mutex<State>,
    clock: Clock,
}

/// An error: its name in the service's model, and a sentence.
struct Refusal(&'static str, String);

type Answer = Result<Value, Refusal>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Lookup {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

impl Secrets {
    /// Opens the file; without one, secrets are in memory. The seeded ones override stored ones.
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

    /// Responds to one request.
    pub(super) async fn serve(&self, operation: &str, body: Body) -> Response<Body> {
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
        // Changes are made to a copy and take effect when they are on disk, so a panic leaves no partial change.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match operation {
            "GetSecretValue" => get_value(&state, parse(body)?),
            "DescribeSecret" => describe(&state, parse(body)?),
            "ListSecrets" => Ok(list(&state)),
            "CreateSecret" => create(&mut state, parse(body)?, now),
            "PutSecretValue" => put(&mut state, parse(body)?, now),
            "UpdateSecret" => update(&mut state, parse(body)?, now),
            "UpdateSecretVersionStage" => move_stage(&mut state, parse(body)?),
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
    let label = request.version_stage.as_deref();
    let (found, wanted) = if let Some(id) = &request.version_id {
        (secret.version(id), format!("VersionId: {id}"))
    } else {
        let label = label.unwrap_or(CURRENT);
        (secret.labelled(label), format!("staging label: {label}"))
    };
    let version = found.ok_or_else(|| {
        let message = format!("Secrets Manager can't find the specified secret value for {wanted}");
        Refusal("ResourceNotFoundException", message)
    })?;
    if label.is_some_and(|label| !version.stages.iter().any(|known| known == label)) {
        let message = "You provided a VersionStage that is not associated to the provided VersionId.";
        return Err(Refusal("InvalidRequestException", message.into()));
    }
    let mut answer = json!({
        "ARN": arn(name),
        "Name": name,
        "VersionId": version.id,
        "VersionStages": version.stages,
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
    // A version without a label is deprecated and not listed.
    let labelled = secret.versions.iter().filter(|version| !version.stages.is_empty());
    let stages: serde_json::Map<_, _> = labelled
        .map(|version| (version.id.clone(), json!(version.stages)))
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

/// AWS adds six random characters to the ARN; constant ones keep it stable across restarts.
pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-local0")
}

/// A secret may be named by its name or by its ARN.
pub(super) fn name_of(id: &str) -> &str {
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
