//! Excel workbooks: Office Open XML, ISO/IEC 29500-1 (`SpreadsheetML`), read as a stream. One section per visible sheet.

mod format;
mod sheet;
mod styles;

use super::package::{Package, TextBudget};
use super::xml::{Event, Failure, Xml};
use super::{ExtractError, Extracted, Section, clean};
use crate::{Kind, SourceLocation};

/// Excel has no limit; more sheets than this are not read.
const MAX_SHEETS: usize = 5_000;

/// What the cells of a workbook refer to.
#[derive(Default)]
struct Workbook {
    strings: SharedStrings,
    styles: styles::Styles,
    /// Days are counted from 1904, as old Macs did.
    is_1904: bool,
}

/// A sheet that is not hidden.
struct Sheet {
    name: String,
    relationship: String,
}

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let mut package = Package::open(bytes, Kind::Xlsx)?;
    let main = package.main_part("xl/workbook.xml")?;
    let relationships = package.relationships(&main)?;
    let part = |role: &str| {
        relationships
            .values()
            .find(|other| other.role == role)
            .map(|other| other.target.clone())
    };
    let mut workbook = Workbook::default();
    let sheets = package
        .read(&main, |xml| read_sheets(xml, &mut workbook))?
        .unwrap_or_default();
    if let Some(part) = part("sharedStrings") {
        workbook.strings = package.read(&part, read_strings)?.unwrap_or_default();
    }
    if let Some(part) = part("styles") {
        workbook.styles = package.read(&part, styles::read)?.unwrap_or_default();
    }
    let mut budget = TextBudget::default();
    let mut sections = Vec::new();
    for sheet in sheets {
        let Some(target) = relationships
            .get(&sheet.relationship)
            .filter(|other| other.role == "worksheet")
        else {
            continue;
        };
        let text = package
            .read(&target.target, |xml| sheet::read(xml, &workbook, &mut budget))?
            .unwrap_or_default();
        if !text.is_empty() {
            sections.push(Section {
                place: SourceLocation::Heading(clean::collapse(&clean::normalize(&sheet.name))),
                text,
            });
        }
    }
    Ok(Extracted { sections, pages: None })
}

fn read_sheets(xml: &mut Xml<'_>, workbook: &mut Workbook) -> Result<Vec<Sheet>, Failure> {
    let mut sheets = Vec::new();
    while let Some(event) = xml.next()? {
        if event.starts("workbookPr") {
            workbook.is_1904 = event
                .attribute("date1904")
                .is_some_and(|value| value == "1" || value == "true");
        }
        let is_visible = || event.attribute("state").is_none_or(|state| state == "visible");
        if event.starts("sheet") && is_visible() && sheets.len() < MAX_SHEETS {
            sheets.push(Sheet {
                name: event.attribute("name").unwrap_or_default().chars().take(100).collect(),
                relationship: event.prefixed_attribute("id").unwrap_or_default(),
            });
        }
    }
    Ok(sheets)
}

/// The texts of cells, stored once each.
#[derive(Default)]
struct SharedStrings {
    text: String,
    ends: Vec<usize>,
}

impl SharedStrings {
    fn get(&self, index: usize) -> Option<&str> {
        let start = index
            .checked_sub(1)
            .map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(start..*self.ends.get(index)?)
    }
}

fn read_strings(xml: &mut Xml<'_>) -> Result<SharedStrings, Failure> {
    let mut strings = SharedStrings::default();
    let mut budget = TextBudget::default();
    let mut in_text = false;
    let mut in_pronunciation = false;
    while let Some(event) = xml.next()? {
        match &event {
            Event::Start { tag, is_empty } => match tag.local_name().as_ref() {
                "t" => in_text = !is_empty && !in_pronunciation,
                "rPh" => in_pronunciation = !is_empty,
                "si" if *is_empty => strings.ends.push(strings.text.len()),
                _ => {}
            },
            Event::Text(text) if in_text => {
                budget.spend(text.len())?;
                strings.text.push_str(text);
            }
            Event::Text(_) => {}
            Event::End(tag) => match tag.local_name().as_ref() {
                "t" => in_text = false,
                "rPh" => in_pronunciation = false,
                "si" => strings.ends.push(strings.text.len()),
                _ => {}
            },
        }
    }
    Ok(strings)
}

#[cfg(test)]
mod tests;
