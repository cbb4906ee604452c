//! Layers (optional content, ISO 32000-2, 8.11): what is hidden when the document is opened is not read.

use std::collections::HashSet;

use pdf_oxide::object::{Object, ObjectRef};

use super::store::{Dictionary, Store, into_dictionary};

/// Layers that are kept; a map has hundreds.
const MAX_LAYERS: usize = 10_000;

/// Returns the layers that are off in the document's default view.
pub(super) fn hidden(store: &Store) -> HashSet<ObjectRef> {
    let properties = || {
        let catalog = into_dictionary(store.document.catalog().ok()?)?;
        store.dictionary(&catalog, "OCProperties")
    };
    let Some((properties, view)) = properties().and_then(|all| {
        let view = store.dictionary(&all, "D")?;
        Some((all, view))
    }) else {
        return HashSet::new();
    };
    let list = |dictionary: &Dictionary, key: &str| -> Vec<ObjectRef> {
        let items = store.array(dictionary, key).unwrap_or_default();
        items.iter().filter_map(Object::as_reference).take(MAX_LAYERS).collect()
    };
    let mut hidden: HashSet<ObjectRef> = list(&view, "OFF").into_iter().collect();
    if store.entry(&view, "BaseState").as_ref().and_then(Object::as_name) == Some("OFF") {
        hidden.extend(list(&properties, "OCGs"));
        for shown in list(&view, "ON") {
            hidden.remove(&shown);
        }
    }
    hidden
}

/// Returns whether content of a layer, or of a group of layers of which it needs one, is hidden.
pub(super) fn is_hidden(store: &Store, layer: &Object, hidden: &HashSet<ObjectRef>) -> bool {
    if hidden.is_empty() {
        return false;
    }
    if layer.as_reference().is_some_and(|layer| hidden.contains(&layer)) {
        return true;
    }
    let Some(group) = into_dictionary(store.resolved(layer)) else {
        return false;
    };
    let layers = match group.get("OCGs") {
        Some(Object::Array(layers)) => layers.clone(),
        Some(one) => vec![one.clone()],
        None => return false,
    };
    let is_off = |layer: &Object| layer.as_reference().is_some_and(|layer| hidden.contains(&layer));
    !layers.is_empty() && layers.iter().all(is_off)
}
