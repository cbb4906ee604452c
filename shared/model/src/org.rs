//! Organizations: the tenants. Everything belongs to one.

use serde::{Deserialize, Serialize};

use crate::{Error, OrgId, Result, Timestamp, UserId};

/// Role inside an organization, in rising order of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrgRole {
    /// Uses what the organization has, and changes what is their own.
    Member,
    /// Changes everything but the ownership.
    Admin,
    /// Everything.
    Owner,
}

impl OrgRole {
    /// Owner or admin.
    pub fn administers(self) -> bool {
        self >= Self::Admin
    }
}

/// Subscription plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Plan {
    /// At no charge.
    Free,
    /// For one professional.
    Pro,
    /// For a team.
    Team,
}

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// Name shown to people.
    pub name: String,
    /// Unique short name, usable in `X-Current-Org`.
    pub slug: String,
    /// Made at sign-up for one person.
    pub personal: bool,
    /// Current plan.
    pub plan: Plan,
    /// IANA time zone in which its days and months begin.
    pub time_zone: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A person's place in an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The organization.
    pub org: OrgId,
    /// The person.
    pub member: UserId,
    /// What they may do there.
    pub role: OrgRole,
    /// Since when.
    pub joined_at: Timestamp,
}

/// Checks a slug: 3 to 40 lower-case letters, digits and single inner hyphens, and not the shape of an id, so
/// that `X-Current-Org` can take either.
///
/// # Errors
/// [`Error::Invalid`] at `/slug`.
pub fn parse_slug(text: &str) -> Result<String> {
    let valid = (3..=40).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
        && uuid::Uuid::parse_str(text).is_err();
    if valid {
        Ok(text.to_owned())
    } else {
        Err(Error::invalid(
            "/slug",
            "has to be 3 to 40 lower-case letters, digits and single hyphens inside",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_by_power() {
        assert!(OrgRole::Owner.administers() && OrgRole::Admin.administers() && !OrgRole::Member.administers());
    }

    #[test]
    fn slugs_are_plain() {
        assert!(parse_slug("my-company-2").is_ok());
        for bad in [
            "ab",
            "My",
            "a--b",
            "-ab",
            "ab-",
            "ümlaut",
            &"x".repeat(41),
            "01890a5d-ac96-774b-bcce-b302099a8057",
        ] {
            assert!(parse_slug(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
