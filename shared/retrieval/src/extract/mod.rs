//! Extracts text with its position from the bytes of a file.

mod clean;
mod csv;
mod docx;
mod eml;
mod encoding;
mod epub;
mod error;
mod html;
mod markdown;
mod markup;
mod odf;
mod outline;
mod package;
mod pdf;
mod pptx;
mod rtf;
mod sniff;
mod table;
mod txt;
mod xlsx;
mod xml;

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::{Kind, SourceLocation};

pub use error::ExtractError;
pub use html::{HtmlPage, to_utf8};
use sniff::Format;

/// Larger files are refused before they are read: the largest upload of any plan. Bytes.
pub const MAX_INPUT_BYTES: usize = 100 * 1024 * 1024;
/// More text than this is refused: handbooks are shorter, decompression bombs are longer. The path of headings counts
/// for each section below it. Bytes of UTF-8.
const MAX_TEXT_BYTES: usize = 20 * 1024 * 1024;

const TOO_MUCH_TEXT: ExtractError = ExtractError::TooLarge("it contains more than 20 MB of text");

/// The text of a document, in reading order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// One per page, or one per heading. No section is empty.
    pub sections: Vec<Section>,
    /// The number of pages, including those without text; `None` for formats without pages.
    pub pages: Option<u32>,
}

impl PageText {
    /// Returns whether the page is a scan: an image, and at most the few letters of a scanner's stamp.
    pub fn is_scan(&self) -> bool {
        self.is_image && pdf::letters(self) < pdf::STAMP
    }
}

impl Extracted {
    /// Creates the text of a file without pages and headings.
    fn whole(text: String) -> Self {
        let place = SourceLocation::Whole;
        let section = (!text.is_empty()).then_some(Section { place, text });
        Self {
            sections: section.into_iter().collect(),
            pages: None,
        }
    }
}

/// The text at one position of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its position.
    pub place: SourceLocation,
    /// One paragraph, list item or table row per line; the cells of a row are separated by ` | `. Unicode NFC with
    /// ligatures resolved, without control characters, without hyphens at line ends.
    pub text: String,
}

/// One page as it was read. What the pages have in common (running heads, page numbers) is still in it:
/// [`assemble_pages`] makes a document of all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a page")]
pub struct PageText {
    /// The number of the page, from 1.
    pub number: u32,
    /// The number of pages of the file.
    pub of: u32,
    /// One line per line of the page, an empty line between paragraphs.
    pub text: String,
    /// Number of characters that the file does not identify.
    pub unmapped: u32,
    /// Whether the page shows more than text: images, lines, or letters that are drawn as lines.
    pub has_drawing: bool,
    /// Whether an image covers so much of the page that it may be a scan.
    pub is_image: bool,
    /// Whether the page contains more than is read.
    pub is_crowded: bool,
    /// Whether the page could not be read.
    pub is_damaged: bool,
    /// Whether a model has read the image of the page, or could not.
    #[serde(default)]
    pub is_transcribed: bool,
}

/// Extracts the pages of a file one after the other, for progress and checkpoints. Returns whether the format has pages;
/// if not, nothing is read, and [`extract()`] is the way.
///
/// `sink` receives each page; a break ends the reading. Who has stored pages 1 to n continues with `first_page` n + 1, in
/// another process if need be, and calls [`assemble_pages`] with all of them. The result is that of [`extract()`].
///
/// # Errors
/// Those of [`extract()`] that concern the file as a whole; [`assemble_pages`] returns the others.
pub fn extract_pages(
    bytes: &[u8],
    kind: Kind,
    first_page: u32,
    sink: &mut (dyn FnMut(PageText) -> ControlFlow<()> + Send),
) -> Result<bool, ExtractError> {
    if checked_kind(bytes, kind)? != Kind::Pdf {
        return Ok(false);
    }
    pdf::read(bytes, first_page, sink)?;
    Ok(true)
}

/// Returns pages of a PDF as JPEG images of up to 1,600 pixels a side, in gray: what a model needs to transcribe a scan.
///
/// `sink` receives the number of each page and its image, `None` if the page shows no image that can be decoded; a break
/// ends the reading.
///
/// # Errors
/// Those of [`extract()`] that concern the file as a whole.
pub fn page_images(
    bytes: &[u8],
    pages: &[u32],
    sink: &mut (dyn FnMut(u32, Option<Vec<u8>>) -> ControlFlow<()> + Send),
) -> Result<(), ExtractError> {
    pdf::read_images(bytes, pages, sink)
}

/// Makes a document of all its pages, in their order.
///
/// # Errors
/// A sentence that tells the user why there is no text, as for [`extract()`].
pub fn assemble_pages(pages: Vec<PageText>) -> Result<Extracted, ExtractError> {
    let extracted = pdf::assemble(pages)?;
    if extracted.sections.is_empty() {
        Err(ExtractError::Empty)
    } else {
        Ok(extracted)
    }
}

/// Extracts the text of a file. `kind` is the type according to its name; if the content is of another type that can
/// be read, it is read as that.
///
/// # Errors
/// A sentence that tells the user who uploaded the file why there is no text; [`ExtractError::code`] names the
/// class. The result is never empty: a file without text is an error.
pub fn extract(bytes: &[u8], kind: Kind) -> Result<Extracted, ExtractError> {
    let kind = checked_kind(bytes, kind)?;
    let extracted = match kind {
        Kind::Pdf => pdf::extract(bytes)?,
        Kind::Docx => docx::extract(bytes)?,
        Kind::Text => txt::extract(bytes)?,
        Kind::Markdown => markdown::extract(bytes)?,
        Kind::Code => txt::extract_code(bytes)?,
        Kind::Csv => csv::extract(bytes)?,
        Kind::Xlsx => xlsx::extract(bytes)?,
        Kind::Pptx => pptx::extract(bytes)?,
        Kind::Odt | Kind::Ods | Kind::Odp => odf::extract(bytes, kind)?,
        Kind::Rtf => rtf::extract(bytes)?,
        Kind::Html => html::extract(bytes)?,
        Kind::Epub => epub::extract(bytes)?,
        Kind::Eml => eml::extract(bytes)?,
    };
    if extracted.sections.is_empty() {
        Err(ExtractError::Empty)
    } else {
        Ok(extracted)
    }
}

/// Returns the type of the content, unless there is none or too much of it.
fn checked_kind(bytes: &[u8], named: Kind) -> Result<Kind, ExtractError> {
    if bytes.is_empty() {
        return Err(ExtractError::Empty);
    }
    if bytes.len() > MAX_INPUT_BYTES {
        return Err(ExtractError::TooLarge("it is larger than 100 MB"));
    }
    content_kind(bytes, named)
}

/// Returns the type of the content. The name decides between the types of text, which look alike.
fn content_kind(bytes: &[u8], named: Kind) -> Result<Kind, ExtractError> {
    let is_text = matches!(
        named,
        Kind::Text | Kind::Markdown | Kind::Code | Kind::Csv | Kind::Html | Kind::Eml
    );
    match sniff::format(bytes) {
        // The source of a web page or an email, for whoever named it so.
        Format::Kind(Kind::Html | Kind::Eml) if matches!(named, Kind::Code | Kind::Markdown) => Ok(named),
        Format::Kind(kind) => Ok(kind),
        Format::Text if is_text => Ok(named),
        Format::Text => Ok(Kind::Text),
        Format::EncryptedOffice if is_text => Err(ExtractError::Encrypted(Kind::Docx)),
        Format::EncryptedOffice => Err(ExtractError::Encrypted(named)),
        Format::Unknown if !is_text => Err(ExtractError::Damaged(named)),
        found @ (Format::Other(_) | Format::Unknown) => Err(ExtractError::WrongType {
            expected: named,
            found: found.describe(),
        }),
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod mutation_tests;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8], kind: Kind) -> (&'static str, String) {
        let error = extract(bytes, kind).expect_err("must be refused");
        (error.code(), error.to_string())
    }

    #[test]
    fn a_file_that_is_not_what_its_name_says_is_called_what_it_is() {
        let (code, sentence) = refused(&samples::png_named_pdf(), Kind::Pdf);
        assert_eq!(code, "wrong_type");
        assert!(
            sentence.contains("named like a PDF but its content is a PNG image"),
            "{sentence}"
        );
        let cases: [(Vec<u8>, Kind, &str); 3] = [
            (b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), Kind::Docx, "a gzip archive"),
            (b"II*\0\x08\0\0\0".to_vec(), Kind::Text, "a TIFF image"),
            (samples::zip_of_pictures(), Kind::Xlsx, "a ZIP archive"),
        ];
        for (bytes, kind, name) in cases {
            let (code, sentence) = refused(&bytes, kind);
            assert_eq!(code, "wrong_type");
            assert!(sentence.contains(name), "{sentence}");
        }
    }

    #[test]
    fn a_file_under_the_wrong_name_is_read_as_what_it_is() {
        for (name, bytes) in samples::of_each_kind() {
            let kind = Kind::from_file_name(name).expect("a supported name");
            let own = extract(&bytes, kind).expect("a readable sample");
            for other in Kind::all() {
                let is_text = |kind| matches!(kind, Kind::Text | Kind::Markdown | Kind::Code | Kind::Csv);
                let got = extract(&bytes, other);
                if is_text(kind) || is_text(other) && matches!(kind, Kind::Html | Kind::Eml) {
                    assert!(got.is_ok(), "{name} as {other}");
                } else {
                    assert_eq!(got.as_ref(), Ok(&own), "{name} as {other}");
                }
            }
        }
    }

    #[test]
    fn a_password_on_an_office_file_is_recognized() {
        let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let ole = [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(), &[0; 600], &name].concat();
        assert_eq!(refused(&ole, Kind::Docx).0, "encrypted");
    }

    #[test]
    fn empty_binary_and_oversized_files_are_refused() {
        assert_eq!(refused(b"", Kind::Pdf).0, "empty");
        assert_eq!(refused(b" \n ", Kind::Text).0, "empty");
        assert_eq!(refused(&[0; 100], Kind::Text).0, "wrong_type");
        assert_eq!(refused(&[0; 100], Kind::Pdf).0, "damaged");
        assert_eq!(refused(&vec![b'a'; MAX_INPUT_BYTES + 1], Kind::Text).0, "too_large");
    }

    #[test]
    fn the_samples_answer_the_demo_questions() {
        let files = [
            (samples::HANDBOOK, samples::handbook_pdf()),
            (samples::PRODUCT, samples::product_docx()),
            (samples::FAQ, samples::faq_txt()),
        ];
        let segments = files.map(|(name, bytes)| {
            let kind = Kind::from_file_name(name).expect("a supported name");
            let extracted = extract(&bytes, kind).expect("a readable sample");
            (
                name,
                crate::Segment::build(&crate::chunk(&extracted, &crate::ChunkOptions::default())),
            )
        });
        let documents: Vec<_> = segments
            .iter()
            .map(|(name, segment)| crate::Indexed {
                document_id: name,
                name,
                segment,
            })
            .collect();
        for question in samples::questions() {
            let found = crate::search(&documents, question.text, 3);
            let citation = crate::Citation::of(1, &found[0], question.text, &[]);
            assert_eq!(
                (citation.name.as_str(), citation.page),
                (question.document, question.page),
                "{question:?}"
            );
            for words in question.answer_holds {
                assert!(citation.excerpt.contains(words), "{citation:?}");
            }
        }
    }
}
