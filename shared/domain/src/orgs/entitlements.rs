//! What an organization may use: the limits and features of its plan, unless a platform admin has set others for it.
//! The single place that resolves both.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Feature, Plan, Quota, Result, Timestamp, Webhook, orgs::plan::Limits};

/// Limits that replace those of the plan; the absent ones are the plan's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LimitOverrides {
    /// LLM tokens per day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = Quota::MAX_DAILY_LIMIT))]
    pub tokens_per_day: Option<u64>,
    /// Requests per minute, of all members together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LimitOverrides::MAX_REQUESTS))]
    pub requests_per_minute: Option<u32>,
    /// Members, including pending invitations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LimitOverrides::MAX_SEATS))]
    pub seats: Option<u32>,
    /// Number of chatbots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = LimitOverrides::MAX_NUMBER))]
    pub chatbots: Option<u32>,
    /// Number of documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = LimitOverrides::MAX_NUMBER))]
    pub documents: Option<u32>,
    /// Size of one file, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = Plan::MAX_FILE_BYTES))]
    pub file_bytes: Option<u64>,
    /// Total size of all documents, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = LimitOverrides::MAX_STORAGE))]
    pub storage_bytes: Option<u64>,
    /// Number of data sources that can be queried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = LimitOverrides::MAX_NUMBER))]
    pub data_sources: Option<u32>,
    /// Number of webhooks that receive events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = Webhook::MAX_PER_ORG))]
    pub webhooks: Option<u32>,
    /// Organizations that an owner of this one can own, not counting the personal one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = LimitOverrides::MAX_SEATS))]
    pub organizations: Option<u32>,
}

impl LimitOverrides {
    /// Maximum number of members and of organizations: all of them are read at once.
    pub const MAX_SEATS: u32 = 1_000;
    /// Maximum number of requests per minute.
    pub const MAX_REQUESTS: u32 = 60_000;
    /// Maximum number of documents, chatbots and data sources.
    pub const MAX_NUMBER: u32 = 1_000_000;
    /// Maximum total size of all documents, in bytes: 1 PiB.
    pub const MAX_STORAGE: u64 = 1 << 50;

    /// Checks the numbers.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at the first number outside of its range, below `/limits`.
    pub fn check(&self) -> Result<()> {
        let number = u64::from(Self::MAX_NUMBER);
        let seats = u64::from(Self::MAX_SEATS);
        let all: [(&str, Option<u64>, u64, u64); 10] = [
            ("tokens_per_day", self.tokens_per_day, 0, Quota::MAX_DAILY_LIMIT),
            (
                "requests_per_minute",
                self.requests_per_minute.map(u64::from),
                1,
                Self::MAX_REQUESTS.into(),
            ),
            ("seats", self.seats.map(u64::from), 1, seats),
            ("chatbots", self.chatbots.map(u64::from), 0, number),
            ("documents", self.documents.map(u64::from), 0, number),
            ("file_bytes", self.file_bytes, 1, Plan::MAX_FILE_BYTES),
            ("storage_bytes", self.storage_bytes, 0, Self::MAX_STORAGE),
            ("data_sources", self.data_sources.map(u64::from), 0, number),
            ("webhooks", self.webhooks.map(u64::from), 0, Webhook::MAX_PER_ORG.into()),
            ("organizations", self.organizations.map(u64::from), 0, seats),
        ];
        for (name, value, least, most) in all {
            if value.is_some_and(|value| !(least..=most).contains(&value)) {
                let detail = format!("must be between {least} and {most}");
                return Err(Error::invalid(format!("/limits/{name}"), detail));
            }
        }
        Ok(())
    }
}

/// What a platform admin has set for an organization. It outlives changes of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntitlementOverrides {
    /// Limits that replace those of the plan.
    #[serde(default)]
    pub limits: LimitOverrides,
    /// Features that the organization has (`true`) or lacks, whatever its plan includes.
    #[serde(default)]
    pub features: BTreeMap<Feature, bool>,
    /// Why it was set.
    pub reason: String,
    /// From when on the plan applies again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was set.
    pub set_at: Timestamp,
}

impl EntitlementOverrides {
    /// Maximum length of the reason, in characters.
    pub const MAX_REASON: usize = 500;

    /// Returns whether it changes nothing, whatever the plan.
    pub fn is_empty(&self) -> bool {
        self.limits == LimitOverrides::default() && self.features.is_empty()
    }

    /// Returns whether it applies.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Where a limit or feature comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntitlementSource {
    /// The organization's plan.
    Plan,
    /// A platform admin set it for the organization.
    Override,
}

/// Where each limit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "the limits are described at `Limits`")]
pub struct LimitSources {
    pub tokens_per_day: EntitlementSource,
    pub requests_per_minute: EntitlementSource,
    pub seats: EntitlementSource,
    pub chatbots: EntitlementSource,
    pub documents: EntitlementSource,
    pub file_bytes: EntitlementSource,
    pub storage_bytes: EntitlementSource,
    pub data_sources: EntitlementSource,
    pub webhooks: EntitlementSource,
    pub organizations: EntitlementSource,
}

impl LimitSources {
    fn of(over: &LimitOverrides) -> Self {
        let source = |is_set: bool| {
            if is_set {
                EntitlementSource::Override
            } else {
                EntitlementSource::Plan
            }
        };
        Self {
            tokens_per_day: source(over.tokens_per_day.is_some()),
            requests_per_minute: source(over.requests_per_minute.is_some()),
            seats: source(over.seats.is_some()),
            chatbots: source(over.chatbots.is_some()),
            documents: source(over.documents.is_some()),
            file_bytes: source(over.file_bytes.is_some()),
            storage_bytes: source(over.storage_bytes.is_some()),
            data_sources: source(over.data_sources.is_some()),
            webhooks: source(over.webhooks.is_some()),
            organizations: source(over.organizations.is_some()),
        }
    }
}

/// What an organization may use at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entitlements {
    /// Its plan.
    pub plan: Plan,
    /// Its limits.
    pub limits: Limits,
    /// Where each limit comes from.
    pub sources: LimitSources,
    /// For each of [`Feature::ALL`], whether it has it.
    features: [bool; Feature::ALL.len()],
}

impl Entitlements {
    /// Resolves what an organization with this plan may use.
    pub fn resolve(plan: Plan, overrides: Option<&EntitlementOverrides>, now: Timestamp) -> Self {
        let overrides = overrides.filter(|overrides| overrides.is_in_force(now));
        let over = overrides.map(|overrides| overrides.limits).unwrap_or_default();
        let of_plan = plan.limits();
        let has = |feature: Feature| {
            let set = overrides.and_then(|overrides| overrides.features.get(&feature).copied());
            set.unwrap_or_else(|| plan.includes(feature))
        };
        Self {
            plan,
            limits: Limits {
                tokens_per_day: over.tokens_per_day.unwrap_or(of_plan.tokens_per_day),
                requests_per_minute: over.requests_per_minute.unwrap_or(of_plan.requests_per_minute),
                seats: over.seats.unwrap_or(of_plan.seats),
                chatbots: over.chatbots.unwrap_or(of_plan.chatbots),
                documents: over.documents.unwrap_or(of_plan.documents),
                file_bytes: over.file_bytes.unwrap_or(of_plan.file_bytes),
                storage_bytes: over.storage_bytes.unwrap_or(of_plan.storage_bytes),
                data_sources: over.data_sources.unwrap_or(of_plan.data_sources),
                webhooks: over.webhooks.unwrap_or(of_plan.webhooks),
                organizations: over.organizations.unwrap_or(of_plan.organizations),
            },
            sources: LimitSources::of(&over),
            features: Feature::ALL.map(has),
        }
    }

    /// Returns whether the organization has a feature.
    pub fn includes(&self, feature: Feature) -> bool {
        let mut all = Feature::ALL.into_iter().zip(self.features);
        all.any(|(known, has)| known == feature && has)
    }

    /// Returns the organization's features.
    pub fn features(&self) -> Vec<Feature> {
        Feature::ALL
            .into_iter()
            .filter(|feature| self.includes(*feature))
            .collect()
    }

    /// Returns the features that a platform admin gave or took, whatever the plan includes.
    pub fn overridden_features(&self) -> Vec<Feature> {
        let differs = |feature: &Feature| self.includes(*feature) != self.plan.includes(*feature);
        Feature::ALL.into_iter().filter(differs).collect()
    }

    /// Requires a feature.
    ///
    /// # Errors
    /// Returns [`Error::Forbidden`] `plan_required`.
    pub fn require(&self, feature: Feature) -> Result<()> {
        if self.includes(feature) {
            return Ok(());
        }
        Err(if self.plan.includes(feature) {
            Error::Forbidden {
                code: "plan_required",
                detail: "The operator has switched this feature off for the organization. Ask the operator to switch \
                         it on again.",
            }
        } else {
            feature.plan_required()
        })
    }

    /// Returns the number of units that a subscription to the plan has for `members`: seats where the price is one per
    /// seat, else 1.
    pub fn quantity(&self, members: u32) -> u32 {
        if self.plan.price().per_seat {
            members.clamp(1, self.limits.seats.max(1))
        } else {
            1
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn overrides() -> EntitlementOverrides {
        EntitlementOverrides {
            limits: LimitOverrides {
                chatbots: Some(5),
                seats: Some(80),
                ..LimitOverrides::default()
            },
            features: [(Feature::WhiteLabel, true), (Feature::Analytics, false)].into(),
            reason: "pilot".to_owned(),
            expires_at: Some(at(60)),
            set_at: at(0),
        }
    }

    #[test]
    fn an_override_applies_on_every_plan_until_it_expires() {
        for plan in Plan::ALL {
            let own = Entitlements::resolve(plan, Some(&overrides()), at(59));
            assert_eq!((own.limits.chatbots, own.limits.seats), (5, 80));
            assert_eq!(own.limits.documents, plan.limits().documents);
            assert_eq!(own.sources.chatbots, EntitlementSource::Override);
            assert_eq!(own.sources.documents, EntitlementSource::Plan);
            assert_eq!(own.features(), [Feature::WhiteLabel]);
            let after = Entitlements::resolve(plan, Some(&overrides()), at(60));
            assert_eq!(after, Entitlements::resolve(plan, None, at(60)));
            assert_eq!((after.limits, after.features()), (plan.limits(), plan.features()));
            assert_eq!(after.overridden_features(), []);
        }
        let forever = EntitlementOverrides {
            expires_at: None,
            ..overrides()
        };
        assert!(forever.is_in_force(Timestamp::MAX) && !forever.is_empty());
    }

    #[test]
    fn a_missing_feature_says_how_to_get_it() {
        let detail = |plan, feature| {
            let own = Entitlements::resolve(plan, Some(&overrides()), at(0));
            own.require(feature).map_err(|error| error.to_string())
        };
        assert_eq!(detail(Plan::Free, Feature::WhiteLabel), Ok(()));
        let switched_off = detail(Plan::Pro, Feature::Analytics).unwrap_err();
        assert!(switched_off.contains("Ask the operator"), "{switched_off}");
        let not_included = detail(Plan::Free, Feature::Analytics).unwrap_err();
        assert!(not_included.contains("PRO or TEAM"), "{not_included}");
    }

    #[test]
    fn seats_are_the_quantity_of_a_plan_that_is_paid_by_seat() {
        let quantity = |plan, overrides, members| Entitlements::resolve(plan, overrides, at(0)).quantity(members);
        assert_eq!([0, 1, 7, 80].map(|n| quantity(Plan::Team, None, n)), [1, 1, 7, 50]);
        assert_eq!([0, 1, 7].map(|n| quantity(Plan::Pro, None, n)), [1, 1, 1]);
        assert_eq!(quantity(Plan::Team, Some(&overrides()), 100), 80);
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let invalid = |limits: LimitOverrides| limits.check().is_err();
        assert!(!invalid(LimitOverrides::default()) && !invalid(overrides().limits));
        let none = LimitOverrides::default();
        for limits in [
            LimitOverrides { seats: Some(0), ..none },
            LimitOverrides {
                seats: Some(1_001),
                ..none
            },
            LimitOverrides {
                requests_per_minute: Some(0),
                ..none
            },
            LimitOverrides {
                file_bytes: Some(Plan::MAX_FILE_BYTES + 1),
                ..none
            },
            LimitOverrides {
                storage_bytes: Some(u64::MAX),
                ..none
            },
            LimitOverrides {
                tokens_per_day: Some(u64::MAX),
                ..none
            },
            LimitOverrides {
                documents: Some(u32::MAX),
                ..none
            },
        ] {
            assert!(invalid(limits), "{limits:?}");
        }
    }
}
