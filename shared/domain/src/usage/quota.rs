//! The daily quota of a user, in LLM tokens, and the day it is counted in.

use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{Error, Result, Timestamp, UserId};

/// A day in a time zone: the period key of counters. A new day is a new key, so nothing has to be reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Its date in that time zone.
    pub date: Date,
    /// When it started.
    pub began_at: Timestamp,
    /// When the next day starts.
    pub ends_at: Timestamp,
}

impl Day {
    /// Returns the day of `now` in the IANA time zone `zone`.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] for an unknown zone: zones are checked before they are stored.
    pub fn of(now: Timestamp, zone: &str) -> Result<Self> {
        let zone = TimeZone::get(zone).map_err(Error::internal)?;
        let date = now.to_zoned(zone.clone()).date();
        Self::on(date, &zone)
    }

    /// Returns the day of `now` after the time zone was changed to `zone` on the day `pinned`. That day ends as
    /// planned, and later days are those of `zone`. No date occurs twice and none starts before the previous one ends,
    /// so changing zones never yields a second day: the first day in the new zone is shorter or longer instead.
    ///
    /// # Errors
    /// Returns the errors of [`Day::of`].
    pub fn after_change(now: Timestamp, zone: &str, pinned: &Self) -> Result<Self> {
        if now < pinned.ends_at {
            return Ok(*pinned);
        }
        let zone = TimeZone::get(zone).map_err(Error::internal)?;
        let first = pinned.date.tomorrow().map_err(Error::internal)?;
        let day = Self::on(now.to_zoned(zone.clone()).date().max(first), &zone)?;
        Ok(Self {
            began_at: if day.date == first {
                pinned.ends_at
            } else {
                day.began_at.max(pinned.ends_at)
            },
            ..day
        })
    }

    fn on(date: Date, zone: &TimeZone) -> Result<Self> {
        let starts = |date: Date| date.to_zoned(zone.clone()).map(|start| start.timestamp().into());
        let next = date.tomorrow().map_err(Error::internal)?;
        Ok(Self {
            date,
            began_at: starts(date).map_err(Error::internal)?,
            ends_at: starts(next).map_err(Error::internal)?,
        })
    }
}

/// The tokens a user can use per day, and has used today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// The user.
    pub user: UserId,
    /// Maximum number of LLM tokens per day.
    pub daily_limit: u64,
    /// LLM tokens used today.
    pub used_today: u64,
    /// When today started; the counter starts at 0 each day.
    pub last_reset: Timestamp,
}

impl Quota {
    /// Returns the default limit of a user under a plan that allows an organization `plan` tokens per day. A member of
    /// a large organization is not limited to less than the organization itself.
    pub fn default_limit(plan: u64) -> u64 {
        Self::DEFAULT_DAILY_LIMIT.max(plan)
    }

    /// Minimum of the default limit.
    pub const DEFAULT_DAILY_LIMIT: u64 = 10_000;
    /// Maximum limit that can be set, which keeps sums far below the largest number the table can hold.
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
    fn a_change_of_the_time_zone_gives_no_second_day() {
        let zones = [
            "UTC",
            "Asia/Tokyo",
            "America/Los_Angeles",
            "Pacific/Kiritimati",
            "Etc/GMT+12",
            "Europe/Berlin",
        ];
        let hour = |number: i64| Timestamp::from_second(1_790_000_000 + number * 3600).unwrap();
        for every in [1, 5, 7, 11, 24, 31, 50] {
            // A user who changes zones every few hours: (zone, day of the last change), and the days that they see.
            let (mut zone, mut pinned, mut days) = ("UTC", None, Vec::<Day>::new());
            let at = |now, zone: &str, pinned: Option<&Day>| match pinned {
                Some(pinned) => Day::after_change(now, zone, pinned).unwrap(),
                None => Day::of(now, zone).unwrap(),
            };
            for number in 0..24 * 40 {
                let now = hour(number);
                let today = at(now, zone, pinned.as_ref());
                assert!(today.began_at <= now && now < today.ends_at, "{today:?} at {now}");
                match days.last() {
                    Some(last) if last.date == today.date => assert_eq!(*last, today, "a day is always the same"),
                    Some(last) => assert!(
                        last.date < today.date && last.ends_at <= today.began_at,
                        "{last:?} before {today:?}"
                    ),
                    None => {}
                }
                if days.last() != Some(&today) {
                    days.push(today);
                }
                if number % every == 0 {
                    pinned = Some(today);
                    zone = zones[usize::try_from(number / every).unwrap() % zones.len()];
                }
            }
            assert!(
                (38..=42).contains(&days.len()),
                "{} days in 40, moving every {every} h",
                days.len()
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
        // The clock moved from 00:00 to 01:00, so this day has no midnight.
        assert_eq!(
            day("2018-11-04T12:00:00Z", "America/Sao_Paulo"),
            ("2018-11-04".into(), "2018-11-04T03:00:00.000Z".into())
        );
        assert!(Day::of(Timestamp::UNIX_EPOCH, "Mars/Olympus").is_err());
    }
}
