//! User accounts.

use serde::{Deserialize, Serialize};

use crate::{CredentialEpochs, Email, OrgId, Timestamp, UserId};

/// Platform-wide role, independent of the role inside an organization ([`crate::OrgRole`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PlatformRole {
    /// Uses the product.
    #[serde(alias = "User", alias = "USER")]
    User,
    /// Operates the platform.
    #[serde(alias = "Admin", alias = "ADMIN")]
    Admin,
}

/// Whether an account may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserStatus {
    /// May sign in.
    Active,
    /// Every credential is rejected.
    Disabled,
    /// Every credential is rejected permanently; the account's data is being removed.
    Deleted,
}

/// An account. The password hash is stored separately and never part of this type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The account's ID.
    pub id: UserId,
    /// Sign-in name and address for email.
    pub email: Email,
    /// Name shown to other users.
    pub name: String,
    /// Platform role.
    pub role: PlatformRole,
    /// Whether the account may sign in.
    pub status: UserStatus,
    /// The personal organization created at sign-up, used if a request does not specify one.
    pub personal_org: OrgId,
    /// Customer ID at Stripe, if billing is configured.
    pub stripe_customer_id: Option<String>,
    /// Whether the user confirmed an email to the address. Signing in does not require it.
    #[serde(default)]
    pub email_verified: bool,
    /// The account's new address once its user confirms the email sent to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_email: Option<PendingEmail>,
    /// Only sessions of this epoch are valid; incrementing it ends all of them in one write.
    #[serde(default)]
    pub session_epoch: u64,
    /// Up to which epoch its other credentials have ended.
    #[serde(default)]
    pub credentials: CredentialEpochs,
    /// Maximum number of LLM tokens per day; `None` until a limit is set. Stored here because every request reads the
    /// account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_limit: Option<u64>,
    /// The limit last set by a platform admin or a service, up to which the user can raise their own; `None` if none
    /// was set and the plan decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_daily_limit: Option<u64>,
    /// The name last reported by Clerk, if the account belongs to a Clerk user; `None` in accounts of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clerk_name: Option<ClerkName>,
    /// When the user signed up.
    pub created_at: Timestamp,
}

/// A new address that is not yet confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingEmail {
    /// The address.
    pub email: Email,
    /// It is discarded from this time on.
    pub expires_at: Timestamp,
}

/// The name that an account received from its Clerk user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClerkName {
    /// The name; empty if the account already had one.
    pub text: String,
    /// Whether it was generated because none was known.
    pub made_up: bool,
}

impl User {
    /// Maximum name length, in characters.
    pub const MAX_NAME: usize = 100;

    /// Returns the account's unconfirmed new address at `now`, if there is one.
    pub fn pending_email(&self, now: Timestamp) -> Option<&Email> {
        let pending = self.pending_email.as_ref().filter(|pending| now < pending.expires_at);
        pending.map(|pending| &pending.email)
    }

    /// Returns whether credentials of this account are accepted.
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }
}
