//! Statistics: what was used, summed up in every way that is asked for from the same numbers, so that all sums agree.

use std::collections::BTreeMap;

use jiff::{ToSpan as _, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, Category, ChatbotId, Error, Histogram, Result, UsageCounters, UsageDay, UserId};

/// Days of which statistics are told, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first one.
    pub from: Date,
    /// The last one.
    pub to: Date,
}

/// The days that are asked for, as far as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeriodRequest {
    /// The first one.
    pub from: Option<Date>,
    /// The last one.
    pub to: Option<Date>,
    /// How many.
    pub days: Option<u32>,
}

impl PeriodRequest {
    /// The days that are meant: until today, and 30 days, where nothing else is asked for.
    ///
    /// # Errors
    /// Those of [`Period::of`]; [`Error::Invalid`] at `/days` for none, for too many, and beside both ends.
    pub fn within(self, today: Date) -> Result<Period> {
        let Some(days) = self.days else {
            return Period::of(self.from, self.to, today);
        };
        if self.from.is_some() && self.to.is_some() {
            return Err(Error::invalid(
                "/days",
                "has to be left out when both `from` and `to` are given",
            ));
        }
        let most = Period::MAX_DAYS;
        let days = i32::try_from(days).ok().filter(|days| (1..=most).contains(days));
        let days = days.ok_or_else(|| Error::invalid("/days", format!("has to be between 1 and {most}")))?;
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
    /// Most days that can be asked for.
    pub const MAX_DAYS: i32 = 366;
    /// Days when nothing is asked for.
    pub const DEFAULT_DAYS: i32 = 30;

    /// One day.
    pub fn day(date: Date) -> Self {
        Self { from: date, to: date }
    }

    /// The period that was asked for: until today, and 30 days, where nothing was.
    ///
    /// # Errors
    /// [`Error::Invalid`] at `/from` or `/to`: one that ends before it begins, is longer than 366 days, or lies before
    /// our era.
    pub fn of(from: Option<Date>, to: Option<Date>, today: Date) -> Result<Self> {
        for (pointer, date) in [("/from", from), ("/to", to)] {
            if date.is_some_and(|date| date.year() < 1) {
                return Err(Error::invalid(pointer, "has to be a date of our era"));
            }
        }
        let to = to.unwrap_or(today);
        let from = from.unwrap_or_else(|| to.saturating_sub((Self::DEFAULT_DAYS - 1).days()));
        let days = (to - from).get_days();
        if days < 0 {
            return Err(Error::invalid(
                "/from",
                format!("has to be no later than the last day, {to}"),
            ));
        }
        if days >= Self::MAX_DAYS {
            let most = Self::MAX_DAYS;
            return Err(Error::invalid(
                "/from",
                format!("has to be at most {most} days before the end of {to}"),
            ));
        }
        Ok(Self { from, to })
    }

    /// Its days, oldest first.
    pub fn dates(self) -> impl Iterator<Item = Date> {
        self.from.series(1.day()).take_while(move |date| *date <= self.to)
    }

    /// Whether a day is one of its days.
    pub fn contains(self, date: Date) -> bool {
        (self.from..=self.to).contains(&date)
    }
}

/// What figures are summed up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupBy {
    /// Days, oldest first.
    Day,
    /// Models that answered.
    Model,
    /// What the tokens were used for.
    Category,
    /// Who asked.
    User,
    /// API keys with which was asked.
    Key,
    /// Chatbots that answered.
    Chatbot,
}

impl GroupBy {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Day,
        Self::Model,
        Self::Category,
        Self::User,
        Self::Key,
        Self::Chatbot,
    ];
}

/// What figures are kept by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The day.
    pub date: Date,
    /// Who asked; none when the account was erased.
    pub user: Option<UserId>,
    /// What for.
    pub category: Category,
    /// The model that answered.
    pub model: String,
}

/// Figures of one group; none for what belongs to no group: calls without a key or a chatbot, and of erased accounts.
pub type Group = (Option<String>, UsageCounters);

/// How long answers took, and their first words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    /// Whole answers.
    pub latency: Histogram,
    /// The first words.
    pub first_token: Histogram,
}

impl Times {
    fn merge(&mut self, more: &Self) {
        self.latency.merge(&more.latency);
        self.first_token.merge(&more.first_token);
    }
}

/// What was used, by everything that is known of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statistics {
    cells: BTreeMap<Cell, UsageCounters>,
    keys: BTreeMap<ApiKeyId, UsageCounters>,
    chatbots: BTreeMap<ChatbotId, UsageCounters>,
    times: BTreeMap<(Date, String), Times>,
}

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

    /// The smallest parts, by day, person, category and model.
    pub fn cells(&self) -> impl Iterator<Item = (&Cell, &UsageCounters)> {
        self.cells.iter()
    }

    /// The sum of all parts in a period.
    pub fn within(&self, period: Period) -> UsageCounters {
        sum(self
            .cells()
            .filter(|(cell, _)| period.contains(cell.date))
            .map(|(_, counters)| counters))
    }

    /// The sum of all.
    pub fn total(&self) -> UsageCounters {
        sum(self.cells.values())
    }

    /// The sums of groups, which add up to [`Statistics::total`]: days in their order, others by their tokens, the most
    /// first.
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

    /// The sums of what each model was used for.
    pub fn by_category_and_model(&self) -> BTreeMap<(Category, String), UsageCounters> {
        let mut groups: BTreeMap<(Category, String), UsageCounters> = BTreeMap::new();
        for (cell, counters) in &self.cells {
            *groups.entry((cell.category, cell.model.clone())).or_default() += *counters;
        }
        groups
    }

    /// The models of each day, days in their order, the models with the most tokens first.
    pub fn by_day_and_model(&self) -> Vec<(Date, Vec<Group>)> {
        let mut days: BTreeMap<Date, Self> = BTreeMap::new();
        for (cell, counters) in &self.cells {
            days.entry(cell.date).or_default().cells.insert(cell.clone(), *counters);
        }
        let days = days.into_iter();
        days.map(|(date, day)| (date, day.by(GroupBy::Model))).collect()
    }

    /// Models of which a call had no known price.
    pub fn unpriced_models(&self) -> Vec<String> {
        let models = self.by(GroupBy::Model).into_iter();
        models
            .filter(|(_, counters)| counters.unpriced > 0)
            .filter_map(|(model, _)| model)
            .collect()
    }

    /// The times of all answers.
    pub fn times(&self) -> Times {
        let mut all = Times::default();
        for times in self.times.values() {
            all.merge(times);
        }
        all
    }

    /// The times of the answers of a day, or of a model.
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

    /// Groups that are part of the whole, and what is left of it.
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
