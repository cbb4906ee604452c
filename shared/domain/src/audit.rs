//! The audit log: who changed what, in a tamper-evident order.
//!
//! Entries of one tenant and month form a hash chain. They hold IDs and plain rule values (roles, states, plans), never
//! names, addresses or other personal data in cleartext, because those would outlive an erasure.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{AuditEntryId, OrgId, Timestamp, WebhookEvent};

/// The caller that performed an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Actor {
    /// The kind of caller.
    pub kind: ActorKind,
    /// The user's ID; for an API key, the ID of the user it acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The API key, if one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The request ID in our logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The kind of caller that performed an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A signed-in person.
    User,
    /// An API key.
    ApiKey,
    /// The service key of the internal operations.
    Service,
    /// A signed webhook.
    Webhook,
    /// The system itself: a worker or a schedule.
    System,
}

impl Actor {
    /// Returns the actor for the system itself.
    pub fn system() -> Self {
        Self {
            kind: ActorKind::System,
            id: None,
            key: None,
            request_id: None,
        }
    }

    /// Returns the actor for the service key of the internal operations, in the request `request_id`.
    pub fn service(request_id: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::Service,
            request_id: Some(request_id.into()),
            ..Self::system()
        }
    }

    /// Returns the actor for a signed webhook, in the request `request_id`.
    pub fn webhook(request_id: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::Webhook,
            request_id: Some(request_id.into()),
            ..Self::system()
        }
    }

    /// Returns the actor for a person, in the request `request_id`.
    pub fn user(id: impl Into<String>, request_id: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::User,
            id: Some(id.into()),
            key: None,
            request_id: Some(request_id.into()),
        }
    }
}

/// The origin of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditSource {
    /// Written together with the change itself.
    Server,
    /// Submitted by a client.
    Client,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its ID.
    pub id: AuditEntryId,
    /// The organization whose log contains it.
    pub tenant: OrgId,
    /// The caller that performed the action.
    pub actor: Actor,
    /// The action as `noun.verb_past`, for example `member.role_changed`.
    pub action: String,
    /// Kind of the subject: `user`, `org`, `api_key`.
    pub subject_kind: String,
    /// The subject's ID.
    pub subject: String,
    /// The state before the action; only IDs and rule values.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub before: Value,
    /// The state after the action; only IDs and rule values.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub after: Value,
    /// Personal data, encrypted under a key that an erasure destroys; base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// Its origin.
    pub source: AuditSource,
    /// When the action was performed.
    pub created_at: Timestamp,
    /// The event that is promised to webhooks with it; not a part of the log.
    #[serde(skip)]
    pub event: Option<Box<WebhookEvent>>,
}

/// The position of an entry in the hash chain of its tenant and month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLink {
    /// Starts at 1 for the first entry of the month.
    pub number: u64,
    /// Hex SHA-256 over the previous hash and the entry's text.
    pub hash: String,
}

impl ChainLink {
    /// Returns the link for `text` after `last`; `None` starts a chain.
    pub fn after(last: Option<&Self>, text: &str) -> Self {
        let mut digest = Sha256::new();
        // The hash has a fixed length, so no separator is needed.
        digest.update(last.map_or_else(|| "0".repeat(64), |last| last.hash.clone()));
        digest.update(text);
        Self {
            number: last.map_or(0, |last| last.number) + 1,
            hash: hex::encode(digest.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_moved_or_missing_entry_changes_every_hash_after_it() {
        let chain = |texts: &[&str]| {
            let mut last: Option<ChainLink> = None;
            for text in texts {
                last = Some(ChainLink::after(last.as_ref(), text));
            }
            last
        };
        let real = chain(&["a", "b", "c"]);
        for forged in [&["a", "x", "c"][..], &["b", "a", "c"], &["a", "c"], &["ab", "c"]] {
            assert_ne!(
                chain(forged).map(|link| link.hash),
                real.clone().map(|link| link.hash),
                "{forged:?}"
            );
        }
        assert_eq!(real.map(|link| link.number), Some(3));
    }
}
