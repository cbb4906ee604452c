//! Accounts, organizations, and what leads to them.

use domain::{ApiKeyId, InvitationId, OrgId, SessionId, UserId};

use super::{Key, key, tenant};

/// A person's account.
pub fn profile(user: &UserId) -> Key {
    key(format!("U#{user}"), "PROFILE")
}

/// A sign-in session.
pub fn session(user: &UserId, session: &SessionId) -> Key {
    key(self::user(user), format!("{SESSIONS}{session}"))
}

/// Makes an address unique and leads from it to its account. `fingerprint`: [`domain::Email::fingerprint`].
pub fn email(fingerprint: &str) -> Key {
    key(format!("EMAIL#{fingerprint}"), "U")
}

/// Sort key prefix of sign-in sessions.
pub const SESSIONS: &str = "SESS#";

/// Sort key prefix of the links that were mailed to a person.
pub const LINKS: &str = "LINK#";

/// Sort key prefix of the addresses that an account had before.
pub const FORMER_EMAILS: &str = "FORMER#";

/// An address that an account had before. `fingerprint`: [`domain::Email::fingerprint`].
pub fn former_email(user: &UserId, fingerprint: &str) -> Key {
    key(self::user(user), format!("{FORMER_EMAILS}{fingerprint}"))
}

/// Leads from a person to a link that was mailed to them. `digest`: hex SHA-256 of its token.
pub fn mailed_link(user: &UserId, digest: &str) -> Key {
    key(self::user(user), format!("{LINKS}{digest}"))
}

/// A link by which a password can be set. `digest`: hex SHA-256 of its token.
pub fn password_reset(digest: &str) -> Key {
    key(format!("PWR#{digest}"), "T")
}

/// A link that shows that an address is its account's own. `digest`: hex SHA-256 of its token.
pub fn email_verification(digest: &str) -> Key {
    key(format!("EMV#{digest}"), "T")
}

/// A link that gives an account its earlier address back. `digest`: hex SHA-256 of its token.
pub fn address_restore(digest: &str) -> Key {
    key(format!("EMR#{digest}"), "T")
}

/// Sort key prefix of the earlier addresses that are kept for a person.
pub const HELD_ADDRESSES: &str = "HELD#";

/// Leads from a person to an address that is kept for them. `fingerprint`: [`domain::Email::fingerprint`].
pub fn held_address(user: &UserId, fingerprint: &str) -> Key {
    key(self::user(user), format!("{HELD_ADDRESSES}{fingerprint}"))
}

/// Makes a person at Clerk unique and leads from them to their account.
pub fn clerk(person: &str) -> Key {
    key(format!("CLERK#{person}"), "U")
}

/// What is known of a session at Clerk.
pub fn clerk_session(user: &UserId, session: &str) -> Key {
    key(self::user(user), format!("CLERKSESS#{session}"))
}

/// Sort key of the salt of a person.
pub const AUDIT_SALT: &str = "AUDITSALT";

/// The salt of the keys that seal a person's data in the audit log. Destroying it makes that data unreadable.
pub fn audit_salt(user: &UserId) -> Key {
    key(self::user(user), AUDIT_SALT)
}

/// The export of a person's data.
pub fn export(user: &UserId) -> Key {
    key(self::user(user), "EXPORT")
}

/// An organization.
pub fn org(org: &OrgId) -> Key {
    key(format!("O#{org}"), "ORG")
}

/// A person's place in an organization.
pub fn membership(org: &OrgId, user: &UserId) -> Key {
    key(format!("O#{org}"), format!("M#{user}"))
}

/// Sort key prefix of the members of an organization.
pub const MEMBERS: &str = "M#";
/// Sort key prefix of a user's places in organizations.
pub const PLACES: &str = "ORG#";
/// Sort key prefix of invitations.
pub const INVITATIONS: &str = "INV#";
/// Sort key prefix of API keys.
pub const API_KEYS: &str = "AK#";

/// Partition of what belongs to a user.
pub fn user(user: &UserId) -> String {
    format!("U#{user}")
}

/// The same place as [`membership`], where its user finds it.
pub fn place(user: &UserId, org: &OrgId) -> Key {
    key(self::user(user), format!("{PLACES}{org}"))
}

/// Sort key prefix of organizations that a person left, where keys of theirs are still listed.
pub const LEFT_KEYS: &str = "KEYS#";

/// An organization that a person left, where keys of theirs are still listed.
pub fn left_keys(user_id: &UserId, org: &OrgId) -> Key {
    key(user(user_id), format!("{LEFT_KEYS}{org}"))
}

/// An invitation into an organization.
pub fn invitation(org: &OrgId, invitation: &InvitationId) -> Key {
    key(tenant(org), format!("{INVITATIONS}{invitation}"))
}

/// Partition of what is known about an address. `fingerprint`: [`domain::Email::fingerprint`].
pub fn address(fingerprint: &str) -> String {
    format!("EMAIL#{fingerprint}")
}

/// Makes the invitation of an address into an organization unique, and is where the address finds it.
pub fn invited(fingerprint: &str, org: &OrgId) -> Key {
    key(address(fingerprint), format!("{INVITATIONS}{org}"))
}

/// Leads from a token to its invitation. `hash`: [`domain::orgs::invitation::token_hash`].
pub fn invitation_token(hash: &str) -> Key {
    key(format!("INVT#{hash}"), "I")
}

/// A user's settings.
pub fn settings(user: &UserId) -> Key {
    key(self::user(user), "SETTINGS")
}

/// An API key of an organization.
pub fn api_key(org: &OrgId, id: &ApiKeyId) -> Key {
    key(tenant(org), format!("{API_KEYS}{id}"))
}

/// Leads from an API key to its row. `hash`: [`domain::auth::api_key::ApiKeyToken::hash`].
pub fn api_key_hash(hash: &str) -> Key {
    key(format!("AK#{hash}"), "K")
}

/// Makes a slug unique and leads from it to its organization.
pub fn slug(slug: &str) -> Key {
    key(format!("SLUG#{slug}"), "O")
}
