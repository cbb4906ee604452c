//! What an account of a person at Clerk lacked when it was made.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use domain::{AuditEntry, Email, Result, User};

use super::{Clerk, name_map, set_epochs};
use crate::{
    auth::revocation::if_epochs_as_read,
    keys,
    table::item::{Transaction, part, primary, s},
};

/// What an account of a person at Clerk lacked and gets.
#[derive(Debug)]
pub struct Completion<'a> {
    /// The account as it is.
    pub user: &'a User,
    /// Their name, in place of one that was made up.
    pub name: Option<&'a str>,
    /// Their address, in place of one that can receive nothing.
    pub email: Option<&'a Email>,
    /// Whether the address that the account has then is verified, here or at Clerk.
    pub verified: bool,
    /// Whether Clerk has verified it: then its owner is known.
    pub owner_is_known: bool,
}

/// What became of a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completed {
    /// It is written.
    Done,
    /// The account is not as it was read; nothing was written.
    AccountMoved,
    /// Another account has the address; nothing was written.
    EmailTaken,
}

impl Clerk {
    /// Gives an account what it lacked, unless it is not as `completion.user` any more.
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
