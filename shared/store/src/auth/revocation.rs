//! Revokes all credentials of an account: one transaction with the change that causes it, its audit entry, and the
//! outbox entry for removing what they leave behind.

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem, builders::UpdateBuilder};
use domain::{AuditEntry, CredentialEpochs, Email, Membership, Purge, Result, Timestamp, User, UserId, UserStatus};

use crate::{
    EventMarker, Store,
    auth::accounts::{Accounts, address_item, former_address_item},
    auth::clerk::{link_item, name_map},
    auth::credentials::counter_equals,
    keys,
    table::item::{Transaction, n, part, part_condition, primary, s, value},
    tables,
};

/// The revocation of all credentials of an account.
#[derive(Debug)]
pub struct Revocation<'a> {
    /// The account as it was read.
    pub user: &'a User,
    /// The new epochs.
    pub epochs: CredentialEpochs,
    /// What causes the revocation.
    pub by: RevokedBy<'a>,
    /// The outbox entry for removing what the credentials leave behind.
    pub promise: &'a Purge,
    /// The current time.
    pub now: Timestamp,
}

/// What causes the revocation, and what else it does to the account.
#[derive(Debug)]
pub enum RevokedBy<'a> {
    /// Signing out everywhere.
    SignOut,
    /// A new password set by an emailed link, which also verifies the address.
    PasswordReset {
        /// Argon2id hash of the new password.
        hash: &'a str,
        /// The version of the password that it replaces.
        version: u64,
        /// The link to delete, by the hex SHA-256 of its token.
        link: &'a str,
    },
    /// A Clerk user takes over an account with an unverified address. The password is removed.
    ClerkPerson {
        /// ID of the Clerk user.
        person: &'a str,
        /// The void link to replace, if there is one ([`crate::ClerkLink::generation`]).
        replaced: Option<u64>,
        /// Whether Clerk has verified the address of the account.
        verified: bool,
        /// When Clerk changed the user, milliseconds since the Unix epoch.
        updated_ms: Option<i64>,
        /// The event that reports it.
        event: Option<&'a EventMarker>,
    },
    /// An emailed link restores an earlier address. The password is removed.
    AddressRestored {
        /// The earlier address.
        email: &'a Email,
        /// The epoch that began with the change being undone.
        undone: u64,
        /// The link to delete, by the hex SHA-256 of its token.
        link: &'a str,
    },
}

/// The outcome of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// No credential is accepted from here on.
    Done,
    /// Nothing was written: the account or the link has changed since it was read.
    AccountChanged,
    /// Nothing was written: the Clerk user already has an account.
    PersonKnown,
    /// Nothing was written: another account has the address.
    AddressTaken,
}

/// The parts that every revocation begins with: the account and the outbox entry.
const COMMON_PARTS: usize = 2;

impl Accounts {
    /// Revokes all credentials of an account, or changes nothing.
    pub async fn revoke_credentials(&self, revocation: &Revocation<'_>, entry: &AuditEntry) -> Result<Revoked> {
        let Revocation { user, promise, now, .. } = revocation;
        let table = self.0.identity();
        let mut parts = vec![
            part(self.revoked_profile(revocation)?)?,
            self.0.part_purge_entry(promise, now.as_millisecond())?,
        ];
        match &revocation.by {
            RevokedBy::SignOut => {}
            RevokedBy::PasswordReset { link, .. } => parts.push(self.part_delete_link(&keys::password_reset(link))?),
            RevokedBy::ClerkPerson {
                person,
                replaced,
                updated_ms,
                event,
                ..
            } => {
                let link = link_item(person, &user.id, revocation.epochs.current, *updated_ms);
                parts.push(self.0.clerk().part_link(link, *replaced)?);
                parts.extend(self.0.clerk().marker_of(*event)?);
            }
            RevokedBy::AddressRestored { email, link, .. } => {
                parts.push(self.0.part_take_address(email, &user.id, *now)?);
                parts.push(self.0.part_free_address(&user.email, &user.id)?);
                parts.push(table.part_put(former_address_item(user)?)?);
                parts.push(self.part_delete_link(&keys::address_restore(link))?);
            }
        }
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => Revoked::Done,
            Transaction::Refused(COMMON_PARTS) => match &revocation.by {
                RevokedBy::ClerkPerson { .. } => Revoked::PersonKnown,
                RevokedBy::AddressRestored { .. } => Revoked::AddressTaken,
                RevokedBy::SignOut | RevokedBy::PasswordReset { .. } => Revoked::AccountChanged,
            },
            Transaction::Refused(_) => Revoked::AccountChanged,
        })
    }

    fn revoked_profile(&self, revocation: &Revocation<'_>) -> Result<UpdateBuilder> {
        let user = revocation.user;
        let mut set = vec!["session_epoch = :next_session_epoch", "#credentials = :epochs"];
        // A pending change of address is withdrawn.
        let mut remove = " REMOVE pending_email";
        let mut conditions = vec![
            "email = :email".to_owned(),
            "#status = :status".to_owned(),
            counter_equals("session_epoch", ":session_epoch", user.session_epoch),
        ];
        let mut update = self
            .0
            .identity()
            .part_update(&keys::profile(&user.id))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", value(&user.status)?)
            .expression_attribute_values(":email", value(&user.email)?)
            .expression_attribute_values(":session_epoch", n(user.session_epoch))
            .expression_attribute_values(":next_session_epoch", n(user.session_epoch + 1))
            .expression_attribute_values(":epochs", value(&revocation.epochs)?);
        match &revocation.by {
            RevokedBy::SignOut => {}
            RevokedBy::PasswordReset { hash, version, .. } => {
                set.extend([
                    "password_hash = :hash",
                    "password_version = :next_version",
                    "email_verified = :verified",
                ]);
                remove = " REMOVE pending_email, clerk_id";
                conditions.push(counter_equals("password_version", ":version", *version));
                update = update
                    .expression_attribute_values(":hash", s(*hash))
                    .expression_attribute_values(":version", n(version))
                    .expression_attribute_values(":next_version", n(version + 1))
                    .expression_attribute_values(":verified", AttributeValue::Bool(true));
            }
            RevokedBy::ClerkPerson { person, verified, .. } => {
                set.extend([
                    "clerk_id = :person",
                    "clerk_name = :no_name",
                    "email_verified = :verified",
                ]);
                remove = " REMOVE pending_email, password_hash";
                update = update
                    .expression_attribute_values(":person", s(*person))
                    .expression_attribute_values(":no_name", name_map(""))
                    .expression_attribute_values(":verified", AttributeValue::Bool(*verified));
            }
            RevokedBy::AddressRestored { email, .. } => {
                set.extend(["email = :restored", "email_verified = :verified"]);
                remove = " REMOVE pending_email, password_hash, clerk_id";
                update = update
                    .expression_attribute_values(":restored", value(email)?)
                    .expression_attribute_values(":verified", AttributeValue::Bool(true));
            }
        }
        let update = update.update_expression(format!("SET {}{remove}", set.join(", ")));
        if_epochs_as_read(update, user, conditions)
    }
}

/// Adds to `update` these conditions, and that the epochs of the account's credentials are as they were read.
pub(crate) fn if_epochs_as_read(
    update: UpdateBuilder,
    user: &User,
    mut conditions: Vec<String>,
) -> Result<UpdateBuilder> {
    let is_new = user.credentials == CredentialEpochs::default();
    conditions.push(if is_new {
        "(attribute_not_exists(#credentials) OR #credentials = :old_epochs)".to_owned()
    } else {
        "#credentials = :old_epochs".to_owned()
    });
    Ok(update
        .condition_expression(conditions.join(" AND "))
        .expression_attribute_names("#credentials", "credentials")
        .expression_attribute_values(":old_epochs", value(&user.credentials)?))
}

impl Store {
    /// Returns a condition that neither the credentials were revoked nor the address changed since this epoch, so the
    /// next revocation sees what is created now.
    pub(crate) fn still_in_epoch(&self, user: &UserId, epoch: u64) -> Result<TransactWriteItem> {
        let condition = counter_equals("#credentials.#current", ":epoch", epoch);
        let check = ConditionCheck::builder()
            .table_name(&self.tables().identity)
            .set_key(Some(primary(&keys::profile(user))))
            .condition_expression(format!("#status = :active AND {condition}"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#credentials", "credentials")
            .expression_attribute_names("#current", "current")
            .expression_attribute_values(":active", value(&UserStatus::Active)?)
            .expression_attribute_values(":epoch", n(epoch));
        part_condition(check)
    }

    /// Returns a condition that the membership still exists and is the same one.
    pub(crate) fn still_member(&self, place: &Membership) -> Result<TransactWriteItem> {
        let membership = keys::membership(&place.org, &place.member);
        self.identity()
            .part_check(&membership, [("joined_at", value(&place.joined_at)?)])
    }

    /// Returns the part that assigns an address to an account: the address is free, held for this account, or its hold
    /// has ended.
    pub(crate) fn part_take_address(&self, email: &Email, user: &UserId, now: Timestamp) -> Result<TransactWriteItem> {
        self.identity().part_put_if(
            address_item(email, user)?,
            "attribute_not_exists(pk) OR held_for = :user OR held_until <= :now",
            [(":user", s(user.as_str())), (":now", n(now.as_second()))],
        )
    }

    /// Returns the part that frees an address of an account; any account may take it from here on.
    pub(crate) fn part_free_address(&self, email: &Email, user: &UserId) -> Result<TransactWriteItem> {
        let own = ("user", s(user.as_str()));
        self.identity()
            .part_delete(&keys::email(&email.fingerprint()), Some(own))
    }

    /// Returns the parts that take an address from its account and hold it until then. By the second part an erasure
    /// finds it.
    pub(crate) fn parts_hold_address(
        &self,
        email: &Email,
        user: &UserId,
        until: Timestamp,
    ) -> Result<[TransactWriteItem; 2]> {
        let table = self.identity();
        let hold = table
            .part_update(&keys::email(&email.fingerprint()))
            .update_expression("SET held_for = :user, held_until = :until, #ttl = :until REMOVE #user")
            .condition_expression("#user = :user")
            .expression_attribute_names("#user", "user")
            .expression_attribute_names("#ttl", tables::TTL)
            .expression_attribute_values(":user", s(user.as_str()))
            .expression_attribute_values(":until", n(until.as_second()));
        let mut found_by = primary(&keys::held_address(user, &email.fingerprint()));
        found_by.insert(tables::TTL.to_owned(), n(until.as_second()));
        Ok([part(hold)?, table.part_put(found_by)?])
    }
}
