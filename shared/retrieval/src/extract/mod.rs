//! Text with its place from the bytes of a file.

mod clean;
mod docx;
mod error;
mod outline;
mod pdf;
mod sniff;
mod txt;

use crate::{Kind, Place};

pub use error::ExtractError;
use sniff::Format;

/// Larger files are refused before they are read. Bytes.
pub const MAX_INPUT_BYTES: usize = 25 * 1024 * 1024;
/// More text than this is refused: no handbook is that long, a decompression bomb is. Bytes of UTF-8.
const MAX_TEXT_BYTES: usize = 20 * 1024 * 1024;

/// The text of a document, in reading order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// One per page, or one per heading. None is without text.
    pub sections: Vec<Section>,
    /// How many pages the document has, those without text included; `None` for formats without pages.
    pub pages: Option<u32>,
}

/// The text at one place of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Where it stands.
    pub place: Place,
    /// One paragraph, list item or table row per line; the cells of a row are separated by ` | `. Unicode NFC with
    /// ligatures resolved, without control characters, without hyphens at line ends.
    pub text: String,
}

/// Extracts the text of a file.
///
/// # Errors
/// Says in a sentence for the person who uploaded the file why there is no text; [`ExtractError::code`] names the
/// class. The result is never empty: a file without text is an error.
pub fn extract(bytes: &[u8], kind: Kind) -> Result<Extracted, ExtractError> {
    if bytes.is_empty() {
        return Err(ExtractError::Empty);
    }
    if bytes.len() > MAX_INPUT_BYTES {
        return Err(ExtractError::TooLarge("it is larger than 25 MB"));
    }
    let format = sniff::format(bytes);
    let extracted = match (kind, format) {
        (Kind::Pdf, Format::Pdf) => pdf::extract(bytes)?,
        (Kind::Docx, Format::Zip(_)) => docx::extract(bytes)?,
        (Kind::Docx, Format::EncryptedOffice) => return Err(ExtractError::Encrypted(Kind::Docx)),
        (Kind::Text, Format::Text) => txt::extract(bytes)?,
        (Kind::Pdf | Kind::Docx, Format::Unknown) => return Err(ExtractError::Damaged(kind)),
        (_, found) => {
            return Err(ExtractError::WrongType {
                expected: kind,
                found: found.describe(),
            });
        }
    };
    if extracted.sections.is_empty() {
        Err(ExtractError::Empty)
    } else {
        Ok(extracted)
    }
}
