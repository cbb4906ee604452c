//! Closing days: settles abandoned reservations and notifies users whose limit was reset. Correctness does not depend
//! on it: a new day is a new counter, and overdue reservations are settled by the first caller affected.
//!
//! A run may be interrupted at any moment. A day is closed after its users were notified and stays listed until then,
//! so the next run continues with it; the ID of a notification ensures that it is sent once. Of the days that are not
//! over, a run checks a portion and records its position, from which the next run continues.

use domain::{MailMessage, Result, Timestamp};
use futures::{StreamExt as _, future::BoxFuture, stream};
use store::{OpenDay, keys};

use crate::{App, platform::batch_outcome::BatchOutcome, usage::alerts::notice_id};

/// Number of days read at once, and the maximum of unfinished days per shard and run.
const PORTION: i32 = 1000;
/// Number of days processed concurrently.
const AT_ONCE: usize = 16;

impl App {
    /// Processes all days that are over but not closed, and a portion of the others with reservations; returns the
    /// number of days closed.
    ///
    /// # Errors
    /// Returns an error if a service does not respond; the next run handles the rest. A failing day does not block
    /// others.
    pub fn reset_quotas(&self) -> BoxFuture<'_, Result<usize>> {
        Box::pin(async move {
            let (mut closed, now) = (BatchOutcome::default(), self.clock.now());
            for shard in 0..keys::OPEN_SHARDS {
                let looked = self.process_shard(shard, now, &mut closed).await;
                closed.count(
                    looked.map(|()| 0),
                    |error| tracing::error!(%error, "days.not_looked_at"),
                );
            }
            closed.end()
        })
    }

    async fn process_shard(&self, shard: u8, now: Timestamp, closed: &mut BatchOutcome) -> Result<()> {
        let ledger = self.store.ledger();
        let mut behind = None;
        loop {
            let days = ledger.ended_days(shard, now, behind.as_ref(), PORTION).await?;
            self.process_days(&days, closed).await;
            // A day that could not be closed is not processed twice.
            behind = days.into_iter().last();
            if behind.is_none() {
                break;
            }
        }
        let running = ledger.running_days(shard, now, PORTION).await?;
        self.process_days(&running.days, closed).await;
        ledger.seen(shard, &running).await
    }

    async fn process_days(&self, days: &[OpenDay], closed: &mut BatchOutcome) {
        let looks: Vec<_> = days.iter().map(|day| self.process_day(day)).collect();
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some(is_closed) = looks.next().await {
            closed.count(
                is_closed.map(usize::from),
                |error| tracing::error!(%error, "day.not_closed"),
            );
        }
    }

    async fn process_day(&self, day: &OpenDay) -> Result<bool> {
        let ledger = self.store.ledger();
        let now = self.clock.now();
        let mut running = false;
        for hold in ledger.holds_in(day).await? {
            if hold.terms.until_ms <= now.as_millisecond() {
                self.settle_overdue(&hold).await?;
            } else {
                running = true;
            }
        }
        if running || now < day.ends_at {
            return Ok(false);
        }
        self.notify_of_reset(day).await?;
        ledger.close(day, now).await?;
        Ok(true)
    }

    /// Notifies the users who had exhausted a limit that it was reset.
    async fn notify_of_reset(&self, day: &OpenDay) -> Result<()> {
        // The newest alerts are those of the last days, so they include the day if it has any.
        let alerts = self.store.ledger().alerts(&day.owner, 10).await?;
        if !alerts.iter().any(|alert| alert.day == day.date && alert.percent == 100) {
            return Ok(());
        }
        for (user, org) in self.recipients(&day.owner).await? {
            let id = notice_id("back", &day.owner, day.date, &user);
            let message = MailMessage::TokensBack {
                id,
                user,
                org,
                org_id: day.owner.org().cloned(),
            };
            self.queue_mail(&message).await?;
        }
        Ok(())
    }
}
