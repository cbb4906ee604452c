//! EPUB books (ISO/IEC 23736): the documents of the spine, in the order in which they are read.

use std::collections::HashMap;

use super::outline::Outline;
use super::package::{self, Package, TextBudget};
use super::xml::{Event, Failure, Xml};
use super::{ExtractError, Extracted, TOO_MUCH_TEXT, markup};
use crate::Kind;

/// Obfuscated fonts leave the text readable (EPUB 3.3, 4.4).
const FONT_METHODS: [&str; 2] = ["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"];
/// Files by which sellers lock books.
const RIGHTS: [&str; 3] = ["META-INF/rights.xml", "META-INF/license.lcpl", "META-INF/sinf.xml"];

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let mut package = Package::open(bytes, Kind::Epub)?;
    let is_locked = package
        .read("META-INF/encryption.xml", has_encrypted_text)?
        .unwrap_or(false);
    if is_locked {
        return Err(if RIGHTS.iter().any(|name| package.has(name)) {
            ExtractError::CopyProtected(Kind::Epub)
        } else {
            ExtractError::Encrypted(Kind::Epub)
        });
    }
    let root = package.read("META-INF/container.xml", root_file)?.flatten();
    let root = root.ok_or_else(|| package.damaged())?;
    let Some(spine) = package.read(&root, spine)? else {
        return Err(package.damaged());
    };
    let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut outline = Outline::default();
    let mut budget = TextBudget::default();
    let (mut read, mut missing) = (0, 0);
    for reference in spine {
        let path = percent_decoded(reference.split('#').next().unwrap_or_default());
        let Some(bytes) = package.bytes(&package::join(folder, &path))? else {
            missing += 1;
            continue;
        };
        budget.spend(bytes.len()).map_err(|_| TOO_MUCH_TEXT)?;
        markup::read(&markup::decode(&bytes)?, &mut outline)?;
        read += 1;
    }
    if read == 0 && missing > 0 {
        return Err(package.damaged());
    }
    Ok(Extracted {
        sections: outline.finish().map_err(|_| TOO_MUCH_TEXT)?,
        pages: None,
    })
}

/// Returns whether anything but fonts is encrypted.
fn has_encrypted_text(xml: &mut Xml<'_>) -> Result<bool, Failure> {
    let mut found = false;
    let mut method = String::new();
    while let Some(event) = xml.next()? {
        match &event {
            Event::Start { .. } if event.starts("EncryptedData") => method.clear(),
            // The first one is the method of the data, further ones those of keys.
            Event::Start { .. } if event.starts("EncryptionMethod") && method.is_empty() => {
                method = event.attribute("Algorithm").unwrap_or_default();
            }
            Event::End(_) if event.ends("EncryptedData") => found |= !FONT_METHODS.contains(&method.as_str()),
            _ => {}
        }
    }
    Ok(found)
}

fn root_file(xml: &mut Xml<'_>) -> Result<Option<String>, Failure> {
    let mut path = None;
    while let Some(event) = xml.next()? {
        if event.starts("rootfile") && path.is_none() {
            path = event.attribute("full-path");
        }
    }
    Ok(path)
}

/// Returns the references to the documents with the text: first the linear ones, then notes and answers.
fn spine(xml: &mut Xml<'_>) -> Result<Vec<String>, Failure> {
    let mut items: HashMap<String, (String, bool)> = HashMap::new();
    let (mut linear, mut others) = (Vec::new(), Vec::new());
    while let Some(event) = xml.next()? {
        let attribute = |name| event.attribute(name).unwrap_or_default();
        if event.starts("item") {
            let is_text = matches!(
                attribute("media-type").as_str(),
                "application/xhtml+xml" | "text/html" | "text/x-oeb1-document"
            );
            let is_contents = attribute("properties")
                .split_whitespace()
                .any(|property| property == "nav");
            items.insert(attribute("id"), (attribute("href"), is_text && !is_contents));
        } else if event.starts("itemref") {
            // A document is read once, however often it is named.
            if let Some((href, true)) = items.remove(&attribute("idref")) {
                if attribute("linear") == "no" {
                    &mut others
                } else {
                    &mut linear
                }
                .push(href);
            }
        }
    }
    linear.append(&mut others);
    Ok(linear)
}

fn percent_decoded(reference: &str) -> String {
    let mut bytes = Vec::with_capacity(reference.len());
    let mut rest = reference.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        if let Some(byte) = code.filter(|_| *first == b'%') {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
