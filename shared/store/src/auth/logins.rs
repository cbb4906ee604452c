//! Failed password attempts per account, and the networks from which users have signed in.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::{
    Network, Result, Timestamp,
    rate_limit::{FORGET, Guesses, KNOWN_FOR, Lane},
    time::after,
};

use crate::{
    Store, keys,
    table::item::{ITEM_MISSING, Item, conditional_once, from_item, n, to_item},
    tables,
};

/// Password attempts by account. An account is named by the fingerprint of the address that was typed, whether or not
/// an account has that address.
#[derive(Debug, Clone)]
pub struct Logins(Store);

/// The state that a password attempt meets.
#[derive(Debug)]
pub struct LoginStanding {
    /// The lane it is in.
    pub lane: Lane,
    /// The recorded attempts of that lane.
    pub guesses: Option<Guesses>,
    /// Whether the network has to be recorded (again) if the password is correct.
    pub is_news: bool,
}

impl Store {
    /// Returns access to password attempts.
    pub fn logins(&self) -> Logins {
        Logins(self.clone())
    }
}

impl Logins {
    /// Returns the state that an attempt from `network` meets, in one round trip.
    pub async fn standing(&self, account: &str, network: Option<&Network>, now: Timestamp) -> Result<LoginStanding> {
        let mut wanted = vec![
            keys::guesses(account, Lane::Stranger),
            keys::guesses(account, Lane::Known),
        ];
        wanted.extend(network.map(|network| keys::known_network(account, network)));
        let (mut stranger, mut known, mut seen_ms) = (None, None, None);
        for item in self.0.ephemeral().get_many(&wanted).await? {
            match item.get("sk").and_then(|sk| sk.as_s().ok()).map(String::as_str) {
                Some("A") => stranger = Some(from_item(item)?),
                Some("K") => known = Some(from_item(item)?),
                _ => seen_ms = number(&item, "seen_ms"),
            }
        }
        let seen = seen_ms.and_then(|at| Timestamp::from_millisecond(at).ok());
        let is_known = seen.is_some_and(|seen| now < after(seen, KNOWN_FOR));
        Ok(LoginStanding {
            lane: if is_known { Lane::Known } else { Lane::Stranger },
            guesses: if is_known { known } else { stranger },
            is_news: network.is_some() && seen.is_none_or(|seen| now >= after(seen, KNOWN_FOR / 3)),
        })
    }

    /// Returns the recorded attempts of a lane.
    pub async fn lane(&self, account: &str, lane: Lane) -> Result<Option<Guesses>> {
        self.0.ephemeral().get(keys::guesses(account, lane)).await
    }

    /// Moves a lane from `before` to `next`. Returns `false` if another attempt moved it first.
    pub async fn claim(&self, account: &str, lane: Lane, before: Option<&Guesses>, next: &Guesses) -> Result<bool> {
        let last = Timestamp::from_millisecond(next.last_ms).unwrap_or(Timestamp::MAX);
        let update = self
            .0
            .ephemeral()
            .update(&keys::guesses(account, lane))
            .update_expression("SET #count = :count, next_ms = :next, last_ms = :last, #ttl = :ttl")
            .expression_attribute_names("#count", "count")
            .expression_attribute_names("#ttl", tables::TTL)
            .expression_attribute_values(":count", n(next.count))
            .expression_attribute_values(":next", n(next.next_ms))
            .expression_attribute_values(":last", n(next.last_ms))
            .expression_attribute_values(":ttl", n(after(last, FORGET).as_second()));
        let update = match before {
            None => update.condition_expression(ITEM_MISSING),
            Some(before) => update
                .condition_expression("#count = :was_count AND next_ms = :was_next AND last_ms = :was_last")
                .expression_attribute_values(":was_count", n(before.count))
                .expression_attribute_values(":was_next", n(before.next_ms))
                .expression_attribute_values(":was_last", n(before.last_ms)),
        };
        Ok(conditional_once(update).await?.is_ok())
    }

    /// Takes a claim back because the password was correct: the lane is restored to `before`. If other attempts came
    /// since, it counts one less.
    pub async fn undo(&self, account: &str, lane: Lane, before: Option<&Guesses>, claimed: &Guesses) -> Result<()> {
        let restored = match before {
            Some(before) => self.claim(account, lane, Some(claimed), before).await?,
            None => self.forget(account, lane, claimed).await?,
        };
        if !restored {
            let one_less = self
                .0
                .ephemeral()
                .update(&keys::guesses(account, lane))
                .update_expression("SET #count = #count - :one")
                .condition_expression("#count >= :one")
                .expression_attribute_names("#count", "count")
                .expression_attribute_values(":one", n(1));
            // In doubt and overtaken it counts two less; the password was correct, so that is harmless.
            conditional_once(one_less).await?.ok();
        }
        Ok(())
    }

    async fn forget(&self, account: &str, lane: Lane, claimed: &Guesses) -> Result<bool> {
        // An empty lane is one without attempts: deleting would need a condition on its content just the same.
        let empty = self
            .0
            .ephemeral()
            .update(&keys::guesses(account, lane))
            .update_expression("SET #count = :zero, next_ms = :zero")
            .condition_expression("#count = :count AND next_ms = :next AND last_ms = :last")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":count", n(claimed.count))
            .expression_attribute_values(":next", n(claimed.next_ms))
            .expression_attribute_values(":last", n(claimed.last_ms));
        Ok(conditional_once(empty).await?.is_ok())
    }

    /// Records that a user signed in from `network`.
    pub async fn know(&self, account: &str, network: &Network, now: Timestamp) -> Result<()> {
        self.0.ephemeral().put(marker(account, network, now)?).await
    }

    /// Returns the same write as a part of a transaction.
    pub(crate) fn marker(&self, account: &str, network: &Network, now: Timestamp) -> Result<TransactWriteItem> {
        self.0.ephemeral().part_put(marker(account, network, now)?)
    }
}

fn marker(account: &str, network: &Network, now: Timestamp) -> Result<Item> {
    #[derive(serde::Serialize)]
    struct Marker {
        seen_ms: i64,
        ttl: i64,
    }
    let marker = Marker {
        seen_ms: now.as_millisecond(),
        ttl: after(now, KNOWN_FOR).as_second(),
    };
    to_item(&keys::known_network(account, network), &marker)
}

fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name).map(AttributeValue::as_n)?.ok()?.parse().ok()
}
