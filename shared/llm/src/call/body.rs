//! The body of a response, with any compression, whether it is the requested stream or a single piece of JSON.

use super::frames::Frames;
use super::inflate::Inflate;
use crate::sse::Event;

/// The longest answer accepted in one piece, in bytes.
const MAX_WHOLE: usize = 16 << 20;
/// How much is retained, for an error message, of a body that turns out not to be a stream, in bytes.
const MAX_HEAD: usize = 4 << 10;
/// The name of an event that is a whole answer.
pub(crate) const WHOLE: &str = "whole";

/// A decoder: bytes in, events out.
pub(crate) struct Body {
    inflate: Inflate,
    frames: Option<Frames>,
    kind: Kind,
    /// The beginning, until there is an event.
    head: Vec<u8>,
}

/// The kind of body, according to its first byte.
enum Kind {
    /// No byte has arrived.
    Unknown,
    /// A stream.
    Stream,
    /// Something else, collected up to its end.
    Whole(Vec<u8>),
}

impl Body {
    /// Creates a decoder of a body with this `Content-Encoding`, whose stream has these frames.
    pub(crate) fn new(encoding: Option<&str>, frames: Frames) -> Self {
        Self {
            inflate: Inflate::new(encoding),
            frames: Some(frames),
            kind: Kind::Unknown,
            head: Vec::new(),
        }
    }

    /// Takes the next bytes. After an error, which says what is wrong with them, the decoder must not be used.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), String> {
        let bytes = self.inflate.push(bytes)?;
        self.take(&bytes)
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        if matches!(self.kind, Kind::Unknown) {
            if self.head.is_empty() {
                bytes = bytes
                    .strip_prefix("\u{feff}".as_bytes())
                    .unwrap_or(bytes)
                    .trim_ascii_start();
            }
            let Some(first) = bytes.first() else {
                return Ok(());
            };
            self.kind = if matches!(first, b'{' | b'[' | b'<' | b'"') {
                Kind::Whole(Vec::new())
            } else {
                Kind::Stream
            };
        }
        if let Kind::Whole(whole) = &mut self.kind {
            if whole.len() + bytes.len() > MAX_WHOLE {
                return Err(format!("an answer is longer than {MAX_WHOLE} bytes"));
            }
            whole.extend_from_slice(bytes);
            return Ok(());
        }
        let room = MAX_HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.frames.as_mut().map_or(Ok(()), |frames| frames.push(bytes))
    }

    /// Returns the next complete event.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        self.frames.as_mut()?.next_event()
    }

    /// Returns what is left at the end: a whole answer, or an event whose last line has no end.
    pub(crate) fn finish(&mut self) -> Option<Event> {
        let frames = self.frames.take()?;
        match &mut self.kind {
            Kind::Whole(whole) => Some(Event {
                name: WHOLE.to_owned(),
                data: String::from_utf8_lossy(&std::mem::take(whole)).into_owned(),
            }),
            Kind::Stream => frames.finish(),
            Kind::Unknown => None,
        }
    }

    /// Returns the beginning of a body that contained no event.
    pub(crate) fn head(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }
}
