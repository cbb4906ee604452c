//! Small helpers over the SDK: items to and from model types, and conditional writes as values.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{
        delete_item::DeleteItemError, put_item::PutItemError, query::builders::QueryFluentBuilder,
        transact_write_items::TransactWriteItemsError, update_item::UpdateItemError,
        update_item::builders::UpdateItemFluentBuilder,
    },
    types::{
        AttributeValue, ConditionCheck, Delete, KeysAndAttributes, Put, TransactWriteItem, Update,
        builders::{PutBuilder, UpdateBuilder},
    },
};
use model::{Error, Page, PageRequest, Result};
use serde::{Serialize, de::DeserializeOwned};

use crate::{keys::Key, patience::Patience};

/// An item as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Condition of a write that must not replace anything.
pub(crate) const ABSENT: &str = "attribute_not_exists(pk)";
/// Condition of a write that must not create anything.
pub(crate) const PRESENT: &str = "attribute_exists(pk)";

/// A string value.
pub(crate) fn s(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number value.
pub(crate) fn n(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Any serializable value.
pub(crate) fn value(value: &impl Serialize) -> Result<AttributeValue> {
    serde_dynamo::to_attribute_value(value).map_err(Error::internal)
}

/// `entity` as the item at `key`.
pub(crate) fn to_item(key: &Key, entity: &impl Serialize) -> Result<Item> {
    let mut item: Item = serde_dynamo::to_item(entity).map_err(Error::internal)?;
    // Absent and null mean the same; absent keeps index keys sparse and items small.
    item.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
    item.insert("pk".to_owned(), s(&key.pk));
    item.insert("sk".to_owned(), s(&key.sk));
    Ok(item)
}

/// The entity in `item`; attributes it does not know are ignored.
pub(crate) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T> {
    serde_dynamo::from_item(item).map_err(Error::internal)
}

/// The primary key as the SDK wants it.
pub(crate) fn primary(key: &Key) -> Item {
    HashMap::from([("pk".to_owned(), s(&key.pk)), ("sk".to_owned(), s(&key.sk))])
}

/// How often keys that a throttled table left unread are asked for.
const MAX_READ_ROUNDS: u32 = 8;

/// One table.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    pub(crate) db: &'a Client,
    pub(crate) name: &'a str,
}

impl Table<'_> {
    pub(crate) async fn get_raw(&self, key: Key, consistent: bool) -> Result<Option<Item>> {
        let get = self
            .db
            .get_item()
            .table_name(self.name)
            .set_key(Some(primary(&key)))
            .consistent_read(consistent);
        Ok(get.send().await.map_err(failed)?.item)
    }

    /// Reads one item. Own writes are always seen: all single reads are strongly consistent.
    pub(crate) async fn get<T: DeserializeOwned>(&self, key: Key) -> Result<Option<T>> {
        self.get_raw(key, true).await?.map(from_item).transpose()
    }

    /// Writes an item that must not exist yet; answers whether this call created it.
    pub(crate) async fn put_new(&self, item: Item) -> Result<bool> {
        let put = self
            .db
            .put_item()
            .table_name(self.name)
            .set_item(Some(item))
            .condition_expression(ABSENT);
        match put.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(e)) if matches!(e.err(), PutItemError::ConditionalCheckFailedException(_)) => {
                Ok(false)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Deletes an item; answers whether it was there.
    pub(crate) async fn delete(&self, key: &Key) -> Result<bool> {
        let delete = self
            .db
            .delete_item()
            .table_name(self.name)
            .set_key(Some(primary(key)))
            .condition_expression(PRESENT);
        match delete.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(e))
                if matches!(e.err(), DeleteItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(false)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Begins an update of `key`.
    pub(crate) fn update(&self, key: &Key) -> UpdateItemFluentBuilder {
        self.db.update_item().table_name(self.name).set_key(Some(primary(key)))
    }

    /// One page of the items of `pk` whose sort key starts with `prefix`, newest first. The page's cursor is the
    /// rest of the sort key, so it says nothing about the partition.
    pub(crate) async fn list(
        &self,
        pk: String,
        prefix: &str,
        page: &PageRequest,
        narrow: Narrow,
    ) -> Result<Page<Item>> {
        let limit = usize::from(page.limit);
        let mut items = Vec::new();
        // A start key need not exist, so one is made from the cursor and the caller's own partition.
        let mut start = page.after.as_ref().map(|after| {
            primary(&Key {
                pk: pk.clone(),
                sk: format!("{prefix}{after}"),
            })
        });
        // A filter or the size of a page can leave answers short; one item more than asked for shows that there is a next page.
        while items.len() <= limit {
            let query = self
                .db
                .query()
                .table_name(self.name)
                .scan_index_forward(false)
                .consistent_read(true);
            let query = query
                .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let answer = narrow
                .apply(starting_with(query, &pk, prefix))
                .send()
                .await
                .map_err(failed)?;
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        let next = (items.len() > limit)
            .then(|| {
                items.truncate(limit);
                items.last().and_then(|item| suffix(item, prefix)).map(str::to_owned)
            })
            .flatten();
        Ok(Page { items, next })
    }

    /// All items of `pk` whose sort key starts with `prefix`, oldest key first: only for sets that are bounded by a
    /// rule.
    pub(crate) async fn all_below<T: DeserializeOwned>(&self, pk: &str, prefix: &str) -> Result<Vec<T>> {
        let query = self.db.query().table_name(self.name).consistent_read(true);
        let mut pages = starting_with(query, pk, prefix).into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            found.push(from_item(item.map_err(failed)?)?);
        }
        Ok(found)
    }

    /// The items among `keys` that exist, in no order; at most 100 keys, each once. Strongly consistent.
    pub(crate) async fn among(&self, keys: &[Key]) -> Result<Vec<Item>> {
        let mut found = Vec::with_capacity(keys.len());
        let mut pending: Vec<Item> = keys.iter().map(primary).collect();
        let mut rounds = 0;
        while !pending.is_empty() {
            rounds += 1;
            if rounds > MAX_READ_ROUNDS {
                return Err(Error::unavailable("the table left keys unread"));
            }
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(std::mem::take(&mut pending)))
                .consistent_read(true)
                .build()
                .map_err(Error::internal)?;
            let asked = self.db.batch_get_item().request_items(self.name, wanted);
            let answer = asked.send().await.map_err(failed)?;
            found.extend(answer.responses.unwrap_or_default().into_values().flatten());
            let left = answer.unprocessed_keys.and_then(|mut left| left.remove(self.name));
            pending.extend(left.into_iter().flat_map(|left| left.keys));
        }
        Ok(found)
    }

    /// All items of `pk` whose sort key starts with `prefix`: only for sets that are bounded by a rule.
    pub(crate) async fn keys_below(&self, pk: &str, prefix: &str) -> Result<Vec<Key>> {
        let query = self.db.query().table_name(self.name).consistent_read(true);
        let query = query.projection_expression("sk");
        let mut pages = starting_with(query, pk, prefix).into_paginator().items().send();
        let mut keys = Vec::new();
        while let Some(item) = pages.next().await {
            if let Some(AttributeValue::S(sk)) = item.map_err(failed)?.remove("sk") {
                let pk = pk.to_owned();
                keys.push(Key { pk, sk });
            }
        }
        Ok(keys)
    }
}

/// A filter on top of a key condition.
#[derive(Debug, Default)]
pub(crate) struct Narrow {
    pub(crate) expression: Option<&'static str>,
    pub(crate) values: Vec<(&'static str, AttributeValue)>,
}

impl Narrow {
    fn apply(&self, mut query: QueryFluentBuilder) -> QueryFluentBuilder {
        if let Some(expression) = self.expression {
            query = query.filter_expression(expression);
            for (name, value) in &self.values {
                query = query.expression_attribute_values(*name, value.clone());
            }
        }
        query
    }
}

pub(crate) fn starting_with(query: QueryFluentBuilder, pk: &str, prefix: &str) -> QueryFluentBuilder {
    query
        .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
        .expression_attribute_values(":pk", s(pk))
        .expression_attribute_values(":prefix", s(prefix))
}

/// The sort key without its prefix.
fn suffix<'i>(item: &'i Item, prefix: &str) -> Option<&'i str> {
    item.get("sk")?.as_s().ok()?.strip_prefix(prefix)
}

/// Sends an update; `None` when its condition did not hold. With `ReturnValues` set, the answer holds the item.
pub(crate) async fn conditional(update: UpdateItemFluentBuilder) -> Result<Option<Item>> {
    match update.send().await {
        Ok(answer) => Ok(Some(answer.attributes.unwrap_or_default())),
        Err(SdkError::ServiceError(e)) if matches!(e.err(), UpdateItemError::ConditionalCheckFailedException(_)) => {
            Ok(None)
        }
        Err(error) => Err(failed(error)),
    }
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transaction {
    /// All of it was written.
    Done,
    /// None of it: the condition of the part with this index did not hold (the first such part).
    Refused(usize),
}

/// Writes all parts or none. A conflict with another transaction is tried again while [`Patience`] lasts.
pub(crate) async fn transact(db: &Client, parts: Vec<TransactWriteItem>) -> Result<Transaction> {
    transact_with(db, parts, &mut Patience::default()).await
}

/// The same, with what is left of the patience of a caller who tries again for reasons of its own.
pub(crate) async fn transact_with(
    db: &Client,
    parts: Vec<TransactWriteItem>,
    patience: &mut Patience,
) -> Result<Transaction> {
    loop {
        let write = db.transact_write_items().set_transact_items(Some(parts.clone()));
        let Err(error) = write.send().await else {
            return Ok(Transaction::Done);
        };
        let reasons = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(e)) => e.cancellation_reasons(),
            _ => return Err(failed(error)),
        };
        if let Some(part) = reasons.iter().position(|r| r.code() == Some("ConditionalCheckFailed")) {
            return Ok(Transaction::Refused(part));
        }
        let is_conflict = reasons.iter().any(|r| r.code() == Some("TransactionConflict"));
        if !is_conflict || !patience.wait().await? {
            return Err(failed(error));
        }
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
        self.part_put_if(item, ABSENT, [])
    }

    /// Writes an item under a condition on what is there.
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

    /// Writes an item, whatever is there.
    pub(crate) fn part_put(&self, item: Item) -> Result<TransactWriteItem> {
        put_part(Put::builder().table_name(self.name).set_item(Some(item)))
    }

    /// Deletes an item that must be there, and has to have this value in this attribute if one is given.
    pub(crate) fn part_delete(&self, key: &Key, having: Option<(&str, AttributeValue)>) -> Result<TransactWriteItem> {
        let delete = Delete::builder().table_name(self.name).set_key(Some(primary(key)));
        let delete = match having {
            None => delete.condition_expression(PRESENT),
            Some((name, value)) => delete
                .condition_expression("#attribute = :value")
                .expression_attribute_names("#attribute", name)
                .expression_attribute_values(":value", value),
        };
        let delete = delete.build().map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Begins an update; [`part`] ends it.
    pub(crate) fn part_update(&self, key: &Key) -> UpdateBuilder {
        Update::builder().table_name(self.name).set_key(Some(primary(key)))
    }

    /// Sees to it that an item has this value in this attribute.
    pub(crate) fn part_check(&self, key: &Key, name: &str, value: AttributeValue) -> Result<TransactWriteItem> {
        let check = ConditionCheck::builder()
            .table_name(self.name)
            .set_key(Some(primary(key)))
            .condition_expression("#attribute = :value")
            .expression_attribute_names("#attribute", name)
            .expression_attribute_values(":value", value)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}

/// An update as a part of a transaction.
pub(crate) fn part(update: UpdateBuilder) -> Result<TransactWriteItem> {
    let update = update.build().map_err(Error::internal)?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// A failure of the table itself: the caller may try again.
pub(crate) fn failed<E, R>(error: SdkError<E, R>) -> Error
where
    E: std::error::Error + Send + Sync + aws_sdk_dynamodb::error::ProvideErrorMetadata + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let validation = error
        .as_service_error()
        .is_some_and(|e| e.code() == Some("ValidationException"));
    if validation {
        Error::internal(error)
    } else {
        Error::unavailable(error)
    }
}
