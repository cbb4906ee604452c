//! The day of a large organization, split over shards.
//!
//! Reserving and settling are transactions, and DynamoDB rejects those that conflict on one item: a counter takes 50 to
//! 100 turns a second. So the limit of an organization is lent out in portions. The item of the day, the *head*, stays
//! what it is in every organization: `committed` is what is taken of the limit, now including what is lent to shards. A
//! shard has `free`, what is left of its portions, and `limit`, under which they were drawn. Users are spread over the
//! shards by their IDs, and a turn touches only the shard of its user.
//!
//! - **Turn**: a reservation requires `free >= estimate` under the same limit; settling returns what was not used.
//! - **Draw**: a shard that has too little takes a portion: the head's `committed` and the shard's `free` grow by the
//!   same number in one transaction, while `committed` stays within the limit. So what is really committed, `committed`
//!   less the `free` of all shards, is never above the limit.
//! - **Close**: a shard returns all that is free to the head and is removed from `open`. A caller that finds too little
//!   in the head closes the open shards one after the other. Only if none is open, which the same item as `committed`
//!   tells, is the limit used up: nothing is refused while tokens are left anywhere.
//! - **Near the end**, when a portion would be a few turns, nothing is drawn and turns count in the head, as they do in
//!   an organization that is not split. What settles into a closed shard goes to the head.
//! - **Above the reservation**: what a call used in excess is taken from its shard, or from the head after all others
//!   were closed, so that a shard that does not know of it cannot spend it again.
//! - **Another limit**: limits come with the call here too. A shard whose portions were drawn under another one is
//!   first closed, and draws again.
//!
//! `used` and `reserved` stay where they were counted; the sum of the head and of `shards`, those that were ever open,
//! is what the organization used. Each step is one transaction, so a crash between two of them leaves tokens in a
//! shard, where the next turn or the next close finds them. A day that is over is not cleaned up: nothing can be
//! reserved in it.
//!
//! Limits below [`SPLIT_FROM`] are not split: their plans allow ten questions a second. Their cost is unchanged.

pub(super) mod settlement;

use std::collections::{BTreeMap, BTreeSet};

use domain::{Error, Result, TokenLimit, UserId};

use super::{
    Counter, KEPT_SECONDS, Ledger, QuotaSubjects,
    change::{Change, Written, is_at, write},
    packs::EXTRA,
    reserve::OPENED,
};
use crate::{
    keys::{self, Key},
    table::backoff::Backoff,
    table::item::{Item, n},
    tables,
};

/// Limits from this number of tokens a day are split.
const SPLIT_FROM: u64 = 5_000_000;
/// Free tokens of an open shard.
const FREE: &str = "free";
/// The limit under which portions were drawn.
const LIMIT: &str = "limit";
/// The shards that may hold a part of the limit.
const OPEN: &str = "open";
/// The shards in which something was counted.
const SHARDS: &str = "shards";
/// A portion is the remainder of the head divided by this, so that shards hold an eighth of it in total.
const PART: u64 = 8 * keys::DAY_SHARDS as u64;
/// Fewest turns that a portion must be enough for.
const TURNS: u64 = 4;

/// The head of a day as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Negative after packs were drawn for a limit of which little was used.
    committed: i64,
    limit: Option<u64>,
    open: BTreeSet<u8>,
    shards: BTreeSet<u8>,
    /// Tokens of packs.
    extra: u64,
    pub(super) is_listed: bool,
}

/// A shard as it was read. A closed one has nothing free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Shard {
    free: Option<u64>,
    limit: Option<u64>,
}

/// The next step of a caller that found too little.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// Reserve in the shard.
    AtShard,
    /// Reserve in the head.
    AtHead,
    /// Draw a portion for the shard.
    Draw(u64),
    /// Close these shards.
    Close(Vec<u8>),
    /// Refuse: nothing is left anywhere.
    Short,
}

/// Returns the next step after a read that may be outdated by now: each step has conditions of its own. `own`: the
/// shard of the user, if the limit is split.
fn next(head: &Head, own: Option<(u8, Shard)>, limit: u64, estimate: u64) -> Step {
    let left = signed(limit).saturating_sub(head.committed).max(0).unsigned_abs();
    if let Some((number, shard)) = own {
        match shard.free {
            Some(_) if shard.limit != Some(limit) => return Step::Close(vec![number]),
            Some(free) if free >= estimate => return Step::AtShard,
            _ => {}
        }
        let portion = (left / PART).max(estimate.saturating_mul(TURNS));
        if portion.saturating_mul(2 * u64::from(keys::DAY_SHARDS)) <= left {
            return Step::Draw(portion);
        }
    }
    if left >= estimate {
        return Step::AtHead;
    }
    if head.open.is_empty() {
        return Step::Short;
    }
    // Each caller begins with its own, so that concurrent callers do not all begin with the same one.
    let first = own.map_or(0, |(number, _)| number);
    let (before, behind): (Vec<u8>, Vec<u8>) = head.open.iter().partition(|number| **number < first);
    Step::Close([behind, before].concat())
}

fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

impl Head {
    pub(super) fn of(item: Option<&Item>) -> Self {
        let Some(item) = item else { return Self::default() };
        Self {
            committed: number(item, "committed").unwrap_or_default(),
            extra: number(item, EXTRA).unwrap_or_default(),
            limit: number(item, LIMIT),
            open: numbers(item, OPEN),
            shards: numbers(item, SHARDS),
            is_listed: item.contains_key(OPENED),
        }
    }
}

impl Head {
    /// Returns what is taken of the limit and its packs, including what is lent to shards.
    fn taken(&self) -> u64 {
        self.committed.saturating_add(signed(self.extra)).max(0).unsigned_abs()
    }
}

impl Shard {
    fn of(item: Option<&Item>) -> Self {
        Self {
            free: item.and_then(|item| number(item, FREE)),
            limit: item.and_then(|item| number(item, LIMIT)),
        }
    }
}

fn number<N: std::str::FromStr>(item: &Item, name: &str) -> Option<N> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

fn numbers(item: &Item, name: &str) -> BTreeSet<u8> {
    let texts = item.get(name).and_then(|texts| texts.as_ss().ok());
    let texts = texts.into_iter().flatten();
    texts.filter_map(|text| text.parse().ok()).collect()
}

/// Returns the shard in which a user's turns count; `None` if the limit is not split.
pub(super) fn shard_of(user: &UserId, limit: u64) -> Option<u8> {
    (limit >= SPLIT_FROM).then(|| keys::day_shard_of(user))
}

impl Counter {
    /// Returns whether more may be left than the refusal of a reservation says: at the shard, in the others and the
    /// head; at the head, in its shards.
    pub(super) fn may_have_room(&self, item: Option<&Item>) -> bool {
        self.shard.is_some() || item.is_some_and(|item| item.contains_key(SHARDS))
    }

    /// Returns the change of the shard for a reservation.
    pub(super) fn reserve_in_shard(&self, shard: u8, estimate: u64, signed: i64) -> Change {
        let mut change = Change::of(keys::day_shard(&self.key, shard));
        change.add(FREE, -signed);
        change.add("reserved", signed);
        change.if_at_least(FREE, estimate);
        change.if_still(LIMIT, Some(self.limit));
        change
    }
}

impl Ledger {
    /// Finds room for a reservation that the counter of an organization refused: the counter says afterwards where.
    /// Returns the usage of the limit if there is no room.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if other callers were always faster.
    pub(super) async fn find_room(
        &self,
        user: &UserId,
        counter: &mut Counter,
        estimate: u64,
        backoff: &mut Backoff,
    ) -> Result<Option<TokenLimit>> {
        loop {
            let own = shard_of(user, counter.limit);
            let (head, shards, item) = self.read_split(&counter.key, own).await?;
            let shard = own.map(|number| (number, shards.get(&number).copied().unwrap_or_default()));
            let is_done = match next(&head, shard, counter.limit, estimate) {
                Step::AtShard => {
                    counter.shard = own;
                    return Ok(None);
                }
                Step::AtHead => {
                    counter.shard = None;
                    return Ok(None);
                }
                Step::Short => return Ok(Some(self.standing_of(counter, item.as_ref()).await?)),
                Step::Draw(portion) => {
                    let (number, shard) = shard.ok_or_else(|| Error::internal("a limit that is not split"))?;
                    self.draw(counter, &head, (number, shard), portion).await?
                }
                Step::Close(wanted) => self.close_shards(&counter.key, &wanted).await?,
            };
            if !is_done && !backoff.wait().await? {
                return Err(Error::unavailable(
                    "the day of the organization is changed too often by other writers",
                ));
            }
        }
    }

    /// Reads the head, and one of its shards.
    async fn read_split(&self, day: &Key, shard: Option<u8>) -> Result<(Head, BTreeMap<u8, Shard>, Option<Item>)> {
        let mut wanted = vec![day.clone()];
        wanted.extend(shard.map(|number| keys::day_shard(day, number)));
        let found = self.0.usage().get_many(&wanted).await?;
        let at = |key: &Key| found.iter().find(|item| is_at(item, key));
        let head = at(day);
        let shards = shard.map(|number| (number, Shard::of(at(&keys::day_shard(day, number)))));
        Ok((Head::of(head), shards.into_iter().collect(), head.cloned()))
    }

    /// Draws a portion of the limit for a shard. Returns `false` if another call changed it meanwhile.
    async fn draw(&self, counter: &Counter, head: &Head, (number, shard): (u8, Shard), portion: u64) -> Result<bool> {
        let Some(day) = counter.closes else {
            return Err(Error::internal("a limit without a day is not split"));
        };
        let drawn = i64::try_from(portion).map_err(Error::internal)?;
        let mut of_head = Change::of(counter.key.clone());
        of_head.add("committed", drawn);
        of_head.set(LIMIT, n(counter.limit));
        of_head.add_to_set(OPEN, &number.to_string());
        of_head.add_to_set(SHARDS, &number.to_string());
        of_head.if_at_most("committed", signed(counter.limit).saturating_sub(signed(portion)));
        if head.is_listed {
            of_head.if_present(OPENED);
        } else {
            self.open(&counter.key, &day).await?;
            of_head.set_once(OPENED, n(day.ends_at.as_second()));
            of_head.set_once(tables::TTL, n(day.began_at.as_second() + KEPT_SECONDS));
        }
        let mut of_shard = Change::of(keys::day_shard(&counter.key, number));
        // Of the callers that find it empty one fills it.
        of_shard.if_still(FREE, shard.free);
        of_shard.add(FREE, drawn);
        of_shard.set(LIMIT, n(counter.limit));
        of_shard.set_once(tables::TTL, n(day.began_at.as_second() + KEPT_SECONDS));
        let written = write(&self.0, &[of_head, of_shard]).await?;
        Ok(matches!(written, Written::Done(_)))
    }

    /// Returns what is free in these shards to the head. Returns `false` as soon as another call changes one meanwhile.
    async fn close_shards(&self, day: &Key, shards: &[u8]) -> Result<bool> {
        for number in shards {
            let key = keys::day_shard(day, *number);
            let item = self.0.usage().get_raw(key.clone(), true).await?;
            let Some(free) = Shard::of(item.as_ref()).free else {
                return Ok(false);
            };
            let mut of_head = Change::of(day.clone());
            of_head.add("committed", -i64::try_from(free).map_err(Error::internal)?);
            of_head.delete_from_set(OPEN, &number.to_string());
            let mut of_shard = Change::of(key);
            of_shard.if_still(FREE, Some(free));
            of_shard.remove(FREE);
            if !matches!(write(&self.0, &[of_head, of_shard]).await?, Written::Done(_)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the usage of a counter with all of its shards; `item` is its own.
    pub(super) async fn standing_of(&self, counter: &Counter, item: Option<&Item>) -> Result<TokenLimit> {
        let mut standing = counter.standing(item)?;
        let head = Head::of(item);
        let wanted: Vec<Key> = head
            .shards
            .iter()
            .map(|number| keys::day_shard(&counter.key, *number))
            .collect();
        if wanted.is_empty() {
            return Ok(standing);
        }
        for shard in self.0.usage().get_many(&wanted).await? {
            standing.used += number::<u64>(&shard, "used").unwrap_or_default();
            standing.reserved += number::<u64>(&shard, "reserved").unwrap_or_default();
        }
        if head.open.is_empty() {
            // Shards are read one after the other, and only the head knows what is committed.
            standing.reserved = head.taken().saturating_sub(standing.used);
        }
        Ok(standing)
    }

    /// Like [`Ledger::standings`], at the price of one read of each counter. For a split limit it returns what is lent
    /// to shards as used, and `true` as the second value because that is more than was used.
    pub async fn standings_at_most(&self, subjects: &QuotaSubjects) -> Result<(Vec<TokenLimit>, bool)> {
        let (counters, found) = self.counters_of(subjects).await?;
        let mut is_more = false;
        let standings = counters.iter().map(|counter| {
            let item = found.iter().find(|item| is_at(item, &counter.key));
            let (mut standing, head) = (counter.standing(item)?, Head::of(item));
            if !head.shards.is_empty() {
                is_more = true;
                (standing.used, standing.reserved) = (head.taken(), 0);
            }
            Ok(standing)
        });
        let standings = standings.collect::<Result<_>>()?;
        Ok((standings, is_more))
    }
}

#[cfg(test)]
mod tests;
