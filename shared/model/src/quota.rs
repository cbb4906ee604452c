//! The daily limit of a user, in LLM tokens, and the day it is counted in.

use jiff::{civil::Date, tz::TimeZone};

use crate::{Error, Result, Timestamp, UserId};

/// A day in some time zone: the period key of counters. A new day is a new key, so nothing has to be reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Its date there.
    pub date: Date,
    /// When it began.
    pub began_at: Timestamp,
    /// When the next one begins.
    pub ends_at: Timestamp,
}

impl Day {
    /// The day that `now` is in, in the IANA time zone `zone`.
    ///
    /// # Errors
    /// [`Error::Internal`] for a zone nobody knows: zones are checked before they are stored.
    pub fn of(now: Timestamp, zone: &str) -> Result<Self> {
        let zone = TimeZone::get(zone).map_err(Error::internal)?;
        let start = now.to_zoned(zone).start_of_day().map_err(Error::internal)?;
        let next = start.tomorrow().and_then(|next| next.start_of_day());
        Ok(Self {
            date: start.date(),
            began_at: start.timestamp().into(),
            ends_at: next.map_err(Error::internal)?.timestamp().into(),
        })
    }
}

/// What a user may use in a day, and has used today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Whose.
    pub user: UserId,
    /// Most LLM tokens in a day.
    pub daily_limit: u64,
    /// LLM tokens used today.
    pub used_today: u64,
    /// When today began: the counter is 0 at every beginning.
    pub last_reset: Timestamp,
}

impl Quota {
    /// The limit of a user for whom none was set, under a plan that allows an organization `plan` tokens a day: who
    /// works in a large organization is not held to less than the organization is.
    pub fn default_limit(plan: u64) -> u64 {
        Self::DEFAULT_DAILY_LIMIT.max(plan)
    }

    /// The least limit of a user for whom none was set.
    pub const DEFAULT_DAILY_LIMIT: u64 = 10_000;
    /// Highest limit that can be set: sums of it stay far from the end of a number in the table.
    pub const MAX_DAILY_LIMIT: u64 = 1_000_000_000_000;
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]
mod tests {
    use super::*;

    fn day(now: &str, zone: &str) -> (String, String) {
        let day = Day::of(now.parse().unwrap(), zone).unwrap();
        (day.date.to_string(), day.began_at.to_string())
    }

    #[test]
    fn a_day_ends_where_the_next_one_begins() {
        let zone = "America/Sao_Paulo";
        for now in ["2018-11-03T12:00:00Z", "2018-11-04T12:00:00Z", "2019-02-16T12:00:00Z"] {
            let today = Day::of(now.parse().unwrap(), zone).unwrap();
            let next = Day::of(today.ends_at, zone).unwrap();
            assert_eq!(
                (next.began_at, next.date),
                (today.ends_at, today.date.tomorrow().unwrap())
            );
        }
    }

    #[test]
    fn the_day_is_that_of_the_time_zone() {
        assert_eq!(
            day("2026-11-24T23:30:00Z", "UTC"),
            ("2026-11-24".into(), "2026-11-24T00:00:00.000Z".into())
        );
        assert_eq!(
            day("2026-11-24T23:30:00Z", "Asia/Tokyo"),
            ("2026-11-25".into(), "2026-11-24T15:00:00.000Z".into())
        );
        // The clock went from 00:00 to 01:00: this day has no midnight.
        assert_eq!(
            day("2018-11-04T12:00:00Z", "America/Sao_Paulo"),
            ("2018-11-04".into(), "2018-11-04T03:00:00.000Z".into())
        );
        assert!(Day::of(Timestamp::UNIX_EPOCH, "Mars/Olympus").is_err());
    }
}
