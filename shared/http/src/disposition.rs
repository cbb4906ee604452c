//! File names in `Content-Disposition`.

use http::{HeaderMap, header};

use crate::rules::{is_visible, turns_text};

/// Longest file name kept, in characters.
const MAX_FILE_NAME: usize = 255;
/// Longest ending that a name keeps when it is cut, in characters.
const MAX_ENDING: usize = 16;

/// The parameter `filename*` (RFC 8187), which the parser of multipart bodies does not read.
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

/// What is between the semicolons, except those in quotes.
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

/// The name without folders and without what cannot be read, short enough to be kept: what is too long loses letters
/// in front of its ending, which tells what the file is.
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
    fn a_name_loses_what_cannot_be_read() {
        assert_eq!(plain_file_name("in\u{202e}voice\0\u{2066}.pdf"), "invoice.pdf");
        for nothing in ["", " ", "\u{200b}", "dir/", "\u{202e}"] {
            assert_eq!(plain_file_name(nothing), "file", "{nothing:?}");
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
