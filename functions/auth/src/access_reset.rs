//! What is left when all credentials of an account have ended.

use domain::{ApiKey, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// The end of all credentials.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AccessReset {
    message: &'static str,
    /// API keys of shared organizations that go on, because others may rely on them. Revoke those that you do not know.
    kept_api_keys: Vec<KeptKey>,
}

/// An API key that goes on.
#[derive(Serialize, JsonSchema)]
struct KeptKey {
    id: String,
    name: String,
    /// How the key begins.
    prefix: String,
    /// How the key ends.
    last_four: String,
    /// The organization it works in.
    org_id: String,
    created_at: Timestamp,
    /// Its last change, of its secret too.
    updated_at: Timestamp,
}

impl AccessReset {
    pub(crate) fn new(message: &'static str, kept: Vec<ApiKey>) -> Self {
        let kept = kept.into_iter().map(|key| KeptKey {
            id: key.id.0,
            name: key.name,
            prefix: key.prefix,
            last_four: key.last_four,
            org_id: key.org.0,
            created_at: key.created_at,
            updated_at: key.updated_at,
        });
        Self {
            message,
            kept_api_keys: kept.collect(),
        }
    }
}
