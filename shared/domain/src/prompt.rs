//! Saved prompts: the users' own, with versions and variables, and the platform's.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Error, FieldError, OrgId, PromptId, Result, Timestamp, UserId};

/// Maximum text length, in characters: that of a message, which the text becomes.
pub const MAX_TEXT: usize = crate::chats::conversation::MAX_MESSAGE;
/// Maximum name length, in characters.
pub const MAX_NAME: usize = 200;
/// Maximum number of labels per prompt.
pub const MAX_LABELS: usize = 20;
/// Maximum number of versions per prompt.
pub const MAX_VERSIONS: u32 = 1000;
/// Maximum length of a label's or variable's name, in bytes.
const MAX_WORD: usize = 64;

/// A prompt that a user saved in an organization. Users it is shared with can use it; only its owner changes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPrompt {
    /// Its ID.
    pub id: PromptId,
    /// The organization that contains it.
    pub org: OrgId,
    /// The user who owns it.
    pub user: UserId,
    /// Name shown in lists.
    pub name: Option<String>,
    /// Text of the latest version.
    pub text: String,
    /// Number of the latest version, counted from 1.
    pub version: u32,
    /// Names that point to versions, for example `production`.
    pub labels: BTreeMap<String, u32>,
    /// Whether all members of the organization can read it.
    pub shared: bool,
    /// Incremented by each change; a change based on an older revision is rejected.
    pub revision: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// One version of a prompt, which is immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptVersion {
    /// Its number.
    pub version: u32,
    /// Its text.
    pub text: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A prompt that the platform's admins offer to everyone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemPrompt {
    /// Its ID.
    pub id: PromptId,
    /// Name shown in lists.
    pub name: Option<String>,
    /// The text.
    pub text: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Maximum length of a variable including the spaces around its name, in bytes. It makes parsing linear for any text.
const MAX_VARIABLE: usize = 2 * MAX_WORD;

/// Checks the name of a label: lower-case letters, digits, `-` and `_`, but not digits only. `latest` always means the
/// latest version.
///
/// # Errors
/// Returns [`Error::Invalid`] at `/label`.
pub fn parse_label(label: &str) -> Result<&str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    let well_formed = (1..=MAX_WORD).contains(&label.len()) && label.bytes().all(plain);
    if !well_formed {
        return Err(Error::invalid(
            "/label",
            "must be 1 to 64 lower-case letters, digits, `-` and `_`",
        ));
    }
    if label.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::invalid(
            "/label",
            "must not be digits only, which is the number of a version",
        ));
    }
    if label == LATEST {
        return Err(Error::invalid(
            "/label",
            "must not be `latest`, which always means the latest version",
        ));
    }
    Ok(label)
}

/// The label that every prompt has.
pub const LATEST: &str = "latest";

/// Splits a text into pieces: `Err` holds the name of a variable, written `{{name}}` or `{{ name }}`.
fn pieces(text: &str) -> impl Iterator<Item = std::result::Result<&str, &str>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, length)) = variable_at(rest) {
            rest = &rest[length..];
            return Some(Err(name));
        }
        // Up to the next position where a variable starts, not counting the first character.
        let mut starts = rest.char_indices().map(|(at, _)| at).skip(1);
        let end = starts
            .find(|&at| variable_at(&rest[at..]).is_some())
            .unwrap_or(rest.len());
        let (piece, more) = rest.split_at(end);
        rest = more;
        Some(Ok(piece))
    })
}

/// Returns the variable that `text` starts with, and its length in bytes.
fn variable_at(text: &str) -> Option<(&str, usize)> {
    let inside = text.strip_prefix("{{")?;
    let end = inside[..inside.floor_char_boundary(MAX_VARIABLE)].find("}}")?;
    let name = inside[..end].trim_matches(' ');
    let mut bytes = name.bytes();
    let first = bytes.next()?;
    let named = (first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.len() <= MAX_WORD;
    named.then_some((name, end + 4))
}

/// Returns the variables of a text, without duplicates, ordered by name.
pub fn variables(text: &str) -> BTreeSet<&str> {
    pieces(text).filter_map(std::result::Result::err).collect()
}

/// Returns the text with its variables replaced by values. Values are inserted unchanged: a value that looks like a
/// variable is plain text.
///
/// # Errors
/// Returns [`Error::Invalid`] at variables that are missing, at values without a variable, and at `/variables` if the
/// text becomes longer than [`MAX_TEXT`].
pub fn render(text: &str, values: &BTreeMap<String, String>) -> Result<String> {
    let wanted = variables(text);
    let missing = wanted.iter().filter(|name| !values.contains_key(**name));
    let missing = missing.map(|name| (*name, "is missing"));
    let unknown = values.keys().filter(|name| !wanted.contains(name.as_str()));
    let unknown = unknown.map(|name| (name.as_str(), "is not a variable of this prompt"));
    let errors: Vec<FieldError> = missing
        .chain(unknown)
        .map(|(name, detail)| FieldError::new(format!("/variables/{}", pointer(name)), detail))
        .collect();
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let text: String = pieces(text)
        .map(|piece| match piece {
            Ok(text) => text,
            Err(name) => values.get(name).map_or("", String::as_str),
        })
        .collect();
    if text.chars().count() > MAX_TEXT {
        return Err(Error::invalid(
            "/variables",
            "must not make the text longer than a message can be",
        ));
    }
    Ok(text)
}

/// Escapes a name for a JSON pointer (RFC 6901).
fn pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    #[test]
    fn variables_are_names_in_two_braces_and_everything_else_is_text() {
        let text = "Dear {{ name }}, {{name}} {{ 1st }} {{}} {{a b}} {single} {{{inner}}} {{_x9}}";
        assert_eq!(
            variables(text).into_iter().collect::<Vec<_>>(),
            ["_x9", "inner", "name"]
        );
        assert!(variables("{{ открыто }} {{never closed").is_empty());
        assert_eq!(variables("{{a{{b}}").into_iter().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn values_take_the_place_of_variables_and_are_not_read_again() {
        let given = values(&[("who", "{{what}}"), ("what", "日本語 🎈")]);
        assert_eq!(
            render("{{who}} and {{ what }}!", &given).unwrap(),
            "{{what}} and 日本語 🎈!"
        );
        assert_eq!(render("{{{x}}}", &values(&[("x", "1")])).unwrap(), "{1}");
        assert_eq!(render("nothing", &values(&[])).unwrap(), "nothing");
    }

    #[test]
    fn a_value_that_is_missing_or_not_asked_for_is_named() {
        let error = render("{{a}} {{b}}", &values(&[("b", ""), ("c/d", "")])).unwrap_err();
        let Error::Invalid(errors) = error else {
            panic!("{error:?}")
        };
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/variables/a", "/variables/c~1d"]);
        let long = values(&[("a", &"x".repeat(MAX_TEXT))]);
        assert!(render("{{a}}", &long).is_ok() && render("{{a}}!", &long).is_err());
    }

    #[test]
    fn a_label_is_a_plain_word_and_latest_is_taken() {
        assert!(parse_label("production").is_ok() && parse_label("v1_eu-west").is_ok());
        for label in ["", "latest", "Prod", "a b", "é", &"x".repeat(65)] {
            assert!(parse_label(label).is_err(), "{label:?}");
        }
    }
}
