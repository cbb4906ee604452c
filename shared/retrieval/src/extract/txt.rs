//! Plain text in any encoding, with markdown-like headings.

use super::outline::Outline;
use super::{ExtractError, Extracted, MAX_TEXT_BYTES, Section, TOO_MUCH_TEXT, clean, encoding};

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    Ok(Extracted {
        sections: sections(&decode(bytes)?)?,
        pages: None,
    })
}

/// Extracts text whose lines are not to be joined: source code, data, logs.
pub(super) fn extract_code(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let text = decode(bytes)?;
    let mut lines = String::with_capacity(text.len());
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(line);
    }
    Ok(Extracted::whole(lines))
}

/// Returns the text of a file in its normal form.
pub(super) fn decode(bytes: &[u8]) -> Result<String, ExtractError> {
    Ok(clean::normalize(&decode_raw(bytes)?))
}

/// Returns the text of a file as it is.
pub(super) fn decode_raw(bytes: &[u8]) -> Result<String, ExtractError> {
    let text = encoding::decode(bytes)?;
    if text.len() > MAX_TEXT_BYTES {
        return Err(TOO_MUCH_TEXT);
    }
    Ok(text)
}

/// Divides a text at its headings (`# Title`, or a line underlined with `===` or `---`).
fn sections(text: &str) -> Result<Vec<Section>, ExtractError> {
    let mut outline = Outline::default();
    let mut in_code = false;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            outline.line(line);
        } else if let Some((level, title)) = hash_heading(line) {
            outline.heading(level, title);
        } else if let Some(level) = lines.peek().and_then(|next| underline_level(line, next)) {
            lines.next();
            outline.heading(level, line);
        } else {
            outline.line(line);
        }
    }
    outline.finish().map_err(|_| TOO_MUCH_TEXT)
}

/// Returns level and title of `## Title` (`CommonMark` 4.2): one to six hashes and a space.
fn hash_heading(line: &str) -> Option<(usize, &str)> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    let title = rest.strip_prefix(' ')?.trim().trim_end_matches('#').trim_end();
    ((1..=6).contains(&level) && !title.is_empty()).then_some((level, title))
}

/// Returns the level of a short line with a line of `=` or `-` below it (`CommonMark` 4.3).
fn underline_level(line: &str, next: &str) -> Option<usize> {
    let (title, rule) = (line.trim(), next.trim());
    let is_title = !title.is_empty() && title.chars().count() <= 100 && title.chars().any(char::is_alphanumeric);
    let is_rule = |mark: char| rule.len() >= 3 && rule.chars().all(|c| c == mark);
    match (is_title, is_rule('='), is_rule('-')) {
        (true, true, _) => Some(1),
        (true, _, true) => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> String {
        let sections = extract(bytes).expect("text").sections;
        sections
            .into_iter()
            .map(|section| section.text)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn any_common_encoding_is_read() {
        let text = "Prices are in euros: 5 €. Grüße aus dem Café, señor! Straße, façade, naïve.";
        let (latin, ..) = encoding_rs::WINDOWS_1252.encode(text);
        let utf16 = |mark: bool, to: fn(u16) -> [u8; 2]| -> Vec<u8> {
            mark.then_some(0xfeff)
                .into_iter()
                .chain(text.encode_utf16())
                .flat_map(to)
                .collect()
        };
        let with_mark = ["\u{feff}", text].concat();
        assert_eq!(whole(text.as_bytes()), text);
        assert_eq!(whole(with_mark.as_bytes()), text);
        assert_eq!(whole(&latin), text);
        assert_eq!(whole(&utf16(true, u16::to_le_bytes)), text);
        assert_eq!(whole(&utf16(true, u16::to_be_bytes)), text);
        assert_eq!(whole(&utf16(false, u16::to_le_bytes)), text);
        assert_eq!(whole(&utf16(false, u16::to_be_bytes)), text);
    }

    #[test]
    fn the_lines_of_source_code_stay_as_they_are() {
        let code = "# no heading\ndef price(cup):\n    return 3\n\n\nlog line one\nlog line two\n";
        let [section] = extract_code(code.as_bytes())
            .expect("text")
            .sections
            .try_into()
            .expect("one");
        assert_eq!(section.place, crate::SourceLocation::Whole);
        assert_eq!(
            section.text,
            "# no heading\ndef price(cup):\n    return 3\nlog line one\nlog line two"
        );
    }

    #[test]
    fn markdown_headings_become_the_path() {
        let text = "Intro.\n\n# Returns #\nWithin 14 days.\n\nRefunds\n-------\nTo the card.\n\n# Help\n```\n# no heading\n```\n";
        let got = sections(text).expect("little text");
        let got: Vec<_> = got
            .iter()
            .map(|s| (s.place.heading().unwrap_or("-"), s.text.as_str()))
            .collect();
        assert_eq!(
            got,
            [
                ("-", "Intro."),
                ("Returns", "Within 14 days."),
                ("Returns > Refunds", "To the card."),
                ("Help", "# no heading"),
            ]
        );
    }

    #[test]
    fn a_heading_without_text_can_still_be_found() {
        let got = sections("# One\n## Two\n## Three\ntext\n# Four\n").expect("little text");
        let got: Vec<_> = got
            .iter()
            .map(|s| (s.place.heading().unwrap_or("-"), s.text.as_str()))
            .collect();
        assert_eq!(got, [("One > Two", "Two"), ("One > Three", "text"), ("Four", "Four")]);
    }
}
