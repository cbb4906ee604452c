//! The objects of a document: resolved, decrypted and decoded.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use pdf_oxide::PdfDocument;
use pdf_oxide::encryption::EncryptionHandler;
use pdf_oxide::object::{Object, ObjectRef};

use super::font::Font;
use super::layers;

/// Fonts that are kept; a document of more reads them again.
const MAX_FONTS: usize = 512;
/// Limit of the decoded forms that are kept. Bytes.
const MAX_FORM_BYTES: usize = 32 * 1024 * 1024;

/// A dictionary, as the parser has it.
pub(super) type Dictionary = HashMap<String, Object>;

/// A document with what was read of it.
pub(super) struct Store {
    pub(super) document: PdfDocument,
    decryption: Option<EncryptionHandler>,
    hidden_layers: HashSet<ObjectRef>,
    fonts: RefCell<HashMap<ObjectRef, Option<Rc<Font>>>>,
    forms: RefCell<HashMap<ObjectRef, Option<Rc<Form>>>>,
    form_bytes: Cell<usize>,
}

/// A form: content that a page includes (ISO 32000-2, 8.10).
pub(super) struct Form {
    pub(super) dictionary: Dictionary,
    pub(super) content: Vec<u8>,
}

impl Store {
    pub(super) fn new(document: PdfDocument) -> Self {
        let mut store = Self {
            decryption: decryption(&document),
            hidden_layers: HashSet::new(),
            document,
            fonts: RefCell::default(),
            forms: RefCell::default(),
            form_bytes: Cell::default(),
        };
        store.hidden_layers = layers::hidden(&store);
        store
    }

    /// Returns whether content of a layer is hidden when the document is opened.
    pub(super) fn is_hidden(&self, layer: &Object) -> bool {
        layers::is_hidden(self, layer, &self.hidden_layers)
    }

    /// Returns the object that is meant: the target of a reference, or the object itself. Damaged ones are null.
    pub(super) fn resolved(&self, object: &Object) -> Object {
        match object {
            Object::Reference(reference) => self.document.load_object(*reference).unwrap_or(Object::Null),
            object => object.clone(),
        }
    }

    /// Returns the entry of a dictionary, resolved.
    pub(super) fn entry(&self, dictionary: &Dictionary, key: &str) -> Option<Object> {
        let object = self.resolved(dictionary.get(key)?);
        (!object.is_null()).then_some(object)
    }

    /// Returns the entry of a dictionary if it is a dictionary.
    pub(super) fn dictionary(&self, dictionary: &Dictionary, key: &str) -> Option<Dictionary> {
        into_dictionary(self.entry(dictionary, key)?)
    }

    /// Returns the entry of a dictionary if it is an array.
    pub(super) fn array(&self, dictionary: &Dictionary, key: &str) -> Option<Vec<Object>> {
        match self.entry(dictionary, key)? {
            Object::Array(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the entry of a dictionary if it is an array of so many numbers.
    pub(super) fn numbers<const N: usize>(&self, dictionary: &Dictionary, key: &str) -> Option<[f32; N]> {
        let items = self.array(dictionary, key)?;
        let mut numbers = [0.0; N];
        if items.len() < N {
            return None;
        }
        for (number, item) in numbers.iter_mut().zip(&items) {
            *number = number_of(&self.resolved(item))?;
        }
        Some(numbers)
    }

    /// Returns a font of a font resource; `None` if it is damaged.
    pub(super) fn font(&self, object: &Object) -> Option<Rc<Font>> {
        let Object::Reference(reference) = object else {
            return Font::read(object, &self.document).map(Rc::new);
        };
        if let Some(known) = self.fonts.borrow().get(reference) {
            return known.clone();
        }
        let font = Font::read(&self.resolved(object), &self.document).map(Rc::new);
        let mut fonts = self.fonts.borrow_mut();
        if fonts.len() >= MAX_FONTS {
            fonts.clear();
        }
        fonts.insert(*reference, font.clone());
        font
    }

    /// Returns a form and whether it was decoded now; `None` for images and damaged forms.
    pub(super) fn form(&self, object: &Object) -> Option<(Rc<Form>, bool)> {
        let Object::Reference(reference) = object else {
            return None;
        };
        if let Some(known) = self.forms.borrow().get(reference) {
            return known.clone().map(|form| (form, false));
        }
        let form = self.read_form(*reference).map(Rc::new);
        let size = form.as_ref().map_or(0, |form| form.content.len());
        let mut forms = self.forms.borrow_mut();
        if self.form_bytes.get() + size > MAX_FORM_BYTES {
            forms.clear();
            self.form_bytes.set(0);
        }
        self.form_bytes.set(self.form_bytes.get() + size);
        forms.insert(*reference, form.clone());
        form.map(|form| (form, true))
    }

    fn read_form(&self, reference: ObjectRef) -> Option<Form> {
        let object = self.document.load_object(reference).ok()?;
        let dictionary = object.as_dict()?;
        if dictionary.get("Subtype").and_then(Object::as_name) != Some("Form") {
            return None;
        }
        let content = self.decoded(&object, reference)?;
        Some(Form {
            dictionary: dictionary.clone(),
            content,
        })
    }

    fn decoded(&self, stream: &Object, reference: ObjectRef) -> Option<Vec<u8>> {
        let (number, generation) = (reference.id, u32::from(reference.generation()));
        match &self.decryption {
            Some(handler) => {
                let decrypt = |data: &[u8]| handler.decrypt_stream(data, number, generation);
                stream
                    .decode_stream_data_with_decryption(Some(&decrypt), number, generation)
                    .ok()
            }
            None => stream.decode_stream_data().ok(),
        }
    }
}

/// The generation number of a reference, whose field has the name of a keyword.
trait Generation {
    fn generation(&self) -> u16;
}

impl Generation for ObjectRef {
    fn generation(&self) -> u16 {
        self.r#gen
    }
}

/// Returns the decryption of a document that opens without a password.
fn decryption(document: &PdfDocument) -> Option<EncryptionHandler> {
    let trailer = document.trailer().as_dict()?;
    let dictionary = document.resolve_object(trailer.get("Encrypt")?).ok()?;
    let dictionary = document.resolve_references(&dictionary, 4).ok()?;
    let id = match trailer.get("ID").map(|id| document.resolve_object(id)) {
        Some(Ok(Object::Array(ids))) => ids.first().and_then(Object::as_string).unwrap_or_default().to_vec(),
        _ => Vec::new(),
    };
    let mut handler = EncryptionHandler::new(&dictionary, id).ok()?;
    handler.authenticate(b"").ok()?.then_some(handler)
}

pub(super) fn into_dictionary(object: Object) -> Option<Dictionary> {
    match object {
        Object::Dictionary(dictionary) | Object::Stream { dict: dictionary, .. } => Some(dictionary),
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "coordinates need no more precision"
)]
pub(super) fn number_of(object: &Object) -> Option<f32> {
    match object {
        Object::Integer(number) => Some(*number as f32),
        Object::Real(number) => Some(*number as f32),
        _ => None,
    }
}
