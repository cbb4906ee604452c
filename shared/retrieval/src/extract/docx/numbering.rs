//! Automatic numbers of paragraphs (`word/numbering.xml`, ISO/IEC 29500-1, 17.9).

use std::collections::{HashMap, HashSet};

use super::super::xml::{Event, Failure, Xml};
use super::number_format::NumberFormat;

/// Word's own limit.
const LEVELS: usize = 9;
/// A longer pattern is no number. Characters.
const MAX_LABEL: usize = 60;

/// The lists of a document, and how far each has been counted.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// Definitions (`w:abstractNum`) by ID.
    lists: HashMap<String, List>,
    /// What paragraphs refer to (`w:num`), by ID.
    instances: HashMap<String, Instance>,
    /// The number of the last paragraph on each level, by definition: instances of one definition count together.
    counters: HashMap<String, [Option<u32>; LEVELS]>,
    /// The definition of each list style, by the ID of the style.
    styles: HashMap<String, String>,
    /// The instances and levels whose own first number has been used.
    restarted: HashSet<(String, usize)>,
}

#[derive(Debug, Default)]
struct List {
    levels: HashMap<usize, Level>,
    /// The list style whose definition is to be used instead.
    uses_style: Option<String>,
}

#[derive(Debug, Default)]
struct Instance {
    list: String,
    starts: HashMap<usize, u32>,
    levels: HashMap<usize, Level>,
}

#[derive(Debug, Clone)]
struct Level {
    start: u32,
    format: NumberFormat,
    /// `%1.%2`
    pattern: String,
    /// Counted anew after a paragraph on a level above this one; 0 means never.
    restart_below: Option<usize>,
    /// All numbers of the pattern in digits.
    is_legal: bool,
    /// The paragraph style that implies this level.
    style: Option<String>,
    has_space: bool,
}

impl Default for Level {
    fn default() -> Self {
        Self {
            start: 1,
            format: NumberFormat::Decimal,
            pattern: String::new(),
            restart_below: None,
            is_legal: false,
            style: None,
            has_space: true,
        }
    }
}

/// What stands before the text of a paragraph.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Label {
    Bullet,
    /// With the space behind it.
    Number(String),
}

impl Numbering {
    pub(super) fn is_known(&self, instance: &str) -> bool {
        self.instances.contains_key(instance)
    }

    /// Returns the level that a style implies in a list.
    pub(super) fn level_of_style(&self, instance: &str, style: &str) -> Option<usize> {
        let list = self.list(&self.instances.get(instance)?.list)?.1;
        list.levels
            .iter()
            .filter(|(_, level)| level.style.as_deref() == Some(style))
            .map(|(index, _)| *index)
            .min()
    }

    /// Counts a paragraph and returns its label; `None` if the list is unknown or has no labels.
    pub(super) fn next(&mut self, id: &str, level: usize) -> Option<Label> {
        let level = level.min(LEVELS - 1);
        let instance = self.instances.get(id)?;
        let (list_id, list) = self.list(&instance.list)?;
        let definition = |index: usize| instance.levels.get(&index).or_else(|| list.levels.get(&index));
        let start_of = |index: usize| {
            let own = instance.starts.get(&index).copied();
            own.unwrap_or_else(|| definition(index).map_or(1, |level| level.start))
        };
        let mut counters = self.counters.get(list_id).copied().unwrap_or_default();
        for (index, counter) in counters.iter_mut().enumerate() {
            let restarts = definition(index).and_then(|level| level.restart_below).unwrap_or(index);
            if index < level {
                *counter = Some(counter.unwrap_or_else(|| start_of(index)));
            } else if index == level {
                let restarts =
                    instance.starts.contains_key(&level) && !self.restarted.contains(&(id.to_owned(), level));
                *counter = match *counter {
                    Some(number) if !restarts => Some(number.saturating_add(1)),
                    _ => Some(start_of(level)),
                };
            } else if level < restarts {
                *counter = None;
            }
        }
        let label =
            definition(level).and_then(|own| own.label(&counters, |index| definition(index).map(|level| level.format)));
        let list_id = list_id.to_owned();
        self.counters.insert(list_id, counters);
        self.restarted.insert((id.to_owned(), level));
        label
    }

    /// Returns a definition, or the one that its list style names.
    fn list(&self, id: &str) -> Option<(&str, &List)> {
        let (id, list) = self.lists.get_key_value(id)?;
        let Some(style) = &list.uses_style else {
            return Some((id, list));
        };
        let named = self.styles.get(style).and_then(|id| self.lists.get_key_value(id));
        let (id, list) = named.unwrap_or((id, list));
        Some((id, list))
    }
}

impl Level {
    fn label(
        &self,
        counters: &[Option<u32>; LEVELS],
        format_of: impl Fn(usize) -> Option<NumberFormat>,
    ) -> Option<Label> {
        if self.format == NumberFormat::Bullet {
            return Some(Label::Bullet);
        }
        let mut text = String::new();
        let mut chars = self.pattern.chars().peekable();
        while let Some(c) = chars.next() {
            let index = chars.peek().and_then(|digit| digit.to_digit(10)).filter(|_| c == '%');
            let Some(index) = index.and_then(|number| usize::try_from(number).ok()?.checked_sub(1)) else {
                text.push(c);
                continue;
            };
            chars.next();
            let format = format_of(index).unwrap_or_default();
            let format = if self.is_legal { NumberFormat::Decimal } else { format };
            let number = counters.get(index).copied().flatten();
            text.extend(number.map(|number| format.write(number)));
            if text.len() > MAX_LABEL {
                return None;
            }
        }
        let text = text.trim();
        let space = if self.has_space { " " } else { "" };
        (!text.is_empty()).then(|| Label::Number(format!("{text}{space}")))
    }
}

pub(super) fn read(xml: &mut Xml<'_>) -> Result<Numbering, Failure> {
    let mut numbering = Numbering::default();
    let (mut list_id, mut list) = (String::new(), List::default());
    let (mut instance_id, mut instance) = (String::new(), None::<Instance>);
    let mut overridden = 0;
    let mut level = None::<(usize, Level)>;
    while let Some(event) = xml.next()? {
        match &event {
            Event::Start { tag, is_empty } => {
                let value = event.attribute("val");
                match tag.local_name().as_ref() {
                    "abstractNum" => {
                        list_id = event.attribute("abstractNumId").unwrap_or_default();
                        list = List::default();
                    }
                    "num" => {
                        instance_id = event.attribute("numId").unwrap_or_default();
                        instance = Some(Instance::default());
                    }
                    "styleLink" => {
                        numbering.styles.insert(value.unwrap_or_default(), list_id.clone());
                    }
                    "numStyleLink" => list.uses_style = value,
                    "lvlOverride" => overridden = index(event.attribute("ilvl")).unwrap_or(0),
                    "startOverride" => {
                        let start = value.and_then(|value| value.parse().ok());
                        if let (Some(instance), Some(start)) = (&mut instance, start) {
                            instance.starts.insert(overridden, start);
                        }
                    }
                    "abstractNumId" => {
                        if let Some(instance) = &mut instance {
                            instance.list = value.unwrap_or_default();
                        }
                    }
                    "lvl" if !is_empty => level = index(event.attribute("ilvl")).map(|index| (index, Level::default())),
                    name => {
                        if let Some((_, level)) = &mut level {
                            level.property(name, value);
                        }
                    }
                }
            }
            Event::End(tag) => match tag.local_name().as_ref() {
                "lvl" => {
                    if let Some((index, level)) = level.take() {
                        let levels = instance
                            .as_mut()
                            .map_or(&mut list.levels, |instance| &mut instance.levels);
                        levels.insert(index, level);
                    }
                }
                "abstractNum" => {
                    numbering
                        .lists
                        .insert(std::mem::take(&mut list_id), std::mem::take(&mut list));
                }
                "num" => {
                    let finished = instance.take().unwrap_or_default();
                    numbering.instances.insert(std::mem::take(&mut instance_id), finished);
                }
                _ => {}
            },
            Event::Text(_) => {}
        }
    }
    Ok(numbering)
}

fn index(value: Option<String>) -> Option<usize> {
    value?.parse().ok().filter(|index| *index < LEVELS)
}

impl Level {
    fn property(&mut self, name: &str, value: Option<String>) {
        let number = || value.as_deref().and_then(|value| value.parse::<u32>().ok());
        match name {
            "start" => self.start = number().unwrap_or(1),
            "numFmt" => self.format = NumberFormat::from_name(value.as_deref().unwrap_or_default()),
            "lvlText" => self.pattern = value.unwrap_or_default().chars().take(MAX_LABEL).collect(),
            "lvlRestart" => self.restart_below = number().and_then(|number| usize::try_from(number).ok()),
            "isLgl" => self.is_legal = !matches!(value.as_deref(), Some("0" | "false" | "off")),
            "pStyle" => self.style = value,
            "suff" => self.has_space = value.as_deref() != Some("nothing"),
            _ => {}
        }
    }
}
