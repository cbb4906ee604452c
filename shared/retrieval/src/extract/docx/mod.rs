//! Word documents: Office Open XML, ISO/IEC 29500-1 (`WordprocessingML`), read as a stream.

mod body;
mod fields;
mod notes;
mod number_format;
mod numbering;
mod styles;
mod symbols;
mod tables;

use super::package::{Package, Relationships};
use super::{ExtractError, Extracted, Section};
use crate::{Kind, SourceLocation};
use body::Context;

/// Extracts the text of a Word document, one section per heading. Page headers and footers come first, each once.
pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let mut package = Package::open(bytes, Kind::Docx)?;
    let main = package.main_part("word/document.xml")?;
    let folder = main.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let part = |name: &str| super::package::join(&folder, name);
    let mut context = Context {
        styles: package.read(&part("styles.xml"), styles::read)?.unwrap_or_default(),
        numbering: package
            .read(&part("numbering.xml"), numbering::read)?
            .unwrap_or_default(),
        footnotes: package.read(&part("footnotes.xml"), notes::read)?.unwrap_or_default(),
        endnotes: package.read(&part("endnotes.xml"), notes::read)?.unwrap_or_default(),
        comments: package.read(&part("comments.xml"), notes::read)?.unwrap_or_default(),
    };
    let relationships = package.relationships(&main)?;
    let body = package.read(&main, |xml| body::read(xml, &mut context))?;
    let mut sections: Vec<Section> = headers_and_footers(&mut package, relationships, &mut context)?
        .into_iter()
        .collect();
    sections.extend(body.unwrap_or_default());
    Ok(Extracted { sections, pages: None })
}

/// Most documents have six at most: of the first, the odd and the even pages.
const MOST_HEADERS: usize = 200;

fn headers_and_footers(
    package: &mut Package<'_>,
    relationships: Relationships,
    context: &mut Context,
) -> Result<Option<Section>, ExtractError> {
    let mut parts: Vec<_> = relationships
        .into_values()
        .filter(|relationship| ["header", "footer"].contains(&relationship.role.as_str()))
        // Headers before footers, in the order of their numbers.
        .map(|relationship| (relationship.role == "footer", relationship.target.len(), relationship.target))
        .collect();
    parts.sort_unstable();
    parts.dedup();
    let mut lines: Vec<String> = Vec::new();
    for (.., part) in parts.into_iter().take(MOST_HEADERS) {
        for section in package.read(&part, |xml| body::read(xml, context))?.unwrap_or_default() {
            for line in section.text.lines() {
                if !lines.iter().any(|seen| seen == line) {
                    lines.push(line.to_owned());
                }
            }
        }
    }
    let section = Section {
        place: SourceLocation::Whole,
        text: lines.join("\n"),
    };
    Ok(Some(section).filter(|section| !section.text.is_empty()))
}

#[cfg(test)]
mod tests;
