//! Numbers and dates as Excel shows them (number formats, ISO/IEC 29500-1, 18.8.31).

use std::fmt::Write as _;

/// Excel shows at most this many digits of a number without a format.
const GENERAL_DIGITS: usize = 11;
const MAX_DECIMALS: usize = 30;
/// 9999-12-31, the last day of Excel.
const LAST_DAY: f64 = 2_958_466.0;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
];

/// Returns a number in a format such as `#,##0.00 "€"`; a date if the format is one.
pub(super) fn number(number: f64, format: &str, is_1904: bool) -> String {
    if format.is_empty() {
        return general(number);
    }
    let sections: Vec<Vec<Token>> = sections(format);
    // Positive; negative; zero.
    let (section, value) = match sections.as_slice() {
        [_, negative, ..] if number < 0.0 => (negative, number.abs()),
        [_, _, zero, ..] if number == 0.0 => (zero, number),
        [first, ..] => (first, number),
        [] => return general(number),
    };
    let is_date = section
        .iter()
        .any(|token| matches!(token, Token::Date(..) | Token::Elapsed(_)));
    if is_date && (0.0..LAST_DAY).contains(&value) {
        return date(value, section, is_1904).trim().to_owned();
    }
    let has_digits = section.iter().any(|token| matches!(token, Token::Digit(_)));
    if is_date || !has_digits {
        // `General "pieces"`, text, or a section that hides the number.
        if section.iter().any(|token| matches!(token, Token::General)) || is_date {
            return around(section, &general(value));
        }
        return around(section, "");
    }
    decimal(value, section).trim().to_owned()
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// `0`, `#` or `?`.
    Digit(char),
    Point,
    Comma,
    Percent,
    /// `E+`
    Exponent,
    /// A letter of a date and how often it is repeated: `yyyy`.
    Date(char, usize),
    /// `[h]`
    Elapsed(char),
    /// `AM/PM`
    HalfDay,
    Literal(String),
    General,
}

/// Divides a format at its semicolons, and each part into tokens.
fn sections(format: &str) -> Vec<Vec<Token>> {
    let mut sections = vec![Vec::new()];
    let mut chars = format.chars().peekable();
    let mut rest = format;
    while let Some(c) = chars.next() {
        let Some(tokens) = sections.last_mut() else { break };
        let lower = c.to_ascii_lowercase();
        match lower {
            ';' => sections.push(Vec::new()),
            '0' | '#' | '?' => tokens.push(Token::Digit(c)),
            '.' => tokens.push(Token::Point),
            ',' => tokens.push(Token::Comma),
            '%' => tokens.push(Token::Percent),
            '"' => tokens.push(Token::Literal(chars.by_ref().take_while(|c| *c != '"').collect())),
            '\\' => tokens.extend(chars.next().map(|c| Token::Literal(c.to_string()))),
            // The width of a character, and one that fills the cell.
            '_' => {
                chars.next();
                tokens.push(Token::Literal(" ".to_owned()));
            }
            '*' => {
                chars.next();
            }
            '@' => tokens.push(Token::General),
            '[' => tokens.extend(bracket(&chars.by_ref().take_while(|c| *c != ']').collect::<String>())),
            'e' if matches!(chars.peek(), Some('+' | '-')) => {
                chars.next();
                tokens.push(Token::Exponent);
            }
            'a' if starts_with(rest, "am/pm") || starts_with(rest, "a/p") => {
                for _ in 1..if starts_with(rest, "am/pm") { 5 } else { 3 } {
                    chars.next();
                }
                tokens.push(Token::HalfDay);
            }
            'g' if starts_with(rest, "general") => {
                for _ in 1..7 {
                    chars.next();
                }
                tokens.push(Token::General);
            }
            'y' | 'm' | 'd' | 'h' | 's' => {
                let mut count = 1;
                while chars.next_if(|next| next.to_ascii_lowercase() == lower).is_some() {
                    count += 1;
                }
                tokens.push(Token::Date(lower, count));
            }
            _ => tokens.push(Token::Literal(c.to_string())),
        }
        let left: usize = chars.clone().map(char::len_utf8).sum();
        rest = format.get(format.len() - left..).unwrap_or_default();
    }
    sections
}

fn starts_with(text: &str, word: &str) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// `[$€-407]` is a currency, `[h]` elapsed time; colors, conditions and countries are not shown.
fn bracket(content: &str) -> Option<Token> {
    if let Some(currency) = content.strip_prefix('$') {
        let sign = currency.split('-').next().unwrap_or_default();
        return Some(Token::Literal(sign.to_owned())).filter(|_| !sign.is_empty());
    }
    let first = content.chars().next()?.to_ascii_lowercase();
    let is_elapsed = matches!(first, 'h' | 'm' | 's') && content.chars().all(|c| c.to_ascii_lowercase() == first);
    is_elapsed.then_some(Token::Elapsed(first))
}

/// Returns a number without a format: up to 11 digits, in powers of ten if it is very large or small.
fn general(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-9..1e15).contains(&size) {
        return format!("{number:E}");
    }
    let before = format!("{size:.0}").len();
    let decimals = GENERAL_DIGITS.saturating_sub(before);
    let text = format!("{number:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn literals(tokens: &[Token]) -> String {
    let literal = |token: &Token| match token {
        Token::Literal(text) => text.clone(),
        Token::Percent => "%".to_owned(),
        _ => String::new(),
    };
    tokens.iter().map(literal).collect()
}

/// Returns the literal text of a section around a value.
fn around(section: &[Token], value: &str) -> String {
    let at = section
        .iter()
        .position(|token| *token == Token::General)
        .unwrap_or(section.len());
    let (before, after) = section.split_at(at);
    [literals(before).as_str(), value, literals(after).as_str()]
        .concat()
        .trim()
        .to_owned()
}

fn decimal(value: f64, section: &[Token]) -> String {
    let is_digit = |token: &Token| matches!(token, Token::Digit(_));
    let first = section.iter().position(is_digit).unwrap_or(0);
    let last = section.iter().rposition(is_digit).unwrap_or(0);
    let exponent = section.iter().position(|token| *token == Token::Exponent);
    let mantissa = &section[first..exponent.unwrap_or(last + 1).max(first)];
    let percent = section.iter().filter(|token| **token == Token::Percent).count().min(2);
    let thousands = section[last..]
        .iter()
        .skip(1)
        .take_while(|token| **token == Token::Comma)
        .count()
        .min(5);
    let scale =
        100_f64.powi(i32::try_from(percent).unwrap_or(0)) / 1000_f64.powi(i32::try_from(thousands).unwrap_or(0));
    let value = value * scale;
    let point = mantissa
        .iter()
        .position(|token| *token == Token::Point)
        .unwrap_or(mantissa.len());
    let (whole, fraction) = mantissa.split_at(point);
    let count = |tokens: &[Token], wanted: fn(char) -> bool| {
        tokens
            .iter()
            .filter(|token| matches!(token, Token::Digit(c) if wanted(*c)))
            .count()
    };
    let decimals = count(fraction, |_| true).min(MAX_DECIMALS);
    let required = count(fraction, |c| c == '0').min(decimals);
    let digits = if exponent.is_some() {
        let text = format!("{value:.decimals$E}");
        let (number, power) = text.split_once('E').unwrap_or((&text, "0"));
        let sign = if power.starts_with('-') { "-" } else { "+" };
        format!("{number}E{sign}{:0>2}", power.trim_start_matches('-'))
    } else {
        let text = format!("{value:.decimals$}");
        let text = trim_fraction(&text, decimals - required);
        let grouped = if whole.contains(&Token::Comma) {
            group(&text)
        } else {
            text
        };
        pad(&grouped, count(whole, |c| c == '0').min(20))
    };
    let before = literals(&section[..first]);
    let after = literals(&section[last + 1..]);
    let inner: String = if exponent.is_none() {
        literals(whole)
    } else {
        String::new()
    };
    let after = if inner.trim().is_empty() {
        after
    } else {
        format!("{inner}{after}")
    };
    // The sign stands before the currency.
    match digits.strip_prefix('-') {
        Some(digits) => format!("-{before}{digits}{after}"),
        None => format!("{before}{digits}{after}"),
    }
}

/// Removes up to `most` zeros at the end of a fraction.
fn trim_fraction(text: &str, most: usize) -> String {
    let mut text = text;
    for _ in 0..most {
        match text.strip_suffix('0') {
            Some(rest) => text = rest,
            None => break,
        }
    }
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

fn group(text: &str) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = text
        .split_once('.')
        .map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// Adds zeros in front, up to `least` digits before the point.
fn pad(text: &str, least: usize) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let whole = rest.split('.').next().unwrap_or_default().len();
    format!("{sign}{}{rest}", "0".repeat(least.saturating_sub(whole)))
}

/// A day of the Gregorian calendar.
struct Date {
    year: i64,
    month: usize,
    day: i64,
}

/// Returns the date of a day number, by the algorithm of H. Hinnant, "chrono-compatible low-level date algorithms".
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a month from 1 to 12"
)]
fn date_of(serial: i64) -> Date {
    // Excel has a 29 February 1900, as Lotus 1-2-3 had. Day 25,569 is 1 January 1970.
    let days = serial - if serial < 60 { 25_568 } else { 25_569 } + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    Date {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month: month as usize,
        day: of_year - (153 * shifted + 2) / 5 + 1,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "days up to the year 9999"
)]
fn date(serial: f64, section: &[Token], is_1904: bool) -> String {
    let total_seconds = (serial * 86_400.0).round() as u64;
    let seconds = total_seconds % 86_400;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    let days = total_seconds / 86_400 + if is_1904 { 1_462 } else { 0 };
    let Date { year, month, day } = date_of(days as i64);
    let weekday = WEEKDAYS[(days % 7) as usize];
    let month_name = MONTHS.get(month.wrapping_sub(1)).copied().unwrap_or_default();
    let has_half_day = section.contains(&Token::HalfDay);
    let shown_hours = if has_half_day { (hours + 11) % 12 + 1 } else { hours };
    let short = |name: &str| name.chars().take(3).collect::<String>();
    let mut text = String::new();
    let mut after_hours = false;
    for (index, token) in section.iter().enumerate() {
        let next_part = section[index + 1..].iter().find_map(|token| match token {
            Token::Date(letter, _) => Some(*letter),
            _ => None,
        });
        let written = match token {
            Token::Date('m', count) if *count <= 2 && (after_hours || next_part == Some('s')) => {
                write!(text, "{minutes:0count$}")
            }
            Token::Date('y', count) if *count <= 2 => write!(text, "{:02}", year % 100),
            Token::Date('y', _) => write!(text, "{year}"),
            Token::Date('m', count @ (1 | 2)) => write!(text, "{month:0count$}"),
            Token::Date('m', 3) => write!(text, "{}", short(month_name)),
            Token::Date('m', _) => write!(text, "{month_name}"),
            Token::Date('d', count @ (1 | 2)) => write!(text, "{day:0count$}"),
            Token::Date('d', 3) => write!(text, "{}", short(weekday)),
            Token::Date('d', _) => write!(text, "{weekday}"),
            Token::Date('h', count) => write!(text, "{shown_hours:0width$}", width = (*count).min(2)),
            Token::Date(_, count) => write!(text, "{:0width$}", seconds % 60, width = (*count).min(2)),
            Token::Elapsed('h') => write!(text, "{}", total_seconds / 3_600),
            Token::Elapsed('m') => write!(text, "{}", total_seconds / 60),
            Token::Elapsed(_) => write!(text, "{total_seconds}"),
            Token::HalfDay => write!(text, "{}", if hours < 12 { "AM" } else { "PM" }),
            Token::Literal(literal) => write!(text, "{literal}"),
            Token::Comma => write!(text, ","),
            // Fractions of a second are not shown.
            Token::Point
                if !section[index + 1..]
                    .iter()
                    .any(|token| matches!(token, Token::Digit(_))) =>
            {
                write!(text, ".")
            }
            _ => Ok(()),
        };
        // Writing to a string does not fail.
        let _ = written;
        after_hours = match token {
            Token::Date('h', _) | Token::Elapsed('h') => true,
            Token::Date(..) => false,
            _ => after_hours,
        };
    }
    text
}

#[cfg(test)]
mod tests;
