//! Calls whose results arrive whole: reserved before, charged after, like answers.

use domain::{Category, Error, GenerationId, Result, UsageCounters, time::after};
use llm::{ModelError, catalog::ModelRef};
use store::{TokenEstimate, UsageRecord};

use super::{
    Admission, BillingContext,
    reserve::{Held, LEASE},
};
use crate::App;

/// A call of a model.
pub(super) struct MeteredCall {
    pub(super) billing: BillingContext,
    pub(super) named: ModelRef,
    pub(super) category: Category,
    /// Tokens that it reads, as an estimate.
    pub(super) prompt: u64,
}

/// What a call returned, and what it took.
#[derive(Debug)]
pub(super) struct Metered<T> {
    pub(super) value: T,
    pub(super) usage: llm::Usage,
    /// The provider's charge in millionths of a US dollar; `None` if the price is unknown.
    pub(super) cost_micro_usd: Option<u64>,
}

impl App {
    /// Makes a call within the caller's limits. Once it has begun it runs to completion even if the caller is gone, so that
    /// its cost is charged; a failed one costs nothing.
    pub(super) async fn metered<T: Send + 'static>(
        &self,
        call: MeteredCall,
        asked: impl Future<Output = Result<Metered<T>, ModelError>> + Send + 'static,
    ) -> Result<Metered<T>> {
        let MeteredCall {
            billing,
            named,
            category,
            prompt,
        } = call;
        let Admission { org, subjects } = match category {
            Category::Embeddings => self.admit(&billing).await?,
            // What a search needs is no request by the user.
            _ => self.terms(&billing).await?,
        };
        let (id, now): (GenerationId, _) = (self.ids.make()?, self.clock.now());
        let ask = TokenEstimate {
            id,
            model: named.model.clone(),
            category,
            prompt,
            estimate: prompt,
            now_ms: now.as_millisecond(),
            until: after(now, LEASE),
        };
        let reservation = match self.reservation(&subjects, &ask).await {
            Ok(Held::Done(reservation)) => reservation,
            Ok(Held::Short(limit)) => {
                self.alert_exhausted(&subjects, &limit).await;
                let error = self.refused(limit, prompt);
                return Err(self.without_reservation(&billing, &org, &subjects, error).await);
            }
            Err(error) => return Err(self.without_reservation(&billing, &org, &subjects, error).await),
        };
        let app = self.clone();
        let work = async move {
            let found = asked.await;
            let (usage, cost) = match &found {
                Ok(found) => (found.usage, found.cost_micro_usd),
                Err(_) => (llm::Usage::default(), Some(0)),
            };
            let took = app.clock.now_ms().saturating_sub(now.as_millisecond());
            let charge = UsageRecord {
                counters: UsageCounters {
                    requests: 1,
                    errors: u64::from(found.is_err()),
                    prompt_tokens: usage.prompt_tokens,
                    cost_micro_usd: cost.unwrap_or_default(),
                    unpriced: u64::from(cost.is_none() && usage.total() > 0),
                    estimated: u64::from(usage.estimated),
                    ..UsageCounters::default()
                },
                model: named.model,
                latency_ms: found.is_ok().then_some(took.max(0).unsigned_abs()),
                first_token_ms: None,
            };
            match app.store.ledger().settle_and_see(&reservation, &charge).await {
                Ok(Some(used)) if usage.total() > 0 => app.watch(&subjects, used).await,
                Ok(_) => {}
                // The result exists and is returned to the caller; the reservation is settled when its lease expires.
                Err(error) => tracing::error!(generation_id = %reservation.id, %error, "generation.not_settled"),
            }
            found
        };
        let work = self.run_to_completion(work);
        let work = work.ok_or_else(|| Error::internal("a model was called outside of a runtime"))?;
        Ok(work.await.map_err(Error::internal)??)
    }
}
