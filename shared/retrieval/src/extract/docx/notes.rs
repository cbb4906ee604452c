//! Footnotes, endnotes and comments by their ID (`word/footnotes.xml`, `word/comments.xml`).
//!
//! A note is removed from the map when it is inserted: a second reference does not repeat it.

use std::collections::HashMap;

use super::super::package::TextBudget;
use super::super::xml::{Event, Failure, Xml};

pub(super) type Notes = HashMap<String, Note>;

#[derive(Debug, Default)]
pub(super) struct Note {
    /// Of comments.
    pub(super) author: Option<String>,
    pub(super) text: String,
}

const NOTES: [&str; 3] = ["footnote", "endnote", "comment"];

pub(super) fn read(xml: &mut Xml<'_>) -> Result<Notes, Failure> {
    let mut notes = Notes::new();
    let mut budget = TextBudget::default();
    let mut id = None;
    let mut note = Note::default();
    let mut in_text = false;
    while let Some(event) = xml.next()? {
        match &event {
            Event::Start { .. } if NOTES.iter().any(|name| event.starts(name)) => {
                // Notes with a type are the separators between text and notes.
                id = if event.attribute("type").is_none_or(|kind| kind == "normal") {
                    event.attribute("id")
                } else {
                    None
                };
                note = Note {
                    author: event.attribute("author"),
                    text: String::new(),
                };
            }
            Event::Start { is_empty, .. } if event.starts("t") => in_text = !is_empty,
            Event::Start { .. } if event.starts("tab") || event.starts("br") => note.text.push(' '),
            Event::End(tag) => match tag.local_name().as_ref() {
                "t" => in_text = false,
                "p" => note.text.push(' '),
                name if NOTES.contains(&name) => {
                    if let Some(id) = id.take() {
                        notes.insert(id, std::mem::take(&mut note));
                    }
                }
                _ => {}
            },
            Event::Text(part) if in_text && id.is_some() => {
                budget.spend(part.len())?;
                note.text.push_str(part);
            }
            _ => {}
        }
    }
    Ok(notes)
}
