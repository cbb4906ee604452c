//! A running model call and its charge.

use std::task::{Context, Poll};

use domain::{Error, GenerationId, Result, UsageCounters};
use futures::StreamExt as _;
use llm::{ChatEvent, ChatStream, FinishReason, ModelError, Provider, estimate_tokens, prices::price};
use store::{QuotaSubjects, Reservation, UsageRecord};
use tokio::task::JoinHandle;

use super::{Generation, Outcome, lease::Lease, reserve::Allowed};
use crate::App;

/// Generous upper bound for the bytes of one token.
const BYTES_A_TOKEN: usize = 128;
/// Bytes that any answer may have.
const SLACK: usize = 4_096;

/// How the call ended.
pub(super) enum End {
    /// The model finished its answer.
    Whole(FinishReason, llm::Usage),
    /// The client stopped it.
    Stopped,
    /// The model exceeded the requested length and was ended.
    Overrun,
    /// The provider failed.
    Failed,
}

/// A running call, with everything needed to end it.
pub(super) struct Run {
    app: App,
    generation: Generation,
    subjects: QuotaSubjects,
    reservation: Reservation,
    model: String,
    provider: Provider,
    requested_model: Option<String>,
    fallback: bool,
    began_ms: i64,
    /// Whether the provider was called.
    has_asked: bool,
    first_ms: Option<i64>,
    lease: Lease,
    text: String,
    thinking: String,
    /// Number of bytes at which the answer exceeds the requested length, regardless of its tokenization.
    most_bytes: usize,
}

impl Run {
    pub(super) fn new(app: App, generation: Generation, subjects: QuotaSubjects, allowed: &Allowed) -> Self {
        let (chosen, began_ms) = (&allowed.chosen, app.clock.now_ms());
        Self {
            began_ms,
            lease: Lease::new(app.clone(), allowed.reservation.clone()),
            app,
            generation,
            subjects,
            reservation: allowed.reservation.clone(),
            model: chosen.name.clone(),
            provider: chosen.provider,
            requested_model: chosen.requested.clone(),
            fallback: chosen.fallback,
            has_asked: false,
            first_ms: None,
            text: String::new(),
            thinking: String::new(),
            most_bytes: (allowed.max_tokens as usize)
                .saturating_mul(BYTES_A_TOKEN)
                .saturating_add(SLACK),
        }
    }

    pub(super) fn id(&self) -> &GenerationId {
        &self.generation.id
    }

    /// Returns the model that answers.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// Returns the model's next event. The provider is called on the first poll, so the call may cost something from
    /// then on.
    pub(super) fn polled(
        &mut self,
        upstream: &mut ChatStream,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<ChatEvent, ModelError>>> {
        self.has_asked = true;
        if let Poll::Ready(error) = self.lease.poll(cx, || written(&self.text, &self.thinking)) {
            return Poll::Ready(Some(Err(error)));
        }
        upstream.poll_next_unpin(cx)
    }

    /// Records which model answers: the first choice or a fallback.
    pub(super) fn answered_by(&mut self, provider: Provider, model: String, fallback: bool) {
        if fallback && self.requested_model.is_none() {
            self.requested_model = Some(self.generation.model.clone());
        }
        self.fallback |= fallback;
        self.provider = provider;
        self.model = model;
    }

    /// Returns whether the model continues although it should have ended.
    pub(super) fn overruns(&self) -> bool {
        self.text.len() + self.thinking.len() > self.most_bytes
    }

    pub(super) fn wrote(&mut self, text: &str) {
        let now = self.app.clock.now_ms();
        self.first_ms.get_or_insert(now);
        self.text.push_str(text);
        self.lease.wrote(|| written(&self.text, &self.thinking));
    }

    pub(super) fn thought(&mut self, thinking: &str) {
        self.thinking.push_str(thinking);
        self.lease.wrote(|| written(&self.text, &self.thinking));
    }

    /// Returns whether the model has sent text or reasoning.
    fn has_written(&self) -> bool {
        !self.text.is_empty() || !self.thinking.is_empty()
    }

    /// Returns the call's token usage.
    fn usage(&self, end: &End) -> llm::Usage {
        match end {
            _ if self.generation.request.prescribed.is_some() => llm::Usage::default(),
            // The provider reported no usage, and the model wrote nothing.
            End::Whole(_, usage) if usage.total() > 0 || !self.has_written() => *usage,
            // The provider does not charge for a call that fails before any text or reasoning.
            End::Failed if !self.has_written() => llm::Usage::default(),
            End::Stopped if !self.has_asked => llm::Usage::default(),
            End::Whole(..) | End::Overrun | End::Stopped | End::Failed => llm::Usage {
                prompt_tokens: self.generation.request.estimate_prompt_tokens(),
                completion_tokens: written(&self.text, &self.thinking),
                reasoning_tokens: estimate_tokens(&self.thinking),
                estimated: true,
                ..llm::Usage::default()
            },
        }
    }

    fn outcome(&self, end: &End, usage: &llm::Usage) -> Outcome {
        let now = self.app.clock.now();
        let since = |at: i64| u64::try_from(at - self.began_ms).unwrap_or_default();
        let price = price(self.provider, &self.model, now);
        Outcome {
            model: self.model.clone(),
            provider: self.provider,
            requested_model: self.requested_model.clone(),
            fallback: self.fallback,
            finish_reason: match end {
                End::Whole(reason, _) => reason_name(*reason),
                End::Overrun => reason_name(FinishReason::Length),
                End::Stopped => "stopped",
                End::Failed => "error",
            },
            usage: (*usage).into(),
            reasoning_tokens: (usage.reasoning_tokens > 0).then_some(usage.reasoning_tokens),
            cost_micro_usd: price.map(|price| price.cost_micro_usd(usage)),
            blank: match end {
                End::Whole(reason, usage) if self.text.is_empty() => blank(*reason, usage),
                _ => None,
            },
            latency_ms: since(now.as_millisecond()),
            time_to_first_token_ms: self.first_ms.map(since),
        }
    }

    fn charge(end: &End, usage: &llm::Usage, outcome: &Outcome) -> UsageRecord {
        let is_unpriced = outcome.cost_micro_usd.is_none() && usage.total() > 0;
        UsageRecord {
            counters: UsageCounters {
                requests: 1,
                errors: u64::from(matches!(end, End::Failed)),
                prompt_tokens: usage.prompt_tokens,
                completion_tokens: usage.completion_tokens,
                cached_tokens: usage.cached_tokens,
                cost_micro_usd: outcome.cost_micro_usd.unwrap_or_default(),
                unpriced: u64::from(is_unpriced),
                estimated: u64::from(usage.estimated),
            },
            model: outcome.model.clone(),
            latency_ms: matches!(end, End::Whole(..) | End::Overrun).then_some(outcome.latency_ms),
            first_token_ms: outcome.time_to_first_token_ms,
        }
    }

    /// Settles the call in a task that completes even if the client is gone.
    pub(super) fn settle(self, end: End) -> Result<JoinHandle<Result<Outcome>>> {
        let app = self.app.clone();
        let settling = async move {
            let usage = self.usage(&end);
            let outcome = self.outcome(&end, &usage);
            let charge = Self::charge(&end, &usage, &outcome);
            let ledger = self.app.store.ledger();
            let settled = if self.has_asked {
                ledger.settle_and_see(&self.reservation, &charge).await
            } else {
                // No provider was called, so there is nothing to charge.
                ledger
                    .release(&self.reservation)
                    .await
                    .map(|released| released.then_some(None))
            };
            match settled {
                Ok(Some(used)) if usage.total() > 0 => self.app.watch(&self.subjects, used).await,
                Ok(Some(_)) => {}
                Ok(None) => tracing::warn!(generation_id = %self.id(), "generation.settled_before"),
                // The answer exists and is returned to the client; the reservation is settled when its lease expires.
                Err(error) => tracing::error!(generation_id = %self.id(), %error, "generation.not_settled"),
            }
            Ok(outcome)
        };
        app.run_to_completion(settling)
            .ok_or_else(|| Error::internal("a generation ended outside of a runtime"))
    }
}

/// Returns why a model that ended for this reason wrote nothing. One that simply had nothing to write has failed
/// before.
fn blank(reason: FinishReason, usage: &llm::Usage) -> Option<&'static str> {
    Some(match reason {
        FinishReason::Stop => return None,
        FinishReason::ContentFilter => {
            "The model's provider refuses to answer this under its rules on content. Rephrase the question, or ask \
             another model."
        }
        FinishReason::Length if usage.reasoning_tokens > 0 => {
            "The model spent the maximum answer length on thinking, before it wrote a word. Allow a longer answer \
             (`max_tokens`), or ask a simpler question."
        }
        FinishReason::Length => {
            "The maximum answer length was reached before the model wrote any text. Allow a longer answer \
             (`max_tokens`), or shorten the conversation."
        }
        FinishReason::Other => "The model ended without an answer. Rephrase the question, or use another model.",
    })
}

/// Estimates the number of tokens written, including reasoning.
fn written(text: &str, thinking: &str) -> u64 {
    estimate_tokens(text) + estimate_tokens(thinking)
}

fn reason_name(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Other => "other",
    }
}
