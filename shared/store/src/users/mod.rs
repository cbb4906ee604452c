//! Changes and deletion of an account.

pub(crate) mod exports;
pub(crate) mod purges;
pub(crate) mod settings;

use aws_sdk_dynamodb::types::{TransactWriteItem, builders::UpdateBuilder};
use domain::{
    AuditEntry, Email, MailMessage, Membership, Org, OrgId, OrgRole, PendingEmail, PlatformRole, Purge, Result,
    Timestamp, User, UserId, UserStatus,
};

use crate::{
    Store,
    auth::accounts::{Accounts, Owner, former_address_item},
    auth::credentials::counter_equals,
    auth::revocation::if_epochs_as_read,
    keys,
    orgs::UserMembership,
    table::changes::Changes,
    table::item::{Transaction, from_item, n, part, s, value},
};

/// A change of an account. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// New name.
    pub name: Option<String>,
    /// New platform role.
    pub role: Option<PlatformRole>,
    /// The change of its email address.
    pub address: AddressChange,
    /// Emails about the change; their outbox entries are written with it.
    pub mails: Vec<MailMessage>,
}

/// A change of the email address of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AddressChange {
    /// No change.
    #[default]
    None,
    /// The same address in another spelling.
    Respelled(Email),
    /// Another address is pending until its email is confirmed.
    Requested(PendingEmail),
    /// Another, unverified address. The previous one becomes free.
    Unverified(Email),
    /// The pending address is verified.
    Verified {
        /// The address.
        email: Email,
        /// The link that verified it, deleted with this change: the hex SHA-256 of its token.
        link: String,
        /// Until when the previous address is held for the account.
        held_until: Timestamp,
    },
}

impl AddressChange {
    /// Returns the new address, if it is another one.
    fn moved_to(&self) -> Option<&Email> {
        match self {
            Self::None | Self::Respelled(_) | Self::Requested(_) => None,
            Self::Unverified(email) | Self::Verified { email, .. } => Some(email),
        }
    }
}

/// The outcome of a change of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserWrite {
    /// The change was written.
    Done,
    /// Not written: another account has the email address.
    EmailTaken,
    /// Not written: another request changed the account first; read again.
    Changed,
}

/// The outcome of deleting an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// None of its credentials is accepted from here on. Its data is to be removed.
    Done(Purge),
    /// Not deleted: this organization would have no owner left.
    LastOwner(OrgId),
    /// Not deleted: another request changed the account or its memberships first; read again.
    Changed,
}

/// Attribute of an account: how often it joined an organization or became an owner.
const PLACES: &str = "places";

/// The memberships of a user, as they were read.
#[derive(Debug)]
pub struct Memberships {
    /// Memberships in organizations that were not deleted.
    pub held: Vec<Membership>,
    /// The organizations among them that the user owns.
    pub owned: Vec<Org>,
    /// Whether the account is active.
    pub is_active: bool,
    version: Option<u64>,
}

impl Store {
    /// Returns the memberships of a user, except in the personal organization, as stored by the organizations.
    pub async fn memberships_of(&self, user: &UserId) -> Result<Memberships> {
        let table = self.identity();
        // Read first: a membership created while the others are read makes this version outdated.
        let profile = table.get_raw(keys::profile(user), true).await?;
        let active = Some(value(&UserStatus::Active)?);
        let is_active = profile.as_ref().and_then(|profile| profile.get("status")) == active.as_ref();
        let version = profile.and_then(|profile| profile.get(PLACES)?.as_n().ok()?.parse().ok());
        let places: Vec<UserMembership> = table.all_below(&keys::user(user), keys::PLACES).await?;
        let (mut found, mut owned) = (Vec::with_capacity(places.len()), Vec::new());
        for some in places.chunks(50) {
            let asked = some
                .iter()
                .flat_map(|place| [keys::org(&place.org_id), keys::membership(&place.org_id, user)]);
            let items = table.get_many(&asked.collect::<Vec<_>>()).await?;
            let (orgs, members): (Vec<_>, Vec<_>) =
                items.into_iter().partition(|item| item.get("sk") == Some(&s("ORG")));
            for item in members {
                let membership: Membership = from_item(item)?;
                let is = |item: &&crate::table::item::Item| item.get("id") == Some(&s(membership.org.as_str()));
                let Some(org) = orgs.iter().find(is).filter(|org| !org.contains_key("deleted_at")) else {
                    continue;
                };
                if membership.role == OrgRole::Owner {
                    owned.push(from_item(org.clone())?);
                }
                found.push(membership);
            }
        }
        Ok(Memberships {
            held: found,
            owned,
            is_active,
            version,
        })
    }

    /// Counts a new membership or ownership of `user`, who must have an active account: an account is deleted with all
    /// its memberships or not at all, and a deleted account joins no organization. With `places`, these must still be
    /// all its memberships.
    pub(crate) fn count_membership(&self, user: &UserId, places: Option<&Memberships>) -> Result<TransactWriteItem> {
        let count = self
            .identity()
            .part_update(&keys::profile(user))
            .update_expression(format!("ADD {PLACES} :one"))
            .condition_expression("#status = :active")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":active", value(&UserStatus::Active)?)
            .expression_attribute_values(":one", n(1));
        part(match places {
            Some(places) => if_at_version(count, places.version),
            None => count,
        })
    }
}

impl Accounts {
    /// Changes an account from what `before` says.
    pub async fn change(
        &self,
        admin: Option<&UserId>,
        before: &User,
        change: &AccountChange,
        entry: &AuditEntry,
    ) -> Result<UserWrite> {
        let (store, now) = (&self.0, entry.created_at);
        let mut parts = Vec::new();
        // First, so that its index in the transaction is known.
        if let Some(email) = change.address.moved_to() {
            parts.push(store.part_take_address(email, &before.id, now)?);
            match &change.address {
                AddressChange::Verified { link, held_until, .. } => {
                    parts.extend(store.parts_hold_address(&before.email, &before.id, *held_until)?);
                    parts.push(self.part_delete_link(&keys::email_verification(link))?);
                }
                _ => parts.push(store.part_free_address(&before.email, &before.id)?),
            }
            parts.push(store.identity().part_put(former_address_item(before)?)?);
        }
        parts.push(part(self.changed_profile(before, change, now)?)?);
        if let Some(admin) = admin {
            parts.push(store.still_admin(admin)?);
        }
        for mail in &change.mails {
            parts.push(store.part_email_entry(&before.id, mail, now)?);
        }
        Ok(match store.transact_audited(entry, parts).await? {
            Transaction::Done => UserWrite::Done,
            Transaction::Refused(0) if change.address.moved_to().is_some() => UserWrite::EmailTaken,
            Transaction::Refused(_) => UserWrite::Changed,
        })
    }

    fn changed_profile(&self, before: &User, change: &AccountChange, now: Timestamp) -> Result<UpdateBuilder> {
        let mut changes = Changes::default()
            .set_if("name", change.name.as_ref().map(value).transpose()?)
            .set_if("role", change.role.as_ref().map(value).transpose()?);
        match &change.address {
            AddressChange::None => {}
            AddressChange::Respelled(email) => changes = changes.set("email", value(email)?),
            AddressChange::Requested(pending) => changes = changes.set("pending_email", value(pending)?),
            AddressChange::Unverified(email) | AddressChange::Verified { email, .. } => {
                let is_verified = matches!(change.address, AddressChange::Verified { .. });
                let mut epochs = before.credentials.readdressed(is_verified);
                if is_verified {
                    epochs = epochs.undoable(now);
                }
                changes = changes
                    .set("email", value(email)?)
                    .set("email_verified", value(&is_verified)?)
                    .set("credentials", value(&epochs)?)
                    .remove("pending_email");
            }
        }
        let update = changes.on(self.0.identity().part_update(&keys::profile(&before.id)));
        let mut update = if_as_read(update, before)?;
        // A revocation in the meantime wins, because the password was checked before it.
        if change.address != AddressChange::None {
            let mut conditions: Vec<_> = update.get_condition_expression().clone().into_iter().collect();
            if let (AddressChange::Verified { .. }, Some(pending)) = (&change.address, &before.pending_email) {
                conditions.push("pending_email = :pending".to_owned());
                update = update.expression_attribute_values(":pending", value(pending)?);
            }
            conditions.push(counter_equals("session_epoch", ":session_epoch", before.session_epoch));
            update = if_epochs_as_read(update, before, conditions)?
                .expression_attribute_values(":session_epoch", n(before.session_epoch));
        }
        Ok(update)
    }

    /// Returns whether an address belongs to an account other than `user`, or is held for one.
    pub async fn has_other_owner(&self, email: &Email, user: &UserId, now: Timestamp) -> Result<bool> {
        let found = self
            .0
            .identity()
            .get::<Owner>(keys::email(&email.fingerprint()))
            .await?;
        Ok(found.is_some_and(|owner| owner.is_other_than(user, now)))
    }

    /// Deletes an account: one transaction removes it from the organizations in `places`, frees its address, leaves a
    /// tombstone that no credential passes, and adds an outbox entry for removing its data. `before` and `places` are
    /// as they were read; `admin`, if another account is deleted, must still be a platform admin.
    pub async fn end(
        &self,
        admin: Option<&UserId>,
        before: &User,
        places: &Memberships,
        now: Timestamp,
        entry: &AuditEntry,
    ) -> Result<Ended> {
        let store = &self.0;
        let table = store.identity();
        let Memberships { held, version, .. } = places;
        let tombstone = table
            .part_update(&keys::profile(&before.id))
            .update_expression("SET #status = :deleted, deleted_at = :now REMOVE password_hash")
            .expression_attribute_values(":deleted", value(&UserStatus::Deleted)?)
            .expression_attribute_values(":now", s(now.to_string()));
        let promise = Purge::User {
            user_id: before.id.clone(),
            orgs: held.iter().map(|place| place.org.clone()).collect(),
        };
        let mut parts = vec![
            part(if_at_version(if_as_read(tombstone, before)?, *version))?,
            store.part_free_address(&before.email, &before.id)?,
            store.part_purge_entry(&promise, now.as_millisecond())?,
        ];
        let first = parts.len();
        for place in held {
            let role = ("role", value(&place.role)?);
            parts.push(table.part_delete(&keys::membership(&place.org, &place.member), Some(role))?);
            parts.push(table.part_delete(&keys::place(&place.member, &place.org), None)?);
            parts.push(part(one_less(table.part_update(&keys::org(&place.org)), place.role))?);
        }
        if let Some(admin) = admin {
            parts.push(store.still_admin(admin)?);
        }
        Ok(match store.transact_audited(entry, parts).await? {
            Transaction::Done => Ended::Done(promise),
            Transaction::Refused(part) if part >= first && (part - first) % 3 == 2 => {
                let place = held
                    .get((part - first) / 3)
                    .filter(|place| place.role == OrgRole::Owner);
                place.map_or(Ended::Changed, |place| Ended::LastOwner(place.org.clone()))
            }
            Transaction::Refused(_) => Ended::Changed,
        })
    }
}

/// Returns `update` on the condition that address, role and status of the account are as they were read.
fn if_as_read(update: UpdateBuilder, before: &User) -> Result<UpdateBuilder> {
    Ok(update
        .condition_expression("email = :old_email AND #role = :old_role AND #status = :old_status")
        .expression_attribute_names("#role", "role")
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":old_email", value(&before.email)?)
        .expression_attribute_values(":old_role", value(&before.role)?)
        .expression_attribute_values(":old_status", value(&before.status)?))
}

/// Returns `update` on the further condition that the account has joined no organization since its memberships were
/// read.
fn if_at_version(update: UpdateBuilder, version: Option<u64>) -> UpdateBuilder {
    let so_far = update.get_condition_expression().clone().unwrap_or_default();
    match version {
        None => update.condition_expression(format!("{so_far} AND attribute_not_exists({PLACES})")),
        Some(version) => update
            .condition_expression(format!("{so_far} AND {PLACES} = :{PLACES}"))
            .expression_attribute_values(format!(":{PLACES}"), n(version)),
    }
}

/// Returns the update of the counters of an organization that a member with `role` leaves. It refuses to remove the
/// last owner.
fn one_less(update: UpdateBuilder, role: OrgRole) -> UpdateBuilder {
    if role == OrgRole::Owner {
        update
            .update_expression("ADD owners :less, seats :less")
            .condition_expression("owners > :one")
            .expression_attribute_values(":less", n(-1))
            .expression_attribute_values(":one", n(1))
    } else {
        update
            .update_expression("ADD seats :less")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":less", n(-1))
    }
}
