//! Organizations: the tenants that own all data.

use serde::{Deserialize, Serialize};

use unicode_normalization::UnicodeNormalization as _;

use crate::{Day, EntitlementOverrides, Entitlements, Error, OrgId, Overage, Result, Timestamp, UserId, WantedEvents};

/// Role inside an organization, in ascending order of privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrgRole {
    /// Uses the organization's resources and changes their own.
    #[serde(alias = "Member", alias = "MEMBER")]
    Member,
    /// Changes everything except ownership.
    #[serde(alias = "Admin", alias = "ADMIN")]
    Admin,
    /// Changes everything.
    #[serde(alias = "Owner", alias = "OWNER")]
    Owner,
}

impl OrgRole {
    /// Returns whether it is owner or admin.
    pub fn administers(self) -> bool {
        self >= Self::Admin
    }

    /// Returns whether this role may grant, change or revoke `other`. Only owners manage owners.
    pub fn may_manage(self, other: Self) -> bool {
        self.administers() && (self == Self::Owner || other != Self::Owner)
    }
}

/// Subscription plan, in ascending order of its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Plan {
    /// Free of charge.
    Free,
    /// For one professional.
    Pro,
    /// For a team.
    Team,
}

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Org {
    /// Its ID.
    pub id: OrgId,
    /// Display name.
    pub name: String,
    /// Unique short name, accepted in `X-Current-Org`.
    pub slug: String,
    /// Whether it was created at sign-up for one user.
    pub personal: bool,
    /// Current plan.
    pub plan: Plan,
    /// Limits and features that a platform admin has set for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<EntitlementOverrides>,
    /// What it wants to spend on tokens beyond the plan; nothing if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overage: Option<Overage>,
    /// IANA time zone in which its days and months start.
    pub time_zone: String,
    /// The day on which the time zone was last changed. It ends as planned, and the days of the new zone follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_day: Option<Day>,
    /// The model that answers instead when the remaining quota is less than the requested model may need.
    #[serde(default)]
    pub downgrade_model: Option<String>,
    /// Fallback models, in this order, for when the requested one cannot answer.
    #[serde(default)]
    pub fallback_models: Vec<String>,
    /// The model that transcribes scanned pages of documents. Without one they are not read.
    #[serde(default)]
    pub transcription_model: Option<String>,
    /// The model of a provider that makes the vectors of documents and of questions to them. Without one it is the
    /// built-in model, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_model: Option<String>,
    /// The events that its webhooks want.
    #[serde(default, skip_serializing_if = "WantedEvents::is_unset")]
    pub webhooks: WantedEvents,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Org {
    /// Minimum slug length, in bytes.
    pub const MIN_SLUG: usize = 3;
    /// Maximum slug length, in bytes.
    pub const MAX_SLUG: usize = 40;
    /// Regular expression for what [`parse_slug`] accepts, except for the length and the exclusion of IDs.
    pub const SLUG_PATTERN: &str = "^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$";
    /// Maximum name length, in characters.
    pub const MAX_NAME: usize = 100;
    /// Maximum model name length, in characters.
    pub const MAX_MODEL: usize = 100;
    /// Maximum number of fallback models.
    pub const MAX_FALLBACKS: usize = 5;

    /// Returns what the organization may use.
    pub fn entitlements(&self, now: Timestamp) -> Entitlements {
        self.entitlements_on(self.plan, now)
    }

    /// Returns what the organization could use on another plan.
    pub fn entitlements_on(&self, plan: Plan, now: Timestamp) -> Entitlements {
        Entitlements::resolve(plan, self.overrides.as_ref(), now)
    }

    /// Returns the day of `now`, by which the organization's limits are counted.
    ///
    /// # Errors
    /// Returns the errors of [`Day::of`].
    pub fn day(&self, now: Timestamp) -> Result<Day> {
        match &self.pinned_day {
            Some(pinned) => Day::after_change(now, &self.time_zone, pinned),
            None => Day::of(now, &self.time_zone),
        }
    }
}

/// Changes to an organization; absent fields stay unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrgChange {
    /// New name.
    pub name: Option<String>,
    /// New slug, checked by [`parse_slug`].
    pub slug: Option<String>,
    /// New time zone, checked by [`parse_time_zone`].
    pub time_zone: Option<String>,
    /// With a new time zone: the current day, which ends as planned ([`Org::pinned_day`]).
    pub pinned_day: Option<Day>,
    /// New model for when little quota remains; an empty name removes it.
    pub downgrade_model: Option<String>,
    /// New fallback models.
    pub fallback_models: Option<Vec<String>>,
    /// New model for scanned pages; an empty name removes it.
    pub transcription_model: Option<String>,
    /// New model for vectors; an empty name removes it.
    pub embedding_model: Option<String>,
}

/// A user's membership in an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The organization.
    pub org: OrgId,
    /// The user.
    pub member: UserId,
    /// Their role.
    pub role: OrgRole,
    /// When they joined.
    pub joined_at: Timestamp,
}

impl Membership {
    /// Returns whether the member may change what `author` created in the organization: their own, or anything as an
    /// owner or admin.
    pub fn may_change(&self, author: &UserId) -> bool {
        self.member == *author || self.role.administers()
    }
}

/// Parses a slug: 3 to 40 letters, digits and single inner hyphens, and not the format of an ID, so that
/// `X-Current-Org` accepts either. Slugs are stored in lower case.
///
/// # Errors
/// Returns [`Error::Invalid`] at `/slug`.
pub fn parse_slug(text: &str) -> Result<String> {
    let text = text.to_ascii_lowercase();
    let valid = (Org::MIN_SLUG..=Org::MAX_SLUG).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
        && uuid::Uuid::parse_str(&text).is_err();
    if valid {
        Ok(text)
    } else {
        Err(Error::invalid(
            "/slug",
            "must be 3 to 40 letters, digits and single inner hyphens",
        ))
    }
}

/// Returns a slug made from a name: letters without accents, all else as hyphens. `suffix` distinguishes slugs of equal
/// names, and is the slug of a name without Latin letters.
pub fn slug_of(name: &str, suffix: &str) -> String {
    let mut slug = String::new();
    for letter in name
        .nfkd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
    {
        let letter = letter.to_ascii_lowercase();
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let room = Org::MAX_SLUG - if suffix.is_empty() { 0 } else { suffix.len() + 1 };
    slug.truncate(room);
    let stem = slug.trim_matches('-');
    let slug = match (stem, suffix) {
        ("", suffix) => format!("org-{suffix}"),
        (stem, "") => stem.to_owned(),
        (stem, suffix) => format!("{stem}-{suffix}"),
    };
    // Too short, or the format of an ID: a prefix makes it a slug.
    parse_slug(&slug).unwrap_or_else(|_| {
        format!("org-{}", slug.trim_matches('-').replace('-', ""))
            .chars()
            .take(Org::MAX_SLUG)
            .collect()
    })
}

/// Checks the name of a time zone against the IANA database and returns it in the database's spelling.
///
/// # Errors
/// Returns [`Error::Invalid`] at `/time_zone`.
pub fn parse_time_zone(text: &str) -> Result<String> {
    let found = jiff::tz::TimeZone::get(text).ok();
    found
        .as_ref()
        .and_then(jiff::tz::TimeZone::iana_name)
        .map(str::to_owned)
        .ok_or_else(|| {
            let detail = "is not a time zone of the IANA database; use a name such as Europe/Berlin";
            Error::invalid("/time_zone", detail)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_managed_by_owners_only() {
        use OrgRole::{Admin, Member, Owner};
        for (role, other, may) in [
            (Owner, Owner, true),
            (Owner, Member, true),
            (Admin, Owner, false),
            (Admin, Admin, true),
            (Admin, Member, true),
            (Member, Member, false),
        ] {
            assert_eq!(role.may_manage(other), may, "{role:?} over {other:?}");
        }
    }

    #[test]
    fn every_name_gives_a_slug() {
        for (name, suffix, expected) in [
            ("My Company", "", "my-company"),
            ("Müller & Söhne!", "", "muller-sohne"),
            ("My Company", "2f", "my-company-2f"),
            ("株式会社", "2f9a", "org-2f9a"),
            ("AI", "", "org-ai"),
            ("  --  ", "2f9a", "org-2f9a"),
            (
                "01890a5d-ac96-774b-bcce-b302099a8057",
                "",
                "org-01890a5dac96774bbcceb302099a8057",
            ),
        ] {
            assert_eq!(slug_of(name, suffix), expected);
            assert!(parse_slug(expected).is_ok(), "{expected}");
        }
        let endless = slug_of(&"x".repeat(200), "2f9a");
        assert_eq!((endless.len(), endless.ends_with("-2f9a")), (40, true));
        assert!(parse_slug(&slug_of(&"ab ".repeat(40), "")).is_ok());
    }

    #[test]
    fn a_time_zone_is_one_of_the_iana_database() {
        assert_eq!(parse_time_zone("europe/berlin").ok().as_deref(), Some("Europe/Berlin"));
        assert_eq!(parse_time_zone("UTC").ok().as_deref(), Some("UTC"));
        for bad in ["", "Berlin", "+02:00", "../etc/passwd", "Mars/Olympus"] {
            assert!(parse_time_zone(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn roles_are_ordered_by_power() {
        assert!(OrgRole::Owner.administers() && OrgRole::Admin.administers() && !OrgRole::Member.administers());
    }

    #[test]
    fn slugs_are_plain() {
        assert!(parse_slug("my-company-2").is_ok());
        assert_eq!(parse_slug("My-Company").ok().as_deref(), Some("my-company"));
        for bad in [
            "ab",
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
