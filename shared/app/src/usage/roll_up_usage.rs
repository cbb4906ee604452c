//! Aggregates the usage of all users from the changes of the ledger.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
};

use domain::{Error, Timestamp};
use futures::future::BoxFuture;
use llm::catalog::is_known;
use store::{Changed, DayImage};

use crate::App;

/// Minimum interval between records of progress.
const NOTED_EVERY_MS: i64 = 60_000;

/// When this process last recorded its progress, in milliseconds.
#[derive(Default)]
pub(crate) struct Noted(AtomicI64);

/// Changes that must be delivered again.
#[derive(Debug)]
pub struct Unfinished {
    /// Index of the first of them.
    pub from: usize,
    /// The cause.
    pub error: Error,
}

impl App {
    /// Adds changes to the platform's totals. Changes may arrive twice and in any order.
    ///
    /// # Errors
    /// Returns the index from which the changes must be delivered again.
    pub fn roll_up_usage<'a>(&'a self, changes: &'a [Changed]) -> BoxFuture<'a, Result<(), Unfinished>> {
        Box::pin(async move {
            let (mut days, mut newest) = (BTreeMap::<String, (usize, DayImage)>::new(), None);
            for (membership, changed) in changes.iter().enumerate() {
                let Some(image) = DayImage::of(changed, is_known) else {
                    continue;
                };
                newest = newest.max(Some(changed.at));
                if let Some((_, earlier)) = days.get_mut(image.item()) {
                    earlier.merge(image);
                } else {
                    days.insert(image.item().to_owned(), (membership, image));
                }
            }
            let Some(newest) = newest else { return Ok(()) };
            let mut days: Vec<_> = days.into_values().collect();
            days.sort_by_key(|(membership, _)| *membership);
            let (places, images): (Vec<_>, Vec<_>) = days.into_iter().unzip();
            let summed_up = self.store.ledger().roll_up(&images, is_known).await;
            summed_up.map_err(|(image, error)| Unfinished {
                from: places[image],
                error,
            })?;
            let noted = self.record_rolled_up(newest).await;
            noted.map_err(|error| Unfinished { from: 0, error })
        })
    }

    /// Records the progress once a minute; the actual progress may be further.
    async fn record_rolled_up(&self, until: Timestamp) -> Result<(), Error> {
        let (now, last) = (self.clock.now(), self.rolled_up.0.load(Ordering::Relaxed));
        if now.as_millisecond() - last < NOTED_EVERY_MS {
            return Ok(());
        }
        self.store.ledger().rolled_up(until, now).await?;
        self.rolled_up.0.store(now.as_millisecond(), Ordering::Relaxed);
        Ok(())
    }
}
