//! Changes of several items in one transaction, or in one plain update if there is only one.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata as _,
    types::{AttributeValue, CancellationReason, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use domain::Result;

use crate::{
    Store,
    keys::Key,
    table::item::{self, Conditional, Item, n, part, s},
    table::transaction::{CONDITION_FAILED, Canceled, transact_or_reasons},
};

/// A change of one item.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    key: Key,
    set: Vec<String>,
    add: Vec<String>,
    remove: Vec<String>,
    delete: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

/// The outcome of changes.
pub(super) enum Written {
    /// All were written; for a single change, with the attributes that it set, as they are afterwards.
    Done(Option<Item>),
    /// Nothing was written.
    Refused {
        /// The changes whose conditions did not hold, by index, with their current items.
        items: Vec<(usize, Option<Item>)>,
        /// Whether the items may reflect this very write, whose first response was lost.
        in_doubt: bool,
    },
    /// Nothing was written: an item would exceed the maximum size.
    TooLarge,
}

impl Change {
    pub(crate) fn of(key: Key) -> Self {
        Self {
            key,
            set: Vec::new(),
            add: Vec::new(),
            remove: Vec::new(),
            delete: Vec::new(),
            conditions: Vec::new(),
            names: HashMap::new(),
            values: HashMap::new(),
        }
    }

    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// Adds to a number; an absent one is 0.
    pub(crate) fn add(&mut self, name: &str, number: i64) {
        if number != 0 {
            let (name, number) = (self.name(name), self.value(n(number)));
            self.add.push(format!("{name} {number}"));
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: AttributeValue) {
        let (name, value) = (self.name(name), self.value(value));
        self.set.push(format!("{name} = {value}"));
    }

    /// Sets an absent attribute.
    pub(crate) fn set_once(&mut self, name: &str, value: AttributeValue) {
        let (name, value) = (self.name(name), self.value(value));
        self.set.push(format!("{name} = if_not_exists({name}, {value})"));
    }

    pub(super) fn remove(&mut self, name: &str) {
        let name = self.name(name);
        self.remove.push(name);
    }

    pub(crate) fn if_present(&mut self, name: &str) {
        let name = self.name(name);
        self.conditions.push(format!("attribute_exists({name})"));
    }

    pub(super) fn if_absent(&mut self, name: &str) {
        let name = self.name(name);
        self.conditions.push(format!("attribute_not_exists({name})"));
    }

    /// Requires that a number is absent, or not above this.
    pub(super) fn if_at_most(&mut self, name: &str, number: i64) {
        let (name, number) = (self.name(name), self.value(n(number)));
        self.conditions
            .push(format!("(attribute_not_exists({name}) OR {name} <= {number})"));
    }

    /// Requires that a number is present, and not below this.
    pub(super) fn if_at_least(&mut self, name: &str, number: u64) {
        let (name, number) = (self.name(name), self.value(n(number)));
        self.conditions.push(format!("{name} >= {number}"));
    }

    /// Requires that a number is present, and from `least` to `most`.
    pub(super) fn if_between(&mut self, name: &str, least: i64, most: i64) {
        let name = self.name(name);
        let (least, most) = (self.value(n(least)), self.value(n(most)));
        self.conditions.push(format!("{name} BETWEEN {least} AND {most}"));
    }

    /// Requires that a number is as it was read; `None` for an absent one.
    pub(crate) fn if_still(&mut self, name: &str, number: Option<u64>) {
        match number {
            None => self.if_absent(name),
            Some(number) => {
                let (name, number) = (self.name(name), self.value(n(number)));
                self.conditions.push(format!("{name} = {number}"));
            }
        }
    }

    /// Adds a text to a set.
    pub(super) fn add_to_set(&mut self, name: &str, text: &str) {
        let texts = AttributeValue::Ss(vec![text.to_owned()]);
        let (name, texts) = (self.name(name), self.value(texts));
        self.add.push(format!("{name} {texts}"));
    }

    /// Removes a text from a set. DynamoDB removes a set that becomes empty.
    pub(super) fn delete_from_set(&mut self, name: &str, text: &str) {
        let texts = AttributeValue::Ss(vec![text.to_owned()]);
        let (name, texts) = (self.name(name), self.value(texts));
        self.delete.push(format!("{name} {texts}"));
    }

    /// Requires that a text is in a set, or that the set has room for it.
    pub(super) fn if_in_set_or_room(&mut self, name: &str, text: &str, most: usize) {
        let (name, text, most) = (self.name(name), self.value(s(text)), self.value(n(most)));
        self.conditions.push(format!(
            "(attribute_not_exists({name}) OR contains({name}, {text}) OR size({name}) < {most})"
        ));
    }

    fn expression(&self) -> String {
        let clauses = [
            ("SET", &self.set),
            ("ADD", &self.add),
            ("REMOVE", &self.remove),
            ("DELETE", &self.delete),
        ];
        let given = clauses.iter().filter(|(_, parts)| !parts.is_empty());
        let text: Vec<_> = given
            .map(|(clause, parts)| format!("{clause} {}", parts.join(", ")))
            .collect();
        text.join(" ")
    }

    fn condition(&self) -> Option<String> {
        (!self.conditions.is_empty()).then(|| self.conditions.join(" AND "))
    }

    /// Returns the change as a part of a transaction.
    pub(crate) fn part(&self, store: &Store) -> Result<TransactWriteItem> {
        self.part_in(&store.usage())
    }

    /// Returns the change as a part of a transaction, in a table other than the ledger's.
    pub(crate) fn part_in(&self, table: &item::Table<'_>) -> Result<TransactWriteItem> {
        let update = table
            .part_update(&self.key)
            .update_expression(self.expression())
            .set_condition_expression(self.condition())
            .set_expression_attribute_names((!self.names.is_empty()).then(|| self.names.clone()))
            .set_expression_attribute_values((!self.values.is_empty()).then(|| self.values.clone()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        part(update)
    }
}

/// Returns whether an item is the one at `key`.
pub(super) fn is_at(item: &Item, key: &Key) -> bool {
    let has = |name: &str, value: &str| {
        item.get(name)
            .and_then(|it| it.as_s().ok())
            .is_some_and(|it| it == value)
    };
    has("pk", &key.pk) && has("sk", &key.sk)
}

/// Writes all changes or nothing.
pub(super) async fn write(store: &Store, changes: &[Change]) -> Result<Written> {
    match changes {
        [one] => write_one(store, one).await,
        all => write_all(store, all).await,
    }
}

async fn write_one(store: &Store, change: &Change) -> Result<Written> {
    let update = store
        .usage()
        .update(&change.key)
        .update_expression(change.expression())
        .set_condition_expression(change.condition())
        .set_expression_attribute_names((!change.names.is_empty()).then(|| change.names.clone()))
        .set_expression_attribute_values((!change.values.is_empty()).then(|| change.values.clone()))
        .return_values(ReturnValue::UpdatedNew);
    match item::send_update(update).await {
        Ok(Conditional::Held(item)) => Ok(Written::Done(Some(item))),
        Ok(Conditional::Failed { item, in_doubt }) => Ok(Written::Refused {
            items: vec![(0, item)],
            in_doubt,
        }),
        Err(error) if is_too_large(error.code(), error.message()) => Ok(Written::TooLarge),
        Err(error) => Err(item::failed(error)),
    }
}

async fn write_all(store: &Store, changes: &[Change]) -> Result<Written> {
    let parts = changes
        .iter()
        .map(|change| change.part(store))
        .collect::<Result<Vec<_>>>()?;
    let Err(Canceled { reasons, error }) = transact_or_reasons(&store.db, parts).await? else {
        return Ok(Written::Done(None));
    };
    let items: Vec<_> = (0..)
        .zip(&reasons)
        .filter(|(_, reason)| reason.code() == Some(CONDITION_FAILED))
        .map(|(place, reason)| (place, reason.item.clone()))
        .collect();
    if !items.is_empty() {
        // A transaction never observes its own effect.
        return Ok(Written::Refused { items, in_doubt: false });
    }
    let is_too_large = |reason: &CancellationReason| is_too_large(reason.code(), reason.message());
    if reasons.iter().any(is_too_large) {
        Ok(Written::TooLarge)
    } else {
        Err(error)
    }
}

/// Returns whether the table refused a change because of the size of its item.
fn is_too_large(code: Option<&str>, message: Option<&str>) -> bool {
    let is_invalid = matches!(code, Some("ValidationException" | "ValidationError"));
    is_invalid && message.is_some_and(|message| message.contains("Item size"))
}
