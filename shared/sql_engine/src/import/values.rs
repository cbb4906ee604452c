//! How the values of a column are written, and what they are in a database.
//!
//! A column has a type only if all of its values have it. Whatever could lose something stays text: numbers with
//! leading zeros, dates of which day and month cannot be told apart.

use jiff::civil::Date;
use rusqlite::types::Value;

use crate::ColumnType;

/// Longest whole number that an `INTEGER` always holds, in digits.
const MAX_DIGITS: usize = 18;

/// How the values of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnFormat {
    Text,
    Boolean,
    Integer,
    /// Digits in groups, and what divides the fraction from them.
    Decimal {
        group: Option<char>,
        mark: char,
    },
    /// `2026-11-30`.
    IsoDate,
    /// `30.11.2026`, `30/11/2026` or `30-11-2026`.
    DayFirst,
    /// `11/30/2026`.
    MonthFirst,
    /// `2026-11-30 18:05` with seconds and fractions or without.
    Datetime,
}

/// What the values of a column may still be.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one for each format")]
pub(super) struct FormatGuess {
    is_any: bool,
    boolean: bool,
    integer: bool,
    point: bool,
    comma: bool,
    point_groups: bool,
    comma_groups: bool,
    iso_date: bool,
    day_first: bool,
    month_first: bool,
    datetime: bool,
}

impl Default for FormatGuess {
    fn default() -> Self {
        Self {
            is_any: false,
            boolean: true,
            integer: true,
            point: true,
            comma: true,
            point_groups: true,
            comma_groups: true,
            iso_date: true,
            day_first: true,
            month_first: true,
            datetime: true,
        }
    }
}

impl FormatGuess {
    /// Takes a value into account. An empty one is a missing one.
    pub(super) fn note(&mut self, value: &str) {
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        self.is_any = true;
        self.boolean &= boolean(value).is_some();
        self.integer &= integer(value).is_some();
        self.point &= decimal(value, None, '.').is_some();
        self.comma &= decimal(value, None, ',').is_some();
        // `1,234.5` and `1.234,5`: also without a fraction or a group.
        self.comma_groups &= decimal(value, Some(','), '.').is_some();
        self.point_groups &= decimal(value, Some('.'), ',').is_some();
        self.iso_date &= iso_date(value).is_some();
        self.day_first &= numbers_date(value, true).is_some();
        self.month_first &= numbers_date(value, false).is_some();
        self.datetime &= datetime(value).is_some();
    }

    /// Returns whether some value can only be read with a comma as the decimal mark.
    pub(super) fn has_decimal_comma(&self) -> bool {
        self.is_any && !self.integer && (self.comma || self.point_groups) && !self.point && !self.comma_groups
    }

    /// Returns which of day and month is first in the dates of this column; `None` if they do not tell.
    pub(super) fn day_is_first(&self) -> Option<bool> {
        (self.is_any && self.day_first != self.month_first).then_some(self.day_first)
    }

    /// Returns the format. `has_decimal_comma` and `day_first`: what the other columns of the file show.
    pub(super) fn format(&self, has_decimal_comma: bool, day_first: Option<bool>) -> ColumnFormat {
        let decimal = |group, mark| ColumnFormat::Decimal { group, mark };
        match self {
            Self { is_any: false, .. } => ColumnFormat::Text,
            Self { boolean: true, .. } => ColumnFormat::Boolean,
            Self { integer: true, .. } => ColumnFormat::Integer,
            Self { iso_date: true, .. } => ColumnFormat::IsoDate,
            Self { datetime: true, .. } => ColumnFormat::Datetime,
            Self {
                day_first: true,
                month_first: true,
                ..
            } => match day_first {
                Some(true) => ColumnFormat::DayFirst,
                Some(false) => ColumnFormat::MonthFirst,
                None => ColumnFormat::Text,
            },
            Self { day_first: true, .. } => ColumnFormat::DayFirst,
            Self { month_first: true, .. } => ColumnFormat::MonthFirst,
            // `1.234` is one and a bit, or more than a thousand.
            Self {
                point: true,
                point_groups: true,
                ..
            } if has_decimal_comma => decimal(Some('.'), ','),
            Self {
                comma: true,
                comma_groups: true,
                ..
            } if has_decimal_comma => decimal(None, ','),
            Self { point: true, .. } => decimal(None, '.'),
            Self { comma_groups: true, .. } => decimal(Some(','), '.'),
            Self { comma: true, .. } => decimal(None, ','),
            Self { point_groups: true, .. } => decimal(Some('.'), ','),
            _ => ColumnFormat::Text,
        }
    }
}

impl ColumnFormat {
    pub(super) fn column_type(self) -> ColumnType {
        match self {
            Self::Text => ColumnType::Text,
            Self::Boolean => ColumnType::Boolean,
            Self::Integer => ColumnType::Integer,
            Self::Decimal { .. } => ColumnType::Real,
            Self::IsoDate | Self::DayFirst | Self::MonthFirst => ColumnType::Date,
            Self::Datetime => ColumnType::Datetime,
        }
    }

    /// Returns a value of the column as it is stored.
    pub(super) fn value(self, text: &str) -> Value {
        let plain = text.trim();
        if plain.is_empty() {
            return Value::Null;
        }
        let found = match self {
            Self::Text => None,
            Self::Boolean => boolean(plain).map(|is_true| Value::Integer(is_true.into())),
            Self::Integer => integer(plain).map(Value::Integer),
            Self::Decimal { group, mark } => decimal(plain, group, mark).map(Value::Real),
            Self::IsoDate => iso_date(plain).map(|date| Value::Text(date.to_string())),
            Self::DayFirst => numbers_date(plain, true).map(|date| Value::Text(date.to_string())),
            Self::MonthFirst => numbers_date(plain, false).map(|date| Value::Text(date.to_string())),
            Self::Datetime => datetime(plain).map(Value::Text),
        };
        found.unwrap_or_else(|| Value::Text(text.to_owned()))
    }
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A number without leading zeros, which codes and telephone numbers have.
fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number =
        !digits.is_empty() && digits.len() <= MAX_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

fn decimal(text: &str, group: Option<char>, mark: char) -> Option<f64> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned
        .split_once(mark)
        .map_or((unsigned, None), |(whole, fraction)| (whole, Some(fraction)));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !fraction.is_none_or(is_digits) {
        return None;
    }
    let groups: Vec<&str> = match group {
        Some(group) => whole.split(group).collect(),
        None => vec![whole],
    };
    let (first, rest) = groups.split_first()?;
    let is_first = is_digits(first) && (first.len() == 1 || !first.starts_with('0'));
    if !is_first || (!rest.is_empty() && first.len() > 3) || !rest.iter().all(|part| part.len() == 3 && is_digits(part))
    {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let number: f64 = format!("{sign}{}.{}", groups.concat(), fraction.unwrap_or("0"))
        .parse()
        .ok()?;
    number.is_finite().then_some(number)
}

fn iso_date(text: &str) -> Option<Date> {
    let has_form = text.len() == 10 && text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(7) == Some(&b'-');
    has_form.then(|| text.parse().ok()).flatten()
}

/// A date whose year is last.
fn numbers_date(text: &str, day_first: bool) -> Option<Date> {
    let mark = text.chars().find(|character| !character.is_ascii_digit())?;
    if !['.', '/', '-'].contains(&mark) {
        return None;
    }
    let parts: Vec<&str> = text.split(mark).collect();
    let [one, two, year] = parts.as_slice() else {
        return None;
    };
    if year.len() != 4 || one.len() > 2 || two.len() > 2 {
        return None;
    }
    let (day, month) = if day_first { (one, two) } else { (two, one) };
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Returns a moment as `2026-11-30 18:05:00`, in UTC if it says its offset. The fraction of a second is left out.
fn datetime(text: &str) -> Option<String> {
    let separator = *text.as_bytes().get(10)?;
    if !text.is_ascii() || !(separator == b' ' || separator == b'T') {
        return None;
    }
    iso_date(&text[..10])?;
    let shown = |moment: jiff::civil::DateTime| moment.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let iso = format!("{}T{}", &text[..10], &text[11..]);
    if let Ok(moment) = iso.parse::<jiff::Timestamp>() {
        return Some(shown(moment.to_zoned(jiff::tz::TimeZone::UTC).datetime()));
    }
    iso.parse().ok().map(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format_of(values: &[&str]) -> ColumnFormat {
        let mut guess = FormatGuess::default();
        for value in values {
            guess.note(value);
        }
        guess.format(guess.has_decimal_comma(), guess.day_is_first())
    }

    fn stored(values: &[&str]) -> Vec<Value> {
        let format = format_of(values);
        values.iter().map(|value| format.value(value)).collect()
    }

    #[test]
    fn a_number_with_leading_zeros_stays_text() {
        assert_eq!(format_of(&["01067", "80331"]), ColumnFormat::Text);
        assert_eq!(format_of(&["0", "12", "-3"]), ColumnFormat::Integer);
        assert_eq!(
            format_of(&["0.5", "12"]),
            ColumnFormat::Decimal { group: None, mark: '.' }
        );
        assert_eq!(
            format_of(&["1234567890123456789012"]),
            ColumnFormat::Decimal { group: None, mark: '.' }
        );
    }

    #[test]
    fn a_column_of_mixed_values_stays_text() {
        assert_eq!(format_of(&["1", "two"]), ColumnFormat::Text);
        assert_eq!(format_of(&["2026-11-30", "soon"]), ColumnFormat::Text);
        assert_eq!(format_of(&["true", "1"]), ColumnFormat::Text);
        assert_eq!(
            stored(&["1", "two"]),
            [Value::Text("1".into()), Value::Text("two".into())]
        );
    }

    #[test]
    fn an_empty_value_is_missing() {
        assert_eq!(stored(&["1", " "]), [Value::Integer(1), Value::Null]);
        assert_eq!(format_of(&["", ""]), ColumnFormat::Text);
    }

    #[test]
    fn decimal_marks_and_groups_are_told_apart() {
        assert_eq!(stored(&["1,50", "20,00"]), [Value::Real(1.5), Value::Real(20.0)]);
        assert_eq!(stored(&["1.234,50", "2,00"]), [Value::Real(1234.5), Value::Real(2.0)]);
        assert_eq!(stored(&["1,234.50", "2.00"]), [Value::Real(1234.5), Value::Real(2.0)]);
        assert_eq!(
            stored(&["1,234", "12,500"]),
            [Value::Real(1234.0), Value::Real(12500.0)]
        );
        // A file that uses decimal commas elsewhere.
        let mut guess = FormatGuess::default();
        guess.note("1,234");
        assert_eq!(guess.format(true, None).value("1,234"), Value::Real(1.234));
    }

    #[test]
    fn dates_are_stored_by_year_month_and_day() {
        assert_eq!(
            stored(&["30.11.2026", "1.2.2026"]),
            [Value::Text("2026-11-30".into()), Value::Text("2026-02-01".into())]
        );
        assert_eq!(format_of(&["11/30/2026", "02/01/2026"]), ColumnFormat::MonthFirst);
        // Nothing tells day and month apart.
        assert_eq!(format_of(&["01/02/2026", "03/04/2026"]), ColumnFormat::Text);
        assert_eq!(format_of(&["2026-02-30"]), ColumnFormat::Text);
    }

    #[test]
    fn moments_are_stored_in_one_form() {
        assert_eq!(
            stored(&["2026-11-30T18:05:00Z", "2026-11-30 18:05", "2026-11-30T20:05:00+02:00"]),
            [const { "2026-11-30 18:05:00" }; 3].map(|text| Value::Text(text.to_owned()))
        );
    }
}
