//! Reserving tokens for an answer that is as long as the limits allow.

use std::time::Duration;

use domain::{Error, LimitReached, Org, Result, TokenLimit, time::after};
use store::{QuotaSubjects, Reservation, Reserve, TokenEstimate};

use super::{BillingContext, Generation};
use crate::{App, ai::models::Chosen};

/// Minimum answer length, in tokens, for which a call is started if less is left than was requested.
const LEAST: u64 = 256;
/// How long a reservation is protected without renewal. A running call renews it more often ([`super::lease`]); anyone
/// may settle an older one.
pub(crate) const LEASE: Duration = Duration::from_mins(5);
/// When to retry if the missing tokens are reserved by other calls.
const SOON: Duration = Duration::from_secs(5);
/// When to retry if a limit that never resets may have been raised.
const LATER: Duration = Duration::from_hours(1);

/// The result of a reservation.
pub(super) enum Held {
    /// The tokens are reserved.
    Done(Reservation),
    /// Too few tokens are left; holds the tightest limit.
    Short(TokenLimit),
}

/// What a call may use, and its model.
pub(super) struct Allowed {
    pub(super) chosen: Chosen,
    pub(super) reservation: Reservation,
    pub(super) max_tokens: u32,
}

impl App {
    /// Reserves tokens for a call. If they do not fit, the organization's cheaper model is used, and the answer is
    /// shortened to what fits. `answer`: tokens of the answer alone; if these are left, the call is not moved to a
    /// cheaper model merely for lack of reasoning tokens.
    pub(super) async fn reserve_tokens(
        &self,
        generation: &Generation,
        answer: u32,
        org: &Org,
        subjects: &QuotaSubjects,
        mut chosen: Chosen,
    ) -> Result<Allowed> {
        let prompt = generation.request.estimate_prompt_tokens();
        let wanted = u64::from(generation.request.max_tokens.min(chosen.max_output_tokens));
        let (mut most, mut downgraded) = (wanted, false);
        loop {
            let now = self.clock.now();
            let ask = TokenEstimate {
                id: generation.id.clone(),
                model: chosen.name.clone(),
                category: generation.category,
                prompt,
                estimate: prompt + most,
                now_ms: now.as_millisecond(),
                until: after(now, LEASE),
            };
            let tightest = match self.reservation(subjects, &ask).await? {
                Held::Done(reservation) => {
                    return Ok(Allowed {
                        chosen,
                        reservation,
                        max_tokens: u32::try_from(most).map_err(Error::internal)?,
                    });
                }
                Held::Short(tightest) => tightest,
            };
            let fits = tightest.remaining().saturating_sub(prompt);
            if fits < wanted.min(LEAST) {
                let needed = prompt + wanted.min(LEAST);
                self.alert_exhausted(subjects, &tightest).await;
                return Err(self.refused(tightest, needed));
            }
            if !downgraded
                && fits < u64::from(answer)
                && let Some(model) = cheaper(org, generation)
            {
                // The response reports which model answers.
                chosen = Chosen {
                    requested: Some(generation.model.clone()),
                    fallback: true,
                    ..self.model(model, &[]).await?
                };
            }
            downgraded = true;
            // The remainder shrinks with each attempt, so this terminates.
            most = fits.min(most - 1).min(u64::from(chosen.max_output_tokens));
        }
    }

    /// Reserves tokens, settling abandoned reservations first if necessary.
    pub(super) async fn reservation(&self, subjects: &QuotaSubjects, ask: &TokenEstimate) -> Result<Held> {
        loop {
            match self.store.ledger().reserve(subjects, ask).await? {
                Reserve::Held(reservation) => return Ok(Held::Done(*reservation)),
                Reserve::TooFast(wait) => return Err(self.too_many_requests(subjects, wait)),
                Reserve::Short(limits, overdue) if overdue.is_empty() => {
                    let tightest = limits.into_iter().min_by_key(TokenLimit::remaining);
                    let tightest = tightest.ok_or_else(|| Error::internal("a limit refused and was not reported"))?;
                    return Ok(Held::Short(tightest));
                }
                Reserve::Short(_, overdue) => {
                    for reservation in &overdue {
                        self.settle_overdue(reservation).await?;
                    }
                }
            }
        }
    }

    pub(super) fn refused(&self, limit: TokenLimit, needed: u64) -> Error {
        let is_free_soon = limit.used.saturating_add(needed) <= limit.limit;
        let until_reset = limit.resets_at.map(|at| {
            let left = at.as_millisecond().saturating_sub(self.clock.now_ms());
            Duration::from_millis(left.max(0).unsigned_abs())
        });
        let retry_after = if is_free_soon {
            SOON
        } else {
            until_reset.unwrap_or(LATER)
        };
        Error::Limit(Box::new(LimitReached::Tokens {
            limit,
            needed,
            retry_after,
        }))
    }

    /// Settles reservations whose calls were abandoned.
    pub(crate) async fn settle_overdue(&self, reservation: &Reservation) -> Result<()> {
        let settled = self
            .store
            .ledger()
            .settle(reservation, &reservation.unsettled())
            .await?;
        if settled {
            tracing::warn!(generation_id = %reservation.id, estimate = reservation.terms.estimate, "generation.settled_by_lease");
        }
        Ok(())
    }
}

/// Returns the model that answers if the requested one does not fit.
fn cheaper<'a>(org: &'a Org, generation: &Generation) -> Option<&'a str> {
    let model = org.downgrade_model.as_deref()?;
    let allowed = |billing: &BillingContext| billing.may_ask(model).is_ok();
    (model != generation.model && allowed(&generation.billing)).then_some(model)
}
