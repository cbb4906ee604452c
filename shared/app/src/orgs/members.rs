//! Members of an organization and their roles. The write itself rejects the removal of the last owner.

use std::collections::HashMap;

use domain::{
    Actor, Error, EventData, Invitation, InvitationId, Membership, OrgId, OrgRole, Page, PageRequest, Purge, Result,
    Timestamp, User, UserId, WebhookEvent,
    webhooks::data::{MemberEvent, RoleEvent},
};
use futures::future::BoxFuture;
use serde_json::json;
use store::{Memberships, OptimisticRetry, OrgWrite};

use crate::{
    App,
    audit::audit_event::AuditEvent,
    orgs::{NO_ORG, personal},
};

const NO_MEMBER: Error = Error::NotFound("member");
/// The error for an admin who tries to manage an owner.
pub(crate) const OWNER_REQUIRED: Error = Error::Forbidden {
    code: "owner_required",
    detail: "Only an owner can add, change or remove an owner.",
};

fn last_owner() -> Error {
    Error::conflict(
        "last_owner",
        "An organization must have at least one owner. Make someone else an owner first, or delete the organization.",
    )
}

/// The holder of a taken seat.
#[derive(Debug)]
pub enum SeatHolder {
    /// A member; the account is absent while it is being erased.
    Member(Membership, Option<Box<User>>),
    /// An invited person.
    Invited(Invitation),
}

impl SeatHolder {
    /// Returns a unique sort key, newest first, which a cursor contains.
    fn key(&self) -> String {
        let of = |at: &Timestamp, id: &str| format!("{:015}#{id}", at.as_millisecond());
        match self {
            Self::Member(membership, _) => of(&membership.joined_at, membership.member.as_str()),
            Self::Invited(invitation) => of(&invitation.created_at, invitation.id.as_str()),
        }
    }
}

impl App {
    /// Returns the members and invited people of an organization, newest first.
    pub fn members<'a>(&'a self, org: &'a OrgId, page: &'a PageRequest) -> BoxFuture<'a, Result<Page<SeatHolder>>> {
        Box::pin(async move {
            let members = self.store.orgs().members(org).await?;
            let invited = self.store.invitations().of_org(org).await?;
            let mut seats: Vec<SeatHolder> = members
                .into_iter()
                .map(|membership| SeatHolder::Member(membership, None))
                .collect();
            seats.extend(invited.into_iter().map(SeatHolder::Invited));
            let mut page = newest_first(seats, page);
            let ids: Vec<UserId> = page.items.iter().filter_map(member_of).collect();
            let accounts = self.store.accounts().get_many(&ids).await?.into_iter();
            let mut accounts: HashMap<_, _> = accounts.map(|user| (user.id.clone(), user)).collect();
            for seat in &mut page.items {
                if let SeatHolder::Member(membership, user) = seat {
                    *user = accounts.remove(&membership.member).map(Box::new);
                }
            }
            Ok(page)
        })
    }

    /// Returns a user's membership with their account.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if they are not a member.
    pub fn member<'a>(&'a self, org: &'a OrgId, user: &'a UserId) -> BoxFuture<'a, Result<SeatHolder>> {
        Box::pin(async move {
            let membership = self.store.accounts().membership(org, user).await?.ok_or(NO_MEMBER)?;
            let account = self.store.accounts().get_many(std::slice::from_ref(user)).await?.pop();
            Ok(SeatHolder::Member(membership, account.map(Box::new)))
        })
    }

    /// Changes a member's role.
    ///
    /// # Errors
    /// Returns [`Error::Forbidden`] `owner_required`; [`Error::Conflict`] `last_owner`; [`Error::Limit`] for a new
    /// owner who owns as many organizations as their plan allows.
    pub fn set_member_role<'a>(
        &'a self,
        by: &'a Membership,
        actor: &'a Actor,
        user: &'a UserId,
        role: OrgRole,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.shared_org(&by.org).await?;
            let mut retry = OptimisticRetry::to_change("an organization");
            loop {
                retry.next().await?;
                let before = self.membership(&by.org, user).await?;
                if !by.role.may_manage(before.role) || !by.role.may_manage(role) {
                    return Err(OWNER_REQUIRED);
                }
                if before.role == role {
                    return Ok(());
                }
                let promised = self.role_event(&before, role).await?;
                let event = AuditEvent::to_user("member.role_changed", user)
                    .before(json!({"role": before.role}))
                    .after(json!({ "role": role }))
                    .promise(promised);
                let entry = self.entry(actor, &by.org, event)?;
                let places = match role {
                    OrgRole::Owner => Some(self.places_of_new_owner(user).await?),
                    OrgRole::Admin | OrgRole::Member => None,
                };
                match self
                    .store
                    .orgs()
                    .set_role(&before, role, places.as_ref(), &entry)
                    .await?
                {
                    OrgWrite::Done => return Ok(()),
                    OrgWrite::LastOwner => return Err(last_owner()),
                    OrgWrite::Gone => return Err(NO_ORG),
                    _ => {}
                }
            }
        })
    }

    /// Removes a member. The list of members identifies an invited person by the invitation's ID, which withdraws it.
    ///
    /// # Errors
    /// Returns [`Error::Forbidden`] `owner_required`, [`Error::Conflict`] `last_owner`.
    pub fn remove_member<'a>(
        &'a self,
        by: &'a Membership,
        actor: &'a Actor,
        user: &'a UserId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.shared_org(&by.org).await?;
            let mut retry = OptimisticRetry::to_change("an organization");
            loop {
                retry.next().await?;
                let Some(membership) = self.store.accounts().membership(&by.org, user).await? else {
                    let invited = InvitationId(user.0.clone());
                    let revoked = self.revoke_invitation(by, actor, &invited).await;
                    return revoked.map_err(|error| match error {
                        Error::NotFound(_) => NO_MEMBER,
                        other => other,
                    });
                };
                if !by.role.may_manage(membership.role) {
                    return Err(OWNER_REQUIRED);
                }
                if self.remove_membership(&membership, actor, "member.removed").await? {
                    return Ok(());
                }
            }
        })
    }

    /// Leaves an organization.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `last_owner`, or `personal_org` for the user's own.
    pub fn leave_org<'a>(&'a self, user: &'a User, org: &'a OrgId, actor: &'a Actor) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if *org == user.personal_org {
                return Err(personal());
            }
            let mut retry = OptimisticRetry::to_change("an organization");
            loop {
                retry.next().await?;
                let membership = self.membership(org, &user.id).await?;
                if self.remove_membership(&membership, actor, "member.left").await? {
                    return Ok(());
                }
            }
        })
    }

    /// Leaves every organization except the personal one, as required before an account is deleted. Leaves none if the
    /// account is the last owner of any.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `last_owner`.
    pub fn leave_all_orgs<'a>(&'a self, user: &'a User, actor: &'a Actor) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut page = PageRequest {
                limit: PageRequest::MAX_LIMIT,
                after: None,
            };
            let mut left = Vec::new();
            loop {
                let places = self.store.orgs().places(&user.id, &page).await?;
                let ids: Vec<OrgId> = places
                    .items
                    .iter()
                    .map(|membership| membership.org_id.clone())
                    .collect();
                let found = self.store.orgs().get_many(&ids).await?;
                for membership in places.items {
                    let Some(org) = found.get(&membership.org_id) else {
                        continue;
                    };
                    if membership.role == OrgRole::Owner && org.owners == 1 {
                        return Err(last_owner());
                    }
                    left.push(membership.org_id);
                }
                page.after = places.next;
                if page.after.is_none() {
                    break;
                }
            }
            for org in left {
                match self.leave_org(user, &org, actor).await {
                    // Deleted in the meantime, or someone else removed them.
                    Ok(()) | Err(Error::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    }

    /// Transfers the ownership to another member, who becomes an owner while the caller becomes an admin.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `already_owner` or `personal_org`, or [`Error::Limit`] if they own as many
    /// organizations as their plan allows.
    pub fn transfer_org<'a>(
        &'a self,
        by: &'a Membership,
        actor: &'a Actor,
        to: &'a UserId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.shared_org(&by.org).await?;
            let mut retry = OptimisticRetry::to_change("an organization");
            loop {
                retry.next().await?;
                let from = self.membership(&by.org, &by.member).await?;
                let heir = self.membership(&by.org, to).await?;
                if from.role != OrgRole::Owner {
                    return Err(OWNER_REQUIRED);
                }
                if heir.role == OrgRole::Owner {
                    let detail = "This member is already an owner. Change your own role, or leave.";
                    return Err(Error::conflict("already_owner", detail));
                }
                let event = AuditEvent::to_user("org.transferred", to)
                    .before(json!({"owner": from.member, "role": heir.role}))
                    .after(json!({"owner": heir.member, "role": OrgRole::Admin}))
                    .promise(self.role_event(&heir, OrgRole::Owner).await?);
                let entry = self.entry(actor, &by.org, event)?;
                let places = self.places_of_new_owner(to).await?;
                match self.store.orgs().transfer(&from, &heir, &places, &entry).await? {
                    OrgWrite::Done => return Ok(()),
                    OrgWrite::Gone => return Err(NO_ORG),
                    _ => {}
                }
            }
        })
    }

    async fn places_of_new_owner(&self, user: &UserId) -> Result<Memberships> {
        let account = self.store.accounts().get(user).await?.ok_or(NO_MEMBER)?;
        if !account.is_active() {
            let detail = "The account of this member is disabled. Choose another member.";
            return Err(Error::conflict("account_disabled", detail));
        }
        self.memberships_within_org_limit(&account).await
    }

    /// Rejects a personal organization: its owner remains its only member.
    async fn shared_org(&self, org: &OrgId) -> Result<()> {
        let found = self.store.orgs().get(org).await?.ok_or(NO_ORG)?;
        if found.org.personal { Err(personal()) } else { Ok(()) }
    }

    /// Returns the event of a changed role.
    async fn role_event(&self, before: &Membership, role: OrgRole) -> Result<Option<Box<WebhookEvent>>> {
        let data = EventData::MemberRoleChanged(RoleEvent {
            user_id: before.member.clone(),
            role,
            previous_role: before.role,
        });
        let occurrence = format!("{} {}", before.member, self.clock.now());
        self.event(&before.org, data, &occurrence).await
    }

    async fn membership(&self, org: &OrgId, user: &UserId) -> Result<Membership> {
        self.store.accounts().membership(org, user).await?.ok_or(NO_MEMBER)
    }

    /// Removes a membership; returns `false` if its role was changed or it was removed concurrently.
    async fn remove_membership(&self, membership: &Membership, actor: &Actor, action: &str) -> Result<bool> {
        let data = EventData::MemberRemoved(MemberEvent {
            user_id: membership.member.clone(),
            role: membership.role,
        });
        let occurrence = format!("{} {}", membership.member, membership.joined_at);
        let event = AuditEvent::to_user(action, &membership.member)
            .before(json!({"role": membership.role}))
            .promise(self.event(&membership.org, data, &occurrence).await?);
        let entry = self.entry(actor, &membership.org, event)?;
        match self.store.orgs().remove(membership, self.clock.now(), &entry).await? {
            OrgWrite::Done => {
                let (org_id, user_id) = (membership.org.clone(), membership.member.clone());
                self.queue_purge(&Purge::Member { org_id, user_id }).await;
                self.seats_changed(&membership.org).await;
                Ok(true)
            }
            OrgWrite::Changed => Ok(false),
            OrgWrite::LastOwner => Err(last_owner()),
            _ => Err(NO_ORG),
        }
    }
}

fn member_of(seat: &SeatHolder) -> Option<UserId> {
    match seat {
        SeatHolder::Member(membership, _) => Some(membership.member.clone()),
        SeatHolder::Invited(_) => None,
    }
}

/// Returns one page of seats. The plan limits their number, so they are sorted in memory.
fn newest_first(mut seats: Vec<SeatHolder>, wanted: &PageRequest) -> Page<SeatHolder> {
    seats.sort_by_cached_key(|seat| std::cmp::Reverse(seat.key()));
    if let Some(after) = &wanted.after {
        seats.retain(|seat| seat.key() < *after);
    }
    let more = seats.len() > usize::from(wanted.limit);
    seats.truncate(wanted.limit.into());
    Page {
        next: seats.last().filter(|_| more).map(SeatHolder::key),
        items: seats,
    }
}
