//! The ZIP around a Word document (Open Packaging Conventions, ISO/IEC 29500-2).

use std::io::{BufReader, Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::super::sniff::{self, Archive, Format};
use super::super::{ExtractError, MAX_TEXT_BYTES, TOO_MUCH_TEXT};
use super::xml::{Failure, Xml};
use crate::Kind;

/// No legitimate document has this many parts.
const MAX_PARTS: usize = 10_000;
/// Limit of the decompressed size of all parts that are read. Bytes.
const MAX_DECOMPRESSED_BYTES: u64 = 256 * 1024 * 1024;
/// Limit of the decompressed size relative to the file. Repeated empty paragraphs reach 200; text reaches 10.
const MAX_RATIO: u64 = 200;
/// Decompressed size that is always allowed. Bytes.
const ALWAYS_ALLOWED_BYTES: u64 = 16 * 1024 * 1024;
/// The end of central directory record (APPNOTE.TXT 4.3.16) without its comment. Bytes.
const END_RECORD: usize = 22;

pub(super) const DAMAGED: ExtractError = ExtractError::Damaged(Kind::Docx);
pub(super) const DECOMPRESSED_TOO_LARGE: ExtractError =
    ExtractError::TooLarge("it decompresses to more than 256 MB, or to more than 200 times its size");
const TOO_MANY_EVENTS: ExtractError = ExtractError::TooLarge("it has more than 5 million elements");

pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    bytes: &'a [u8],
    /// Bytes that may still be decompressed.
    budget: u64,
}

impl<'a> Package<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ExtractError> {
        if declared_parts(bytes).is_some_and(|count| count > MAX_PARTS) {
            return Err(ExtractError::TooLarge("it has more than 10,000 parts"));
        }
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| DAMAGED)?;
        if archive.len() > MAX_PARTS {
            return Err(ExtractError::TooLarge("it has more than 10,000 parts"));
        }
        Ok(Self {
            archive,
            bytes,
            budget: (bytes.len() as u64 * MAX_RATIO).clamp(ALWAYS_ALLOWED_BYTES, MAX_DECOMPRESSED_BYTES),
        })
    }

    /// Returns the name of the part with the text, according to the package's relationships.
    pub(super) fn main_part(&mut self) -> Result<String, ExtractError> {
        let target = self.read("_rels/.rels", |xml| {
            let mut target = None;
            while let Some(event) = xml.next()? {
                let is_main = event
                    .attribute("Type")
                    .is_some_and(|kind| kind.ends_with("/officeDocument"));
                if event.starts("Relationship") && is_main {
                    target = event.attribute("Target");
                }
            }
            Ok(target)
        })?;
        let target = target.flatten().unwrap_or_else(|| "word/document.xml".to_owned());
        let target = target.trim_start_matches('/').to_owned();
        let is_word = target.starts_with("word/") || self.archive.index_for_name("word/document.xml").is_some();
        match (self.archive.index_for_name(&target), sniff::format(self.bytes)) {
            (Some(_), _) if is_word => Ok(target),
            (_, Format::Zip(Archive::Word)) => Err(DAMAGED),
            (_, found) => Err(ExtractError::WrongType {
                expected: Kind::Docx,
                found: found.describe(),
            }),
        }
    }

    /// Reads an XML part as a stream; returns `None` if the package does not have it.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Xml<'_>) -> Result<T, Failure>,
    ) -> Result<Option<T>, ExtractError> {
        let part = match self.archive.by_name(name) {
            Ok(part) => part,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                return Err(ExtractError::Encrypted(Kind::Docx));
            }
            Err(_) => return Err(DAMAGED),
        };
        let mut counted = Counted {
            inner: part,
            left: self.budget,
            ran_out: false,
        };
        let result = read(&mut Xml::new(&mut BufReader::new(&mut counted)));
        self.budget = counted.left;
        match result {
            Ok(value) => Ok(Some(value)),
            Err(_) if counted.ran_out => Err(DECOMPRESSED_TOO_LARGE),
            Err(Failure::Malformed) => Err(DAMAGED),
            Err(Failure::EventTooLarge) => Err(DECOMPRESSED_TOO_LARGE),
            Err(Failure::TooManyEvents) => Err(TOO_MANY_EVENTS),
            Err(Failure::TooMuchText) => Err(TOO_MUCH_TEXT),
        }
    }
}

/// Returns the declared number of entries; `zip` would allocate memory for all of them before they could be counted.
fn declared_parts(bytes: &[u8]) -> Option<usize> {
    let from = bytes.len().saturating_sub(END_RECORD + usize::from(u16::MAX));
    let tail = bytes.get(from..)?;
    let at = tail.windows(4).rposition(|window| window == b"PK\x05\x06")?;
    let count = tail.get(at + 10..at + 12)?;
    Some(usize::from(u16::from_le_bytes([count[0], count[1]])))
}

/// A reader that stops when the budget is used up, whatever the directory says about sizes.
struct Counted<R> {
    inner: R,
    left: u64,
    ran_out: bool,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(count as u64) else {
            self.ran_out = true;
            return Err(std::io::Error::other("decompression budget used up"));
        };
        self.left = left;
        Ok(count)
    }
}

/// Counts extracted text.
#[derive(Default)]
pub(super) struct TextBudget {
    used: usize,
}

impl TextBudget {
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), Failure> {
        self.used += bytes;
        if self.used > MAX_TEXT_BYTES {
            Err(Failure::TooMuchText)
        } else {
            Ok(())
        }
    }
}
