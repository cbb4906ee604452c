//! Builds the tree of a page.
//!
//! The tokenizer follows the HTML standard to the letter. The tree does not: it closes elements as the standard
//! requires where that changes text (paragraphs, list items, cells), and does without its rules for misnested
//! formatting, which take quadratic time. Depth and size are limited, so hostile pages take time in proportion to their
//! size.

use html5gum::{
    Span, State, Tokenizer,
    emitters::callback::{CallbackEmitter, CallbackEvent},
};

use super::super::ExtractError;
use super::dom::{Attribute, Content, Dom, NONE};
use super::tag::Tag;

/// Elements nested deeper are children of the one at this depth; browsers have such a limit too (512).
const MAX_DEPTH: usize = 200;
/// How many open elements are searched for the one that a tag closes.
const MAX_SEARCH: usize = 400;
/// Longer values of attributes are cut, in bytes.
const MAX_VALUE_BYTES: usize = 4_000;

impl Dom {
    /// Parses a page. Every text is one, in the worst case without any element.
    pub(super) fn parse(html: &str) -> Result<Self, ExtractError> {
        let mut builder = Builder::new(html);
        let emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| builder.event(&event));
        let mut tokenizer = Tokenizer::new_with_emitter(html, emitter);
        while let Some(Ok(signal)) = tokenizer.next() {
            match signal {
                Signal::Switch(state) => tokenizer.set_state(state),
                Signal::TooLarge => return Err(ExtractError::TooLarge("it has more than three million elements")),
            }
        }
        drop(tokenizer);
        Ok(builder.dom)
    }
}

/// What the tokenizer must do after a token.
enum Signal {
    Switch(State),
    TooLarge,
}

struct Open {
    tag: Tag,
    node: u32,
}

struct Builder {
    dom: Dom,
    stack: Vec<Open>,
    /// How many elements of each kind are open.
    open: [u32; Tag::COUNT],
    /// The start tag that is being read.
    tag: Tag,
    attributes: Vec<(Attribute, Box<str>)>,
    attribute: Option<Attribute>,
    has_body: bool,
    /// Whether `<a/>` closes itself, as in XHTML.
    is_xml: bool,
}

impl Builder {
    fn new(html: &str) -> Self {
        let start: String = html
            .trim_start_matches('\u{feff}')
            .trim_start()
            .chars()
            .take(200)
            .collect();
        let mut builder = Self {
            dom: Dom::default(),
            stack: Vec::new(),
            open: [0; Tag::COUNT],
            tag: Tag::Html,
            attributes: Vec::new(),
            attribute: None,
            has_body: false,
            is_xml: start.starts_with("<?xml") || start.contains("//DTD XHTML"),
        };
        builder.push(Tag::Html);
        builder
    }

    fn event(&mut self, event: &CallbackEvent<'_>) -> Option<Signal> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = Tag::from_name(name);
                self.attributes.clear();
                self.attribute = None;
            }
            CallbackEvent::AttributeName { name } => {
                self.attribute =
                    Attribute::from_name(name).filter(|new| !self.attributes.iter().any(|(known, _)| known == new));
                if let Some(attribute) = self.attribute {
                    self.attributes.push((attribute, "".into()));
                }
            }
            CallbackEvent::AttributeValue { value } => {
                if self.attribute.is_some()
                    && let Some((_, last)) = self.attributes.last_mut()
                {
                    let value = value.get(..MAX_VALUE_BYTES).unwrap_or(value);
                    *last = String::from_utf8_lossy(value).into();
                }
            }
            CallbackEvent::CloseStartTag { self_closing } => return self.start(*self_closing),
            CallbackEvent::EndTag { name } => {
                self.end(Tag::from_name(name));
                self.attribute = None;
            }
            CallbackEvent::String { value } => return self.text(&String::from_utf8_lossy(value)),
            CallbackEvent::Comment { .. } | CallbackEvent::Doctype { .. } | CallbackEvent::Error(_) => {}
        }
        None
    }

    fn start(&mut self, is_self_closing: bool) -> Option<Signal> {
        let tag = self.tag;
        if tag == Tag::Html || (tag == Tag::Body && self.has_body) {
            self.dom.root_attributes.append(&mut self.attributes);
            return None;
        }
        self.close_implied(tag);
        self.has_body |= tag == Tag::Body;
        let is_foreign = self.count(Tag::Svg) + self.count(Tag::Math) > 0;
        // A form around rows is common, and is none around anything else.
        let is_form_of_table = tag == Tag::Form && self.is_between_cells();
        let is_closed = tag.is_void() || is_form_of_table || (is_self_closing && (self.is_xml || is_foreign));
        if !self.push(tag) {
            return Some(Signal::TooLarge);
        }
        if is_closed {
            self.pop();
            return None;
        }
        // <https://html.spec.whatwg.org/#parsing-html-fragments>; scripts are not executed, so `noscript` is read.
        let state = match tag {
            Tag::Title if is_foreign => return None,
            Tag::Title | Tag::Textarea => State::RcData,
            Tag::Style | Tag::Xmp | Tag::Iframe | Tag::Noembed | Tag::Noframes => State::RawText,
            Tag::Script => State::ScriptData,
            Tag::Plaintext => State::PlainText,
            _ => return None,
        };
        Some(Signal::Switch(state))
    }

    /// Closes what a start tag closes without naming it.
    fn close_implied(&mut self, tag: Tag) {
        if self.count(Tag::Head) > 0 && !tag.is_metadata() {
            self.close(&[Tag::Head], &[]);
        }
        if tag.closes_paragraph() {
            self.close(&[Tag::P], &[Tag::Button]);
        }
        match tag {
            Tag::Li => self.close(&[Tag::Li], &[Tag::Ul, Tag::Ol, Tag::Menu]),
            Tag::Dt | Tag::Dd => self.close(&[Tag::Dt, Tag::Dd], &[Tag::Dl]),
            Tag::Tr => self.close_part(&[Tag::Tr, Tag::Caption]),
            Tag::Td | Tag::Th => self.close_part(&[Tag::Td, Tag::Th, Tag::Caption]),
            Tag::Tbody | Tag::Thead | Tag::Tfoot => {
                self.close_part(&[Tag::Tbody, Tag::Thead, Tag::Tfoot, Tag::Caption]);
            }
            Tag::Option => self.close(&[Tag::Option], &[Tag::Select, Tag::Optgroup]),
            Tag::A => self.close_inline(Tag::A),
            _ if tag.heading_level().is_some() && self.is_in_heading() => self.pop(),
            _ => {}
        }
    }

    fn is_in_heading(&self) -> bool {
        self.stack.last().is_some_and(|top| top.tag.heading_level().is_some())
    }

    fn end(&mut self, tag: Tag) {
        match tag {
            Tag::Html | Tag::Body | Tag::Other => self.close_other(tag),
            Tag::Br => {
                self.tag = Tag::Br;
                self.attributes.clear();
                self.start(false);
            }
            _ if tag.heading_level().is_some() => {
                self.close(&[Tag::H1, Tag::H2, Tag::H3, Tag::H4, Tag::H5, Tag::H6], &[]);
            }
            Tag::Table => self.close_table(),
            _ if tag.is_table_part() => self.close_part(&[tag]),
            _ if tag.is_block() || matches!(tag, Tag::Head | Tag::Noscript | Tag::Svg | Tag::Button | Tag::Select) => {
                self.close(&[tag], &[]);
            }
            _ => self.close_inline(tag),
        }
    }

    /// Closes an unknown element, which is the innermost one if the page is well-formed.
    fn close_other(&mut self, tag: Tag) {
        if tag == Tag::Other && self.stack.last().is_some_and(|top| top.tag == Tag::Other) {
            self.pop();
        }
    }

    /// Closes the innermost of these elements with everything in it, unless a cell or one of `barriers` is between.
    fn close(&mut self, tags: &[Tag], barriers: &[Tag]) {
        self.close_unless(tags, |between| between.is_scope() || barriers.contains(&between));
    }

    /// Closes a part of the innermost table.
    fn close_part(&mut self, tags: &[Tag]) {
        self.close_unless(tags, |between| between == Tag::Table);
    }

    fn close_table(&mut self) {
        self.close_unless(&[Tag::Table], |_| false);
    }

    /// Closes an element within its paragraph. If it was left open around further ones, it ends with them.
    fn close_inline(&mut self, tag: Tag) {
        self.close_unless(&[tag], Tag::is_block);
    }

    fn close_unless(&mut self, tags: &[Tag], is_barrier: impl Fn(Tag) -> bool) {
        if tags.iter().all(|tag| self.count(*tag) == 0) {
            return;
        }
        for (above, open) in self.stack.iter().rev().take(MAX_SEARCH).enumerate() {
            if tags.contains(&open.tag) {
                for _ in 0..=above {
                    self.pop();
                }
                return;
            }
            if is_barrier(open.tag) {
                return;
            }
        }
    }

    fn count(&self, tag: Tag) -> u32 {
        self.open.get(tag as usize).copied().unwrap_or(0)
    }

    /// Opens an element with the attributes that were read. Returns `false` if there are too many.
    fn push(&mut self, tag: Tag) -> bool {
        let start = self.dom.attributes.len();
        self.dom.attributes.append(&mut self.attributes);
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.dom.attributes.len())) else {
            return false;
        };
        let parent = if is_cell_content(tag) {
            self.parent_of_content()
        } else {
            self.parent()
        };
        let Some(node) = self.dom.append(parent, Content::Element(tag, start, end)) else {
            return false;
        };
        self.stack.push(Open { tag, node });
        if let Some(count) = self.open.get_mut(tag as usize) {
            *count += 1;
        }
        true
    }

    fn pop(&mut self) {
        if let Some(top) = self.stack.pop()
            && let Some(count) = self.open.get_mut(top.tag as usize)
        {
            *count = count.saturating_sub(1);
        }
    }

    fn parent(&self) -> u32 {
        let depth = self.stack.len().min(MAX_DEPTH);
        depth
            .checked_sub(1)
            .and_then(|at| self.stack.get(at))
            .map_or(NONE, |open| open.node)
    }

    /// Returns whether the innermost element is a part of a table in which there is no text.
    fn is_between_cells(&self) -> bool {
        let top = self.stack.last().map(|top| top.tag);
        matches!(top, Some(Tag::Table | Tag::Tbody | Tag::Tfoot | Tag::Thead | Tag::Tr))
    }

    /// Returns the parent of text and of elements with text: what is between the cells of a table is shown outside of
    /// it (<https://html.spec.whatwg.org/#foster-parent>).
    fn parent_of_content(&self) -> u32 {
        if !self.is_between_cells() {
            return self.parent();
        }
        let depth = self
            .stack
            .iter()
            .rev()
            .take(MAX_SEARCH)
            .position(|open| open.tag == Tag::Table);
        let above = depth.and_then(|depth| self.stack.len().checked_sub(depth + 2));
        let above = above.map(|at| at.min(MAX_DEPTH - 1)).and_then(|at| self.stack.get(at));
        above.map_or_else(|| self.parent(), |open| open.node)
    }

    fn text(&mut self, text: &str) -> Option<Signal> {
        // Text ends the head, except where it belongs to an element of it.
        if self.stack.last().is_some_and(|top| top.tag == Tag::Head) && !text.trim().is_empty() {
            self.pop();
        }
        let start = self.dom.text.len();
        self.dom.text.push_str(text);
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.dom.text.len())) else {
            return Some(Signal::TooLarge);
        };
        let parent = self.parent_of_content();
        self.dom
            .append(parent, Content::Text(start, end))
            .is_none()
            .then_some(Signal::TooLarge)
    }
}

/// Returns whether an element is none of those that stand between the cells of a table.
fn is_cell_content(tag: Tag) -> bool {
    !tag.is_table_part()
        && !matches!(
            tag,
            Tag::Col | Tag::Colgroup | Tag::Form | Tag::Input | Tag::Script | Tag::Style | Tag::Template
        )
}
