//! Model usage: counters that can be summed, and latency histograms.

pub mod generation;
pub mod limit;
pub mod quota;
pub mod statistics;

use std::{collections::BTreeMap, ops::AddAssign};

use jiff::civil::Date;

use crate::{ApiKeyId, Category, ChatbotId, UserId};

/// Counters of a number of model calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageCounters {
    /// Calls.
    pub requests: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// Tokens read from a provider's cache; included in `prompt_tokens`.
    pub cached_tokens: u64,
    /// Provider charges in millionths of a US dollar, as far as prices are known.
    pub cost_micro_usd: u64,
    /// Calls whose price is unknown.
    pub unpriced: u64,
    /// Calls whose tokens were estimated.
    pub estimated: u64,
}

impl UsageCounters {
    /// Returns the sum of tokens read and written.
    pub fn total_tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    /// Returns the cost, or `None` if any of the calls had no known price.
    pub fn cost(&self) -> Option<u64> {
        (self.unpriced == 0).then_some(self.cost_micro_usd)
    }

    /// Returns the counters minus a part of them.
    #[must_use]
    pub fn without(&self, part: &Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(part.requests),
            errors: self.errors.saturating_sub(part.errors),
            prompt_tokens: self.prompt_tokens.saturating_sub(part.prompt_tokens),
            completion_tokens: self.completion_tokens.saturating_sub(part.completion_tokens),
            cached_tokens: self.cached_tokens.saturating_sub(part.cached_tokens),
            cost_micro_usd: self.cost_micro_usd.saturating_sub(part.cost_micro_usd),
            unpriced: self.unpriced.saturating_sub(part.unpriced),
            estimated: self.estimated.saturating_sub(part.estimated),
        }
    }
}

impl AddAssign for UsageCounters {
    fn add_assign(&mut self, more: Self) {
        self.requests += more.requests;
        self.errors += more.errors;
        self.prompt_tokens += more.prompt_tokens;
        self.completion_tokens += more.completion_tokens;
        self.cached_tokens += more.cached_tokens;
        self.cost_micro_usd += more.cost_micro_usd;
        self.unpriced += more.unpriced;
        self.estimated += more.estimated;
    }
}

/// A histogram of durations. Each bucket is a quarter of a power of two wide, so percentiles are accurate to 10
/// percent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram(pub BTreeMap<u8, u64>);

/// Buckets per doubling of the duration.
const PER_OCTAVE: f64 = 4.0;

impl Histogram {
    /// Returns the bucket of a duration.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a logarithm of a time in milliseconds is a small positive number"
    )]
    pub fn bucket(milliseconds: u64) -> u8 {
        ((milliseconds.max(1) as f64).log2() * PER_OCTAVE).round().min(255.0) as u8
    }

    /// Returns the middle of a bucket, in milliseconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a bucket is at most 255, so the time fits"
    )]
    pub fn middle(bucket: u8) -> u64 {
        (f64::from(bucket) / PER_OCTAVE).exp2().round() as u64
    }

    /// Adds the counts of another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    /// Returns the percentile in milliseconds; `None` for an empty histogram.
    pub fn percentile(&self, percent: u8) -> Option<u64> {
        let all: u64 = self.0.values().sum();
        let rank = (all * u64::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        self.0.iter().find_map(|(bucket, count)| {
            seen += count;
            (seen >= rank).then(|| Self::middle(*bucket))
        })
    }
}

/// Counters of one category and model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageLine {
    /// The category.
    pub category: Category,
    /// The model that answered.
    pub model: String,
    /// The counters.
    pub counters: UsageCounters,
}

/// Usage of an API key or a chatbot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTally<I> {
    /// Its ID.
    pub id: I,
    /// The counters.
    pub counters: UsageCounters,
}

/// What people thought of answers, and how many questions were not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AnswerCounters {
    /// Answers that were rated as good.
    pub up: u64,
    /// Answers that were rated as bad.
    pub down: u64,
    /// Questions that a chatbot answered with its refusal.
    pub unanswered: u64,
}

impl AddAssign for AnswerCounters {
    fn add_assign(&mut self, more: Self) {
        self.up += more.up;
        self.down += more.down;
        self.unanswered += more.unanswered;
    }
}

/// One user's usage on one day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UsageDay {
    /// The day.
    pub date: Date,
    /// The user; `None` if the account was erased.
    pub user: Option<UserId>,
    /// By category and model.
    pub lines: Vec<UsageLine>,
    /// By API key; the same calls as in [`UsageDay::lines`].
    pub keys: Vec<KeyTally<ApiKeyId>>,
    /// By chatbot; the same calls as in [`UsageDay::lines`].
    pub chatbots: Vec<KeyTally<ChatbotId>>,
    /// Durations of answers, by model.
    pub latency: BTreeMap<String, Histogram>,
    /// Times to the first token, by model.
    pub first_token: BTreeMap<String, Histogram>,
    /// What was thought of answers, by chatbot; `None` for answers without one.
    pub answers: BTreeMap<Option<ChatbotId>, AnswerCounters>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_within_ten_percent_of_the_time() {
        for milliseconds in [1, 2, 3, 7, 40, 999, 15_000, 120_000] {
            let mut times = Histogram::default();
            times.0.insert(Histogram::bucket(milliseconds), 1);
            let found = times.percentile(50).unwrap_or_default();
            assert!(
                found.abs_diff(milliseconds) * 10 <= milliseconds,
                "{milliseconds} became {found}"
            );
        }
    }

    #[test]
    fn percentiles_of_a_hundred_times_are_those_of_the_ranks() {
        let mut times = Histogram::default();
        for milliseconds in 1..=100_u64 {
            *times.0.entry(Histogram::bucket(milliseconds * 100)).or_default() += 1;
        }
        for (percent, expected) in [(50, 5_000), (95, 9_500), (100, 10_000)] {
            let found = times.percentile(percent).unwrap_or_default();
            assert!(found.abs_diff(expected) * 9 <= expected, "p{percent} was {found}");
        }
        assert_eq!(Histogram::default().percentile(50), None);
    }

    #[test]
    fn a_cost_is_unknown_when_a_call_had_no_price() {
        let of = |requests, unpriced| {
            UsageCounters {
                requests,
                unpriced,
                ..UsageCounters::default()
            }
            .cost()
        };
        assert_eq!((of(0, 0), of(2, 2), of(2, 1)), (Some(0), None, None));
    }
}
