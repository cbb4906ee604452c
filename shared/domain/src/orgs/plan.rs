//! Plan limits: the single place that defines their numbers.

use serde::Serialize;

use crate::{Entitlements, Error, Plan, Result};

/// The limits of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Limits {
    /// LLM tokens per day.
    pub tokens_per_day: u64,
    /// Requests per minute, of all members together.
    pub requests_per_minute: u32,
    /// Members, including pending invitations.
    pub seats: u32,
    /// Number of chatbots.
    pub chatbots: u32,
    /// Number of documents.
    pub documents: u32,
    /// Size of one file, in bytes.
    pub file_bytes: u64,
    /// Total size of all documents, in bytes.
    pub storage_bytes: u64,
    /// Number of data sources that can be queried.
    pub data_sources: u32,
    /// Number of webhooks that receive events.
    pub webhooks: u32,
    /// Organizations that one user can own, not counting the personal one. The largest plan of the user's organizations
    /// applies.
    pub organizations: u32,
}

/// A resource that a plan limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanResource {
    /// Chatbots of an organization.
    Chatbots,
    /// Documents of an organization, including announced files.
    Documents,
    /// Bytes of the documents of an organization, including announced files.
    StorageBytes,
    /// Webhooks of an organization.
    Webhooks,
    /// Data sources of an organization, without the sample store.
    DataSources,
    /// Organizations owned by a user.
    Organizations,
}

impl PlanResource {
    /// Its name in responses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chatbots => "chatbots",
            Self::Documents => "documents",
            Self::StorageBytes => "storage_bytes",
            Self::Webhooks => "webhooks",
            Self::DataSources => "data_sources",
            Self::Organizations => "organizations",
        }
    }

    /// Its scope: `org`, or `user` for what a user owns.
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Chatbots | Self::Documents | Self::StorageBytes | Self::Webhooks | Self::DataSources => "org",
            Self::Organizations => "user",
        }
    }

    /// Returns its number among the limits.
    pub fn limit(self, limits: &Limits) -> u64 {
        match self {
            Self::Chatbots => limits.chatbots.into(),
            Self::Documents => limits.documents.into(),
            Self::StorageBytes => limits.storage_bytes,
            Self::Webhooks => limits.webhooks.into(),
            Self::DataSources => limits.data_sources.into(),
            Self::Organizations => limits.organizations.into(),
        }
    }

    /// Returns an amount of it in words.
    fn amount(self, number: u64) -> String {
        let words = match self {
            Self::StorageBytes if number.is_multiple_of(MIB) => return format!("{} MiB of documents", number / MIB),
            Self::StorageBytes => "bytes of documents",
            Self::Chatbots if number == 1 => "chatbot",
            Self::Chatbots => "chatbots",
            Self::Documents => "documents",
            Self::Webhooks if number == 1 => "webhook",
            Self::Webhooks => "webhooks",
            Self::DataSources if number == 1 => "data source",
            Self::DataSources => "data sources",
            Self::Organizations => "organizations per person",
        };
        format!("{number} {words}")
    }
}

/// An exceeded limit of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanLimit {
    /// The limited resource.
    pub resource: PlanResource,
    /// The plan.
    pub plan: Plan,
    /// The maximum amount: the plan's, or what a platform admin has set for the organization.
    pub limit: u64,
    /// The amount in use.
    pub used: u64,
    /// The additional amount needed.
    pub needed: u64,
}

impl PlanLimit {
    /// Returns the limit of a resource, with what is used of it and what more is needed.
    pub fn of(own: &Entitlements, resource: PlanResource, used: u64, needed: u64) -> Self {
        Self {
            resource,
            plan: own.plan,
            limit: resource.limit(&own.limits),
            used,
            needed,
        }
    }

    /// Returns whether what is needed does not fit.
    pub fn is_exceeded(&self) -> bool {
        self.used.saturating_add(self.needed) > self.limit
    }

    /// Returns whether the limit was set for the organization and is not the plan's.
    fn is_override(&self) -> bool {
        self.limit != self.resource.limit(&self.plan.limits())
    }

    /// Returns what exceeds the limit, as a part of a list.
    pub fn excess(&self) -> String {
        let allowed = self.resource.amount(self.limit);
        match self.resource {
            PlanResource::StorageBytes => format!(
                "{} bytes of documents are stored, and {allowed} are included",
                self.used
            ),
            _ => format!(
                "{} are used, and {} are included",
                self.resource.amount(self.used),
                self.limit
            ),
        }
    }

    /// Returns the sentence that the user sees: what is used, and how to get more.
    pub fn sentence(&self) -> String {
        let (resource, plan) = (self.resource, self.plan);
        let used = match resource {
            PlanResource::StorageBytes => format!("{} bytes are used and this file has {}", self.used, self.needed),
            PlanResource::Organizations => format!("you already own {}", self.used),
            PlanResource::Chatbots | PlanResource::Documents | PlanResource::Webhooks | PlanResource::DataSources => {
                format!("this organization has {}", self.used)
            }
        };
        let free = match resource {
            PlanResource::Organizations => "Delete one or transfer its ownership",
            _ => "Delete some",
        };
        let allowed = resource.amount(self.limit);
        if self.is_override() {
            return format!(
                "The limit set for this organization is {allowed}, and {used}. {free}, or ask the operator for a higher \
                 limit."
            );
        }
        let larger = Plan::ALL
            .into_iter()
            .find(|larger| resource.limit(&larger.limits()) > self.limit);
        let raise = larger.map_or_else(
            || "this is the largest plan".to_owned(),
            |larger| {
                let allows = resource.limit(&larger.limits());
                let allows = match resource {
                    PlanResource::StorageBytes => resource.amount(allows),
                    _ => allows.to_string(),
                };
                format!("change to the {} plan, which allows {allows}", larger.name())
            },
        );
        let or = if larger.is_some() { ", or" } else { ";" };
        format!(
            "The {} plan allows {allowed}, and {used}. {free}{or} {raise}.",
            plan.name()
        )
    }
}

const MIB: u64 = 1024 * 1024;

impl Plan {
    /// All plans, smallest first.
    pub const ALL: [Self; 3] = [Self::Free, Self::Pro, Self::Team];

    /// Maximum file size of any plan, in bytes.
    pub const MAX_FILE_BYTES: u64 = Self::Team.limits().file_bytes;

    /// Returns the plan's limits.
    pub const fn limits(self) -> Limits {
        match self {
            Self::Free => Limits {
                tokens_per_day: 10_000,
                requests_per_minute: 60,
                seats: 3,
                chatbots: 3,
                documents: 100,
                file_bytes: 25 * MIB,
                storage_bytes: 250 * MIB,
                data_sources: 1,
                webhooks: 2,
                organizations: 3,
            },
            Self::Pro => Limits {
                tokens_per_day: 1_000_000,
                requests_per_minute: 600,
                seats: 10,
                chatbots: 25,
                documents: 2_000,
                file_bytes: 50 * MIB,
                storage_bytes: 10 * 1024 * MIB,
                data_sources: 5,
                webhooks: 10,
                organizations: 10,
            },
            Self::Team => Limits {
                tokens_per_day: 10_000_000,
                requests_per_minute: 3_000,
                seats: 50,
                chatbots: 250,
                documents: 20_000,
                file_bytes: 100 * MIB,
                storage_bytes: 100 * 1024 * MIB,
                data_sources: 25,
                webhooks: 25,
                organizations: 30,
            },
        }
    }

    /// Its name in responses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "FREE",
            Self::Pro => "PRO",
            Self::Team => "TEAM",
        }
    }

    /// Parses a name, ignoring case.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/plan_type`.
    pub fn parse(text: &str) -> Result<Self> {
        let found = Self::ALL
            .into_iter()
            .find(|plan| plan.name().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| Error::invalid("/plan_type", "must be FREE, PRO or TEAM"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_seats_are_those_of_the_rulings_and_a_larger_plan_never_allows_less() {
        let of = |plan: Plan| (plan.limits().tokens_per_day, plan.limits().seats);
        assert_eq!(Plan::ALL.map(of), [(10_000, 3), (1_000_000, 10), (10_000_000, 50)]);
        let counters = Plan::ALL.map(|plan| {
            let limits = plan.limits();
            [
                limits.tokens_per_day,
                limits.requests_per_minute.into(),
                limits.seats.into(),
                limits.chatbots.into(),
                limits.documents.into(),
                limits.file_bytes,
                limits.storage_bytes,
                limits.data_sources.into(),
                limits.webhooks.into(),
                limits.organizations.into(),
            ]
        });
        for (smaller, larger) in counters.iter().zip(&counters[1..]) {
            assert!(smaller.iter().zip(larger).all(|(less, more)| less < more));
        }
    }

    #[test]
    fn a_limit_says_what_is_used_and_how_to_get_more() {
        let said = |resource, plan, used, needed| {
            let limit = PlanLimit {
                resource,
                plan,
                limit: resource.limit(&plan.limits()),
                used,
                needed,
            };
            limit.sentence()
        };
        assert_eq!(
            said(PlanResource::StorageBytes, Plan::Free, 262_000_000, 200_000),
            "The FREE plan allows 250 MiB of documents, and 262000000 bytes are used and this file has 200000. Delete \
             some, or change to the PRO plan, which allows 10240 MiB of documents."
        );
        assert_eq!(
            said(PlanResource::Organizations, Plan::Team, 30, 1),
            "The TEAM plan allows 30 organizations per person, and you already own 30. Delete one or transfer its \
             ownership; this is the largest plan."
        );
        let set = PlanLimit {
            resource: PlanResource::Chatbots,
            plan: Plan::Pro,
            limit: 5,
            used: 5,
            needed: 1,
        };
        assert_eq!(
            set.sentence(),
            "The limit set for this organization is 5 chatbots, and this organization has 5. Delete some, or ask the \
             operator for a higher limit."
        );
    }

    #[test]
    fn a_plan_is_read_in_any_case() {
        for plan in Plan::ALL {
            assert_eq!(Plan::parse(&plan.name().to_lowercase()).ok(), Some(plan));
            let text = serde_json::to_string(&plan).unwrap_or_default();
            assert_eq!(text, format!("{:?}", plan.name()));
        }
        assert!(Plan::parse("enterprise").is_err());
    }
}
