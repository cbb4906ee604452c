//! Field errors with RFC 6901 pointers, from the errors of serde and garde.

use domain::{Error, FieldError};
use serde_path_to_error::{Path, Segment};

use crate::{Problem, api_style::ApiStyle, body::clip};

/// Returns the error for a value of the wrong type. serde stops at the first one.
pub(crate) fn unreadable(path: &Path, message: &str) -> Problem {
    let mut pointer: String = path.iter().filter_map(segment).collect();
    // "at line 1 column 9" counts in the text after renaming; the pointer is more precise.
    let message = message.split(" at line ").next().unwrap_or_default();
    // serde names a missing, duplicate or unknown field in its message only.
    let named = message.split('`').nth(1).filter(|_| {
        ["missing field", "duplicate field", "unknown field"]
            .iter()
            .any(|start| message.starts_with(start))
    });
    if let Some(name) = named
        && !pointer.ends_with(&format!("/{}", escape(name)))
    {
        pointer.push('/');
        pointer.push_str(&escape(name));
    }
    Error::invalid(pointer, clip(&wording(message))).into()
}

/// Returns whether serde reports a missing field.
pub(crate) fn is_missing(message: &str) -> bool {
    message.starts_with("missing field")
}

/// Returns the error for missing fields; serde names only the first.
pub(crate) fn missing(names: &[&str]) -> Problem {
    let required = |name: &&str| FieldError::new(format!("/{}", escape(name)), "is required");
    Error::Invalid(names.iter().map(required).collect()).into()
}

/// Returns serde's message for users: what is valid, without names of Rust types.
fn wording(message: &str) -> String {
    let fixed = match message {
        text if text.starts_with("missing field") => "is required",
        text if text.starts_with("duplicate field") => "is sent more than once, perhaps in two spellings; send it once",
        text if text.starts_with("unknown field") => "is unknown",
        "invalid digit found in string" | "cannot parse integer from empty string" => "must be a whole number",
        "invalid float literal" => "must be a number",
        "provided string was not `true` or `false`" => "must be true or false",
        text if text.starts_with("number too") => "is out of range",
        _ => "",
    };
    if !fixed.is_empty() {
        return fixed.to_owned();
    }
    match (message.split_once(": "), message.split_once(", expected ")) {
        (_, Some((start, choices))) if start.starts_with("unknown variant") => {
            format!("must be {}", in_choice(choices))
        }
        (Some(("invalid type", _)), Some((_, expected))) => format!("must be {}", in_words(expected)),
        (Some(("invalid value", _)), Some((_, expected))) => format!("must be {} in its range", in_words(expected)),
        _ => message.to_owned(),
    }
}

/// Returns the values of an enumeration, each in the spelling of responses, without aliases.
fn in_choice(choices: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in choices.split('`').skip(1).step_by(2) {
        match words.iter_mut().find(|known| known.eq_ignore_ascii_case(word)) {
            // Upper case sorts before lower case.
            Some(known) => *known = word.max(*known),
            None => words.push(word),
        }
    }
    match words.as_slice() {
        [] => choices.to_owned(),
        [one] => format!("`{one}`"),
        [one, other] => format!("`{one}` or `{other}`"),
        all => format!("one of `{}`", all.join("`, `")),
    }
}

/// Returns what serde expects, in JSON's terms.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "an array",
        text if text.starts_with("struct ") || text == "a map" => "an object",
        text if text.starts_with("a tuple ") || text.starts_with("tuple ") => "an array",
        text => text,
    }
}

/// Returns the error for unknown names, each with the known ones; `what` they are.
pub(crate) fn unknown(style: ApiStyle, found: Vec<(String, Vec<&str>)>, what: &str) -> Error {
    let errors = found.into_iter().map(|(pointer, known)| {
        let known: Vec<String> = known.iter().map(|name| format!("`{}`", style.spelling(name))).collect();
        let detail = match known.as_slice() {
            [] => format!("is unknown; there are no {what}"),
            known => format!("is unknown; known {what} are {}", known.join(", ")),
        };
        FieldError::new(pointer, detail)
    });
    Error::Invalid(errors.collect())
}

/// Returns the error for values that break a rule of their field, in the order of the type's fields.
pub(crate) fn refused(report: &garde::Report) -> Error {
    let errors = report.iter().map(|(path, error)| {
        // A path serializes as [["key", "name"], ["index", "0"]], outermost first.
        let path = serde_json::to_value(path).and_then(serde_json::from_value);
        let path: Vec<(String, String)> = path.unwrap_or_default();
        let segments = path.iter().filter(|(kind, _)| kind != "none");
        let pointer = segments.fold(String::new(), |pointer, (_, name)| pointer + "/" + &escape(name));
        FieldError::new(pointer, error.message())
    });
    Error::Invalid(errors.collect())
}

fn segment(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", escape(key))),
        // A variant has no segment in the pointer, and an unknown segment no name.
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_state_what_is_valid_without_names_of_rust_types() {
        for (message, expected) in [
            ("missing field `name`", "is required"),
            ("invalid type: string \"a\", expected u32", "must be a whole number"),
            ("invalid type: null, expected struct NewBot", "must be an object"),
            ("invalid type: integer `1`, expected a string", "must be a string"),
            (
                "invalid value: integer `-1`, expected u8",
                "must be a whole number in its range",
            ),
            (
                "unknown variant `x`, expected one of `OWN`, `own`, `org`, `Org`, `all`",
                "must be one of `own`, `org`, `all`",
            ),
            ("unknown variant `x`, expected `own` or `org`", "must be `own` or `org`"),
            ("invalid digit found in string", "must be a whole number"),
            ("a rule of its own", "a rule of its own"),
        ] {
            assert_eq!(wording(message), expected);
        }
    }
}
