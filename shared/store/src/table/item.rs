//! Helpers over the SDK: items to and from domain types, and conditional writes as values.
//!
//! # Writes that may have been carried out
//!
//! A table may carry out a write whose response is lost: a timeout, a broken connection, a failure of the service. The
//! SDK then sends the write again ([`crate::table::retry`]), and a condition may fail because of the call's own first
//! attempt. So each write is of one of these kinds:
//!
//! 1. **Transactions** ([`transact`]) have a token: repeating one that was carried out succeeds without an effect. Rare
//!    writes that decide which caller was first are transactions of one part, [`Table::put_first`] and
//!    [`Table::delete_first`].
//! 2. **Repeatable writes** ([`conditional`], [`Table::delete`]) have the same effect twice as once: their conditions
//!    also hold after their own effect, or no caller depends on whether they held.
//! 3. **New items** ([`Table::put_new`]) have keys with a freshly generated ID, so an item found there in doubt is
//!    their own.
//! 4. **Recognizable writes** ([`conditional_or_own`]) leave an item that differs from that of every other write, such
//!    as the next revision number with its content.
//! 5. **Marked writes** ([`conditional_once`]) leave an ID, [`WRITE_ID`], and are refused where it is found: additions
//!    to numbers, and claims that look the same whoever writes them. If another write of the same item comes between
//!    such a write and its repetition, the ID is gone and the write is applied twice; what must be right even then
//!    is a transaction. For ephemeral data (rates, password attempts) that costs at most one extra count.
//!
//! There are no other plain writes.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    config::http::HttpResponse,
    error::SdkError,
    operation::{
        put_item::{PutItemError, builders::PutItemFluentBuilder},
        query::builders::QueryFluentBuilder,
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use domain::{Error, Page, PageRequest, Result, id::random_bytes};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) use crate::table::list_filter::ListFilter;
pub(crate) use crate::table::transaction::{Transaction, part, part_condition, transact};
use crate::{keys::Key, table::retry::in_doubt};

/// Maximum number of outbox entries read at once.
const PORTION: i32 = 250;

/// An item as the SDK represents it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Most items that one query of a filtered list examines.
const MAX_EXAMINED: usize = 1_000;

/// Condition of a write that must not replace an item.
pub(crate) const ITEM_MISSING: &str = "attribute_not_exists(pk)";
/// Condition of a write that must not create an item.
pub(crate) const ITEM_EXISTS: &str = "attribute_exists(pk)";

/// Returns a string value.
pub(crate) fn s(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// Returns a number value.
pub(crate) fn n(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Returns any serializable value as an attribute value.
pub(crate) fn value(value: &impl Serialize) -> Result<AttributeValue> {
    serde_dynamo::to_attribute_value(value).map_err(Error::internal)
}

/// Returns `entity` as the item at `key`.
pub(crate) fn to_item(key: &Key, entity: &impl Serialize) -> Result<Item> {
    let mut item: Item = serde_dynamo::to_item(entity).map_err(Error::internal)?;
    // Absent and null mean the same; absent keeps index keys sparse and items small.
    item.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
    item.insert("pk".to_owned(), s(&key.pk));
    item.insert("sk".to_owned(), s(&key.sk));
    Ok(item)
}

/// Returns the entity in `item`; attributes it does not know are ignored.
pub(crate) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T> {
    serde_dynamo::from_item(item).map_err(Error::internal)
}

/// Returns the primary key as the SDK expects it.
pub(crate) fn primary(key: &Key) -> Item {
    HashMap::from([("pk".to_owned(), s(&key.pk)), ("sk".to_owned(), s(&key.sk))])
}

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

    /// Returns one item. All single reads are strongly consistent, so own writes are always seen.
    pub(crate) async fn get<T: DeserializeOwned>(&self, key: Key) -> Result<Option<T>> {
        self.get_raw(key, true).await?.map(from_item).transpose()
    }

    /// Writes an item whose key has a freshly generated ID. Returns whether the key was free.
    pub(crate) async fn put_new(&self, item: Item) -> Result<bool> {
        let put = self.db.put_item().table_name(self.name).set_item(Some(item));
        Ok(match send_put(put.condition_expression(ITEM_MISSING)).await? {
            Conditional::Held(_) => true,
            Conditional::Failed { in_doubt, .. } => in_doubt,
        })
    }

    /// Writes an item, replacing any that exists.
    pub(crate) async fn put(&self, item: Item) -> Result<()> {
        let put = self.db.put_item().table_name(self.name).set_item(Some(item));
        put.send().await.map_err(failed).map(|_| ())
    }

    /// Deletes an item, if it exists.
    pub(crate) async fn delete(&self, key: &Key) -> Result<()> {
        let delete = self.db.delete_item().table_name(self.name);
        let delete = delete.set_key(Some(primary(key)));
        delete.send().await.map_err(failed).map(|_| ())
    }

    /// Begins an update of `key`.
    pub(crate) fn update(&self, key: &Key) -> UpdateItemFluentBuilder {
        self.db.update_item().table_name(self.name).set_key(Some(primary(key)))
    }

    /// Lists one page of the items of `pk` whose sort key starts with `prefix`, newest first. The page's cursor is the
    /// rest of the sort key, so it reveals nothing about the partition.
    pub(crate) async fn list(
        &self,
        pk: String,
        prefix: &str,
        page: &PageRequest,
        narrow: ListFilter,
    ) -> Result<Page<Item>> {
        let limit = usize::from(page.limit);
        let mut items = Vec::new();
        // A start key need not exist, so it is built from the cursor and the caller's own partition.
        let mut start = page.after.as_ref().map(|after| {
            primary(&Key {
                pk: pk.clone(),
                sk: format!("{prefix}{after}"),
            })
        });
        // A filter or the page size may shorten a result; one item more than requested shows that there is a next page.
        // A filter that little passes examines more and more items at once.
        let mut examined = limit + 1;
        while items.len() <= limit {
            let query = self
                .db
                .query()
                .table_name(self.name)
                .scan_index_forward(false)
                .consistent_read(true);
            let query = query
                .limit(i32::try_from(examined).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let answer = narrow
                .apply(starting_with(query, &pk, prefix))
                .send()
                .await
                .map_err(failed)?;
            let passed = answer.items.unwrap_or_default();
            if passed.len() * 4 < examined {
                examined = (examined * 2).min(MAX_EXAMINED);
            }
            items.extend(passed);
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

    /// Returns all items of `pk` whose sort key starts with `prefix`, oldest key first: only for sets that a rule
    /// bounds.
    pub(crate) async fn all_below<T: DeserializeOwned>(&self, pk: &str, prefix: &str) -> Result<Vec<T>> {
        let query = self.db.query().table_name(self.name).consistent_read(true);
        let mut pages = starting_with(query, pk, prefix).into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            found.push(from_item(item.map_err(failed)?)?);
        }
        Ok(found)
    }

    /// Returns the items of `pk` whose `created_ms` is before `before_ms` (milliseconds since the Unix epoch), in the
    /// order of their keys, among the first [`PORTION`].
    pub(crate) async fn created_before(&self, pk: &str, before_ms: i64) -> Result<Vec<Item>> {
        let query = self.db.query().consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk")
            .filter_expression("created_ms < :before")
            .expression_attribute_values(":pk", s(pk))
            .expression_attribute_values(":before", n(before_ms));
        self.first(query, PORTION).await
    }

    /// Returns the items that a query finds among the first `most` it examines: pages may end early, whatever their
    /// limit.
    pub(crate) async fn first(&self, query: QueryFluentBuilder, most: i32) -> Result<Vec<Item>> {
        let (mut found, mut left, mut start) = (Vec::new(), most, None);
        loop {
            let page = query
                .clone()
                .table_name(self.name)
                .limit(left)
                .set_exclusive_start_key(start);
            let answer = page.send().await.map_err(failed)?;
            found.extend(answer.items.unwrap_or_default());
            left -= answer.scanned_count;
            start = answer.last_evaluated_key;
            if start.is_none() || left <= 0 {
                return Ok(found);
            }
        }
    }

    /// Returns the keys of all items of `pk` whose sort key starts with `prefix`: only for sets that a rule bounds.
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

pub(crate) fn starting_with(query: QueryFluentBuilder, pk: &str, prefix: &str) -> QueryFluentBuilder {
    query
        .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
        .expression_attribute_values(":pk", s(pk))
        .expression_attribute_values(":prefix", s(prefix))
}

/// Returns the sort key without its prefix.
fn suffix<'i>(item: &'i Item, prefix: &str) -> Option<&'i str> {
    item.get("sk")?.as_s().ok()?.strip_prefix(prefix)
}

/// The outcome of a conditional write.
pub(crate) enum Conditional {
    /// The condition held. Contains the attributes requested by `ReturnValues`.
    Held(Item),
    /// The condition did not hold.
    Failed {
        /// The current item, if it exists.
        item: Option<Item>,
        /// Whether this may be the effect of an earlier attempt of the same call whose response was lost.
        in_doubt: bool,
    },
}

/// Sends an update with a condition.
pub(crate) async fn send_update(
    update: UpdateItemFluentBuilder,
) -> Result<Conditional, SdkError<UpdateItemError, HttpResponse>> {
    let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    match Box::pin(update.send()).await {
        Ok(answer) => Ok(Conditional::Held(answer.attributes.unwrap_or_default())),
        Err(SdkError::ServiceError(e)) => match e.err() {
            UpdateItemError::ConditionalCheckFailedException(failed) => Ok(Conditional::Failed {
                item: failed.item.clone(),
                in_doubt: in_doubt(e.raw()),
            }),
            _ => Err(SdkError::ServiceError(e)),
        },
        Err(error) => Err(error),
    }
}

/// Sends a put with a condition.
pub(crate) async fn send_put(put: PutItemFluentBuilder) -> Result<Conditional> {
    let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    match Box::pin(put.send()).await {
        Ok(answer) => Ok(Conditional::Held(answer.attributes.unwrap_or_default())),
        Err(SdkError::ServiceError(e)) => match e.err() {
            PutItemError::ConditionalCheckFailedException(failed) => Ok(Conditional::Failed {
                item: failed.item.clone(),
                in_doubt: in_doubt(e.raw()),
            }),
            _ => Err(failed(SdkError::ServiceError(e))),
        },
        Err(error) => Err(failed(error)),
    }
}

/// Sends a repeatable update. Returns `None` if its condition did not hold, else the attributes requested by
/// `ReturnValues`.
pub(crate) async fn conditional(update: UpdateItemFluentBuilder) -> Result<Option<Item>> {
    conditional_or_own(update, |_| false).await
}

/// Sends a recognizable update: `is_own` tells whether an item is as this update leaves it. Returns `None` if its
/// condition did not hold for another reason than its own effect. The item found in that case is returned instead of
/// what `ReturnValues` requests.
pub(crate) async fn conditional_or_own(
    update: UpdateItemFluentBuilder,
    is_own: impl FnOnce(&Item) -> bool,
) -> Result<Option<Item>> {
    Ok(match send_update(update).await.map_err(failed)? {
        Conditional::Held(item) => Some(item),
        Conditional::Failed { item, in_doubt } => item.filter(|item| in_doubt && is_own(item)),
    })
}

/// The attribute with the ID of the last marked write of an item.
pub(crate) const WRITE_ID: &str = "write_id";

/// Generates an ID for a marked write.
pub(crate) fn new_write_id() -> Result<AttributeValue> {
    Ok(s(hex::encode(random_bytes::<8>()?)))
}

/// Sends a marked update, whose expression is a single `SET` clause. If its condition did not hold, returns the
/// current item instead.
pub(crate) async fn conditional_once(update: UpdateItemFluentBuilder) -> Result<Result<Item, Option<Item>>> {
    let id = new_write_id()?;
    let set = update.get_update_expression().clone().unwrap_or_default();
    let unmade = format!("(attribute_not_exists({WRITE_ID}) OR {WRITE_ID} <> :{WRITE_ID})");
    let condition = match update.get_condition_expression() {
        Some(condition) => format!("({condition}) AND {unmade}"),
        None => unmade,
    };
    let update = update
        .update_expression(format!("{set}, {WRITE_ID} = :{WRITE_ID}"))
        .condition_expression(condition)
        .expression_attribute_values(format!(":{WRITE_ID}"), id.clone());
    Ok(match send_update(update).await.map_err(failed)? {
        Conditional::Held(item) => Ok(item),
        Conditional::Failed { item, in_doubt } => match item {
            Some(item) if in_doubt && item.get(WRITE_ID) == Some(&id) => Ok(item),
            item => Err(item),
        },
    })
}

/// A failure of the table itself: the caller may retry.
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
