//! Counters of the resources that an organization's plan limits: one item with a counter for each.
//!
//! The transaction that adds or removes a resource changes its counter, and adding is conditional on the plan: no race
//! exceeds a limit, and nothing is refused below it. A missing counter (of an organization of an earlier release, or
//! one that is to be [recounted](Store::recount_resources)) is first computed from the items. Nothing is added or
//! removed while it is missing, so the count is correct whenever it is written.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use domain::{AuditEntry, DocumentId, Entitlements, Error, OrgId, PlanLimit, PlanResource, Result};
use serde::Deserialize;

use crate::{
    Store, keys,
    table::backoff::Backoff,
    table::item::{Item, conditional, n, part},
    table::transaction::{CONDITION_FAILED, Canceled, transact_or_reasons},
};

/// Attribute: how often the counters were removed for a recount.
const RECOUNTS: &str = "recounts";

/// A change of the resources of an organization.
#[derive(Debug, Clone)]
pub(crate) struct ResourceChange(Vec<(PlanResource, i64)>);

/// The outcome of a transaction that changes the resources of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// All of it was written.
    Done,
    /// Nothing was written: the condition of the part with this index did not hold.
    Refused(usize),
    /// Nothing was written: the organization may have no more.
    Full(PlanLimit),
}

impl ResourceChange {
    /// One chatbot more (1) or less (-1).
    pub(crate) fn chatbot(number: i64) -> Self {
        Self(vec![(PlanResource::Chatbots, number)])
    }

    /// One data source more (1) or less (-1).
    pub(crate) fn data_source(number: i64) -> Self {
        Self(vec![(PlanResource::DataSources, number)])
    }

    /// One document or pending upload more (1) or less (-1).
    pub(crate) fn document(number: i64, bytes: u64) -> Self {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        Self(vec![
            (PlanResource::Documents, number),
            (PlanResource::StorageBytes, number * bytes),
        ])
    }

    /// More bytes of a document that is counted already.
    pub(crate) fn storage(bytes: u64) -> Self {
        Self(vec![(
            PlanResource::StorageBytes,
            i64::try_from(bytes).unwrap_or(i64::MAX),
        )])
    }

    /// More bytes (or, if negative, fewer) of documents that are counted already.
    pub(crate) fn bytes(change: i64) -> Self {
        Self(vec![(PlanResource::StorageBytes, change)])
    }

    /// Returns the counter's part of the transaction. With `own`, on the condition that these limits allow the
    /// change.
    fn part(&self, store: &Store, org: &OrgId, own: Option<&Entitlements>) -> Result<TransactWriteItem> {
        let (mut add, mut conditions) = (Vec::new(), Vec::new());
        let mut update = store
            .app()
            .part_update(&keys::resource_counts(org))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (resource, number) in &self.0 {
            let name = resource.name();
            add.push(format!("{name} :{name}"));
            update = update.expression_attribute_values(format!(":{name}"), n(number));
            let Some(own) = own else {
                conditions.push(format!("attribute_exists({name})"));
                continue;
            };
            let room = i64::try_from(resource.limit(&own.limits)).unwrap_or(i64::MAX) - number;
            conditions.push(format!("{name} <= :{name}_room"));
            update = update.expression_attribute_values(format!(":{name}_room"), n(room));
        }
        part(
            update
                .update_expression(format!("ADD {}", add.join(", ")))
                .condition_expression(conditions.join(" AND ")),
        )
    }

    /// Returns whether `item` has all counters that this changes.
    fn is_counted_in(&self, item: &Item) -> bool {
        self.0.iter().all(|(resource, _)| item.contains_key(resource.name()))
    }

    /// Returns the limit that would be exceeded, by the counters in `item`.
    fn exceeded(&self, item: &Item, own: &Entitlements) -> Option<PlanLimit> {
        let limits = self.0.iter().map(|(resource, number)| {
            let used = number_of(item, *resource);
            PlanLimit::of(own, *resource, used, number.unsigned_abs())
        });
        limits.into_iter().find(PlanLimit::is_exceeded)
    }
}

/// Returns a counter of an item; a negative one, the result of an earlier miscount, is 0.
fn number_of(item: &Item, resource: PlanResource) -> u64 {
    let number = item.get(resource.name()).and_then(|number| number.as_n().ok());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// The counted attributes of a document or pending upload.
#[derive(Deserialize)]
struct Sized {
    id: DocumentId,
    size_bytes: u64,
    /// Of a document with several versions: of all of them.
    kept_bytes: Option<u64>,
    /// Of an upload that is to become a version: it is no document.
    replaces: Option<DocumentId>,
    #[serde(default)]
    released: bool,
}

impl Store {
    /// Writes all parts together with the change of the counters of `org`, or nothing. With `own`, only within these
    /// limits.
    pub(crate) async fn transact_counted(
        &self,
        org: &OrgId,
        parts: Vec<TransactWriteItem>,
        change: &ResourceChange,
        own: Option<&Entitlements>,
    ) -> Result<Counted> {
        self.transact_counted_audited(org, parts, change, own, None).await
    }

    /// Writes all parts together with the change of the counters of `org` and an audit entry, or nothing. With `own`,
    /// only within these limits.
    pub(crate) async fn transact_counted_audited(
        &self,
        org: &OrgId,
        parts: Vec<TransactWriteItem>,
        change: &ResourceChange,
        own: Option<&Entitlements>,
        entry: Option<&AuditEntry>,
    ) -> Result<Counted> {
        let counter = parts.len();
        let mut backoff = Backoff::default();
        loop {
            let mut all = parts.clone();
            all.push(change.part(self, org, own)?);
            if let Some(entry) = entry {
                all.extend(self.next_audit_parts(entry).await?);
            }
            let Err(Canceled { reasons, error }) = transact_or_reasons(&self.db, all).await? else {
                return Ok(Counted::Done);
            };
            let has_failed = |reason: &CancellationReason| reason.code() == Some(CONDITION_FAILED);
            let Some(refused) = reasons.iter().position(has_failed) else {
                return Err(error);
            };
            if refused < counter {
                return Ok(Counted::Refused(refused));
            }
            if refused > counter {
                // Another entry took this position of the audit log.
                if !backoff.wait().await? {
                    return Err(Error::unavailable("the audit log is too busy"));
                }
                continue;
            }
            let counts = reasons[refused].item.clone().unwrap_or_default();
            if !change.is_counted_in(&counts) {
                self.count_resources(org, change).await?;
                continue;
            }
            return match own.and_then(|own| change.exceeded(&counts, own)) {
                Some(limit) => Ok(Counted::Full(limit)),
                None => Err(Error::internal("a counter of resources refused below its limit")),
            };
        }
    }

    /// Returns the limit that `change` would exceed, as far as known before it is written; `None` if nothing has been
    /// counted yet.
    pub(crate) async fn exceeded_resources(
        &self,
        org: &OrgId,
        change: &ResourceChange,
        own: &Entitlements,
    ) -> Result<Option<PlanLimit>> {
        let counts = self.app().get_raw(keys::resource_counts(org), true).await?;
        Ok(counts.and_then(|counts| change.exceeded(&counts, own)))
    }

    /// Returns the limits of an organization that are exceeded, as after a change to a smaller plan. What was
    /// never counted exceeds nothing.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn exceeded_limits(&self, org: &OrgId, own: &Entitlements) -> Result<Vec<PlanLimit>> {
        let counts = self.app().get_raw(keys::resource_counts(org), true).await?;
        let counts = counts.unwrap_or_default();
        let all = [
            PlanResource::Chatbots,
            PlanResource::Documents,
            PlanResource::StorageBytes,
            PlanResource::DataSources,
        ];
        let limits = all.map(|resource| PlanLimit::of(own, resource, number_of(&counts, resource), 0));
        Ok(limits.into_iter().filter(PlanLimit::is_exceeded).collect())
    }

    /// Removes the counters of an organization, so that the next use recomputes them from the items: for counters that
    /// are wrong.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn recount_resources(&self, org: &OrgId) -> Result<()> {
        let all = [
            PlanResource::Chatbots,
            PlanResource::Documents,
            PlanResource::StorageBytes,
            PlanResource::DataSources,
        ];
        let update = self
            .app()
            .update(&keys::resource_counts(org))
            .update_expression(format!(
                "REMOVE {} ADD {RECOUNTS} :one",
                all.map(PlanResource::name).join(", ")
            ))
            .expression_attribute_values(":one", n(1));
        // Repeating it is harmless: what is counted in between is counted again.
        conditional(update).await.map(|_| ())
    }

    /// Counts the resources that `change` affects, unless another call did or the counters were removed again
    /// meanwhile.
    async fn count_resources(&self, org: &OrgId, change: &ResourceChange) -> Result<()> {
        let (table, key) = (self.app(), keys::resource_counts(org));
        let recounts = table.get_raw(key.clone(), true).await?.unwrap_or_default();
        let recounts = recounts.get(RECOUNTS).cloned();
        let (mut set, mut conditions) = (Vec::new(), Vec::new());
        let mut update = table.update(&key);
        for (resource, number) in self.counted(org, change).await? {
            let name = resource.name();
            set.push(format!("{name} = :{name}"));
            conditions.push(format!("attribute_not_exists({name})"));
            update = update.expression_attribute_values(format!(":{name}"), n(number));
        }
        conditions.push(match &recounts {
            Some(_) => format!("{RECOUNTS} = :{RECOUNTS}"),
            None => format!("attribute_not_exists({RECOUNTS})"),
        });
        if let Some(recounts) = recounts {
            update = update.expression_attribute_values(format!(":{RECOUNTS}"), recounts);
        }
        let update = update
            .update_expression(format!("SET {}", set.join(", ")))
            .condition_expression(conditions.join(" AND "));
        // Whichever call was first, the counters exist.
        conditional(update).await.map(|_| ())
    }

    /// Returns the numbers of the resources that `change` affects, computed from the items.
    async fn counted(&self, org: &OrgId, change: &ResourceChange) -> Result<Vec<(PlanResource, u64)>> {
        let (table, tenant) = (self.app(), keys::tenant(org));
        for (resource, prefix) in [
            (PlanResource::Chatbots, keys::CHATBOTS),
            (PlanResource::DataSources, keys::DATA_SOURCES),
        ] {
            if change.0.iter().any(|(changed, _)| *changed == resource) {
                let items = table.keys_below(&tenant, prefix).await?;
                return Ok(vec![(resource, items.len() as u64)]);
            }
        }
        // A pending upload becomes the document with its ID, maybe between the two reads: by ID each counts once.
        let announced: Vec<Sized> = table.all_below(&tenant, keys::PENDING_UPLOADS).await?;
        let documents: Vec<Sized> = table.all_below(&tenant, keys::DOCUMENTS).await?;
        let taken = announced.into_iter().chain(documents).filter(|one| !one.released);
        let taken: BTreeMap<DocumentId, Sized> = taken.map(|one| (one.id.clone(), one)).collect();
        let documents = taken.values().filter(|one| one.replaces.is_none()).count();
        let bytes = taken.values().map(|one| one.kept_bytes.unwrap_or(one.size_bytes)).sum();
        Ok(vec![
            (PlanResource::Documents, documents as u64),
            (PlanResource::StorageBytes, bytes),
        ])
    }
}
