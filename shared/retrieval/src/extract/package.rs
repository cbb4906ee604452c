//! The ZIP around office documents and books (Open Packaging Conventions, ISO/IEC 29500-2; ODF; EPUB).
//!
//! A ZIP of 25 MB can decompress to gigabytes and its directory may be wrong, so no declared size is trusted: bytes are
//! counted while they are decompressed, and at most one XML event is in memory at a time.

use std::collections::HashMap;
use std::io::{BufReader, Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::xml::{Failure, Xml};
use super::{ExtractError, MAX_TEXT_BYTES, TOO_MUCH_TEXT};
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

const DECOMPRESSED_TOO_LARGE: ExtractError =
    ExtractError::TooLarge("it decompresses to more than 256 MB, or to more than 200 times its size");
const TOO_MANY_EVENTS: ExtractError = ExtractError::TooLarge("it has more than 5 million elements");
const TOO_MANY_PARTS: ExtractError = ExtractError::TooLarge("it has more than 10,000 parts");

/// An open ZIP with a budget for what is read of it.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    kind: Kind,
    /// Bytes that may still be decompressed.
    budget: u64,
}

/// What one part says about another.
#[derive(Debug, Clone)]
pub(super) struct Relationship {
    /// The last segment of its type: `officeDocument`, `slide`, `header`.
    pub(super) role: String,
    /// The name of the other part.
    pub(super) target: String,
}

/// Relationships by their ID.
pub(super) type Relationships = HashMap<String, Relationship>;

impl<'a> Package<'a> {
    /// Opens the ZIP of a document of this kind, which errors name.
    pub(super) fn open(bytes: &'a [u8], kind: Kind) -> Result<Self, ExtractError> {
        if declared_parts(bytes).is_some_and(|count| count > MAX_PARTS) {
            return Err(TOO_MANY_PARTS);
        }
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| ExtractError::Damaged(kind))?;
        if archive.len() > MAX_PARTS {
            return Err(TOO_MANY_PARTS);
        }
        Ok(Self {
            archive,
            kind,
            budget: (bytes.len() as u64 * MAX_RATIO).clamp(ALWAYS_ALLOWED_BYTES, MAX_DECOMPRESSED_BYTES),
        })
    }

    pub(super) fn damaged(&self) -> ExtractError {
        ExtractError::Damaged(self.kind)
    }

    /// Returns the names of all parts, as they are stored.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.archive.file_names_raw()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.archive.index_for_name(name).is_some()
    }

    /// Returns the name of the main part according to the package's relationships, else the usual one.
    pub(super) fn main_part(&mut self, usual: &str) -> Result<String, ExtractError> {
        let relationships = self.relationships("")?;
        let named = relationships
            .into_values()
            .find(|relationship| relationship.role == "officeDocument")
            .map(|relationship| relationship.target)
            .filter(|target| self.has(target));
        match named {
            Some(name) => Ok(name),
            None if self.has(usual) => Ok(usual.to_owned()),
            None => Err(self.damaged()),
        }
    }

    /// Returns the relationships of a part; `""` is the package itself.
    pub(super) fn relationships(&mut self, part: &str) -> Result<Relationships, ExtractError> {
        let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
        let location = join(folder, &format!("_rels/{name}.rels"));
        let found = self.read(&location, |xml| {
            let mut found = Relationships::new();
            while let Some(event) = xml.next()? {
                if !event.starts("Relationship") || event.attribute("TargetMode").is_some_and(|mode| mode == "External")
                {
                    continue;
                }
                let attribute = |name| event.attribute(name).unwrap_or_default();
                let (role, target) = (attribute("Type"), attribute("Target"));
                found.insert(
                    attribute("Id"),
                    Relationship {
                        role: role.rsplit('/').next().unwrap_or_default().to_owned(),
                        target: join(folder, &target),
                    },
                );
            }
            Ok(found)
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Reads an XML part as a stream; returns `None` if the package does not have it.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Xml<'_>) -> Result<T, Failure>,
    ) -> Result<Option<T>, ExtractError> {
        self.with_part(name, |part| read(&mut Xml::new(&mut BufReader::new(part))))
    }

    /// Returns the bytes of a part; `None` if the package does not have it.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, ExtractError> {
        self.with_part(name, |part| {
            let mut bytes = Vec::new();
            part.take(MAX_TEXT_BYTES as u64 + 1)
                .read_to_end(&mut bytes)
                .map_err(|_| Failure::Malformed)?;
            if bytes.len() > MAX_TEXT_BYTES {
                return Err(Failure::TooMuchText);
            }
            Ok(bytes)
        })
    }

    fn with_part<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut dyn Read) -> Result<T, Failure>,
    ) -> Result<Option<T>, ExtractError> {
        let part = match self.archive.by_name(name) {
            Ok(part) => part,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                return Err(ExtractError::Encrypted(self.kind));
            }
            Err(_) => return Err(ExtractError::Damaged(self.kind)),
        };
        let mut counted = Counted {
            inner: part,
            left: self.budget,
            ran_out: false,
        };
        let result = read(&mut counted);
        self.budget = counted.left;
        match result {
            Ok(value) => Ok(Some(value)),
            Err(_) if counted.ran_out => Err(DECOMPRESSED_TOO_LARGE),
            Err(Failure::Malformed) => Err(ExtractError::Damaged(self.kind)),
            Err(Failure::EventTooLarge) => Err(DECOMPRESSED_TOO_LARGE),
            Err(Failure::TooManyEvents) => Err(TOO_MANY_EVENTS),
            Err(Failure::TooMuchText) => Err(TOO_MUCH_TEXT),
        }
    }
}

/// Resolves a reference of a part in this folder: `../media/a.xml` in `ppt/slides` is `ppt/media/a.xml`.
pub(super) fn join(folder: &str, reference: &str) -> String {
    let mut segments: Vec<&str> = if reference.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').filter(|segment| !segment.is_empty()).collect()
    };
    for segment in reference.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    segments.join("/")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_resolved_in_its_folder_and_not_above_the_package() {
        assert_eq!(join("ppt/slides", "../charts/chart1.xml"), "ppt/charts/chart1.xml");
        assert_eq!(join("word", "/word/header1.xml"), "word/header1.xml");
        assert_eq!(join("", "_rels/.rels"), "_rels/.rels");
        assert_eq!(join("a", "../../../b.xml"), "b.xml");
    }
}
