//! Static files: compressed once per process, and not sent again to clients that have them.

use std::io::Write as _;

use axum::response::{IntoResponse as _, Response};
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, StatusCode, header};
use sha2::{Digest as _, Sha256};

/// Smaller files are sent uncompressed: compression would save less than one packet.
const MIN_COMPRESSED_BYTES: usize = 1400;

/// A file, uncompressed and compressed.
#[derive(Debug)]
pub struct ServedFile {
    content_type: &'static str,
    /// First 16 hex digits of the SHA-256.
    pub version: String,
    plain: Vec<u8>,
    gzip: Option<Vec<u8>>,
}

impl ServedFile {
    /// Creates a file of this media type. Compresses it, which takes about 10 ms per megabyte.
    pub fn new(content_type: &'static str, plain: Vec<u8>) -> Self {
        Self {
            content_type,
            version: hex::encode(&Sha256::digest(&plain)[..8]),
            gzip: compressed(&plain),
            plain,
        }
    }

    /// Returns the file, compressed if the client accepts that, or 304 if it already has it. The encodings are
    /// different representations, so each has its own strong `ETag` (RFC 9110 section 8.8.3.3).
    pub fn response(&self, request_headers: &HeaderMap, cache_control: &'static str) -> Response {
        let gzip = self.gzip.as_deref().filter(|_| accepts_gzip(request_headers));
        let etag = match gzip {
            Some(_) => format!("\"{}-gzip\"", self.version),
            None => format!("\"{}\"", self.version),
        };
        let headers = [
            (header::CACHE_CONTROL, cache_control),
            (header::ETAG, etag.as_str()),
            (header::VARY, "Accept-Encoding"),
        ];
        if is_known(request_headers, &etag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        let content_type = [(header::CONTENT_TYPE, self.content_type)];
        match gzip {
            Some(gzip) => {
                let encoding = [(header::CONTENT_ENCODING, "gzip")];
                (headers, content_type, encoding, gzip.to_vec()).into_response()
            }
            None => (headers, content_type, self.plain.clone()).into_response(),
        }
    }

    /// Returns the uncompressed file; empty if it is no text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.plain).unwrap_or_default()
    }
}

/// The compressed file; `None` if compression saves little.
fn compressed(plain: &[u8]) -> Option<Vec<u8>> {
    if plain.len() < MIN_COMPRESSED_BYTES {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}

/// Returns whether `Accept-Encoding` names gzip, or any encoding, with a weight above zero (RFC 9110 section 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let elements = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let mut any = false;
    for element in elements {
        let mut parts = element.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let is_accepted = weight.is_none_or(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0));
        match coding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return is_accepted,
            "*" => any = is_accepted,
            _ => {}
        }
    }
    any
}

/// Returns whether `If-None-Match` names the representation. Compares tags weakly (RFC 9110 section 13.1.2).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a missing header is the test's failure")]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn file() -> ServedFile {
        ServedFile::new("text/plain", b"Two years. ".repeat(1000))
    }

    fn headers_of(headers: &[(&'static str, &str)]) -> HeaderMap {
        headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    async fn body(response: Response) -> Vec<u8> {
        axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap()
            .to_vec()
    }

    #[tokio::test]
    async fn a_file_is_compressed_for_clients_that_accept_it() {
        let file = file();
        for accepted in ["gzip", "br, gzip;q=0.5", "*", "GZIP ; q=1.0"] {
            let response = file.response(&headers_of(&[("accept-encoding", accepted)]), "no-cache");
            assert_eq!(response.headers()["content-encoding"], "gzip", "{accepted}");
            assert_eq!(response.headers()["vary"], "Accept-Encoding");
            let sent = body(response).await;
            assert!(sent.len() < 1000);
            let mut text = String::new();
            flate2::read::GzDecoder::new(&*sent).read_to_string(&mut text).unwrap();
            assert_eq!(text, file.text());
        }
        for refused in ["", "br", "gzip;q=0", "gzip;q=0, *", "identity"] {
            let response = file.response(&headers_of(&[("accept-encoding", refused)]), "no-cache");
            assert!(!response.headers().contains_key("content-encoding"), "{refused}");
            assert_eq!(response.headers()["vary"], "Accept-Encoding");
            assert_eq!(body(response).await, file.text().as_bytes());
        }
    }

    #[tokio::test]
    async fn a_client_that_has_a_representation_receives_304() {
        let file = file();
        let tag = |encoding| {
            let response = file.response(&headers_of(&[("accept-encoding", encoding)]), "no-cache");
            response.headers()["etag"].to_str().unwrap().to_owned()
        };
        let (plain, gzip) = (tag("identity"), tag("gzip"));
        assert_ne!(plain, gzip);
        assert!(plain.starts_with('"') && gzip.starts_with('"'), "strong tags");
        let status = |encoding, tags: &str| {
            let headers = headers_of(&[("accept-encoding", encoding), ("if-none-match", tags)]);
            file.response(&headers, "no-cache").status()
        };
        for tags in [gzip.as_str(), "*", &format!("\"other\", {gzip}"), &format!("W/{gzip}")] {
            assert_eq!(status("gzip", tags), StatusCode::NOT_MODIFIED, "{tags}");
        }
        assert_eq!(status("gzip", &plain), StatusCode::OK, "another representation");
        assert_eq!(status("identity", &plain), StatusCode::NOT_MODIFIED);
        let again = file.response(&headers_of(&[("if-none-match", &plain)]), "no-cache");
        assert_eq!(
            (&again.headers()["etag"], &again.headers()["vary"]),
            (&plain.parse().unwrap(), &"Accept-Encoding".parse().unwrap())
        );
        assert!(body(again).await.is_empty());
    }
}
