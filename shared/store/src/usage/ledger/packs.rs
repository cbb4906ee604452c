//! Packs: tokens beyond the limit of an organization's day, drawn when the limit is used up.
//!
//! A pack lowers `committed` of the day by its tokens, and `extra` remembers them: so every reservation, shard and
//! settlement continues as if the limit were that much larger, without knowing of packs. The month of the organization
//! counts packs and what they cost; the number of a pack identifies it at the payment provider. Day, month, the record
//! of the pack and the promise to report it change in one transaction.
//!
//! - A pack is drawn only if what is *used* and the new call exceed the limit. Reservations of running calls are no
//!   reason: they may be returned. `used` never decreases, and the transaction requires that no other pack was drawn
//!   since it was read, so this holds when the pack is drawn.
//! - The transaction requires the number of packs in the month that was read, so their cost never exceeds the spending
//!   cap, whatever number of callers meet.

use domain::{DrawnPack, Error, OrgId, OverageTerms, PackTotals, Result, Timestamp, TokenLimit, billing::overage};
use jiff::civil::Date;

use super::{
    Counter, KEPT_SECONDS, Ledger, QuotaSubjects, TokenEstimate,
    change::{Change, Written, write},
    reserve::OPENED,
    shards::Head,
};
use crate::{
    keys,
    table::item::{Transaction, from_item, n, s, transact, value},
    tables,
};

/// Tokens of the packs that were drawn for a day.
pub(super) const EXTRA: &str = "extra";
/// The record of a pack.
const PACK: &str = "pack";
/// When the payment provider accepted it, milliseconds.
const REPORTED: &str = "reported_ms";
/// Packs that one run reports.
const PORTION: i32 = 250;

/// The outcome of drawing a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Draw {
    /// The day has a pack more.
    Done,
    /// Another call changed the day or the month first.
    Changed,
    /// None is needed: only reservations of running calls are in the way.
    NotNeeded,
    /// The spending cap allows no more.
    Capped,
}

/// A pack that was drawn and is still to be reported.
#[derive(Debug, Clone)]
pub struct PackPromise {
    /// The pack.
    pub pack: DrawnPack,
}

impl Ledger {
    /// Draws a pack for the organization's day, whose limit refused a call. `standing`: the usage of the limit.
    pub(super) async fn draw_pack(
        &self,
        subjects: &QuotaSubjects,
        counter: &Counter,
        (terms, standing): (&OverageTerms, &TokenLimit),
        ask: &TokenEstimate,
    ) -> Result<Draw> {
        let Some(day) = counter.closes else {
            return Err(Error::internal("a limit without a day draws no packs"));
        };
        if standing.used.saturating_add(ask.estimate) <= standing.limit {
            return Ok(Draw::NotNeeded);
        }
        let extra = standing.limit.saturating_sub(counter.limit);
        let month = overage::month_of(day.date);
        let totals = self.pack_totals(&subjects.org, &month).await?;
        let price = u64::from(terms.pack.amount_cents);
        if totals.cents.saturating_add(price) > u64::from(terms.spending_cap_cents) {
            return Ok(Draw::Capped);
        }
        let pack = DrawnPack {
            org_id: subjects.org.clone(),
            number: totals.packs + 1,
            day: day.date,
            tokens: terms.pack.tokens,
            amount_cents: terms.pack.amount_cents,
            drawn_at: Timestamp::from_millisecond(ask.now_ms).map_err(Error::internal)?,
            month,
        };
        let head = self.0.usage().get_raw(counter.key.clone(), true).await?;
        let tokens = i64::try_from(pack.tokens).map_err(Error::internal)?;
        let mut of_day = Change::of(counter.key.clone());
        of_day.add("committed", -tokens);
        of_day.add(EXTRA, tokens);
        of_day.if_still(EXTRA, (extra > 0).then_some(extra));
        if Head::of(head.as_ref()).is_listed {
            of_day.if_present(OPENED);
        } else {
            self.open(&counter.key, &day).await?;
            of_day.set_once(OPENED, n(day.ends_at.as_second()));
            of_day.set_once(tables::TTL, n(day.began_at.as_second() + KEPT_SECONDS));
        }
        let expires = n(day.ends_at.as_second() + KEPT_SECONDS);
        let mut of_month = Change::of(keys::org_packs(&subjects.org, &pack.month));
        of_month.if_still("packs", (totals.packs > 0).then_some(totals.packs));
        of_month.add("packs", 1);
        of_month.add("tokens", tokens);
        of_month.add("cents", i64::from(pack.amount_cents));
        of_month.set(tables::TTL, expires.clone());
        let mut record = Change::of(keys::org_pack(&subjects.org, &pack.month, pack.number));
        record.set(PACK, value(&pack)?);
        record.set(tables::TTL, expires);
        record.if_absent("pk");
        let mut promise = Change::of(keys::pack_promise(&pack));
        promise.set(PACK, value(&pack)?);
        let written = write(&self.0, &[of_day, of_month, record, promise]).await?;
        Ok(match written {
            Written::Done(_) => {
                tracing::info!(org_id = %pack.org_id, number = pack.number, "ledger.pack_drawn");
                Draw::Done
            }
            Written::Refused { .. } => Draw::Changed,
            Written::TooLarge => return Err(Error::unavailable("the item of a day is full")),
        })
    }

    /// Returns the packs of an organization in a month.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn pack_totals(&self, org: &OrgId, month: &str) -> Result<PackTotals> {
        let item = self.0.usage().get_raw(keys::org_packs(org, month), true).await?;
        Ok(item.map(from_item).transpose()?.unwrap_or_default())
    }

    /// Returns packs that are to be reported, those drawn first before the others, a bounded number.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn packs_to_report(&self) -> Result<Vec<PackPromise>> {
        let query = self
            .0
            .db
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(keys::PACK_PROMISES));
        let found = self.0.usage().first(query, PORTION).await?.into_iter();
        found
            .filter_map(|item| item.get(PACK).cloned())
            .map(|pack| {
                let pack = serde_dynamo::from_attribute_value(pack).map_err(Error::internal)?;
                Ok(PackPromise { pack })
            })
            .collect()
    }

    /// Returns whether a pack is still to be reported.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn is_to_report(&self, pack: &DrawnPack) -> Result<bool> {
        Ok(self.0.usage().get_raw(keys::pack_promise(pack), true).await?.is_some())
    }

    /// Records that the payment provider counts a pack. Returns `false` if that was recorded before.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn pack_reported(&self, pack: &DrawnPack, now: Timestamp) -> Result<bool> {
        let mut of_month = Change::of(keys::org_packs(&pack.org_id, &pack.month));
        of_month.add("reported", 1);
        of_month.if_present("pk");
        let mut record = Change::of(keys::org_pack(&pack.org_id, &pack.month, pack.number));
        record.set(REPORTED, n(now.as_millisecond()));
        record.if_present("pk");
        let usage = self.0.usage();
        let parts = vec![
            usage.part_delete(&keys::pack_promise(pack), None)?,
            of_month.part(&self.0)?,
            record.part(&self.0)?,
        ];
        Ok(transact(&self.0.db, parts).await? == Transaction::Done)
    }

    /// Removes the promise to report a pack of an organization that no longer exists.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn forget_pack(&self, pack: &DrawnPack) -> Result<()> {
        self.0.usage().delete(&keys::pack_promise(pack)).await
    }

    /// Returns the tokens of packs that extend the limit of an organization on a day.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn extra_tokens(&self, org: &OrgId, day: Date) -> Result<u64> {
        let item = self.0.usage().get_raw(keys::org_day(org, day), true).await?;
        let extra = item.and_then(|item| item.get(EXTRA)?.as_n().ok()?.parse().ok());
        Ok(extra.unwrap_or_default())
    }
}
