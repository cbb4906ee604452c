use bytes::Bytes;
use reqwest::Url;

use crate::MediaType;

/// What is known of an earlier fetch of the same page: if it has not changed, the site need not send it again (RFC
/// 9110, section 13).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Its entity tag, exactly as it was sent.
    pub etag: Option<String>,
    /// Its `Last-Modified`, exactly as it was sent.
    pub last_modified: Option<String>,
}

/// The result of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The page.
    Content(Box<Content>),
    /// It has not changed since the fetch that [`Conditions`] describe.
    NotModified,
}

/// A page, or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its address after all redirects.
    pub url: Url,
    /// Its bytes, decompressed.
    pub bytes: Bytes,
    /// What it is, by its content and the header.
    pub media_type: MediaType,
    /// The encoding of its text according to the header, which precedes what the text says of itself.
    pub charset: Option<String>,
    /// Its entity tag.
    pub etag: Option<String>,
    /// When it was last changed, as the site says.
    pub last_modified: Option<String>,
    /// Hex SHA-256 of the bytes: equal for pages that are equal.
    pub sha256: String,
}

impl Content {
    /// Returns the conditions of the next fetch.
    pub fn conditions(&self) -> Conditions {
        Conditions {
            etag: self.etag.clone(),
            last_modified: self.last_modified.clone(),
        }
    }

    /// Returns a name for the file, from the last part of its address: `report.pdf`; `None` if it has none.
    pub fn file_name(&self) -> Option<String> {
        let last = self.url.path_segments()?.rfind(|part| !part.is_empty())?;
        let bytes = percent_decode(last);
        let name = String::from_utf8_lossy(&bytes);
        let name: String = name
            .chars()
            .filter(|c| !c.is_control() && !matches!(c, '/' | '\\'))
            .take(200)
            .collect();
        Some(name.trim().to_owned()).filter(|name| !name.is_empty())
    }
}

/// Decodes `%41` (RFC 3986, section 2.1); what is no such sequence stays.
pub(crate) fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => decoded.push(*first),
        }
    }
    decoded
}
