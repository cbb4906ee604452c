//! Settling: the reservation goes, what was used stays.

use domain::{Error, Result, Timestamp, UsageCounters};

use super::{
    KEPT_SECONDS, Ledger, Reservation,
    change::{Change, Written, write},
    days::SETTLED,
    shards::UserMembership,
    statistics::{DimensionCapacity, UsageOrigin, count},
};
use crate::{
    keys,
    table::backoff::Backoff,
    table::item::{Item, n, s},
    tables,
};

/// What a call is charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRecord {
    /// Its figures.
    pub counters: UsageCounters,
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
    pub async fn settle(&self, reservation: &Reservation, charge: &UsageRecord) -> Result<bool> {
        Ok(self.settled(reservation, Some(charge)).await?.is_some())
    }

    /// Gives a reservation back whose call was never made.
    pub async fn release(&self, reservation: &Reservation) -> Result<bool> {
        Ok(self.settled(reservation, None).await?.is_some())
    }

    /// The same as [`Ledger::settle`]; answers tokens that the person used that day, as far as one write tells.
    pub async fn settle_and_see(&self, reservation: &Reservation, charge: &UsageRecord) -> Result<Option<Option<u64>>> {
        let settled = self.settled(reservation, Some(charge)).await?;
        let used = |item: Item| item.get("used")?.as_n().ok()?.parse().ok();
        Ok(settled.map(|item| item.and_then(used)))
    }

    async fn settled(&self, reservation: &Reservation, charge: Option<&UsageRecord>) -> Result<Option<Option<Item>>> {
        // At the person's day, and at the member's; none when there is no room for statistics.
        let mut rooms = [Some(DimensionCapacity::ALL); 2];
        let (name, actual) = (reservation.attribute(), actual(charge));
        let (mut place, mut backoff) = (UserMembership::of(reservation), Backoff::default());
        loop {
            let Settling { changes, counted } = Settling::of(reservation, charge, rooms, place)?;
            let (refused, in_doubt) = match write(&self.0, &changes).await? {
                Written::Done(item) => return Ok(Some(item)),
                Written::Refused { items, in_doubt } => (items, in_doubt),
                // Names fill an item before their number does; what is paid is not to be lost with its statistics.
                Written::TooLarge if rooms.iter().any(Option::is_some) => {
                    tracing::error!(generation_id = %reservation.id, "ledger.statistics_left_out");
                    rooms = [None; 2];
                    continue;
                }
                Written::TooLarge => return Err(Error::unavailable("the books of a day are full")),
            };
            let reservations = |item: &Item| item.contains_key(&name);
            let home = refused.iter().find(|(place, _)| *place == 0);
            if let Some((_, item)) = home.filter(|(_, item)| !item.as_ref().is_some_and(reservations)) {
                // In doubt it was settled here: whoever else settles does so after the end of the lease.
                return Ok(in_doubt.then(|| item.clone()));
            }
            // The change behind the person's is that of the organization, if it counts.
            let day = reservation.org_counter();
            let of_org = refused.iter().find(|(refused, _)| *refused == 1);
            let mut is_moved = false;
            if let Some((day, (_, item))) = day.zip(of_org) {
                let above = actual.saturating_sub(reservation.terms.estimate);
                let item = item.as_ref();
                place = self.settle_elsewhere(&day, place, item, above, &mut backoff).await?;
                is_moved = true;
            }
            let mut is_less = false;
            for (room, (place, shown)) in rooms.iter_mut().zip(counted) {
                let item = refused.iter().find(|(refused, _)| *refused == place);
                let item = item.and_then(|(_, item)| item.as_ref());
                if let Some((item, charge)) = item.zip(charge)
                    && let Some(left) = room.and_then(|room| room.at(item, &reservation.terms, charge, shown))
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
    pub async fn checkpoint(&self, reservation: &Reservation, written: Option<u64>, until: Timestamp) -> Result<bool> {
        let mut terms = reservation.terms.clone();
        terms.written = written;
        terms.until_ms = until.as_millisecond();
        let mut change = Change::of(reservation.home());
        change.set(&reservation.attribute(), crate::table::item::value(&terms)?);
        change.if_present(&reservation.attribute());
        Ok(matches!(write(&self.0, &[change]).await?, Written::Done(_)))
    }
}

/// What is to be changed.
struct Settling {
    changes: Vec<Change>,
    /// Where of it statistics are counted: places among the changes.
    counted: Vec<(usize, UsageOrigin)>,
}

impl Settling {
    fn of(
        reservation: &Reservation,
        charge: Option<&UsageRecord>,
        rooms: [Option<DimensionCapacity>; 2],
        place: UserMembership,
    ) -> Result<Self> {
        let actual = actual(charge);
        let name = reservation.attribute();
        let mut home = Change::of(reservation.home());
        move_tokens(&mut home, reservation.terms.estimate, actual)?;
        home.remove(&name);
        home.if_present(&name);
        let (mut changes, mut counted) = (vec![home], Vec::new());
        if let Some(day) = reservation.org_counter() {
            changes.extend(place.changes(day, reservation.terms.org_shard, reservation.terms.estimate, actual)?);
        }
        for key in reservation.others() {
            let mut other = Change::of(key);
            move_tokens(&mut other, reservation.terms.estimate, actual)?;
            changes.push(other);
        }
        if charge.is_some() {
            // The person's own day knows all they used; the organization's sees its own part of it.
            match reservation.terms.org_day {
                None => counted.push((0, UsageOrigin::Metered)),
                Some(day) => {
                    let mut member = Change::of(keys::member_day(&reservation.terms.org, day, &reservation.user));
                    member.set_once(tables::TTL, n(reservation.terms.until_ms / 1000 + KEPT_SECONDS));
                    member.set(SETTLED, s(&reservation.terms.nonce));
                    counted.extend([(0, UsageOrigin::Reported), (changes.len(), UsageOrigin::Metered)]);
                    changes.push(member);
                }
            }
        }
        for ((place, shown), room) in counted.iter().zip(rooms) {
            if let Some((charge, room)) = charge.zip(room) {
                count(&mut changes[*place], &reservation.terms, charge, *shown, room)?;
            }
        }
        Ok(Self { changes, counted })
    }
}

/// Tokens that are charged.
fn actual(charge: Option<&UsageRecord>) -> u64 {
    charge.map_or(0, |charge| charge.counters.total_tokens())
}

fn move_tokens(change: &mut Change, estimate: u64, actual: u64) -> Result<()> {
    let signed = |tokens: u64| i64::try_from(tokens).map_err(Error::internal);
    let (estimate, actual) = (signed(estimate)?, signed(actual)?);
    change.add("committed", actual - estimate);
    change.add("reserved", -estimate);
    change.add("used", actual);
    Ok(())
}
