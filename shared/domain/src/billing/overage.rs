//! Tokens beyond a plan: sold in packs, if the organization wants them, up to its spending cap.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Org, OrgId, Plan, Result, Timestamp};

/// A pack of tokens. It extends the daily limit of the organization on the day on which it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TokenPack {
    /// LLM tokens.
    pub tokens: u64,
    /// List price without tax, in hundredths of the currency's unit.
    pub amount_cents: u32,
    /// ISO 4217 code in lower case.
    pub currency: &'static str,
}

impl Plan {
    /// Returns the pack in which the plan sells tokens beyond its limit; `None` if it sells none.
    pub const fn token_pack(self) -> Option<TokenPack> {
        match self {
            Self::Free => None,
            Self::Pro | Self::Team => Some(TokenPack {
                tokens: 100_000,
                amount_cents: 50,
                currency: "usd",
            }),
        }
    }
}

/// What an organization wants to spend on packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overage {
    /// Maximum per calendar month of the organization, in hundredths of the currency's unit.
    pub spending_cap_cents: u32,
}

impl Overage {
    /// Maximum spending cap: 100,000 in the currency's unit.
    pub const MAX_CAP_CENTS: u32 = 10_000_000;

    /// Checks a spending cap: at least one pack must fit.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/spending_cap_cents`.
    pub fn check(self, pack: &TokenPack) -> Result<()> {
        let least = pack.amount_cents;
        if (least..=Self::MAX_CAP_CENTS).contains(&self.spending_cap_cents) {
            return Ok(());
        }
        let detail = format!(
            "must be between {least}, the price of one pack, and {}",
            Self::MAX_CAP_CENTS
        );
        Err(Error::invalid("/spending_cap_cents", detail))
    }
}

/// The terms under which a call may draw packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverageTerms {
    /// The pack.
    pub pack: TokenPack,
    /// Maximum per month, in hundredths of the currency's unit.
    pub spending_cap_cents: u32,
}

impl OverageTerms {
    /// Returns the largest number of packs in a month.
    pub fn max_packs(&self) -> u64 {
        u64::from(self.spending_cap_cents / self.pack.amount_cents.max(1))
    }

    /// Returns the most tokens that all packs of a month have.
    pub fn max_tokens(&self) -> u64 {
        self.max_packs().saturating_mul(self.pack.tokens)
    }
}

impl Org {
    /// Returns the terms under which calls in the organization may draw packs; `None` if it draws none.
    pub fn overage_terms(&self) -> Option<OverageTerms> {
        let overage = self.overage.filter(|_| !self.personal)?;
        Some(OverageTerms {
            pack: self.plan.token_pack()?,
            spending_cap_cents: overage.spending_cap_cents,
        })
    }
}

/// A pack that was drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnPack {
    /// The organization.
    pub org_id: OrgId,
    /// Its month, as in `2026-11`.
    pub month: String,
    /// Its number in that month, from 1.
    pub number: u64,
    /// The day whose limit it extends.
    pub day: Date,
    /// Its tokens.
    pub tokens: u64,
    /// Its list price, in hundredths of the currency's unit.
    pub amount_cents: u32,
    /// When it was drawn.
    pub drawn_at: Timestamp,
}

impl DrawnPack {
    /// Returns what identifies it at the payment provider, which counts each only once.
    pub fn identifier(&self) -> String {
        format!("pack-{}-{}-{}", self.org_id, self.month, self.number)
    }
}

/// The packs of a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackTotals {
    /// Number of packs that were drawn.
    #[serde(default)]
    pub packs: u64,
    /// Their tokens.
    #[serde(default)]
    pub tokens: u64,
    /// Their list prices, in hundredths of the currency's unit.
    #[serde(default)]
    pub cents: u64,
    /// How many of them the payment provider knows.
    #[serde(default)]
    pub reported: u64,
}

/// Returns the month of a day, as in `2026-11`.
pub fn month_of(day: Date) -> String {
    format!("{:04}-{:02}", day.year(), day.month())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn packs_never_cost_more_than_the_spending_cap() {
        let pack = Plan::Pro.token_pack().unwrap();
        for (cap, packs) in [(50, 1), (99, 1), (100, 2), (10_000_000, 200_000)] {
            let terms = OverageTerms {
                pack,
                spending_cap_cents: cap,
            };
            assert_eq!(terms.max_packs(), packs);
            assert!(terms.max_packs() * u64::from(pack.amount_cents) <= u64::from(cap));
            assert_eq!(terms.max_tokens(), packs * 100_000);
        }
        assert!(Plan::Free.token_pack().is_none());
    }

    #[test]
    fn a_cap_allows_one_pack_at_least() {
        let pack = Plan::Team.token_pack().unwrap();
        for (cap, is_valid) in [
            (0, false),
            (49, false),
            (50, true),
            (10_000_000, true),
            (u32::MAX, false),
        ] {
            let overage = Overage {
                spending_cap_cents: cap,
            };
            assert_eq!(overage.check(&pack).is_ok(), is_valid, "{cap}");
        }
    }

    #[test]
    fn the_identifier_fits_and_tells_packs_apart() {
        let pack = |number| DrawnPack {
            org_id: OrgId("01a22b48-cc5e-7000-90c1-2e1860404a19".to_owned()),
            month: month_of(Date::constant(2026, 3, 1)),
            number,
            day: Date::constant(2026, 3, 1),
            tokens: 1,
            amount_cents: 1,
            drawn_at: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(
            pack(7).identifier(),
            "pack-01a22b48-cc5e-7000-90c1-2e1860404a19-2026-03-7"
        );
        assert!(pack(u64::MAX).identifier().len() <= 100);
    }
}
