//! How many resources an organization has that its plan limits: one item with a counter for each.
//!
//! The transaction that adds a resource or removes one changes its counter, and adding has the condition that the plan
//! allows it: no race passes a limit, and none is refused below it. A counter that is not there (an organization of an
//! earlier release, or one that is to be [counted anew](Store::recount_resources)) is counted from the rows first.
//! Nothing is added or removed while it is not there, so the count is right whenever it is written.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use domain::{DocumentId, Error, OrgId, Plan, PlanLimit, PlanResource, Result};
use serde::Deserialize;

use crate::{
    Store, keys,
    table::item::{Item, conditional, n, part},
    table::transaction::{CONDITION_FAILED, Canceled, transact_or_reasons},
};

/// Attribute: how often the counters were taken away to be counted anew.
const RECOUNTS: &str = "recounts";

/// A change of the resources that an organization has.
#[derive(Debug, Clone)]
pub(crate) struct ResourceChange(Vec<(PlanResource, i64)>);

/// What became of a transaction that changes the resources of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// All of it was written.
    Done,
    /// None of it: the condition of the part with this index did not hold.
    Refused(usize),
    /// None of it: the plan allows no more.
    Full(PlanLimit),
}

impl ResourceChange {
    /// A chatbot more (1) or less (-1).
    pub(crate) fn chatbot(number: i64) -> Self {
        Self(vec![(PlanResource::Chatbots, number)])
    }

    /// A document, or the announcement of one, more (1) or less (-1).
    pub(crate) fn document(number: i64, bytes: u64) -> Self {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        Self(vec![
            (PlanResource::Documents, number),
            (PlanResource::StorageBytes, number * bytes),
        ])
    }

    /// The counter's part of the transaction. With `plan`, on the condition that it allows the change.
    fn part(&self, store: &Store, org: &OrgId, plan: Option<Plan>) -> Result<TransactWriteItem> {
        let (mut add, mut conditions) = (Vec::new(), Vec::new());
        let mut update = store
            .app()
            .part_update(&keys::resource_counts(org))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (resource, number) in &self.0 {
            let name = resource.name();
            add.push(format!("{name} :{name}"));
            update = update.expression_attribute_values(format!(":{name}"), n(number));
            let Some(plan) = plan else {
                conditions.push(format!("attribute_exists({name})"));
                continue;
            };
            let room = i64::try_from(resource.limit(plan)).unwrap_or(i64::MAX) - number;
            conditions.push(format!("{name} <= :{name}_room"));
            update = update.expression_attribute_values(format!(":{name}_room"), n(room));
        }
        part(
            update
                .update_expression(format!("ADD {}", add.join(", ")))
                .condition_expression(conditions.join(" AND ")),
        )
    }

    /// Whether all counters that it changes are in `item`.
    fn is_counted_in(&self, item: &Item) -> bool {
        self.0.iter().all(|(resource, _)| item.contains_key(resource.name()))
    }

    /// The limit that leaves too little, by the counters in `item`.
    fn exceeded(&self, item: &Item, plan: Plan) -> Option<PlanLimit> {
        let limits = self.0.iter().map(|(resource, number)| PlanLimit {
            resource: *resource,
            plan,
            used: number_of(item, *resource),
            needed: number.unsigned_abs(),
        });
        limits
            .into_iter()
            .find(|limit| limit.used.saturating_add(limit.needed) > limit.limit())
    }
}

/// A counter in an item. One that went below nothing shows that something was counted wrongly before.
fn number_of(item: &Item, resource: PlanResource) -> u64 {
    let number = item.get(resource.name()).and_then(|number| number.as_n().ok());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// What is counted of a document, or of the announcement of one.
#[derive(Deserialize)]
struct Sized {
    id: DocumentId,
    size_bytes: u64,
    #[serde(default)]
    released: bool,
}

impl Store {
    /// Writes all parts together with the change of the counters of `org`, or none. With `plan`, only what it allows.
    pub(crate) async fn transact_counted(
        &self,
        org: &OrgId,
        parts: Vec<TransactWriteItem>,
        change: &ResourceChange,
        plan: Option<Plan>,
    ) -> Result<Counted> {
        let counter = parts.len();
        loop {
            let mut all = parts.clone();
            all.push(change.part(self, org, plan)?);
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
            let counts = reasons[refused].item.clone().unwrap_or_default();
            if !change.is_counted_in(&counts) {
                self.count_resources(org, change).await?;
                continue;
            }
            return match plan.and_then(|plan| change.exceeded(&counts, plan)) {
                Some(limit) => Ok(Counted::Full(limit)),
                None => Err(Error::internal("a counter of resources refused below its limit")),
            };
        }
    }

    /// The limit that leaves no room for `change`, as far as can be told before it is made; none where nothing was counted
    /// so far.
    pub(crate) async fn exceeded_resources(
        &self,
        org: &OrgId,
        change: &ResourceChange,
        plan: Plan,
    ) -> Result<Option<PlanLimit>> {
        let counts = self.app().get_raw(keys::resource_counts(org), true).await?;
        Ok(counts.and_then(|counts| change.exceeded(&counts, plan)))
    }

    /// Takes the counters of an organization away, so that whoever needs one next counts it from the rows: for counters
    /// that are wrong.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn recount_resources(&self, org: &OrgId) -> Result<()> {
        let all = [
            PlanResource::Chatbots,
            PlanResource::Documents,
            PlanResource::StorageBytes,
        ];
        let update = self
            .app()
            .update(&keys::resource_counts(org))
            .update_expression(format!(
                "REMOVE {} ADD {RECOUNTS} :one",
                all.map(PlanResource::name).join(", ")
            ))
            .expression_attribute_values(":one", n(1));
        // Twice is as good as once: what is counted in between is counted again.
        conditional(update).await.map(|_| ())
    }

    /// Counts what `change` changes, unless somebody else did or the counters were taken away again meanwhile.
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
        // Whoever was first, the counters are there.
        conditional(update).await.map(|_| ())
    }

    /// What there is of the resources that `change` changes, by the rows.
    async fn counted(&self, org: &OrgId, change: &ResourceChange) -> Result<Vec<(PlanResource, u64)>> {
        let (table, tenant) = (self.app(), keys::tenant(org));
        if change.0.iter().any(|(resource, _)| *resource == PlanResource::Chatbots) {
            let chatbots = table.keys_below(&tenant, keys::CHATBOTS).await?;
            return Ok(vec![(PlanResource::Chatbots, chatbots.len() as u64)]);
        }
        // An announced file becomes the document with its id, maybe between the two looks: by their ids each counts once.
        let announced: Vec<Sized> = table.all_below(&tenant, keys::PENDING_UPLOADS).await?;
        let documents: Vec<Sized> = table.all_below(&tenant, keys::DOCUMENTS).await?;
        let taken = announced.into_iter().chain(documents).filter(|one| !one.released);
        let sizes: BTreeMap<DocumentId, u64> = taken.map(|one| (one.id, one.size_bytes)).collect();
        Ok(vec![
            (PlanResource::Documents, sizes.len() as u64),
            (PlanResource::StorageBytes, sizes.values().sum()),
        ])
    }
}
