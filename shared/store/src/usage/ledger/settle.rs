//! Settling: removes the reservation and charges what was used.

use domain::{Error, Result, Timestamp, UsageCounters};

use super::{
    KEPT_SECONDS, Ledger, Reservation,
    change::{Change, Written, write},
    days::SETTLED,
    shards::settlement::SettlementTarget,
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
    /// Token counts and cost.
    pub counters: UsageCounters,
    /// The model that answered.
    pub model: String,
    /// Milliseconds from the call to its end.
    pub latency_ms: Option<u64>,
    /// Milliseconds from the call to the first token.
    pub first_token_ms: Option<u64>,
}

impl Ledger {
    /// Charges what a call used instead of what was reserved for it, even above the reservation. Returns `false` if it
    /// was settled before.
    pub async fn settle(&self, reservation: &Reservation, charge: &UsageRecord) -> Result<bool> {
        Ok(self.settled(reservation, Some(charge)).await?.is_some())
    }

    /// Releases a reservation whose call was never sent.
    pub async fn release(&self, reservation: &Reservation) -> Result<bool> {
        Ok(self.settled(reservation, None).await?.is_some())
    }

    /// Like [`Ledger::settle`], and returns the tokens that the user used that day, as far as one write reports.
    pub async fn settle_and_see(&self, reservation: &Reservation, charge: &UsageRecord) -> Result<Option<Option<u64>>> {
        let settled = self.settled(reservation, Some(charge)).await?;
        let used = |item: Item| item.get("used")?.as_n().ok()?.parse().ok();
        Ok(settled.map(|item| item.and_then(used)))
    }

    async fn settled(&self, reservation: &Reservation, charge: Option<&UsageRecord>) -> Result<Option<Option<Item>>> {
        // For the user's day and the member's; `None` if there is no room for statistics.
        let mut capacities = [Some(DimensionCapacity::ALL); 2];
        let (name, actual) = (reservation.attribute(), actual(charge));
        let (mut place, mut backoff) = (SettlementTarget::of(reservation), Backoff::default());
        loop {
            let Settling { changes, counted } = Settling::of(reservation, charge, capacities, place)?;
            let (refused, in_doubt) = match write(&self.0, &changes).await? {
                Written::Done(item) => return Ok(Some(item)),
                Written::Refused { items, in_doubt } => (items, in_doubt),
                // Names fill an item before their maximum number does; a charge must not be lost with its statistics.
                Written::TooLarge if capacities.iter().any(Option::is_some) => {
                    tracing::error!(generation_id = %reservation.id, "ledger.statistics_left_out");
                    capacities = [None; 2];
                    continue;
                }
                Written::TooLarge => return Err(Error::unavailable("the item of a day is full")),
            };
            let reservations = |item: &Item| item.contains_key(&name);
            let own = refused.iter().find(|(place, _)| *place == 0);
            if let Some((_, item)) = own.filter(|(_, item)| !item.as_ref().is_some_and(reservations)) {
                // In doubt it was settled here: other callers settle only after the end of the lease.
                return Ok(in_doubt.then(|| item.clone()));
            }
            // The change after the user's is that of the organization, if it counts.
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
            for (capacity, (place, shown)) in capacities.iter_mut().zip(counted) {
                let item = refused.iter().find(|(refused, _)| *refused == place);
                let item = item.and_then(|(_, item)| item.as_ref());
                if let Some((item, charge)) = item.zip(charge)
                    && let Some(left) =
                        capacity.and_then(|capacity| capacity.at(item, &reservation.terms, charge, shown))
                {
                    (*capacity, is_less) = (Some(left), true);
                }
            }
            if !(is_less || is_moved) {
                return Ok(None);
            }
        }
    }

    /// Reports that a call is still running: the tokens generated so far, if known, in case the caller dies before
    /// settling, and until when no other caller may settle. Returns `false` if the reservation was settled before.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn checkpoint(&self, reservation: &Reservation, written: Option<u64>, until: Timestamp) -> Result<bool> {
        let mut terms = reservation.terms.clone();
        terms.written = written;
        terms.until_ms = until.as_millisecond();
        let mut change = Change::of(reservation.key());
        change.set(&reservation.attribute(), crate::table::item::value(&terms)?);
        change.if_present(&reservation.attribute());
        Ok(matches!(write(&self.0, &[change]).await?, Written::Done(_)))
    }
}

/// The changes that settle a reservation.
struct Settling {
    changes: Vec<Change>,
    /// Where statistics are counted: indexes of changes.
    counted: Vec<(usize, UsageOrigin)>,
}

impl Settling {
    fn of(
        reservation: &Reservation,
        charge: Option<&UsageRecord>,
        capacities: [Option<DimensionCapacity>; 2],
        place: SettlementTarget,
    ) -> Result<Self> {
        let actual = actual(charge);
        let name = reservation.attribute();
        let mut own = Change::of(reservation.key());
        move_tokens(&mut own, reservation.terms.estimate, actual)?;
        own.remove(&name);
        own.if_present(&name);
        let (mut changes, mut counted) = (vec![own], Vec::new());
        if let Some(day) = reservation.org_counter() {
            changes.extend(place.changes(day, reservation.terms.org_shard, reservation.terms.estimate, actual)?);
        }
        for key in reservation.others() {
            let mut other = Change::of(key);
            move_tokens(&mut other, reservation.terms.estimate, actual)?;
            changes.push(other);
        }
        if charge.is_some() {
            // The user's own day counts all of their usage; the organization's day counts its own part of it.
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
        for ((place, shown), capacity) in counted.iter().zip(capacities) {
            if let Some((charge, capacity)) = charge.zip(capacity) {
                count(&mut changes[*place], &reservation.terms, charge, *shown, capacity)?;
            }
        }
        Ok(Self { changes, counted })
    }
}

/// Returns the tokens to charge.
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
