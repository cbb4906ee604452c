//! The text of a Word document (`word/document.xml`), of a page header or a footer.

use super::super::outline::Outline;
use super::super::package::TextBudget;
use super::super::xml::{Event, Failure, Xml};
use super::super::{Section, clean};
use super::fields::{Fields, FormControl, is_page_number};
use super::notes::{Note, Notes};
use super::numbering::{Label, Numbering};
use super::styles::{Styles, outline_level};
use super::symbols;
use super::tables::Tables;

/// What the text refers to.
pub(super) struct Context {
    pub(super) styles: Styles,
    pub(super) numbering: Numbering,
    pub(super) footnotes: Notes,
    pub(super) endnotes: Notes,
    pub(super) comments: Notes,
}

/// Elements whose content is not text of the document: alternative drawings for old programs, deleted and moved text,
/// former properties, pronunciations.
const SKIPPED: [&str; 11] = [
    "Fallback",
    "del",
    "moveFrom",
    "delText",
    "delInstrText",
    "rt",
    "pPrChange",
    "rPrChange",
    "tblPrChange",
    "trPrChange",
    "tcPrChange",
];
/// A page number alone, with no more letters than `Page of` around it, is no text.
const PAGE_WORDS: usize = 12;

pub(super) fn read(xml: &mut Xml<'_>, context: &mut Context) -> Result<Vec<Section>, Failure> {
    let mut body = Body::new(context);
    let mut skipped: Option<(String, usize)> = None;
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
                if body.skips(name) {
                    skipped = (!is_empty).then(|| (name.to_owned(), 1));
                } else {
                    body.reading = match name {
                        "t" if !is_empty => Reading::Text,
                        "instrText" if !is_empty => Reading::FieldCode,
                        _ => Reading::Nothing,
                    };
                    body.start(name, &event, *is_empty)?;
                }
            }
            Event::Text(text) => match body.reading {
                Reading::Text => body.push(text)?,
                Reading::FieldCode => body.fields.code(text),
                Reading::Nothing => {}
            },
            Event::End(tag) => {
                body.reading = Reading::Nothing;
                body.end(tag.local_name().as_ref())?;
            }
        }
    }
    body.outline.finish().map_err(|_| Failure::TooMuchText)
}

/// What the text of the current element is.
enum Reading {
    Nothing,
    Text,
    FieldCode,
}

#[derive(Default, Clone, Copy)]
enum Level {
    #[default]
    OfStyle,
    Heading(usize),
    /// Whatever the style.
    Text,
}

/// An unfinished paragraph. A text box nests paragraphs in one.
#[derive(Default)]
struct Paragraph {
    text: String,
    style: Option<String>,
    /// The heading level of its own.
    level: Level,
    /// The list of its own; `0` is none whatever the style.
    list: Option<String>,
    list_level: Option<usize>,
    /// Hidden text (`w:vanish`), which readers of the document do not see.
    is_hidden: bool,
    has_page_number: bool,
    notes: Vec<String>,
}

struct Body<'a> {
    context: &'a mut Context,
    outline: Outline,
    paragraphs: Vec<Paragraph>,
    tables: Tables,
    fields: Fields,
    control: FormControl,
    /// For each open content control whether its content is a hint for who fills it in.
    placeholders: Vec<bool>,
    in_row_properties: bool,
    reading: Reading,
    budget: TextBudget,
}

impl<'a> Body<'a> {
    fn new(context: &'a mut Context) -> Self {
        Self {
            context,
            outline: Outline::default(),
            paragraphs: Vec::new(),
            tables: Tables::default(),
            fields: Fields::default(),
            control: FormControl::default(),
            placeholders: Vec::new(),
            in_row_properties: false,
            reading: Reading::Nothing,
            budget: TextBudget::default(),
        }
    }

    fn skips(&mut self, name: &str) -> bool {
        if name == "del" && self.in_row_properties {
            self.tables.delete_row();
        }
        SKIPPED.contains(&name) || (name == "sdtContent" && self.placeholders.last() == Some(&true))
    }

    fn start(&mut self, name: &str, event: &Event<'_>, is_empty: bool) -> Result<(), Failure> {
        let value = || event.attribute("val");
        match name {
            "p" if !is_empty => self.paragraphs.push(Paragraph::default()),
            "tbl" if !is_empty => self.tables.begin_table(),
            "tr" if !is_empty => self.tables.begin_row(),
            "tc" if !is_empty => self.tables.begin_cell(),
            "trPr" if !is_empty => self.in_row_properties = true,
            "gridBefore" | "gridSpan" | "vMerge" => self.tables.property(name, value().as_deref()),
            "tab" | "br" | "cr" | "ptab" => self.push(" ")?,
            "noBreakHyphen" => self.push("-")?,
            "sym" => {
                let attribute = |name| event.attribute(name).unwrap_or_default();
                if let Some(c) = symbols::character(&attribute("font"), &attribute("char")) {
                    self.push(c.encode_utf8(&mut [0; 4]))?;
                }
            }
            "footnoteReference" | "endnoteReference" | "commentReference" => self.note(name, event),
            "fldChar" => {
                let kind = event.attribute("fldCharType").unwrap_or_default();
                if self.fields.mark(&kind) {
                    self.note_page_number();
                }
            }
            "fldSimple" if !is_empty => {
                let code = event.attribute("instr").unwrap_or_default();
                if is_page_number(&code) {
                    self.note_page_number();
                }
                self.fields.mark("begin");
                self.fields.code(&code);
                self.fields.mark("separate");
            }
            "checkBox" | "ddList" => self.control = FormControl::default(),
            "checked" | "default" | "result" | "listEntry" => self.control.property(name, value()),
            "sdt" if !is_empty => self.placeholders.push(false),
            "showingPlcHdr" => {
                if let Some(is_placeholder) = self.placeholders.last_mut() {
                    *is_placeholder = is_on(value().as_deref());
                }
            }
            "pStyle" | "outlineLvl" | "numId" | "ilvl" | "r" | "vanish" => self.property(name, event),
            _ => {}
        }
        Ok(())
    }

    fn property(&mut self, name: &str, event: &Event<'_>) {
        let Some(paragraph) = self.paragraphs.last_mut() else {
            return;
        };
        let value = event.attribute("val");
        match name {
            "pStyle" => paragraph.style = value,
            "outlineLvl" => {
                paragraph.level = value
                    .as_deref()
                    .and_then(outline_level)
                    .map_or(Level::Text, Level::Heading);
            }
            "numId" => paragraph.list = value,
            "ilvl" => paragraph.list_level = value.and_then(|value| value.parse().ok()),
            "r" => paragraph.is_hidden = false,
            "vanish" => paragraph.is_hidden = is_on(value.as_deref()),
            _ => {}
        }
    }

    fn note(&mut self, reference: &str, event: &Event<'_>) {
        let Some(paragraph) = self.paragraphs.last_mut() else {
            return;
        };
        let notes = match reference {
            "footnoteReference" => &mut self.context.footnotes,
            "endnoteReference" => &mut self.context.endnotes,
            _ => &mut self.context.comments,
        };
        let note = event.attribute("id").and_then(|id| notes.remove(&id));
        paragraph.notes.extend(note.map(|Note { author, text }| match author {
            Some(author) if !author.trim().is_empty() => format!("Comment by {author}: {text}"),
            _ if reference == "commentReference" => format!("Comment: {text}"),
            _ => text,
        }));
    }

    fn note_page_number(&mut self) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.has_page_number = true;
        }
    }

    fn push(&mut self, text: &str) -> Result<(), Failure> {
        let is_shown = self.fields.shows_text();
        if let Some(paragraph) = self
            .paragraphs
            .last_mut()
            .filter(|paragraph| !paragraph.is_hidden && is_shown)
        {
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
            "trPr" => self.in_row_properties = false,
            "tr" => {
                for line in self.tables.end_row(&mut self.budget)? {
                    self.block(&line);
                }
            }
            "tbl" => self.tables.end_table(),
            "fldSimple" => {
                self.fields.mark("end");
            }
            // Where the control stands: before the result of its field.
            "checkBox" => self.push_control(self.control.check_mark())?,
            "ddList" => {
                let choice = self.control.choice().to_owned();
                self.push_control(&choice)?;
            }
            "sdt" => {
                self.placeholders.pop();
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds the value of a form control, which stands in the code of its field.
    fn push_control(&mut self, text: &str) -> Result<(), Failure> {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            self.budget.spend(text.len() + 1)?;
            paragraph.text.push_str(text);
            paragraph.text.push(' ');
        }
        Ok(())
    }

    fn finish(&mut self, paragraph: Paragraph) -> Result<(), Failure> {
        let text = clean::collapse(&clean::normalize(&paragraph.text));
        let letters = || text.chars().filter(|c| c.is_alphabetic()).count();
        let label = self.label(&paragraph);
        let in_table = self.tables.is_in_cell();
        let level_of_style = paragraph
            .style
            .as_deref()
            .and_then(|style| self.context.styles.level(style));
        if text.is_empty() || (paragraph.has_page_number && letters() <= PAGE_WORDS) {
            // Nothing but its notes.
        } else {
            let text = match label {
                Some(Label::Number(number)) => {
                    self.budget.spend(number.len())?;
                    format!("{number}{text}")
                }
                Some(Label::Bullet) if !in_table && !clean::is_list_item(&text) => format!("- {text}"),
                _ => text,
            };
            let level = match paragraph.level {
                Level::OfStyle => level_of_style,
                Level::Heading(level) => Some(level),
                Level::Text => None,
            };
            match level {
                Some(level) if !in_table => self.outline.heading(level, &text),
                _ => self.block(&text),
            }
        }
        for note in paragraph.notes {
            self.budget.spend(note.len())?;
            self.block(&clean::collapse(&clean::normalize(&note)));
        }
        Ok(())
    }

    /// Counts a paragraph of a list.
    fn label(&mut self, paragraph: &Paragraph) -> Option<Label> {
        let style = paragraph.style.as_deref();
        let of_style = style.and_then(|style| self.context.styles.list(style));
        let (list, level_of_style) = match (&paragraph.list, of_style) {
            (Some(own), _) => (own.clone(), None),
            (None, Some((list, level))) => (list, level),
            (None, None) => return None,
        };
        if list == "0" {
            return None;
        }
        let numbering = &mut self.context.numbering;
        let implied = || style.and_then(|style| numbering.level_of_style(&list, style));
        let level = paragraph.list_level.or_else(implied).or(level_of_style).unwrap_or(0);
        if numbering.is_known(&list) {
            numbering.next(&list, level)
        } else {
            Some(Label::Bullet)
        }
    }

    /// Adds a finished block to the open table cell, or as a paragraph.
    fn block(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(text) = self.tables.push(text) {
            self.outline.block(text);
        }
    }
}

fn is_on(value: Option<&str>) -> bool {
    !matches!(value, Some("0" | "false" | "off"))
}
