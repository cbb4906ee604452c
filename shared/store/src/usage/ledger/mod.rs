//! The ledger of tokens: reserve before a call, settle after it.
//!
//! A question is counted in its person's bucket of questions a minute in the same write ([`request_rate`]).
//!
//! A counter is an item with `used`, `reserved` and `committed`, their sum. Whoever reserves adds to `committed` only
//! while the sum stays within the limit, which comes with the call: limits are not part of the counters, so a changed
//! limit changes none of them.
//!
//! What is reserved stands once, on the day of the person who asked (`r~{id}`), and names the other counters it is
//! part of: organization, API key, chatbot. The day of a large organization is split over [`shards`]. They change with it in one transaction, or in one plain update when the
//! person's day is the only counter, as in a personal organization without budgets. Settling removes the reservation
//! and charges all counters, so doing it twice does nothing the second time; it always charges the day in which was
//! reserved. Statistics are counted in the same write ([`statistics`]).

mod change;
mod days;
mod request_rate;
mod reserve;
mod rollup;
mod settle;
mod shards;
mod statistics;

use domain::{
    ApiKeyId, Category, ChatbotId, Day, GenerationId, OrgId, Result, Timestamp, TokenLimit, TokenScope, UsageCounters,
    UserId,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub(crate) use change::Change;
pub use days::{Alert, OpenDay, Owner, RunningDays};
pub use request_rate::RequestRateLimit;
pub use reserve::Reserve;
pub use rollup::{Changed, DayImage, RolledUp};
pub use settle::UsageRecord;
pub use statistics::{IsKnownModel, UsageReader};

use crate::{
    Store,
    keys::{self, Key},
    table::item::{Item, from_item},
};

/// How long a day is kept after its beginning, seconds: 400 days.
pub(crate) const KEPT_SECONDS: i64 = 400 * 24 * 3600;
/// Beginning of the names of reservations.
const HOLD: &str = "r~";

/// The ledger of tokens.
#[derive(Debug, Clone)]
pub struct Ledger(Store);

impl Store {
    /// The ledger of tokens.
    pub fn ledger(&self) -> Ledger {
        Ledger(self.clone())
    }
}

/// Whose limits a call counts against, and what they are.
#[derive(Debug, Clone)]
pub struct QuotaSubjects {
    /// Who asks.
    pub user: UserId,
    /// Their day.
    pub user_day: Day,
    /// Most tokens of theirs in a day.
    pub user_limit: u64,
    /// How fast they may ask, when this is a question of theirs.
    pub user_pace: Option<RequestRateLimit>,
    /// Where they ask.
    pub org: OrgId,
    /// The day there.
    pub org_day: Day,
    /// Most tokens of the organization in a day; none in a personal one, where the person's limit is the only one.
    pub org_limit: Option<u64>,
    /// The API key that asks.
    pub key: Option<ApiKeyId>,
    /// Most tokens in all, of the key and of those above it, where they have a budget.
    pub key_budgets: Vec<(ApiKeyId, u64)>,
    /// The chatbot that answers.
    pub chatbot: Option<ChatbotId>,
    /// Most tokens of the chatbot in a day.
    pub chatbot_cap: Option<u64>,
}

/// A counter that a call counts in.
struct Counter {
    scope: TokenScope,
    key: Key,
    limit: u64,
    resets_at: Option<Timestamp>,
    /// The day that the counter is for, if it is one that is closed in the end.
    closes: Option<Day>,
    /// The shard of it in which to reserve, if it is split.
    shard: Option<u8>,
}

impl QuotaSubjects {
    /// The person's day comes first: the reservation stands there.
    fn counters(&self) -> Vec<Counter> {
        let day = |scope, key, limit, day: &Day, closes: bool| Counter {
            scope,
            key,
            limit,
            resets_at: Some(day.ends_at),
            closes: closes.then_some(*day),
            shard: None,
        };
        let home = keys::usage_day(&self.user, self.user_day.date);
        let mut counters = vec![day(TokenScope::User, home, self.user_limit, &self.user_day, true)];
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

/// What a call needs.
#[derive(Debug, Clone)]
pub struct TokenEstimate {
    /// The call.
    pub id: GenerationId,
    /// The model that is asked.
    pub model: String,
    /// What for.
    pub category: Category,
    /// Tokens of the prompt, as estimated.
    pub prompt: u64,
    /// Tokens of the prompt and of the longest answer.
    pub estimate: u64,
    /// Now, in milliseconds.
    pub now_ms: i64,
    /// When the reservation may be settled by anybody, unless the call says meanwhile that it goes on.
    pub until: Timestamp,
}

/// What is reserved for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The call.
    pub id: GenerationId,
    /// Who asked.
    pub user: UserId,
    /// Their day in which was reserved.
    pub day: Date,
    /// The stored part.
    pub terms: ReservationTerms,
}

/// The stored part of a [`Reservation`]. Its names are short because they are written with every call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationTerms {
    /// Tokens that are reserved.
    #[serde(rename = "e")]
    pub estimate: u64,
    /// Those of them that are the prompt's.
    #[serde(rename = "p")]
    pub prompt: u64,
    /// When anybody may settle it, milliseconds. A call that goes on moves it on.
    #[serde(rename = "u")]
    pub until_ms: i64,
    /// Tells an update that was sent twice from a call whose id was used twice.
    #[serde(rename = "x")]
    nonce: String,
    /// The model.
    #[serde(rename = "m")]
    pub model: String,
    /// What for.
    #[serde(rename = "c")]
    pub category: Category,
    /// Tokens that were written when somebody last looked.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub written: Option<u64>,
    /// The organization.
    #[serde(rename = "o")]
    pub org: OrgId,
    /// Its day, unless it is a personal one.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub org_day: Option<Date>,
    /// The shard of that day in which it is reserved; none for the day's own item.
    #[serde(rename = "ds", default, skip_serializing_if = "Option::is_none")]
    org_shard: Option<u8>,
    /// The API key.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ApiKeyId>,
    /// Whether the key has a budget.
    #[serde(rename = "kl", default, skip_serializing_if = "std::ops::Not::not")]
    key_counts: bool,
    /// The keys above it that have a budget.
    #[serde(rename = "ka", default, skip_serializing_if = "Vec::is_empty")]
    keys_above: Vec<ApiKeyId>,
    /// The chatbot.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub chatbot: Option<ChatbotId>,
    /// The day in which the chatbot's limit counts, if it has one.
    #[serde(rename = "bd", default, skip_serializing_if = "Option::is_none")]
    chatbot_day: Option<Date>,
}

impl Reservation {
    /// Where it stands.
    fn home(&self) -> Key {
        keys::usage_day(&self.user, self.day)
    }

    fn attribute(&self) -> String {
        format!("{HOLD}{}", self.id)
    }

    /// The day of the organization, if it counts there.
    fn org_counter(&self) -> Option<Key> {
        let terms = &self.terms;
        terms.org_day.map(|day| keys::org_day(&terms.org, day))
    }

    /// The other counters it is part of, behind the organization's.
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

    /// What is charged for a call that nobody settled: what was written as far as it was seen, else all that is
    /// reserved, since the provider may have been asked for it.
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
}

impl Counter {
    fn standing(&self, item: Option<&Item>) -> Result<TokenLimit> {
        let stored: Stored = item.cloned().map(from_item).transpose()?.unwrap_or_default();
        Ok(TokenLimit {
            scope: self.scope,
            limit: self.limit,
            used: stored.used,
            reserved: stored.reserved,
            resets_at: self.resets_at,
        })
    }
}

/// The reservations on a day of `user`.
fn holds_on(user: &UserId, day: Date, item: &Item) -> Result<Vec<Reservation>> {
    let named = item
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(HOLD)?, value)));
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
    /// Where the limits of a bill stand.
    pub async fn standings(&self, subjects: &QuotaSubjects) -> Result<Vec<TokenLimit>> {
        let (counters, found) = self.counters_of(subjects).await?;
        let mut standings = Vec::with_capacity(counters.len());
        for counter in &counters {
            let item = found.iter().find(|item| change::is_at(item, &counter.key));
            standings.push(self.standing_of(counter, item).await?);
        }
        Ok(standings)
    }

    /// The counters of a bill, and their items as far as there are any.
    async fn counters_of(&self, subjects: &QuotaSubjects) -> Result<(Vec<Counter>, Vec<Item>)> {
        let counters = subjects.counters();
        let wanted: Vec<Key> = counters.iter().map(|counter| counter.key.clone()).collect();
        let found = self.0.usage().get_many(&wanted).await?;
        Ok((counters, found))
    }

    /// The reservations on a day of a person.
    pub async fn reservations(&self, user: &UserId, day: Date) -> Result<Vec<Reservation>> {
        let item = self.0.usage().get_raw(keys::usage_day(user, day), true).await?;
        item.map_or(Ok(Vec::new()), |item| holds_on(user, day, &item))
    }
}
