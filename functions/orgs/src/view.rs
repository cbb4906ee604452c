//! Organizations, members and invitations as clients see them.

use app::{InvitedTo, OwnOrg, SeatHolder};
use domain::{Invitation, OrgRole, Plan, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// An organization as the caller sees it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OrgView {
    id: String,
    name: String,
    /// Unique short name, accepted wherever the ID is.
    slug: String,
    /// Whether it was created at sign-up for one user.
    personal: bool,
    /// The caller's role.
    role: OrgRole,
    plan: Plan,
    /// IANA time zone that determines when its days begin.
    time_zone: String,
    /// When days began to follow this time zone: the day of a change ends as before. Null if it never changed.
    time_zone_since: Option<Timestamp>,
    /// The model that answers if little is left of a token limit.
    downgrade_model: Option<String>,
    /// The model that transcribes scanned pages of documents, if any.
    transcription_model: Option<String>,
    /// The model of a provider that makes the vectors of documents, if one is chosen.
    embedding_model: Option<String>,
    /// Models that answer, in this order, if the requested one is unavailable.
    fallback_models: Vec<String>,
    seats: SeatsView,
    created_at: Timestamp,
}

/// Seats of an organization.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SeatsView {
    /// Members and pending invitations.
    used: u32,
    /// Maximum number: the plan's, or what the operator has set for the organization.
    limit: u32,
}

impl From<OwnOrg> for OrgView {
    fn from(own: OwnOrg) -> Self {
        let OwnOrg {
            org,
            role,
            seats,
            seat_limit,
        } = own;
        Self {
            id: org.id.0,
            name: org.name,
            slug: org.slug,
            personal: org.personal,
            role,
            plan: org.plan,
            time_zone: org.time_zone,
            time_zone_since: org.pinned_day.map(|day| day.ends_at),
            downgrade_model: org.downgrade_model,
            transcription_model: org.transcription_model,
            embedding_model: org.embedding_model,
            fallback_models: org.fallback_models,
            seats: SeatsView {
                used: seats,
                limit: seat_limit,
            },
            created_at: org.created_at,
        }
    }
}

/// Whether a person is a member yet.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MemberStatus {
    /// A member.
    Active,
    /// The invitation is pending.
    Invited,
    /// The invitation has expired; resend it to renew it.
    Expired,
}

/// A membership, or an invitation to one.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MemberView {
    /// ID of the user, or of the invitation if it is not accepted yet.
    id: String,
    org_id: String,
    /// Null until the invitation is accepted.
    user_id: Option<String>,
    /// Null while the account is being erased.
    email: Option<String>,
    /// Null for invited people.
    name: Option<String>,
    role: OrgRole,
    status: MemberStatus,
    /// When the member joined, or was invited.
    created_at: Timestamp,
    /// Null until the invitation is accepted.
    joined_at: Option<Timestamp>,
    /// When the invitation expires; null for members.
    expires_at: Option<Timestamp>,
}

impl MemberView {
    pub(crate) fn new(seat: SeatHolder, now: Timestamp) -> Self {
        match seat {
            SeatHolder::Member(membership, user) => Self {
                id: membership.member.0.clone(),
                org_id: membership.org.0,
                user_id: Some(membership.member.0),
                email: user.as_ref().map(|user| user.email.to_string()),
                name: user.map(|user| user.name),
                role: membership.role,
                status: MemberStatus::Active,
                created_at: membership.joined_at,
                joined_at: Some(membership.joined_at),
                expires_at: None,
            },
            SeatHolder::Invited(invitation) => Self {
                status: if invitation.is_expired(now) {
                    MemberStatus::Expired
                } else {
                    MemberStatus::Invited
                },
                id: invitation.id.0,
                org_id: invitation.org.0,
                user_id: None,
                email: Some(invitation.email.to_string()),
                name: None,
                role: invitation.role,
                created_at: invitation.created_at,
                joined_at: None,
                expires_at: Some(invitation.expires_at),
            },
        }
    }
}

/// Whether an invitation can be accepted.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum InvitationStatus {
    /// It can be accepted.
    Pending,
    /// It has expired; resend it to renew it.
    Expired,
}

/// An invitation. Only the email contains its token.
#[derive(Serialize, JsonSchema)]
pub(crate) struct InvitationView {
    id: String,
    org_id: String,
    email: String,
    role: OrgRole,
    status: InvitationStatus,
    /// ID of the user who sent it last.
    invited_by: String,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl InvitationView {
    pub(crate) fn new(invitation: Invitation, now: Timestamp) -> Self {
        Self {
            status: if invitation.is_expired(now) {
                InvitationStatus::Expired
            } else {
                InvitationStatus::Pending
            },
            id: invitation.id.0,
            org_id: invitation.org.0,
            email: invitation.email.to_string(),
            role: invitation.role,
            invited_by: invitation.invited_by.0,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

/// An invitation as the invited person sees it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct InvitedToView {
    id: String,
    org_id: String,
    /// Null until the user's own email address is verified.
    org_name: Option<String>,
    /// Null until the user's own email address is verified.
    org_slug: Option<String>,
    role: OrgRole,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl From<InvitedTo> for InvitedToView {
    fn from(found: InvitedTo) -> Self {
        let InvitedTo { invitation, org } = found;
        Self {
            id: invitation.id.0,
            org_id: invitation.org.0,
            org_slug: org.as_ref().map(|org| org.slug.clone()),
            org_name: org.map(|org| org.name),
            role: invitation.role,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}
