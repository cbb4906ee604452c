//! Sums up what everybody uses, from the changes of the ledger.

use std::collections::BTreeMap;

use futures::{StreamExt as _, future::BoxFuture, stream};
use llm::catalog::is_known;
use model::Error;
use store::{Changed, DayImage};

use crate::App;

/// Days that are summed up at the same time.
const AT_ONCE: usize = 8;

/// Changes that have to come again.
#[derive(Debug)]
pub struct Unfinished {
    /// The first of them.
    pub from: usize,
    /// Why.
    pub error: Error,
}

impl App {
    /// Adds what changed to the sums of the platform. Changes may come twice and in any order.
    ///
    /// # Errors
    /// From which change on they have to come again.
    pub fn roll_up_usage<'a>(&'a self, changes: &'a [Changed]) -> BoxFuture<'a, Result<(), Unfinished>> {
        Box::pin(async move {
            let (mut days, mut newest) = (BTreeMap::<String, (usize, DayImage)>::new(), None);
            for (place, changed) in changes.iter().enumerate() {
                let Some(image) = DayImage::of(changed, is_known) else {
                    continue;
                };
                newest = newest.max(Some(changed.at));
                if let Some((_, earlier)) = days.get_mut(image.item()) {
                    earlier.merge(image);
                } else {
                    days.insert(image.item().to_owned(), (place, image));
                }
            }
            let Some(newest) = newest else { return Ok(()) };
            let ledger = &self.store.ledger();
            let sums = stream::iter(days.into_values()).map(|(from, image)| async move {
                let summed_up = ledger.roll_up(&image, is_known).await;
                summed_up.map_err(|error| Unfinished { from, error })
            });
            let sums: Vec<_> = sums.buffer_unordered(AT_ONCE).collect().await;
            let failed = sums.into_iter().filter_map(Result::err);
            if let Some(first) = failed.min_by_key(|unfinished| unfinished.from) {
                return Err(first);
            }
            let noted = ledger.rolled_up(newest, self.clock.now()).await;
            noted.map_err(|error| Unfinished { from: 0, error })
        })
    }
}
