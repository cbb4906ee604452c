//! Leaky buckets of failures: the generic cell rate algorithm, stored as the time at which the bucket will be empty
//! again.

use std::time::Duration;

use domain::{Result, Timestamp, rate_limit::Bucket};

use crate::{
    Store,
    keys::Key,
    table::item::{Item, conditional_once, n},
    tables,
};

/// Buckets in the table of ephemeral data.
#[derive(Debug, Clone)]
pub struct RateLimits(Store);

impl Store {
    /// Returns access to the buckets.
    pub fn rate_limits(&self) -> RateLimits {
        RateLimits(self.clone())
    }
}

impl RateLimits {
    /// Adds one to a bucket, or returns how long to wait until it fits: one write, two if the bucket is not empty.
    pub async fn check(&self, key: &Key, bucket: Bucket, now: Timestamp) -> Result<Result<(), Duration>> {
        self.put(key, bucket, millis(bucket.interval), now).await
    }

    /// Costs the same as [`RateLimits::check`], and leaves the bucket as it is.
    pub async fn touch(&self, key: &Key, bucket: Bucket, now: Timestamp) -> Result<()> {
        self.put(key, bucket, 0, now).await.map(|_| ())
    }

    async fn put(&self, key: &Key, bucket: Bucket, amount: i64, now: Timestamp) -> Result<Result<(), Duration>> {
        let now_ms = now.as_millisecond();
        let fits_until = now_ms + millis(bucket.interval) * (i64::from(bucket.burst) - 1);
        loop {
            let empty = self
                .0
                .ephemeral()
                .update(key)
                .update_expression("SET tat = :new, #ttl = :ttl")
                .condition_expression("attribute_not_exists(tat) OR tat <= :now")
                .expression_attribute_names("#ttl", tables::TTL)
                .expression_attribute_values(":now", n(now_ms))
                .expression_attribute_values(":new", n(now_ms + amount))
                .expression_attribute_values(":ttl", n(ttl_after(fits_until)));
            let Err(there) = conditional_once(empty).await? else {
                return Ok(Ok(()));
            };
            // Without a time the bucket is empty: it was removed in between.
            let Some(tat) = there.as_ref().and_then(time_of) else {
                continue;
            };
            if tat > fits_until {
                return Ok(Err(Duration::from_millis((tat - fits_until).unsigned_abs())));
            }
            let more = self
                .0
                .ephemeral()
                .update(key)
                .update_expression("SET tat = tat + :amount, #ttl = :ttl")
                .condition_expression("tat > :now AND tat <= :fits")
                .expression_attribute_names("#ttl", tables::TTL)
                .expression_attribute_values(":now", n(now_ms))
                .expression_attribute_values(":fits", n(fits_until))
                .expression_attribute_values(":amount", n(amount))
                .expression_attribute_values(":ttl", n(ttl_after(fits_until)));
            if conditional_once(more).await?.is_ok() {
                return Ok(Ok(()));
            }
            // Other requests filled it in between; read it again.
        }
    }

    /// Returns how many fit into a bucket now, and how long to wait until one does. Adds nothing.
    pub async fn peek(&self, key: &Key, bucket: Bucket, now: Timestamp) -> Result<(u32, Duration)> {
        let item = self.0.ephemeral().get_raw(key.clone(), false).await?;
        let tat = item.as_ref().and_then(time_of);
        Ok(room(tat, bucket, now.as_millisecond()))
    }

    /// Removes one again: it was not a failure after all.
    pub async fn give_back(&self, key: &Key, bucket: Bucket) -> Result<()> {
        let less = self
            .0
            .ephemeral()
            .update(key)
            .update_expression("SET tat = tat - :interval")
            .condition_expression("attribute_exists(tat)")
            .expression_attribute_values(":interval", n(millis(bucket.interval)));
        conditional_once(less).await.map(|_| ())
    }
}

/// Returns when a bucket is empty again, in milliseconds.
fn time_of(item: &Item) -> Option<i64> {
    item.get("tat")?.as_n().ok()?.parse().ok()
}

/// Returns how many fit into a bucket that is empty again at `tat` (milliseconds), and how long to wait until one does.
pub(crate) fn room(tat: Option<i64>, bucket: Bucket, now_ms: i64) -> (u32, Duration) {
    let interval = millis(bucket.interval).max(1);
    let tat = tat.unwrap_or(now_ms).max(now_ms);
    let room = now_ms + interval * i64::from(bucket.burst) - tat;
    let wait = (interval - room).max(0).unsigned_abs();
    (u32::try_from(room / interval).unwrap_or(0), Duration::from_millis(wait))
}

/// Returns when TTL may remove an item, in seconds: an hour after it has no effect any more.
fn ttl_after(end_ms: i64) -> i64 {
    end_ms / 1000 + 3600
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
