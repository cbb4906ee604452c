//! Documents that are pages of the web.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The page that a document was fetched from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebSource {
    /// Its address, as the user named it.
    pub url: String,
    /// The address by which the page wants to be known, else the one after all redirects.
    pub canonical_url: Option<String>,
    /// Its language, as a BCP 47 tag.
    pub language: Option<String>,
    /// Its entity tag, for the next fetch.
    pub etag: Option<String>,
    /// Its `Last-Modified`, for the next fetch.
    pub last_modified: Option<String>,
    /// Hash of the text that is indexed, in hex: a page that differs in nothing else has not changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_hash: Option<String>,
    /// When it was fetched; `None` as long as that is pending.
    pub fetched_at: Option<Timestamp>,
}

impl WebSource {
    /// Maximum length of an address, in bytes: those of practice are far shorter.
    pub const MAX_URL: usize = 2_000;

    /// Returns the page at an address, which is still to be fetched.
    pub fn pending(url: String) -> Self {
        Self {
            url,
            canonical_url: None,
            language: None,
            etag: None,
            last_modified: None,
            text_hash: None,
            fetched_at: None,
        }
    }
}
