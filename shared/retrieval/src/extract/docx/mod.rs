//! Word documents: Office Open XML, ISO/IEC 29500-1 (`WordprocessingML`), read as a stream.
//!
//! A ZIP of 25 MB can decompress to gigabytes and its directory may be wrong, so no declared size is trusted: bytes are
//! counted while they are decompressed, and at most one XML event is in memory at a time.

mod body;
mod notes;
mod package;
mod styles;
mod xml;

use super::{ExtractError, Extracted};
use package::Package;

/// Extracts the text of a Word document, one section per heading.
pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let mut package = Package::open(bytes)?;
    let main = package.main_part()?;
    let folder = main.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let styles = package
        .read(&format!("{folder}/styles.xml"), styles::read)?
        .unwrap_or_default();
    let footnotes = package
        .read(&format!("{folder}/footnotes.xml"), notes::read)?
        .unwrap_or_default();
    let endnotes = package
        .read(&format!("{folder}/endnotes.xml"), notes::read)?
        .unwrap_or_default();
    let context = body::Context {
        styles,
        footnotes,
        endnotes,
    };
    let sections = package.read(&main, |xml| body::read(xml, context))?;
    Ok(Extracted {
        sections: sections.unwrap_or_default(),
        pages: None,
    })
}

#[cfg(test)]
mod tests;
