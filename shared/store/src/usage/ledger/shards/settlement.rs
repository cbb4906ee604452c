//! Settling a call that counts in the day of a large organization.

use domain::{Error, Result};

use super::{FREE, Head, OPEN, signed};
use crate::{
    keys::{self, Key},
    table::{backoff::Backoff, item::Item},
    usage::ledger::{Ledger, Reservation, change::Change},
};

/// Where a call that counts in the day of an organization is settled.
#[derive(Debug, Clone, Copy)]
pub(in crate::usage::ledger) enum SettlementTarget {
    /// In the shard, while it is open and has what was used above the reservation.
    Shard,
    /// In the head. No open shard may hold what was used above the reservation.
    Head,
    /// In the head, whatever shards hold: `committed` may be this much and still leaves the shards what they have.
    HeadAtMost(i64),
}

impl SettlementTarget {
    /// Returns where to try first.
    pub(in crate::usage::ledger) fn of(reservation: &Reservation) -> Self {
        reservation.terms.org_shard.map_or(Self::Head, |_| Self::Shard)
    }

    /// Returns where to try after a refusal; `None` if the open shards have to be closed first.
    pub(super) fn next(self, head: &Head, above: u64) -> Option<Self> {
        if matches!(self, Self::Shard) {
            return Some(Self::Head);
        }
        // Under the limit that the portions were drawn under.
        let most = signed(head.limit.unwrap_or_default()).saturating_sub(signed(above));
        (head.committed <= most).then_some(Self::HeadAtMost(most))
    }

    /// Returns the changes of the day for settling: one, and one more if a shard is settled in the head.
    pub(in crate::usage::ledger) fn changes(
        self,
        day: Key,
        shard: Option<u8>,
        estimate: u64,
        actual: u64,
    ) -> Result<Vec<Change>> {
        let exact = |tokens: u64| i64::try_from(tokens).map_err(Error::internal);
        let (reserved, used) = (exact(estimate)?, exact(actual)?);
        let above = actual.saturating_sub(estimate);
        let mut counted = Change::of(shard.map_or_else(|| day.clone(), |number| keys::day_shard(&day, number)));
        counted.add("reserved", -reserved);
        counted.add("used", used);
        let mut head = Change::of(day);
        let committed = match self {
            Self::Shard => {
                counted.add(FREE, reserved - used);
                // Without a condition this would open a closed shard.
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
        // Refusals for the day are those of the first change.
        Ok(if shard.is_some() {
            vec![head, counted]
        } else {
            vec![counted]
        })
    }
}

impl Ledger {
    /// Returns where to settle what the day of an organization refused.
    pub(in crate::usage::ledger) async fn settle_elsewhere(
        &self,
        day: &Key,
        place: SettlementTarget,
        item: Option<&Item>,
        above: u64,
        backoff: &mut Backoff,
    ) -> Result<SettlementTarget> {
        let head = Head::of(item);
        if let Some(place) = place.next(&head, above) {
            return Ok(place);
        }
        let open: Vec<u8> = head.open.into_iter().collect();
        if !self.close_shards(day, &open).await? && !backoff.wait().await? {
            return Err(Error::unavailable(
                "the day of the organization is changed too often by other writers",
            ));
        }
        Ok(SettlementTarget::Head)
    }
}
