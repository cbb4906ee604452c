//! Statistics of what was used: numbers beside the counters, written with them, read by days.
//!
//! Names are `s~{category}~{model}~{figure}` for what a person used in their personal organization, or a member in an
//! organization; `x~...` on a person's own day for what they used in other organizations; `h~{model}~l{bucket}` and
//! `h~{model}~t{bucket}` for how long answers and their first words took; `k~{key}~{figure}` and `b~{chatbot}~{figure}`.
//! They are numbers of the item itself: a number that is absent is added to as if it were 0, a map would have to be
//! made first.

use std::collections::BTreeMap;

use jiff::civil::Date;
use model::{ApiKeyId, Category, ChatbotId, Error, Figures, Histogram, OrgId, Result, UserId};

use super::{HoldTerms, change::Change, days::ERASED, settle::Charge};
use crate::{
    Store,
    item::{Item, failed, s},
    keys,
};

/// Where statistics are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// To the organization that the item belongs to.
    Own,
    /// Only to the person, who used it in another organization.
    Elsewhere,
}

const OWN: &str = "s";
const ELSEWHERE: &str = "x";

fn letter(category: Category) -> char {
    match category {
        Category::Chat => 'c',
        Category::Embeddings => 'e',
        Category::Sql => 'q',
        Category::Titles => 't',
    }
}

/// The figures by the letters under which they are kept.
fn lettered(figures: &mut Figures) -> [(&'static str, &mut u64); 8] {
    [
        ("n", &mut figures.requests),
        ("x", &mut figures.errors),
        ("p", &mut figures.prompt_tokens),
        ("o", &mut figures.completion_tokens),
        ("d", &mut figures.cached_tokens),
        ("u", &mut figures.cost_micro_usd),
        ("z", &mut figures.unpriced),
        ("g", &mut figures.estimated),
    ]
}

/// Adds a call to the statistics of an item.
pub(super) fn count(change: &mut Change, terms: &HoldTerms, charge: &Charge, shown: Shown) -> Result<()> {
    let mut figures = charge.figures;
    let mut add = |name: &str, number: u64| -> Result<()> {
        change.add(name, i64::try_from(number).map_err(Error::internal)?);
        Ok(())
    };
    let (category, model) = (letter(terms.category), &charge.model);
    let prefix = if shown == Shown::Own { OWN } else { ELSEWHERE };
    for (figure, number) in lettered(&mut figures) {
        add(&format!("{prefix}~{category}~{model}~{figure}"), *number)?;
    }
    if shown == Shown::Elsewhere {
        return Ok(());
    }
    for (kind, time) in [("l", charge.latency_ms), ("t", charge.first_token_ms)] {
        if let Some(time) = time {
            add(&format!("h~{model}~{kind}{}", Histogram::bucket(time)), 1)?;
        }
    }
    let key = terms.key.as_ref().map(|key| format!("k~{key}"));
    let bot = terms.chatbot.as_ref().map(|bot| format!("b~{bot}"));
    for name in [key, bot].into_iter().flatten() {
        for (figure, number) in lettered(&mut figures) {
            // Who wants more of a key than this looks at the models.
            if matches!(figure, "n" | "x" | "p" | "o" | "u") {
                add(&format!("{name}~{figure}"), *number)?;
            }
        }
    }
    Ok(())
}

/// Figures of one category and model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageLine {
    /// What for.
    pub category: Category,
    /// The model that answered.
    pub model: String,
    /// Whether it was used in another organization than the person's own; of the days of a person only.
    pub elsewhere: bool,
    /// The figures.
    pub figures: Figures,
}

/// What a key or a chatbot used: requests, errors, tokens and cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTally<I> {
    /// Which.
    pub id: I,
    /// The figures that are kept of it.
    pub figures: Figures,
}

/// What one person used on one day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UsageDay {
    /// The day.
    pub date: Date,
    /// Who used it; none when the account was erased.
    pub user: Option<UserId>,
    /// By category and model.
    pub lines: Vec<UsageLine>,
    /// By API key; the figures of [`UsageDay::lines`] once more.
    pub keys: Vec<KeyTally<ApiKeyId>>,
    /// By chatbot; the figures of [`UsageDay::lines`] once more.
    pub chatbots: Vec<KeyTally<ChatbotId>>,
    /// How long answers took, by model.
    pub latency: BTreeMap<String, Histogram>,
    /// How long the first words took, by model.
    pub first_token: BTreeMap<String, Histogram>,
}

/// Reads statistics.
#[derive(Debug, Clone)]
pub struct UsageReader(Store);

impl Store {
    /// Statistics of what was used.
    pub fn usage_reader(&self) -> UsageReader {
        UsageReader(self.clone())
    }
}

impl UsageReader {
    /// What a person used in all organizations from `from` to `to`, both included, oldest day first; the days are
    /// those of their personal organization. Days without use are left out.
    pub async fn of_user(&self, user: &UserId, from: Date, to: Date) -> Result<Vec<UsageDay>> {
        self.days(keys::user(user), from, to, Some(user)).await
    }

    /// What an organization used, by day and member. `personal`: whose it is, when it is a personal one.
    pub async fn of_org(&self, org: &OrgId, personal: Option<&UserId>, from: Date, to: Date) -> Result<Vec<UsageDay>> {
        match personal {
            None => self.days(keys::tenant(org), from, to, None).await,
            Some(user) => {
                let mut days = self.of_user(user, from, to).await?;
                for day in &mut days {
                    day.lines.retain(|line| !line.elsewhere);
                }
                days.retain(|day| !day.lines.is_empty());
                Ok(days)
            }
        }
    }

    async fn days(&self, pk: String, from: Date, to: Date, user: Option<&UserId>) -> Result<Vec<UsageDay>> {
        let query = self
            .0
            .db
            .query()
            .table_name(&self.0.tables().usage)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", s(pk))
            .expression_attribute_values(":from", s(format!("{}{from}", keys::DAYS)))
            // Behind everything that begins with the last day.
            .expression_attribute_values(":to", s(format!("{}{to}~", keys::DAYS)));
        let mut pages = query.into_paginator().items().send();
        let mut days = Vec::new();
        while let Some(item) = pages.next().await {
            let day = read(&item.map_err(failed)?, user);
            days.extend(day.filter(|day| !day.lines.is_empty()));
        }
        Ok(days)
    }
}

fn read(item: &Item, user: Option<&UserId>) -> Option<UsageDay> {
    let sk = item.get("sk")?.as_s().ok()?.strip_prefix(keys::DAYS)?;
    let (date, member) = sk
        .split_once("#U#")
        .map_or((sk, None), |(date, user)| (date, Some(user)));
    let mut day = UsageDay {
        date: date.parse().ok()?,
        user: match member {
            Some(id) => (!id.starts_with(ERASED)).then(|| UserId(id.to_owned())),
            None => user.cloned(),
        },
        ..UsageDay::default()
    };
    let mut lines: BTreeMap<(Category, String, bool), Figures> = BTreeMap::new();
    let (mut of_keys, mut of_bots) = (BTreeMap::new(), BTreeMap::new());
    for (name, value) in item {
        let Some((kind, rest)) = name.split_once('~') else {
            continue;
        };
        // The name of a model may hold anything, a `~` too: it is what is between the first and the last.
        let (Some((middle, last)), Some(number)) = (
            rest.rsplit_once('~'),
            value.as_n().ok().and_then(|number| number.parse::<u64>().ok()),
        ) else {
            continue;
        };
        match kind {
            OWN | ELSEWHERE => {
                let Some((category, model)) = middle.split_once('~') else {
                    continue;
                };
                let named = |it: &Category| category.chars().eq([letter(*it)]);
                let Some(category) = Category::ALL.into_iter().find(named) else {
                    continue;
                };
                let figures = lines
                    .entry((category, model.to_owned(), kind == ELSEWHERE))
                    .or_default();
                put(figures, last, number);
            }
            "k" => put(of_keys.entry(ApiKeyId(middle.to_owned())).or_default(), last, number),
            "b" => put(of_bots.entry(ChatbotId(middle.to_owned())).or_default(), last, number),
            "h" => {
                let (kind, bucket) = last.split_at_checked(1).unwrap_or_default();
                let times = match kind {
                    "l" => &mut day.latency,
                    "t" => &mut day.first_token,
                    _ => continue,
                };
                if let Ok(bucket) = bucket.parse() {
                    times.entry(middle.to_owned()).or_default().0.insert(bucket, number);
                }
            }
            _ => {}
        }
    }
    let line = |((category, model, elsewhere), figures)| UsageLine {
        category,
        model,
        elsewhere,
        figures,
    };
    day.lines = lines.into_iter().map(line).collect();
    day.keys = tallies(of_keys);
    day.chatbots = tallies(of_bots);
    Some(day)
}

fn put(figures: &mut Figures, letter: &str, number: u64) {
    for (name, figure) in lettered(figures) {
        if name == letter {
            *figure = number;
        }
    }
}

fn tallies<I>(found: BTreeMap<I, Figures>) -> Vec<KeyTally<I>> {
    let tally = |(id, figures)| KeyTally { id, figures };
    found.into_iter().map(tally).collect()
}
