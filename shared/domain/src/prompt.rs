//! Texts that people keep to use again: their own prompts, with versions and variables, and the platform's.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Error, FieldError, OrgId, PromptId, Result, Timestamp, UserId};

/// Longest text, in characters: as long as a message, which it becomes.
pub const MAX_TEXT: usize = crate::chats::conversation::MAX_MESSAGE;
/// Longest name, in characters.
pub const MAX_NAME: usize = 200;
/// Most labels of one prompt.
pub const MAX_LABELS: usize = 20;
/// Most versions of one prompt.
pub const MAX_VERSIONS: u32 = 1000;
/// Longest name of a label or a variable, in bytes.
const MAX_WORD: usize = 64;

/// A text that a person keeps in an organization. Whoever they share it with may use it, and only they change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPrompt {
    /// Its ID.
    pub id: PromptId,
    /// The tenant.
    pub org: OrgId,
    /// Whose it is.
    pub user: UserId,
    /// Shown in lists.
    pub name: Option<String>,
    /// Text of the latest version.
    pub text: String,
    /// Number of the latest version, counted from 1.
    pub version: u32,
    /// Names that point to versions, for example `production`.
    pub labels: BTreeMap<String, u32>,
    /// Whether all members of the organization may read it.
    pub shared: bool,
    /// Raised with every change: a change of what is not the latest state is refused.
    pub revision: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// One version of a prompt. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptVersion {
    /// Its number.
    pub version: u32,
    /// Its text.
    pub text: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A text that the platform's admins offer to everyone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemPrompt {
    /// Its ID.
    pub id: PromptId,
    /// Shown in lists.
    pub name: Option<String>,
    /// The text.
    pub text: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// Longest variable with the spaces around its name, in bytes: a text is looked through once, whatever is in it.
const MAX_VARIABLE: usize = 2 * MAX_WORD;

/// Checks the name of a label: lower case letters, digits, `-` and `_`, and not digits alone. `latest` always means the latest version.
///
/// # Errors
/// [`Error::Invalid`] at `/label`.
pub fn parse_label(label: &str) -> Result<&str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    let well_formed = (1..=MAX_WORD).contains(&label.len()) && label.bytes().all(plain);
    if !well_formed {
        return Err(Error::invalid(
            "/label",
            "may have lower case letters, digits, `-` and `_`, 64 at most",
        ));
    }
    if label.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::invalid("/label", "would be taken for the number of a version"));
    }
    if label == LATEST {
        return Err(Error::invalid("/label", "`latest` always means the latest version"));
    }
    Ok(label)
}

/// The label that every prompt has.
pub const LATEST: &str = "latest";

/// The pieces of a text: `Err` holds the name of a variable, written `{{name}}` or `{{ name }}`.
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
        // Up to the next place where a variable begins, which is not the first letter.
        let mut starts = rest.char_indices().map(|(at, _)| at).skip(1);
        let end = starts
            .find(|&at| variable_at(&rest[at..]).is_some())
            .unwrap_or(rest.len());
        let (piece, more) = rest.split_at(end);
        rest = more;
        Some(Ok(piece))
    })
}

/// The variable that `text` begins with, and how many bytes it takes.
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

/// The variables of a text, each once, in the order of their names.
pub fn variables(text: &str) -> BTreeSet<&str> {
    pieces(text).filter_map(std::result::Result::err).collect()
}

/// The text with values in the place of its variables. Values are taken as they are: what looks like a variable in
/// one is text.
///
/// # Errors
/// [`Error::Invalid`] at the variables that are missing, at values that no variable asks for, and at `/variables` when
/// the text becomes longer than [`MAX_TEXT`].
pub fn render(text: &str, values: &BTreeMap<String, String>) -> Result<String> {
    let wanted = variables(text);
    let missing = wanted.iter().filter(|name| !values.contains_key(**name));
    let missing = missing.map(|name| (*name, "is missing"));
    let unknown = values.keys().filter(|name| !wanted.contains(name.as_str()));
    let unknown = unknown.map(|name| (name.as_str(), "is no variable of this prompt"));
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
            "make the text longer than a message may be",
        ));
    }
    Ok(text)
}

/// A name as part of a JSON pointer (RFC 6901).
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
