//! Footnotes and endnotes by their ID (`word/footnotes.xml`).
//!
//! A note is removed from the map when it is inserted: a second reference does not repeat it.

use std::collections::HashMap;

use super::package::TextBudget;
use super::xml::{Event, Failure, Xml};

pub(super) type Notes = HashMap<String, String>;

pub(super) fn read(xml: &mut Xml<'_>) -> Result<Notes, Failure> {
    let mut notes = Notes::new();
    let mut budget = TextBudget::default();
    let mut id = None;
    let mut text = String::new();
    let mut in_text = false;
    while let Some(event) = xml.next()? {
        match &event {
            Event::Start { .. } if event.starts("footnote") || event.starts("endnote") => {
                // Notes with a type are the separators between text and notes.
                id = if event.attribute("type").is_none_or(|kind| kind == "normal") {
                    event.attribute("id")
                } else {
                    None
                };
                text.clear();
            }
            Event::Start { is_empty, .. } if event.starts("t") => in_text = !is_empty,
            Event::Start { .. } if event.starts("tab") || event.starts("br") => text.push(' '),
            Event::End(tag) => match tag.local_name().as_ref() {
                "t" => in_text = false,
                "p" => text.push(' '),
                "footnote" | "endnote" => {
                    if let Some(id) = id.take() {
                        notes.insert(id, std::mem::take(&mut text));
                    }
                }
                _ => {}
            },
            Event::Text(part) if in_text && id.is_some() => {
                budget.spend(part.len())?;
                text.push_str(part);
            }
            _ => {}
        }
    }
    Ok(notes)
}
