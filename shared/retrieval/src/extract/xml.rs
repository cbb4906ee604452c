//! Bounded pull parsing: one event in memory at a time, of limited size and depth.

use std::borrow::Cow;
use std::io::{BufRead, Read};

use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesEnd, BytesStart, Event as XmlEvent};
use quick_xml::{Reader, XmlVersion};

/// Largest tag or run of text. Bytes.
const MAX_EVENT_BYTES: usize = 8 * 1024 * 1024;
/// Maximum nesting. Word itself stays far below 100.
const MAX_DEPTH: usize = 256;
/// Tags and texts of one part. A book of 1,000 pages has a million.
const MAX_EVENTS: usize = 5_000_000;

/// Why reading a part stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Malformed,
    EventTooLarge,
    TooManyEvents,
    TooMuchText,
}

/// The parsed events, with names without their namespace prefix.
pub(super) enum Event<'a> {
    /// A start tag. `is_empty` if it closes itself (`<w:tab/>`); no `End` follows then.
    Start {
        tag: BytesStart<'a>,
        is_empty: bool,
    },
    End(BytesEnd<'a>),
    Text(Cow<'a, str>),
}

pub(super) struct Xml<'a> {
    reader: Reader<Metered<&'a mut dyn BufRead>>,
    buffer: Vec<u8>,
    depth: usize,
    events: usize,
}

impl<'a> Xml<'a> {
    pub(super) fn new(input: &'a mut dyn BufRead) -> Self {
        Self {
            reader: Reader::from_reader(Metered {
                inner: input,
                left: MAX_EVENT_BYTES,
            }),
            buffer: Vec::new(),
            depth: 0,
            events: 0,
        }
    }

    /// Returns the next tag or text; `None` at the end of the part.
    pub(super) fn next(&mut self) -> Result<Option<Event<'_>>, Failure> {
        self.reader.get_mut().left = MAX_EVENT_BYTES;
        self.buffer.clear();
        self.buffer.shrink_to(64 * 1024);
        self.events += 1;
        if self.events > MAX_EVENTS {
            return Err(Failure::TooManyEvents);
        }
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(quick_xml::Error::Io(error)) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                return Err(Failure::EventTooLarge);
            }
            Err(_) => return Err(Failure::Malformed),
        };
        Ok(match event {
            XmlEvent::Start(tag) => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(Failure::Malformed);
                }
                Some(Event::Start { tag, is_empty: false })
            }
            XmlEvent::Empty(tag) => Some(Event::Start { tag, is_empty: true }),
            XmlEvent::End(tag) => {
                self.depth -= 1;
                Some(Event::End(tag))
            }
            XmlEvent::Text(text) => Some(Event::Text(text.xml10_content())),
            XmlEvent::CData(data) => Some(Event::Text(data.xml10_content())),
            XmlEvent::GeneralRef(reference) => Some(Event::Text(Cow::Owned(resolve(&reference)))),
            XmlEvent::Eof if self.depth > 0 => return Err(Failure::Malformed),
            XmlEvent::Eof => None,
            // Comments, instructions and document types have no content; entities of a document type are never read.
            XmlEvent::Comment(_) | XmlEvent::Decl(_) | XmlEvent::PI(_) | XmlEvent::DocType(_) => {
                Some(Event::Text(Cow::Borrowed("")))
            }
        })
    }
}

impl Event<'_> {
    /// Returns whether this is a start tag with this name.
    pub(super) fn starts(&self, name: &str) -> bool {
        matches!(self, Event::Start { tag, .. } if tag.local_name().as_ref() == name)
    }

    /// Returns whether this is an end tag with this name.
    pub(super) fn ends(&self, name: &str) -> bool {
        matches!(self, Event::End(tag) if tag.local_name().as_ref() == name)
    }

    /// Returns the value of an attribute of a start tag, with any prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        self.find_attribute(|attribute| attribute.key.local_name().as_ref() == name)
    }

    /// Returns the value of an attribute that has a prefix: `r:id` rather than `id`.
    pub(super) fn prefixed_attribute(&self, name: &str) -> Option<String> {
        self.find_attribute(|attribute| attribute.key.prefix().is_some() && attribute.key.local_name().as_ref() == name)
    }

    fn find_attribute(&self, wanted: impl Fn(&Attribute<'_>) -> bool) -> Option<String> {
        let Event::Start { tag, .. } = self else { return None };
        // Checking for duplicates takes quadratic time in the number of attributes.
        let found = tag.attributes().with_checks(false).flatten().find(wanted)?;
        value(&found)
    }
}

fn value(found: &Attribute<'_>) -> Option<String> {
    found
        .normalized_value(XmlVersion::Implicit1_0)
        .ok()
        .map(Cow::into_owned)
}

/// Resolves the five entities of XML and character references; any other reference becomes empty.
fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return c.to_string();
    }
    let name: &str = reference;
    quick_xml::escape::resolve_xml_entity(name)
        .unwrap_or_default()
        .to_owned()
}

/// A reader that fails when one event exceeds its limit.
struct Metered<R> {
    inner: R,
    left: usize,
}

impl<R: BufRead> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Metered<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.left == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::FileTooLarge));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount);
        self.inner.consume(amount);
    }
}
