//! Validation rules for text that users write, for `#[garde(custom(...))]`.

/// Invisible characters that are neither control characters nor white space: Unicode's `Default_Ignorable_Code_Point`,
/// the format characters of other blocks, and the Braille pattern without dots.
pub(crate) const INVISIBLE: [(char, char); 20] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d159}', '\u{1d159}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Validates a name for display: it is visible, on one line, and shown in the order in which it is written.
///
/// # Errors
/// If it is not.
pub fn readable_name(given: &str, (): &()) -> garde::Result {
    visible(given)?;
    if given.chars().any(char::is_control) {
        return Err(garde::Error::new("must not contain control characters"));
    }
    if given.chars().any(turns_text) {
        return Err(garde::Error::new(
            "must not contain characters that change the direction of text",
        ));
    }
    Ok(())
}

/// Validates as [`readable_name`]; a name of white space only counts as omitted.
///
/// # Errors
/// Those of [`readable_name`].
pub fn optional_name(given: &str, (): &()) -> garde::Result {
    if given.trim().is_empty() {
        Ok(())
    } else {
        readable_name(given, &())
    }
}

/// Validates text of several lines, such as a description; white space only counts as omitted.
///
/// # Errors
/// If nothing in it is visible, or if it contains control characters other than white space.
pub fn readable_text(given: &str, (): &()) -> garde::Result {
    if given.trim().is_empty() {
        Ok(())
    } else {
        not_blank(given, &())
    }
}

/// Validates as [`readable_text`], and requires a value.
///
/// # Errors
/// Those of [`readable_text`].
pub fn not_blank(given: &str, (): &()) -> garde::Result {
    visible(given)?;
    if given
        .chars()
        .any(|letter| letter.is_control() && !letter.is_whitespace())
    {
        return Err(garde::Error::new(
            "must not contain control characters other than tabs and line breaks",
        ));
    }
    Ok(())
}

/// Validates a media type as in `Content-Type` (RFC 9110 section 8.3.1); white space only counts as omitted.
///
/// # Errors
/// If it is not a media type.
pub fn media_type(given: &str, (): &()) -> garde::Result {
    let given = given.trim();
    let token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    let kind = given.split(';').next().unwrap_or_default().trim_end();
    let is_type = kind
        .split_once('/')
        .is_some_and(|(kind, subtype)| token(kind) && token(subtype));
    let is_plain = given.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if given.is_empty() || is_type && is_plain {
        Ok(())
    } else {
        Err(garde::Error::new("must be a media type such as application/pdf"))
    }
}

/// Returns whether the character overrides or isolates the direction of what follows (UAX #9), which makes a name such
/// as `exe.pdf` look like another one.
pub(crate) fn turns_text(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns whether the character is visible.
pub(crate) fn is_visible(letter: char) -> bool {
    let is_invisible = INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&letter));
    !(is_invisible || letter.is_whitespace() || letter.is_control())
}

fn visible(given: &str) -> garde::Result {
    if given.chars().any(is_visible) {
        Ok(())
    } else {
        Err(garde::Error::new("must not be empty"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_one_visible_letter_is_empty() {
        for given in [
            "\u{200b}",
            "\u{feff}\u{2060}",
            "\u{ad} \u{3164}",
            "\u{115f}",
            "\u{202e}\u{2069}",
            "\u{7}",
            "\u{e0041}",
        ] {
            for rule in [readable_name, optional_name, readable_text, not_blank] {
                assert!(rule(given, &()).is_err(), "{given:?}");
            }
        }
        for given in ["", " \n\u{3000}"] {
            assert!(
                readable_name(given, &()).is_err() && not_blank(given, &()).is_err(),
                "{given:?}"
            );
            assert!(
                optional_name(given, &()).is_ok() && readable_text(given, &()).is_ok(),
                "{given:?}"
            );
        }
    }

    #[test]
    fn a_name_is_one_line_in_the_order_in_which_it_is_written() {
        for given in [
            "a\nb",
            "a\tb",
            "a\0",
            "\u{85}a",
            "Invoice\u{202e}fdp.exe",
            "\u{2066}a\u{2069}",
        ] {
            assert!(
                readable_name(given, &()).is_err() && optional_name(given, &()).is_err(),
                "{given:?}"
            );
        }
        // Joiners between the letters of Persian and of emoji are part of names.
        for given in ["Ada", "خانه\u{200c}ها", "👩\u{200d}🚀", "שלום", "小红"] {
            assert!(readable_name(given, &()).is_ok(), "{given:?}");
        }
    }

    #[test]
    fn a_longer_text_may_have_lines_and_tabs_and_no_other_controls() {
        assert!(readable_text("a\r\n\tb", &()).is_ok() && not_blank("a\n", &()).is_ok());
        for given in ["a\0", "\u{1b}[31m red", "a\u{7f}"] {
            assert!(
                readable_text(given, &()).is_err() && not_blank(given, &()).is_err(),
                "{given:?}"
            );
        }
    }

    #[test]
    fn a_media_type_is_a_type_and_a_subtype_with_parameters_or_none() {
        for right in [
            "application/pdf",
            " text/plain; charset=utf-8 ",
            "image/svg+xml",
            "",
            " ",
        ] {
            assert!(media_type(right, &()).is_ok(), "{right}");
        }
        for wrong in [
            "pdf",
            "a/",
            "/b",
            "a/b/c",
            "a b/c",
            "text/plain\r\nx: y",
            "text/pl\u{e4}in",
        ] {
            assert!(media_type(wrong, &()).is_err(), "{wrong}");
        }
    }
}
