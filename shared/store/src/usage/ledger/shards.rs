//! The day of a large organization, split over shards.
//!
//! Reserving and settling are transactions, and a table rejects those that meet at one item: a counter takes 50 to 100 turns
//! a second. So the limit of an organization is lent out in portions. The item of the day, the *head*, stays what it
//! is in every organization: `committed` is what is taken of the limit, now what is lent to shards included. A shard has
//! `free`, what is left of its portions, and `limit`, under which they were drawn. People are spread over the shards by
//! their ids, and a turn touches the shard of its person only.
//!
//! - **Turn**: `free >= estimate`, under the same limit, pays the reservation; settling gives back what was not used.
//! - **Draw**: a shard that has too little takes a portion: the head's `committed` and the shard's `free` grow by the same
//!   number in one transaction, while `committed` stays within the limit. So what is committed in truth, `committed` less
//!   the `free` of all shards, is never above the limit.
//! - **Close**: a shard gives all that is free back to the head and is not among `open` any more. Whoever finds too little
//!   in the head closes the shards that are open, one after the other. Only when none is open, which is told by the same
//!   item as `committed`, is the limit used up: nobody is refused while tokens are left anywhere.
//! - **Near the end**, when a portion would be a few turns, nothing is drawn and turns count in the head, as they do in an
//!   organization that is not split. What settles into a shard that was closed goes to the head.
//! - **Above the reservation**: what a call used on top is taken from its shard, or from the head after all others were
//!   closed, so that it cannot be spent a second time by a shard that knows nothing of it.
//! - **Another limit**: limits come with the call here too. A shard whose portions were drawn under another one is closed
//!   first, and draws anew.
//!
//! `used` and `reserved` stay where they were counted; the sum of the head and of `shards`, those that were ever open, is
//! what the organization used. Each step is one transaction, so a crash between two of them leaves tokens in a shard, where
//! the next turn or the next close finds them. A day that is over is not tidied up: nothing can be reserved in it.
//!
//! Limits below [`SPLIT_FROM`] are not split: their plans allow ten questions a second. They cost what they did.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Error, Result, TokenLimit, UserId};

use super::{
    Counter, KEPT_SECONDS, Ledger, QuotaSubjects, Reservation,
    change::{Change, Written, is_at, write},
    reserve::OPENED,
};
use crate::{
    keys::{self, Key},
    table::backoff::Backoff,
    table::item::{Item, n},
    tables,
};

/// Limits from here on are split, tokens a day.
const SPLIT_FROM: u64 = 5_000_000;
/// What is free in a shard that is open.
const FREE: &str = "free";
/// The limit that portions were drawn under.
const LIMIT: &str = "limit";
/// The shards that may hold something of the limit.
const OPEN: &str = "open";
/// The shards in which something was counted.
const SHARDS: &str = "shards";
/// A portion is this part of what the head has left, so that shards hold an eighth of it in all.
const PART: u64 = 8 * keys::DAY_SHARDS as u64;
/// Turns that a portion is enough for at least.
const TURNS: u64 = 4;

/// The head of a day as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Head {
    committed: u64,
    limit: Option<u64>,
    open: BTreeSet<u8>,
    shards: BTreeSet<u8>,
    is_listed: bool,
}

/// A shard as it was read. Nothing is free in one that is closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Shard {
    free: Option<u64>,
    limit: Option<u64>,
}

/// What whoever found too little does next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// Reserves in the shard.
    AtShard,
    /// Reserves in the head.
    AtHead,
    /// Takes a portion to the shard.
    Draw(u64),
    /// Gives back what is free in these.
    Close(Vec<u8>),
    /// Is refused: nothing is left anywhere.
    Short,
}

/// Decides on what was read, which may be the past by now: each step has conditions of its own. `own`: the shard of the
/// person, if the limit is one that is split.
fn next(head: &Head, own: Option<(u8, Shard)>, limit: u64, estimate: u64) -> Step {
    let left = limit.saturating_sub(head.committed);
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
    // Each begins with its own, so that those who come at once do not all begin with the same one.
    let first = own.map_or(0, |(number, _)| number);
    let (before, behind): (Vec<u8>, Vec<u8>) = head.open.iter().partition(|number| **number < first);
    Step::Close([behind, before].concat())
}

impl Head {
    fn of(item: Option<&Item>) -> Self {
        let Some(item) = item else { return Self::default() };
        Self {
            committed: number(item, "committed").unwrap_or_default(),
            limit: number(item, LIMIT),
            open: numbers(item, OPEN),
            shards: numbers(item, SHARDS),
            is_listed: item.contains_key(OPENED),
        }
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

fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

fn numbers(item: &Item, name: &str) -> BTreeSet<u8> {
    let texts = item.get(name).and_then(|texts| texts.as_ss().ok());
    let texts = texts.into_iter().flatten();
    texts.filter_map(|text| text.parse().ok()).collect()
}

/// The shard in which a person's turns count; none when the limit is not split.
pub(super) fn shard_of(user: &UserId, limit: u64) -> Option<u8> {
    (limit >= SPLIT_FROM).then(|| keys::day_shard_of(user))
}

impl Counter {
    /// Whether more may be left than the refusal of a reservation says: at the shard, because there are others and the head;
    /// at the head, because of its shards.
    pub(super) fn may_have_room(&self, item: Option<&Item>) -> bool {
        self.shard.is_some() || item.is_some_and(|item| item.contains_key(SHARDS))
    }

    /// What a reservation does to the shard.
    pub(super) fn reserve_in_shard(&self, shard: u8, estimate: u64, signed: i64) -> Change {
        let mut change = Change::of(keys::day_shard(&self.key, shard));
        change.add(FREE, -signed);
        change.add("reserved", signed);
        change.if_at_least(FREE, estimate);
        change.if_still(LIMIT, Some(self.limit));
        change
    }
}

/// Where a call is settled that counts in the day of an organization.
#[derive(Debug, Clone, Copy)]
pub(super) enum UserMembership {
    /// At the shard, while that is open and has what was used above the reservation.
    Shard,
    /// At the head. What was used above the reservation may not be in a shard that is open.
    Head,
    /// At the head, whatever is in shards: so much more may be committed, and still leaves them what they have.
    HeadAtMost(u64),
}

impl UserMembership {
    /// Where to try first.
    pub(super) fn of(reservation: &Reservation) -> Self {
        reservation.terms.org_shard.map_or(Self::Head, |_| Self::Shard)
    }

    /// Where to try when it was refused; `None` when the shards that are open have to be closed before.
    fn next(self, head: &Head, above: u64) -> Option<Self> {
        if matches!(self, Self::Shard) {
            return Some(Self::Head);
        }
        // Under the limit that the portions were drawn under.
        let most = head.limit.unwrap_or_default().saturating_sub(above);
        (head.committed <= most).then_some(Self::HeadAtMost(most))
    }

    /// What settling does to the day: one change, and one more when a shard is settled at the head.
    pub(super) fn changes(self, day: Key, shard: Option<u8>, estimate: u64, actual: u64) -> Result<Vec<Change>> {
        let signed = |tokens: u64| i64::try_from(tokens).map_err(Error::internal);
        let (reserved, used) = (signed(estimate)?, signed(actual)?);
        let above = actual.saturating_sub(estimate);
        let mut counted = Change::of(shard.map_or_else(|| day.clone(), |number| keys::day_shard(&day, number)));
        counted.add("reserved", -reserved);
        counted.add("used", used);
        let mut head = Change::of(day);
        let committed = match self {
            Self::Shard => {
                counted.add(FREE, reserved - used);
                // Without a condition this would open a shard that is closed.
                counted.if_at_least(FREE, above);
                return Ok(vec![counted]);
            }
            Self::Head | Self::HeadAtMost(_) if shard.is_some() => &mut head,
            Self::Head | Self::HeadAtMost(_) => &mut counted,
        };
        committed.add("committed", used - reserved);
        match self {
            Self::HeadAtMost(most) => committed.if_at_most("committed", most),
            _ if above > 0 => committed.if_absent(OPEN),
            _ => {}
        }
        // The refusals of the day are those of the first change.
        Ok(if shard.is_some() {
            vec![head, counted]
        } else {
            vec![counted]
        })
    }
}

impl Ledger {
    /// Finds room for a reservation that the counter of an organization refused: the counter says afterwards where. The
    /// limit as it stands when there is none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when others were always faster.
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
                return Err(Error::unavailable("others kept changing the day of the organization"));
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

    /// Takes a portion of the limit to a shard; `false` when somebody else changed it meanwhile.
    async fn draw(&self, counter: &Counter, head: &Head, (number, shard): (u8, Shard), portion: u64) -> Result<bool> {
        let Some(day) = counter.closes else {
            return Err(Error::internal("a limit without a day is not split"));
        };
        let signed = i64::try_from(portion).map_err(Error::internal)?;
        let mut of_head = Change::of(counter.key.clone());
        of_head.add("committed", signed);
        of_head.set(LIMIT, n(counter.limit));
        of_head.add_to_set(OPEN, &number.to_string());
        of_head.add_to_set(SHARDS, &number.to_string());
        of_head.if_at_most("committed", counter.limit.saturating_sub(portion));
        if head.is_listed {
            of_head.if_present(OPENED);
        } else {
            self.open(&counter.key, &day).await?;
            of_head.set_once(OPENED, n(day.ends_at.as_second()));
            of_head.set_once(tables::TTL, n(day.began_at.as_second() + KEPT_SECONDS));
        }
        let mut of_shard = Change::of(keys::day_shard(&counter.key, number));
        // Of those who find it empty one fills it.
        of_shard.if_still(FREE, shard.free);
        of_shard.add(FREE, signed);
        of_shard.set(LIMIT, n(counter.limit));
        of_shard.set_once(tables::TTL, n(day.began_at.as_second() + KEPT_SECONDS));
        let written = write(&self.0, &[of_head, of_shard]).await?;
        Ok(matches!(written, Written::Done(_)))
    }

    /// Gives what is free in these shards back to the head; `false` as soon as somebody else changes one meanwhile.
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

    /// Where to settle what the day of an organization refused.
    pub(super) async fn settle_elsewhere(
        &self,
        day: &Key,
        place: UserMembership,
        item: Option<&Item>,
        above: u64,
        backoff: &mut Backoff,
    ) -> Result<UserMembership> {
        let head = Head::of(item);
        if let Some(place) = place.next(&head, above) {
            return Ok(place);
        }
        let open: Vec<u8> = head.open.into_iter().collect();
        if !self.close_shards(day, &open).await? && !backoff.wait().await? {
            return Err(Error::unavailable("others kept changing the day of the organization"));
        }
        Ok(UserMembership::Head)
    }

    /// Where a counter stands, with all of its shards; `item` is its own.
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
            standing.used += number(&shard, "used").unwrap_or_default();
            standing.reserved += number(&shard, "reserved").unwrap_or_default();
        }
        if head.open.is_empty() {
            // Shards are read one after the other, and what is committed is said by the head alone.
            standing.reserved = head.committed.saturating_sub(standing.used);
        }
        Ok(standing)
    }

    /// The same as [`Ledger::standings`], at the price of one read of each counter. Of a limit that is split it tells what is
    /// lent to shards as used, and that this is more than was used: the second value.
    pub async fn standings_at_most(&self, subjects: &QuotaSubjects) -> Result<(Vec<TokenLimit>, bool)> {
        let (counters, found) = self.counters_of(subjects).await?;
        let mut is_more = false;
        let standings = counters.iter().map(|counter| {
            let item = found.iter().find(|item| is_at(item, &counter.key));
            let (mut standing, head) = (counter.standing(item)?, Head::of(item));
            if !head.shards.is_empty() {
                is_more = true;
                (standing.used, standing.reserved) = (head.committed, 0);
            }
            Ok(standing)
        });
        let standings = standings.collect::<Result<_>>()?;
        Ok((standings, is_more))
    }
}

#[cfg(test)]
mod tests;
