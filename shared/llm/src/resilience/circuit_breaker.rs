//! Circuit breakers of a process, one for each model.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Clock;

use crate::{ModelError, Provider};

/// Failures in a row that open the breaker.
const FAILURES: u32 = 5;
/// How long it stays open. Then one trial call is let through, so it closes within this and the time of one call.
const PAUSE: Duration = Duration::from_secs(10);
/// How long one trial call blocks others: a model that thinks for longer blocks no one.
const TRIAL: Duration = Duration::from_secs(15);
/// Retry time reported to callers during a trial call.
const TRYING: Duration = Duration::from_secs(1);

/// A retry costs what twelve calls earn.
const ATTEMPT: u32 = 12;
/// The initial and maximum budget: the retries of one call. So whatever a provider does, a hundred calls cause at most
/// ten retries.
const BUDGET: u32 = 2 * ATTEMPT;

/// Callers choose the names, so there is no bound: with more models than this, idle ones are dropped.
const MODELS: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breaker {
    /// Calls are let through.
    Closed { failures: u32 },
    /// No call is let through until then.
    Open { until_ms: i64 },
    /// One trial call is let through, alone until then.
    HalfOpen { until_ms: i64 },
}

#[derive(Debug)]
struct State {
    breaker: Breaker,
    budget: u32,
}

/// The circuit breaker of one model.
#[derive(Debug)]
pub struct CircuitBreaker {
    state: Mutex<State>,
    clock: Clock,
}

/// The circuit breakers of all models of a process.
#[derive(Debug)]
pub struct CircuitBreakers {
    pub(super) known: Mutex<HashMap<(Provider, String), Arc<CircuitBreaker>>>,
    clock: Clock,
}

impl CircuitBreakers {
    /// Creates an empty set.
    pub fn new(clock: Clock) -> Self {
        Self {
            known: Mutex::default(),
            clock,
        }
    }

    /// Returns the circuit breaker of `model` of `provider`.
    pub fn of(&self, provider: Provider, model: &str) -> Arc<CircuitBreaker> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MODELS {
            known.retain(|_, health| Arc::strong_count(health) > 1 || !health.is_idle());
        }
        let new = || Arc::new(CircuitBreaker::new(self.clock.clone()));
        Arc::clone(known.entry((provider, model.to_owned())).or_insert_with(new))
    }
}

impl CircuitBreaker {
    /// Creates a closed breaker.
    pub fn new(clock: Clock) -> Self {
        Self {
            state: Mutex::new(State {
                breaker: Breaker::Closed { failures: 0 },
                budget: BUDGET,
            }),
            clock,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.state().breaker == Breaker::Closed { failures: 0 }
    }

    /// Returns a permit for a call, unless the breaker is open.
    pub(super) fn admit(self: &Arc<Self>, is_retry: bool) -> Result<Permit, ModelError> {
        let now = self.clock.now_ms();
        let mut state = self.state();
        let is_trial = match state.breaker {
            Breaker::Closed { .. } => false,
            Breaker::Open { until_ms } | Breaker::HalfOpen { until_ms } if until_ms <= now => {
                let until_ms = self.in_future(TRIAL);
                state.breaker = Breaker::HalfOpen { until_ms };
                true
            }
            Breaker::Open { until_ms } => {
                let left = u64::try_from(until_ms - now).unwrap_or_default();
                let retry_after = Duration::from_millis(left);
                return Err(ModelError::Unavailable { retry_after });
            }
            Breaker::HalfOpen { .. } => return Err(ModelError::Unavailable { retry_after: TRYING }),
        };
        if !is_retry {
            state.budget = (state.budget + 1).min(BUDGET);
        }
        drop(state);
        Ok(Permit {
            health: Arc::clone(self),
            is_trial,
            is_over: std::cell::Cell::new(false),
        })
    }

    /// Takes a retry from the budget. Returns `false` if there is not enough.
    pub(super) fn spend(&self) -> bool {
        let mut state = self.state();
        let left = state.budget.checked_sub(ATTEMPT);
        state.budget = left.unwrap_or(state.budget);
        left.is_some()
    }

    fn pause(&self) -> Breaker {
        let until_ms = self.in_future(PAUSE);
        Breaker::Open { until_ms }
    }

    fn in_future(&self, duration: Duration) -> i64 {
        let duration = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.clock.now_ms().saturating_add(duration)
    }
}

/// A call that was let through. If it is dropped without a result, its caller has left and nothing is recorded.
#[derive(Debug)]
pub(super) struct Permit {
    health: Arc<CircuitBreaker>,
    /// Whether this is a trial call.
    is_trial: bool,
    is_over: std::cell::Cell<bool>,
}

impl Permit {
    /// Records a first piece. It ends a trial, but does not reset the failures, because a stream may still break.
    pub(super) fn began(&self) {
        if self.is_trial && !self.is_over.replace(true) {
            self.health.state().breaker = Breaker::Closed { failures: 0 };
        }
    }

    /// Records a complete answer.
    pub(super) fn succeeded(&self) {
        self.began();
        self.is_over.set(true);
        let mut state = self.health.state();
        if let Breaker::Closed { failures } = &mut state.breaker {
            *failures = 0;
        }
    }

    /// Records a failure. Returns whether a retry is allowed: not after a trial.
    pub(super) fn failed(&self, error: &ModelError) -> bool {
        let was_over = self.is_over.replace(true);
        let mut state = self.health.state();
        match (state.breaker, error.is_outage()) {
            (Breaker::HalfOpen { .. }, true) if self.is_trial && !was_over => state.breaker = self.health.pause(),
            // The model responds, though with an error.
            (Breaker::HalfOpen { .. }, false) if self.is_trial && !was_over => {
                state.breaker = Breaker::Closed { failures: 0 }
            }
            (Breaker::Closed { failures }, true) if failures + 1 >= FAILURES => state.breaker = self.health.pause(),
            (Breaker::Closed { failures }, true) => state.breaker = Breaker::Closed { failures: failures + 1 },
            // A call that began before the breaker opened adds no information.
            _ => {}
        }
        !self.is_trial
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_trial && !self.is_over.get() {
            let mut state = self.health.state();
            if matches!(state.breaker, Breaker::HalfOpen { .. }) {
                // The next call is a trial.
                state.breaker = Breaker::Open {
                    until_ms: self.health.clock.now_ms(),
                };
            }
        }
    }
}
