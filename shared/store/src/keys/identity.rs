//! Keys of accounts, organizations and the pointers to them.

use domain::{ApiKeyId, InvitationId, OrgId, SessionId, UserId};

use super::{Key, key, tenant};

/// A user's account.
pub fn profile(user: &UserId) -> Key {
    key(format!("U#{user}"), "PROFILE")
}

/// A sign-in session.
pub fn session(user: &UserId, session: &SessionId) -> Key {
    key(self::user(user), format!("{SESSIONS}{session}"))
}

/// Makes an email address unique and points to its account. `fingerprint`: [`domain::Email::fingerprint`].
pub fn email(fingerprint: &str) -> Key {
    key(format!("EMAIL#{fingerprint}"), "U")
}

/// Sort key prefix of sign-in sessions.
pub const SESSIONS: &str = "SESS#";

/// Sort key prefix of the links emailed to a user.
pub const LINKS: &str = "LINK#";

/// Sort key prefix of the former addresses of an account.
pub const FORMER_EMAILS: &str = "FORMER#";

/// A former address of an account. `fingerprint`: [`domain::Email::fingerprint`].
pub fn former_email(user: &UserId, fingerprint: &str) -> Key {
    key(self::user(user), format!("{FORMER_EMAILS}{fingerprint}"))
}

/// Points from a user to a link emailed to them. `digest`: hex SHA-256 of its token.
pub fn mailed_link(user: &UserId, digest: &str) -> Key {
    key(self::user(user), format!("{LINKS}{digest}"))
}

/// A link that sets a password. `digest`: hex SHA-256 of its token.
pub fn password_reset(digest: &str) -> Key {
    key(format!("PWR#{digest}"), "T")
}

/// A link that verifies an email address. `digest`: hex SHA-256 of its token.
pub fn email_verification(digest: &str) -> Key {
    key(format!("EMV#{digest}"), "T")
}

/// A link that restores an earlier email address. `digest`: hex SHA-256 of its token.
pub fn address_restore(digest: &str) -> Key {
    key(format!("EMR#{digest}"), "T")
}

/// Sort key prefix of the earlier addresses held for a user.
pub const HELD_ADDRESSES: &str = "HELD#";

/// Points from a user to an address held for them. `fingerprint`: [`domain::Email::fingerprint`].
pub fn held_address(user: &UserId, fingerprint: &str) -> Key {
    key(self::user(user), format!("{HELD_ADDRESSES}{fingerprint}"))
}

/// Makes a Clerk user unique and points to their account.
pub fn clerk(person: &str) -> Key {
    key(format!("CLERK#{person}"), "U")
}

/// The state of a session at Clerk.
pub fn clerk_session(user: &UserId, session: &str) -> Key {
    key(self::user(user), format!("CLERKSESS#{session}"))
}

/// Sort key of a user's salt.
pub const AUDIT_SALT: &str = "AUDITSALT";

/// The salt of the keys that encrypt a user's data in the audit log. Destroying it makes that data unreadable.
pub fn audit_salt(user: &UserId) -> Key {
    key(self::user(user), AUDIT_SALT)
}

/// The export of a user's data.
pub fn export(user: &UserId) -> Key {
    key(self::user(user), "EXPORT")
}

/// An organization.
pub fn org(org: &OrgId) -> Key {
    key(format!("O#{org}"), "ORG")
}

/// A user's membership in an organization.
pub fn membership(org: &OrgId, user: &UserId) -> Key {
    key(format!("O#{org}"), format!("M#{user}"))
}

/// Sort key prefix of the members of an organization.
pub const MEMBERS: &str = "M#";
/// Sort key prefix of a user's memberships.
pub const PLACES: &str = "ORG#";
/// Sort key prefix of invitations.
pub const INVITATIONS: &str = "INV#";
/// Sort key prefix of API keys.
pub const API_KEYS: &str = "AK#";

/// Partition of a user's data.
pub fn user(user: &UserId) -> String {
    format!("U#{user}")
}

/// The copy of [`membership`] in the user's partition.
pub fn place(user: &UserId, org: &OrgId) -> Key {
    key(self::user(user), format!("{PLACES}{org}"))
}

/// Sort key prefix of organizations that a user left and that still list keys of theirs.
pub const LEFT_KEYS: &str = "KEYS#";

/// An organization that a user left and that still lists keys of theirs.
pub fn left_keys(user_id: &UserId, org: &OrgId) -> Key {
    key(user(user_id), format!("{LEFT_KEYS}{org}"))
}

/// An invitation to an organization.
pub fn invitation(org: &OrgId, invitation: &InvitationId) -> Key {
    key(tenant(org), format!("{INVITATIONS}{invitation}"))
}

/// Partition of data about an email address. `fingerprint`: [`domain::Email::fingerprint`].
pub fn address(fingerprint: &str) -> String {
    format!("EMAIL#{fingerprint}")
}

/// Makes the invitation of an address to an organization unique, in the partition of the address.
pub fn invited(fingerprint: &str, org: &OrgId) -> Key {
    key(address(fingerprint), format!("{INVITATIONS}{org}"))
}

/// Points from a token to its invitation. `hash`: [`domain::orgs::invitation::token_hash`].
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

/// Points from an API key to its item. `hash`: [`domain::auth::api_key_token::ApiKeyToken::hash`].
pub fn api_key_hash(hash: &str) -> Key {
    key(format!("AK#{hash}"), "K")
}

/// Makes a slug unique and points to its organization.
pub fn slug(slug: &str) -> Key {
    key(format!("SLUG#{slug}"), "O")
}

/// What is known about the payments of an organization.
pub fn billing_account(org: &OrgId) -> Key {
    key(tenant(org), "SUB")
}

/// Makes a customer at the payment provider unique and points to their organization.
pub fn billing_customer(customer: &str) -> Key {
    key(format!("SCUS#{customer}"), "O")
}

/// The last operation of one kind that an organization requested from the payment provider.
pub fn billing_operation(org: &OrgId, kind: &str) -> Key {
    key(tenant(org), format!("BILLOP#{kind}"))
}

/// Partition of the scheduled comparisons of subscriptions, one for each organization that pays.
pub const BILLING_CHECKS: &str = "BILLCHECK";

/// Lower bound of the comparisons that are due at this moment (milliseconds since the Unix epoch) or later.
pub fn billing_checks_before(now_ms: i64) -> String {
    format!("{now_ms:016}")
}

/// The scheduled comparison of the subscription of an organization. Sorts by due time.
pub fn billing_check(due_ms: i64, org: &OrgId) -> Key {
    let due = billing_checks_before(due_ms);
    key(BILLING_CHECKS.to_owned(), format!("{due}#{org}"))
}

/// What replaces the product's name and look in an organization's widgets and emails.
pub fn white_label(org: &OrgId) -> Key {
    key(tenant(org), "WHITELABEL")
}
