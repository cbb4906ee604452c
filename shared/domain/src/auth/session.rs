//! Sign-in sessions and the rules of refresh token rotation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Network, SessionId, Timestamp, User, UserId, time::after};

/// Lifetime of an access token.
pub const ACCESS_TTL: Duration = Duration::from_mins(15);
/// How long a session can be refreshed, counted from the last refresh.
pub const REFRESH_TTL: Duration = Duration::from_hours(30 * 24);
/// Maximum lifetime of a session, counted from sign-in.
pub const SESSION_TTL: Duration = Duration::from_hours(90 * 24);
/// For this long after a rotation, the replaced refresh token returns the same new pair again, so that a client whose
/// response was lost, or whose tabs refreshed concurrently, is not signed out.
pub const REUSE_GRACE: Duration = Duration::from_secs(10);

/// One sign-in: a family of refresh tokens of which only the newest is valid (RFC 9700 section 4.14.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The ID of the family.
    pub id: SessionId,
    /// The user who signed in.
    pub user: UserId,
    /// Number of the refresh token that is currently valid; each rotation adds one.
    pub generation: u64,
    /// ID of the key that signs the tokens of `generation`, so that they are byte-identical whichever instance signs
    /// them; empty in sessions from before keys had IDs.
    #[serde(default)]
    pub signing_key: String,
    /// When `generation` became valid, which is also the issue time in that pair's tokens.
    pub rotated_at: Timestamp,
    /// The session is invalid from this time on, regardless of its tokens.
    pub expires_at: Timestamp,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// The account's [`crate::User::session_epoch`] at sign-in; sessions of an earlier epoch have ended.
    #[serde(default)]
    pub epoch: u64,
    /// The user agent that signed in, as it reported itself.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// The network from which the user signed in.
    #[serde(default)]
    pub network: Option<Network>,
}

/// What it means when a refresh token of some generation is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentedRefreshToken {
    /// The valid one: rotate it.
    Current,
    /// The one just replaced, within the grace period: return the same pair again.
    JustReplaced,
    /// An older one: someone else has it too. Revoke the family.
    Reused,
    /// A token that was never issued.
    Unknown,
}

impl Session {
    /// Creates a session that starts at `now`.
    pub fn begin(id: SessionId, user: UserId, now: Timestamp) -> Self {
        Self {
            id,
            user,
            generation: 1,
            signing_key: String::new(),
            rotated_at: now,
            expires_at: after(now, REFRESH_TTL),
            created_at: now,
            epoch: 0,
            user_agent: None,
            network: None,
        }
    }

    /// Returns whether the session has expired.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Returns whether its tokens are valid for `user` now: the session has not expired, not ended together with all
    /// others, and the account is active.
    pub fn is_live(&self, user: &User, now: Timestamp) -> bool {
        !self.is_expired(now) && self.epoch == user.session_epoch && user.is_active()
    }

    /// Returns what a refresh token of `generation` means at `now`.
    pub fn presented(&self, generation: u64, now: Timestamp) -> PresentedRefreshToken {
        if generation == self.generation {
            PresentedRefreshToken::Current
        } else if generation > self.generation {
            PresentedRefreshToken::Unknown
        } else if generation + 1 == self.generation && now < after(self.rotated_at, REUSE_GRACE) {
            PresentedRefreshToken::JustReplaced
        } else {
            PresentedRefreshToken::Reused
        }
    }

    /// Returns the session after a rotation at `now`, whose tokens are signed by the key with this ID.
    #[must_use]
    pub fn rotated(&self, now: Timestamp, signing_key: &str) -> Self {
        Self {
            generation: self.generation + 1,
            signing_key: signing_key.to_owned(),
            rotated_at: now,
            expires_at: after(now, REFRESH_TTL).min(after(self.created_at, SESSION_TTL)),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default()
    }

    #[test]
    fn a_replaced_token_is_forgiven_for_ten_seconds_and_then_revokes() {
        let session = Session::begin(SessionId("s".into()), UserId("u".into()), at(0)).rotated(at(100), "k");
        assert_eq!(session.presented(2, at(100)), PresentedRefreshToken::Current);
        assert_eq!(session.presented(1, at(109)), PresentedRefreshToken::JustReplaced);
        assert_eq!(session.presented(1, at(110)), PresentedRefreshToken::Reused);
        assert_eq!(session.presented(3, at(110)), PresentedRefreshToken::Unknown);
        assert_eq!(
            session.rotated(at(101), "k").presented(1, at(101)),
            PresentedRefreshToken::Reused,
            "two generations back is never forgiven"
        );
    }

    #[test]
    fn refreshing_extends_a_session_up_to_its_absolute_end() {
        let mut session = Session::begin(SessionId("s".into()), UserId("u".into()), at(0));
        let day = 24 * 3600;
        for days in [20, 40, 60, 80] {
            session = session.rotated(at(days * day), "k");
        }
        assert_eq!(session.expires_at, at(90 * day));
        assert!(!session.is_expired(at(90 * day - 1)) && session.is_expired(at(90 * day)));
    }
}
