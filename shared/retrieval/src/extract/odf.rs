//! `OpenDocument` texts, spreadsheets and presentations (ISO/IEC 26300), read as a stream.

use std::collections::HashSet;

use super::outline::Outline;
use super::package::{Package, TextBudget};
use super::xml::{Event, Failure, Xml};
use super::{ExtractError, Extracted, Section, clean, table};
use crate::{Kind, SourceLocation};

/// A repeated cell or row with text is repeated this often at most.
const MAX_REPEATED: usize = 1_000;
/// A repeated empty cell keeps the place of this many columns at most.
const MAX_EMPTY: usize = 256;
/// Longer presentations are refused.
const MAX_SLIDES: u32 = 5_000;

/// Elements whose content is not text of the document.
const SKIPPED: [&str; 8] = [
    "tracked-changes",
    "ruby-text",
    "forms",
    "desc",
    "note-citation",
    "bibliography-source",
    "page-number",
    "page-count",
];
/// Headers and footers of a page style.
const HEADERS: [&str; 6] = [
    "header",
    "header-first",
    "header-left",
    "footer",
    "footer-first",
    "footer-left",
];

pub(super) fn extract(bytes: &[u8], kind: Kind) -> Result<Extracted, ExtractError> {
    let mut package = Package::open(bytes, kind)?;
    let is_encrypted = package.read("META-INF/manifest.xml", |xml| {
        let mut found = false;
        while let Some(event) = xml.next()? {
            found |= event.starts("encryption-data");
        }
        Ok(found)
    })?;
    if is_encrypted == Some(true) {
        return Err(ExtractError::Encrypted(kind));
    }
    let mut reader = Reader::new(kind);
    let read = package.read("content.xml", |xml| reader.read(xml, None))?;
    if read.is_none() {
        return Err(package.damaged());
    }
    if reader.slide > MAX_SLIDES {
        return Err(ExtractError::TooLarge("it has more than 5,000 slides"));
    }
    let pages = (kind == Kind::Odp).then_some(reader.slide);
    let sections = match kind {
        Kind::Odt => {
            let mut sections = headers_and_footers(&mut package)?;
            sections.extend(reader.outline.finish().map_err(|_| super::TOO_MUCH_TEXT)?);
            sections
        }
        _ => reader.sections,
    };
    Ok(Extracted { sections, pages })
}

/// Returns the text of page headers and footers, each line once.
fn headers_and_footers(package: &mut Package<'_>) -> Result<Vec<Section>, ExtractError> {
    let mut reader = Reader::new(Kind::Odt);
    package.read("styles.xml", |xml| reader.read(xml, Some(&HEADERS)))?;
    let sections = reader.outline.finish().map_err(|_| super::TOO_MUCH_TEXT)?;
    let mut known = HashSet::new();
    let lines = sections.iter().flat_map(|section| section.text.lines());
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty() && known.insert(*line)).collect();
    Ok(Extracted::whole(lines.join("\n")).sections)
}

struct Reader {
    kind: Kind,
    outline: Outline,
    sections: Vec<Section>,
    /// Of the current sheet or slide.
    lines: Vec<String>,
    sheet: String,
    slide: u32,
    paragraphs: Vec<Paragraph>,
    /// The open rows, innermost last: tables may be nested.
    rows: Vec<Row>,
    list_depth: usize,
    /// The depth in comments, and their author.
    annotation: Option<Annotation>,
    in_notes: bool,
    /// Styles of tables that are not displayed, and the one that is being defined.
    hidden_styles: HashSet<String>,
    style: Option<String>,
    budget: TextBudget,
}

#[derive(Default)]
struct Paragraph {
    text: String,
    level: Option<usize>,
    after: Vec<String>,
}

#[derive(Default)]
struct Row {
    cells: Vec<String>,
    repeated: usize,
    cell: Cell,
}

#[derive(Default)]
struct Cell {
    text: String,
    repeated: usize,
}

#[derive(Default)]
struct Annotation {
    author: String,
    text: String,
    in_author: bool,
    in_date: bool,
}

impl Reader {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            outline: Outline::default(),
            sections: Vec::new(),
            lines: Vec::new(),
            sheet: String::new(),
            slide: 0,
            paragraphs: Vec::new(),
            rows: Vec::new(),
            list_depth: 0,
            annotation: None,
            in_notes: false,
            hidden_styles: HashSet::new(),
            style: None,
            budget: TextBudget::default(),
        }
    }

    /// Reads a part, or what is `within` elements of these names.
    fn read(&mut self, xml: &mut Xml<'_>, within: Option<&[&str]>) -> Result<(), Failure> {
        let (mut skipped, mut depth) = (0_usize, 0_usize);
        while let Some(event) = xml.next()? {
            if let Some(names) = within {
                match &event {
                    Event::Start { is_empty: false, .. }
                        if depth > 0 || names.iter().any(|name| event.starts(name)) =>
                    {
                        depth += 1;
                    }
                    Event::End(_) => depth = depth.saturating_sub(1),
                    _ => {}
                }
                if depth == 0 {
                    continue;
                }
            }
            if skipped > 0 || SKIPPED.iter().any(|name| event.starts(name)) || self.is_hidden_sheet(&event) {
                match &event {
                    Event::Start { is_empty: false, .. } => skipped += 1,
                    Event::End(_) => skipped -= 1,
                    _ => {}
                }
                continue;
            }
            match &event {
                Event::Start { tag, is_empty } => {
                    self.start(tag.local_name().as_ref(), &event, *is_empty)?;
                    if *is_empty {
                        self.end(tag.local_name().as_ref())?;
                    }
                }
                Event::Text(text) => self.push(text)?,
                Event::End(tag) => self.end(tag.local_name().as_ref())?,
            }
        }
        Ok(())
    }

    fn start(&mut self, name: &str, event: &Event<'_>, is_empty: bool) -> Result<(), Failure> {
        let count = |name| event.attribute(name).and_then(|count| count.parse::<usize>().ok());
        match name {
            "style" => self.style = event.attribute("name"),
            "table-properties" if event.attribute("display").as_deref() == Some("false") => {
                self.hidden_styles.extend(self.style.take());
            }
            "annotation" => self.annotation = Some(Annotation::default()),
            "creator" | "date" => {
                if let Some(annotation) = &mut self.annotation {
                    annotation.in_author = name == "creator";
                    annotation.in_date = name == "date";
                }
            }
            _ if self.annotation.is_some() => {}
            "p" | "h" => {
                let level = (name == "h").then(|| count("outline-level").unwrap_or(1).clamp(1, 10));
                self.paragraphs.push(Paragraph {
                    level,
                    ..Paragraph::default()
                });
            }
            "s" => self.push(&" ".repeat(count("c").unwrap_or(1).min(100)))?,
            "tab" | "line-break" => self.push(" ")?,
            "list-item" | "list-header" if !is_empty => self.list_depth += 1,
            "table" if self.kind == Kind::Ods && self.rows.is_empty() => {
                self.sheet = event.attribute("name").unwrap_or_default().chars().take(100).collect();
            }
            "table-row" => self.rows.push(Row {
                repeated: count("number-rows-repeated").unwrap_or(1),
                ..Row::default()
            }),
            "table-cell" | "covered-table-cell" => {
                if let Some(row) = self.rows.last_mut() {
                    row.cell = Cell {
                        text: String::new(),
                        repeated: count("number-columns-repeated").unwrap_or(1),
                    };
                }
            }
            "notes" => self.in_notes = true,
            "page" => self.slide += 1,
            _ => {}
        }
        Ok(())
    }

    /// Returns whether a sheet begins that is not displayed.
    fn is_hidden_sheet(&self, event: &Event<'_>) -> bool {
        let is_sheet = self.kind == Kind::Ods && self.rows.is_empty() && event.starts("table");
        is_sheet
            && event
                .attribute("style-name")
                .is_some_and(|style| self.hidden_styles.contains(&style))
    }

    fn push(&mut self, text: &str) -> Result<(), Failure> {
        if let Some(annotation) = &mut self.annotation {
            self.budget.spend(text.len())?;
            if annotation.in_author {
                annotation.author.push_str(text);
            } else if !annotation.in_date {
                annotation.text.push_str(text);
            }
        } else if let Some(paragraph) = self.paragraphs.last_mut() {
            self.budget.spend(text.len())?;
            paragraph.text.push_str(text);
        }
        Ok(())
    }

    fn end(&mut self, name: &str) -> Result<(), Failure> {
        if let Some(annotation) = &mut self.annotation {
            match name {
                "annotation" => self.end_annotation(),
                "creator" => annotation.in_author = false,
                "date" => annotation.in_date = false,
                "p" => annotation.text.push(' '),
                _ => {}
            }
            return Ok(());
        }
        match name {
            "p" | "h" => {
                if let Some(paragraph) = self.paragraphs.pop() {
                    self.paragraph(paragraph);
                }
            }
            "list-item" | "list-header" => self.list_depth = self.list_depth.saturating_sub(1),
            "table-cell" | "covered-table-cell" => self.end_cell()?,
            "table-row" => self.end_row()?,
            "table" if self.kind == Kind::Ods && self.rows.is_empty() => {
                let place = SourceLocation::Heading(clean::collapse(&clean::normalize(&self.sheet)));
                self.end_section(place);
            }
            "notes" => self.in_notes = false,
            "page" => self.end_section(SourceLocation::Page(self.slide)),
            _ => {}
        }
        Ok(())
    }

    fn end_annotation(&mut self) {
        let Some(Annotation { author, text, .. }) = self.annotation.take() else {
            return;
        };
        let (author, text) = (clean::collapse(&author), clean::collapse(&clean::normalize(&text)));
        if text.is_empty() {
            return;
        }
        let comment = if author.is_empty() {
            format!("Comment: {text}")
        } else {
            format!("Comment by {author}: {text}")
        };
        match self.paragraphs.last_mut() {
            Some(paragraph) => paragraph.after.push(comment),
            None => self.block(&comment),
        }
    }

    fn paragraph(&mut self, paragraph: Paragraph) {
        let text = clean::collapse(&clean::normalize(&paragraph.text));
        // A note stands in the paragraph that refers to it, and follows it.
        if let Some(outer) = self.paragraphs.last_mut() {
            outer.after.extend(Some(text).filter(|text| !text.is_empty()));
            outer.after.extend(paragraph.after);
            return;
        }
        let is_item = self.list_depth > 0 && self.rows.is_empty() && !clean::is_list_item(&text);
        match paragraph.level {
            Some(level) if self.kind == Kind::Odt && self.rows.is_empty() && !text.is_empty() => {
                self.outline.heading(level, &text);
            }
            _ if text.is_empty() => {}
            _ if self.in_notes => self.block(&format!("Notes: {text}")),
            _ if is_item => self.block(&format!("- {text}")),
            _ => self.block(&text),
        }
        for after in paragraph.after {
            self.block(&after);
        }
    }

    fn block(&mut self, text: &str) {
        if let Some(row) = self.rows.last_mut() {
            if !row.cell.text.is_empty() {
                row.cell.text.push(' ');
            }
            row.cell.text.push_str(text);
        } else if self.kind == Kind::Odt {
            self.outline.block(text);
        } else {
            self.lines.push(text.to_owned());
        }
    }

    fn end_cell(&mut self) -> Result<(), Failure> {
        let Some(row) = self.rows.last_mut() else { return Ok(()) };
        let Cell { text, repeated } = std::mem::take(&mut row.cell);
        let most = if text.is_empty() { MAX_EMPTY } else { MAX_REPEATED };
        for _ in 0..repeated.min(most) {
            self.budget.spend(text.len() + 3)?;
            row.cells.push(text.clone());
        }
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), Failure> {
        let Some(mut row) = self.rows.pop() else { return Ok(()) };
        if self.kind == Kind::Ods {
            // Rows end with an empty cell that is repeated to the last column of the sheet.
            let filled = row
                .cells
                .iter()
                .rposition(|cell| !cell.is_empty())
                .map_or(0, |last| last + 1);
            row.cells.truncate(filled);
        }
        let Some(line) = table::row(&row.cells) else {
            return Ok(());
        };
        for _ in 0..row.repeated.min(MAX_REPEATED) {
            self.budget.spend(line.len())?;
            self.block(&line);
        }
        Ok(())
    }

    fn end_section(&mut self, place: SourceLocation) {
        let text = std::mem::take(&mut self.lines).join("\n");
        if !text.is_empty() {
            self.sections.push(Section { place, text });
        }
    }
}

#[cfg(test)]
mod tests;
