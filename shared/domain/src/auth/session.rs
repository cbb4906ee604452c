//! Sign-in sessions and the rules of refresh token rotation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Network, SessionId, Timestamp, User, UserId, time::after};

/// How long an access token lives.
pub const ACCESS_TTL: Duration = Duration::from_mins(15);
/// How long a session may be renewed by refreshing, counted from the last refresh.
pub const REFRESH_TTL: Duration = Duration::from_hours(30 * 24);
/// How long a session lives at most, counted from sign-in.
pub const SESSION_TTL: Duration = Duration::from_hours(90 * 24);
/// For this long after a rotation the replaced refresh token answers the same new pair again, so that a
/// client whose answer was lost, or whose tabs refreshed at once, is not signed out.
pub const REUSE_GRACE: Duration = Duration::from_secs(10);

/// One sign-in: a family of refresh tokens of which only the newest is valid (RFC 9700 section 4.14.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The family.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Number of the refresh token that is valid now; each rotation adds one.
    pub generation: u64,
    /// ID of the key that signs the tokens of `generation`, so that they are the same bytes whoever signs them; empty
    /// before keys had IDs.
    #[serde(default)]
    pub signing_key: String,
    /// When `generation` became valid: also the issue time in the tokens of that pair.
    pub rotated_at: Timestamp,
    /// Nothing of this session is valid from here on, whatever the tokens say.
    pub expires_at: Timestamp,
    /// Sign-in.
    pub created_at: Timestamp,
    /// The account's [`crate::User::session_epoch`] at sign-in; a session of an earlier one has ended.
    #[serde(default)]
    pub epoch: u64,
    /// The program that signed in, as it named itself.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// The network that it signed in from.
    #[serde(default)]
    pub network: Option<Network>,
}

/// What presenting a refresh token of some generation means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentedRefreshToken {
    /// The valid one: rotate.
    Current,
    /// The one just replaced, within the grace: answer the same pair again.
    JustReplaced,
    /// An older one: someone else has it too. Revoke the family.
    Reused,
    /// One that was never issued.
    Unknown,
}

impl Session {
    /// A new session that starts now.
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

    /// Whether the session has ended by time.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Whether its tokens are good for `user` now: it has not ended by time, nor with all others, nor with the
    /// account.
    pub fn is_live(&self, user: &User, now: Timestamp) -> bool {
        !self.is_expired(now) && self.epoch == user.session_epoch && user.is_active()
    }

    /// What a refresh token of `generation` means now.
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

    /// The session after a rotation at `now`, whose tokens are signed by the key with this ID.
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
