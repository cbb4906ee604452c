//! Requests that create or change something at the payment provider.

use domain::{OrgId, Result, id::random_bytes, time::after};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use store::BillingOperation;
use stripe::{Form, Request};

use super::{PaymentProvider, failure};
use crate::App;

/// How often a key is replaced that has a stored failure.
const MAX_KEYS: usize = 3;

/// An operation that was carried out.
pub(crate) struct Performed<T> {
    /// As stored.
    pub(crate) operation: BillingOperation,
    /// The object of the response.
    pub(crate) object: T,
    /// Whether an earlier call had already stored the result.
    pub(crate) is_repeat: bool,
    /// The operation with another intention that this one replaces.
    pub(crate) replaced: Option<BillingOperation>,
}

impl App {
    /// Carries out an operation. Its idempotency key is stored before the first attempt and used by all callers with
    /// the same `intention`, so that together they have one effect.
    ///
    /// # Errors
    /// Returns [`domain::Error::Upstream`]; the next call with the same intention continues with the same key.
    pub(crate) async fn perform<T: DeserializeOwned>(
        &self,
        provider: &PaymentProvider<'_>,
        org: &OrgId,
        kind: &str,
        (path, form): (&str, &Form),
        intention: &str,
    ) -> Result<Performed<T>> {
        let billing = self.store.billing();
        let (mut spoiled, mut replaced) = (None, None);
        let mut keys = 0;
        loop {
            keys += 1;
            let now = self.clock.now();
            let new = BillingOperation {
                fingerprint: hex::encode(Sha256::digest(intention.as_bytes())),
                key: format!("{kind}-{}", hex::encode(random_bytes::<16>()?)),
                body: form.encode(),
                expires_at: now,
                result: None,
            };
            let (operation, before) = billing
                .begin_operation(org, kind, &new, spoiled.as_deref(), now)
                .await?;
            replaced = before
                .filter(|before| before.fingerprint != operation.fingerprint)
                .or(replaced);
            if let Some(object) = operation
                .result
                .as_ref()
                .and_then(|text| serde_json::from_str(text).ok())
            {
                return Ok(Performed {
                    operation,
                    object,
                    is_repeat: true,
                    replaced,
                });
            }
            let mut request = Request::post(path, &Form::default(), &operation.key);
            request.body.clone_from(&operation.body);
            match provider.send(&request).await {
                Ok(object) => {
                    return Ok(Performed {
                        operation,
                        object,
                        is_repeat: false,
                        replaced,
                    });
                }
                // Stripe would return the stored failure for a day. It cannot have had an effect that matters: a
                // customer is unique here, and a session or a change that nobody knows of is not paid.
                Err(error) if error.spoils_key() && keys < MAX_KEYS => spoiled = Some(operation.key),
                Err(error) => return Err(failure(error)),
            }
        }
    }

    /// Carries out an operation whose result is of use once: callers that meet share it, and the next one begins
    /// another.
    ///
    /// # Errors
    /// As [`App::perform`].
    pub(crate) async fn perform_once<T: DeserializeOwned>(
        &self,
        provider: &PaymentProvider<'_>,
        org: &OrgId,
        kind: &str,
        (path, form): (&str, &Form),
    ) -> Result<T> {
        let intention = format!("{path}\n{}", form.encode());
        let done = self.perform(provider, org, kind, (path, form), &intention).await?;
        self.keep_result(org, kind, &done.operation, &serde_json::Value::Null, Duration::ZERO)
            .await?;
        Ok(done.object)
    }

    /// Lets the operations of an intention return `result` for `lifetime` from now on.
    pub(crate) async fn keep_result(
        &self,
        org: &OrgId,
        kind: &str,
        operation: &BillingOperation,
        result: &serde_json::Value,
        lifetime: Duration,
    ) -> Result<()> {
        let until = after(self.clock.now(), lifetime);
        self.store
            .billing()
            .finish_operation(org, kind, operation, &result.to_string(), until)
            .await
    }
}
