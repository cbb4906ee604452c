//! Closing days: settles what nobody is left to settle, and tells who may ask again. Nothing depends on it: a new day
//! is a new counter, and what is overdue is settled by whoever needs it first.

use futures::future::BoxFuture;
use model::{MailMessage, Result};
use store::OpenDay;

use crate::{App, alerts::notice_id, tally::Tally};

impl App {
    /// Looks at all days in which something was reserved and that were not closed; answers how many were closed now.
    ///
    /// # Errors
    /// When a service does not answer; what was not done is found again by the next run. A day that cannot be looked at
    /// keeps no other from it.
    pub fn reset_quotas(&self) -> BoxFuture<'_, Result<usize>> {
        Box::pin(async move {
            let mut closed = Tally::default();
            for day in self.store.ledger().open_days().await? {
                let is_closed = self.look_at(&day).await;
                closed.count(
                    is_closed.map(usize::from),
                    |error| tracing::error!(%error, "day.not_closed"),
                );
            }
            closed.end()
        })
    }

    async fn look_at(&self, day: &OpenDay) -> Result<bool> {
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
        self.tell_of_new_day(day).await?;
        ledger.close(day, now).await?;
        Ok(true)
    }

    /// Who had used up a limit may ask again.
    async fn tell_of_new_day(&self, day: &OpenDay) -> Result<()> {
        // The newest ones are those of the last days, so the day is among them if it has any.
        let alerts = self.store.ledger().alerts(&day.owner, 10).await?;
        if !alerts.iter().any(|alert| alert.day == day.date && alert.percent == 100) {
            return Ok(());
        }
        for (user, org) in self.readers(&day.owner).await? {
            let id = notice_id("back", &day.owner, day.date, &user);
            self.queue_mail(&MailMessage::TokensBack { id, user, org }).await?;
        }
        Ok(())
    }
}
