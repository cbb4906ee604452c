//! The daily limit of a user, in LLM tokens, and the day it is counted in.

use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{Error, Result, Timestamp, UserId};

/// A day in some time zone: the period key of counters. A new day is a new key, so nothing has to be reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// [`Error::Internal`] for a zone no one knows: zones are checked before they are stored.
    pub fn of(now: Timestamp, zone: &str) -> Result<Self> {
        let zone = TimeZone::get(zone).map_err(Error::internal)?;
        let date = now.to_zoned(zone.clone()).date();
        Self::on(date, &zone)
    }

    /// The day that `now` is in, where the time zone was changed to `zone` on the day `pinned`: that day keeps its end,
    /// and the next ones are those of `zone`. No date comes twice and none comes before the end of the one before, so
    /// no one gets a second day by moving: the first day in the new zone is shorter or longer instead.
    ///
    /// # Errors
    /// As [`Day::of`].
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
            // A person who moves every few hours: (zone, day of the last move), and the days that they see.
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
        // The clock went from 00:00 to 01:00: this day has no midnight.
        assert_eq!(
            day("2018-11-04T12:00:00Z", "America/Sao_Paulo"),
            ("2018-11-04".into(), "2018-11-04T03:00:00.000Z".into())
        );
        assert!(Day::of(Timestamp::UNIX_EPOCH, "Mars/Olympus").is_err());
    }
}
