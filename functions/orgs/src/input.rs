//! Request bodies and parameters.

use app::NewOrg as OrgToCreate;
use domain::{
    Email, Error, InvitationId, Org, OrgChange, OrgRole, Secret, UserId,
    orgs::org::{parse_slug, parse_time_zone},
};
use garde::Validate;
use http_api::readable_name;
use schemars::JsonSchema;
use serde::Deserialize;

/// A new organization.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewOrg {
    /// Display name.
    #[garde(length(chars, max = Org::MAX_NAME), custom(readable_name))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    name: String,
    /// Unique short name: 3 to 40 letters, digits and single hyphens inside; derived from the name if
    /// omitted.
    #[garde(skip)]
    #[schemars(length(min = Org::MIN_SLUG, max = Org::MAX_SLUG), regex(pattern = Org::SLUG_PATTERN))]
    slug: Option<String>,
    /// IANA time zone that determines when its days begin; UTC if omitted.
    #[garde(skip)]
    time_zone: Option<String>,
}

/// A change of an organization.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct OrgPatch {
    /// New name.
    #[garde(length(chars, max = Org::MAX_NAME), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    name: Option<String>,
    /// New unique short name; the old one becomes available to others.
    #[garde(skip)]
    #[schemars(length(min = Org::MIN_SLUG, max = Org::MAX_SLUG), regex(pattern = Org::SLUG_PATTERN))]
    slug: Option<String>,
    /// New IANA time zone.
    #[garde(skip)]
    time_zone: Option<String>,
    /// The model that answers if a token limit leaves less than the requested model may need, with as long an answer as
    /// fits; an empty string for none.
    #[garde(length(chars, max = Org::MAX_MODEL))]
    downgrade_model: Option<String>,
    /// Models that answer, in this order, if the requested one is unavailable; replaces the current list.
    #[garde(length(max = Org::MAX_FALLBACKS), inner(inner(length(chars, min = 1, max = Org::MAX_MODEL))))]
    #[schemars(inner(length(min = 1, max = Org::MAX_MODEL)))]
    fallback_models: Option<Vec<String>>,
    /// The model that transcribes scanned pages of documents, which must accept images; its tokens count for the user who
    /// uploaded the document. An empty string for none: then such documents fail as `scanned`.
    #[garde(length(chars, max = Org::MAX_MODEL))]
    transcription_model: Option<String>,
    /// The model of a provider that makes the vectors of documents, such as `text-embedding-3-small`, and of the questions
    /// to them; its tokens count for the user who uploaded the document or asks. It applies to documents that are indexed
    /// from then on; `POST /documents/embed` has it make the vectors of the others, and says before how many tokens that
    /// takes. Until then those are found by their words, and by the built-in model's vectors if they have some. An empty
    /// string for none: the built-in model, if there is one.
    #[garde(length(chars, max = Org::MAX_MODEL))]
    embedding_model: Option<String>,
}

/// Checks both fields, so that one response lists all errors.
fn checked(slug: Option<&str>, time_zone: Option<&str>) -> domain::Result<(Option<String>, Option<String>)> {
    let slug = slug.map(parse_slug).transpose();
    let time_zone = time_zone.map(parse_time_zone).transpose();
    match (slug, time_zone) {
        (Ok(slug), Ok(time_zone)) => Ok((slug, time_zone)),
        (Err(Error::Invalid(mut slug)), Err(Error::Invalid(time_zone))) => {
            slug.extend(time_zone);
            Err(Error::Invalid(slug))
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

impl NewOrg {
    pub(crate) fn into_new_org(self) -> domain::Result<OrgToCreate> {
        let given = self.slug.as_deref().filter(|slug| !slug.is_empty());
        let (slug, time_zone) = checked(given, self.time_zone.as_deref())?;
        Ok(OrgToCreate {
            name: self.name.trim().to_owned(),
            slug,
            time_zone,
        })
    }
}

impl OrgPatch {
    pub(crate) fn into_change(self) -> domain::Result<OrgChange> {
        let (slug, time_zone) = checked(self.slug.as_deref(), self.time_zone.as_deref())?;
        Ok(OrgChange {
            name: self.name.map(|name| name.trim().to_owned()),
            slug,
            time_zone,
            pinned_day: None,
            downgrade_model: self.downgrade_model.map(|name| name.trim().to_owned()),
            fallback_models: self.fallback_models,
            transcription_model: self.transcription_model.map(|name| name.trim().to_owned()),
            embedding_model: self.embedding_model.map(|name| name.trim().to_owned()),
        })
    }
}

/// A change of a member.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct MemberPatch {
    /// New role.
    #[garde(skip)]
    pub(crate) role: OrgRole,
}

/// A person to invite.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewInvitation {
    /// Email address that receives the invitation; only an account with this address can accept it.
    #[garde(skip)]
    #[schemars(email, length(max = Email::MAX_BYTES))]
    pub(crate) email: String,
    /// Role of the new member; `member` if omitted.
    #[garde(skip)]
    pub(crate) role: Option<OrgRole>,
}

/// The new owner.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "OwnershipTransfer")]
pub(crate) struct NewOwner {
    /// User ID of a member.
    #[garde(skip)]
    pub(crate) user_id: UserId,
}

/// The token of an invitation.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "InvitationToken")]
pub(crate) struct Token {
    /// From the email.
    #[garde(skip)]
    pub(crate) token: Secret,
}

/// The parameter `{user_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct MemberPath {
    /// ID of a user, or `me`.
    user_id: UserId,
}

impl MemberPath {
    /// Returns the user ID, given that `caller` sent the request.
    pub(crate) fn user(self, caller: &UserId) -> UserId {
        if self.user_id.as_str() == "me" {
            caller.clone()
        } else {
            UserId(self.user_id.0.to_ascii_lowercase())
        }
    }
}

/// The parameter `{invitation_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct InvitationPath {
    pub(crate) invitation_id: InvitationId,
}
