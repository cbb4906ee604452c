//! The rate of a user's questions, counted in the write that reserves: a leaky bucket on the user's day, like those of
//! [`crate::rate_limits`]. The first question of a day takes over the bucket of the day before.

use std::time::Duration;

use domain::{Error, Result, rate_limit::Bucket};

use super::{Ledger, QuotaSubjects, change::Change};
use crate::{
    keys,
    rate_limits::{millis, room},
    table::item::{Item, n},
};

/// How many questions a minute a user may ask in all organizations of a plan.
#[derive(Debug, Clone, Copy)]
pub struct RequestRateLimit {
    /// Name of the plan.
    pub plan: &'static str,
    /// Questions per minute.
    pub per_minute: u32,
    /// Whether it is not the plan's but was set for an organization.
    pub is_override: bool,
}

impl RequestRateLimit {
    fn bucket(self) -> Bucket {
        Bucket::per_minute(self.per_minute)
    }

    /// Returns when the bucket of an item is empty again, milliseconds.
    fn time_of(self, item: Option<&Item>) -> Option<i64> {
        item?.get(&self.attribute())?.as_n().ok()?.parse().ok()
    }

    /// Returns the name of its bucket. Limits of their own are not counted together with the plan's.
    pub fn name(self) -> String {
        if self.is_override {
            format!("{}.{}", self.plan, self.per_minute)
        } else {
            self.plan.to_owned()
        }
    }

    fn attribute(self) -> String {
        format!("pace.{}", self.name())
    }
}

/// One more question in a bucket. A refused write reveals how full the bucket is, so the first attempt assumes it
/// empty.
pub(super) struct Question {
    limit: RequestRateLimit,
    now_ms: i64,
    level: Level,
}

enum Level {
    /// The bucket exists and is empty.
    Empty,
    /// The bucket is not empty.
    Filled,
    /// The bucket does not exist yet, and is empty again at this moment.
    Absent(i64),
}

impl Question {
    pub(super) fn new(limit: RequestRateLimit, now_ms: i64) -> Self {
        Self {
            limit,
            now_ms,
            level: Level::Empty,
        }
    }

    /// Returns the latest moment at which the bucket may be empty again for one more question to fit.
    fn fits_until(&self) -> i64 {
        let bucket = self.limit.bucket();
        self.now_ms + millis(bucket.interval) * (i64::from(bucket.burst) - 1)
    }

    /// Adds the question to the bucket of a day, on the condition that the day is as assumed.
    pub(super) fn count(&self, change: &mut Change) {
        let (name, interval) = (self.limit.attribute(), millis(self.limit.bucket().interval));
        match self.level {
            Level::Empty => {
                change.set(&name, n(self.now_ms + interval));
                change.if_between(&name, 0, self.now_ms);
            }
            Level::Filled => {
                change.add(&name, interval);
                change.if_between(&name, self.now_ms + 1, self.fits_until());
            }
            Level::Absent(empty_at) => {
                change.set(&name, n(empty_at.max(self.now_ms) + interval));
                change.if_absent(&name);
            }
        }
    }

    /// Updates the assumption from the day as it is. Returns how long to wait if nothing fits into the bucket.
    fn found(&mut self, day: Option<&Item>, day_before: Option<&Item>) -> Result<(), Duration> {
        let empty_at = self.limit.time_of(day);
        self.level = match empty_at {
            None => Level::Absent(self.limit.time_of(day_before).unwrap_or(self.now_ms)),
            Some(empty_at) if empty_at > self.now_ms => Level::Filled,
            Some(_) => Level::Empty,
        };
        let empty_at = match self.level {
            Level::Absent(empty_at) => empty_at,
            Level::Filled | Level::Empty => empty_at.unwrap_or(self.now_ms),
        };
        match empty_at - self.fits_until() {
            wait if wait > 0 => Err(Duration::from_millis(wait.unsigned_abs())),
            _ => Ok(()),
        }
    }
}

impl Ledger {
    /// Updates the assumption of a question from the day that refused it.
    pub(super) async fn found(
        &self,
        question: &mut Question,
        subjects: &QuotaSubjects,
        day: Option<&Item>,
    ) -> Result<Result<(), Duration>> {
        let before = if question.limit.time_of(day).is_some() {
            None
        } else {
            let before = subjects.user_day.date.yesterday().map_err(Error::internal)?;
            let before = keys::usage_day(&subjects.user, before);
            self.0.usage().get_raw(before, true).await?
        };
        Ok(question.found(day, before.as_ref()))
    }

    /// Returns how many questions a user may ask now, and how long to wait until the next one. Counts nothing.
    pub async fn request_rate(
        &self,
        subjects: &QuotaSubjects,
        limit: RequestRateLimit,
        now_ms: i64,
    ) -> Result<(u32, Duration)> {
        let date = subjects.user_day.date;
        let days = [date, date.yesterday().map_err(Error::internal)?];
        let wanted = days.map(|date| keys::usage_day(&subjects.user, date));
        let found = self.0.usage().get_many(&wanted).await?;
        let at = |key: &keys::Key| found.iter().find(|item| super::change::is_at(item, key));
        let empty_at = wanted.iter().find_map(|key| limit.time_of(at(key)));
        Ok(room(empty_at, limit.bucket(), now_ms))
    }
}
