//! Settling: the reservation goes, what was used stays.

use model::{Error, Figures, Result, Timestamp};

use super::{
    Hold, KEPT_SECONDS, Ledger,
    change::{Change, Written, write},
    days::SETTLED,
    shards::Place,
    statistics::{Room, Shown, count},
};
use crate::{
    backoff::Backoff,
    item::{Item, n, s},
    keys, tables,
};

/// What a call is charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Its figures.
    pub figures: Figures,
    /// The model that answered.
    pub model: String,
    /// From the call to its end.
    pub latency_ms: Option<u64>,
    /// From the call to the first words.
    pub first_token_ms: Option<u64>,
}

impl Ledger {
    /// Charges what a call used instead of what was reserved for it; answers `false` when that was done before.
    /// What was used above the reservation is charged too.
    pub async fn settle(&self, hold: &Hold, charge: &Charge) -> Result<bool> {
        Ok(self.settled(hold, Some(charge)).await?.is_some())
    }

    /// Gives a reservation back whose call was never made.
    pub async fn release(&self, hold: &Hold) -> Result<bool> {
        Ok(self.settled(hold, None).await?.is_some())
    }

    /// The same as [`Ledger::settle`]; answers tokens that the person used that day, as far as one write tells.
    pub async fn settle_and_see(&self, hold: &Hold, charge: &Charge) -> Result<Option<Option<u64>>> {
        let settled = self.settled(hold, Some(charge)).await?;
        let used = |item: Item| item.get("used")?.as_n().ok()?.parse().ok();
        Ok(settled.map(|item| item.and_then(used)))
    }

    async fn settled(&self, hold: &Hold, charge: Option<&Charge>) -> Result<Option<Option<Item>>> {
        // At the person's day, and at the member's; none when there is no room for statistics.
        let mut rooms = [Some(Room::ALL); 2];
        let (name, actual) = (hold.attribute(), actual(charge));
        let (mut place, mut backoff) = (Place::of(hold), Backoff::default());
        loop {
            let Settling { changes, counted } = Settling::of(hold, charge, rooms, place)?;
            let (refused, in_doubt) = match write(&self.0, &changes).await? {
                Written::Done(item) => return Ok(Some(item)),
                Written::Refused { items, in_doubt } => (items, in_doubt),
                // Names fill an item before their number does; what is paid is not to be lost with its statistics.
                Written::TooLarge if rooms.iter().any(Option::is_some) => {
                    tracing::error!(generation_id = %hold.id, "ledger.statistics_left_out");
                    rooms = [None; 2];
                    continue;
                }
                Written::TooLarge => return Err(Error::unavailable("the books of a day are full")),
            };
            let holds = |item: &Item| item.contains_key(&name);
            let home = refused.iter().find(|(place, _)| *place == 0);
            if let Some((_, item)) = home.filter(|(_, item)| !item.as_ref().is_some_and(holds)) {
                // In doubt it was settled here: whoever else settles does so after the end of the lease.
                return Ok(in_doubt.then(|| item.clone()));
            }
            // The change behind the person's is that of the organization, if it counts.
            let day = hold.org_counter();
            let of_org = refused.iter().find(|(refused, _)| *refused == 1);
            let mut is_moved = false;
            if let Some((day, (_, item))) = day.zip(of_org) {
                let above = actual.saturating_sub(hold.terms.estimate);
                let item = item.as_ref();
                place = self.settle_elsewhere(&day, place, item, above, &mut backoff).await?;
                is_moved = true;
            }
            let mut is_less = false;
            for (room, (place, shown)) in rooms.iter_mut().zip(counted) {
                let item = refused.iter().find(|(refused, _)| *refused == place);
                let item = item.and_then(|(_, item)| item.as_ref());
                if let Some((item, charge)) = item.zip(charge)
                    && let Some(left) = room.and_then(|room| room.at(item, &hold.terms, charge, shown))
                {
                    (*room, is_less) = (Some(left), true);
                }
            }
            if !(is_less || is_moved) {
                return Ok(None);
            }
        }
    }

    /// Says that a call goes on: what it has written so far, if anything, in case nobody is left to settle, and until when
    /// nobody else may. Returns `false` if the reservation was settled before.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn checkpoint(&self, hold: &Hold, written: Option<u64>, until: Timestamp) -> Result<bool> {
        let mut terms = hold.terms.clone();
        terms.written = written;
        terms.until_ms = until.as_millisecond();
        let mut change = Change::of(hold.home());
        change.set(&hold.attribute(), crate::item::value(&terms)?);
        change.if_present(&hold.attribute());
        Ok(matches!(write(&self.0, &[change]).await?, Written::Done(_)))
    }
}

/// What is to be changed.
struct Settling {
    changes: Vec<Change>,
    /// Where of it statistics are counted: places among the changes.
    counted: Vec<(usize, Shown)>,
}

impl Settling {
    fn of(hold: &Hold, charge: Option<&Charge>, rooms: [Option<Room>; 2], place: Place) -> Result<Self> {
        let actual = actual(charge);
        let name = hold.attribute();
        let mut home = Change::of(hold.home());
        move_tokens(&mut home, hold.terms.estimate, actual)?;
        home.remove(&name);
        home.if_present(&name);
        let (mut changes, mut counted) = (vec![home], Vec::new());
        if let Some(day) = hold.org_counter() {
            changes.extend(place.changes(day, hold.terms.org_shard, hold.terms.estimate, actual)?);
        }
        for key in hold.others() {
            let mut other = Change::of(key);
            move_tokens(&mut other, hold.terms.estimate, actual)?;
            changes.push(other);
        }
        if charge.is_some() {
            // The person's own day knows all they used; the organization's sees its own part of it.
            match hold.terms.org_day {
                None => counted.push((0, Shown::Own)),
                Some(day) => {
                    let mut member = Change::of(keys::member_day(&hold.terms.org, day, &hold.user));
                    member.set_once(tables::TTL, n(hold.terms.until_ms / 1000 + KEPT_SECONDS));
                    member.set(SETTLED, s(&hold.terms.nonce));
                    counted.extend([(0, Shown::Elsewhere), (changes.len(), Shown::Own)]);
                    changes.push(member);
                }
            }
        }
        for ((place, shown), room) in counted.iter().zip(rooms) {
            if let Some((charge, room)) = charge.zip(room) {
                count(&mut changes[*place], &hold.terms, charge, *shown, room)?;
            }
        }
        Ok(Self { changes, counted })
    }
}

/// Tokens that are charged.
fn actual(charge: Option<&Charge>) -> u64 {
    charge.map_or(0, |charge| charge.figures.total_tokens())
}

fn move_tokens(change: &mut Change, estimate: u64, actual: u64) -> Result<()> {
    let signed = |tokens: u64| i64::try_from(tokens).map_err(Error::internal);
    let (estimate, actual) = (signed(estimate)?, signed(actual)?);
    change.add("committed", actual - estimate);
    change.add("reserved", -estimate);
    change.add("used", actual);
    Ok(())
}
