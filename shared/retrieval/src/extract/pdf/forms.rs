//! What people write into a PDF: values of form fields (ISO 32000-2, 12.7) and notes (12.5).

use pdf_oxide::object::Object;

use super::geometry::{Area, Point};
use super::glyphs::Glyph;
use super::store::{Dictionary, Store, into_dictionary, number_of};
use super::strings;

/// Annotations of a page that are read; a map of links has thousands.
const MAX_ANNOTATIONS: usize = 5_000;
/// Nesting of fields. Real files stay below 6.
const MAX_PARENTS: usize = 16;
/// The usual size of values. Points.
const FONT_SIZE: f32 = 11.0;
/// Annotations that people write; links, popups and media are none.
const NOTES: &[&str] = &[
    "Text",
    "Highlight",
    "Underline",
    "Squiggly",
    "StrikeOut",
    "Caret",
    "Stamp",
    "Ink",
    "Square",
    "Circle",
    "Line",
    "Polygon",
    "PolyLine",
];
/// A longer value is no value of a form. Characters.
const LONGEST: usize = 20_000;

/// What was written into a page.
#[derive(Default)]
pub(super) struct Entries {
    /// The values of form fields, where they are shown: beside what the page prints in front of them.
    pub(super) values: Vec<Glyph>,
    /// `label: value` of the fields that have a label of their own, and notes.
    pub(super) lines: Vec<String>,
}

/// Reads the form fields and the notes of a page.
pub(super) fn read(store: &Store, page: &Dictionary) -> Entries {
    let mut entries = Entries::default();
    let rotation = store.entry(page, "Rotate").as_ref().and_then(number_of).unwrap_or(0.0);
    for annotation in store
        .array(page, "Annots")
        .unwrap_or_default()
        .iter()
        .take(MAX_ANNOTATIONS)
    {
        let Some(annotation) = into_dictionary(store.resolved(annotation)) else {
            continue;
        };
        let subtype = store.entry(&annotation, "Subtype");
        let line = match subtype.as_ref().and_then(Object::as_name) {
            Some("Widget") => {
                let Some((label, value)) = field(store, &annotation) else {
                    continue;
                };
                let line = label.map(|label| format!("{}: {value}", label.trim().trim_end_matches(':')));
                entries.values.extend(placed(store, &annotation, value, rotation));
                line
            }
            Some("FreeText") => text(store, &annotation, "Contents"),
            Some(subtype) if NOTES.contains(&subtype) => note(store, &annotation),
            _ => None,
        };
        // A field may be shown several times.
        entries.lines.extend(line.filter(|line| !entries.lines.contains(line)));
    }
    entries
}

/// Returns a value as text in its rectangle, on its first line.
fn placed(store: &Store, widget: &Dictionary, value: String, rotation: f32) -> Option<Glyph> {
    let Area {
        left,
        bottom,
        right,
        top,
    } = Area::between(store.numbers(widget, "Rect")?)?;
    // The reader sees the page turned clockwise; text that looks level was written upwards.
    let (sin, cos) = rotation.to_radians().sin_cos();
    let direction = Point { x: cos, y: sin };
    let (width, height) = if sin.abs() > 0.5 {
        (top - bottom, right - left)
    } else {
        (right - left, top - bottom)
    };
    let size = (0.75 * height).min(FONT_SIZE);
    let letters = value.chars().fold(0.0, |letters, _| letters + 1.0);
    let length = (0.5 * size * letters).min(width);
    // From the corner where text begins: down from the top, or in the middle of a single line.
    let down = if height > 2.5 * FONT_SIZE {
        size
    } else {
        f32::midpoint(height, 0.6 * size)
    };
    let corner = Point {
        x: if cos > 0.5 || sin > 0.5 { left } else { right },
        y: if cos > 0.5 || sin < -0.5 { top } else { bottom },
    };
    let at = |along: f32| Point {
        x: corner.x + along * cos + down * sin,
        y: corner.y + along * sin - down * cos,
    };
    Some(Glyph {
        text: value.into(),
        start: at(1.0),
        end: at(1.0 + length),
        size,
        direction,
        is_vertical: false,
    })
}

fn note(store: &Store, annotation: &Dictionary) -> Option<String> {
    let contents = text(store, annotation, "Contents")?;
    Some(match text(store, annotation, "T") {
        Some(author) => format!("[Note by {author}: {contents}]"),
        None => format!("[Note: {contents}]"),
    })
}

/// Returns the label, if there is one, and the value of a field that is filled in.
fn field(store: &Store, widget: &Dictionary) -> Option<(Option<String>, String)> {
    let field = Field::of(store, widget);
    let value = match field.name("FT")?.as_str() {
        "Tx" => text_of(&field.entry("V")?),
        "Ch" => choice(&field),
        "Btn" => button(store, &field, widget),
        _ => None,
    }?;
    let value = value.trim();
    if value.is_empty() || value.chars().count() > LONGEST {
        return None;
    }
    Some((label(&field), value.to_owned()))
}

/// A field: its widget and the fields above it, whose entries it inherits.
struct Field<'a> {
    store: &'a Store,
    levels: Vec<Dictionary>,
}

impl<'a> Field<'a> {
    fn of(store: &'a Store, widget: &Dictionary) -> Self {
        let mut levels = vec![widget.clone()];
        while levels.len() < MAX_PARENTS
            && let Some(parent) = levels.last().and_then(|level| store.dictionary(level, "Parent"))
        {
            levels.push(parent);
        }
        Self { store, levels }
    }

    fn entry(&self, key: &str) -> Option<Object> {
        self.levels.iter().find_map(|level| self.store.entry(level, key))
    }

    fn name(&self, key: &str) -> Option<String> {
        self.entry(key)?.as_name().map(str::to_owned)
    }
}

/// Returns what the user sees as the field's name, otherwise its last technical name that says something.
fn label(field: &Field<'_>) -> Option<String> {
    let of = |key| {
        let texts = field
            .levels
            .iter()
            .filter_map(move |level| text(field.store, level, key));
        texts
            .map(|text| without_index(&text))
            .find(|text| text.chars().any(char::is_alphabetic))
    };
    of("TU").or_else(|| of("T"))
}

/// Returns a name without the counters of XFA: `Name[0]`.
fn without_index(name: &str) -> String {
    match name.rfind('[') {
        Some(at) if name.ends_with(']') => name.get(..at).unwrap_or(name).to_owned(),
        _ => name.to_owned(),
    }
}

fn choice(field: &Field<'_>) -> Option<String> {
    let chosen = match field.entry("V")? {
        Object::Array(items) => items
            .iter()
            .filter_map(|item| text_of(&field.store.resolved(item)))
            .collect(),
        value => vec![text_of(&value)?],
    };
    let options = options(field);
    let shown = chosen.into_iter().map(|value| {
        let option = options.iter().find(|(export, _)| *export == value);
        option.map_or(value, |(_, shown)| shown.clone())
    });
    Some(shown.collect::<Vec<_>>().join(", "))
}

/// Returns the values of a choice with the texts that are shown for them.
fn options(field: &Field<'_>) -> Vec<(String, String)> {
    let Some(Object::Array(options)) = field.entry("Opt") else {
        return Vec::new();
    };
    let pair = |option: &Object| match field.store.resolved(option) {
        Object::Array(pair) => {
            let text = |at: usize| pair.get(at).and_then(|item| text_of(&field.store.resolved(item)));
            Some((text(0)?, text(1)?))
        }
        _ => None,
    };
    options.iter().take(MAX_ANNOTATIONS).filter_map(pair).collect()
}

/// Returns the state of a check box or radio button that is on.
fn button(store: &Store, field: &Field<'_>, widget: &Dictionary) -> Option<String> {
    const PUSH_BUTTON: i64 = 1 << 16;
    const RADIO: i64 = 1 << 15;
    let flags = match field.entry("Ff") {
        Some(Object::Integer(flags)) => flags,
        _ => 0,
    };
    if flags & PUSH_BUTTON != 0 {
        return None;
    }
    let state = store.entry(widget, "AS").or_else(|| field.entry("V"))?;
    let state = state.as_name().filter(|state| *state != "Off" && !state.is_empty())?;
    let is_plain = matches!(state.to_ascii_lowercase().as_str(), "yes" | "on" | "true" | "checked");
    if flags & RADIO == 0 && (is_plain || !state.chars().any(char::is_alphabetic)) {
        return Some("yes".to_owned());
    }
    // The state of a radio button may be an index into the options.
    let option = match (field.entry("Opt"), state.parse::<usize>()) {
        (Some(Object::Array(options)), Ok(index)) => {
            options.get(index).and_then(|option| text_of(&store.resolved(option)))
        }
        _ => None,
    };
    Some(option.unwrap_or_else(|| state.to_owned()))
}

fn text(store: &Store, dictionary: &Dictionary, key: &str) -> Option<String> {
    text_of(&store.entry(dictionary, key)?)
}

fn text_of(object: &Object) -> Option<String> {
    let text = match object {
        Object::String(bytes) => strings::decoded(bytes),
        Object::Name(name) => name.clone(),
        _ => return None,
    };
    // A value of several lines is one line of the page's text.
    let text = super::super::clean::collapse(&text);
    (!text.is_empty()).then(|| text.chars().take(LONGEST).collect())
}
