//! Completes accounts of Clerk users with data that was missing when they were created.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use domain::{AuditEntry, Email, Result, User};

use super::{Clerk, name_map, set_epochs};
use crate::{
    auth::revocation::if_epochs_as_read,
    keys,
    table::item::{Transaction, part, primary, s},
};

/// Data that was missing from an account of a Clerk user.
#[derive(Debug)]
pub struct Completion<'a> {
    /// The account as it was read.
    pub user: &'a User,
    /// Their name, replacing a placeholder.
    pub name: Option<&'a str>,
    /// Their email address, replacing a placeholder that receives nothing.
    pub email: Option<&'a Email>,
    /// Whether the resulting address is verified, here or at Clerk.
    pub verified: bool,
    /// Whether Clerk has verified it, so that its owner is known.
    pub owner_is_known: bool,
}

/// The outcome of a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completed {
    /// It was written.
    Done,
    /// The account has changed since it was read; nothing was written.
    AccountMoved,
    /// Another account has the email address; nothing was written.
    EmailTaken,
}

impl Clerk {
    /// Completes an account, unless it has changed since it was read as `completion.user`.
    pub async fn complete(&self, completion: &Completion<'_>, entry: &AuditEntry) -> Result<Completed> {
        let (user, table) = (completion.user, &self.0.tables().identity);
        let set = "SET #name = :name, email = :email, email_verified = :verified";
        let (mut set, mut values) = (set.to_owned(), HashMap::new());
        if let Some(name) = completion.name {
            set.push_str(", clerk_name = :clerk_name");
            values.insert(":clerk_name".to_owned(), name_map(name));
        }
        set.push_str(&set_epochs(
            user,
            completion.email,
            completion.owner_is_known,
            &mut values,
        )?);
        let conditions = vec![
            "#name = :old_name AND email = :old_email AND #status <> :deleted".to_owned(),
            "(attribute_not_exists(email_verified) OR email_verified = :old_verified)".to_owned(),
        ];
        let profile = Update::builder()
            .table_name(table)
            .set_key(Some(primary(&keys::profile(&user.id))))
            .update_expression(set)
            .set_expression_attribute_values(Some(values))
            .expression_attribute_names("#name", "name")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":name", s(completion.name.unwrap_or(&user.name)))
            .expression_attribute_values(":email", s(completion.email.unwrap_or(&user.email).as_str()))
            .expression_attribute_values(":verified", AttributeValue::Bool(completion.verified))
            .expression_attribute_values(":old_name", s(&user.name))
            .expression_attribute_values(":old_email", s(user.email.as_str()))
            .expression_attribute_values(":old_verified", AttributeValue::Bool(user.email_verified))
            .expression_attribute_values(":deleted", s("deleted"));
        let mut parts = vec![part(if_epochs_as_read(profile, user, conditions)?)?];
        if let Some(email) = completion.email {
            parts.extend(self.readdress(user, email, entry.created_at)?);
        }
        Ok(match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => Completed::Done,
            Transaction::Refused(0) => Completed::AccountMoved,
            Transaction::Refused(_) => Completed::EmailTaken,
        })
    }
}
