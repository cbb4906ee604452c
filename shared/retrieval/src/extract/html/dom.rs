//! The tree of a page, which [`parse`](super::parse) builds.

use super::tag::Tag;

/// Elements and texts of a page: the HTML standard itself, on one page, has about a million. 40 bytes each.
const MAX_NODES: usize = 3_000_000;

pub(super) const NONE: u32 = u32::MAX;

/// The attributes that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attribute {
    Alt,
    AltText,
    AriaHidden,
    AriaModal,
    Class,
    Colspan,
    Content,
    Hidden,
    Href,
    HttpEquiv,
    Id,
    Lang,
    Name,
    Open,
    Property,
    Rel,
    Role,
    Rowspan,
    Start,
    Style,
    Value,
}

impl Attribute {
    pub(super) fn from_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"alt" => Self::Alt,
            b"alttext" => Self::AltText,
            b"aria-hidden" => Self::AriaHidden,
            b"aria-modal" => Self::AriaModal,
            b"class" => Self::Class,
            b"colspan" => Self::Colspan,
            b"content" => Self::Content,
            b"hidden" => Self::Hidden,
            b"href" => Self::Href,
            b"http-equiv" => Self::HttpEquiv,
            b"id" => Self::Id,
            b"lang" | b"xml:lang" => Self::Lang,
            b"name" => Self::Name,
            b"open" => Self::Open,
            b"property" => Self::Property,
            b"rel" => Self::Rel,
            b"role" => Self::Role,
            b"rowspan" => Self::Rowspan,
            b"start" => Self::Start,
            b"style" => Self::Style,
            b"value" => Self::Value,
            _ => return None,
        })
    }
}

/// The index of an element or text in its [`Dom`]. A parent's is smaller than its children's.
pub(super) type NodeId = usize;

#[derive(Debug)]
struct Node {
    parent: u32,
    first_child: u32,
    last_child: u32,
    next: u32,
    content: Content,
}

/// Both refer to lists of the [`Dom`], from one index to another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    Element(Tag, u32, u32),
    Text(u32, u32),
}

/// A page as a tree, whose root is the element `html`.
#[derive(Debug, Default)]
pub(super) struct Dom {
    nodes: Vec<Node>,
    pub(super) attributes: Vec<(Attribute, Box<str>)>,
    pub(super) text: String,
    /// The language of the page, which further `html` elements may add.
    pub(super) root_attributes: Vec<(Attribute, Box<str>)>,
}

impl Dom {
    /// The root.
    pub(super) const ROOT: NodeId = 0;

    /// Returns the number of nodes: every [`NodeId`] is smaller.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the element; `None` for a text.
    pub(super) fn tag(&self, node: NodeId) -> Option<Tag> {
        match self.nodes.get(node)?.content {
            Content::Element(tag, ..) => Some(tag),
            Content::Text(..) => None,
        }
    }

    /// Returns the text; `None` for an element.
    pub(super) fn text(&self, node: NodeId) -> Option<&str> {
        match self.nodes.get(node)?.content {
            Content::Text(start, end) => self.text.get(start as usize..end as usize),
            Content::Element(..) => None,
        }
    }

    /// Returns the value of an attribute.
    pub(super) fn attribute(&self, node: NodeId, name: Attribute) -> Option<&str> {
        let Content::Element(_, start, end) = self.nodes.get(node)?.content else {
            return None;
        };
        let own = self.attributes.get(start as usize..end as usize)?;
        let more = if node == Self::ROOT {
            self.root_attributes.as_slice()
        } else {
            &[]
        };
        let mut found = own.iter().chain(more).filter(|(attribute, _)| *attribute == name);
        found.next().map(|(_, value)| &**value)
    }

    pub(super) fn parent(&self, node: NodeId) -> Option<NodeId> {
        index(self.nodes.get(node)?.parent)
    }

    pub(super) fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let first = self.nodes.get(node).and_then(|node| index(node.first_child));
        std::iter::successors(first, |child| index(self.nodes.get(*child)?.next))
    }

    /// Returns the elements with this tag, in the order of the page.
    pub(super) fn elements(&self, tag: Tag) -> impl Iterator<Item = NodeId> {
        (0..self.len()).filter(move |node| self.tag(*node) == Some(tag))
    }

    /// Adds a node as the last child of `parent`; `None` if there are too many.
    pub(super) fn append(&mut self, parent: u32, content: Content) -> Option<u32> {
        let id = u32::try_from(self.nodes.len())
            .ok()
            .filter(|_| self.nodes.len() < MAX_NODES)?;
        self.nodes.push(Node {
            parent,
            first_child: NONE,
            last_child: NONE,
            next: NONE,
            content,
        });
        let above = index(parent).and_then(|parent| self.nodes.get_mut(parent));
        let before = above.map(|parent| {
            if parent.first_child == NONE {
                parent.first_child = id;
            }
            std::mem::replace(&mut parent.last_child, id)
        });
        if let Some(before) = before.and_then(index).and_then(|before| self.nodes.get_mut(before)) {
            before.next = id;
        }
        Some(id)
    }
}

fn index(id: u32) -> Option<NodeId> {
    (id != NONE).then_some(id as usize)
}
