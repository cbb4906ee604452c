//! Accounts as the operators of the platform see them.

use aws_sdk_dynamodb::types::{Select, TransactWriteItem, Update};
use domain::{AuditEntry, Error, Page, PageRequest, Period, PlatformRole, Result, Timestamp, User, UserId, UserStatus};
use jiff::civil::Date;

use crate::{
    Store, keys,
    table::item::{Transaction, failed, from_item, primary, s, value},
    table::paginate::{FIRST_MONTH, ListPartition, month_of, months_back, paginate},
};

/// All accounts of the platform.
#[derive(Debug, Clone)]
pub struct Users(Store);

/// Selects accounts. Absent fields match everything.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Platform role.
    pub role: Option<PlatformRole>,
    /// Account status.
    pub status: Option<UserStatus>,
    /// Prefix of the email address, in lower case.
    pub email: Option<String>,
    /// Part of the name or the email address, in lower case.
    pub text: Option<String>,
    /// Created at or after this time.
    pub from: Option<Timestamp>,
    /// Created before this time.
    pub to: Option<Timestamp>,
}

/// The outcome of a change of role or status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountAdminChange {
    /// The change was written.
    Changed,
    /// The caller is no longer a platform admin; nothing was written.
    ActorLost,
    /// Another request changed the account first; nothing was written.
    Moved,
}

impl UserFilter {
    fn matches(&self, user: &User) -> bool {
        let email = user.email.as_str().to_lowercase();
        self.role.is_none_or(|role| role == user.role)
            && self.from.is_none_or(|from| user.created_at >= from)
            && self.to.is_none_or(|to| user.created_at < to)
            && self.status.is_none_or(|status| status == user.status)
            && self.email.as_ref().is_none_or(|prefix| email.starts_with(prefix))
            && self
                .text
                .as_ref()
                .is_none_or(|text| email.contains(text) || user.name.to_lowercase().contains(text))
    }
}

impl Store {
    /// Returns access to all accounts of the platform.
    pub fn users(&self) -> Users {
        Users(self.clone())
    }
}

impl Store {
    /// Returns a condition that `admin` is an active platform admin when the transaction is written: if two admins
    /// revoke each other's role at the same time, one of them remains.
    pub(crate) fn still_admin(&self, admin: &UserId) -> Result<TransactWriteItem> {
        let is_admin = ("role", value(&PlatformRole::Admin)?);
        let is_active = ("status", value(&UserStatus::Active)?);
        self.identity().part_check(&keys::profile(admin), [is_admin, is_active])
    }
}

impl Users {
    /// Lists accounts, newest first.
    pub async fn list(&self, filter: &UserFilter, now: Timestamp, page: &PageRequest) -> Result<Page<User>> {
        let months = months_back(&month_of(now), FIRST_MONTH).into_iter();
        let partitions = months.map(|month| ListPartition {
            shards: Vec::new(),
            hash: vec![("kind", "user".to_owned()), ("month", month.clone())],
            name: month,
            index: Some("admin_list"),
            range: &["created_at", "id"],
        });
        paginate(self.0.identity(), partitions.collect(), page, |item| {
            let user: User = from_item(item)?;
            Ok(filter.matches(&user).then_some(user))
        })
        .await
    }

    /// Counts the accounts created on these days (UTC) up to `now` that have not been deleted since.
    pub async fn count(&self, period: Period, now: Timestamp) -> Result<u64> {
        let month = |day: Date| day.to_string()[..7].to_owned();
        let newest = month_of(now).min(month(period.to));
        let oldest = month(period.from).max(FIRST_MONTH.to_owned());
        let mut count = 0;
        for month in months_back(&newest, &oldest) {
            let query = self
                .0
                .db
                .query()
                .table_name(&self.0.tables().identity)
                .index_name("admin_list")
                .select(Select::Count)
                .key_condition_expression("#kind = :user AND #month = :month AND created_at BETWEEN :from AND :to")
                .filter_expression("#status <> :deleted")
                .expression_attribute_names("#kind", "kind")
                .expression_attribute_names("#month", "month")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":user", s("user"))
                .expression_attribute_values(":month", s(month))
                .expression_attribute_values(":from", s(period.from.to_string()))
                // Sorts after every time of the last day.
                .expression_attribute_values(":to", s(format!("{}~", period.to)))
                .expression_attribute_values(":deleted", value(&UserStatus::Deleted)?);
            let mut pages = query.into_paginator().send();
            while let Some(page) = pages.next().await {
                count += u64::try_from(page.map_err(failed)?.count).map_err(Error::internal)?;
            }
        }
        Ok(count)
    }

    /// Replaces role and status of `before` by those of `after`, provided `admin` is still an active platform admin.
    pub async fn change_standing(
        &self,
        admin: Option<&UserId>,
        before: &User,
        after: &User,
        entry: &AuditEntry,
    ) -> Result<AccountAdminChange> {
        let table = &self.0.tables().identity;
        let update = Update::builder()
            .table_name(table)
            .set_key(Some(primary(&keys::profile(&before.id))))
            .update_expression("SET #role = :role, #status = :status")
            .condition_expression("#role = :old_role AND #status = :old_status")
            .expression_attribute_names("#role", "role")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":role", value(&after.role)?)
            .expression_attribute_values(":status", value(&after.status)?)
            .expression_attribute_values(":old_role", value(&before.role)?)
            .expression_attribute_values(":old_status", value(&before.status)?)
            .build()
            .map_err(Error::internal)?;
        let mut parts = vec![TransactWriteItem::builder().update(update).build()];
        if let Some(admin) = admin {
            parts.push(self.0.still_admin(admin)?);
        }
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => AccountAdminChange::Changed,
            Transaction::Refused(0) => AccountAdminChange::Moved,
            Transaction::Refused(_) => AccountAdminChange::ActorLost,
        })
    }
}
