//! File names in `Content-Disposition`.

use std::fmt::Write as _;

use http::{HeaderMap, header};

use crate::validators::{is_visible, turns_text};

/// Maximum stored length of a file name, in characters.
const MAX_FILE_NAME: usize = 255;
/// Maximum length of an extension that survives shortening, in characters.
const MAX_ENDING: usize = 16;

/// Returns the parameter `filename*` (RFC 8187), which the parser of multipart bodies ignores.
pub(crate) fn extended_file_name(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_DISPOSITION)?.to_str().ok()?;
    let value = parameters(value).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("filename*").then(|| value.trim())
    })?;
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent_decoded(encoded)?;
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => String::from_utf8(bytes).ok(),
        "iso-8859-1" => Some(bytes.into_iter().map(char::from).collect()),
        _ => None,
    }
}

/// Returns the header value for a file to be saved under `name` (RFC 6266): with non-ASCII characters in `filename*`,
/// and an ASCII fallback in `filename` for clients that do not support it.
pub fn attachment(name: &str) -> String {
    // They would separate folders.
    let name = plain_file_name(&name.replace(['/', '\\'], "-"));
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let fallback: String = name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    if name.is_ascii() {
        return format!("attachment; filename=\"{fallback}\"");
    }
    let (stem, ending) = fallback.rsplit_once('.').unwrap_or((&fallback, ""));
    let fallback = if stem.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        fallback
    } else {
        format!("file.{ending}").trim_end_matches('.').to_owned()
    };
    let mut encoded = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        // `attr-char` of RFC 8187 section 3.2.1.
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("attachment; filename=\"{fallback}\"; filename*=UTF-8''{encoded}")
}

/// Splits at semicolons, except those in quotes.
fn parameters(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |letter| {
        let literal = escaped;
        escaped = quoted && !literal && letter == '\\';
        quoted ^= letter == '"' && !literal;
        letter == ';' && !quoted
    })
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => {
                let mut pair = [0];
                hex::decode_to_slice([rest.next()?, rest.next()?], &mut pair).ok()?;
                pair[0]
            }
            plain => plain,
        });
    }
    Some(decoded)
}

/// Returns the name without folders and unreadable characters, short enough to store: a long name loses characters
/// before its extension, which identifies the format.
pub fn plain_file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = |letter: &char| !letter.is_control() && !turns_text(*letter);
    let name: Vec<char> = last.chars().filter(kept).collect();
    if !name.iter().copied().any(is_visible) {
        return "file".to_owned();
    }
    let ending = name.iter().rposition(|letter| *letter == '.').unwrap_or(name.len());
    let ending = &name[ending.max(name.len().saturating_sub(MAX_ENDING))..];
    let ending = if ending.first() == Some(&'.') { ending } else { &[] };
    let stem = (name.len() - ending.len()).min(MAX_FILE_NAME - ending.len());
    name[..stem].iter().chain(ending).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: http::HeaderValue = http::HeaderValue::from_static("");

    #[test]
    fn a_long_name_keeps_its_ending() {
        let long = "ä".repeat(400);
        assert_eq!(
            plain_file_name(&format!("{long}.pdf")),
            format!("{}.pdf", "ä".repeat(251))
        );
        assert_eq!(plain_file_name(&long), "ä".repeat(255));
        assert_eq!(plain_file_name(&format!("a.{long}")), format!("a.{}", "ä".repeat(253)));
        assert_eq!(plain_file_name("a/b\\c.pdf"), "c.pdf");
    }

    #[test]
    fn a_name_loses_unreadable_characters() {
        assert_eq!(plain_file_name("in\u{202e}voice\0\u{2066}.pdf"), "invoice.pdf");
        for nothing in ["", " ", "\u{200b}", "dir/", "\u{202e}"] {
            assert_eq!(plain_file_name(nothing), "file", "{nothing:?}");
        }
    }

    #[test]
    fn a_name_that_is_not_ascii_is_kept_beside_a_fallback() {
        for (name, expected) in [
            ("Plan_1.md", r#"attachment; filename="Plan_1.md""#),
            (
                "Öffnungs zeiten.md",
                "attachment; filename=\"-ffnungs-zeiten.md\"; filename*=UTF-8''%C3%96ffnungs%20zeiten.md",
            ),
            (
                "日本語.json",
                "attachment; filename=\"file.json\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC%E8%AA%9E.json",
            ),
            ("A talk.md", r#"attachment; filename="A-talk.md""#),
            ("a\"b\\c/d;e\r\n\u{202e}.md", r#"attachment; filename="a-b-c-d-e.md""#),
            (
                "é\"/\r\n'.md",
                "attachment; filename=\"file.md\"; filename*=UTF-8''%C3%A9%22-%27.md",
            ),
        ] {
            assert_eq!(attachment(name), expected);
            let headers = [(header::CONTENT_DISPOSITION, expected.parse().unwrap_or(EMPTY))];
            let read = extended_file_name(&headers.into_iter().collect());
            if let Some(read) = read {
                assert_eq!(read, plain_file_name(&name.replace(['/', '\\'], "-")));
            }
        }
    }

    #[test]
    fn an_extended_name_is_read() {
        let read = |value: &str| {
            let headers = [(header::CONTENT_DISPOSITION, value.parse().unwrap_or(EMPTY))];
            extended_file_name(&headers.into_iter().collect())
        };
        for (value, expected) in [
            (
                "form-data; name=\"file\"; filename*=UTF-8''na%C3%AFve%20plan.pdf",
                Some("naïve plan.pdf"),
            ),
            (
                "form-data; FileName* = iso-8859-1'en'%A3.txt ; name=file",
                Some("£.txt"),
            ),
            ("form-data; name=\"a\\\"; filename*=UTF-8''b.pdf\"", None),
            ("form-data; filename*=UTF-8''%ff.pdf", None),
            ("form-data; filename*=UTF-8''%4", None),
            ("form-data; filename*=plain.pdf", None),
            ("form-data; filename=\"plain.pdf\"", None),
        ] {
            assert_eq!(read(value).as_deref(), expected, "{value}");
        }
    }
}
