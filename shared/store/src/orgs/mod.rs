//! Organizations and their members.
//!
//! A membership is two items written together: one in the organization's partition, one in the user's. The
//! organization counts its owners and its seats (members and pending invitations), and every change of a membership
//! changes the counters in the same transaction: the write itself refuses to exceed a limit.

pub(crate) mod entitlements;
pub(crate) mod invitations;
pub(crate) mod resource_counts;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, builders::UpdateBuilder};
use domain::{
    AuditEntry, Membership, Org, OrgChange, OrgId, OrgRole, Page, PageRequest, Purge, Result, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Memberships, Store, keys,
    table::changes::Changes,
    table::item::{Item, Transaction, from_item, n, part, s, to_item, value},
};

/// Attribute of a deleted organization: the time of deletion.
pub(crate) const DELETED_AT: &str = "deleted_at";
/// Condition that an organization exists and was not deleted.
pub(crate) const ALIVE: &str = "attribute_exists(pk) AND attribute_not_exists(deleted_at)";

/// Organizations and their members.
#[derive(Debug, Clone)]
pub struct Orgs(Store);

/// An organization with its counters.
#[derive(Debug, Clone)]
pub struct OrgFound {
    /// The organization.
    pub org: Org,
    /// Number of owners.
    pub owners: u32,
    /// Number of members and pending invitations.
    pub seats: u32,
}

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrgWrite {
    /// The change was written.
    Done,
    /// Not written: another request changed the same data first; read again.
    Changed,
    /// Not written: the organization would have no owner.
    LastOwner,
    /// Not written: another organization has the slug.
    SlugTaken,
    /// Not written: the plan has no free seat.
    Full,
    /// Not written: the organization was deleted, or the account is no longer active.
    Gone,
}

/// A user's membership in an organization, as listed for the user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserMembership {
    // Not `org` and `member`: those names would add an entry to the index `orgs_by_user`.
    /// The organization.
    pub org_id: OrgId,
    /// The user's role there.
    pub role: OrgRole,
    /// When the user joined.
    pub joined_at: Timestamp,
}

#[derive(Deserialize)]
struct Counters {
    /// A personal organization has one owner and one seat, and stores neither counter.
    #[serde(default = "one")]
    owners: u32,
    #[serde(default = "one")]
    seats: u32,
}

fn one() -> u32 {
    1
}

#[derive(Serialize)]
struct SlugOwner<'a> {
    org: &'a OrgId,
}

impl Store {
    /// Returns access to organizations and their members.
    pub fn orgs(&self) -> Orgs {
        Orgs(self.clone())
    }
}

fn parse(item: Item) -> Result<Option<OrgFound>> {
    if item.contains_key(DELETED_AT) {
        return Ok(None);
    }
    let Counters { owners, seats } = from_item(item.clone())?;
    let org = from_item(item)?;
    Ok(Some(OrgFound { org, owners, seats }))
}

pub(crate) fn place_item(membership: &Membership) -> Result<Item> {
    let place = UserMembership {
        org_id: membership.org.clone(),
        role: membership.role,
        joined_at: membership.joined_at,
    };
    to_item(&keys::place(&membership.member, &membership.org), &place)
}

impl Orgs {
    /// Creates an organization with its first owner, provided the owner's memberships are as they were read. Returns
    /// [`OrgWrite::SlugTaken`] or [`OrgWrite::Changed`] if it was not created.
    pub async fn create(
        &self,
        org: &Org,
        owner: &Membership,
        places: &Memberships,
        entry: &AuditEntry,
    ) -> Result<OrgWrite> {
        let table = self.0.identity();
        let mut item = to_item(&keys::org(&org.id), org)?;
        item.insert("owners".to_owned(), n(1));
        item.insert("seats".to_owned(), n(1));
        let parts = vec![
            table.part_put_new(to_item(&keys::slug(&org.slug), &SlugOwner { org: &org.id })?)?,
            self.0.count_membership(&owner.member, Some(places))?,
            table.part_put_new(item)?,
            table.part_put_new(to_item(&keys::membership(&owner.org, &owner.member), owner)?)?,
            table.part_put_new(place_item(owner)?)?,
        ];
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => OrgWrite::Done,
            Transaction::Refused(0) => OrgWrite::SlugTaken,
            Transaction::Refused(_) => OrgWrite::Changed,
        })
    }

    /// Returns an organization that was not deleted.
    pub async fn get(&self, org: &OrgId) -> Result<Option<OrgFound>> {
        let item = self.0.identity().get_raw(keys::org(org), true).await?;
        item.map_or(Ok(None), parse)
    }

    /// Returns those among `ids` (at most 100) that were not deleted, by ID.
    pub async fn get_many(&self, ids: &[OrgId]) -> Result<HashMap<OrgId, OrgFound>> {
        let keys: Vec<_> = ids.iter().map(keys::org).collect();
        let mut found = HashMap::with_capacity(ids.len());
        for item in self.0.identity().get_many(&keys).await? {
            if let Some(org) = parse(item)? {
                found.insert(org.org.id.clone(), org);
            }
        }
        Ok(found)
    }

    /// Lists a user's memberships, except in the personal organization, newest organization first.
    pub async fn places(&self, user: &UserId, page: &PageRequest) -> Result<Page<UserMembership>> {
        let all = crate::table::item::ListFilter::default();
        let found = self
            .0
            .identity()
            .list(keys::user(user), keys::PLACES, page, all)
            .await?;
        let items = found.items.into_iter().map(from_item).collect::<Result<_>>()?;
        Ok(Page {
            items,
            next: found.next,
        })
    }

    /// Returns all members of an organization; the plan bounds their number.
    pub async fn members(&self, org: &OrgId) -> Result<Vec<Membership>> {
        self.0.identity().all_below(&keys::tenant(org), keys::MEMBERS).await
    }

    /// Changes an organization. `before` is the organization as it was read.
    pub async fn update(&self, before: &Org, change: &OrgChange, entry: &AuditEntry) -> Result<OrgWrite> {
        let table = self.0.identity();
        // The pinned day is the one in the time zone that was read.
        let mut condition = format!("{ALIVE} AND slug = :old_slug");
        let mut update = table
            .part_update(&keys::org(&before.id))
            .expression_attribute_values(":old_slug", s(&before.slug));
        if change.pinned_day.is_some() {
            condition.push_str(" AND time_zone = :old_zone");
            update = update.expression_attribute_values(":old_zone", s(&before.time_zone));
        }
        let model = |name: &Option<String>| {
            name.as_ref().map(|name| match name.as_str() {
                "" => AttributeValue::Null(true),
                name => s(name),
            })
        };
        let changes = Changes::default()
            .set_if("name", change.name.as_ref().map(s))
            .set_if("slug", change.slug.as_ref().map(s))
            .set_if("time_zone", change.time_zone.as_ref().map(s))
            .set_if("pinned_day", change.pinned_day.as_ref().map(value).transpose()?)
            .set_if("downgrade_model", model(&change.downgrade_model))
            .set_if("transcription_model", model(&change.transcription_model))
            .set_if("embedding_model", model(&change.embedding_model))
            .set_if(
                "fallback_models",
                change.fallback_models.as_ref().map(value).transpose()?,
            );
        let mut parts = vec![part(changes.on(update.condition_expression(condition)))?];
        if let Some(slug) = change.slug.as_ref().filter(|slug| **slug != before.slug) {
            parts.push(table.part_put_new(to_item(&keys::slug(slug), &SlugOwner { org: &before.id })?)?);
            parts.push(table.part_delete(&keys::slug(&before.slug), Some(("org", s(before.id.as_str()))))?);
        }
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => OrgWrite::Done,
            Transaction::Refused(1) => OrgWrite::SlugTaken,
            Transaction::Refused(_) => OrgWrite::Changed,
        })
    }

    /// Deletes a shared organization: it is invisible at once, its slug is free, and an outbox entry has its content
    /// removed.
    pub async fn delete(&self, org: &Org, now: Timestamp, entry: &AuditEntry) -> Result<OrgWrite> {
        let table = self.0.identity();
        let tombstone = table
            .part_update(&keys::org(&org.id))
            .update_expression("SET deleted_at = :now")
            .condition_expression(format!("{ALIVE} AND slug = :slug AND personal = :personal"))
            .expression_attribute_values(":now", s(now.to_string()))
            .expression_attribute_values(":slug", s(&org.slug))
            .expression_attribute_values(":personal", value(&false)?);
        let purge = Purge::Org { org_id: org.id.clone() };
        let parts = vec![
            part(tombstone)?,
            table.part_delete(&keys::slug(&org.slug), Some(("org", s(org.id.as_str()))))?,
            self.0.part_purge_entry(&purge, now.as_millisecond())?,
        ];
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => OrgWrite::Done,
            Transaction::Refused(_) => OrgWrite::Changed,
        })
    }

    /// Changes the role of a member. `before` is the membership as it was read, and `places` are all memberships, as
    /// they were read, of a member who becomes an owner.
    pub async fn set_role(
        &self,
        before: &Membership,
        role: OrgRole,
        places: Option<&Memberships>,
        entry: &AuditEntry,
    ) -> Result<OrgWrite> {
        let mut parts = self.role_parts(before, role)?;
        parts.push(part(self.counters(before, Some(role)))?);
        if let Some(places) = places {
            parts.push(self.0.count_membership(&before.member, Some(places))?);
        }
        Ok(settled(self.0.transact_audited(entry, parts).await?, 2, before))
    }

    /// Makes `to` an owner and `from`, an owner, an admin. Both are memberships as they were read; `to` is not an
    /// owner, and `places` are all memberships of the same user.
    pub async fn transfer(
        &self,
        from: &Membership,
        to: &Membership,
        places: &Memberships,
        entry: &AuditEntry,
    ) -> Result<OrgWrite> {
        let mut parts = self.role_parts(from, OrgRole::Admin)?;
        parts.extend(self.role_parts(to, OrgRole::Owner)?);
        // One owner replaces another: the counter stays, and no other change can happen in between.
        let unchanged = self
            .0
            .identity()
            .part_update(&keys::org(&from.org))
            .update_expression("SET owners = owners + :none")
            .condition_expression(ALIVE)
            .expression_attribute_values(":none", n(0));
        parts.push(part(unchanged)?);
        parts.push(self.0.count_membership(&to.member, Some(places))?);
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => OrgWrite::Done,
            Transaction::Refused(4) => OrgWrite::Gone,
            Transaction::Refused(_) => OrgWrite::Changed,
        })
    }

    /// Removes a member. `before` is the membership as it was read.
    pub async fn remove(&self, before: &Membership, now: Timestamp, entry: &AuditEntry) -> Result<OrgWrite> {
        let table = self.0.identity();
        let role = ("role", value(&before.role)?);
        let own = Purge::Member {
            org_id: before.org.clone(),
            user_id: before.member.clone(),
        };
        let parts = vec![
            table.part_delete(&keys::membership(&before.org, &before.member), Some(role))?,
            table.part_delete(&keys::place(&before.member, &before.org), None)?,
            part(self.counters(before, None))?,
            // The member's own resources in the organization are removed too.
            self.0.part_purge_entry(&own, now.as_millisecond())?,
        ];
        Ok(settled(self.0.transact_audited(entry, parts).await?, 2, before))
    }

    fn role_parts(&self, before: &Membership, role: OrgRole) -> Result<Vec<TransactWriteItem>> {
        let table = self.0.identity();
        let (old, new) = (value(&before.role)?, value(&role)?);
        let of_org = keys::membership(&before.org, &before.member);
        let of_user = keys::place(&before.member, &before.org);
        let change = |key| {
            let update = table
                .part_update(key)
                .update_expression("SET #role = :new")
                .condition_expression("#role = :old")
                .expression_attribute_names("#role", "role")
                .expression_attribute_values(":old", old.clone())
                .expression_attribute_values(":new", new.clone());
            part(update)
        };
        Ok(vec![change(&of_org)?, change(&of_user)?])
    }

    /// Returns the update of the counters after the membership `before` changes to the role `after`, or ends. It
    /// refuses to remove the last owner.
    fn counters(&self, before: &Membership, after: Option<OrgRole>) -> UpdateBuilder {
        let (was, is) = (before.role == OrgRole::Owner, after == Some(OrgRole::Owner));
        let condition = if was && !is { "owners > :one AND " } else { "" };
        let update = self
            .0
            .identity()
            .part_update(&keys::org(&before.org))
            .update_expression("SET owners = owners + :owners, seats = seats + :seats")
            .condition_expression(format!("{condition}{ALIVE}"))
            .expression_attribute_values(":owners", n(i32::from(is) - i32::from(was)))
            .expression_attribute_values(":seats", n(if after.is_none() { -1 } else { 0 }));
        if condition.is_empty() {
            update
        } else {
            update.expression_attribute_values(":one", n(1))
        }
    }
}

/// Returns the outcome of a transaction whose part with index `counters` protects the last owner.
fn settled(transaction: Transaction, counters: usize, before: &Membership) -> OrgWrite {
    match transaction {
        Transaction::Done => OrgWrite::Done,
        Transaction::Refused(part) if part != counters => OrgWrite::Changed,
        Transaction::Refused(_) if before.role == OrgRole::Owner => OrgWrite::LastOwner,
        Transaction::Refused(_) => OrgWrite::Gone,
    }
}
