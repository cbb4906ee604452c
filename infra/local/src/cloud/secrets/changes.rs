//! Operations that change a secret.

use serde::Deserialize;
use serde_json::json;

use super::state::{CURRENT, Secret, State, Version};
use super::{Answer, Lookup, Refusal, arn, date, live, name_of, not_found};
use crate::cloud::new_id;

/// Largest value of a secret, bytes.
const MAX_BYTES: usize = 65_536;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Create {
    name: String,
    description: Option<String>,
    #[serde(flatten)]
    value: NewValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Put {
    secret_id: String,
    description: Option<String>,
    version_stages: Option<Vec<String>>,
    #[serde(flatten)]
    value: NewValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MoveStage {
    secret_id: String,
    version_stage: String,
    move_to_version_id: Option<String>,
    remove_from_version_id: Option<String>,
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
pub(super) struct Delete {
    secret_id: String,
    #[serde(default)]
    force_delete_without_recovery: bool,
    recovery_window_in_days: Option<i64>,
}

impl NewValue {
    fn is_none(&self) -> bool {
        self.secret_string.is_none() && self.secret_binary.is_none()
    }
}

pub(super) fn create(state: &mut State, request: Create, now: i64) -> Answer {
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
        secret.push(version, &[]);
    }
    save(state, &name, Some(secret))?;
    Ok(answer)
}

pub(super) fn put(state: &mut State, request: Put, now: i64) -> Answer {
    if request.value.is_none() {
        let message = "You must provide either SecretString or SecretBinary.";
        return Err(Refusal("InvalidRequestException", message.into()));
    }
    if request
        .version_stages
        .as_ref()
        .is_some_and(|stages| !(1..=20).contains(&stages.len()))
    {
        let message = "VersionStages has to hold 1 to 20 staging labels.";
        return Err(Refusal("InvalidParameterException", message.into()));
    }
    update(state, request, now)
}

/// `UpdateSecret` changes the description as well, and needs no value.
pub(super) fn update(state: &mut State, request: Put, now: i64) -> Answer {
    let name = name_of(&request.secret_id).to_owned();
    live(state, &name)?;
    let mut secret = state.to_change(&name).ok_or_else(not_found)?;
    if request.description.is_some() {
        secret.description = request.description;
    }
    let mut answer = json!({ "ARN": arn(&name), "Name": name });
    if let Some(version) = version(request.value, now)? {
        let id = version.id.clone();
        match secret.version(&id) {
            None => secret.push(
                version,
                &request.version_stages.unwrap_or_else(|| vec![CURRENT.to_owned()]),
            ),
            // The token of a retried request: the same content is the same version.
            Some(known) if known.text == version.text && known.binary == version.binary => {}
            Some(_) => {
                let message =
                    "You can't use ClientRequestToken because that value is already in use for a version of secret";
                return Err(Refusal("ResourceExistsException", message.into()));
            }
        }
        answer["VersionStages"] = json!(secret.version(&id).map(|version| &version.stages));
        answer["VersionId"] = json!(id);
    }
    save(state, &name, Some(secret))?;
    Ok(answer)
}

/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html>
pub(super) fn move_stage(state: &mut State, request: MoveStage) -> Answer {
    let invalid = |message: String| Err(Refusal("InvalidParameterException", message));
    let name = name_of(&request.secret_id).to_owned();
    let (label, from) = (request.version_stage, request.remove_from_version_id);
    live(state, &name)?;
    let mut secret = state.to_change(&name).ok_or_else(not_found)?;
    let holder = secret.labelled(&label).map(|version| version.id.clone());
    let to = request.move_to_version_id;
    if let Some(id) = [&to, &from]
        .into_iter()
        .flatten()
        .find(|id| secret.version(id).is_none())
    {
        return invalid(format!("Not a valid version: {id}"));
    }
    match (&to, holder) {
        (None, _) if label == CURRENT => {
            return invalid(format!(
                "You can only move staging label {label} to a different secret version. It can't be completely removed."
            ));
        }
        (Some(to), Some(holder)) if holder != *to => match &from {
            None => {
                return invalid(format!(
                    "The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to \
                     version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
                ));
            }
            Some(from) if *from != holder => {
                return invalid(format!(
                    "When you move staging label {label}, if you specify RemoveFromVersionId, it must be set to the \
                     version that currently has the staging label."
                ));
            }
            Some(_) => secret.attach(&label, to),
        },
        (Some(to), _) => secret.attach(&label, to),
        (None, holder) => match from {
            Some(from) if holder.as_ref() == Some(&from) => drop(secret.detach(&label)),
            _ => {
                return invalid(format!(
                    "Staging label {label} is not attached to the version to remove it from."
                ));
            }
        },
    }
    save(state, &name, Some(secret))?;
    Ok(json!({ "ARN": arn(&name), "Name": name }))
}

pub(super) fn delete(state: &mut State, request: Delete, now: i64) -> Answer {
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
    live(state, &name)?;
    let mut secret = state.to_change(&name).ok_or_else(not_found)?;
    secret.deleted_ms = Some(now);
    save(state, &name, Some(secret))?;
    let gone = now + days * 24 * 60 * 60 * 1000;
    Ok(json!({ "ARN": arn(&name), "Name": name, "DeletionDate": date(gone) }))
}

pub(super) fn restore(state: &mut State, request: Lookup) -> Answer {
    let name = name_of(&request.secret_id).to_owned();
    let mut secret = state.to_change(&name).ok_or_else(not_found)?;
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
    if text.as_ref().is_some_and(|text| !(1..=MAX_BYTES).contains(&text.len())) {
        let message = format!("SecretString has to be 1 to {MAX_BYTES} bytes long.");
        return Err(Refusal("ValidationException", message));
    }
    if client_request_token
        .as_ref()
        .is_some_and(|token| !(32..=64).contains(&token.len()))
    {
        let message = "ClientRequestToken must be 32-64 characters long.";
        return Err(Refusal("InvalidParameterException", message.into()));
    }
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
                stages: Vec::new(),
            }))
        }
    }
}
