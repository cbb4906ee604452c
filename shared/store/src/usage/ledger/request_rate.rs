//! How fast a person asks, counted in the write that reserves: a bucket on their day that empties steadily, as those of
//! [`crate::rate_limits`] do. The first question of a day takes on what the day before has of it.

use std::time::Duration;

use domain::{Error, Result, rate_limit::Bucket};

use super::{Ledger, QuotaSubjects, change::Change};
use crate::{
    keys,
    rate_limits::{millis, room},
    table::item::{Item, n},
};

/// How many questions a minute a person may ask in all organizations of a plan.
#[derive(Debug, Clone, Copy)]
pub struct RequestRateLimit {
    /// Name of the plan.
    pub plan: &'static str,
    /// The questions.
    pub per_minute: u32,
}

impl RequestRateLimit {
    fn bucket(self) -> Bucket {
        Bucket::per_minute(self.per_minute)
    }

    /// When the bucket is empty again, as an item says, milliseconds.
    fn time_of(self, item: Option<&Item>) -> Option<i64> {
        item?.get(&self.attribute())?.as_n().ok()?.parse().ok()
    }

    fn attribute(self) -> String {
        format!("pace.{}", self.plan)
    }
}

/// One question more in a bucket. How full that is shows when the write is refused, so it is tried as if it were empty.
pub(super) struct Question {
    limit: RequestRateLimit,
    now_ms: i64,
    level: Level,
}

enum Level {
    /// The bucket is there, and empty.
    Empty,
    /// It is not empty.
    Filled,
    /// It is not there yet, and empty again at this moment.
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

    /// The latest moment at which the bucket may be empty again for one more to fit.
    fn fits_until(&self) -> i64 {
        let bucket = self.limit.bucket();
        self.now_ms + millis(bucket.interval) * (i64::from(bucket.burst) - 1)
    }

    /// Puts it into the bucket of a day, if the day is as it is thought to be.
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

    /// Takes note of the day as it is; answers how long to wait when nothing fits into the bucket.
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
    /// Has a question take note of the day that refused it.
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

    /// How many questions a person may ask now, and how long to wait until they may ask one. Nothing is counted.
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
