//! Heading levels and lists of styles (`word/styles.xml`).

use std::collections::HashMap;

use super::super::xml::{Event, Failure, Xml};

/// A style may be based on another; longer chains are loops.
const LONGEST_CHAIN: usize = 16;

/// The heading levels and lists of paragraph styles, by style ID.
#[derive(Debug, Default)]
pub(super) struct Styles {
    own: HashMap<String, Style>,
}

#[derive(Debug, Default, Clone)]
struct Style {
    level: Option<usize>,
    /// The list, and the level in it.
    list: Option<String>,
    list_level: Option<usize>,
    based_on: Option<String>,
}

impl Styles {
    /// Returns the level of a heading style, 1 being the outermost; `None` for text.
    pub(super) fn level(&self, style: &str) -> Option<usize> {
        let mut id = style;
        for _ in 0..LONGEST_CHAIN {
            let Some(found) = self.own.get(id) else {
                // Documents without a style part still use Word's own IDs.
                return name_level(id);
            };
            if found.level.is_some() {
                return found.level;
            }
            id = found.based_on.as_deref()?;
        }
        None
    }

    /// Returns the list to which paragraphs of a style belong, and their level in it if the style has one.
    pub(super) fn list(&self, style: &str) -> Option<(String, Option<usize>)> {
        let mut id = style;
        let mut level = None;
        for _ in 0..LONGEST_CHAIN {
            let found = self.own.get(id)?;
            level = level.or(found.list_level);
            if let Some(list) = &found.list {
                return Some((list.clone(), level));
            }
            id = found.based_on.as_deref()?;
        }
        None
    }
}

pub(super) fn read(xml: &mut Xml<'_>) -> Result<Styles, Failure> {
    let mut styles = Styles::default();
    let mut id = String::new();
    let mut style = Style::default();
    while let Some(event) = xml.next()? {
        match &event {
            Event::Start { .. } if event.starts("style") => {
                id = event.attribute("styleId").unwrap_or_default();
                style = Style::default();
            }
            // Word translates IDs (`berschrift1`), but not these names.
            Event::Start { .. } if event.starts("name") => {
                style.level = style.level.or(event.attribute("val").as_deref().and_then(name_level));
            }
            Event::Start { .. } if event.starts("basedOn") => style.based_on = event.attribute("val"),
            Event::Start { .. } if event.starts("outlineLvl") => {
                style.level = event.attribute("val").as_deref().and_then(outline_level);
            }
            Event::Start { .. } if event.starts("numId") => style.list = event.attribute("val"),
            Event::Start { .. } if event.starts("ilvl") => {
                style.list_level = event.attribute("val").and_then(|value| value.parse().ok());
            }
            Event::End(_) if event.ends("style") => {
                styles.own.insert(std::mem::take(&mut id), std::mem::take(&mut style));
            }
            _ => {}
        }
    }
    Ok(styles)
}

/// Returns the level of `heading 2`, `Heading2`; a title is above all headings.
fn name_level(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    if name == "title" {
        return Some(1);
    }
    let number: usize = name.strip_prefix("heading")?.trim().parse().ok()?;
    // One below, so that a title can be above.
    (1..=9).contains(&number).then_some(number + 1)
}

/// `w:outlineLvl` counts from 0; 9 means text (ISO/IEC 29500-1, 17.3.1.20).
pub(super) fn outline_level(value: &str) -> Option<usize> {
    let level: usize = value.parse().ok()?;
    (level < 9).then_some(level + 2)
}
