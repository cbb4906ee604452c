//! The element that holds the content of a page.

use super::dom::{Attribute, Dom, NodeId};
use super::measure::Measures;
use super::{table, tag::Tag};

/// The part of the prose that an element must hold to be the content, in percent.
const CONTENT_SHARE: usize = 80;
/// The part of the text that an element which calls itself the content must hold, in percent.
const NAMED_SHARE: usize = 30;

/// Returns the element with the content: the one that says so, else the innermost one with most of the prose.
pub(super) fn main_content(dom: &Dom, omitted: &[bool], measures: &Measures) -> NodeId {
    let all = measures.text(Dom::ROOT);
    let is_named = |node: &NodeId| {
        let is_main = dom.tag(*node) == Some(Tag::Main) || dom.attribute(*node, Attribute::Role) == Some("main");
        is_main && omitted.get(*node).copied() == Some(false)
    };
    let named = (0..dom.len()).filter(is_named).max_by_key(|node| measures.text(*node));
    let named = named.filter(|node| measures.text(*node) * 100 >= all * NAMED_SHARE);
    named.unwrap_or_else(|| narrow(dom, measures, Dom::ROOT))
}

/// Goes down from an element as long as one child has nearly all of the prose.
fn narrow(dom: &Dom, measures: &Measures, start: NodeId) -> NodeId {
    let needed = measures.prose(start) * CONTENT_SHARE / 100;
    if needed == 0 {
        return start;
    }
    let mut content = start;
    let is_frame = |child: &NodeId| dom.tag(*child).is_some_and(|tag| is_container(dom, *child, tag));
    while let Some(best) = dom
        .children(content)
        .filter(is_frame)
        .max_by_key(|child| measures.prose(*child))
        .filter(|best| measures.prose(*best) >= needed)
    {
        content = best;
    }
    content
}

/// Returns whether an element frames paragraphs, rather than being one.
fn is_container(dom: &Dom, node: NodeId, tag: Tag) -> bool {
    match tag {
        Tag::Article
        | Tag::Body
        | Tag::Center
        | Tag::Div
        | Tag::Form
        | Tag::Main
        | Tag::Other
        | Tag::Section
        | Tag::Span
        // Parts of a table for layout: others are not entered.
        | Tag::Tbody
        | Tag::Td
        | Tag::Tr => true,
        Tag::Table => !table::is_data(dom, node),
        _ => false,
    }
}
