//! A person's account.

use serde::{Deserialize, Serialize};

use crate::{CredentialEpochs, Email, OrgId, Timestamp, UserId};

/// Platform-wide role. It is separate from the role inside an organization ([`crate::OrgRole`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PlatformRole {
    /// Uses the product.
    #[serde(alias = "User", alias = "USER")]
    User,
    /// Runs the platform.
    #[serde(alias = "Admin", alias = "ADMIN")]
    Admin,
}

/// Whether an account may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserStatus {
    /// May sign in.
    Active,
    /// Every credential is refused.
    Disabled,
    /// Every credential is refused for good; what belonged to the account is being removed.
    Deleted,
}

/// An account. The password hash is stored apart from it and never part of this type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Whose account this is.
    pub id: UserId,
    /// Sign-in name and address for email.
    pub email: Email,
    /// Name shown to others.
    pub name: String,
    /// Platform role.
    pub role: PlatformRole,
    /// Whether the account may sign in.
    pub status: UserStatus,
    /// The personal organization made at sign-up, used when a request names none.
    pub personal_org: OrgId,
    /// Customer ID at Stripe, once billing is configured.
    pub stripe_customer_id: Option<String>,
    /// Whether an email to the address was answered. Signing in does not need it.
    #[serde(default)]
    pub email_verified: bool,
    /// The address that the account gets once its person answers the email to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_email: Option<PendingEmail>,
    /// Only sessions of this epoch are valid: raising it ends all of them in one write.
    #[serde(default)]
    pub session_epoch: u64,
    /// Up to which point its other credentials have ended.
    #[serde(default)]
    pub credentials: CredentialEpochs,
    /// Most LLM tokens in a day; none until someone sets a limit. Kept here, where every request reads it anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_limit: Option<u64>,
    /// The limit that a platform admin or a service set last, up to which the person may raise their own; none when
    /// no one did, and the plan decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_daily_limit: Option<u64>,
    /// The name that Clerk said last, where the account is that of a person there; none in those of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clerk_name: Option<ClerkName>,
    /// Sign-up.
    pub created_at: Timestamp,
}

/// An address that an account is to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingEmail {
    /// The address.
    pub email: Email,
    /// From here on it is forgotten.
    pub expires_at: Timestamp,
}

/// The name that an account got because of its person at Clerk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClerkName {
    /// The name; empty when the account had one before.
    pub text: String,
    /// Whether it was made up because none was known.
    pub made_up: bool,
}

impl User {
    /// Longest name, in characters.
    pub const MAX_NAME: usize = 100;

    /// The address that the account is to have at `now`, if there is one.
    pub fn pending_email(&self, now: Timestamp) -> Option<&Email> {
        let pending = self.pending_email.as_ref().filter(|pending| now < pending.expires_at);
        pending.map(|pending| &pending.email)
    }

    /// Whether credentials of this account are accepted.
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }
}
