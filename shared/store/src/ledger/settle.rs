//! Settling: the reservation goes, what was used stays.

use model::{Error, Figures, Result};

use super::{
    Hold, KEPT_SECONDS, Ledger,
    change::{Change, Written, write},
    days::SETTLED,
    statistics::{Shown, count},
};
use crate::{
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
        let actual = charge.map_or(0, |charge| charge.figures.total_tokens());
        let name = hold.attribute();
        let mut home = Change::of(hold.home());
        move_tokens(&mut home, hold.terms.estimate, actual)?;
        home.remove(&name);
        home.if_present(&name);
        let mut changes = vec![home];
        for key in hold.others() {
            let mut other = Change::of(key);
            move_tokens(&mut other, hold.terms.estimate, actual)?;
            changes.push(other);
        }
        if let Some(charge) = charge {
            match hold.terms.org_day {
                None => count(&mut changes[0], &hold.terms, charge, Shown::Own)?,
                Some(day) => {
                    // The person's own day knows all they used; the organization's sees its own part of it.
                    count(&mut changes[0], &hold.terms, charge, Shown::Elsewhere)?;
                    let mut member = Change::of(keys::member_day(&hold.terms.org, day, &hold.user));
                    count(&mut member, &hold.terms, charge, Shown::Own)?;
                    let kept = hold.terms.until_ms / 1000 + KEPT_SECONDS;
                    member.set_once(tables::TTL, n(kept));
                    member.set(SETTLED, s(&hold.terms.nonce));
                    changes.push(member);
                }
            }
        }
        Ok(match write(&self.0, &changes).await? {
            Written::Done(item) => Some(item),
            Written::Refused(_) => None,
        })
    }

    /// Notes how much was written so far, in case nobody is left to settle.
    pub async fn checkpoint(&self, hold: &Hold, written: u64) -> Result<()> {
        let mut terms = hold.terms.clone();
        terms.written = Some(written);
        let mut change = Change::of(hold.home());
        change.set(&hold.attribute(), crate::item::value(&terms)?);
        change.if_present(&hold.attribute());
        write(&self.0, &[change]).await.map(|_| ())
    }
}

fn move_tokens(change: &mut Change, estimate: u64, actual: u64) -> Result<()> {
    let signed = |tokens: u64| i64::try_from(tokens).map_err(Error::internal);
    let (estimate, actual) = (signed(estimate)?, signed(actual)?);
    change.add("committed", actual - estimate);
    change.add("reserved", -estimate);
    change.add("used", actual);
    Ok(())
}
