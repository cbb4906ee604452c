//! The token ledger: reserve before a call, settle after it.
//!
//! A question is counted in its user's bucket of questions a minute in the same write ([`request_rate`]).
//!
//! A counter is an item with `used`, `reserved` and `committed`, their sum. A reservation adds to `committed` only
//! while the sum stays within the limit, which comes with the call: limits are not part of the counters, so changing a
//! limit changes no counter. Tokens that are bought beyond it are ([`packs`]).
//!
//! A reservation is stored once, on the day of the user who asked (`r~{id}`), and names the other counters it is part
//! of: organization, API key, chatbot. The day of a large organization is split over [`shards`]. All are written in one
//! transaction, or in one plain update if the user's day is the only counter, as in a personal organization without
//! budgets. Settling removes the reservation and charges all counters, so repeating it has no effect; it always charges
//! the day of the reservation. Statistics are counted in the same write ([`statistics`]).

mod answers;
mod change;
mod days;
mod packs;
mod request_rate;
mod reserve;
mod rollup;
mod settle;
mod shards;
mod statistics;
mod usage_reader;

use domain::{
    ApiKeyId, Category, ChatbotId, Day, GenerationId, OrgId, OverageTerms, Result, Timestamp, TokenLimit, TokenScope,
    UsageCounters, UserId,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use answers::AnswerCount;
pub(crate) use change::Change;
pub use days::{Alert, OpenDay, Owner, RunningDays};
pub use packs::PackPromise;
pub use request_rate::RequestRateLimit;
pub use reserve::Reserve;
pub use rollup::{Changed, DayImage, RolledUp};
pub use settle::UsageRecord;
pub use statistics::IsKnownModel;
pub use usage_reader::UsageReader;

use crate::{
    Store,
    keys::{self, Key},
    table::item::{Item, from_item},
};

/// How long a day is stored after its beginning, seconds: 400 days.
pub(crate) const KEPT_SECONDS: i64 = 400 * 24 * 3600;
/// Prefix of the attribute names of reservations.
const RESERVATION_PREFIX: &str = "r~";

/// The token ledger.
#[derive(Debug, Clone)]
pub struct Ledger(Store);

impl Store {
    /// Returns access to the token ledger.
    pub fn ledger(&self) -> Ledger {
        Ledger(self.clone())
    }
}

/// The users, organizations, keys and chatbots whose limits a call counts against, and the limits.
#[derive(Debug, Clone)]
pub struct QuotaSubjects {
    /// The user who asks.
    pub user: UserId,
    /// The user's day.
    pub user_day: Day,
    /// The user's daily limit, in tokens.
    pub user_limit: u64,
    /// The user's request rate limit, if this is a question of theirs.
    pub user_request_limit: Option<RequestRateLimit>,
    /// The organization in which the user asks.
    pub org: OrgId,
    /// The organization's day.
    pub org_day: Day,
    /// The organization's daily limit, in tokens; `None` in a personal one, where only the user's limit applies.
    pub org_limit: Option<u64>,
    /// The terms under which packs of tokens are drawn beyond the organization's limit.
    pub org_overage: Option<OverageTerms>,
    /// The API key that asks.
    pub key: Option<ApiKeyId>,
    /// Budgets in tokens of the key and its ancestors, where they have one.
    pub key_budgets: Vec<(ApiKeyId, u64)>,
    /// The chatbot that answers.
    pub chatbot: Option<ChatbotId>,
    /// The chatbot's daily limit, in tokens.
    pub chatbot_cap: Option<u64>,
}

/// A counter that a call counts in.
struct Counter {
    scope: TokenScope,
    key: Key,
    limit: u64,
    resets_at: Option<Timestamp>,
    /// The day of the counter, if it is a day that is closed after its end.
    closes: Option<Day>,
    /// The shard to reserve in, if the day is split.
    shard: Option<u8>,
}

impl QuotaSubjects {
    /// The user's day comes first: it stores the reservation.
    fn counters(&self) -> Vec<Counter> {
        let day = |scope, key, limit, day: &Day, closes: bool| Counter {
            scope,
            key,
            limit,
            resets_at: Some(day.ends_at),
            closes: closes.then_some(*day),
            shard: None,
        };
        let user_day = keys::usage_day(&self.user, self.user_day.date);
        let mut counters = vec![day(TokenScope::User, user_day, self.user_limit, &self.user_day, true)];
        if let Some(limit) = self.org_limit {
            let key = keys::org_day(&self.org, self.org_day.date);
            counters.push(Counter {
                shard: shards::shard_of(&self.user, limit),
                ..day(TokenScope::Org, key, limit, &self.org_day, true)
            });
        }
        counters.extend(self.key_budgets.iter().map(|(id, limit)| Counter {
            scope: TokenScope::Key,
            key: keys::key_tokens(&self.org, id),
            limit: *limit,
            resets_at: None,
            closes: None,
            shard: None,
        }));
        if let (Some(id), Some(limit)) = (&self.chatbot, self.chatbot_cap) {
            let key = keys::chatbot_day(&self.org, id, self.org_day.date);
            counters.push(day(TokenScope::Chatbot, key, limit, &self.org_day, false));
        }
        counters
    }
}

/// The tokens that a call needs.
#[derive(Debug, Clone)]
pub struct TokenEstimate {
    /// The call.
    pub id: GenerationId,
    /// The requested model.
    pub model: String,
    /// What the call is for.
    pub category: Category,
    /// Estimated tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the prompt and of the longest answer.
    pub estimate: u64,
    /// The current time, in milliseconds.
    pub now_ms: i64,
    /// When any caller may settle the reservation, unless a checkpoint extends it.
    pub until: Timestamp,
}

/// The reservation for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The call.
    pub id: GenerationId,
    /// The user who asked.
    pub user: UserId,
    /// The user's day on which it is stored.
    pub day: Date,
    /// The stored part.
    pub terms: ReservationTerms,
}

/// The stored part of a [`Reservation`]. Its names are short because they are written with every call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationTerms {
    /// Reserved tokens.
    #[serde(rename = "e")]
    pub estimate: u64,
    /// Reserved tokens of the prompt.
    #[serde(rename = "p")]
    pub prompt: u64,
    /// When any caller may settle it, milliseconds. Checkpoints of a running call extend it.
    #[serde(rename = "u")]
    pub until_ms: i64,
    /// Tells an update that was sent twice from a call whose ID was used twice.
    #[serde(rename = "x")]
    nonce: String,
    /// The model.
    #[serde(rename = "m")]
    pub model: String,
    /// What the call is for.
    #[serde(rename = "c")]
    pub category: Category,
    /// Tokens generated by the last checkpoint.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub written: Option<u64>,
    /// The organization.
    #[serde(rename = "o")]
    pub org: OrgId,
    /// The organization's day, unless it is a personal one.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub org_day: Option<Date>,
    /// The shard of that day in which it is reserved; `None` for the day's own item.
    #[serde(rename = "ds", default, skip_serializing_if = "Option::is_none")]
    org_shard: Option<u8>,
    /// The API key.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ApiKeyId>,
    /// Whether the key has a budget.
    #[serde(rename = "kl", default, skip_serializing_if = "std::ops::Not::not")]
    key_counts: bool,
    /// The ancestors of the key that have a budget.
    #[serde(rename = "ka", default, skip_serializing_if = "Vec::is_empty")]
    keys_above: Vec<ApiKeyId>,
    /// The chatbot.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub chatbot: Option<ChatbotId>,
    /// The day of the chatbot's limit, if it has one.
    #[serde(rename = "bd", default, skip_serializing_if = "Option::is_none")]
    chatbot_day: Option<Date>,
}

impl Reservation {
    /// Returns the key of the item that stores it.
    fn key(&self) -> Key {
        keys::usage_day(&self.user, self.day)
    }

    fn attribute(&self) -> String {
        format!("{RESERVATION_PREFIX}{}", self.id)
    }

    /// Returns the day of the organization, if it counts there.
    fn org_counter(&self) -> Option<Key> {
        let terms = &self.terms;
        terms.org_day.map(|day| keys::org_day(&terms.org, day))
    }

    /// Returns the other counters it is part of, after the organization's.
    fn others(&self) -> Vec<Key> {
        let terms = &self.terms;
        let mut others = Vec::new();
        if let Some(key) = terms.key.as_ref().filter(|_| terms.key_counts) {
            others.push(keys::key_tokens(&terms.org, key));
        }
        others.extend(terms.keys_above.iter().map(|key| keys::key_tokens(&terms.org, key)));
        if let Some((bot, day)) = terms.chatbot.as_ref().zip(terms.chatbot_day) {
            others.push(keys::chatbot_day(&terms.org, bot, day));
        }
        others
    }

    /// Returns what is charged for a call that was never settled: the tokens of the last checkpoint, else all reserved
    /// tokens, since the provider may have been called.
    pub fn unsettled(&self) -> UsageRecord {
        let terms = &self.terms;
        let prompt = terms.prompt.min(terms.estimate);
        UsageRecord {
            counters: UsageCounters {
                requests: 1,
                errors: 1,
                prompt_tokens: prompt,
                completion_tokens: terms.written.unwrap_or(terms.estimate - prompt),
                unpriced: 1,
                estimated: 1,
                ..UsageCounters::default()
            },
            model: terms.model.clone(),
            latency_ms: None,
            first_token_ms: None,
        }
    }
}

/// A counter as it is stored.
#[derive(Debug, Default, Deserialize)]
struct Stored {
    #[serde(default)]
    used: u64,
    #[serde(default)]
    reserved: u64,
    /// Tokens of the packs that were drawn for the day.
    #[serde(default)]
    extra: u64,
}

impl Counter {
    fn standing(&self, item: Option<&Item>) -> Result<TokenLimit> {
        let stored: Stored = item.cloned().map(from_item).transpose()?.unwrap_or_default();
        Ok(TokenLimit {
            scope: self.scope,
            limit: self.limit.saturating_add(stored.extra),
            used: stored.used,
            reserved: stored.reserved,
            resets_at: self.resets_at,
        })
    }
}

/// Returns the reservations on a day of `user`.
fn reservations_on(user: &UserId, day: Date, item: &Item) -> Result<Vec<Reservation>> {
    let named = item
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(RESERVATION_PREFIX)?, value)));
    named
        .map(|(id, value)| {
            let terms = serde_dynamo::from_attribute_value(value.clone()).map_err(domain::Error::internal)?;
            Ok(Reservation {
                id: GenerationId(id.to_owned()),
                user: user.clone(),
                day,
                terms,
            })
        })
        .collect()
}

impl Ledger {
    /// Returns the usage of all limits that a call counts against.
    pub async fn standings(&self, subjects: &QuotaSubjects) -> Result<Vec<TokenLimit>> {
        let (counters, found) = self.counters_of(subjects).await?;
        let mut standings = Vec::with_capacity(counters.len());
        for counter in &counters {
            let item = found.iter().find(|item| change::is_at(item, &counter.key));
            standings.push(self.standing_of(counter, item).await?);
        }
        Ok(standings)
    }

    /// Returns the counters that a call counts in, and those of their items that exist.
    async fn counters_of(&self, subjects: &QuotaSubjects) -> Result<(Vec<Counter>, Vec<Item>)> {
        let counters = subjects.counters();
        let wanted: Vec<Key> = counters.iter().map(|counter| counter.key.clone()).collect();
        let found = self.0.usage().get_many(&wanted).await?;
        Ok((counters, found))
    }

    /// Returns the reservations on a day of a user.
    pub async fn reservations(&self, user: &UserId, day: Date) -> Result<Vec<Reservation>> {
        let item = self.0.usage().get_raw(keys::usage_day(user, day), true).await?;
        item.map_or(Ok(Vec::new()), |item| reservations_on(user, day, &item))
    }
}
