//! A call that goes on keeps its reservation: others may settle one that has been silent for five minutes, as its process
//! may have died. A model may think for longer.

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

/// When what was written is noted for the first time; then after twice as long each time. Most answers are whole by then, and
/// cost no note; of a call whose process dies earlier all that is reserved is charged.
const FIRST_MS: i64 = 10_000;
/// After how long it is noted at the latest that the call goes on: often enough that several notes may be lost.
const LATEST_MS: i64 = 60_000;
/// How often it is looked whether that is due while the model is silent.
const LOOK: Duration = Duration::from_secs(10);

/// The reservation of a running call.
pub(super) struct Lease {
    app: App,
    reservation: Reservation,
    began_ms: i64,
    noted_ms: i64,
    /// Someone else has settled it.
    is_lost: Arc<AtomicBool>,
    /// Made with the first look: only then is there certainly a runtime.
    timers: Option<Pin<Box<Timers>>>,
}

struct Timers {
    look: Interval,
    /// When the call is over, retries and stand-ins included: what was said has to be stored and paid for within the same
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

    /// Ready when the call has to end: it has taken too long, or was not polled for so long that someone else has paid
    /// for it. `written`: tokens so far.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, written: impl Fn() -> u64) -> Poll<ModelError> {
        if self.is_lost.load(Ordering::Relaxed) {
            let detail = "its reader was away for too long".to_owned();
            return Poll::Ready(ModelError::Interrupted { detail });
        }
        let timers = self.timers.get_or_insert_with(|| Box::pin(Timers::start()));
        let mut has_ticked = false;
        while timers.look.poll_tick(cx).is_ready() {
            has_ticked = true;
        }
        let is_over = timers.end.as_mut().poll(cx);
        if has_ticked {
            self.note_if_due(LATEST_MS, &written);
        }
        ready!(is_over);
        Poll::Ready(ModelError::TimedOut { what: TimeLimit::Total })
    }

    /// The model has written or thought something.
    pub(super) fn wrote(&mut self, written: impl Fn() -> u64) {
        let grown = self.noted_ms.saturating_sub(self.began_ms);
        self.note_if_due(grown.clamp(FIRST_MS, LATEST_MS), &written);
    }

    fn note_if_due(&mut self, after_ms: i64, written: &impl Fn() -> u64) {
        let now = self.app.clock.now();
        if now.as_millisecond() - self.noted_ms < after_ms {
            return;
        }
        self.noted_ms = now.as_millisecond();
        let (app, reservation, is_lost) = (self.app.clone(), self.reservation.clone(), self.is_lost.clone());
        // While nothing is written no one knows how much the model has thought.
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
