//! The child's standard output: a line of JSON for each page and one for the end, then the segment if there is one.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use retrieval::{ExtractError, IndexedFile, PageText};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Why a file cannot be indexed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable `snake_case` code, see [`ExtractError::code`]; only this crate reports `too_slow`.
    pub code: String,
    /// A sentence for the user who uploaded the file.
    pub detail: String,
}

impl From<&ExtractError> for Failure {
    fn from(error: &ExtractError) -> Self {
        Self {
            code: error.code().to_owned(),
            detail: error.to_string(),
        }
    }
}

/// The result of reading a file.
#[derive(Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// It can be searched.
    Indexed(IndexedFile),
    /// Not all of its pages are read; another run continues after those that are.
    Unfinished,
    /// It cannot be read, and another attempt would fail in the same way.
    Refused(Failure),
    /// The child died. The file is the cause unless the machine was short of memory, so one more attempt is allowed.
    Died {
        /// The reason to report if it dies again.
        failure: Failure,
        /// How it died, for the log; contains no content of the file.
        cause: String,
    },
}

/// A run of the reader.
#[derive(Debug, PartialEq, Eq)]
pub struct Reading {
    /// How it ended.
    pub outcome: ReadOutcome,
    /// The pages that it read, however it ended: one line of JSON each, to be kept for the run that continues.
    pub pages: Vec<u8>,
    /// The requested images, however it ended.
    pub images: Vec<PageImage>,
}

/// The image of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageImage {
    /// The number of the page, from 1.
    pub page: u32,
    /// A JPEG file; `None` if the page shows no image that can be decoded.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub jpeg: Option<Vec<u8>>,
}

#[expect(clippy::ref_option, reason = "the signature that serde calls")]
fn to_base64<S: Serializer>(bytes: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
    bytes.as_ref().map(|bytes| BASE64_STANDARD.encode(bytes)).serialize(to)
}

fn from_base64<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| BASE64_STANDARD.decode(text))
        .transpose()
        .map_err(D::Error::custom)
}

/// A line of the child's output. The segment follows the line of an indexed file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Frame {
    /// A page was read.
    Page(PageText),
    /// The image of a page.
    Image(PageImage),
    /// The run ends before the last page.
    Unfinished,
    Indexed {
        pages: Option<u32>,
        chunks: u32,
    },
    Refused(Failure),
}

impl Frame {
    /// Returns the line, with its end.
    pub(crate) fn line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }

    fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

/// Returns the pages in the lines of earlier runs, in their order; `None` if they are not such lines.
pub fn parse_pages(lines: &[u8]) -> Option<Vec<PageText>> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let page = |line| match Frame::parse(line) {
        Some(Frame::Page(page)) => Some(page),
        _ => None,
    };
    lines.map(page).collect()
}

/// Returns the lines of pages.
///
/// # Errors
/// None in practice: pages are always valid JSON.
pub fn format_pages(pages: &[PageText]) -> serde_json::Result<Vec<u8>> {
    let lines: serde_json::Result<Vec<_>> = pages.iter().map(|page| Frame::Page(page.clone()).line()).collect();
    Ok(lines?.concat())
}

/// The output of a child, as it arrives.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Complete lines of pages.
    pub(crate) pages: Vec<u8>,
    pub(crate) images: Vec<PageImage>,
    /// The last line, without its end.
    last: Option<Vec<u8>>,
    segment: Vec<u8>,
    /// The beginning of a line.
    rest: Vec<u8>,
}

impl Output {
    /// Takes the next bytes. Returns the number of the last page in them, and the number of pages of the file.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Option<(u32, u32)> {
        if self.last.is_some() {
            self.segment.extend_from_slice(bytes);
            return None;
        }
        self.rest.extend_from_slice(bytes);
        let mut reached = None;
        let mut start = 0;
        while let Some(length) = self.rest[start..].iter().position(|byte| *byte == b'\n') {
            let line = &self.rest[start..start + length];
            start += length + 1;
            match Frame::parse(line) {
                Some(Frame::Page(page)) => {
                    reached = Some((page.number, page.of));
                    self.pages.extend_from_slice(&self.rest[start - length - 1..start]);
                }
                Some(Frame::Image(image)) => self.images.push(image),
                _ => {
                    self.last = Some(line.to_vec());
                    self.segment = self.rest.split_off(start);
                    return reached;
                }
            }
        }
        self.rest.drain(..start);
        reached
    }

    /// Returns what a successful child said; `None` if it is not a valid output.
    pub(crate) fn outcome(&mut self) -> Option<ReadOutcome> {
        let segment = std::mem::take(&mut self.segment);
        match Frame::parse(self.last.as_deref()?)? {
            Frame::Indexed { pages, chunks } => Some(ReadOutcome::Indexed(IndexedFile { segment, pages, chunks })),
            Frame::Refused(failure) if segment.is_empty() => Some(ReadOutcome::Refused(failure)),
            Frame::Unfinished if segment.is_empty() => Some(ReadOutcome::Unfinished),
            Frame::Refused(_) | Frame::Unfinished | Frame::Page(_) | Frame::Image(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(number: u32) -> Vec<u8> {
        let page = PageText {
            number,
            of: 3,
            text: "a\nb".to_owned(),
            ..PageText::default()
        };
        Frame::Page(page).line().expect("encodes")
    }

    /// What is understood of an output that arrives in pieces of this size.
    fn heard(bytes: &[u8], size: usize) -> (Option<ReadOutcome>, Vec<u8>, Option<(u32, u32)>) {
        let mut output = Output::default();
        let reached = bytes.chunks(size).filter_map(|piece| output.push(piece)).last();
        (output.outcome(), output.pages, reached)
    }

    #[test]
    fn an_output_is_understood_in_whatever_pieces_it_arrives() {
        let file = IndexedFile {
            segment: b"PLSG\n\0\n".to_vec(),
            pages: Some(3),
            chunks: 7,
        };
        let header = Frame::Indexed {
            pages: Some(3),
            chunks: 7,
        }
        .line()
        .expect("encodes");
        let pages = [page(1), page(2), page(3)].concat();
        let all = [pages.clone(), header, file.segment.clone()].concat();
        for size in [1, 2, 7, 50, all.len()] {
            let expected = (Some(ReadOutcome::Indexed(file.clone())), pages.clone(), Some((3, 3)));
            assert_eq!(heard(&all, size), expected, "{size}");
        }
        let read = parse_pages(&pages).expect("lines of pages");
        assert_eq!(read.iter().map(|page| page.number).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn a_refusal_is_a_refusal_and_an_unfinished_run_has_its_pages() {
        let refused = Frame::Refused(Failure::from(&ExtractError::NoText))
            .line()
            .expect("encodes");
        let (Some(ReadOutcome::Refused(failure)), _, _) = heard(&refused, 3) else {
            unreachable!("a refusal");
        };
        assert_eq!(
            (&*failure.code, failure.detail),
            ("no_text", ExtractError::NoText.to_string())
        );
        let unfinished = [page(1), Frame::Unfinished.line().expect("encodes")].concat();
        assert_eq!(
            heard(&unfinished, 5),
            (Some(ReadOutcome::Unfinished), page(1), Some((1, 3)))
        );
    }

    #[test]
    fn half_an_output_is_none_and_its_whole_pages_are_kept() {
        for bytes in [&b""[..], b"{}", b"{}\n", b"\n", b"{\"indexed\":{\"pages\":1}}\n"] {
            assert_eq!(heard(bytes, 4).0, None, "{bytes:?}");
        }
        let cut = [page(1), page(2)].concat();
        assert_eq!(heard(&cut[..cut.len() - 2], 9), (None, page(1), Some((1, 3))));
        assert_eq!(parse_pages(&cut[..cut.len() - 2]), None);
        assert_eq!(parse_pages(b""), Some(Vec::new()));
    }
}
