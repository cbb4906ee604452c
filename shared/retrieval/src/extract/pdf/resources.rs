//! The named resources of a content stream (ISO 32000-2, 7.8.3).

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use pdf_oxide::object::Object;

use super::content::Operand;
use super::font::Font;
use super::store::{Dictionary, Store, number_of};
use super::strings;

/// What reading a font costs that is written inside of the resources, in operators.
const OWN_FONT: usize = 2_000;

/// A font, unless it is damaged, and its size.
type SizedFont = (Option<Rc<Font>>, f32);

/// The resources of a page or form. What was looked up is kept: content may use a name a million times.
pub(super) struct Resources {
    fonts: Dictionary,
    pub(super) xobjects: Dictionary,
    properties: Dictionary,
    states: Dictionary,
    known_fonts: RefCell<HashMap<String, Option<Rc<Font>>>>,
    known_states: RefCell<HashMap<String, Option<SizedFont>>>,
    known_layers: RefCell<HashMap<String, bool>>,
    known_replacements: RefCell<HashMap<String, Option<String>>>,
}

impl Resources {
    pub(super) fn new(store: &Store, whole: &Dictionary) -> Self {
        let part = |key| store.dictionary(whole, key).unwrap_or_default();
        Self {
            fonts: part("Font"),
            xobjects: part("XObject"),
            properties: part("Properties"),
            states: part("ExtGState"),
            known_fonts: RefCell::default(),
            known_states: RefCell::default(),
            known_layers: RefCell::default(),
            known_replacements: RefCell::default(),
        }
    }

    /// Returns what reading them costs, in operators.
    pub(super) fn size(&self) -> usize {
        let own_fonts = self.fonts.values().filter(|font| font.as_reference().is_none()).count();
        self.fonts.len() + self.xobjects.len() + self.properties.len() + self.states.len() + own_fonts * OWN_FONT
    }

    /// Returns a font by its name.
    pub(super) fn font(&self, store: &Store, name: &str) -> Option<Rc<Font>> {
        let mut known = self.known_fonts.borrow_mut();
        if let Some(font) = known.get(name) {
            return font.clone();
        }
        // Viewers show text whose font is missing in a standard one.
        let font = self
            .fonts
            .get(name)
            .map_or_else(|| store.font(&substitute()), |font| store.font(font));
        known.insert(name.to_owned(), font.clone());
        font
    }

    /// Returns the font and its size that a graphics state sets, if it sets one.
    pub(super) fn state(&self, store: &Store, name: &str) -> Option<SizedFont> {
        let mut known = self.known_states.borrow_mut();
        if let Some(state) = known.get(name) {
            return state.clone();
        }
        let font = store
            .dictionary(&self.states, name)
            .and_then(|state| store.array(&state, "Font"));
        let state = match font.as_deref() {
            Some([font, size]) => Some((store.font(font), number_of(size).unwrap_or(0.0))),
            _ => None,
        };
        known.insert(name.to_owned(), state.clone());
        state
    }

    /// Returns whether marked content belongs to a layer that is hidden.
    pub(super) fn is_hidden(&self, store: &Store, operands: &[Operand]) -> bool {
        let [Operand::Name(tag), Operand::Name(name)] = operands else {
            return false;
        };
        if tag != "OC" {
            return false;
        }
        let mut known = self.known_layers.borrow_mut();
        if let Some(is_hidden) = known.get(name) {
            return *is_hidden;
        }
        let is_hidden = self.properties.get(name).is_some_and(|layer| store.is_hidden(layer));
        known.insert(name.clone(), is_hidden);
        is_hidden
    }

    /// Returns the text that replaces the glyphs of marked content (ISO 32000-2, 14.9.4).
    pub(super) fn replacement(&self, store: &Store, properties: &Operand) -> Option<String> {
        match properties {
            Operand::Dictionary(entries) => {
                let (_, value) = entries.iter().find(|(key, _)| key == "ActualText")?;
                match value {
                    Operand::String(bytes) => Some(strings::decoded(bytes)),
                    _ => None,
                }
            }
            Operand::Name(name) => {
                let mut known = self.known_replacements.borrow_mut();
                if let Some(text) = known.get(name) {
                    return text.clone();
                }
                let found = store.dictionary(&self.properties, name);
                let text = match found.and_then(|found| store.entry(&found, "ActualText")) {
                    Some(Object::String(bytes)) => Some(strings::decoded(&bytes)),
                    _ => None,
                };
                known.insert(name.clone(), text.clone());
                text
            }
            _ => None,
        }
    }
}

/// The dictionary of a font for text whose own is missing.
fn substitute() -> Object {
    let entries = [
        ("Type", "Font"),
        ("Subtype", "Type1"),
        ("BaseFont", "Helvetica"),
        ("Encoding", "WinAnsiEncoding"),
    ];
    let entries = entries.map(|(key, name)| (key.to_owned(), Object::Name(name.to_owned())));
    Object::Dictionary(entries.into_iter().collect())
}
