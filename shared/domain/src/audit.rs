//! The audit log: who changed what, in an order that cannot be rewritten unseen.
//!
//! Entries of one tenant and month form a hash chain. They hold IDs and plain values of rules (roles, states, plans),
//! never names, addresses or other personal data in the clear: those would outlive an erasure.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{AuditEntryId, OrgId, Timestamp};

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Actor {
    /// What kind of caller.
    pub kind: ActorKind,
    /// The user's ID; for an API key that of the user it acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The API key, when one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The request in our logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What kind of caller did something.
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
    /// The system itself.
    pub fn system() -> Self {
        Self {
            kind: ActorKind::System,
            id: None,
            key: None,
            request_id: None,
        }
    }

    /// The service key of the internal operations, in the request `request_id`.
    pub fn service(request_id: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::Service,
            request_id: Some(request_id.into()),
            ..Self::system()
        }
    }

    /// A signed webhook, in the request `request_id`.
    pub fn webhook(request_id: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::Webhook,
            request_id: Some(request_id.into()),
            ..Self::system()
        }
    }

    /// A person, in the request `request_id`.
    pub fn user(id: impl Into<String>, request_id: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::User,
            id: Some(id.into()),
            key: None,
            request_id: Some(request_id.into()),
        }
    }
}

/// Where an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditSource {
    /// Written with the change itself.
    Server,
    /// A client's own entry.
    Client,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its ID.
    pub id: AuditEntryId,
    /// Whose log it is in.
    pub tenant: OrgId,
    /// Who did it.
    pub actor: Actor,
    /// What was done, `noun.verb_past`: `member.role_changed`.
    pub action: String,
    /// Kind of the thing it was done to: `user`, `org`, `api_key`.
    pub subject_kind: String,
    /// Its ID.
    pub subject: String,
    /// What was there before; IDs and values of rules only.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub before: Value,
    /// What is there now; IDs and values of rules only.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub after: Value,
    /// Personal data, sealed under a key that an erasure destroys; base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// Where it comes from.
    pub source: AuditSource,
    /// When it was done.
    pub created_at: Timestamp,
}

/// The place of an entry in the chain of its tenant and month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLink {
    /// 1 for the first entry of the month.
    pub number: u64,
    /// Hex SHA-256 over the hash before it and the entry's text.
    pub hash: String,
}

impl ChainLink {
    /// The link of `text` after `last`; `None` begins a chain.
    pub fn after(last: Option<&Self>, text: &str) -> Self {
        let mut digest = Sha256::new();
        // Hex of a fixed length, so no separator is needed.
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
