//! How much text an element has, and how much of it is in links.

use super::dom::{Dom, NodeId};
use super::{table, tag::Tag};

/// Shorter runs of text are labels rather than prose, in characters.
const PROSE: usize = 40;

/// Lengths of text in characters without white space, by element, without what is left out.
pub(super) struct Measures {
    text: Vec<usize>,
    linked: Vec<usize>,
    prose: Vec<usize>,
}

impl Measures {
    pub(super) fn new(dom: &Dom, omitted: &[bool]) -> Self {
        let mut measures = Self {
            text: vec![0; dom.len()],
            linked: vec![0; dom.len()],
            prose: vec![0; dom.len()],
        };
        // Children come after their parents: from the end, every element is complete when its parent needs it.
        for node in (0..dom.len()).rev() {
            if omitted.get(node).copied() == Some(true) {
                continue;
            }
            let own = dom
                .text(node)
                .map_or(0, |text| text.chars().filter(|c| !c.is_whitespace()).count());
            add(&mut measures.text, node, own);
            let text = measures.text(node);
            match dom.tag(node) {
                Some(Tag::A) => set(&mut measures.linked, node, text),
                Some(tag) if is_paragraph(dom, node, tag) => {
                    let unlinked = text.saturating_sub(measures.linked(node));
                    set(&mut measures.prose, node, if unlinked >= PROSE { unlinked } else { 0 });
                }
                _ => {}
            }
            if let Some(parent) = dom.parent(node) {
                add(&mut measures.text, parent, text);
                let linked = measures.linked(node);
                add(&mut measures.linked, parent, linked);
                let prose = measures.prose(node);
                add(&mut measures.prose, parent, prose);
            }
        }
        measures
    }

    /// Returns the length of the text.
    pub(super) fn text(&self, node: NodeId) -> usize {
        self.text.get(node).copied().unwrap_or(0)
    }

    /// Returns the length of the text in links.
    pub(super) fn linked(&self, node: NodeId) -> usize {
        self.linked.get(node).copied().unwrap_or(0)
    }

    /// Returns the length of prose: paragraphs, without links and labels.
    pub(super) fn prose(&self, node: NodeId) -> usize {
        self.prose.get(node).copied().unwrap_or(0)
    }
}

/// Returns whether an element is a paragraph: it has text, and no blocks within it.
fn is_paragraph(dom: &Dom, node: NodeId, tag: Tag) -> bool {
    match tag {
        Tag::P | Tag::Pre | Tag::Blockquote | Tag::Dd => true,
        Tag::Table => table::is_data(dom, node),
        Tag::Div | Tag::Li | Tag::Section | Tag::Center | Tag::Body | Tag::Article | Tag::Main | Tag::Td => !dom
            .children(node)
            .any(|child| dom.tag(child).is_some_and(Tag::is_block)),
        _ => false,
    }
}

fn add(lengths: &mut [usize], node: NodeId, length: usize) {
    if let Some(total) = lengths.get_mut(node) {
        *total += length;
    }
}

fn set(lengths: &mut [usize], node: NodeId, length: usize) {
    if let Some(total) = lengths.get_mut(node) {
        *total = length;
    }
}
