//! Totals of the whole platform, computed from the stream of the table.
//!
//! The numbers of a day only grow while its item exists; one that is removed and recreated has another mark
//! ([`GENERATION`]). So the part of an item that is in the totals is stored beside them, number by number: its
//! watermark. An image of the item adds what exceeds its watermark, and raises the watermark to it, in one transaction.
//! Therefore:
//!
//! - an image that arrives twice, or after a later one, adds nothing;
//! - batches may arrive in any order, and may fail half way;
//! - an image that never arrives (the stream retains its records for a day) is made up for by the next use of its item;
//! - what happens to the item afterwards (erasure, anonymization) does not change the totals.
//!
//! One transaction takes as many images as its limits allow, so that the usage of many users costs one write of the
//! totals ([`portion`]).
//!
//! The sequence number of the last record would not be enough: an event does not name its shard, only the records of
//! one item are ordered, and what was skipped once would be lost.

mod portion;

use std::collections::{BTreeMap, VecDeque};

use domain::{Error, Result, Timestamp};
use jiff::{civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_dynamo::{AttributeValue, Item as Image};

use portion::{Addition, Portion, Source};

use super::{
    KEPT_SECONDS, Ledger,
    days::{ERASED, Owner},
    statistics::{GENERATION, IsKnownModel, OWN, TIMES, model_of, public_name},
};
use crate::{
    keys::{self, Key},
    table::backoff::Backoff,
    table::item::{Item, Transaction, conditional, from_item, n, transact},
};

/// Watermarks read at once: as many as one call can read.
const AT_ONCE: usize = 100;

/// A change of an item, as reported by the stream of the table.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Approximate time of the change.
    pub at: Timestamp,
    /// The item before; empty if it did not exist.
    pub old: Image,
    /// The item afterwards; empty if it was removed.
    pub new: Image,
}

/// The numbers of a day at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayImage {
    watermark: Key,
    date: Date,
    numbers: BTreeMap<String, u64>,
}

/// How far the platform's totals were complete when last recorded; they may be up to a minute further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RolledUp {
    /// Time of the newest change included.
    pub until: Timestamp,
    /// How long that change took to be included, milliseconds.
    pub took_ms: u64,
}

#[derive(Deserialize)]
struct Stored {
    until_ms: i64,
    took_ms: u64,
}

impl RolledUp {
    pub(super) fn of(item: Item) -> Result<Self> {
        let Stored { until_ms, took_ms } = from_item(item)?;
        Ok(Self {
            until: Timestamp::from_millisecond(until_ms).map_err(Error::internal)?,
            took_ms,
        })
    }
}

/// Returns whether a number is part of the totals: those of keys and chatbots count the same usage again, as do those
/// of other organizations on a user's own day.
fn is_summed_up(name: &str) -> bool {
    [OWN, TIMES]
        .iter()
        .any(|kind| name.split_once('~').is_some_and(|(found, _)| found == *kind))
        && model_of(name).is_some()
}

/// Returns the numbers for the totals. Names typed by users would outlive them here, so they are replaced.
fn summed_up(image: &Image, is_known: IsKnownModel) -> BTreeMap<String, u64> {
    let mut numbers = BTreeMap::new();
    for (name, value) in image.iter() {
        let AttributeValue::N(number) = value else { continue };
        if is_summed_up(name)
            && let Ok(number) = number.parse::<u64>()
        {
            let sum: &mut u64 = numbers.entry(public_name(name, is_known)).or_default();
            *sum = sum.saturating_add(number);
        }
    }
    numbers
}

impl DayImage {
    /// Returns the image after a change, or `None` if the item is not a day or no number of the totals changed.
    pub fn of(changed: &Changed, is_known: IsKnownModel) -> Option<Self> {
        let text = |name: &str| match changed.new.get(name) {
            Some(AttributeValue::S(text)) => Some(text.as_str()),
            _ => None,
        };
        let (pk, sk) = (text("pk")?, text("sk")?);
        let day = sk.strip_prefix(keys::DAYS)?;
        let date = match Owner::of(pk)? {
            Owner::User(_) => day,
            // A user's usage stays in the totals when it is anonymized; the anonymized copy is not counted again.
            Owner::Org(_) => {
                let (date, member) = day.split_once("#U#")?;
                (!member.starts_with(ERASED)).then_some(date)?
            }
        };
        let numbers = summed_up(&changed.new, is_known);
        if numbers == summed_up(&changed.old, is_known) {
            return None;
        }
        let source = Key {
            pk: pk.to_owned(),
            sk: sk.to_owned(),
        };
        Some(Self {
            // Without the mark it is of an earlier release; the next call marks it, and then all of it is counted.
            watermark: keys::watermark(&source, text(GENERATION)?),
            date: date.parse().ok()?,
            numbers,
        })
    }

    /// Identifies the item: equal for images of the same item and generation.
    pub fn item(&self) -> &str {
        &self.watermark.pk
    }

    /// Takes the higher numbers of another image of the same item.
    pub fn merge(&mut self, other: Self) {
        for (name, number) in other.numbers {
            let own = self.numbers.entry(name).or_default();
            *own = number.max(*own);
        }
    }

    /// Returns when its part of the totals expires, seconds.
    fn kept_until(&self) -> Result<i64> {
        let began_at = self.date.to_zoned(TimeZone::UTC).map_err(Error::internal)?.timestamp();
        Ok(began_at.as_second() + KEPT_SECONDS)
    }
}

/// Returns what an image has above a watermark.
fn above<'a>(image: &'a DayImage, mark: &Item) -> Vec<Addition<'a>> {
    let numbers = image.numbers.iter();
    let additions = numbers.filter_map(|(name, number)| {
        let more = number.saturating_sub(number_of(mark, name));
        let model = model_of(name).filter(|_| more > 0)?;
        Some(Addition {
            sum: keys::system_day(&image.watermark, image.date, model),
            name,
            more,
        })
    });
    additions.collect()
}

fn number_of(item: &Item, name: &str) -> u64 {
    let number = item.get(name).and_then(|value| value.as_n().ok()?.parse().ok());
    number.unwrap_or_default()
}

impl Ledger {
    /// Adds what images have above their watermarks to the platform's totals; each is of another item. Repeating it
    /// changes nothing.
    ///
    /// # Errors The index of the first image that is not, or not entirely, in the totals, and why. Those after it may
    /// be included.
    pub async fn roll_up(&self, images: &[DayImage], is_known: IsKnownModel) -> Result<(), (usize, Error)> {
        // Grouped by the items of the totals they lead to, so that each of these is written once.
        let mut shards = BTreeMap::<u8, Vec<usize>>::new();
        for (place, image) in images.iter().enumerate() {
            shards
                .entry(keys::system_shard(&image.watermark))
                .or_default()
                .push(place);
        }
        let mut failed: Option<(usize, Error)> = None;
        for places in shards.values().flat_map(|places| places.chunks(AT_ONCE)) {
            let found = self.roll_up_together(images, places, is_known).await;
            if let Err((place, error)) = found
                && failed.as_ref().is_none_or(|(first, _)| place < *first)
            {
                failed = Some((place, error));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn roll_up_together(
        &self,
        images: &[DayImage],
        places: &[usize],
        is_known: IsKnownModel,
    ) -> Result<(), (usize, Error)> {
        let sources = places.iter().map(|place| Source {
            place: *place,
            image: &images[*place],
            mark: None,
        });
        let (mut backoff, mut failed) = (Backoff::default(), None);
        // In order, so the first remaining one is the first that failed.
        let mut left: VecDeque<_> = self.marked(sources.collect()).await?.into();
        while let Some(place) = left.front().map(|source| source.place) {
            let at_place = |error| (place, error);
            let mut portion = Portion::default();
            while let Some(source) = left.pop_front() {
                if let Some(full) = portion.take(source, is_known).map_err(at_place)? {
                    left.push_front(full);
                    break;
                }
            }
            if portion.is_empty() {
                break;
            }
            let parts = portion.parts(&self.0).map_err(at_place)?;
            let again = match transact(&self.0.db, parts).await {
                Ok(Transaction::Done) => portion.written(),
                // Another delivery of the same item was faster.
                Ok(Transaction::Refused(_)) => {
                    if !backoff.wait().await.map_err(at_place)? {
                        return Err(at_place(Error::unavailable(
                            "a watermark is changed too often by other writers",
                        )));
                    }
                    self.marked(portion.sources()).await?
                }
                Err(error) => {
                    failed.get_or_insert((place, error));
                    continue;
                }
            };
            for source in again.into_iter().rev() {
                left.push_front(source);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Returns images with their current watermarks.
    async fn marked<'a>(&self, sources: Vec<Source<'a>>) -> Result<Vec<Source<'a>>, (usize, Error)> {
        let wanted: Vec<Key> = sources.iter().map(|source| source.image.watermark.clone()).collect();
        let first = sources.first().map_or(0, |source| source.place);
        let found = self.0.usage().get_many(&wanted).await.map_err(|error| (first, error))?;
        let mut marks: BTreeMap<String, Item> = found
            .into_iter()
            .filter_map(|item| Some((item.get("pk")?.as_s().ok()?.clone(), item)))
            .collect();
        let marked = sources.into_iter().map(|source| Source {
            mark: marks.remove(&source.image.watermark.pk),
            ..source
        });
        Ok(marked.collect())
    }

    /// Records how far the platform's totals are complete, unless they already are further.
    pub async fn rolled_up(&self, until: Timestamp, now: Timestamp) -> Result<()> {
        let took = now.as_millisecond().saturating_sub(until.as_millisecond()).max(0);
        let update = self.0.usage().update(&keys::rolled_up());
        let update = update
            .update_expression("SET until_ms = :until, took_ms = :took")
            .condition_expression("attribute_not_exists(until_ms) OR until_ms < :until")
            .expression_attribute_values(":until", n(until.as_millisecond()))
            .expression_attribute_values(":took", n(took));
        conditional(update).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests;
