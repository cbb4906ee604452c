//! Invitations to an organization, and the token that accepts one.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Email, InvitationId, OrgId, OrgRole, Result, Secret, Timestamp, UserId, id::random_bytes, time::after};

/// How long an invitation can be accepted, counted from when it was last sent.
pub const INVITATION_TTL: Duration = Duration::from_hours(7 * 24);

/// An invitation. Only the invited person knows its token; only the hash is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its ID.
    pub id: InvitationId,
    /// The organization it is for.
    pub org: OrgId,
    /// The address that can accept it.
    pub email: Email,
    /// The role of the new member.
    pub role: OrgRole,
    /// The user who last sent it.
    pub invited_by: UserId,
    /// [`token_hash`] of the token that was sent last; older tokens are void.
    pub token_hash: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// It cannot be accepted from this time on.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// Returns the same invitation, sent again with a new token.
    #[must_use]
    pub fn renewed(&self, role: OrgRole, invited_by: UserId, token: &Secret, now: Timestamp) -> Self {
        Self {
            role,
            invited_by,
            token_hash: token_hash(token),
            expires_at: after(now, INVITATION_TTL),
            ..self.clone()
        }
    }

    /// Returns whether it has expired.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Returns whether it was sent to this address.
    pub fn is_for(&self, email: &Email) -> bool {
        self.email.is_same(email)
    }
}

/// Returns a new token: 256 random bits, with a prefix for secret scanners.
///
/// # Errors
/// Returns an error if the operating system provides no random bytes.
pub fn new_token() -> Result<Secret> {
    Ok(Secret::new(format!("inv_{}", hex::encode(random_bytes::<32>()?))))
}

/// Returns the hex SHA-256 of a token, the only form that is stored. The token is random, so brute force is infeasible.
pub fn token_hash(token: &Secret) -> String {
    hex::encode(Sha256::digest(token.expose().trim().as_bytes()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing parse is the test's failure")]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn invitation() -> Invitation {
        Invitation {
            id: InvitationId("i".into()),
            org: OrgId("o".into()),
            email: Email::parse("Ada@Example.com").unwrap(),
            role: OrgRole::Member,
            invited_by: UserId("u".into()),
            token_hash: "old".into(),
            created_at: at(0),
            expires_at: after(at(0), INVITATION_TTL),
        }
    }

    #[test]
    fn an_invitation_lasts_seven_days_from_when_it_was_last_sent() {
        let day = 24 * 3600;
        assert!(!invitation().is_expired(at(7 * day - 1)) && invitation().is_expired(at(7 * day)));
        let token = new_token().unwrap();
        let again = invitation().renewed(OrgRole::Admin, UserId("v".into()), &token, at(6 * day));
        assert!(!again.is_expired(at(13 * day - 1)) && again.is_expired(at(13 * day)));
        assert_eq!((again.id, again.created_at), (invitation().id, at(0)));
        assert_eq!(again.token_hash, token_hash(&token));
    }

    #[test]
    fn an_invitation_is_for_its_address_however_it_is_written() {
        assert!(invitation().is_for(&Email::parse("ada@example.COM").unwrap()));
        assert!(!invitation().is_for(&Email::parse("eve@example.com").unwrap()));
    }

    #[test]
    fn tokens_are_long_differ_and_survive_the_white_space_of_a_mail() {
        let (one, two) = (new_token().unwrap(), new_token().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.expose().len(), 4 + 64);
        assert_eq!(
            token_hash(&one),
            token_hash(&Secret::new(format!(" {}\n", one.expose())))
        );
    }
}
