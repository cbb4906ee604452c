//! Request bodies and parameters.

use std::{collections::BTreeSet, time::Duration};

use app::{KeyChange, NewKey};
use domain::{ApiKey, ApiKeyId, Error, Permission, Result, Timestamp, time::after};
use garde::Validate;
use http_api::readable_name;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// A new API key.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewApiKey {
    /// Display name; it need not be unique.
    #[garde(length(chars, max = ApiKey::MAX_NAME), custom(readable_name))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    name: String,
    /// Scopes; the caller's own if omitted. The caller's scopes cannot be exceeded.
    #[garde(skip)]
    scopes: Option<BTreeSet<Permission>>,
    /// When the key expires; never if this and `expires_in_days` are omitted.
    #[garde(skip)]
    expires_at: Option<Timestamp>,
    /// Days from now until the key expires.
    #[garde(range(min = 1, max = ApiKey::MAX_DAYS))]
    expires_in_days: Option<u32>,
    /// The models that the key may use; all if omitted.
    #[garde(length(min = 1, max = ApiKey::MAX_MODELS), inner(inner(length(chars, min = 1, max = 100))))]
    #[schemars(inner(length(min = 1, max = 100)))]
    models: Option<Vec<String>>,
    /// Total budget of LLM tokens; no separate limit if omitted.
    #[garde(range(max = MAX_BUDGET))]
    token_budget: Option<u64>,
    /// Model requests per minute; no separate limit if omitted.
    #[garde(range(min = 1, max = ApiKey::MAX_PER_MINUTE))]
    requests_per_minute: Option<u32>,
}

/// Maximum budget: far below the largest number that the table stores.
const MAX_BUDGET: u64 = 1_000_000_000_000;

/// A change of an API key.
#[derive(Deserialize, Validate, JsonSchema)]
#[expect(clippy::option_option, reason = "null removes a limit, absence leaves it unchanged")]
pub(crate) struct KeyPatch {
    /// New name.
    #[garde(length(chars, max = ApiKey::MAX_NAME), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    name: Option<String>,
    /// Whether the key is enabled.
    #[garde(skip)]
    enabled: Option<bool>,
    /// New scopes.
    #[garde(skip)]
    scopes: Option<BTreeSet<Permission>>,
    /// New expiry time; null removes it.
    #[garde(skip)]
    #[serde(default, deserialize_with = "non_null")]
    expires_at: Option<Option<Timestamp>>,
    /// Days from now until the key expires.
    #[garde(range(min = 1, max = ApiKey::MAX_DAYS))]
    expires_in_days: Option<u32>,
    /// The models that the key may use; null for all.
    #[garde(length(min = 1, max = ApiKey::MAX_MODELS), inner(inner(inner(length(chars, min = 1, max = 100)))))]
    #[schemars(inner(length(min = 1, max = 100)))]
    #[serde(default, deserialize_with = "non_null")]
    models: Option<Option<Vec<String>>>,
    /// Total budget of LLM tokens; null for no separate limit.
    #[garde(range(max = MAX_BUDGET))]
    #[serde(default, deserialize_with = "non_null")]
    token_budget: Option<Option<u64>>,
    /// Model requests per minute; null for no separate limit.
    #[garde(range(min = 1, max = ApiKey::MAX_PER_MINUTE))]
    #[serde(default, deserialize_with = "non_null")]
    requests_per_minute: Option<Option<u32>>,
}

/// How to replace a secret.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct Rotation {
    /// How long the old secret stays valid, in seconds; it is revoked immediately if omitted.
    #[garde(range(max = ApiKey::MAX_OVERLAP.as_secs()))]
    overlap_seconds: Option<u64>,
}

/// The parameter `{key_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct KeyPath {
    pub(crate) key_id: ApiKeyId,
}

/// Distinguishes null from absent.
fn non_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Returns the expiry time from either of its two fields.
fn end(at: Option<Timestamp>, days: Option<u32>, now: Timestamp) -> Result<Option<Timestamp>> {
    let hours = |days: u32| Duration::from_hours(u64::from(days) * 24);
    match (at, days) {
        (Some(_), Some(_)) => Err(Error::invalid(
            "/expires_in_days",
            "cannot be sent together with expires_at",
        )),
        (Some(at), None) if at <= now => Err(Error::invalid("/expires_at", "must be in the future")),
        (at, days) => Ok(at.or(days.map(|days| after(now, hours(days))))),
    }
}

impl NewApiKey {
    pub(crate) fn into_new_key(self, now: Timestamp) -> Result<NewKey> {
        Ok(NewKey {
            name: self.name.trim().to_owned(),
            scopes: self.scopes,
            models: self.models,
            token_budget: self.token_budget,
            requests_per_minute: self.requests_per_minute,
            expires_at: end(self.expires_at, self.expires_in_days, now)?,
        })
    }
}

impl KeyPatch {
    pub(crate) fn into_change(self, now: Timestamp) -> Result<KeyChange> {
        let expires_at = match (self.expires_at, self.expires_in_days) {
            (None, None) => None,
            (at, days) => Some(end(at.flatten(), days, now)?),
        };
        Ok(KeyChange {
            name: self.name.map(|name| name.trim().to_owned()),
            enabled: self.enabled,
            scopes: self.scopes,
            models: self.models,
            token_budget: self.token_budget,
            requests_per_minute: self.requests_per_minute,
            expires_at,
        })
    }
}

impl Rotation {
    pub(crate) fn overlap(&self) -> Duration {
        Duration::from_secs(self.overlap_seconds.unwrap_or_default())
    }
}
