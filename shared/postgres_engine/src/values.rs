//! Values as PostgreSQL sends them, as JSON.

use std::fmt::Write as _;

use serde_json::{Number, Value};
use sql_engine::ColumnType;
use tokio_postgres::types::{FromSql, Kind, Type};

use crate::statements::Cast;

/// Numbers with more digits are texts: a `f64` has no more than this, exactly.
const EXACT_DIGITS: usize = 15;
/// Days from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
const EPOCH_DAYS: i64 = 10_957;
const MICROSECONDS_OF_DAY: i64 = 86_400_000_000;

/// The bytes of a value, whatever its type.
pub(crate) struct Raw<'a>(pub(crate) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, bytes: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(bytes))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Returns how a column of this type has to be sent to be understood here.
pub(crate) fn cast_of(of: &Type) -> Cast {
    match of.kind() {
        Kind::Array(_) => Cast::Json,
        Kind::Enum(_) => Cast::None,
        Kind::Simple if is_known(of) => Cast::None,
        _ => Cast::Text,
    }
}

fn is_known(of: &Type) -> bool {
    matches!(
        *of,
        Type::BOOL
            | Type::INT2
            | Type::INT4
            | Type::INT8
            | Type::OID
            | Type::FLOAT4
            | Type::FLOAT8
            | Type::NUMERIC
            | Type::TEXT
            | Type::VARCHAR
            | Type::BPCHAR
            | Type::NAME
            | Type::UNKNOWN
            | Type::UUID
            | Type::JSON
            | Type::JSONB
            | Type::DATE
            | Type::TIMESTAMP
            | Type::TIMESTAMPTZ
            | Type::BYTEA
    )
}

/// Returns the type of a column as the product names it. That of `numeric` depends on its values too.
pub(crate) fn column_type(of: &Type) -> ColumnType {
    match *of {
        Type::BOOL => ColumnType::Boolean,
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => ColumnType::Integer,
        Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => ColumnType::Real,
        Type::DATE => ColumnType::Date,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => ColumnType::Datetime,
        Type::BYTEA => ColumnType::Blob,
        _ => match of.kind() {
            Kind::Array(_) => ColumnType::Unknown,
            _ => ColumnType::Text,
        },
    }
}

/// Returns a value, and its size as JSON, roughly. `None` if the bytes are none of this type.
pub(crate) fn shown(of: &Type, cast: Cast, bytes: &[u8]) -> Option<(Value, usize)> {
    if cast == Cast::Json {
        let value = serde_json::from_slice(bytes).unwrap_or_else(|_| text(bytes));
        return Some((value, bytes.len()));
    }
    if cast == Cast::Text {
        return Some((text(bytes), bytes.len() + 2));
    }
    let value = match *of {
        Type::BOOL => Value::Bool(bytes.first().is_some_and(|byte| *byte != 0)),
        Type::INT2 => i16::from_be_bytes(bytes.try_into().ok()?).into(),
        Type::INT4 => i32::from_be_bytes(bytes.try_into().ok()?).into(),
        Type::INT8 => i64::from_be_bytes(bytes.try_into().ok()?).into(),
        Type::OID => u32::from_be_bytes(bytes.try_into().ok()?).into(),
        Type::FLOAT4 => {
            // By its shortest digits: 0.1, not 0.10000000149.
            let number = f32::from_be_bytes(bytes.try_into().ok()?);
            real(number.to_string().parse().ok()?)
        }
        Type::FLOAT8 => real(f64::from_be_bytes(bytes.try_into().ok()?)),
        Type::NUMERIC => number(numeric(bytes)?),
        Type::UUID => uuid(bytes)?.into(),
        Type::JSONB => text(bytes.strip_prefix(&[1])?),
        Type::DATE => date(i32::from_be_bytes(bytes.try_into().ok()?)).into(),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => moment(i64::from_be_bytes(bytes.try_into().ok()?)).into(),
        Type::BYTEA => hex(bytes).into(),
        _ => text(bytes),
    };
    let size = match &value {
        Value::String(text) => text.len() + 2,
        _ => 12,
    };
    Some((value, size))
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into()
}

/// JSON has no infinite numbers.
fn real(number: f64) -> Value {
    let unlike_any = || {
        let name = if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        name.into()
    };
    Number::from_f64(number).map_or_else(unlike_any, Value::Number)
}

/// Returns a decimal number as a number if that is exact, else as text.
fn number(digits: String) -> Value {
    let count = digits
        .trim_start_matches(['-', '0', '.'])
        .bytes()
        .filter(u8::is_ascii_digit)
        .count();
    if let Ok(whole) = digits.parse::<i64>() {
        return whole.into();
    }
    if count <= EXACT_DIGITS
        && let Some(number) = digits.parse().ok().and_then(Number::from_f64)
    {
        return Value::Number(number);
    }
    digits.into()
}

/// Reads `numeric`: the number of its groups of four digits, the weight of the first, the sign, the digits that are
/// shown after the point, and the groups
/// (<https://github.com/postgres/postgres/blob/REL_17_STABLE/src/backend/utils/adt/numeric.c>, `numeric_send`).
pub(crate) fn numeric(bytes: &[u8]) -> Option<String> {
    let mut words = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let mut next = || words.next();
    let (count, weight, sign, scale) = (next()?, next()?.cast_signed(), next()?, next()?);
    match sign {
        0xC000 => return Some("NaN".to_owned()),
        0xD000 => return Some("Infinity".to_owned()),
        0xF000 => return Some("-Infinity".to_owned()),
        _ => {}
    }
    let groups: Vec<u16> = words.by_ref().take(count.into()).collect();
    if groups.len() != usize::from(count) {
        return None;
    }
    let group = |place: i32| {
        let index = i32::from(weight) - place;
        usize::try_from(index)
            .ok()
            .and_then(|index| groups.get(index))
            .copied()
            .unwrap_or(0)
    };
    let mut digits = String::new();
    for place in (0..=i32::from(weight).max(0)).rev() {
        let _ = write!(digits, "{:04}", group(place));
    }
    let whole = digits.trim_start_matches('0');
    let mut shown = if whole.is_empty() {
        "0".to_owned()
    } else {
        whole.to_owned()
    };
    if scale > 0 {
        let mut fraction = String::new();
        let mut place = -1;
        while fraction.len() < usize::from(scale) {
            let _ = write!(fraction, "{:04}", group(place));
            place -= 1;
        }
        fraction.truncate(scale.into());
        shown.push('.');
        shown.push_str(&fraction);
    }
    if sign == 0x4000 {
        shown.insert(0, '-');
    }
    Some(shown)
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let digits = hex(bytes);
    let parts = [
        digits.get(..8)?,
        digits.get(8..12)?,
        digits.get(12..16)?,
        digits.get(16..20)?,
        digits.get(20..32)?,
    ];
    Some(parts.join("-"))
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        hex.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
    }
    hex
}

/// Returns a day of PostgreSQL's calendar, which is longer than that of most libraries.
fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        days => day(i64::from(days) + EPOCH_DAYS),
    }
}

/// Returns a moment in UTC.
fn moment(microseconds: i64) -> String {
    match microseconds {
        i64::MAX => return "infinity".to_owned(),
        i64::MIN => return "-infinity".to_owned(),
        _ => {}
    }
    let (days, rest) = (
        microseconds.div_euclid(MICROSECONDS_OF_DAY),
        microseconds.rem_euclid(MICROSECONDS_OF_DAY),
    );
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let date = day(days + EPOCH_DAYS);
    let (date, era) = date
        .strip_suffix(" BC")
        .map_or((date.as_str(), ""), |date| (date, " BC"));
    let mut shown = format!("{date} {hours:02}:{minutes:02}:{seconds:02}");
    if fraction > 0 {
        shown.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    shown + era
}

/// Returns the day so many days after 1970-01-01 (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>).
fn day(since: i64) -> String {
    let shifted = since + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if year > 0 {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{:04}-{month:02}-{day:02} BC", 1 - year)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn decimal_numbers_are_exact() {
        for (words, expected) in [
            (&[0, 0, 0, 0][..], "0"),
            (&[0, 0, 0, 2], "0.00"),
            (&[1, 0, 0, 0, 42], "42"),
            (&[2, 0, 0x4000, 2, 7, 2500], "-7.25"),
            (&[1, 0xFFFF, 0, 4, 1], "0.0001"),
            (&[1, 0xFFFE, 0, 6, 100], "0.000001"),
            (&[2, 1, 0, 0, 1, 2345], "12345"),
            (&[1, 1, 0, 1, 12], "120000.0"),
            (&[0, 0, 0xC000, 0], "NaN"),
        ] {
            assert_eq!(numeric(&sent(words)).as_deref(), Some(expected), "{words:?}");
        }
        assert_eq!(numeric(&sent(&[3, 0, 0, 0, 1])), None);
    }

    #[test]
    fn a_number_that_would_lose_digits_is_a_text() {
        assert_eq!(number("1234.50".to_owned()), json!(1234.5));
        assert_eq!(number("9007199254740993".to_owned()), json!(9_007_199_254_740_993_i64));
        assert_eq!(number("12345678901234567.25".to_owned()), json!("12345678901234567.25"));
        assert_eq!(number("99999999999999999999".to_owned()), json!("99999999999999999999"));
        assert_eq!(number("NaN".to_owned()), json!("NaN"));
    }

    #[test]
    fn days_and_moments_are_written_as_the_database_writes_them() {
        for (days, expected) in [
            (0, "2000-01-01"),
            (-1, "1999-12-31"),
            (9_830, "2026-11-30"),
            (-730_119, "0001-01-01"),
            (-730_120, "0001-12-31 BC"),
            (i32::MAX, "infinity"),
        ] {
            assert_eq!(date(days), expected);
        }
        assert_eq!(moment(0), "2000-01-01 00:00:00");
        assert_eq!(moment(-1), "1999-12-31 23:59:59.999999");
        assert_eq!(moment(1_500_000), "2000-01-01 00:00:01.5");
    }

    #[test]
    fn values_are_typed() {
        let of = |of: &Type, bytes: &[u8]| shown(of, cast_of(of), bytes).map(|(value, _)| value);
        assert_eq!(of(&Type::BOOL, &[1]), Some(json!(true)));
        assert_eq!(of(&Type::INT4, &[0, 0, 1, 0]), Some(json!(256)));
        assert_eq!(of(&Type::INT4, &[0]), None);
        assert_eq!(of(&Type::FLOAT4, &0.1_f32.to_be_bytes()), Some(json!(0.1)));
        assert_eq!(of(&Type::FLOAT8, &f64::INFINITY.to_be_bytes()), Some(json!("Infinity")));
        assert_eq!(of(&Type::BYTEA, &[0, 255]), Some(json!("00ff")));
        assert_eq!(of(&Type::JSONB, b"\x01{\"a\": 1}"), Some(json!("{\"a\": 1}")));
        assert_eq!(of(&Type::INT4_ARRAY, b"[1,2]"), Some(json!([1, 2])));
        assert_eq!(of(&Type::INTERVAL, b"1 day"), Some(json!("1 day")));
        let id = [
            0x01, 0xa2, 0x2b, 0x48, 0xcc, 0x5e, 0x70, 0x00, 0x90, 0xc1, 0x2e, 0x18, 0x60, 0x40, 0x4a, 0x19,
        ];
        assert_eq!(
            of(&Type::UUID, &id),
            Some(json!("01a22b48-cc5e-7000-90c1-2e1860404a19"))
        );
    }
}
