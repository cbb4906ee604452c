//! The promise to remove what belonged to somebody or something that is gone.

use serde::{Deserialize, Serialize};

use crate::{OrgId, UserId};

/// Written with the tombstone, kept by a job: from the tombstone on nothing of it can be reached. An organization that
/// the user made in the very moment of the tombstone is still among their places, has no other member, and goes too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purge {
    /// Whose account ended.
    pub user: UserId,
    /// Their personal organization, which goes with it.
    pub org: OrgId,
    /// When the promise was made, milliseconds since the Unix epoch.
    pub created_ms: i64,
}
