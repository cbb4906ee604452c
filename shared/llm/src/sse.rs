//! A decoder of server-sent events from bytes that arrive in any pieces.
//!
//! The grammar is that of the HTML standard, section 9.2.6 (<https://html.spec.whatwg.org/#parsing-an-event-stream>).
//! Bytes are split into lines before they are decoded, so a character cut in two is restored.

use std::collections::VecDeque;

/// The longest line and the longest event accepted, in bytes. A chunk of an answer has some hundred bytes; a whole
/// answer with its log probabilities has some million.
const MAX_EVENT: usize = 8 << 20;

/// One event. Its `id` and `retry` are ignored: a model call is never resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; `message` if there was none.
    pub name: String,
    /// The `data` fields, joined by line feeds.
    pub data: String,
}

/// A line or an event is longer than 8 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {MAX_EVENT} bytes")]
pub struct TooLong;

/// A decoder: bytes in, events out.
#[derive(Debug, Default)]
pub struct Decoder {
    line: Vec<u8>,
    /// Whether the last byte was a CR: a following LF belongs to the same line end.
    after_cr: bool,
    /// Whether the first line, which may begin with a byte order mark, has ended.
    is_started: bool,
    name: String,
    data: String,
    events: VecDeque<Event>,
}

impl Decoder {
    /// Takes the next bytes. [`Decoder::next_event`] returns the events they complete.
    ///
    /// # Errors
    /// [`TooLong`]; the decoder must not be used afterwards.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        while let Some((&first, rest)) = bytes.split_first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = rest;
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            if self.line.len() + part.len() > MAX_EVENT {
                return Err(TooLong);
            }
            self.line.extend_from_slice(part);
            bytes = match rest.split_first() {
                None => rest,
                Some((end, rest)) => {
                    self.after_cr = *end == b'\r';
                    self.end_line()?;
                    rest
                }
            };
        }
        Ok(())
    }

    /// Returns the next complete event.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Returns the event at the end of a stream without an empty line after it. The standard drops it, but a server
    /// that omits the line has still sent the event.
    pub fn finish(mut self) -> Option<Event> {
        self.end_line().ok()?;
        self.end_event();
        self.events.pop_front()
    }

    fn end_line(&mut self) -> Result<(), TooLong> {
        let mut bytes = std::mem::take(&mut self.line);
        let read = self.read_line(&String::from_utf8_lossy(&bytes));
        // The next line reuses the memory.
        bytes.clear();
        self.line = bytes;
        read
    }

    fn read_line(&mut self, mut line: &str) -> Result<(), TooLong> {
        if !std::mem::replace(&mut self.is_started, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            self.end_event();
            return Ok(());
        }
        // A line that begins with a colon is a comment: its field has no name.
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if self.data.len() + value.len() >= MAX_EVENT {
                    return Err(TooLong);
                }
                self.data.push_str(value);
                self.data.push('\n');
            }
            "event" => value.clone_into(&mut self.name),
            _ => {}
        }
        Ok(())
    }

    fn end_event(&mut self) {
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        if data.pop().is_none() {
            return;
        }
        let name = if name.is_empty() { "message".to_owned() } else { name };
        self.events.push_back(Event { name, data });
    }
}

#[cfg(test)]
mod tests {
    use super::{Decoder, Event, MAX_EVENT, TooLong};
    use proptest::prelude::*;

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
        let mut decoder = Decoder::default();
        for piece in pieces {
            assert_eq!(decoder.push(piece), Ok(()));
        }
        std::iter::from_fn(|| decoder.next_event()).collect()
    }

    fn event(name: &str, data: &str) -> Event {
        Event {
            name: name.to_owned(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn an_event_ends_with_an_empty_line() {
        assert_eq!(
            decode([b"data: one\n\ndata:two\n\n".as_slice()]),
            [event("message", "one"), event("message", "two")]
        );
    }

    #[test]
    fn an_event_without_its_empty_line_is_not_given() {
        assert_eq!(
            decode([b"data: one\n\ndata: two\n".as_slice()]),
            [event("message", "one")]
        );
    }

    #[test]
    fn the_examples_of_the_standard_decode_as_it_says() {
        // https://html.spec.whatwg.org/#event-stream-interpretation
        assert_eq!(
            decode([b"data: YHOO\ndata: +2\ndata: 10\n\n".as_slice()]),
            [event("message", "YHOO\n+2\n10")]
        );
        let stream = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
        assert_eq!(
            decode([stream.as_slice()]),
            [
                event("message", "first event"),
                event("message", "second event"),
                event("message", " third event")
            ]
        );
        assert_eq!(
            decode([b"data\n\ndata\ndata\n\ndata:".as_slice()]),
            [event("message", ""), event("message", "\n")]
        );
    }

    #[test]
    fn an_event_without_data_is_dropped_with_its_name() {
        assert_eq!(
            decode([b"event: ping\n\ndata: x\n\n".as_slice()]),
            [event("message", "x")]
        );
        assert_eq!(decode([b"event: error\ndata: x\n\n".as_slice()]), [event("error", "x")]);
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_replaced() {
        assert_eq!(
            decode([b"data: a\xffb\n\n".as_slice()]),
            [event("message", "a\u{fffd}b")]
        );
    }

    #[test]
    fn a_byte_order_mark_is_skipped_at_the_start_only() {
        let stream = "\u{feff}data: a\n\n\u{feff}data: b\n\n".as_bytes();
        assert_eq!(decode([stream]), [event("message", "a")]);
    }

    #[test]
    fn an_endless_line_and_an_endless_event_are_refused() {
        let mut decoder = Decoder::default();
        let piece = vec![b'x'; MAX_EVENT / 2];
        assert_eq!(decoder.push(&piece), Ok(()));
        assert_eq!(decoder.push(&piece), Ok(()));
        assert_eq!(decoder.push(b"x"), Err(TooLong));

        let mut decoder = Decoder::default();
        let line = [b"data: ".as_slice(), &vec![b'x'; MAX_EVENT / 4], b"\n"].concat();
        let outcomes: Vec<_> = (0..4).map(|_| decoder.push(&line)).collect();
        assert_eq!(outcomes, [Ok(()), Ok(()), Ok(()), Err(TooLong)]);
    }

    #[test]
    fn every_split_in_two_gives_the_same_events() {
        let stream = "\u{feff}: hi\r\nevent: délta\rdata: 東京 🍵\r\ndata: b\n\r\ndata: c\r\rdata: d\n\n".as_bytes();
        let whole = decode([stream]);
        assert_eq!(whole.len(), 3);
        for at in 0..=stream.len() {
            assert_eq!(decode([&stream[..at], &stream[at..]]), whole, "split at {at}");
        }
        assert_eq!(decode(stream.chunks(1)), whole);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_same_events(
            parts in prop::collection::vec(prop_oneof![
                Just(b"data: ".to_vec()), Just(b"event:x".to_vec()), Just(b"\r".to_vec()), Just(b"\n".to_vec()),
                Just(b"\r\n".to_vec()), Just("é🍵\u{feff}".as_bytes().to_vec()), prop::collection::vec(any::<u8>(), 0..4),
            ], 0..40),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let stream = parts.concat();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]);
            prop_assert_eq!(decode(pieces), decode([stream.as_slice()]));
        }
    }
}
