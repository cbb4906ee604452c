//! The part of the totals that one transaction adds: of as many images as its limits allow
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>).

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{Error, Result};

use super::{DayImage, above, number_of};
use crate::{
    Store,
    keys::Key,
    table::item::{ITEM_MISSING, Item, n, s},
    tables,
    usage::ledger::{
        change::Change,
        statistics::{IsKnownModel, make_public},
    },
};

/// Items of a transaction.
const MAX_ITEMS: usize = 100;
/// Numbers added to an item of the totals at once: the text of an update is 4 KB at most.
const MAX_NUMBERS: usize = 200;
/// Approximate bytes of the watermarks raised at once: all items of a transaction, those of the totals included, are
/// 4 MB at most.
const MAX_BYTES: usize = 1024 * 1024;
/// Bytes of a watermark in addition to its numbers, and of a number in addition to its name.
const OVERHEAD: (usize, usize) = (200, 12);

/// How often a watermark was raised.
const REVISION: &str = "revision";

/// An image to be added to the totals.
#[derive(Clone)]
pub(super) struct Source<'a> {
    /// Its index among the images of the batch.
    pub(super) place: usize,
    pub(super) image: &'a DayImage,
    /// Its watermark, if there is one.
    pub(super) mark: Option<Item>,
}

/// An addition to a number of the totals.
pub(super) struct Addition<'a> {
    pub(super) sum: Key,
    pub(super) name: &'a str,
    pub(super) more: u64,
}

/// The additions of one transaction, with the watermarks that record them.
#[derive(Default)]
pub(super) struct Portion<'a> {
    sums: BTreeMap<Key, Sum<'a>>,
    raised: Vec<Raised<'a>>,
    bytes: usize,
}

struct Sum<'a> {
    numbers: BTreeMap<&'a str, u64>,
    kept_until: i64,
}

struct Raised<'a> {
    source: Source<'a>,
    /// The watermark as it is afterwards.
    item: Item,
    /// Whether the image then has nothing above it.
    is_whole: bool,
}

impl<'a> Portion<'a> {
    /// Takes what an image has above its watermark. One that does not fit is returned, for the next portion; the first
    /// one is taken as far as it fits.
    pub(super) fn take(&mut self, source: Source<'a>, is_known: IsKnownModel) -> Result<Option<Source<'a>>> {
        let mut item = source.mark.clone().unwrap_or_default();
        // A watermark of an earlier release has the names that users typed.
        make_public(&mut item, is_known);
        let additions = above(source.image, &item);
        if additions.is_empty() {
            return Ok(None);
        }
        let bytes = size(item.keys().map(String::as_str)) + size(source.image.numbers.keys().map(String::as_str));
        let fits = self.has_room_for(&additions) && self.bytes + bytes <= MAX_BYTES;
        if !(fits || self.raised.is_empty()) {
            return Ok(Some(source));
        }
        let (mut is_whole, kept_until) = (true, source.image.kept_until()?);
        for addition in additions {
            if !self.has_room_for(std::slice::from_ref(&addition)) {
                is_whole = false;
                continue;
            }
            let sum = self.sums.entry(addition.sum).or_insert_with(|| Sum {
                numbers: BTreeMap::new(),
                kept_until,
            });
            *sum.numbers.entry(addition.name).or_default() += addition.more;
            item.insert(addition.name.to_owned(), n(source.image.numbers[addition.name]));
        }
        item.insert(REVISION.to_owned(), n(number_of(&item, REVISION) + 1));
        item.insert("pk".to_owned(), s(&source.image.watermark.pk));
        item.insert("sk".to_owned(), s(&source.image.watermark.sk));
        item.insert(tables::TTL.to_owned(), n(kept_until));
        self.bytes += bytes;
        self.raised.push(Raised { source, item, is_whole });
        Ok(None)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.raised.is_empty()
    }

    /// Returns whether all of this fits in addition to the portion so far, with the watermark that comes with it.
    fn has_room_for(&self, additions: &[Addition<'_>]) -> bool {
        let mut wanted = BTreeMap::<&Key, BTreeSet<&str>>::new();
        for addition in additions {
            wanted.entry(&addition.sum).or_default().insert(addition.name);
        }
        let items = wanted.keys().filter(|key| !self.sums.contains_key(**key)).count();
        let has_numbers = |(key, names): (&&Key, &BTreeSet<&str>)| {
            let there = self.sums.get(*key).map(|sum| &sum.numbers);
            let new = names
                .iter()
                .filter(|name| !there.is_some_and(|there| there.contains_key(*name)));
            new.count() + there.map_or(0, BTreeMap::len) <= MAX_NUMBERS
        };
        self.sums.len() + items + self.raised.len() < MAX_ITEMS && wanted.iter().all(has_numbers)
    }

    /// Returns the parts of the transaction.
    pub(super) fn parts(&self, store: &Store) -> Result<Vec<TransactWriteItem>> {
        let mut parts = Vec::with_capacity(self.sums.len() + self.raised.len());
        for (key, sum) in &self.sums {
            let mut change = Change::of(key.clone());
            for (name, more) in &sum.numbers {
                change.add(name, i64::try_from(*more).map_err(Error::internal)?);
            }
            change.set_once(tables::TTL, n(sum.kept_until));
            parts.push(change.part(store)?);
        }
        let table = store.usage();
        for Raised { source, item, .. } in &self.raised {
            parts.push(match &source.mark {
                None => table.part_put_if(item.clone(), ITEM_MISSING, [])?,
                Some(mark) => {
                    let revision = n(number_of(mark, REVISION));
                    table.part_put_if(item.clone(), "revision = :revision", [(":revision", revision)])?
                }
            });
        }
        Ok(parts)
    }

    /// Returns the number of items, and the sum of all additions.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, u64) {
        let sums = self.sums.values().flat_map(|sum| sum.numbers.values());
        (self.sums.len() + self.raised.len(), sums.sum())
    }

    /// Returns what remains to be taken once this is written.
    pub(super) fn written(self) -> Vec<Source<'a>> {
        let left = self.raised.into_iter().filter(|raised| !raised.is_whole);
        left.map(|raised| Source {
            mark: Some(raised.item),
            ..raised.source
        })
        .collect()
    }

    /// Returns the images it was built from.
    pub(super) fn sources(self) -> Vec<Source<'a>> {
        self.raised.into_iter().map(|raised| raised.source).collect()
    }
}

fn size<'n>(names: impl Iterator<Item = &'n str>) -> usize {
    OVERHEAD.0 + names.map(|name| name.len() + OVERHEAD.1).sum::<usize>()
}
