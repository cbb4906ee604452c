//! The page tree (ISO 32000-2, 7.7.3), checked before any other traversal.
//!
//! The parser follows it without detecting cycles: a tree whose branches contain each other would make it loop
//! forever.

use std::collections::HashSet;

use pdf_oxide::PdfDocument;
use pdf_oxide::object::{Object, ObjectRef};

use super::pages::MAX_PAGES;
use super::{DAMAGED, TOO_MANY_PAGES};
use crate::extract::ExtractError;

/// Refuses a page tree that is not a tree. One that cannot be found is left to the parser's repair.
pub(super) fn check(document: &PdfDocument) -> Result<(), ExtractError> {
    let Some(root) = document.catalog().ok().and_then(|catalog| entry(&catalog, "Pages")) else {
        return Ok(());
    };
    let mut open = vec![root];
    let mut branches: HashSet<ObjectRef> = HashSet::new();
    let mut pages = 0;
    while let Some(node) = open.pop() {
        let reference = node.as_reference();
        let Some(kids) = kids(document, node)? else {
            pages += 1;
            if pages > MAX_PAGES {
                return Err(TOO_MANY_PAGES);
            }
            continue;
        };
        let is_new = reference.is_none_or(|reference| branches.insert(reference));
        if !is_new || branches.len() > MAX_PAGES {
            return Err(DAMAGED);
        }
        // More than could be pages: not even added to the list.
        if open.len() + kids.len() > 2 * MAX_PAGES {
            return Err(TOO_MANY_PAGES);
        }
        open.extend(kids);
    }
    Ok(())
}

/// Returns the children of a branch; `None` for a page and for a missing node.
fn kids(document: &PdfDocument, node: Object) -> Result<Option<Vec<Object>>, ExtractError> {
    let node = resolved(document, node);
    let Some(kids) = node
        .as_ref()
        .and_then(Object::as_dict)
        .and_then(|node| node.get("Kids"))
    else {
        return Ok(None);
    };
    let shared = kids
        .as_reference()
        .and_then(|reference| document.load_object(reference).ok());
    match shared.as_ref().unwrap_or(kids).as_array() {
        // More than could be pages: not even copied.
        Some(kids) if kids.len() > 2 * MAX_PAGES => Err(TOO_MANY_PAGES),
        Some(kids) => Ok(Some(kids.clone())),
        None => Err(DAMAGED),
    }
}

fn entry(object: &Object, key: &str) -> Option<Object> {
    object.as_dict()?.get(key).cloned()
}

fn resolved(document: &PdfDocument, object: Object) -> Option<Object> {
    match object.as_reference() {
        Some(reference) => document.load_object(reference).ok(),
        None => Some(object),
    }
}
