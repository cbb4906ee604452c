//! Usage statistics: numbers stored beside the counters, written with them, read by day.
//!
//! Names are `s~{category}~{model}~{figure}` for what a user used in their personal organization, or a member in an
//! organization; `h~{model}~l{bucket}` and `h~{model}~t{bucket}` for the latency of answers and of their first tokens;
//! `k~{key}~{figure}` and `b~{chatbot}~{figure}`. On a user's own day, `x~...`, `xh~...`, `xk~...` and `xb~...` are the
//! same for what they used in other organizations.
//! The first call also gives the item a random mark, `born`: an item that was removed and recreated starts at 0, and
//! [`rollup`](super::rollup) has to know.
//! The numbers are attributes of the item itself: adding to an absent number starts at 0, while a map would have to be
//! created first.
//!
//! An item holds 400 KB, and callers may send any model name: so an item names [`MOST`] models, keys and chatbots each,
//! and stores them as the sets `models`, `keys` and `bots`. Any further ones count as model [`OTHER`], and without a
//! key or chatbot. So do unknown model names where they would outlive the user who typed them: see [`public_name`].

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Category, Error, Histogram, Result, UsageCounters};

use super::{ReservationTerms, change::Change, settle::UsageRecord};
use crate::table::item::{Item, n, s};

/// Where statistics are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UsageOrigin {
    /// To the organization that the item belongs to.
    Metered,
    /// Only to the user, who used it in another organization.
    Reported,
}

pub(super) const OWN: &str = "s";
pub(super) const TIMES: &str = "h";
/// Tells the generations of an item apart.
pub(super) const GENERATION: &str = "born";
pub(super) const ELSEWHERE: &str = "x";
const TIMES_ELSEWHERE: &str = "xh";
/// The set of models that an item names.
const MODELS: &str = "models";
/// The name that stands for all models that an item does not name.
const OTHER: &str = "other";
/// Most models, keys and chatbots that an item names, each.
const MOST: usize = 40;

/// Returns whether a model exists, as opposed to any name that a user typed.
pub type IsKnownModel = fn(&str) -> bool;

/// Returns the model that a number is about; `None` for those of keys and chatbots, and for other attributes.
pub(super) fn model_of(name: &str) -> Option<&str> {
    let (kind, rest) = name.split_once('~')?;
    let (middle, _) = rest.rsplit_once('~')?;
    match kind {
        OWN | ELSEWHERE => middle.split_once('~').map(|(_, model)| model),
        TIMES | TIMES_ELSEWHERE => Some(middle),
        _ => None,
    }
}

/// Returns the name of a number with any model that does not exist replaced by [`OTHER`].
pub(super) fn public_name(name: &str, is_known: IsKnownModel) -> String {
    match model_of(name) {
        Some(model) if model != OTHER && !is_known(model) => {
            let end = name.rfind('~').unwrap_or(name.len());
            format!("{}{OTHER}{}", &name[..end - model.len()], &name[end..])
        }
        _ => name.to_owned(),
    }
}

/// Does the same for a whole item of the statistics. Numbers that then have the same name are added up.
pub(super) fn make_public(item: &mut Item, is_known: IsKnownModel) {
    let typed: Vec<String> = item
        .keys()
        .filter(|name| public_name(name, is_known) != **name)
        .cloned()
        .collect();
    for name in typed {
        let number = item
            .remove(&name)
            .and_then(|value| value.as_n().ok()?.parse::<u64>().ok());
        let sum = item.entry(public_name(&name, is_known)).or_insert_with(|| n(0));
        let so_far = sum
            .as_n()
            .ok()
            .and_then(|sum| sum.parse::<u64>().ok())
            .unwrap_or_default();
        *sum = n(so_far.saturating_add(number.unwrap_or_default()));
    }
    let models = item
        .get(MODELS)
        .and_then(|models| models.as_ss().ok())
        .cloned()
        .unwrap_or_default();
    let known: Vec<String> = models.into_iter().filter(|model| is_known(model)).collect();
    item.remove(MODELS);
    // A set is never empty.
    if !known.is_empty() {
        item.insert(MODELS.to_owned(), AttributeValue::Ss(known));
    }
}

pub(super) fn letter(category: Category) -> char {
    match category {
        Category::Chat => 'c',
        Category::Embeddings => 'e',
        Category::Sql => 'q',
        Category::Titles => 't',
        Category::Transcription => 'p',
        Category::Rewriting => 'w',
        Category::Retrieval => 'r',
    }
}

/// Returns the counters by the letters under which they are stored.
pub(super) fn by_letter(counters: &mut UsageCounters) -> [(&'static str, &mut u64); 8] {
    [
        ("n", &mut counters.requests),
        ("x", &mut counters.errors),
        ("p", &mut counters.prompt_tokens),
        ("o", &mut counters.completion_tokens),
        ("d", &mut counters.cached_tokens),
        ("u", &mut counters.cost_micro_usd),
        ("z", &mut counters.unpriced),
        ("g", &mut counters.estimated),
    ]
}

/// Which dimensions of a call an item has room for.
#[derive(Debug, Clone, Copy)]
pub(super) struct DimensionCapacity {
    model: bool,
    key: bool,
    chatbot: bool,
}

impl DimensionCapacity {
    /// Room for everything, as far as known.
    pub(super) const ALL: Self = Self {
        model: true,
        key: true,
        chatbot: true,
    };

    /// Returns what remains at an item that refused a call; `None` if it refused for another reason.
    pub(super) fn at(
        self,
        item: &Item,
        terms: &ReservationTerms,
        paid: &UsageRecord,
        shown: UsageOrigin,
    ) -> Option<Self> {
        let fits = |name: &str, text: Option<String>| {
            let names = item.get(name).and_then(|names| names.as_ss().ok());
            names.is_none_or(|names| names.len() < MOST || text.is_none_or(|text| names.contains(&text)))
        };
        let [model, key, chatbot] = named(terms, paid, shown);
        let left = Self {
            model: self.model && fits(model.0, model.1),
            key: self.key && fits(key.0, key.1),
            chatbot: self.chatbot && fits(chatbot.0, chatbot.1),
        };
        let is_less = (left.model, left.key, left.chatbot) != (self.model, self.key, self.chatbot);
        is_less.then_some(left)
    }
}

/// Returns the sets of names of an item, and what a call adds to each.
fn named(terms: &ReservationTerms, paid: &UsageRecord, shown: UsageOrigin) -> [(&'static str, Option<String>); 3] {
    // Usage in other organizations has attributes of its own.
    let spelled = |name: String| match shown {
        UsageOrigin::Metered => name,
        UsageOrigin::Reported => format!("{ELSEWHERE}~{name}"),
    };
    [
        (MODELS, Some(spelled(paid.model.clone()))),
        ("keys", terms.key.as_ref().map(|key| spelled(key.to_string()))),
        ("bots", terms.chatbot.as_ref().map(|bot| spelled(bot.to_string()))),
    ]
}

/// Adds a call to the statistics of an item, on the condition that it has the room.
pub(super) fn count(
    change: &mut Change,
    terms: &ReservationTerms,
    paid: &UsageRecord,
    shown: UsageOrigin,
    capacity: DimensionCapacity,
) -> Result<()> {
    for ((set, name), fits) in
        named(terms, paid, shown)
            .into_iter()
            .zip([capacity.model, capacity.key, capacity.chatbot])
    {
        if let Some(name) = name.filter(|_| fits) {
            change.add_to_set(set, &name);
            change.if_in_set_or_room(set, &name, MOST);
        }
    }
    if shown == UsageOrigin::Metered {
        change.set_once(GENERATION, s(&terms.nonce));
    }
    let mut counters = paid.counters;
    let mut add = |name: &str, number: u64| -> Result<()> {
        change.add(name, i64::try_from(number).map_err(Error::internal)?);
        Ok(())
    };
    let model = if capacity.model { paid.model.as_str() } else { OTHER };
    let category = letter(terms.category);
    let (lines, others) = match shown {
        UsageOrigin::Metered => (OWN, ""),
        UsageOrigin::Reported => (ELSEWHERE, ELSEWHERE),
    };
    for (figure, number) in by_letter(&mut counters) {
        add(&format!("{lines}~{category}~{model}~{figure}"), *number)?;
    }
    for (kind, time) in [("l", paid.latency_ms), ("t", paid.first_token_ms)] {
        if let Some(time) = time {
            add(&format!("{others}{TIMES}~{model}~{kind}{}", Histogram::bucket(time)), 1)?;
        }
    }
    let key = terms.key.as_ref().filter(|_| capacity.key);
    let key = key.map(|key| format!("{others}k~{key}"));
    let bot = terms.chatbot.as_ref().filter(|_| capacity.chatbot);
    let bot = bot.map(|bot| format!("{others}b~{bot}"));
    for name in [key, bot].into_iter().flatten() {
        for (figure, number) in by_letter(&mut counters) {
            add(&format!("{name}~{figure}"), *number)?;
        }
    }
    Ok(())
}
