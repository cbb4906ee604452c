//! The text of one page in reading order.

use pdf_oxide::PdfDocument;
use pdf_oxide::error::Error;

use super::super::clean;

/// Reads the page: lines as they are set, in the order they are read.
pub(super) fn text(document: &PdfDocument, index: usize) -> Result<String, Error> {
    Ok(clean::normalize(&document.extract_text(index)?))
}
