//! API keys as clients see them.

use app::{KeyFound, KeyWithSecret};
use domain::{KeyState, Permission, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// An API key, without its secret.
#[derive(Serialize, JsonSchema)]
pub(crate) struct KeyView {
    id: String,
    /// The key that created this one: it shares that key's budget and requests per minute, cannot exceed its
    /// permissions, and is revoked with it. Null for a key that a user created.
    parent_id: Option<String>,
    name: String,
    /// First characters of the key.
    prefix: String,
    /// Last characters of the key.
    last_four: String,
    /// Whether the key is accepted, considering the keys above it.
    status: KeyState,
    enabled: bool,
    /// Scopes, as far as the role of its user allows them.
    scopes: Vec<Permission>,
    /// The models that the key may use; null for all.
    models: Option<Vec<String>>,
    /// Total budget of LLM tokens; null for no separate limit.
    token_budget: Option<u64>,
    /// Model requests per minute; null for no separate limit.
    requests_per_minute: Option<u32>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    /// When a request with the key last arrived, to the minute; includes requests that were rejected because the
    /// key was disabled or expired.
    last_used_at: Option<Timestamp>,
    /// Until when the previous secret stays valid.
    previous_valid_until: Option<Timestamp>,
    /// ID of the user that the key acts for.
    created_by: String,
    org_id: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An API key with its secret.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NewKeyView {
    #[serde(flatten)]
    view: KeyView,
    /// Sent as `Authorization: Bearer` or `X-API-Key`. It cannot be retrieved again.
    key: String,
}

impl KeyView {
    pub(crate) fn of(found: KeyFound, now: Timestamp) -> Self {
        let KeyFound {
            key,
            state,
            last_used_at,
        } = found;
        Self {
            status: state,
            parent_id: key.ancestors.first().map(|id| id.0.clone()),
            id: key.id.0,
            name: key.name,
            prefix: key.prefix,
            last_four: key.last_four,
            enabled: key.enabled,
            scopes: key.scopes.into_iter().collect(),
            models: key.models,
            token_budget: key.token_budget,
            requests_per_minute: key.requests_per_minute,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at,
            previous_valid_until: key.previous.map(|it| it.until).filter(|until| *until > now),
            created_by: key.created_by.0,
            org_id: key.org.0,
            created_at: key.created_at,
            updated_at: key.updated_at,
        }
    }
}

impl NewKeyView {
    pub(crate) fn of(made: KeyWithSecret, now: Timestamp) -> Self {
        let found = KeyFound {
            state: made.key.state(now),
            key: made.key,
            last_used_at: None,
        };
        Self {
            key: made.secret.expose().to_owned(),
            view: KeyView::of(found, now),
        }
    }
}
