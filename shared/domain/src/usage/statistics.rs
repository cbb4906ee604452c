//! Statistics: all requested breakdowns are summed from the same numbers, so that all sums agree.

use std::collections::BTreeMap;

use jiff::{ToSpan as _, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AnswerCounters, ApiKeyId, Category, ChatbotId, Error, Histogram, Result, UsageCounters, UsageDay, UserId};

/// The days of a report, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

/// The requested period, as far as specified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeriodRequest {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
    /// The number of days.
    pub days: Option<u32>,
}

impl PeriodRequest {
    /// Returns the requested period; defaults to 30 days until today.
    ///
    /// # Errors
    /// Returns the errors of [`Period::of`], and [`Error::Invalid`] at `/days` if it is zero, too large, or given with
    /// both ends.
    pub fn within(self, today: Date) -> Result<Period> {
        let Some(days) = self.days else {
            return Period::of(self.from, self.to, today);
        };
        if self.from.is_some() && self.to.is_some() {
            return Err(Error::invalid(
                "/days",
                "must be omitted if both `from` and `to` are given",
            ));
        }
        let most = Period::MAX_DAYS;
        let days = i32::try_from(days).ok().filter(|days| (1..=most).contains(days));
        let days = days.ok_or_else(|| Error::invalid("/days", format!("must be between 1 and {most}")))?;
        match (self.from, self.to) {
            (Some(from), _) => Period::of(Some(from), Some(from.saturating_add((days - 1).days())), today),
            (None, to) => {
                let to = to.unwrap_or(today);
                Period::of(Some(to.saturating_sub((days - 1).days())), Some(to), today)
            }
        }
    }
}

impl Period {
    /// Maximum number of days that can be requested.
    pub const MAX_DAYS: i32 = 366;
    /// Number of days if not specified.
    pub const DEFAULT_DAYS: i32 = 30;

    /// Returns a period of one day.
    pub fn day(date: Date) -> Self {
        Self { from: date, to: date }
    }

    /// Returns the requested period; defaults to 30 days until today.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/from` or `/to` if the period ends before it starts, is longer than 366 days, or
    /// lies before the common era.
    pub fn of(from: Option<Date>, to: Option<Date>, today: Date) -> Result<Self> {
        for (pointer, date) in [("/from", from), ("/to", to)] {
            if date.is_some_and(|date| date.year() < 1) {
                return Err(Error::invalid(pointer, "must be a date in the common era"));
            }
        }
        let to = to.unwrap_or(today);
        let from = from.unwrap_or_else(|| to.saturating_sub((Self::DEFAULT_DAYS - 1).days()));
        let days = (to - from).get_days();
        if days < 0 {
            return Err(Error::invalid(
                "/from",
                format!("must not be later than the last day, {to}"),
            ));
        }
        if days >= Self::MAX_DAYS {
            let most = Self::MAX_DAYS;
            return Err(Error::invalid(
                "/from",
                format!("must be at most {most} days before the end of {to}"),
            ));
        }
        Ok(Self { from, to })
    }

    /// Returns its days, oldest first.
    pub fn dates(self) -> impl Iterator<Item = Date> {
        self.from.series(1.day()).take_while(move |date| *date <= self.to)
    }

    /// Returns whether it contains `date`.
    pub fn contains(self, date: Date) -> bool {
        (self.from..=self.to).contains(&date)
    }
}

/// The dimension by which counters are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupBy {
    /// Days, oldest first.
    Day,
    /// Models that answered.
    Model,
    /// What the tokens were used for.
    Category,
    /// Users who sent the requests.
    User,
    /// API keys that sent the requests.
    Key,
    /// Chatbots that answered.
    Chatbot,
}

impl GroupBy {
    /// All dimensions.
    pub const ALL: [Self; 6] = [
        Self::Day,
        Self::Model,
        Self::Category,
        Self::User,
        Self::Key,
        Self::Chatbot,
    ];
}

/// The key of a stored counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The day.
    pub date: Date,
    /// The user; `None` if the account was erased.
    pub user: Option<UserId>,
    /// The category.
    pub category: Category,
    /// The model that answered.
    pub model: String,
}

/// Counters of one group; `None` for calls that belong to no group: without a key or chatbot, or of erased accounts.
pub type Group = (Option<String>, UsageCounters);

/// Durations of answers, and times to the first token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    /// Durations of complete answers.
    pub latency: Histogram,
    /// Times to the first token.
    pub first_token: Histogram,
}

impl Times {
    fn merge(&mut self, more: &Self) {
        self.latency.merge(&more.latency);
        self.first_token.merge(&more.first_token);
    }
}

/// Usage by all dimensions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statistics {
    cells: BTreeMap<Cell, UsageCounters>,
    keys: BTreeMap<ApiKeyId, UsageCounters>,
    chatbots: BTreeMap<ChatbotId, UsageCounters>,
    times: BTreeMap<(Date, String), Times>,
    answers: BTreeMap<(Date, Option<UserId>, Option<ChatbotId>), AnswerCounters>,
}

/// What was thought of the answers of one group; `None` for answers without a chatbot, and of erased accounts.
pub type AnswerGroup = (Option<String>, AnswerCounters);

impl FromIterator<UsageDay> for Statistics {
    fn from_iter<I: IntoIterator<Item = UsageDay>>(days: I) -> Self {
        let mut all = Self::default();
        for day in days {
            all.add(day);
        }
        all
    }
}

impl Statistics {
    fn add(&mut self, day: UsageDay) {
        for line in day.lines {
            let cell = Cell {
                date: day.date,
                user: day.user.clone(),
                category: line.category,
                model: line.model,
            };
            *self.cells.entry(cell).or_default() += line.counters;
        }
        for tally in day.keys {
            *self.keys.entry(tally.id).or_default() += tally.counters;
        }
        for tally in day.chatbots {
            *self.chatbots.entry(tally.id).or_default() += tally.counters;
        }
        for (chatbot, counters) in day.answers {
            *self.answers.entry((day.date, day.user.clone(), chatbot)).or_default() += counters;
        }
        for (model, latency) in day.latency {
            self.times.entry((day.date, model)).or_default().latency.merge(&latency);
        }
        for (model, first) in day.first_token {
            self.times
                .entry((day.date, model))
                .or_default()
                .first_token
                .merge(&first);
        }
    }

    /// Returns the smallest units, by day, user, category and model.
    pub fn cells(&self) -> impl Iterator<Item = (&Cell, &UsageCounters)> {
        self.cells.iter()
    }

    /// Returns the sum over a period.
    pub fn within(&self, period: Period) -> UsageCounters {
        sum(self
            .cells()
            .filter(|(cell, _)| period.contains(cell.date))
            .map(|(_, counters)| counters))
    }

    /// Returns the sum over all days.
    pub fn total(&self) -> UsageCounters {
        sum(self.cells.values())
    }

    /// Returns the sums of groups, which add up to [`Statistics::total`]: days in order, other groups by tokens in
    /// descending order.
    pub fn by(&self, group: GroupBy) -> Vec<Group> {
        let mut groups = match group {
            GroupBy::Day => return self.sums(|cell| Some(cell.date.to_string())),
            GroupBy::Model => self.sums(|cell| Some(cell.model.clone())),
            GroupBy::Category => self.sums(|cell| Some(cell.category.name().to_owned())),
            GroupBy::User => self.sums(|cell| cell.user.as_ref().map(ToString::to_string)),
            GroupBy::Key => self.with_rest(&self.keys),
            GroupBy::Chatbot => self.with_rest(&self.chatbots),
        };
        groups.sort_by(|(a, of_a), (b, of_b)| of_b.total_tokens().cmp(&of_a.total_tokens()).then(a.cmp(b)));
        groups
    }

    /// Returns what was thought of all answers.
    pub fn answers(&self) -> AnswerCounters {
        let mut all = AnswerCounters::default();
        for counters in self.answers.values() {
            all += *counters;
        }
        all
    }

    /// Returns what was thought of answers by group, for days, users and chatbots; nothing for other dimensions, to
    /// which an answer does not belong. Groups add up to [`Statistics::answers`].
    pub fn answers_by(&self, group: GroupBy) -> Vec<AnswerGroup> {
        let mut groups: BTreeMap<Option<String>, AnswerCounters> = BTreeMap::new();
        for ((date, user, chatbot), counters) in &self.answers {
            let name = match group {
                GroupBy::Day => Some(date.to_string()),
                GroupBy::User => user.as_ref().map(ToString::to_string),
                GroupBy::Chatbot => chatbot.as_ref().map(ToString::to_string),
                GroupBy::Model | GroupBy::Category | GroupBy::Key => return Vec::new(),
            };
            *groups.entry(name).or_default() += *counters;
        }
        groups.into_iter().collect()
    }

    /// Returns the sums by category and model.
    pub fn by_category_and_model(&self) -> BTreeMap<(Category, String), UsageCounters> {
        let mut groups: BTreeMap<(Category, String), UsageCounters> = BTreeMap::new();
        for (cell, counters) in &self.cells {
            *groups.entry((cell.category, cell.model.clone())).or_default() += *counters;
        }
        groups
    }

    /// Returns the models of each day: days in order, models by tokens in descending order.
    pub fn by_day_and_model(&self) -> Vec<(Date, Vec<Group>)> {
        let mut days: BTreeMap<Date, Self> = BTreeMap::new();
        for (cell, counters) in &self.cells {
            days.entry(cell.date).or_default().cells.insert(cell.clone(), *counters);
        }
        let days = days.into_iter();
        days.map(|(date, day)| (date, day.by(GroupBy::Model))).collect()
    }

    /// Returns the models with a call whose price is unknown.
    pub fn unpriced_models(&self) -> Vec<String> {
        let models = self.by(GroupBy::Model).into_iter();
        models
            .filter(|(_, counters)| counters.unpriced > 0)
            .filter_map(|(model, _)| model)
            .collect()
    }

    /// Returns the times of all answers.
    pub fn times(&self) -> Times {
        let mut all = Times::default();
        for times in self.times.values() {
            all.merge(times);
        }
        all
    }

    /// Returns the times of answers, grouped by `group` of day and model.
    pub fn times_by(&self, group: impl Fn(Date, &str) -> String) -> BTreeMap<String, Times> {
        let mut groups: BTreeMap<String, Times> = BTreeMap::new();
        for ((date, model), times) in &self.times {
            groups.entry(group(*date, model)).or_default().merge(times);
        }
        groups
    }

    fn sums(&self, group: impl Fn(&Cell) -> Option<String>) -> Vec<Group> {
        let mut groups: BTreeMap<Option<String>, UsageCounters> = BTreeMap::new();
        for (cell, counters) in &self.cells {
            *groups.entry(group(cell)).or_default() += *counters;
        }
        groups.into_iter().collect()
    }

    /// Returns the given groups, which are part of the total, and the remainder.
    fn with_rest<I: ToString>(&self, groups: &BTreeMap<I, UsageCounters>) -> Vec<Group> {
        let rest = self.total().without(&sum(groups.values()));
        let named = groups.iter().map(|(id, counters)| (Some(id.to_string()), *counters));
        named
            .chain((rest != UsageCounters::default()).then_some((None, rest)))
            .collect()
    }
}

fn sum<'a>(parts: impl Iterator<Item = &'a UsageCounters>) -> UsageCounters {
    let mut sum = UsageCounters::default();
    for part in parts {
        sum += *part;
    }
    sum
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]
mod tests;
