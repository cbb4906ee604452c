//! API keys as clients see them.

use app::{KeyFound, KeyWithSecret};
use domain::{KeyState, Permission, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// An API key, without its secret.
#[derive(Serialize, JsonSchema)]
pub(crate) struct KeyView {
    id: String,
    /// The key that made it: it draws on that one's budget and requests a minute, reaches no further, and ends with it.
    /// Null for a key that a person made.
    parent_id: Option<String>,
    name: String,
    /// How the key begins.
    prefix: String,
    /// How the key ends.
    last_four: String,
    /// Whether it is accepted, by itself and by the keys above it.
    status: KeyState,
    enabled: bool,
    /// What it may do, as far as the role of its user allows it too.
    scopes: Vec<Permission>,
    /// The models it may ask; null for all.
    models: Option<Vec<String>>,
    /// LLM tokens it may use in all; null for no limit of its own.
    token_budget: Option<u64>,
    /// Requests to models it may make in a minute; null for no limit of its own.
    requests_per_minute: Option<u32>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    /// When a request with it last arrived, to the minute; also one that was refused because the key was switched off
    /// or its time was over.
    last_used_at: Option<Timestamp>,
    /// Until when the secret before this one works.
    previous_valid_until: Option<Timestamp>,
    /// Whom it acts for.
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
    /// What requests send, as `Authorization: Bearer` or `X-API-Key`. Nobody can read it again.
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
