//! Exports: everything of a person as one archive, for themselves to take away.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ExportId, Timestamp, User, UserId, time::after};

/// How long an archive can be downloaded. The bucket forgets it a day later.
pub const KEPT: Duration = Duration::from_hours(7 * 24);
/// How old an archive has to be before another one is made in its place.
pub const FRESH: Duration = Duration::from_hours(24);
/// How long a link to an archive works.
pub const LINK: Duration = Duration::from_mins(15);
/// Longer than the queue takes to give up a message (50 deliveries of up to 15 minutes, and as much between two of them):
/// an export that is still pending then was never queued.
pub const QUEUED: Duration = Duration::from_hours(30);

/// Where an export is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportStatus {
    /// A worker collects what belongs into it.
    Pending,
    /// It can be downloaded.
    Ready,
    /// It could not be made; asking again begins anew.
    Failed,
}

/// The export of a person: there is one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Its ID.
    pub id: ExportId,
    /// Whose data it holds.
    pub user: UserId,
    /// Where it is on its way.
    pub status: ExportStatus,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// The epoch of the person's credentials it was asked for in ([`crate::CredentialEpochs`]).
    #[serde(default)]
    pub epoch: u64,
    /// When it was put into the queue last.
    pub queued_at: Timestamp,
    /// Size of the archive, bytes; none before it is ready.
    pub size_bytes: Option<u64>,
    /// The one before, whose archive goes when this one is ready.
    pub replaces: Option<ExportId>,
}

impl Export {
    /// Object key of the archive.
    pub fn object_key(user: &UserId, id: &ExportId) -> String {
        format!("{}{id}.zip", Self::objects_of(user))
    }

    /// Object key of a file that a person asked for, besides archives.
    pub fn file_key(user: &UserId, id: &ExportId, name: &str) -> String {
        format!("{}{id}/{name}", Self::objects_of(user))
    }

    /// What the object keys of a person's archives begin with.
    pub fn objects_of(user: &UserId) -> String {
        format!("exports/{user}/")
    }

    /// Whether it has to be put into the queue again: it should have been made, or given up, long ago.
    pub fn is_lost(&self, now: Timestamp) -> bool {
        self.status == ExportStatus::Pending && after(self.queued_at, QUEUED) <= now
    }

    /// Whether it was asked for before the last end of the person's credentials: whoever did may not be the person.
    pub fn is_ended(&self, of: &User) -> bool {
        self.epoch < of.credentials.valid_from
    }

    /// Whether another one is to be made in its place. `fresh`: what was asked for is one that is new.
    pub fn is_over(&self, fresh: bool, now: Timestamp) -> bool {
        let life = if fresh { FRESH } else { KEPT };
        self.status == ExportStatus::Ready && after(self.created_at, life) <= now
    }
}

/// The body of a message in the queue `export_user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportMessage {
    /// Whose data.
    pub user_id: UserId,
    /// Which export.
    pub export_id: ExportId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_kept_for_seven_days_and_renewed_after_one_on_demand() {
        let hours = |hours| after(Timestamp::UNIX_EPOCH, Duration::from_hours(hours));
        let mut export = Export {
            id: ExportId("e".to_owned()),
            user: UserId("u".to_owned()),
            status: ExportStatus::Ready,
            created_at: hours(0),
            epoch: 0,
            queued_at: hours(0),
            size_bytes: Some(1),
            replaces: None,
        };
        assert!(!export.is_over(true, hours(23)) && export.is_over(true, hours(24)));
        assert!(!export.is_over(false, hours(167)) && export.is_over(false, hours(168)));
        assert!(!export.is_lost(hours(1000)));
        export.status = ExportStatus::Pending;
        assert!(!export.is_over(true, hours(1000)), "a running one is waited for");
        assert!(!export.is_lost(hours(29)) && export.is_lost(hours(30)));
    }
}
