//! The lease of a running call's reservation. Others may settle a reservation that was not renewed for five minutes,
//! because its process may have died; a model may think for longer.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use domain::time::after;
use llm::{LONGEST_CALL, ModelError, TimeLimit};
use store::Reservation;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval, sleep_until};

use super::reserve::LEASE;
use crate::App;

/// When progress is first recorded; the interval then doubles each time. Most answers are complete by then and cost no
/// extra write. If a process dies earlier, the whole reservation is charged.
const FIRST_MS: i64 = 10_000;
/// Maximum interval between renewals, short enough that several may be lost.
const LATEST_MS: i64 = 60_000;
/// How often renewal is checked while the model sends nothing.
const LOOK: Duration = Duration::from_secs(10);

/// The reservation of a running call.
pub(super) struct Lease {
    app: App,
    reservation: Reservation,
    began_ms: i64,
    noted_ms: i64,
    /// Whether someone else has settled it.
    is_lost: Arc<AtomicBool>,
    /// Created on the first poll, because only then is a runtime guaranteed.
    timers: Option<Pin<Box<Timers>>>,
}

struct Timers {
    look: Interval,
    /// When the call must end, including retries and fallbacks: the answer must be stored and charged within the same
    /// invocation.
    end: Pin<Box<Sleep>>,
}

impl Lease {
    pub(super) fn new(app: App, reservation: Reservation) -> Self {
        let now = app.clock.now_ms();
        Self {
            app,
            reservation,
            began_ms: now,
            noted_ms: now,
            is_lost: Arc::default(),
            timers: None,
        }
    }

    /// Returns ready if the call must end: it has taken too long, or was not polled for so long that someone else has
    /// settled it. `written`: tokens so far.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, written: impl Fn() -> u64) -> Poll<ModelError> {
        if self.is_lost.load(Ordering::Relaxed) {
            let detail = "its client did not read for too long".to_owned();
            return Poll::Ready(ModelError::Interrupted { detail });
        }
        let timers = self.timers.get_or_insert_with(|| Box::pin(Timers::start()));
        let mut has_ticked = false;
        while timers.look.poll_tick(cx).is_ready() {
            has_ticked = true;
        }
        let is_over = timers.end.as_mut().poll(cx);
        if has_ticked {
            self.record_if_due(LATEST_MS, &written);
        }
        ready!(is_over);
        Poll::Ready(ModelError::TimedOut { what: TimeLimit::Total })
    }

    /// Records that the model has sent text or reasoning.
    pub(super) fn wrote(&mut self, written: impl Fn() -> u64) {
        let grown = self.noted_ms.saturating_sub(self.began_ms);
        self.record_if_due(grown.clamp(FIRST_MS, LATEST_MS), &written);
    }

    fn record_if_due(&mut self, after_ms: i64, written: &impl Fn() -> u64) {
        let now = self.app.clock.now();
        if now.as_millisecond() - self.noted_ms < after_ms {
            return;
        }
        self.noted_ms = now.as_millisecond();
        let (app, reservation, is_lost) = (self.app.clone(), self.reservation.clone(), self.is_lost.clone());
        // Without any text it is unknown how much the model has thought.
        let written = Some(written()).filter(|written| *written > 0);
        self.app.run_to_completion(async move {
            match app
                .store
                .ledger()
                .checkpoint(&reservation, written, after(now, LEASE))
                .await
            {
                Ok(is_held) => is_lost.store(!is_held, Ordering::Relaxed),
                Err(error) => tracing::warn!(generation_id = %reservation.id, %error, "generation.not_noted"),
            }
        });
    }
}

impl Timers {
    fn start() -> Self {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            look,
            end: Box::pin(sleep_until(Instant::now() + LONGEST_CALL)),
        }
    }
}
