//! What remains after all credentials of an account have been revoked.

use domain::{ApiKey, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// The result of revoking all credentials.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AccessReset {
    message: &'static str,
    /// API keys of shared organizations that stay valid, because others may rely on them. Revoke those that you do not
    /// know.
    kept_api_keys: Vec<KeptKey>,
}

/// An API key that stays valid.
#[derive(Serialize, JsonSchema)]
struct KeptKey {
    id: String,
    name: String,
    /// First characters of the key.
    prefix: String,
    /// Last characters of the key.
    last_four: String,
    /// ID of the key's organization.
    org_id: String,
    created_at: Timestamp,
    /// When the key or its secret was last changed.
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
