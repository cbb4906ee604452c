//! The clock. It is injected everywhere, so that tests and the local stack can advance it.

use std::{
    fmt,
    ops::Deref,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time with millisecond precision.
///
/// Formatted as RFC 3339 in UTC with exactly three fraction digits, so that times sort like their texts: the table
/// orders lists by the text, and clients compare texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(transparent)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// 1970-01-01T00:00:00.000Z.
    pub const UNIX_EPOCH: Self = Self(jiff::Timestamp::UNIX_EPOCH);
    /// The latest representable time.
    pub const MAX: Self = Self(jiff::Timestamp::MAX);
    /// The earliest representable time.
    pub const MIN: Self = Self(jiff::Timestamp::MIN);

    /// Returns the time `ms` milliseconds after the Unix epoch.
    ///
    /// # Errors
    /// Returns an error for times after the year 9999 or before the year -9999.
    pub fn from_millisecond(ms: i64) -> Result<Self, jiff::Error> {
        jiff::Timestamp::from_millisecond(ms).map(Self)
    }

    /// Returns the time `seconds` seconds after the Unix epoch.
    ///
    /// # Errors
    /// Returns an error for times after the year 9999 or before the year -9999.
    pub fn from_second(seconds: i64) -> Result<Self, jiff::Error> {
        jiff::Timestamp::from_second(seconds).map(Self)
    }

    /// Returns the duration since `earlier`; negative if `earlier` is later.
    pub fn duration_since(self, earlier: Self) -> jiff::SignedDuration {
        self.0.duration_since(earlier.0)
    }
}

impl From<jiff::Timestamp> for Timestamp {
    /// Truncates to milliseconds.
    fn from(at: jiff::Timestamp) -> Self {
        Self::from_millisecond(at.as_millisecond()).unwrap_or(Self(at))
    }
}

impl Deref for Timestamp {
    type Target = jiff::Timestamp;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>().map(Self::from)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        jiff::Timestamp::deserialize(deserializer).map(Self::from)
    }
}

/// Wall-clock time plus an offset that only the local stack and tests change. Clones share the offset.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Returns the current time, truncated to milliseconds so that stored and returned times are identical.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now_ms()).unwrap_or(Timestamp::MAX)
    }

    /// Returns the current time in milliseconds since the Unix epoch.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one clock that all others are derived from"
    )]
    pub fn now_ms(&self) -> i64 {
        jiff::Timestamp::now()
            .as_millisecond()
            .saturating_add(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Advances this clock and all its clones.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.offset_ms.fetch_add(by, Ordering::Relaxed);
    }
}

/// Returns `at + by`, saturating at the latest representable time.
pub fn after(at: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(at.as_millisecond().saturating_add(by)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_their_texts_do() {
        let times = [0, 1, 400, 412, 999, 1_000, 1_001, 60_000].map(|ms| Timestamp::from_millisecond(ms).unwrap());
        let texts: Vec<_> = times.iter().map(ToString::to_string).collect();
        assert!(texts.is_sorted());
        assert_eq!(texts[0], "1970-01-01T00:00:00.000Z");
        assert_eq!(
            serde_json::to_string(&times[2]).unwrap(),
            "\"1970-01-01T00:00:00.400Z\""
        );
    }

    #[test]
    fn what_is_read_is_cut_to_milliseconds() {
        let read: Timestamp = serde_json::from_str("\"2026-11-29T12:00:00.1239+01:00\"").unwrap();
        assert_eq!(read.to_string(), "2026-11-29T11:00:00.123Z");
    }
}
