//! The two framings of a stream: server-sent events, and the binary event stream of AWS
//! (<https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html>), whose checksums AWS's own crate verifies.

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream::Message;
use bytes::BytesMut;

use crate::sse;

/// The longest binary event accepted, in bytes.
const MAX_EVENT: usize = 1 << 20;
/// The length of a frame without headers and payload.
const SHORTEST: usize = 16;

/// A decoder: bytes in, events out.
pub(crate) enum Frames {
    /// Server-sent events.
    Text(sse::Decoder),
    /// AWS's event stream. The name of an event is its type; that of an exception, the exception's type.
    Binary(Binary),
}

/// The decoder of AWS's event stream.
#[derive(Default)]
pub(crate) struct Binary {
    buffer: BytesMut,
    events: std::collections::VecDeque<sse::Event>,
}

impl Frames {
    pub(crate) fn text() -> Self {
        Self::Text(sse::Decoder::default())
    }

    pub(crate) fn binary() -> Self {
        Self::Binary(Binary::default())
    }

    /// Takes the next bytes. After an error, which says what is wrong with them, the decoder must not be used.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), String> {
        match self {
            Self::Text(decoder) => decoder.push(bytes).map_err(|error| error.to_string()),
            Self::Binary(binary) => binary.push(bytes),
        }
    }

    /// Returns the next complete event.
    pub(crate) fn next_event(&mut self) -> Option<sse::Event> {
        match self {
            Self::Text(decoder) => decoder.next_event(),
            Self::Binary(binary) => binary.events.pop_front(),
        }
    }

    /// Returns the event that the end of the stream completes.
    pub(crate) fn finish(self) -> Option<sse::Event> {
        match self {
            Self::Text(decoder) => decoder.finish(),
            Self::Binary(_) => None,
        }
    }
}

impl Binary {
    fn push(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.buffer.extend_from_slice(bytes);
        // A frame begins with its own length.
        while let Some(length) = self.buffer.first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            if length > MAX_EVENT {
                return Err(format!("an event is longer than {MAX_EVENT} bytes"));
            }
            if self.buffer.len() < length.max(SHORTEST) {
                break;
            }
            let frame = self.buffer.split_to(length.max(SHORTEST)).freeze();
            let message = read_message_from(frame).map_err(|error| error.to_string())?;
            self.events.extend(event(&message));
        }
        Ok(())
    }
}

/// Returns a message as an event; `None` if it has no name.
fn event(message: &Message) -> Option<sse::Event> {
    let header = |name: &str| {
        let header = message.headers().iter().find(|header| header.name().as_str() == name)?;
        Some(header.value().as_string().ok()?.as_str().to_owned())
    };
    let names = [":event-type", ":exception-type", ":error-code"];
    Some(sse::Event {
        name: names.into_iter().find_map(header)?,
        data: if message.payload().is_empty() {
            // An error has its message in a header instead of a payload.
            serde_json::json!({"message": header(":error-message")}).to_string()
        } else {
            String::from_utf8_lossy(message.payload()).into_owned()
        },
    })
}
