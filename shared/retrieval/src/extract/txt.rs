//! Plain text in any encoding, with markdown-like headings.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::outline::Outline;
use super::{ExtractError, Extracted, MAX_TEXT_BYTES, Section, TOO_MUCH_TEXT, clean};

/// How much of a file is examined to tell text from binary data and to guess its encoding. Bytes.
const SAMPLE: usize = 256 * 1024;

/// Returns whether the bytes are text in some encoding: no NUL (unless UTF-16) and hardly any control characters.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    if unicode_encoding(bytes).is_some() {
        return true;
    }
    let controls = sample
        .iter()
        .filter(|b| b.is_ascii_control() && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b))
        .count();
    !sample.contains(&0) && controls * 200 <= sample.len()
}

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let text = decode(bytes);
    if text.len() > MAX_TEXT_BYTES {
        return Err(TOO_MUCH_TEXT);
    }
    Ok(Extracted {
        sections: sections(&clean::normalize(&text))?,
        pages: None,
    })
}

pub(super) fn decode(bytes: &[u8]) -> String {
    let encoding = unicode_encoding(bytes).unwrap_or_else(|| {
        if std::str::from_utf8(bytes).is_ok() {
            return UTF_8;
        }
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
        detector.feed(&bytes[..bytes.len().min(SAMPLE)], bytes.len() <= SAMPLE);
        detector.guess(None, Utf8Detection::Allow)
    });
    encoding.decode(bytes).0.into_owned()
}

/// Detects a byte order mark, or UTF-16 without one: in Western text every second byte is then zero.
fn unicode_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return Some(encoding);
    }
    let sample = &bytes[..bytes.len().min(SAMPLE) & !1];
    let zeros = |offset: usize| sample.iter().skip(offset).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let mostly = sample.len() / 4;
    match (even, odd) {
        (0, odd) if odd > mostly => Some(UTF_16LE),
        (even, 0) if even > mostly => Some(UTF_16BE),
        _ => None,
    }
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
    fn japanese_and_chinese_legacy_encodings_are_read() {
        let japanese = "当店では毎週月曜日にコーヒー豆を焙煎しています。返品は十四日以内に承ります。";
        let (shift_jis, ..) = encoding_rs::SHIFT_JIS.encode(japanese);
        assert_eq!(whole(&shift_jis), japanese);
        let chinese = "我们每天从仓库发货，所有商品都有两年保修。退款需要十四天时间。";
        let (gbk, ..) = encoding_rs::GBK.encode(chinese);
        assert_eq!(whole(&gbk), chinese);
    }

    #[test]
    fn binary_data_is_not_text() {
        assert!(!is_text(b"abc\0def"));
        assert!(!is_text(&(0..=255).collect::<Vec<u8>>()));
        assert!(is_text("Plain ÄÖÜ\r\n\ttext\x0c".as_bytes()));
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
