//! Organizations, members and invitations as clients see them.

use app::{InvitedTo, OwnOrg, SeatHolder};
use domain::{Invitation, OrgRole, Plan, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// An organization, as the caller belongs to it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OrgView {
    id: String,
    name: String,
    /// Unique short name, usable wherever the id is.
    slug: String,
    /// Made at sign-up for one person.
    personal: bool,
    /// The caller's role.
    role: OrgRole,
    plan: Plan,
    /// IANA time zone in which its days begin.
    time_zone: String,
    /// Since when its days begin there: the day on which it was changed keeps its end. Null if it never was.
    time_zone_since: Option<Timestamp>,
    /// The model that answers instead of another one when little is left of a limit on tokens.
    downgrade_model: Option<String>,
    /// Models that answer, in this order, when the one that was asked for cannot.
    fallback_models: Vec<String>,
    seats: SeatsView,
    created_at: Timestamp,
}

/// Seats of an organization.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SeatsView {
    /// Members and invitations that are not answered.
    used: u32,
    /// What the plan allows.
    limit: u32,
}

impl From<OwnOrg> for OrgView {
    fn from(own: OwnOrg) -> Self {
        let OwnOrg { org, role, seats } = own;
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
            fallback_models: org.fallback_models,
            seats: SeatsView {
                used: seats,
                limit: org.plan.limits().seats,
            },
            created_at: org.created_at,
        }
    }
}

/// Whether somebody belongs to the organization yet.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MemberStatus {
    /// They do.
    Active,
    /// They have not answered.
    Invited,
    /// They did not answer in time; sending the invitation again helps.
    Expired,
}

/// A membership, or the invitation to one.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MemberView {
    /// The user's id; of an invited one the invitation's.
    id: String,
    org_id: String,
    /// Null until the invitation is accepted.
    user_id: Option<String>,
    /// Null while the account is being erased.
    email: Option<String>,
    /// Null for invited ones.
    name: Option<String>,
    role: OrgRole,
    status: MemberStatus,
    /// When they joined, or were invited.
    created_at: Timestamp,
    /// Null until the invitation is accepted.
    joined_at: Option<Timestamp>,
    /// When the invitation ends; null for members.
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
    /// It can.
    Pending,
    /// Not any more; sending it again helps.
    Expired,
}

/// An invitation. Its token is in the mail alone.
#[derive(Serialize, JsonSchema)]
pub(crate) struct InvitationView {
    id: String,
    org_id: String,
    email: String,
    role: OrgRole,
    status: InvitationStatus,
    /// Id of the user who invited last.
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
    /// Null until the own address is verified.
    org_name: Option<String>,
    /// Null until the own address is verified.
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
