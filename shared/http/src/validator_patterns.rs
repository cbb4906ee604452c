//! The rules of [`crate::validators`] as regular expressions (ECMA-262 with the flag `u`), for the `OpenAPI` document:
//! every field with `custom(rule)` also has `schemars(regex(pattern = RULE))`, and a test compares the two.

use std::fmt;

use crate::validators::INVISIBLE;

/// A rule as a regular expression; its `Display` is the expression.
#[derive(Debug, Clone, Copy)]
pub struct Pattern(fn() -> String);

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0())
    }
}

/// [`crate::readable_name`].
pub const READABLE_NAME: Pattern = Pattern(|| format!("^{}$", name()));
/// [`crate::optional_name`].
pub const OPTIONAL_NAME: Pattern = Pattern(|| format!("^(?:[{}]*|{})$", class(&SPACE), name()));
/// [`crate::readable_text`].
pub const READABLE_TEXT: Pattern = Pattern(|| format!("^(?:[{}]*|{})$", class(&SPACE), text()));
/// [`crate::not_blank`].
pub const NOT_BLANK: Pattern = Pattern(|| format!("^{}$", text()));
/// [`crate::media_type`].
pub const MEDIA_TYPE: Pattern = Pattern(|| {
    let token = "[A-Za-z0-9!#$&^_.+-]+";
    let space = class(&SPACE);
    format!("^(?:[{space}]*|[{space}]*{token}/{token} *(?:;[ -~]*)?[{space}]*)$")
});

type Range = (char, char);

/// White space (Unicode's `White_Space`).
const SPACE: [Range; 10] = [
    ('\u{9}', '\u{d}'),
    (' ', ' '),
    ('\u{85}', '\u{85}'),
    ('\u{a0}', '\u{a0}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{2000}', '\u{200a}'),
    ('\u{2028}', '\u{2029}'),
    ('\u{202f}', '\u{202f}'),
    ('\u{205f}', '\u{205f}'),
    ('\u{3000}', '\u{3000}'),
];
/// Control characters (Unicode's category Cc).
const CONTROL: [Range; 2] = [('\0', '\u{1f}'), ('\u{7f}', '\u{9f}')];
/// Control characters that are not white space.
const CONTROL_BUT_SPACE: [Range; 4] = [
    ('\0', '\u{8}'),
    ('\u{e}', '\u{1f}'),
    ('\u{7f}', '\u{84}'),
    ('\u{86}', '\u{9f}'),
];
/// As [`crate::validators::turns_text`].
const TURNS_TEXT: [Range; 2] = [('\u{202a}', '\u{202e}'), ('\u{2066}', '\u{2069}')];

/// One line with a visible character and none that changes the direction of text.
fn name() -> String {
    let refused = class(&CONTROL) + &class(&TURNS_TEXT);
    around_visible(&refused)
}

/// Lines with a visible character.
fn text() -> String {
    around_visible(&class(&CONTROL_BUT_SPACE))
}

fn around_visible(refused: &str) -> String {
    let hidden = [class(&INVISIBLE), class(&SPACE), class(&CONTROL)].concat();
    format!("[^{refused}]*[^{refused}{hidden}][^{refused}]*")
}

/// The content of a character class. Escapes have four digits, so characters beyond them are written literally.
fn class(ranges: &[Range]) -> String {
    let letter = |letter: char| match u32::from(letter) {
        code @ 0..=0xffff => format!("\\u{code:04x}"),
        _ => letter.to_string(),
    };
    ranges
        .iter()
        .map(|(first, last)| {
            if first == last {
                letter(*first)
            } else {
                format!("{}-{}", letter(*first), letter(*last))
            }
        })
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "an invalid pattern is the test's failure")]
mod tests {
    use regex::Regex;

    use super::*;
    use crate::validators::{media_type, not_blank, optional_name, readable_name, readable_text};

    type Rule = fn(&str, &()) -> garde::Result;

    /// Returns the pattern for `regex`, which writes escapes with braces.
    fn compiled(pattern: Pattern) -> Regex {
        let four_digits = Regex::new(r"\\u([0-9a-f]{4})").unwrap();
        let text = pattern.to_string();
        Regex::new(&four_digits.replace_all(&text, r"\x{$1}")).unwrap()
    }

    #[test]
    fn a_pattern_accepts_what_its_rule_accepts() {
        let rules: [(Rule, Pattern); 5] = [
            (readable_name, READABLE_NAME),
            (optional_name, OPTIONAL_NAME),
            (readable_text, READABLE_TEXT),
            (not_blank, NOT_BLANK),
            (media_type, MEDIA_TYPE),
        ];
        for (rule, pattern) in rules {
            let regex = compiled(pattern);
            let agree = |text: &str| assert_eq!(rule(text, &()).is_ok(), regex.is_match(text), "{text:?} and {regex}");
            for letter in '\0'..=char::MAX {
                agree(letter.encode_utf8(&mut [0; 4]));
            }
            for letter in ('\0'..='\u{30ff}').chain('\u{fe00}'..='\u{ffff}') {
                agree(&format!("a{letter}"));
                agree(&format!(" {letter}b "));
            }
            for text in [
                "",
                "  ",
                "text/plain",
                " text/plain; charset=utf-8 ",
                "text/",
                "a/b c",
                "text/plain ;x",
                "a/b\n",
            ] {
                agree(text);
            }
        }
    }
}
