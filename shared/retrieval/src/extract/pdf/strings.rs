//! Text strings outside of content streams (ISO 32000-2, 7.9.2.2).

use pdf_oxide::fonts::font_dict::pdfdoc_encoding_lookup;

/// Returns the text of a string: UTF-16 or UTF-8 if it begins with a byte order mark, otherwise `PDFDocEncoding`.
pub(super) fn decoded(bytes: &[u8]) -> String {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|pair| unit([pair.first().copied().unwrap_or(0), pair.last().copied().unwrap_or(0)]))
            .collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        bytes => bytes
            .iter()
            .map(|byte| match byte {
                b'\t' | b'\n' | b'\r' | b' '..=b'~' => char::from(*byte),
                byte => pdfdoc_encoding_lookup(*byte).unwrap_or(' '),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_select_the_encoding() {
        assert_eq!(decoded(b"\xfe\xff\0A\x26\x3a"), "A☺");
        assert_eq!(decoded(b"\xff\xfeA\0\x3a\x26"), "A☺");
        assert_eq!(decoded(b"\xef\xbb\xbf\xe2\x98\xba"), "☺");
        assert_eq!(decoded(b"caf\xe9 \x80"), "café •");
    }
}
