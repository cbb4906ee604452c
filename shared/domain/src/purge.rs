//! Erasure: what is to be removed, promised before it is done.

use serde::{Deserialize, Serialize};

use crate::{MailId, OrgId, Timestamp, UserId};

/// What is to be removed: also the body of a message in the `purge` queue. It was made invisible before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Purge {
    /// A person, with their personal organization.
    User {
        /// Whose account it was.
        user_id: UserId,
        /// Other organizations they belonged to.
        orgs: Vec<OrgId>,
    },
    /// An organization and everything in it.
    Org {
        /// Which.
        org_id: OrgId,
    },
    /// What a person had to themselves in an organization that they left.
    Member {
        /// The organization.
        org_id: OrgId,
        /// The person.
        user_id: UserId,
    },
    /// What the credentials of an account left behind when all of them ended; its owner is told.
    Credentials {
        /// Whose account it is.
        user_id: UserId,
        /// When they ended.
        ended_at: Timestamp,
        /// The email that tells.
        mail_id: MailId,
    },
}

impl Purge {
    /// One text for one purge: promising it twice is promising it once.
    pub fn id(&self) -> String {
        match self {
            Self::User { user_id, .. } => format!("user.{user_id}"),
            Self::Org { org_id } => format!("org.{org_id}"),
            Self::Member { org_id, user_id } => format!("member.{org_id}.{user_id}"),
            Self::Credentials { user_id, mail_id, .. } => format!("credentials.{user_id}.{mail_id}"),
        }
    }
}
