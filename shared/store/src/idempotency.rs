//! Stored responses to requests with an `Idempotency-Key`.

use std::time::Duration;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use domain::{Clock, Error, Result, time::after};
use sha2::{Digest as _, Sha256};

use crate::{
    Store, keys,
    table::item::{Conditional, Item, conditional, n, s, send_put, transact},
    tables,
};

/// How long a response is stored.
pub(crate) const RETENTION: Duration = Duration::from_hours(24);
/// How long a request holds its key without a sign of life; after that another request with the same key may take over.
/// A request that is still running renews the lease with [`Idempotency::extend`].
pub(crate) const LEASE: Duration = Duration::from_secs(150);

/// Identifies the request that a client repeats.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    /// The owner of the key: keys of different callers never collide.
    pub scope: String,
    /// Method and concrete path.
    pub route: String,
    /// The key that the client sent.
    pub key: String,
    /// Unique ID of this request, by which it recognizes its own claim.
    pub holder: String,
}

impl IdempotencyKey {
    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for part in [&self.scope, &self.route, &self.key] {
            // The length prefix keeps ("a", "bc") and ("ab", "c") apart.
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part.as_bytes());
        }
        hex::encode(digest.finalize())
    }
}

/// A stored response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers to replay.
    pub headers: Vec<(String, String)>,
    /// The body; encrypted by the caller of this module.
    pub body: Vec<u8>,
}

/// What an idempotency key means for the request that carries it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// First use: execute, then call [`Idempotency::finish`] or [`Idempotency::abandon`].
    Fresh,
    /// Already executed: replay this response.
    Replay(StoredAnswer),
    /// The key was used with a different body.
    Mismatch,
    /// The first request with this key is still running.
    Running,
}

/// Stored responses.
#[derive(Debug, Clone)]
pub struct Idempotency {
    store: Store,
    clock: Clock,
}

impl Store {
    /// Returns access to the stored responses; `clock` tells the time.
    pub fn idempotency(&self, clock: &Clock) -> Idempotency {
        Idempotency {
            store: self.clone(),
            clock: clock.clone(),
        }
    }
}

impl Idempotency {
    /// Claims `key` for a request whose body has `fingerprint`, or returns why it cannot be claimed.
    pub async fn begin(&self, key: &IdempotencyKey, fingerprint: &str) -> Result<Begun> {
        let now = self.clock.now_ms();
        let until = |by: Duration| now.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        let holder = &key.holder;
        let key = keys::idempotency(&key.digest());
        let put = self
            .store
            .db
            .put_item()
            .table_name(&self.store.tables().ephemeral)
            .item("pk", s(&key.pk))
            .item("sk", s(&key.sk))
            .item("fingerprint", s(fingerprint))
            .item("holder", s(holder))
            .item("expires_ms", n(until(RETENTION)))
            .item("lease_ms", n(until(LEASE)))
            .item(tables::TTL, n(until(RETENTION) / 1000))
            .condition_expression(
                "attribute_not_exists(pk) OR expires_ms < :now OR (attribute_not_exists(answered) AND lease_ms < :now)",
            )
            .expression_attribute_values(":now", n(now));
        let (existing, in_doubt) = match send_put(put).await? {
            Conditional::Held(_) => return Ok(Begun::Fresh),
            Conditional::Failed { item, in_doubt } => (item.unwrap_or_default(), in_doubt),
        };
        // No other request can take the claim before its lease ends.
        if in_doubt && existing.get("holder") == Some(&s(holder)) {
            return Ok(Begun::Fresh);
        }
        if existing.get("fingerprint") != Some(&s(fingerprint)) {
            return Ok(Begun::Mismatch);
        }
        if !existing.contains_key("answered") {
            return Ok(Begun::Running);
        }
        parse(&existing)
            .map(Begun::Replay)
            .ok_or_else(|| Error::internal("a stored response cannot be read"))
    }

    /// Stores the response.
    pub async fn finish(&self, key: &IdempotencyKey, answer: &StoredAnswer) -> Result<()> {
        let headers = answer
            .headers
            .iter()
            .flat_map(|(name, value)| [s(name), s(value)])
            .collect();
        let update = self
            .store
            .ephemeral()
            .update(&keys::idempotency(&key.digest()))
            .update_expression("SET answered = :status, headers = :headers, body = :body")
            .condition_expression("holder = :holder AND attribute_not_exists(answered)")
            .expression_attribute_values(":holder", s(&key.holder))
            .expression_attribute_values(":status", n(answer.status))
            .expression_attribute_values(":headers", AttributeValue::L(headers))
            .expression_attribute_values(":body", AttributeValue::B(Blob::new(answer.body.clone())));
        conditional(update).await.map(|_| ())
    }

    /// Renews the lease of a request that is still running, unless another request has taken the key.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn extend(&self, key: &IdempotencyKey) -> Result<()> {
        let until = after(self.clock.now(), LEASE).as_millisecond();
        let update = self
            .store
            .ephemeral()
            .update(&keys::idempotency(&key.digest()))
            .update_expression("SET lease_ms = :until")
            .condition_expression("holder = :holder AND attribute_not_exists(answered)")
            .expression_attribute_values(":holder", s(&key.holder))
            .expression_attribute_values(":until", n(until));
        conditional(update).await.map(|_| ())
    }

    /// Frees the key, unless another request has taken it: the request failed in a way that is worth retrying.
    pub async fn abandon(&self, key: &IdempotencyKey) -> Result<()> {
        let held = Some(("holder", s(&key.holder)));
        let table = self.store.ephemeral();
        let part = table.part_delete(&keys::idempotency(&key.digest()), held)?;
        transact(&self.store.db, vec![part]).await.map(|_| ())
    }
}

fn parse(item: &Item) -> Option<StoredAnswer> {
    let headers: Vec<String> = item
        .get("headers")?
        .as_l()
        .ok()?
        .iter()
        .filter_map(|v| v.as_s().ok().cloned())
        .collect();
    Some(StoredAnswer {
        status: item.get("answered")?.as_n().ok()?.parse().ok()?,
        headers: headers
            .chunks_exact(2)
            .map(|pair| (pair[0].clone(), pair[1].clone()))
            .collect(),
        body: item.get("body")?.as_b().ok()?.as_ref().to_vec(),
    })
}
