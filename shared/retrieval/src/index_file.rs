//! Builds the segment of a file, with all that a worker needs to know about the document.

use crate::extract::{ExtractError, Extracted};
use crate::{ChunkOptions, Kind, Segment, chunk, extract};

/// More passages than this are refused: a handbook of 1,500 pages has 5,000. Search time depends on their number.
const MAX_CHUNKS: usize = 200_000;

/// An indexed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedFile {
    /// The segment, for [`Segment::from_bytes`].
    pub segment: Vec<u8>,
    /// Number of pages, for formats that have them.
    pub pages: Option<u32>,
    /// Number of searchable passages.
    pub chunks: u32,
}

/// Extracts the text of a file, divides it into passages and indexes them.
///
/// # Errors
/// Those of [`extract`], and [`ExtractError::TooLarge`] for a file of too many passages.
pub fn index_file(bytes: &[u8], kind: Kind) -> Result<IndexedFile, ExtractError> {
    index_extracted(extract(bytes, kind)?)
}

/// Divides the text of a file into passages and indexes them.
///
/// # Errors
/// Returns [`ExtractError::TooLarge`] for a file of too many passages.
pub fn index_extracted(extracted: Extracted) -> Result<IndexedFile, ExtractError> {
    let chunks = chunk(&extracted, &ChunkOptions::default());
    let count = u32::try_from(chunks.len()).ok().filter(|_| chunks.len() <= MAX_CHUNKS);
    let count = count.ok_or(ExtractError::TooLarge("it has more than 200,000 passages"))?;
    let pages = extracted.pages;
    // The chunks have copies of the sections.
    drop(extracted);
    Ok(IndexedFile {
        segment: Segment::build(&chunks).to_bytes(),
        pages,
        chunks: count,
    })
}
