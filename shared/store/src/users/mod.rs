//! Changes and the end of an account.

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
    auth::credentials::was,
    auth::revocation::if_epochs_as_read,
    keys,
    orgs::UserMembership,
    table::item::{Transaction, from_item, n, part, s, value},
};

/// A change of an account; what is absent stays as it is.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// New name.
    pub name: Option<String>,
    /// New platform role.
    pub role: Option<PlatformRole>,
    /// What becomes of its address.
    pub address: AddressChange,
    /// What is told of it by mail, promised in the same write.
    pub mails: Vec<MailMessage>,
}

/// What becomes of the address of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AddressChange {
    /// It stays as it is.
    #[default]
    None,
    /// The same one is written in another way.
    Respelled(Email),
    /// Another one is to come, once its mail was answered.
    Requested(PendingEmail),
    /// Another one, which nobody has shown to be theirs. The one before is free.
    Unverified(Email),
    /// The one that was to come.
    Verified {
        /// The address.
        email: Email,
        /// The link by which that was shown, used up with it: the hex SHA-256 of its token.
        link: String,
        /// Until when the address before is kept for the account.
        held_until: Timestamp,
    },
}

impl AddressChange {
    /// The address that the account gets now, when it is another one.
    fn moved_to(&self) -> Option<&Email> {
        match self {
            Self::None | Self::Respelled(_) | Self::Requested(_) => None,
            Self::Unverified(email) | Self::Verified { email, .. } => Some(email),
        }
    }
}

/// What became of a change of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserWrite {
    /// It was made.
    Done,
    /// Not made: another account has the address.
    EmailTaken,
    /// Not made: somebody changed the account first. Look again.
    Changed,
}

/// What became of the end of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// No credential of it is accepted from here on. The rest of it is to be removed.
    Done(Purge),
    /// Not ended: this organization would have no owner left.
    LastOwner(OrgId),
    /// Not ended: somebody changed the account, or its places, first. Look again.
    Changed,
}

/// Attribute of an account: how often it took a place, or became an owner.
const PLACES: &str = "places";

/// The places of a user, as they were read.
#[derive(Debug)]
pub struct Memberships {
    /// In organizations that were not deleted.
    pub held: Vec<Membership>,
    /// Those of these organizations that they own.
    pub owned: Vec<Org>,
    /// Whether the account may still do anything.
    pub is_active: bool,
    version: Option<u64>,
}

impl Store {
    /// The places of a user in organizations but the personal one, as the organizations have them.
    pub async fn memberships_of(&self, user: &UserId) -> Result<Memberships> {
        let table = self.identity();
        // Read first: a place that is taken while the others are read makes this version an old one.
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

    /// Counts a new place of `user`, or one as an owner. They have to have an active account: an account ends with all its
    /// places or not at all, and nobody takes one in an account that ended. With `places`, these still have to be all that
    /// it has.
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
        // First, so that its place in the transaction is known.
        if let Some(email) = change.address.moved_to() {
            parts.push(store.part_take_address(email, &before.id, now)?);
            match &change.address {
                AddressChange::Verified { link, held_until, .. } => {
                    parts.extend(store.parts_hold_address(&before.email, &before.id, *held_until)?);
                    parts.push(self.use_up(&keys::email_verification(link))?);
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
            parts.push(store.promise_mail(&before.id, mail, now)?);
        }
        Ok(match store.transact_audited(entry, parts).await? {
            Transaction::Done => UserWrite::Done,
            Transaction::Refused(0) if change.address.moved_to().is_some() => UserWrite::EmailTaken,
            Transaction::Refused(_) => UserWrite::Changed,
        })
    }

    fn changed_profile(&self, before: &User, change: &AccountChange, now: Timestamp) -> Result<UpdateBuilder> {
        let mut fields = vec![
            ("name", change.name.as_ref().map(value).transpose()?),
            ("role", change.role.as_ref().map(value).transpose()?),
        ];
        let mut remove = "";
        match &change.address {
            AddressChange::None => {}
            AddressChange::Respelled(email) => fields.push(("email", Some(value(email)?))),
            AddressChange::Requested(pending) => fields.push(("pending_email", Some(value(pending)?))),
            AddressChange::Unverified(email) | AddressChange::Verified { email, .. } => {
                let is_verified = matches!(change.address, AddressChange::Verified { .. });
                let mut epochs = before.credentials.readdressed(is_verified);
                if is_verified {
                    epochs = epochs.undoable(now);
                }
                fields.push(("email", Some(value(email)?)));
                fields.push(("email_verified", Some(value(&is_verified)?)));
                fields.push(("credentials", Some(value(&epochs)?)));
                remove = " REMOVE pending_email";
            }
        }
        let mut update = self.0.identity().part_update(&keys::profile(&before.id));
        let mut set = Vec::new();
        for (name, value) in fields {
            let Some(value) = value else { continue };
            set.push(format!("#{name} = :{name}"));
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        let mut update = if_as_read(update, before)?;
        // Whoever ends sessions or all credentials meanwhile has the last word, as the password was checked before.
        if change.address != AddressChange::None {
            let mut conditions: Vec<_> = update.get_condition_expression().clone().into_iter().collect();
            if let (AddressChange::Verified { .. }, Some(pending)) = (&change.address, &before.pending_email) {
                conditions.push("pending_email = :pending".to_owned());
                update = update.expression_attribute_values(":pending", value(pending)?);
            }
            conditions.push(was("session_epoch", ":session_epoch", before.session_epoch));
            update = if_epochs_as_read(update, before, conditions)?
                .expression_attribute_values(":session_epoch", n(before.session_epoch));
        }
        Ok(update.update_expression(format!("SET {}{remove}", set.join(", "))))
    }

    /// Whether an address belongs to another account than `user`, or is kept for one.
    pub async fn has_other_owner(&self, email: &Email, user: &UserId, now: Timestamp) -> Result<bool> {
        let found = self
            .0
            .identity()
            .get::<Owner>(keys::email(&email.fingerprint()))
            .await?;
        Ok(found.is_some_and(|owner| owner.is_other_than(user, now)))
    }

    /// Ends an account: one transaction takes it out of the organizations in `places`, frees its address, leaves a
    /// tombstone that no credential passes, and promises the removal of the rest. `before` and `places` are how they
    /// were read; `admin`, if one ends somebody else's account, still has to be one.
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
            store.promise(&promise, now.as_millisecond())?,
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

/// `update`, on the condition that the account has the address, role and state it was read with.
fn if_as_read(update: UpdateBuilder, before: &User) -> Result<UpdateBuilder> {
    Ok(update
        .condition_expression("email = :old_email AND #role = :old_role AND #status = :old_status")
        .expression_attribute_names("#role", "role")
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":old_email", value(&before.email)?)
        .expression_attribute_values(":old_role", value(&before.role)?)
        .expression_attribute_values(":old_status", value(&before.status)?))
}

/// `update`, on the further condition that the account took no place since its places were read.
fn if_at_version(update: UpdateBuilder, version: Option<u64>) -> UpdateBuilder {
    let so_far = update.get_condition_expression().clone().unwrap_or_default();
    match version {
        None => update.condition_expression(format!("{so_far} AND attribute_not_exists({PLACES})")),
        Some(version) => update
            .condition_expression(format!("{so_far} AND {PLACES} = :{PLACES}"))
            .expression_attribute_values(format!(":{PLACES}"), n(version)),
    }
}

/// The counters of an organization that somebody with `role` leaves. The last owner is kept here.
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
