//! Reading usage statistics by day, in the format of [`statistics`](super::statistics).

use std::collections::BTreeMap;

use domain::{
    AnswerCounters, ApiKeyId, Category, ChatbotId, KeyTally, OrgId, Period, Result, UsageCounters, UsageDay, UsageLine,
    UserId,
};

use super::{
    RolledUp,
    answers::ANSWERS,
    days::ERASED,
    statistics::{ELSEWHERE, OWN, TIMES, by_letter, letter},
};
use crate::{
    Store, keys,
    table::item::{Item, failed, s},
};

/// Items read by key at once.
const AT_ONCE: usize = 100;

/// Reads statistics.
#[derive(Debug, Clone)]
pub struct UsageReader(Store);

impl Store {
    /// Returns access to usage statistics.
    pub fn usage_reader(&self) -> UsageReader {
        UsageReader(self.clone())
    }
}

impl UsageReader {
    /// Returns what a user used in all organizations, oldest day first; the days are those of their personal
    /// organization. Days without usage are left out.
    pub async fn of_user(&self, user: &UserId, period: Period) -> Result<Vec<UsageDay>> {
        self.days(keys::user(user), period, UsageScope::Person(user)).await
    }

    /// Returns what a user used in their personal organization.
    pub async fn of_personal_org(&self, user: &UserId, period: Period) -> Result<Vec<UsageDay>> {
        self.days(keys::user(user), period, UsageScope::PersonalOrg(user)).await
    }

    /// Returns what a shared organization used, by day and member.
    pub async fn of_org(&self, org: &OrgId, period: Period) -> Result<Vec<UsageDay>> {
        self.days(keys::tenant(org), period, UsageScope::Org).await
    }

    /// Returns what one member used in a shared organization, oldest day first.
    pub async fn of_member(&self, org: &OrgId, user: &UserId, period: Period) -> Result<Vec<UsageDay>> {
        let wanted: Vec<_> = period.dates().map(|date| keys::member_day(org, date, user)).collect();
        let mut days = Vec::new();
        for part in wanted.chunks(AT_ONCE) {
            let found = self.0.usage().get_many(part).await?;
            days.extend(found.iter().filter_map(|item| read(item, UsageScope::Org)));
        }
        days.retain(has_numbers);
        days.sort_by_key(|day| day.date);
        Ok(days)
    }

    /// Returns what all users used, by day and model, and how far it is complete; `None` if there is no usage.
    pub async fn of_platform(&self, period: Period) -> Result<(Vec<UsageDay>, Option<RolledUp>)> {
        // Read first, so that the totals include everything it covers.
        let until = self.0.usage().get_raw(keys::rolled_up(), true).await?;
        let mut days = Vec::new();
        for shard in 0..keys::SYSTEM_SHARDS {
            days.extend(
                self.days(keys::system_days(shard), period, UsageScope::Platform)
                    .await?,
            );
        }
        Ok((days, until.map(RolledUp::of).transpose()?))
    }

    async fn days(&self, pk: String, Period { from, to }: Period, scope: UsageScope<'_>) -> Result<Vec<UsageDay>> {
        let query = self
            .0
            .db
            .query()
            .table_name(&self.0.tables().usage)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", s(pk))
            .expression_attribute_values(":from", s(format!("{}{from}", keys::DAYS)))
            // Sorts after everything that begins with the last day.
            .expression_attribute_values(":to", s(format!("{}{to}~", keys::DAYS)));
        let mut pages = query.into_paginator().items().send();
        let mut days = Vec::new();
        while let Some(item) = pages.next().await {
            let day = read(&item.map_err(failed)?, scope);
            days.extend(day.filter(has_numbers));
        }
        Ok(days)
    }
}

/// Whose usage is read from an item.
#[derive(Clone, Copy)]
enum UsageScope<'a> {
    /// All usage of a user.
    Person(&'a UserId),
    /// A user's usage in their personal organization.
    PersonalOrg(&'a UserId),
    /// The usage of the member that the item names.
    Org,
    /// The usage of all users.
    Platform,
}

fn read(item: &Item, scope: UsageScope<'_>) -> Option<UsageDay> {
    let sk = item.get("sk")?.as_s().ok()?.strip_prefix(keys::DAYS)?;
    let (date, rest) = sk.split_once('#').map_or((sk, None), |(date, rest)| (date, Some(rest)));
    let member = rest.and_then(|rest| rest.strip_prefix("U#"));
    let mut day = UsageDay {
        date: date.parse().ok()?,
        user: match scope {
            UsageScope::Person(user) | UsageScope::PersonalOrg(user) => Some(user.clone()),
            UsageScope::Org => member
                .filter(|id| !id.starts_with(ERASED))
                .map(|id| UserId(id.to_owned())),
            // There the date is followed by a model.
            UsageScope::Platform => None,
        },
        ..UsageDay::default()
    };
    let mut lines: BTreeMap<(Category, String), UsageCounters> = BTreeMap::new();
    let (mut of_keys, mut of_bots) = (BTreeMap::new(), BTreeMap::new());
    let mut answers: BTreeMap<Option<ChatbotId>, AnswerCounters> = BTreeMap::new();
    for (name, value) in item {
        let Some((kind, rest)) = name.split_once('~') else {
            continue;
        };
        // The name of a model may contain anything, even a `~`: it is what is between the first and the last.
        let (Some((middle, last)), Some(number)) = (
            rest.rsplit_once('~'),
            value.as_n().ok().and_then(|number| number.parse::<u64>().ok()),
        ) else {
            continue;
        };
        if kind.starts_with(ELSEWHERE) && matches!(scope, UsageScope::PersonalOrg(_)) {
            continue;
        }
        match kind {
            OWN | ELSEWHERE => {
                let Some((category, model)) = middle.split_once('~') else {
                    continue;
                };
                let named = |it: &Category| category.chars().eq([letter(*it)]);
                let Some(category) = Category::ALL.into_iter().find(named) else {
                    continue;
                };
                put(lines.entry((category, model.to_owned())).or_default(), last, number);
            }
            "k" | "xk" => put(of_keys.entry(ApiKeyId(middle.to_owned())).or_default(), last, number),
            "b" | "xb" => put(of_bots.entry(ChatbotId(middle.to_owned())).or_default(), last, number),
            // Those of other organizations are counted there.
            ANSWERS => {
                let chatbot = Some(middle)
                    .filter(|id| !id.is_empty())
                    .map(|id| ChatbotId(id.to_owned()));
                let counters = answers.entry(chatbot).or_default();
                match last {
                    "u" => counters.up += number,
                    "d" => counters.down += number,
                    "q" => counters.unanswered += number,
                    _ => {}
                }
            }
            TIMES | "xh" => {
                let (kind, bucket) = last.split_at_checked(1).unwrap_or_default();
                let times = match kind {
                    "l" => &mut day.latency,
                    "t" => &mut day.first_token,
                    _ => continue,
                };
                if let Ok(bucket) = bucket.parse() {
                    let times = times.entry(middle.to_owned()).or_default();
                    *times.0.entry(bucket).or_default() += number;
                }
            }
            _ => {}
        }
    }
    let line = |((category, model), counters)| UsageLine {
        category,
        model,
        counters,
    };
    day.lines = lines.into_iter().map(line).collect();
    day.keys = tallies(of_keys);
    day.chatbots = tallies(of_bots);
    answers.retain(|_, counters| *counters != AnswerCounters::default());
    day.answers = answers;
    Some(day)
}

fn has_numbers(day: &UsageDay) -> bool {
    !(day.lines.is_empty() && day.answers.is_empty())
}

fn put(counters: &mut UsageCounters, letter: &str, number: u64) {
    for (name, figure) in by_letter(counters) {
        if name == letter {
            *figure += number;
        }
    }
}

fn tallies<I>(found: BTreeMap<I, UsageCounters>) -> Vec<KeyTally<I>> {
    let tally = |(id, counters)| KeyTally { id, counters };
    found.into_iter().map(tally).collect()
}
