//! Tags of documents, by which members group and filter them.

use unicode_normalization::UnicodeNormalization as _;

use crate::{Error, FieldError, Result};

/// Maximum number of tags of one document.
pub const MAX_TAGS: usize = 20;
/// Maximum length of a tag, in characters.
pub const MAX_TAG: usize = 50;

/// Returns a tag as it is stored and compared: NFC, in lower case, with single spaces. `None` if nothing is left.
pub fn normalize_tag(given: &str) -> Option<String> {
    let lower: String = given.nfc().collect::<String>().to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Returns tags as they are stored: normalized, sorted, each once. Blank ones are left out.
///
/// # Errors
/// Returns [`Error::Invalid`] at `/tags` for more than [`MAX_TAGS`], and at `/tags/N` for a tag that is longer than
/// [`MAX_TAG`] characters, or contains a comma, which separates tags in forms, or an unreadable character.
pub fn normalize_tags(given: &[String]) -> Result<Vec<String>> {
    let (mut tags, mut errors) = (Vec::new(), Vec::new());
    for (number, tag) in given.iter().enumerate() {
        let Some(tag) = normalize_tag(tag) else { continue };
        let detail = if tag.chars().count() > MAX_TAG {
            format!("must have at most {MAX_TAG} characters")
        } else if tag.contains(',') {
            "must not contain a comma".to_owned()
        } else if tag.chars().any(char::is_control) {
            "must not contain control characters".to_owned()
        } else {
            tags.push(tag);
            continue;
        };
        errors.push(FieldError::new(format!("/tags/{number}"), detail));
    }
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    tags.sort_unstable();
    tags.dedup();
    if tags.len() > MAX_TAGS {
        return Err(Error::invalid("/tags", format!("must be at most {MAX_TAGS}")));
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(given: &[&str]) -> Result<Vec<String>> {
        normalize_tags(&given.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn tags_are_compared_without_case_spacing_and_composition() {
        let found = normalized(&["  Price   List ", "price list", "cafe\u{301}", "CAF\u{c9}", "", " \t"]);
        assert_eq!(found.ok(), Some(vec!["caf\u{e9}".to_owned(), "price list".to_owned()]));
    }

    #[test]
    fn long_and_many_tags_and_commas_are_refused_with_pointers() {
        let long = "x".repeat(MAX_TAG + 1);
        let refused = |given: &[&str]| match normalized(given) {
            Err(Error::Invalid(errors)) => errors.into_iter().map(|error| error.pointer).collect(),
            _ => Vec::new(),
        };
        assert_eq!(
            refused(&["a", &long, "b,c", "d\u{7}"]),
            ["/tags/1", "/tags/2", "/tags/3"]
        );
        let many: Vec<String> = (0..=MAX_TAGS).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(refused(&many), ["/tags"]);
        assert!(normalized(&many[1..]).is_ok() && normalized(&[&long[1..]]).is_ok());
    }
}
