//! What each plan costs and includes: the single place that defines prices and features. Limits are in
//! [`crate::orgs::plan`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Plan};

/// Version of limits, prices and features together: the day on which one of them last changed.
pub const OFFER_VERSION: &str = "2026-11-30";

/// A feature that not all plans include.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Usage, cost and satisfaction of an organization by chatbot and member.
    Analytics,
    /// The organization's own name, logo and colors in widgets and emails.
    WhiteLabel,
}

/// How often a price is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// Every month.
    Month,
}

/// The list price of a plan, without tax. What is charged is the price with this amount at the payment provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Price {
    /// Hundredths of the currency's unit.
    pub amount_cents: u32,
    /// ISO 4217 code in lower case.
    pub currency: &'static str,
    /// How often it is charged.
    pub interval: Interval,
    /// Whether it is charged for each member; otherwise for the organization.
    pub per_seat: bool,
}

impl Feature {
    /// All features.
    pub const ALL: [Self; 2] = [Self::Analytics, Self::WhiteLabel];

    /// Returns the smallest plan that includes it; larger plans do too.
    pub const fn smallest_plan(self) -> Plan {
        match self {
            Self::Analytics => Plan::Pro,
            Self::WhiteLabel => Plan::Team,
        }
    }

    /// Returns the error for an organization whose plan does not include it (403 `plan_required`).
    pub const fn plan_required(self) -> Error {
        Error::Forbidden {
            code: "plan_required",
            detail: match self {
                Self::Analytics => {
                    "Analytics require the PRO or TEAM plan. An administrator of the organization can upgrade with \
                     POST /api/v1/billing/checkout."
                }
                Self::WhiteLabel => {
                    "White-label settings require the TEAM plan. An administrator of the organization can upgrade with \
                     POST /api/v1/billing/checkout."
                }
            },
        }
    }
}

impl Plan {
    /// Returns whether the plan includes a feature.
    pub fn includes(self, feature: Feature) -> bool {
        self >= feature.smallest_plan()
    }

    /// Returns the features of the plan.
    pub fn features(self) -> Vec<Feature> {
        Feature::ALL
            .into_iter()
            .filter(|feature| self.includes(*feature))
            .collect()
    }

    /// Returns the list price of the plan.
    pub const fn price(self) -> Price {
        let (amount_cents, per_seat) = match self {
            Self::Free => (0, false),
            Self::Pro => (2_900, false),
            Self::Team => (1_900, true),
        };
        Price {
            amount_cents,
            currency: "usd",
            interval: Interval::Month,
            per_seat,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_plan_costs_more_and_includes_everything_of_a_smaller_one() {
        for (smaller, larger) in Plan::ALL.iter().zip(&Plan::ALL[1..]) {
            assert!(smaller.features().iter().all(|feature| larger.includes(*feature)));
            assert!(smaller < larger);
        }
        assert_eq!(Plan::Free.price().amount_cents, 0);
        assert_eq!(Plan::Free.features(), []);
        assert_eq!(Plan::Pro.features(), [Feature::Analytics]);
        assert_eq!(Plan::Team.features(), Feature::ALL);
    }
}
