//! The text of a page, line by line.

use super::super::{clean, outline::Outline};
use super::dom::{Attribute, Dom, NodeId};
use super::table;
use super::tag::Tag;

/// Texts of links that only lead to their own place.
const PERMALINKS: [&str; 9] = [
    "¶",
    "#",
    "§",
    "🔗",
    "[edit]",
    "[src]",
    "Permalink",
    "Link to this heading",
    "anchor",
];
/// Longer terms of a definition list are on a line of their own, in characters.
const LONGEST_TERM: usize = 80;

/// Writes elements to an outline.
pub(super) struct Writer<'a> {
    dom: &'a Dom,
    omitted: &'a [bool],
    outline: Outline,
    line: Line,
    /// The numbers of the open lists, `None` for those without.
    lists: Vec<Option<i64>>,
    /// The term of a definition list whose definition begins with the next line.
    term: Option<String>,
    /// Whether white space is kept.
    in_pre: bool,
}

/// A line that is being written, with white space collapsed.
#[derive(Default)]
pub(super) struct Line {
    /// What the line begins with if it gets text: the mark of a list item.
    prefix: String,
    text: String,
    space: bool,
}

impl Line {
    pub(super) fn push(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() {
                self.space = true;
            } else {
                if std::mem::take(&mut self.space) && !self.text.is_empty() {
                    self.text.push(' ');
                }
                self.text.push(c);
            }
        }
    }

    /// Ends a word.
    pub(super) fn space(&mut self) {
        self.space = true;
    }

    pub(super) fn take(&mut self) -> Option<String> {
        self.space = false;
        if self.text.is_empty() {
            return None;
        }
        let text = std::mem::take(&mut self.text);
        Some([std::mem::take(&mut self.prefix), text].concat())
    }
}

impl<'a> Writer<'a> {
    pub(super) fn new(dom: &'a Dom, omitted: &'a [bool]) -> Self {
        Self {
            dom,
            omitted,
            outline: Outline::default(),
            line: Line::default(),
            lists: Vec::new(),
            term: None,
            in_pre: false,
        }
    }

    /// Writes a heading that is above all.
    pub(super) fn title(&mut self, title: &str) {
        self.outline.heading(1, title);
    }

    /// Writes an element and everything in it.
    pub(super) fn write(&mut self, node: NodeId) {
        if self.omitted.get(node).copied() != Some(false) {
            return;
        }
        if let Some(text) = self.dom.text(node) {
            self.text(&clean::normalize(text));
            return;
        }
        let Some(tag) = self.dom.tag(node) else { return };
        if let Some(level) = tag.heading_level() {
            self.flush_all();
            let title = inline(self.dom, self.omitted, node);
            if !title.is_empty() {
                self.line.prefix.clear();
                self.outline.heading(level, &title);
            }
            return;
        }
        match tag {
            Tag::Br | Tag::Hr => self.flush(),
            Tag::Wbr => {}
            Tag::Pre | Tag::Xmp | Tag::Plaintext => {
                self.flush_all();
                let outer = std::mem::replace(&mut self.in_pre, true);
                self.children(node);
                self.flush();
                self.in_pre = outer;
            }
            Tag::Table if table::is_data(self.dom, node) => {
                self.flush_all();
                for row in table::rows(self.dom, self.omitted, node) {
                    self.emit(&row);
                }
            }
            Tag::Td | Tag::Th => {
                self.flush();
                self.children(node);
                self.flush();
            }
            Tag::Ul | Tag::Ol | Tag::Menu => self.list(node, tag),
            Tag::Li => self.item(node),
            Tag::Dl => self.definitions(node),
            _ if tag.is_block() => {
                self.flush();
                self.children(node);
                self.flush();
            }
            Tag::Other => {
                self.line.space();
                self.children(node);
                self.line.space();
            }
            _ => {
                if let Some(text) = replacement(self.dom, self.omitted, node, tag) {
                    self.text(&text);
                } else {
                    self.children(node);
                }
            }
        }
    }

    /// Returns the outline.
    pub(super) fn finish(mut self) -> Outline {
        self.flush_all();
        self.outline
    }

    fn children(&mut self, node: NodeId) {
        for child in self.dom.children(node) {
            self.write(child);
        }
    }

    fn text(&mut self, text: &str) {
        if !self.in_pre {
            self.line.push(text);
            return;
        }
        let mut lines = text.split('\n');
        if let Some(first) = lines.next() {
            self.line.push(first);
        }
        for line in lines {
            self.flush();
            self.line.push(line);
        }
    }

    fn flush(&mut self) {
        if let Some(line) = self.line.take() {
            match self.term.take() {
                Some(term) => self.emit(&format!("{term}: {line}")),
                None => self.emit(&line),
            }
        }
    }

    /// Writes the line, and a term that no text follows.
    fn flush_all(&mut self) {
        self.flush();
        if let Some(term) = self.term.take() {
            self.emit(&term);
        }
    }

    /// Writes a line. An empty one follows, because lines of a page are paragraphs that must not be joined.
    fn emit(&mut self, line: &str) {
        self.outline.line(line);
        self.outline.line("");
    }

    fn list(&mut self, node: NodeId, tag: Tag) {
        self.flush_all();
        let start = self
            .dom
            .attribute(node, Attribute::Start)
            .and_then(|start| start.trim().parse().ok());
        self.lists.push((tag == Tag::Ol).then(|| start.unwrap_or(1)));
        self.children(node);
        self.flush();
        self.lists.pop();
        self.line.prefix.clear();
    }

    fn item(&mut self, node: NodeId) {
        self.flush();
        let value: Option<i64> = self
            .dom
            .attribute(node, Attribute::Value)
            .and_then(|value| value.trim().parse().ok());
        self.line.prefix = match self.lists.last_mut() {
            Some(Some(next)) => {
                let number = value.unwrap_or(*next);
                *next = number.saturating_add(1);
                format!("{number}. ")
            }
            _ => "- ".to_owned(),
        };
        self.children(node);
        self.flush();
        self.line.prefix.clear();
    }

    /// Writes `term: definition` lines.
    fn definitions(&mut self, node: NodeId) {
        self.flush_all();
        let mut terms: Vec<String> = Vec::new();
        self.definition_parts(node, &mut terms);
        for term in terms {
            self.term = Some(term).filter(|term| !term.is_empty());
            self.flush_all();
        }
    }

    fn definition_parts(&mut self, node: NodeId, terms: &mut Vec<String>) {
        for child in self.dom.children(node) {
            if self.omitted.get(child).copied() != Some(false) {
                continue;
            }
            match self.dom.tag(child) {
                Some(Tag::Dt) => terms.push(inline(self.dom, self.omitted, child)),
                Some(Tag::Dd) => {
                    self.flush_all();
                    terms.retain(|term| !term.is_empty());
                    let term = std::mem::take(terms).join(", ");
                    if !term.is_empty() {
                        self.term = Some(term.trim_end_matches(':').to_owned());
                    }
                    if term.chars().count() > LONGEST_TERM {
                        self.flush_all();
                    }
                    self.children(child);
                    self.flush_all();
                }
                // Groups (<https://html.spec.whatwg.org/#the-dl-element>).
                Some(Tag::Div) => self.definition_parts(child, terms),
                _ => self.write(child),
            }
        }
    }
}

/// Returns what an inline element shows instead of its children, if anything.
fn replacement(dom: &Dom, omitted: &[bool], node: NodeId, tag: Tag) -> Option<String> {
    match tag {
        Tag::Img => {
            let alt = dom.attribute(node, Attribute::Alt).unwrap_or_default();
            Some(format!(" {} ", clean::normalize(alt)))
        }
        Tag::Math => dom.attribute(node, Attribute::AltText).map(clean::normalize),
        // `10²` must not become `102`.
        Tag::Sup if is_reference(dom, node) => Some(String::new()),
        Tag::Sup => {
            let text = inline(dom, omitted, node);
            let is_exponent = text
                .chars()
                .next()
                .is_some_and(|c| c.is_ascii_digit() || c == '-' || c == '−');
            is_exponent.then(|| format!("^{text}"))
        }
        Tag::A => {
            let text = inline(dom, omitted, node);
            PERMALINKS.contains(&text.as_str()).then(String::new)
        }
        Tag::Q => Some(format!("“{}”", inline(dom, omitted, node))),
        _ => None,
    }
}

/// Returns whether a superscript only refers to a note of the page.
fn is_reference(dom: &Dom, node: NodeId) -> bool {
    let mut children = dom
        .children(node)
        .filter(|child| dom.text(*child).is_none_or(|text| !text.trim().is_empty()));
    let (first, second) = (children.next(), children.next());
    second.is_none()
        && first.is_some_and(|only| {
            dom.tag(only) == Some(Tag::A)
                && dom
                    .attribute(only, Attribute::Href)
                    .is_some_and(|href| href.starts_with('#'))
        })
}

/// Returns the text of an element on one line.
pub(super) fn inline(dom: &Dom, omitted: &[bool], node: NodeId) -> String {
    let mut line = Line::default();
    for child in dom.children(node) {
        write_inline(dom, omitted, child, &mut line);
    }
    line.take().unwrap_or_default()
}

fn write_inline(dom: &Dom, omitted: &[bool], node: NodeId, line: &mut Line) {
    if omitted.get(node).copied() != Some(false) {
        return;
    }
    if let Some(text) = dom.text(node) {
        line.push(&clean::normalize(text));
        return;
    }
    let Some(tag) = dom.tag(node) else { return };
    if tag == Tag::Wbr {
        return;
    }
    let is_apart = tag.is_block() || matches!(tag, Tag::Br | Tag::Other);
    if is_apart {
        line.space();
    }
    match replacement(dom, omitted, node, tag) {
        Some(text) => line.push(&text),
        None => {
            for child in dom.children(node) {
                write_inline(dom, omitted, child, line);
            }
        }
    }
    if is_apart {
        line.space();
    }
}
