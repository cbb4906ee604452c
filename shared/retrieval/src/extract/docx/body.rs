//! The text of a Word document (`word/document.xml`).

use super::super::outline::Outline;
use super::super::{Section, clean};
use super::notes::Notes;
use super::package::TextBudget;
use super::styles::{Styles, outline_level};
use super::xml::{Event, Failure, Xml};

/// What the text refers to: styles and notes.
pub(super) struct Context {
    pub(super) styles: Styles,
    pub(super) footnotes: Notes,
    pub(super) endnotes: Notes,
}

/// Elements whose content is not text of the document: alternative drawings for old programs, deleted and moved text,
/// field codes.
const SKIPPED: [&str; 5] = ["Fallback", "del", "moveFrom", "instrText", "delText"];

pub(super) fn read(xml: &mut Xml<'_>, context: Context) -> Result<Vec<Section>, Failure> {
    let mut body = Body {
        context,
        outline: Outline::default(),
        paragraphs: Vec::new(),
        rows: Vec::new(),
        budget: TextBudget::default(),
    };
    let mut skipped: Option<(String, usize)> = None;
    let mut in_text = false;
    while let Some(event) = xml.next()? {
        if let Some((name, depth)) = &mut skipped {
            match &event {
                Event::Start { is_empty: false, .. } if event.starts(name) => *depth += 1,
                Event::End(_) if event.ends(name) => *depth -= 1,
                _ => {}
            }
            if *depth == 0 {
                skipped = None;
            }
            continue;
        }
        match &event {
            Event::Start { tag, is_empty } => {
                let name = tag.local_name();
                let name = name.as_ref();
                if SKIPPED.contains(&name) {
                    skipped = (!is_empty).then(|| (name.to_owned(), 1));
                } else {
                    in_text = name == "t" && !is_empty;
                    body.start(name, &event, *is_empty)?;
                }
            }
            Event::Text(text) if in_text => body.push(text)?,
            Event::Text(_) => {}
            Event::End(tag) => {
                in_text = false;
                body.end(tag.local_name().as_ref())?;
            }
        }
    }
    body.outline.finish().map_err(|_| Failure::TooMuchText)
}

/// An unfinished paragraph. A text box nests paragraphs in one.
#[derive(Default)]
struct Paragraph {
    text: String,
    level: Option<usize>,
    is_list_item: bool,
    /// Hidden text (`w:vanish`), which readers of the document do not see.
    is_hidden: bool,
    notes: Vec<String>,
}

struct Body {
    context: Context,
    outline: Outline,
    paragraphs: Vec<Paragraph>,
    /// The cells of the open table rows, innermost last.
    rows: Vec<Vec<String>>,
    budget: TextBudget,
}

impl Body {
    fn start(&mut self, name: &str, event: &Event<'_>, is_empty: bool) -> Result<(), Failure> {
        match name {
            "p" if !is_empty => self.paragraphs.push(Paragraph::default()),
            "tr" if !is_empty => self.rows.push(Vec::new()),
            "tc" if !is_empty => {
                if let Some(cells) = self.rows.last_mut() {
                    cells.push(String::new());
                }
            }
            "tab" | "br" | "cr" => self.push(" ")?,
            "noBreakHyphen" => self.push("-")?,
            "footnoteReference" | "endnoteReference" => self.note(name, event),
            "pStyle" | "outlineLvl" | "numId" | "r" | "vanish" => self.property(name, event),
            _ => {}
        }
        Ok(())
    }

    fn property(&mut self, name: &str, event: &Event<'_>) {
        let Some(paragraph) = self.paragraphs.last_mut() else {
            return;
        };
        let value = event.attribute("val");
        let is_on = !matches!(value.as_deref(), Some("0" | "false" | "off"));
        match name {
            "pStyle" => paragraph.level = value.and_then(|style| self.context.styles.level(&style)),
            "outlineLvl" => paragraph.level = value.as_deref().and_then(outline_level),
            "numId" => paragraph.is_list_item = value.as_deref() != Some("0"),
            "r" => paragraph.is_hidden = false,
            "vanish" => paragraph.is_hidden = is_on,
            _ => {}
        }
    }

    fn note(&mut self, reference: &str, event: &Event<'_>) {
        let Some(paragraph) = self.paragraphs.last_mut() else {
            return;
        };
        let notes = match reference {
            "footnoteReference" => &mut self.context.footnotes,
            _ => &mut self.context.endnotes,
        };
        paragraph
            .notes
            .extend(event.attribute("id").and_then(|id| notes.remove(&id)));
    }

    fn push(&mut self, text: &str) -> Result<(), Failure> {
        if let Some(paragraph) = self.paragraphs.last_mut().filter(|paragraph| !paragraph.is_hidden) {
            self.budget.spend(text.len())?;
            paragraph.text.push_str(text);
        }
        Ok(())
    }

    fn end(&mut self, name: &str) -> Result<(), Failure> {
        match name {
            "p" => {
                if let Some(paragraph) = self.paragraphs.pop() {
                    self.finish(paragraph)?;
                }
            }
            "tr" => {
                let cells: Vec<String> = self
                    .rows
                    .pop()
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|cell| !cell.is_empty())
                    .collect();
                self.block(&cells.join(" | "));
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, paragraph: Paragraph) -> Result<(), Failure> {
        let text = clean::collapse(&clean::normalize(&paragraph.text));
        let in_table = !self.rows.is_empty();
        match paragraph.level {
            Some(level) if !in_table && !text.is_empty() => self.outline.heading(level, &text),
            _ if paragraph.is_list_item && !in_table && !clean::is_list_item(&text) && !text.is_empty() => {
                self.block(&format!("- {text}"));
            }
            _ => self.block(&text),
        }
        for note in paragraph.notes {
            self.budget.spend(note.len())?;
            self.block(&clean::collapse(&clean::normalize(&note)));
        }
        Ok(())
    }

    /// Adds a finished block to the open table cell, or as a paragraph.
    fn block(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(cell) = self.rows.last_mut().and_then(|cells| cells.last_mut()) {
            if !cell.is_empty() {
                cell.push(' ');
            }
            cell.push_str(text);
        } else {
            self.outline.line(text);
            // Separates the paragraphs of the document.
            self.outline.line("");
        }
    }
}
