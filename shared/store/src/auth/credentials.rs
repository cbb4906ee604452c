//! Passwords, and the emailed links that set passwords, verify addresses and restore addresses.
//!
//! Every operation is one transaction with its audit entry. The transaction that uses a link deletes it, so of many
//! concurrent uses one succeeds.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update, builders::UpdateBuilder};
use domain::{AuditEntry, CredentialEpochs, Email, Error, PlatformRole, Result, SessionId, Timestamp, User, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    SignIn,
    auth::accounts::Accounts,
    auth::revocation::if_epochs_as_read,
    keys::{self, Key},
    table::item::{ITEM_EXISTS, Item, Transaction, n, primary, s, to_item, transact, value},
    tables,
};

/// A link that sets a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordReset {
    /// The account.
    pub user: UserId,
    /// The address the link was sent to; `None` in links of an earlier release, which are void.
    #[serde(default)]
    pub email: Option<Email>,
    /// The epoch of the account's credentials in which the link was created.
    #[serde(default)]
    pub epoch: u64,
    /// When the link expires.
    pub expires_at: Timestamp,
}

/// A link that verifies an email address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The account.
    pub user: UserId,
    /// The address the link was sent to.
    pub email: Email,
    /// The epoch of the account's credentials in which the link was created.
    #[serde(default)]
    pub epoch: u64,
    /// When the link expires.
    pub expires_at: Timestamp,
}

/// A link that restores the earlier email address of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRestore {
    /// The account.
    pub user: UserId,
    /// The earlier address, to which the link was sent.
    pub email: Email,
    /// The epoch of the account's credentials that began with the change of the address.
    pub epoch: u64,
    /// When the link expires.
    pub expires_at: Timestamp,
}

/// A new password.
#[derive(Debug)]
pub struct PasswordChange<'a> {
    /// The account as it was read.
    pub account: &'a SignIn,
    /// Argon2id hash of the new password.
    pub hash: &'a str,
    /// The one session that is not revoked.
    pub keep: Option<&'a SessionId>,
}

impl Accounts {
    /// Stores a link that sets a password. `digest`: hex SHA-256 of its token.
    pub async fn put_password_reset(&self, digest: &str, link: &PasswordReset) -> Result<()> {
        let from = keys::mailed_link(&link.user, digest);
        self.put_link(&keys::password_reset(digest), &from, link, link.expires_at)
            .await
    }

    /// Stores a link that verifies an address. `digest`: hex SHA-256 of its token.
    pub async fn put_verification(&self, digest: &str, link: &Verification) -> Result<()> {
        let from = keys::mailed_link(&link.user, digest);
        self.put_link(&keys::email_verification(digest), &from, link, link.expires_at)
            .await
    }

    /// Stores a link that restores an earlier address. `digest`: hex SHA-256 of its token.
    pub async fn put_address_restore(&self, digest: &str, link: &AddressRestore) -> Result<()> {
        let from = keys::mailed_link(&link.user, digest);
        self.put_link(&keys::address_restore(digest), &from, link, link.expires_at)
            .await
    }

    /// `from` is the key by which an erasure finds the link; it is written first, so no link exists without it.
    async fn put_link(&self, key: &Key, from: &Key, link: &impl Serialize, end: Timestamp) -> Result<()> {
        let ttl = |mut item: Item| {
            item.insert(tables::TTL.to_owned(), n(end.as_second()));
            item
        };
        let item = ttl(to_item(key, link)?);
        let pointer = std::collections::HashMap::<String, String>::new();
        self.0.identity().put_new(ttl(to_item(from, &pointer)?)).await?;
        if self.0.identity().put_new(item).await? {
            Ok(())
        } else {
            Err(Error::internal("the digest of a new token is already in use"))
        }
    }

    /// Returns the link with this digest, unless it has expired.
    pub async fn password_reset(&self, digest: &str, now: Timestamp) -> Result<Option<PasswordReset>> {
        let link: Option<PasswordReset> = self.0.identity().get(keys::password_reset(digest)).await?;
        Ok(link.filter(|link| now < link.expires_at))
    }

    /// Returns the link with this digest, unless it has expired.
    pub async fn verification(&self, digest: &str, now: Timestamp) -> Result<Option<Verification>> {
        let link: Option<Verification> = self.0.identity().get(keys::email_verification(digest)).await?;
        Ok(link.filter(|link| now < link.expires_at))
    }

    /// Returns the link with this digest, unless it has expired.
    pub async fn address_restore(&self, digest: &str, now: Timestamp) -> Result<Option<AddressRestore>> {
        let link: Option<AddressRestore> = self.0.identity().get(keys::address_restore(digest)).await?;
        Ok(link.filter(|link| now < link.expires_at))
    }

    /// Sets a new password, ends all sessions except `keep`, and withdraws a pending change of address. Returns
    /// `false`, and changes nothing, if the password or the sessions have changed since they were read.
    pub async fn set_password(&self, change: &PasswordChange<'_>, entry: &AuditEntry) -> Result<bool> {
        let (user, version) = (&change.account.user, change.account.password_version);
        let next_epoch = user.session_epoch + 1;
        let condition = format!(
            "{} AND {} AND #status = :active",
            counter_equals("password_version", ":version", version),
            counter_equals("session_epoch", ":epoch", user.session_epoch)
        );
        let profile = self
            .part(&keys::profile(&user.id))
            .update_expression(
                "SET password_hash = :hash, password_version = :new_version, session_epoch = :new_epoch \
                 REMOVE pending_email",
            )
            .condition_expression(condition)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":active", value(&user.status)?)
            .expression_attribute_values(":hash", s(change.hash))
            .expression_attribute_values(":version", n(version))
            .expression_attribute_values(":new_version", n(version + 1))
            .expression_attribute_values(":epoch", n(user.session_epoch))
            .expression_attribute_values(":new_epoch", n(next_epoch));
        let mut parts = vec![update(profile)?];
        if let Some(session) = change.keep {
            let session = self
                .part(&keys::session(&user.id, session))
                .update_expression("SET epoch = :epoch")
                .condition_expression(ITEM_EXISTS)
                .expression_attribute_values(":epoch", n(next_epoch));
            parts.push(update(session)?);
        }
        self.all_or_nothing(parts, entry).await
    }

    /// Marks the address of an account as verified, sets the epochs of its credentials, and deletes the link. Returns
    /// `false` if the link was already used, or the account has changed since it was read.
    pub async fn verify_email(
        &self,
        digest: &str,
        user: &User,
        epochs: &CredentialEpochs,
        entry: &AuditEntry,
    ) -> Result<bool> {
        let profile = self
            .part(&keys::profile(&user.id))
            .update_expression("SET email_verified = :yes, #credentials = :epochs")
            .expression_attribute_values(":epochs", value(epochs)?)
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":email", value(&user.email)?);
        let profile = if_epochs_as_read(profile, user, vec!["email = :email".to_owned()])?;
        let link = self.part_delete_link(&keys::email_verification(digest))?;
        self.all_or_nothing(vec![update(profile)?, link], entry).await
    }

    /// Removes the links that were emailed to a user, except those that restore an earlier address: whoever revokes the
    /// credentials of an account must not keep its owner from restoring the address.
    pub async fn remove_void_links(&self, user: &User) -> Result<()> {
        let table = self.0.identity();
        for from in table.keys_below(&keys::user(&user.id), keys::LINKS).await? {
            let digest = from.sk.strip_prefix(keys::LINKS).unwrap_or_default();
            let reset: Option<PasswordReset> = table.get(keys::password_reset(digest)).await?;
            let verification: Option<Verification> = table.get(keys::email_verification(digest)).await?;
            let is_void = |epoch: u64| !user.credentials.accept_link(epoch);
            let key = match (reset, verification) {
                (Some(link), _) if is_void(link.epoch) => keys::password_reset(digest),
                (_, Some(link)) if is_void(link.epoch) => keys::email_verification(digest),
                _ => continue,
            };
            table.delete(&key).await?;
            table.delete(&from).await?;
        }
        Ok(())
    }

    /// Frees the earlier addresses that are held for an account, which is being erased.
    pub async fn free_held_addresses(&self, user: &UserId) -> Result<()> {
        let table = self.0.identity();
        for from in table.keys_below(&keys::user(user), keys::HELD_ADDRESSES).await? {
            let fingerprint = from.sk.strip_prefix(keys::HELD_ADDRESSES).unwrap_or_default();
            let kept = ("held_for", s(user.as_str()));
            let part = table.part_delete(&keys::email(fingerprint), Some(kept))?;
            // If it belongs to another account by now, or is gone, there is nothing to free.
            transact(&self.0.db, vec![part]).await?;
        }
        Ok(())
    }

    /// Makes an account a platform admin. Returns `false` if it has changed since it was read.
    pub async fn grant_platform_admin(&self, user: &User, entry: &AuditEntry) -> Result<bool> {
        let profile = self
            .part(&keys::profile(&user.id))
            .update_expression("SET #role = :admin")
            .condition_expression("#role = :role AND #status = :status AND email = :email")
            .expression_attribute_names("#role", "role")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":admin", value(&PlatformRole::Admin)?)
            .expression_attribute_values(":role", value(&user.role)?)
            .expression_attribute_values(":status", value(&user.status)?)
            .expression_attribute_values(":email", value(&user.email)?);
        self.all_or_nothing(vec![update(profile)?], entry).await
    }

    async fn all_or_nothing(&self, parts: Vec<TransactWriteItem>, entry: &AuditEntry) -> Result<bool> {
        Ok(self.0.transact_audited(entry, parts).await? == Transaction::Done)
    }

    fn part(&self, key: &Key) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.0.tables().identity)
            .set_key(Some(primary(key)))
    }

    pub(crate) fn part_delete_link(&self, link: &Key) -> Result<TransactWriteItem> {
        let delete = Delete::builder()
            .table_name(&self.0.tables().identity)
            .set_key(Some(primary(link)))
            .condition_expression(ITEM_EXISTS);
        let delete = delete.build().map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

fn update(part: UpdateBuilder) -> Result<TransactWriteItem> {
    let part = part.build().map_err(Error::internal)?;
    Ok(TransactWriteItem::builder().update(part).build())
}

/// Returns the condition that a counter has this value; an absent counter counts as 0.
pub(crate) fn counter_equals(name: &str, placeholder: &str, value: u64) -> String {
    if value == 0 {
        format!("(attribute_not_exists({name}) OR {name} = {placeholder})")
    } else {
        format!("{name} = {placeholder}")
    }
}
