//! What each plan allows: the one place where a limit is a number.

use serde::Serialize;

use crate::{Error, Plan, Result};

/// What an organization may use under its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Limits {
    /// LLM tokens a day.
    pub tokens_per_day: u64,
    /// Requests a minute, of all members together.
    pub requests_per_minute: u32,
    /// Members, pending invitations included.
    pub seats: u32,
    /// Chatbots.
    pub chatbots: u32,
    /// Documents.
    pub documents: u32,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all documents.
    pub storage_bytes: u64,
    /// Data sources that questions can be asked of.
    pub data_sources: u32,
}

const MIB: u64 = 1024 * 1024;

impl Plan {
    /// All plans, the smallest first.
    pub const ALL: [Self; 3] = [Self::Free, Self::Pro, Self::Team];

    /// Largest file that any plan allows, in bytes.
    pub const MAX_FILE_BYTES: u64 = Self::Team.limits().file_bytes;

    /// What the plan allows.
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
            },
        }
    }

    /// Its name, as in an answer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "FREE",
            Self::Pro => "PRO",
            Self::Team => "TEAM",
        }
    }

    /// Reads a name, in any case.
    ///
    /// # Errors
    /// [`Error::Invalid`] at `/plan_type`.
    pub fn parse(text: &str) -> Result<Self> {
        let found = Self::ALL
            .into_iter()
            .find(|plan| plan.name().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| Error::invalid("/plan_type", "has to be FREE, PRO or TEAM"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_seats_are_those_of_the_rulings_and_a_larger_plan_never_allows_less() {
        let of = |plan: Plan| (plan.limits().tokens_per_day, plan.limits().seats);
        assert_eq!(Plan::ALL.map(of), [(10_000, 3), (1_000_000, 10), (10_000_000, 50)]);
        let figures = Plan::ALL.map(|plan| {
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
            ]
        });
        for (smaller, larger) in figures.iter().zip(&figures[1..]) {
            assert!(smaller.iter().zip(larger).all(|(less, more)| less < more));
        }
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
