//! The encoding of a text of the web.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// The start of a page in which its `<meta charset>` is looked for, in bytes
/// (<https://html.spec.whatwg.org/#prescan-a-byte-stream-to-determine-its-encoding>).
const META_SEARCH: usize = 1024;

/// Returns a text in UTF-8 with a byte order mark, so that every later reader decodes it in the same way; `None` if it
/// can stay as it is: it is UTF-8, or begins with a byte order mark, or neither the header nor the page names an
/// encoding, so that its bytes have to show it.
///
/// The order is that of browsers: byte order mark, header, page
/// (<https://html.spec.whatwg.org/#determining-the-character-encoding>). A header may be wrong; text that is valid
/// UTF-8 is UTF-8 whatever it says, because text in another encoding is hardly ever valid by chance.
pub fn to_utf8(bytes: &[u8], charset: Option<&str>, is_html: bool) -> Option<Vec<u8>> {
    // ISO-2022-JP is ASCII with escapes, which would be valid UTF-8.
    let is_utf8 = !bytes.contains(&0x1b) && std::str::from_utf8(bytes).is_ok();
    if is_utf8 || Encoding::for_bom(bytes).is_some() {
        return None;
    }
    let stated = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    let encoding = stated.or_else(|| is_html.then(|| meta_charset(bytes)).flatten())?;
    let (text, ..) = encoding.decode(bytes);
    let mut utf8 = Vec::with_capacity(text.len() + 3);
    utf8.extend_from_slice(b"\xef\xbb\xbf");
    utf8.extend_from_slice(text.as_bytes());
    Some(utf8)
}

/// Returns the encoding that a page names in a `<meta>` element or an XML declaration.
pub(super) fn meta_charset(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..META_SEARCH).unwrap_or(bytes).to_ascii_lowercase();
    let head = String::from_utf8_lossy(&head);
    let label_after = |text: &str| {
        let text = text.trim_start().strip_prefix('=')?.trim_start();
        let text = text.trim_start_matches(['"', '\'']);
        let end = text.find(['"', '\'', ';', '>', ' ', '?', '/']).unwrap_or(text.len());
        Encoding::for_label(text.get(..end)?.as_bytes())
    };
    let mut rest: &str = &head;
    while let Some((_, after)) = rest.split_once("<meta") {
        let tag = after.split('>').next().unwrap_or_default();
        if let Some((_, value)) = tag.split_once("charset")
            && let Some(encoding) = label_after(value)
        {
            // A page that could be read to here is not UTF-16.
            let is_utf16 = encoding == UTF_16LE || encoding == UTF_16BE;
            return Some(if is_utf16 { UTF_8 } else { encoding });
        }
        rest = after;
    }
    let declaration = head.trim_start().strip_prefix("<?xml")?.split('>').next()?;
    label_after(declaration.split_once("encoding")?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], charset: Option<&str>) -> Option<String> {
        let utf8 = to_utf8(bytes, charset, true)?;
        Some(String::from_utf8(utf8.strip_prefix(b"\xef\xbb\xbf")?.to_vec()).expect("decodes"))
    }

    #[test]
    fn header_and_page_name_the_encoding() {
        let (japanese, ..) = encoding_rs::SHIFT_JIS.encode("<p>返品は十四日以内</p>");
        assert_eq!(
            text(&japanese, Some("shift_jis")).as_deref(),
            Some("<p>返品は十四日以内</p>")
        );
        let (russian, ..) = encoding_rs::WINDOWS_1251.encode("<meta charset=windows-1251><p>Привет</p>");
        assert!(text(&russian, None).expect("decodes").contains("Привет"));
        let (polish, ..) = encoding_rs::ISO_8859_2
            .encode("<META http-equiv=\"Content-Type\" content=\"text/html; charset=iso-8859-2\"><p>żółty</p>");
        assert!(text(&polish, None).expect("decodes").contains("żółty"));
        let (declared, ..) = encoding_rs::ISO_8859_2.encode("<?xml version='1.0' encoding='iso-8859-2'?><html>ż");
        assert!(text(&declared, None).expect("decodes").ends_with('ż'));
    }

    #[test]
    fn utf8_stays_as_it_is_whatever_is_said_of_it() {
        let marked = "\u{feff}<meta charset=latin1>é";
        for text in ["Grüße", "<meta charset=latin1>é", marked, "plain"] {
            assert_eq!(to_utf8(text.as_bytes(), Some("iso-8859-1"), true), None, "{text}");
        }
        assert_eq!(to_utf8(b"\xff\xfeh\0i\0\xe9\0", Some("iso-8859-1"), true), None);
    }

    #[test]
    fn japanese_mail_encoding_is_read_although_it_is_ascii() {
        let (bytes, ..) = encoding_rs::ISO_2022_JP.encode("返品");
        assert_eq!(text(&bytes, Some("iso-2022-jp")).as_deref(), Some("返品"));
    }

    #[test]
    fn without_any_statement_the_bytes_have_to_show_it() {
        assert_eq!(to_utf8(b"Gr\xfc\xdfe", None, true), None);
        assert_eq!(to_utf8(b"Gr\xfc\xdfe", Some("no-such-charset"), false), None);
    }
}
