//! Transactions, and their parts.
//!
//! The SDK sends every attempt with the same token, so a transaction that was carried out although its response was
//! lost succeeds when it is sent again, without a second effect: see [`crate::table::item`].

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update,
        builders::{ConditionCheckBuilder, PutBuilder, UpdateBuilder},
    },
};
use domain::{Error, Result};

use crate::{
    keys::Key,
    table::item::{ITEM_EXISTS, ITEM_MISSING, Item, Table, failed, primary},
};

/// The outcome of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transaction {
    /// All of it was written.
    Done,
    /// Nothing was written: the condition of the part with this index (the first such part) did not hold.
    Refused(usize),
}

/// Writes all parts or nothing.
pub(crate) async fn transact(db: &Client, parts: Vec<TransactWriteItem>) -> Result<Transaction> {
    let Err(canceled) = transact_or_reasons(db, parts).await? else {
        return Ok(Transaction::Done);
    };
    let failed_condition = |reason: &CancellationReason| reason.code() == Some(CONDITION_FAILED);
    match canceled.reasons.iter().position(failed_condition) {
        Some(part) => Ok(Transaction::Refused(part)),
        None => Err(canceled.error),
    }
}

/// The code of a part whose condition did not hold.
pub(crate) const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// A transaction that wrote nothing.
pub(crate) struct Canceled {
    /// The reasons, part by part.
    pub(crate) reasons: Vec<CancellationReason>,
    /// The error for callers that cannot handle the reasons.
    pub(crate) error: Error,
}

/// Writes all parts or nothing, and returns the reasons of all parts if nothing was written.
pub(crate) async fn transact_or_reasons(
    db: &Client,
    parts: Vec<TransactWriteItem>,
) -> Result<std::result::Result<(), Canceled>> {
    let write = db.transact_write_items().set_transact_items(Some(parts));
    let Err(error) = Box::pin(write.send()).await else {
        return Ok(Ok(()));
    };
    let reasons = match &error {
        SdkError::ServiceError(e) => match e.err() {
            TransactWriteItemsError::TransactionCanceledException(canceled) => {
                Some(canceled.cancellation_reasons().to_vec())
            }
            _ => None,
        },
        _ => None,
    };
    let error = failed(error);
    match reasons {
        Some(reasons) => Ok(Err(Canceled { reasons, error })),
        None => Err(error),
    }
}

/// Writes that decide something by whether they were first, and are too rare for the double price to matter.
impl Table<'_> {
    /// Writes an item at a key that other callers may write too. Returns whether this call created it.
    pub(crate) async fn put_first(&self, item: Item) -> Result<bool> {
        let parts = vec![self.part_put_new(item)?];
        Ok(transact(self.db, parts).await? == Transaction::Done)
    }

    /// Deletes an item. Returns whether this call did.
    pub(crate) async fn delete_first(&self, key: &Key) -> Result<bool> {
        let parts = vec![self.part_delete(key, None)?];
        Ok(transact(self.db, parts).await? == Transaction::Done)
    }
}

fn put_part(put: PutBuilder) -> Result<TransactWriteItem> {
    let put = put.build().map_err(Error::internal)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Parts of a transaction.
impl Table<'_> {
    /// Writes an item that must not exist yet.
    pub(crate) fn part_put_new(&self, item: Item) -> Result<TransactWriteItem> {
        self.part_put_if(item, ITEM_MISSING, [])
    }

    /// Writes an item under a condition on the existing one.
    pub(crate) fn part_put_if<const N: usize>(
        &self,
        item: Item,
        condition: &str,
        values: [(&str, AttributeValue); N],
    ) -> Result<TransactWriteItem> {
        let put = Put::builder().table_name(self.name).set_item(Some(item));
        let values = values.map(|(name, value)| (name.to_owned(), value));
        let put = put.condition_expression(condition);
        put_part(put.set_expression_attribute_values((N > 0).then(|| values.into())))
    }

    /// Writes an item, replacing any that exists.
    pub(crate) fn part_put(&self, item: Item) -> Result<TransactWriteItem> {
        put_part(Put::builder().table_name(self.name).set_item(Some(item)))
    }

    /// Deletes an item that must exist and, if given, must have this value in this attribute.
    pub(crate) fn part_delete(&self, key: &Key, having: Option<(&str, AttributeValue)>) -> Result<TransactWriteItem> {
        let delete = Delete::builder().table_name(self.name).set_key(Some(primary(key)));
        let delete = match having {
            None => delete.condition_expression(ITEM_EXISTS),
            Some((name, value)) => delete
                .condition_expression("#attribute = :value")
                .expression_attribute_names("#attribute", name)
                .expression_attribute_values(":value", value),
        };
        let delete = delete.build().map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Deletes an item, if it exists.
    pub(crate) fn part_delete_any(&self, key: &Key) -> Result<TransactWriteItem> {
        let delete = Delete::builder().table_name(self.name).set_key(Some(primary(key)));
        let delete = delete.build().map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Deletes an item under a condition on its content.
    pub(crate) fn part_delete_if(&self, key: &Key, condition: &str) -> Result<TransactWriteItem> {
        let delete = Delete::builder().table_name(self.name).set_key(Some(primary(key)));
        let delete = delete
            .condition_expression(condition)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Deletes an item under a condition with values.
    pub(crate) fn part_delete_where<const N: usize>(
        &self,
        key: &Key,
        condition: &str,
        values: [(&str, AttributeValue); N],
    ) -> Result<TransactWriteItem> {
        let delete = Delete::builder().table_name(self.name).set_key(Some(primary(key)));
        let values = values.map(|(name, value)| (name.to_owned(), value));
        let delete = delete
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values.into()))
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Begins an update; [`part`] completes it.
    pub(crate) fn part_update(&self, key: &Key) -> UpdateBuilder {
        Update::builder().table_name(self.name).set_key(Some(primary(key)))
    }

    /// Requires that an item has these values in these attributes.
    pub(crate) fn part_check<const N: usize>(
        &self,
        key: &Key,
        attributes: [(&str, AttributeValue); N],
    ) -> Result<TransactWriteItem> {
        let mut check = ConditionCheck::builder()
            .table_name(self.name)
            .set_key(Some(primary(key)));
        let mut conditions = Vec::with_capacity(N);
        for (number, (name, value)) in attributes.into_iter().enumerate() {
            conditions.push(format!("#a{number} = :a{number}"));
            check = check
                .expression_attribute_names(format!("#a{number}"), name)
                .expression_attribute_values(format!(":a{number}"), value);
        }
        part_condition(check.condition_expression(conditions.join(" AND ")))
    }
}

/// Returns a condition as a part of a transaction.
pub(crate) fn part_condition(check: ConditionCheckBuilder) -> Result<TransactWriteItem> {
    let check = check.build().map_err(Error::internal)?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

/// Returns an update as a part of a transaction.
pub(crate) fn part(update: UpdateBuilder) -> Result<TransactWriteItem> {
    let update = update.build().map_err(Error::internal)?;
    Ok(TransactWriteItem::builder().update(update).build())
}
