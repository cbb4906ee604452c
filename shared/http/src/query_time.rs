//! Times in a query: RFC 3339, or a date.

use std::time::Duration;

use domain::{Error, Result, Timestamp};
use jiff::{civil::Date, tz::TimeZone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IntoDeserializer as _, value::StrDeserializer},
};

const DAY: Duration = Duration::from_hours(24);

/// A time, or a whole day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryTime {
    begin: Timestamp,
    end: Timestamp,
}

impl QueryTime {
    /// Maximum number of days in `days`.
    pub const MAX_DAYS: u32 = 3_660;

    /// Returns the time itself, or the start of the day: the inclusive start of a period.
    pub fn begin(self) -> Timestamp {
        self.begin
    }

    /// Returns the time itself, or the end of the day: the exclusive end of a period.
    pub fn end(self) -> Timestamp {
        self.end
    }

    /// Returns the start of a period, which may be given as a number of days until `to`, or until `now`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `/days`.
    pub fn first(from: Option<Self>, to: Option<Self>, days: Option<u32>, now: Timestamp) -> Result<Option<Timestamp>> {
        let Some(days) = days else {
            return Ok(from.map(Self::begin));
        };
        if from.is_some() {
            return Err(Error::invalid("/days", "must be left out if `from` is given"));
        }
        if !(1..=Self::MAX_DAYS).contains(&days) {
            let detail = format!("must be between 1 and {}", Self::MAX_DAYS);
            return Err(Error::invalid("/days", detail));
        }
        let until = to.map_or(now, Self::end).as_millisecond();
        let millis = i64::try_from((DAY * days).as_millis()).unwrap_or(i64::MAX);
        let first = Timestamp::from_millisecond(until.saturating_sub(millis));
        Ok(Some(first.unwrap_or(Timestamp::UNIX_EPOCH)))
    }
}

impl<'de> Deserialize<'de> for QueryTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // A `+` before an offset becomes a space if a client does not encode it.
        let spelled = text.trim().replace(' ', "+");
        let time: StrDeserializer<'_, serde::de::value::Error> = spelled.as_str().into_deserializer();
        if let Ok(time) = Timestamp::deserialize(time) {
            return Ok(Self { begin: time, end: time });
        }
        let day = || {
            let date: Date = text.trim().parse().ok()?;
            let at = |date: Date| {
                let midnight = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
                Timestamp::from_millisecond(midnight.as_millisecond()).ok()
            };
            Some(Self {
                begin: at(date)?,
                end: at(date.tomorrow().ok()?)?,
            })
        };
        day().ok_or_else(|| D::Error::custom("must be a date or a time, such as 2026-11-24 or 2026-11-24T08:30:00Z"))
    }
}

impl JsonSchema for QueryTime {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "QueryTime".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "examples": ["2026-11-24", "2026-11-24T08:30:00Z"]})
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "an invalid time is the test's failure")]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, String)> {
        let time: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
        let time = QueryTime::deserialize(time).ok()?;
        let second = |time: Timestamp| time.as_second().to_string();
        Some((second(time.begin()), second(time.end())))
    }

    #[test]
    fn a_time_is_itself_and_a_date_a_whole_day() {
        let of = |begin: i64, end: i64| Some((begin.to_string(), end.to_string()));
        assert_eq!(read("2026-11-24T08:30:00Z"), of(1_795_509_000, 1_795_509_000));
        assert_eq!(read("2026-11-24T09:30:00+01:00"), of(1_795_509_000, 1_795_509_000));
        assert_eq!(read("2026-11-24T09:30:00 01:00"), of(1_795_509_000, 1_795_509_000));
        assert_eq!(read("2026-11-24"), of(1_795_478_400, 1_795_564_800));
        for wrong in ["", "today", "2026-13-01", "2026", "9999-12-31T", "1795509000"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_count_back_from_the_end_or_from_now() {
        let at = |seconds: i64| Timestamp::from_second(seconds).unwrap();
        let time = |seconds: i64| QueryTime {
            begin: at(seconds),
            end: at(seconds),
        };
        let (now, day) = (at(1_800_000_000), 24 * 3600);
        let first = |from, to, days| QueryTime::first(from, to, days, now);
        assert_eq!(first(None, None, None).unwrap(), None);
        assert_eq!(first(Some(time(5)), None, None).unwrap(), Some(at(5)));
        assert_eq!(first(None, None, Some(2)).unwrap(), Some(at(1_800_000_000 - 2 * day)));
        assert_eq!(first(None, Some(time(10 * day)), Some(1)).unwrap(), Some(at(9 * day)));
        assert!(first(Some(time(5)), None, Some(1)).is_err());
        assert!(first(None, None, Some(0)).is_err() && first(None, None, Some(u32::MAX)).is_err());
    }
}
