//! Presentations of Microsoft Office: Office Open XML, ISO/IEC 29500-1 (`PresentationML`). One page per slide, in the order of
//! the presentation, with the title first and the notes at the end.

use std::collections::HashSet;

use super::package::{Package, TextBudget};
use super::xml::{Event, Failure, Xml};
use super::{ExtractError, Extracted, Section, clean, table};
use crate::{Kind, SourceLocation};

/// Longer presentations are refused.
const MAX_SLIDES: usize = 5_000;
const TOO_MANY_SLIDES: ExtractError = ExtractError::TooLarge("it has more than 5,000 slides");

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let mut package = Package::open(bytes, Kind::Pptx)?;
    let main = package.main_part("ppt/presentation.xml")?;
    let relationships = package.relationships(&main)?;
    let ids = package.read(&main, slide_ids)?.unwrap_or_default();
    if ids.len() > MAX_SLIDES {
        return Err(TOO_MANY_SLIDES);
    }
    let mut reader = SlideReader::default();
    let mut sections = Vec::new();
    let mut pages = 0_u32;
    for id in ids {
        let Some(slide) = relationships.get(&id).filter(|other| other.role == "slide") else {
            continue;
        };
        pages += 1;
        let lines = reader.slide(&mut package, &slide.target)?;
        if !lines.is_empty() {
            sections.push(Section {
                place: SourceLocation::Page(pages),
                text: lines.join("\n"),
            });
        }
    }
    Ok(Extracted {
        sections,
        pages: Some(pages),
    })
}

fn slide_ids(xml: &mut Xml<'_>) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    while let Some(event) = xml.next()? {
        if event.starts("sldId") {
            ids.extend(event.prefixed_attribute("id"));
        }
    }
    Ok(ids)
}

#[derive(Default)]
struct SlideReader {
    budget: TextBudget,
    /// Footers that were read on an earlier slide.
    footers: HashSet<String>,
}

impl SlideReader {
    fn slide(&mut self, package: &mut Package<'_>, part: &str) -> Result<Vec<String>, ExtractError> {
        let shapes = package
            .read(part, |xml| read_shapes(xml, &mut self.budget))?
            .unwrap_or_default();
        let (titles, others): (Vec<Shape>, Vec<Shape>) = shapes
            .into_iter()
            .partition(|shape| matches!(shape.role.as_str(), "title" | "ctrTitle"));
        let mut lines = Vec::new();
        for shape in titles.into_iter().chain(others) {
            match shape.role.as_str() {
                "sldNum" | "dt" => {}
                // Once, not on each slide.
                "ftr" | "hdr" => lines.extend(shape.lines.into_iter().filter(|line| self.footers.insert(line.clone()))),
                _ => lines.extend(shape.lines),
            }
        }
        let mut parts: Vec<_> = package.relationships(part)?.into_values().collect();
        parts.sort_unstable_by(|a, b| a.target.cmp(&b.target));
        for other in &parts {
            match other.role.as_str() {
                "chart" => lines.extend(
                    package
                        .read(&other.target, |xml| read_chart(xml, &mut self.budget))?
                        .unwrap_or_default(),
                ),
                "diagramData" => {
                    let shapes = package.read(&other.target, |xml| read_shapes(xml, &mut self.budget))?;
                    lines.extend(shapes.unwrap_or_default().into_iter().flat_map(|shape| shape.lines));
                }
                _ => {}
            }
        }
        if let Some(notes) = parts.iter().find(|other| other.role == "notesSlide") {
            let shapes = package
                .read(&notes.target, |xml| read_shapes(xml, &mut self.budget))?
                .unwrap_or_default();
            let body = shapes
                .into_iter()
                .filter(|shape| shape.role == "body")
                .flat_map(|shape| shape.lines);
            let text = body.collect::<Vec<_>>().join(" ");
            if !text.is_empty() {
                lines.push(format!("Notes: {text}"));
            }
        }
        Ok(lines)
    }
}

/// A shape with text or a table.
#[derive(Default)]
struct Shape {
    /// The type of its placeholder: `title`, `body`, `ftr`; empty if it has none.
    role: String,
    lines: Vec<String>,
}

/// Reads the shapes in the order of the file, which is the one in which screen readers read them.
fn read_shapes(xml: &mut Xml<'_>, budget: &mut TextBudget) -> Result<Vec<Shape>, Failure> {
    let mut shapes = vec![Shape::default()];
    let mut paragraph = String::new();
    let mut is_bullet = None;
    let mut row: Option<Vec<String>> = None;
    let mut in_text = false;
    // The choices of `mc:AlternateContent` repeat what they offer.
    let mut fallback = 0_usize;
    while let Some(event) = xml.next()? {
        if event.starts("Fallback") || fallback > 0 {
            match &event {
                Event::Start { is_empty: false, .. } => fallback += 1,
                Event::End(_) => fallback -= 1,
                _ => {}
            }
            continue;
        }
        let Some(shape) = shapes.last_mut() else { break };
        match &event {
            Event::Start { tag, is_empty } => match tag.local_name().as_ref() {
                "sp" | "graphicFrame" | "cxnSp" => shapes.push(Shape::default()),
                "ph" => shape.role = event.attribute("type").unwrap_or_else(|| "content".to_owned()),
                "t" => in_text = !is_empty,
                "br" | "tab" => paragraph.push(' '),
                "tr" if !is_empty => row = Some(Vec::new()),
                // A merged cell has an empty one for each further row and column.
                "tc" => {
                    if let Some(row) = &mut row {
                        row.push(String::new());
                    }
                }
                "buChar" | "buAutoNum" => is_bullet = Some(true),
                _ => {}
            },
            Event::Text(text) if in_text => {
                budget.spend(text.len())?;
                paragraph.push_str(text);
            }
            Event::Text(_) => {}
            Event::End(tag) => match tag.local_name().as_ref() {
                "t" => in_text = false,
                "p" => {
                    let text = clean::collapse(&clean::normalize(&std::mem::take(&mut paragraph)));
                    let is_item = is_bullet.take().unwrap_or(false) && !clean::is_list_item(&text);
                    if let Some(cell) = row.as_mut().and_then(|row| row.last_mut()) {
                        cell.push_str(&text);
                        cell.push(' ');
                    } else if !text.is_empty() {
                        shape.lines.push(if is_item { format!("- {text}") } else { text });
                    }
                }
                "tr" => shape.lines.extend(row.take().and_then(|row| table::row(&row))),
                "sp" | "graphicFrame" => shapes.push(Shape::default()),
                _ => {}
            },
        }
    }
    shapes.retain(|shape| !shape.lines.is_empty());
    Ok(shapes)
}

/// Returns the titles of a chart and its values as a table: a row for each series, a column for each category.
fn read_chart(xml: &mut Xml<'_>, budget: &mut TextBudget) -> Result<Vec<String>, Failure> {
    /// Charts are read by people; longer rows are tables of data.
    const MOST_VALUES: usize = 200;
    let mut titles = String::new();
    let (mut header, mut row): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut part = String::new();
    let mut text = String::new();
    let mut in_text = false;
    while let Some(event) = xml.next()? {
        match &event {
            Event::Start { tag, is_empty } => match tag.local_name().as_ref() {
                "ser" => row = vec![String::new()],
                name @ ("tx" | "cat" | "val" | "xVal" | "yVal") => name.clone_into(&mut part),
                "v" | "t" => in_text = !is_empty,
                _ => {}
            },
            Event::Text(value) if in_text => {
                budget.spend(value.len())?;
                text.push_str(value);
            }
            Event::Text(_) => {}
            Event::End(tag) => match tag.local_name().as_ref() {
                "t" => {
                    in_text = false;
                    titles.push_str(&std::mem::take(&mut text));
                }
                "p" if !titles.ends_with(' ') => titles.push(' '),
                "v" => {
                    in_text = false;
                    let value = std::mem::take(&mut text);
                    match part.as_str() {
                        "tx" if !row.is_empty() => row[0].push_str(&value),
                        // All series have the categories of the first one.
                        "cat" | "xVal" if rows.is_empty() && header.len() < MOST_VALUES => header.push(value),
                        "val" | "yVal" if !row.is_empty() && row.len() <= MOST_VALUES => row.push(value),
                        _ => {}
                    }
                }
                "ser" => rows.push(std::mem::take(&mut row)),
                _ => {}
            },
        }
    }
    let mut lines: Vec<String> = Some(clean::collapse(&clean::normalize(&titles)))
        .filter(|title| !title.is_empty())
        .into_iter()
        .collect();
    if !rows.is_empty() {
        header.insert(0, String::new());
        lines.extend(table::row(&header));
        lines.extend(rows.iter().filter_map(|row| table::row(row)));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests;
