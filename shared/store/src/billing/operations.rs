//! Operations that were requested from the payment provider, each stored with its idempotency key before the first
//! attempt: a repetition, after a crash or by an impatient person, is recognized there as the same.

use std::time::Duration;

use domain::{OrgId, Result, Timestamp, time::after};
use serde::{Deserialize, Serialize};

use crate::{
    keys,
    table::item::{Transaction, conditional, s, to_item, transact},
};

use super::Billing;

/// How long a key is used. Stripe remembers it for 24 hours at least.
const KEY_LIFETIME: Duration = Duration::from_hours(23);

/// An operation of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingOperation {
    /// What was requested: the same for the same intention.
    pub fingerprint: String,
    /// The idempotency key.
    pub key: String,
    /// The parameters, which the key belongs to.
    pub body: String,
    /// When the key can no longer be used, nor the result.
    pub expires_at: Timestamp,
    /// What the payment provider returned, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

impl Billing {
    /// Returns the operation of this kind and fingerprint that is in progress or finished, or else stores `new` as it;
    /// then with the one that it replaces. Callers that meet get the same one. `spoiled`: a key that can no longer be
    /// used.
    pub async fn begin_operation(
        &self,
        org: &OrgId,
        kind: &str,
        new: &BillingOperation,
        spoiled: Option<&str>,
        now: Timestamp,
    ) -> Result<(BillingOperation, Option<BillingOperation>)> {
        let (table, key) = (self.0.identity(), keys::billing_operation(org, kind));
        loop {
            let known: Option<BillingOperation> = table.get(key.clone()).await?;
            let is_usable = |known: &&BillingOperation| {
                known.fingerprint == new.fingerprint && known.expires_at > now && spoiled != Some(known.key.as_str())
            };
            if let Some(known) = known.as_ref().filter(is_usable) {
                return Ok((known.clone(), None));
            }
            let own = BillingOperation {
                expires_at: after(now, KEY_LIFETIME),
                ..new.clone()
            };
            let item = to_item(&key, &own)?;
            let put = match &known {
                None => table.part_put_new(item)?,
                // `key` is a reserved word.
                Some(known) => table.part_put_if(
                    item,
                    "fingerprint = :old AND expires_at = :at",
                    [
                        (":old", s(&known.fingerprint)),
                        (":at", s(known.expires_at.to_string())),
                    ],
                )?,
            };
            // Whoever was first, the next read shows the operation that counts.
            if transact(&self.0.db, vec![put]).await? == Transaction::Done {
                return Ok((own, known));
            }
        }
    }

    /// Returns whether an operation of this kind was ever begun.
    pub async fn has_operation(&self, org: &OrgId, kind: &str) -> Result<bool> {
        let key = keys::billing_operation(org, kind);
        Ok(self.0.identity().get_raw(key, true).await?.is_some())
    }

    /// Stores what an operation returned, unless another one has replaced it. `until`: how long the result can be
    /// used.
    pub async fn finish_operation(
        &self,
        org: &OrgId,
        kind: &str,
        operation: &BillingOperation,
        result: &str,
        until: Timestamp,
    ) -> Result<()> {
        let until = until.min(operation.expires_at);
        let update = self
            .0
            .identity()
            .update(&keys::billing_operation(org, kind))
            .update_expression("SET #result = :result, expires_at = :until")
            .condition_expression("#key = :key")
            .expression_attribute_names("#result", "result")
            .expression_attribute_names("#key", "key")
            .expression_attribute_values(":result", s(result))
            .expression_attribute_values(":until", s(until.to_string()))
            .expression_attribute_values(":key", s(&operation.key));
        conditional(update).await.map(|_| ())
    }
}
