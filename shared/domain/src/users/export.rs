//! Exports: all data of a user in one archive for download.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ExportId, Timestamp, User, UserId, time::after};

/// How long an archive can be downloaded. The bucket deletes it a day later.
pub const KEPT: Duration = Duration::from_hours(7 * 24);
/// Minimum age of an archive before another one replaces it.
pub const FRESH: Duration = Duration::from_hours(24);
/// How long a link to an archive works.
pub const LINK: Duration = Duration::from_mins(15);
/// Longer than the queue takes to make a message a dead letter (50 deliveries of up to 15 minutes, and as much between two of
/// them): an export that is still pending after this was never queued.
pub const QUEUED: Duration = Duration::from_hours(30);

/// The state of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportStatus {
    /// A worker collects its contents.
    Pending,
    /// It can be downloaded.
    Ready,
    /// It failed; requesting it again restarts it.
    Failed,
}

/// The export of a user. A user has at most one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Its ID.
    pub id: ExportId,
    /// The user whose data it contains.
    pub user: UserId,
    /// Its state.
    pub status: ExportStatus,
    /// When it was requested.
    pub created_at: Timestamp,
    /// The epoch of the user's credentials in which it was requested ([`crate::CredentialEpochs`]).
    #[serde(default)]
    pub epoch: u64,
    /// When it was last queued.
    pub queued_at: Timestamp,
    /// Size of the archive, in bytes; `None` until it is ready.
    pub size_bytes: Option<u64>,
    /// The previous export, whose archive is deleted when this one is ready.
    pub replaces: Option<ExportId>,
}

impl Export {
    /// Returns the object key of the archive.
    pub fn object_key(user: &UserId, id: &ExportId) -> String {
        format!("{}{id}.zip", Self::objects_of(user))
    }

    /// Returns the object key of a requested file other than an archive.
    pub fn file_key(user: &UserId, id: &ExportId, name: &str) -> String {
        format!("{}{id}/{name}", Self::objects_of(user))
    }

    /// Returns the prefix of the object keys of a user's archives.
    pub fn objects_of(user: &UserId) -> String {
        format!("exports/{user}/")
    }

    /// Returns whether it must be queued again: it should have finished or failed long ago.
    pub fn is_lost(&self, now: Timestamp) -> bool {
        self.status == ExportStatus::Pending && after(self.queued_at, QUEUED) <= now
    }

    /// Returns whether it was requested before the last end of the user's credentials, possibly by someone else.
    pub fn is_ended(&self, of: &User) -> bool {
        self.epoch < of.credentials.valid_from
    }

    /// Returns whether another export is to replace it. `fresh`: whether a new one was requested.
    pub fn is_over(&self, fresh: bool, now: Timestamp) -> bool {
        let life = if fresh { FRESH } else { KEPT };
        self.status == ExportStatus::Ready && after(self.created_at, life) <= now
    }
}

/// The body of a message in the queue `export_user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportMessage {
    /// The user whose data is exported.
    pub user_id: UserId,
    /// The export.
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
        assert!(!export.is_over(true, hours(1000)), "a running export is awaited");
        assert!(!export.is_lost(hours(29)) && export.is_lost(hours(30)));
    }
}
