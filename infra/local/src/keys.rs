//! The keys of an installation, which sign tokens and encrypt data. The local stack creates them here, CloudFormation
//! on AWS; `parlance admin rotate-secret` rotates them on both.
//!
//! Concurrent runs lose nothing: a new value becomes the current one only in place of the value that it is based on
//! (`UpdateSecretVersionStage` refuses to move `AWSCURRENT` from another version than the named one).

use std::time::Duration;

use app::{ACTIVATION_MS, KeyRing};
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{
    Client,
    error::ProvideErrorMetadata as _,
    operation::{get_secret_value::GetSecretValueError, update_secret_version_stage::UpdateSecretVersionStageError},
};
use domain::{Clock, Error, Result, Secret, Timestamp, auth::session::REFRESH_TTL, id::random_bytes, time::after};

const JWT_SECRET: &str = "JWT_SECRET";
const ENCRYPTION_KEYS: &str = "ENCRYPTION_KEYS";
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
/// How often a change is retried after a concurrent change of the secret.
const MAX_ATTEMPTS: u32 = 8;

/// The keys to rotate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Signing keys: the new key and the previous one verify tokens.
    Signing,
    /// Encryption keys: all keys that were ever used decrypt data.
    Encryption,
}

/// The secrets of one installation.
struct Secrets {
    client: Client,
    prefix: String,
}

struct Version {
    id: String,
    text: Secret,
    created_at: Timestamp,
}

/// Rotates a key, and returns a sentence about the effect. `prefix` precedes the names of the secrets. The caller must
/// be allowed to read and write both secrets: `secretsmanager:GetSecretValue`, `PutSecretValue` and
/// `UpdateSecretVersionStage`.
///
/// # Errors
/// [`Error::Conflict`] for a signing key if the previous one would be removed while tokens of it are valid, unless
/// `force`d, and if another value was stored meanwhile.
pub async fn rotate(sdk: &SdkConfig, prefix: &str, keys: Keys, force: bool, clock: &Clock) -> Result<String> {
    let secrets = Secrets::new(sdk, prefix);
    match keys {
        Keys::Signing => {
            // Data encrypted under a key of the secret that is about to change needs that key permanently.
            secrets.change_ring(|ring, _| ring, true).await?;
            secrets.rotate_signing_key(force, clock).await
        }
        Keys::Encryption => {
            let key = new_key()?;
            let now = clock.now_ms();
            let rotated = |ring: KeyRing, stored_at: Timestamp| {
                let is_known = now - stored_at.as_millisecond() >= ACTIVATION_MS;
                ring.rotated(key.clone(), is_known)
            };
            let ring = secrets.change_ring(rotated, false).await?;
            Ok(format!(
                "key {} encrypts within two minutes; what earlier keys encrypted stays readable",
                ring.current()
            ))
        }
    }
}

/// Creates the missing keys. What an earlier release encrypted stays readable.
pub(crate) async fn create(sdk: &SdkConfig) -> Result<()> {
    let secrets = Secrets::new(sdk, "");
    let signing = secrets.signing_values().await?;
    if secrets.version(ENCRYPTION_KEYS, CURRENT).await?.is_none() {
        let ring = KeyRing::new(new_key()?).with_legacy_keys(&signing.iter().collect::<Vec<_>>())?;
        secrets.create(ENCRYPTION_KEYS, &ring.to_json()).await?;
    }
    if signing.is_empty() {
        secrets.create(JWT_SECRET, &new_key()?).await?;
    }
    Ok(())
}

fn new_key() -> Result<Secret> {
    Ok(Secret::new(hex::encode(random_bytes::<32>()?)))
}

impl Secrets {
    fn new(sdk: &SdkConfig, prefix: &str) -> Self {
        Self {
            client: Client::new(sdk),
            prefix: prefix.to_owned(),
        }
    }

    fn id(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Returns the version with this label, or `None`.
    async fn version(&self, name: &str, stage: &str) -> Result<Option<Version>> {
        let get = self
            .client
            .get_secret_value()
            .secret_id(self.id(name))
            .version_stage(stage);
        match get.send().await {
            Ok(found) => {
                let created_ms = found.created_date.and_then(|date| date.to_millis().ok());
                Ok(Some(Version {
                    id: found.version_id.unwrap_or_default(),
                    text: Secret::new(found.secret_string.unwrap_or_default().trim()),
                    created_at: Timestamp::from_millisecond(created_ms.unwrap_or_default()).map_err(Error::internal)?,
                }))
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(Error::unavailable(told(&error))),
        }
    }

    async fn current(&self, name: &str) -> Result<Version> {
        let found = self.version(name, CURRENT).await?;
        found.ok_or_else(|| {
            let name = self.id(name);
            Error::conflict(
                "secret_missing",
                format!("there is no secret {name}: deploy this release first, and check the name of the stack"),
            )
        })
    }

    /// Returns the stored values of the signing secret, the current one first.
    async fn signing_values(&self) -> Result<Vec<Secret>> {
        let mut values = Vec::new();
        for stage in [CURRENT, PREVIOUS] {
            values.extend(self.version(JWT_SECRET, stage).await?.map(|version| version.text));
        }
        Ok(values)
    }

    async fn create(&self, name: &str, text: &Secret) -> Result<()> {
        let create = self.client.create_secret().name(self.id(name));
        let created = create.secret_string(text.expose()).send().await;
        created.map(|_| ()).map_err(|error| Error::unavailable(told(&error)))
    }

    /// Changes the key ring, and ensures that it contains the keys of earlier releases. Returns the new one. `change`
    /// receives the time when the ring was stored.
    async fn change_ring(
        &self,
        change: impl Fn(KeyRing, Timestamp) -> KeyRing,
        unless_legacy_kept: bool,
    ) -> Result<KeyRing> {
        for _ in 0..MAX_ATTEMPTS {
            let before = self.current(ENCRYPTION_KEYS).await?;
            let mut ring = KeyRing::parse(&before.text)?;
            if ring.has_legacy_keys() {
                if unless_legacy_kept {
                    return Ok(ring);
                }
            } else {
                let values = self.signing_values().await?;
                ring = ring.with_legacy_keys(&values.iter().collect::<Vec<_>>())?;
            }
            let ring = change(ring, before.created_at);
            if self.replace(ENCRYPTION_KEYS, &before, &ring.to_json()).await? {
                return Ok(ring);
            }
        }
        Err(changed_meanwhile(&self.id(ENCRYPTION_KEYS)))
    }

    async fn rotate_signing_key(&self, force: bool, clock: &Clock) -> Result<String> {
        let before = self.current(JWT_SECRET).await?;
        // The previous key signed until every process knew this one, and its tokens live as long as a session.
        let signed_until = after(before.created_at, Duration::from_millis(ACTIVATION_MS.unsigned_abs()));
        let safe_from = after(signed_until, REFRESH_TTL);
        if !force && clock.now() < safe_from && self.version(JWT_SECRET, PREVIOUS).await?.is_some() {
            let detail = format!(
                "the signing key was rotated at {}: another rotation before {safe_from} signs out everybody who has not \
                 been back since; say --force if that is wanted",
                before.created_at
            );
            return Err(Error::conflict("rotated_recently", detail));
        }
        if !self.replace(JWT_SECRET, &before, &new_key()?).await? {
            return Err(changed_meanwhile(&self.id(JWT_SECRET)));
        }
        Ok("a new key signs within two minutes; tokens of the key before are valid until they expire, or until the next \
            rotation"
            .to_owned())
    }

    /// Makes `text` the current value in place of `before`. Returns `false` if that is no longer the current one.
    async fn replace(&self, name: &str, before: &Version, text: &Secret) -> Result<bool> {
        let id = hex::encode(random_bytes::<16>()?);
        // A separate label preserves the version until it is the current one.
        let pending = format!("PENDING-{id}");
        let put = self.client.put_secret_value().secret_id(self.id(name));
        let put = put
            .client_request_token(&id)
            .version_stages(&pending)
            .secret_string(text.expose());
        put.send().await.map_err(|error| Error::unavailable(told(&error)))?;
        let update = || self.client.update_secret_version_stage().secret_id(self.id(name));
        let moved = update()
            .version_stage(CURRENT)
            .move_to_version_id(&id)
            .remove_from_version_id(&before.id);
        let replaced = match moved.send().await {
            Ok(_) => true,
            // Another version has the label: ours, if this is a retry after a lost response.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateSecretVersionStageError::is_invalid_parameter_exception) =>
            {
                self.current(name).await?.id == id
            }
            Err(error) => return Err(Error::unavailable(told(&error))),
        };
        let unlabelled = update().version_stage(pending).remove_from_version_id(&id).send().await;
        if let Err(error) = unlabelled {
            tracing::warn!(secret = name, error = told(&error), "secret.label_left");
        }
        Ok(replaced)
    }
}

fn changed_meanwhile(secret: &str) -> Error {
    let detail =
        format!("somebody else changed the secret {secret} meanwhile; look whether it still has to be rotated");
    Error::conflict("secret_changed", detail)
}

/// Returns the response of a service, for an operator who can act on it. It never quotes a secret.
fn told<E, R>(error: &aws_sdk_secretsmanager::error::SdkError<E, R>) -> String
where
    E: aws_sdk_secretsmanager::error::ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("Secrets Manager answered {code}: {message}"),
        _ => aws_sdk_secretsmanager::error::DisplayErrorContext(error).to_string(),
    }
}
