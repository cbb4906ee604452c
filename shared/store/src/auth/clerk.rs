//! Users who sign in through Clerk: their accounts, and the newest data from Clerk.

mod completion;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use domain::{AuditEntry, Email, Error, Membership, Org, Result, Timestamp, User, UserId};
use serde::Deserialize;

pub use completion::{Completed, Completion};

use crate::{
    Store,
    auth::accounts::former_address_item,
    auth::revocation::if_epochs_as_read,
    keys,
    table::item::{Item, Transaction, conditional, n, part, primary, s, value},
    tables,
};

/// Clerk users.
#[derive(Debug, Clone)]
pub struct Clerk(Store);

/// The link between a Clerk user and an account.
#[derive(Debug, Clone, Deserialize)]
pub struct ClerkLink {
    /// The account; `None` if the Clerk user was deleted before an account existed.
    pub user: Option<UserId>,
    /// When Clerk deleted the user: later events about them are ignored.
    pub deleted_at: Option<Timestamp>,
    /// The account's epoch in which the link was created ([`domain::CredentialEpochs::clerk_from`]).
    #[serde(default)]
    pub epoch: u64,
    /// How often a void link of this Clerk user was replaced.
    #[serde(default)]
    pub generation: u64,
}

impl ClerkLink {
    /// Returns whether the link is still valid: it was created after the account's credentials were last revoked.
    pub fn leads_to(&self, user: &User) -> bool {
        self.epoch >= user.credentials.clerk_from
    }
}

/// The state of a session at Clerk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClerkSession {
    /// It has not been seen before.
    New,
    /// It belongs to this epoch of the account's sessions ([`User::session_epoch`]).
    Of(u64),
    /// It was ended on our side.
    Ended,
}

/// Identifies an event, so that it is applied once.
#[derive(Debug, Clone)]
pub struct EventMarker {
    /// The sender's ID of the event.
    pub id: String,
    /// Until when it is remembered.
    pub until: Timestamp,
}

/// The outcome of linking a Clerk user to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// The link was created.
    Done,
    /// The Clerk user is already known; nothing was written.
    PersonKnown,
    /// The account has changed since it was read, or another account has the address; nothing was written.
    AccountMoved,
}

/// A change of an account after an event about its Clerk user.
#[derive(Debug)]
pub struct PersonChange<'a> {
    /// The account as it was read.
    pub user: &'a User,
    /// The new name.
    pub name: &'a str,
    /// Whether the name comes from Clerk.
    pub is_clerks_name: bool,
    /// Whether Clerk has verified the resulting address.
    pub verified: bool,
    /// The new email address, if it changes.
    pub email: Option<&'a Email>,
    /// When Clerk changed the user, milliseconds since the Unix epoch.
    pub updated_ms: i64,
}

/// The outcome of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was applied.
    Done,
    /// A newer event was applied before, or the Clerk user is deleted.
    Stale,
    /// This event was applied before.
    Repeated,
    /// Another account has the email address.
    EmailTaken,
}

impl Store {
    /// Returns access to Clerk users.
    pub fn clerk(&self) -> Clerk {
        Clerk(self.clone())
    }
}

impl Clerk {
    /// Returns the link of a Clerk user.
    pub async fn link(&self, person: &str) -> Result<Option<ClerkLink>> {
        self.0.identity().get(keys::clerk(person)).await
    }

    /// Returns the account and the state of one of its sessions at Clerk.
    pub async fn account(&self, user: &UserId, session: &str) -> Result<Option<(User, ClerkSession)>> {
        let session = keys::clerk_session(user, session);
        let (profile, found) = self.0.accounts().with(user, session).await?;
        let known = found.map_or(ClerkSession::New, |item| {
            let epoch = item.get("epoch").and_then(|epoch| epoch.as_n().ok()?.parse().ok());
            epoch.map_or(ClerkSession::Ended, ClerkSession::Of)
        });
        Ok(profile.map(|profile| (profile, known)))
    }

    /// Records which epoch of the account a session at Clerk belongs to, until `until`.
    pub async fn know_session(&self, user: &UserId, session: &str, epoch: u64, until: Timestamp) -> Result<()> {
        let update = self
            .0
            .identity()
            .update(&keys::clerk_session(user, session))
            .update_expression("SET epoch = :epoch, #ttl = :ttl")
            .condition_expression("attribute_not_exists(pk) OR epoch < :epoch")
            .expression_attribute_names("#ttl", tables::TTL)
            .expression_attribute_values(":epoch", n(epoch))
            .expression_attribute_values(":ttl", n(until.as_second()));
        conditional(update).await.map(|_| ())
    }

    /// Ends a session at Clerk for this system: it belongs to no epoch from here on.
    pub async fn sign_out(&self, user: &UserId, session: &str, until: Timestamp) -> Result<()> {
        let update = self
            .0
            .identity()
            .update(&keys::clerk_session(user, session))
            .update_expression("SET #ttl = :ttl REMOVE epoch")
            .expression_attribute_names("#ttl", tables::TTL)
            .expression_attribute_values(":ttl", n(until.as_second()));
        conditional(update).await.map(|_| ())
    }

    /// Returns the part that creates a link, or replaces a void one with this [`ClerkLink::generation`].
    pub(crate) fn part_link(&self, mut link: Item, replaced: Option<u64>) -> Result<TransactWriteItem> {
        let table = self.0.identity();
        let Some(generation) = replaced else {
            return table.part_put_new(link);
        };
        link.insert("generation".to_owned(), n(generation + 1));
        table.part_put_if(
            link,
            "attribute_not_exists(deleted_at) AND (generation = :generation OR attribute_not_exists(generation) AND \
             :generation = :zero)",
            [(":generation", n(generation)), (":zero", n(0))],
        )
    }

    /// Creates an account for a Clerk user without one, or nothing at all.
    pub async fn create(
        &self,
        person: &str,
        (user, org, owner): (&User, &Org, &Membership),
        replaced: Option<u64>,
        updated_ms: Option<i64>,
        event: Option<&EventMarker>,
        entry: &AuditEntry,
    ) -> Result<Linked> {
        let link = link_item(person, &user.id, user.credentials.current, updated_ms);
        let mut parts = vec![self.part_link(link, replaced)?];
        parts.extend(self.0.accounts().parts(user, org, owner, None)?);
        if let Some(event) = event {
            parts.push(self.mark(event)?);
        }
        self.write_link(entry, parts).await
    }

    /// Links an existing account with a verified address to a Clerk user. An account whose address was not verified is
    /// linked by revoking all its credentials ([`crate::RevokedBy::ClerkPerson`]).
    pub async fn attach(
        &self,
        person: &str,
        user: &User,
        replaced: Option<u64>,
        updated_ms: Option<i64>,
        event: Option<&EventMarker>,
        entry: &AuditEntry,
    ) -> Result<Linked> {
        let update = Update::builder()
            .table_name(&self.0.tables().identity)
            .set_key(Some(primary(&keys::profile(&user.id))))
            .update_expression("SET clerk_id = :person, clerk_name = :none")
            .condition_expression(
                "attribute_not_exists(clerk_id) AND #status = :active AND email = :email AND email_verified = :yes",
            )
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":active", s("active"))
            .expression_attribute_values(":email", s(user.email.as_str()))
            .expression_attribute_values(":person", s(person))
            .expression_attribute_values(":none", name_map(""))
            .build()
            .map_err(Error::internal)?;
        let mut parts = vec![
            self.part_link(
                link_item(person, &user.id, user.credentials.current, updated_ms),
                replaced,
            )?,
            TransactWriteItem::builder().update(update).build(),
        ];
        if let Some(event) = event {
            parts.push(self.mark(event)?);
        }
        self.write_link(entry, parts).await
    }

    /// Applies an event about a Clerk user, unless a newer one was applied before.
    pub async fn update(
        &self,
        person: &str,
        change: &PersonChange<'_>,
        event: &EventMarker,
        entry: &AuditEntry,
    ) -> Result<Applied> {
        let table = &self.0.tables().identity;
        let newer = Update::builder()
            .table_name(table)
            .set_key(Some(primary(&keys::clerk(person))))
            .update_expression("SET updated_ms = :at")
            .condition_expression(
                "attribute_exists(pk) AND attribute_not_exists(deleted_at) \
                 AND (attribute_not_exists(updated_ms) OR updated_ms < :at)",
            )
            .expression_attribute_values(":at", n(change.updated_ms))
            .build()
            .map_err(Error::internal)?;
        let email = change.email.unwrap_or(&change.user.email);
        let (mut set, mut values) = ("SET email = :email, #name = :name".to_owned(), HashMap::new());
        if change.is_clerks_name {
            set.push_str(", clerk_name = :clerk_name");
            values.insert(":clerk_name".to_owned(), name_map(change.name));
        }
        if change.verified {
            set.push_str(", email_verified = :yes");
            values.insert(":yes".to_owned(), AttributeValue::Bool(true));
        }
        set.push_str(&set_epochs(change.user, change.email, change.verified, &mut values)?);
        let conditions = vec!["email = :old AND #name = :old_name AND #status <> :deleted".to_owned()];
        let profile = Update::builder()
            .table_name(table)
            .set_key(Some(primary(&keys::profile(&change.user.id))))
            .update_expression(set)
            .set_expression_attribute_values(Some(values))
            .expression_attribute_values(":old_name", s(&change.user.name))
            .expression_attribute_names("#name", "name")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":name", s(change.name))
            .expression_attribute_values(":email", s(email.as_str()))
            .expression_attribute_values(":old", s(change.user.email.as_str()))
            .expression_attribute_values(":deleted", s("deleted"));
        let mut parts = vec![
            TransactWriteItem::builder().update(newer).build(),
            self.mark(event)?,
            part(if_epochs_as_read(profile, change.user, conditions)?)?,
        ];
        if let Some(email) = change.email {
            parts.extend(self.readdress(change.user, email, entry.created_at)?);
        }
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => Applied::Done,
            Transaction::Refused(0) => Applied::Stale,
            Transaction::Refused(1) => Applied::Repeated,
            Transaction::Refused(2) => return Err(Error::unavailable("the account was changed by another request")),
            Transaction::Refused(_) => Applied::EmailTaken,
        })
    }

    /// Replaces the address of an account by one that no account has.
    fn readdress(&self, user: &User, email: &Email, now: Timestamp) -> Result<[TransactWriteItem; 3]> {
        Ok([
            self.0.part_take_address(email, &user.id, now)?,
            self.0.part_free_address(&user.email, &user.id)?,
            self.0.identity().part_put(former_address_item(user)?)?,
        ])
    }

    /// Records permanently that Clerk deleted a user, known or not.
    pub async fn mark_deleted(&self, person: &str, now: Timestamp) -> Result<()> {
        let update = self
            .0
            .identity()
            .update(&keys::clerk(person))
            .update_expression("SET deleted_at = if_not_exists(deleted_at, :now)")
            .expression_attribute_values(":now", s(now.to_string()));
        conditional(update).await.map(|_| ())
    }

    /// Records an event that changed nothing. Returns `false` if it was recorded before.
    pub async fn record_event(&self, event: &EventMarker) -> Result<bool> {
        self.0.ephemeral().put_first(marker_item(event)).await
    }

    /// Returns whether an event was applied before.
    pub async fn knows_event(&self, event: &EventMarker) -> Result<bool> {
        let found = self
            .0
            .ephemeral()
            .get_raw(keys::event("clerk", &event.id), true)
            .await?;
        Ok(found.is_some())
    }

    async fn write_link(&self, entry: &AuditEntry, parts: Vec<TransactWriteItem>) -> Result<Linked> {
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => Linked::Done,
            Transaction::Refused(0) => Linked::PersonKnown,
            Transaction::Refused(_) => Linked::AccountMoved,
        })
    }

    /// Returns the part that records an event, if there is one.
    pub(crate) fn marker_of(&self, event: Option<&EventMarker>) -> Result<Option<TransactWriteItem>> {
        event.map(|event| self.mark(event)).transpose()
    }

    fn mark(&self, event: &EventMarker) -> Result<TransactWriteItem> {
        self.0.ephemeral().part_put_new(marker_item(event))
    }
}

fn marker_item(event: &EventMarker) -> Item {
    let mut item = primary(&keys::event("clerk", &event.id));
    item.insert(tables::TTL.to_owned(), n(event.until.as_second()));
    item
}

/// Returns the end of an update expression that sets the epochs of an account whose address comes from Clerk.
/// `owner_is_known`: whether Clerk has verified the resulting address.
fn set_epochs(
    user: &User,
    email: Option<&Email>,
    owner_is_known: bool,
    values: &mut HashMap<String, AttributeValue>,
) -> Result<String> {
    let epochs = match email {
        Some(_) => user.credentials.readdressed(owner_is_known),
        None if owner_is_known => user.credentials.of_known_owner(),
        None => user.credentials,
    };
    values.insert(":epochs".to_owned(), value(&epochs)?);
    let remove = if email.is_some() { " REMOVE pending_email" } else { "" };
    Ok(format!(", #credentials = :epochs{remove}"))
}

/// Returns a name from Clerk as a map ([`domain::ClerkName`]).
pub(crate) fn name_map(text: &str) -> AttributeValue {
    let made_up = AttributeValue::Bool(false);
    AttributeValue::M([("text".to_owned(), s(text)), ("made_up".to_owned(), made_up)].into())
}

/// Returns the link between a Clerk user and an account in this epoch.
pub(crate) fn link_item(person: &str, user: &UserId, epoch: u64, updated_ms: Option<i64>) -> Item {
    let mut item = primary(&keys::clerk(person));
    item.insert("user".to_owned(), s(user.as_str()));
    item.insert("epoch".to_owned(), n(epoch));
    if let Some(at) = updated_ms {
        item.insert("updated_ms".to_owned(), n(at));
    }
    item
}
