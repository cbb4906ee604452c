//! Web pages (<https://html.spec.whatwg.org/>): the text of their content, without what surrounds it.

mod boilerplate;
mod charset;
mod dom;
mod main_content;
mod measure;
mod metadata;
mod parse;
mod table;
mod tag;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

use super::{ExtractError, Extracted, Section, TOO_MUCH_TEXT, txt};
use boilerplate::{Omission, omitted};
pub use charset::to_utf8;
use dom::{Dom, NodeId};
use main_content::main_content;
use measure::Measures;
pub use metadata::HtmlPage;
use tag::Tag;
use text::{Writer, inline};

/// If less text than this is left of a page, its content was not found. Characters.
const TOO_LITTLE: usize = 50;

/// Extracts the content of a web page, one section per heading.
pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let dom = Dom::parse(&decode(bytes)?)?;
    let content = sections(&dom, Omission::Boilerplate)?;
    let sections = if length(&content) >= TOO_LITTLE {
        content
    } else {
        sections(&dom, Omission::Hidden)?
    };
    Ok(Extracted { sections, pages: None })
}

/// Decodes a page: by its byte order mark, by what it says of itself, or by its bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, ExtractError> {
    let has_mark = encoding_rs::Encoding::for_bom(bytes).is_some();
    // ISO-2022-JP is ASCII with escapes.
    let is_utf8 = !bytes.contains(&0x1b) && std::str::from_utf8(bytes).is_ok();
    let stated = (!has_mark && !is_utf8).then(|| charset::meta_charset(bytes)).flatten();
    Ok(match stated {
        Some(encoding) => encoding.decode(bytes).0,
        None => Cow::Owned(txt::decode_raw(bytes)?),
    })
}

fn sections(dom: &Dom, omission: Omission) -> Result<Vec<Section>, ExtractError> {
    let omitted = omitted(dom, omission);
    let measures = Measures::new(dom, &omitted);
    let content = match omission {
        Omission::Hidden => Dom::ROOT,
        Omission::Boilerplate => main_content(dom, &omitted, &measures),
    };
    let mut writer = Writer::new(dom, &omitted);
    if let Some(title) = title_above(dom, &omitted, content) {
        writer.title(&title);
    }
    writer.write(content);
    writer.finish().finish().map_err(|_| TOO_MUCH_TEXT)
}

/// Returns the title of a page whose content has no main heading: the one outside of it, else that of the window.
fn title_above(dom: &Dom, omitted: &[bool], content: NodeId) -> Option<String> {
    let is_within = |node: NodeId| std::iter::successors(Some(node), |at| dom.parent(*at)).any(|at| at == content);
    let mut outside = None;
    for heading in dom.elements(Tag::H1).take(20) {
        let text = inline(dom, omitted, heading);
        if is_within(heading) {
            if omitted.get(heading).copied() == Some(false) && !text.is_empty() {
                return None;
            }
        } else if outside.is_none() && !text.is_empty() {
            outside = Some(text);
        }
    }
    let shown = vec![false; dom.len()];
    let title = dom
        .elements(Tag::Title)
        .map(|title| inline(dom, &shown, title))
        .find(|title| !title.is_empty());
    outside.or(title)
}

fn length(sections: &[Section]) -> usize {
    sections.iter().map(|section| section.text.chars().count()).sum()
}
