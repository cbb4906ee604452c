//! Ways in which servers depart from the protocols that they say they speak, as public bug reports have them.
//!
//! A quirk changes what the protocol has made: events are taken apart, changed and put together again, so each works
//! with every script and, where it exists there, with every vendor.

use aws_smithy_eventstream::frame::read_message_from;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{Encoding, Protocol};

/// A departure from a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    /// Content is a list of parts, with thinking and unknown parts among them.
    ContentParts,
    /// Every field that an answer does not need is null.
    NullFields,
    /// Every field that an answer does not need has a wrong type.
    WrongTypes,
    /// Events whose data is empty.
    EmptyData,
    /// Signs of life that are no JSON.
    PlainPings,
    /// Events whose lists are null or empty.
    NullLists,
    /// Events of kinds that nobody knows.
    UnknownEvents,
    /// The usage says this instead of numbers.
    Usage(OddUsage),
    /// A message where an increment was due.
    MessageForDelta,
    /// A bare text where an increment was due.
    TextForDelta,
    /// The end mark is missing.
    NoEndMark,
    /// The stream ends behind the last piece, and every event says an empty reason for the end.
    BlankFinish,
    /// Lines end with CR and LF.
    Crlf,
    /// A byte order mark.
    Bom,
    /// The empty line between events is missing.
    Joined,
    /// The name of the field stands twice.
    DoubledPrefix,
    /// Each piece is repeated as the whole message so far.
    Cumulative,
    /// One piece of JSON, said to be that.
    Whole,
    /// One piece of JSON, said to be a stream.
    WholeAsStream,
    /// A stream, said to be JSON.
    StreamAsJson,
    /// Compressed, whoever asked for that.
    Compressed(Encoding),
}

/// What stands in the place of counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum OddUsage {
    Null,
    Empty,
    Negative,
    Fraction,
    Text,
    Absurd,
    /// `input_tokens` and `output_tokens` where others are due, and the other way round.
    OtherNames,
}

/// An event, taken apart.
struct Frame {
    name: Option<String>,
    data: Result<Value, String>,
}

impl Quirk {
    /// What becomes of some events. `so_far`: the text of the answer up to these, for those that repeat it.
    pub(crate) fn apply(self, protocol: Protocol, bytes: &[u8], so_far: &str) -> Vec<u8> {
        let mut out = Vec::new();
        for mut frame in frames(protocol, bytes) {
            if self.leaves_out(&frame) {
                continue;
            }
            for extra in self.before(protocol) {
                out.extend(encode(protocol, &extra));
            }
            if let Ok(data) = &mut frame.data {
                self.change(protocol, data, so_far);
            }
            out.extend(encode(protocol, &frame));
        }
        if protocol != Protocol::Bedrock {
            out = self.bytes(out);
        }
        out
    }

    /// Changes of the framing.
    fn bytes(self, bytes: Vec<u8>) -> Vec<u8> {
        let text = |change: &dyn Fn(&str) -> String| change(&String::from_utf8_lossy(&bytes)).into_bytes();
        match self {
            Self::EmptyData => [b"data:\n\ndata: \n\n".as_slice(), &bytes].concat(),
            Self::PlainPings => [b": alive\n\ndata: ping\n\ndata: keep-alive\n\n".as_slice(), &bytes].concat(),
            Self::Crlf => text(&|text| text.replace('\n', "\r\n")),
            Self::Joined => text(&|text| text.replace("\n\ndata", "\ndata")),
            Self::DoubledPrefix => text(&|text| text.replace("data: ", "data: data: ")),
            _ => bytes,
        }
    }

    fn leaves_out(self, frame: &Frame) -> bool {
        let kind = frame.name.as_deref().unwrap_or_default();
        let is_done = matches!(&frame.data, Err(text) if text == "[DONE]");
        match self {
            Self::NoEndMark => is_done || kind == "message_stop" || kind == "metadata",
            Self::BlankFinish => {
                let names = ["message_stop", "metadata", "message_delta", "messageStop"];
                is_done || names.contains(&kind) || frame.data.as_ref().is_ok_and(says_end)
            }
            _ => false,
        }
    }

    /// Events that come in front of each.
    fn before(self, protocol: Protocol) -> Vec<Frame> {
        let named = |name: &str, data: Value| Frame {
            name: (protocol == Protocol::Anthropic || protocol == Protocol::Bedrock).then(|| name.to_owned()),
            data: Ok(data),
        };
        match (self, protocol) {
            (Self::NullLists, Protocol::Anthropic) => vec![named(
                "content_block_delta",
                json!({"type": "content_block_delta", "index": null, "delta": null}),
            )],
            (Self::NullLists, Protocol::Gemini) => vec![
                named("", json!({"candidates": null})),
                named("", json!({"candidates": []})),
                named(
                    "",
                    json!({"candidates": [{"content": {"parts": null, "role": "model"}}]}),
                ),
                named("", json!({"candidates": [{"content": null}], "promptFeedback": null})),
            ],
            (Self::NullLists, Protocol::Bedrock) => vec![named("contentBlockDelta", json!({"delta": null}))],
            (Self::NullLists, _) => vec![
                named("", json!({"choices": null})),
                named("", json!({"choices": []})),
                named("", json!({"choices": [null]})),
                named(
                    "",
                    json!({"choices": [{"index": 0, "delta": null, "finish_reason": null}]}),
                ),
            ],
            (Self::UnknownEvents, _) => vec![named(
                "surprise",
                json!({"type": "surprise", "surprise": {"text": "never"}}),
            )],
            _ => Vec::new(),
        }
    }

    fn change(self, protocol: Protocol, data: &mut Value, so_far: &str) {
        match self {
            Self::NullFields => blur(data, &|_| Value::Null),
            Self::WrongTypes => blur(data, &|place| match place % 3 {
                0 => json!({"odd": [1]}),
                1 => json!(-7.5),
                _ => json!(["odd"]),
            }),
            Self::Usage(odd) => change_usage(data, odd),
            Self::BlankFinish => {
                for pointer in ["/choices/0/finish_reason", "/candidates/0"] {
                    match data.pointer_mut(pointer) {
                        Some(Value::Object(candidate)) => drop(candidate.insert("finishReason".to_owned(), json!(""))),
                        Some(reason) => *reason = json!(""),
                        None => {}
                    }
                }
            }
            Self::ContentParts | Self::MessageForDelta | Self::TextForDelta | Self::Cumulative => {
                self.change_piece(protocol, data, so_far);
            }
            _ => {}
        }
    }

    fn change_piece(self, protocol: Protocol, data: &mut Value, so_far: &str) {
        let holder = match protocol {
            Protocol::Gemini => "/candidates/0",
            Protocol::Anthropic | Protocol::Bedrock => "",
            _ => "/choices/0",
        };
        let Some(Value::Object(holder)) = data.pointer_mut(holder) else {
            return;
        };
        let (text, field) = match protocol {
            Protocol::Gemini => (
                holder.get("content").map(|content| content["parts"][0]["text"].clone()),
                "content",
            ),
            Protocol::Anthropic | Protocol::Bedrock => {
                (holder.get("delta").map(|delta| delta["text"].clone()), "delta")
            }
            _ => (holder.get("delta").map(|delta| delta["content"].clone()), "delta"),
        };
        let Some(Value::String(text)) = text else {
            return;
        };
        let parts = || json!([{"type": "text", "text": text}, {"type": "unknown", "x": 1}, null]);
        let changed = match (self, protocol) {
            (Self::ContentParts, Protocol::Gemini) => json!({"parts": {"text": text}}),
            (Self::ContentParts, Protocol::Anthropic | Protocol::Bedrock) => json!({"text": parts()}),
            (Self::ContentParts, _) => {
                let thought = json!({"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]});
                json!({"role": "assistant", "content": [thought, {"type": "text", "text": text}, "", {"type": "unknown"}]})
            }
            (Self::Cumulative, _) => json!({"role": "assistant", "content": so_far}),
            (Self::MessageForDelta, Protocol::Gemini) => json!([{"text": text}]),
            (Self::MessageForDelta, Protocol::Anthropic | Protocol::Bedrock) => json!({"text": text}),
            (Self::MessageForDelta, _) => json!({"role": "assistant", "content": text}),
            _ => json!(text),
        };
        let name = match (self, protocol) {
            (Self::MessageForDelta, Protocol::Anthropic) => "content_block",
            (Self::Cumulative, _) | (Self::MessageForDelta, Protocol::OpenAi | Protocol::Bedrock) => "message",
            (Self::TextForDelta, Protocol::OpenAi | Protocol::Anthropic | Protocol::Bedrock) => "text",
            _ => field,
        };
        if name != field && self != Self::Cumulative {
            holder.remove(field);
        }
        holder.insert(name.to_owned(), changed);
    }
}

fn says_end(data: &Value) -> bool {
    data["choices"][0]["finish_reason"].is_string()
        || data["candidates"][0]["finishReason"].is_string()
        || data["choices"].as_array().is_some_and(Vec::is_empty)
}

/// Fields that an answer needs.
const NEEDED: [&str; 31] = [
    "choices",
    "delta",
    "content",
    "finish_reason",
    "usage",
    "candidates",
    "parts",
    "text",
    "finishReason",
    "type",
    "message",
    "content_block",
    "stop_reason",
    "stopReason",
    "usageMetadata",
    "prompt_tokens",
    "completion_tokens",
    "input_tokens",
    "output_tokens",
    "inputTokens",
    "outputTokens",
    "promptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "reasoning_content",
    "thought",
    "thinking",
    "error",
    "output",
    "reasoningContent",
    "object",
];

/// Replaces every field that an answer does not need.
fn blur(value: &mut Value, with: &dyn Fn(usize) -> Value) {
    match value {
        Value::Object(fields) => {
            for (place, (name, field)) in fields.iter_mut().enumerate() {
                if NEEDED.contains(&name.as_str()) {
                    blur(field, with);
                } else {
                    *field = with(place);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| blur(value, with)),
        _ => {}
    }
}

fn change_usage(data: &mut Value, odd: OddUsage) {
    for pointer in ["/usage", "/usageMetadata", "/message/usage"] {
        let Some(usage) = data.pointer_mut(pointer).filter(|usage| usage.is_object()) else {
            continue;
        };
        let each = |with: &dyn Fn(&Value) -> Value| {
            let counts = usage.as_object().cloned().unwrap_or_default();
            let changed = counts.into_iter().map(|(name, count)| {
                let count = if count.is_number() { with(&count) } else { count };
                (name, count)
            });
            Value::Object(changed.collect::<Map<_, _>>())
        };
        *usage = match odd {
            OddUsage::Null => Value::Null,
            OddUsage::Empty => json!({}),
            OddUsage::Negative => each(&|_| json!(-1)),
            OddUsage::Fraction => each(&|count| json!(count.as_f64().unwrap_or_default() + 0.5)),
            OddUsage::Text => each(&|count| json!(count.to_string())),
            OddUsage::Absurd => each(&|_| json!(9_007_199_254_740_991_u64)),
            OddUsage::OtherNames => {
                let first = |names: [&str; 3]| {
                    names
                        .iter()
                        .map(|name| &usage[*name])
                        .find(|count| count.is_u64())
                        .cloned()
                };
                let read = first(["prompt_tokens", "input_tokens", "inputTokens"])
                    .or_else(|| usage.get("promptTokenCount").cloned());
                let written = first(["completion_tokens", "output_tokens", "outputTokens"])
                    .or_else(|| usage.get("candidatesTokenCount").cloned());
                if usage.get("prompt_tokens").is_some() {
                    json!({"input_tokens": read, "output_tokens": written})
                } else {
                    json!({"prompt_tokens": read, "completion_tokens": written})
                }
            }
        };
    }
}

fn frames(protocol: Protocol, bytes: &[u8]) -> Vec<Frame> {
    if protocol == Protocol::Bedrock {
        let mut bytes = Bytes::copy_from_slice(bytes);
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let Ok(message) = read_message_from(&mut bytes) else {
                break;
            };
            let header = |header: &&aws_smithy_types::event_stream::Header| header.name().as_str() == ":event-type";
            let name = message
                .headers()
                .iter()
                .find(header)
                .and_then(|header| header.value().as_string().ok());
            frames.push(Frame {
                name: name.map(|name| name.as_str().to_owned()),
                data: serde_json::from_slice(message.payload()).map_err(|error| error.to_string()),
            });
        }
        return frames;
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    let events = text.split("\n\n").filter(|event| event.contains("data: "));
    let frame = |event: &str| {
        let field = |name: &str| {
            event
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::to_owned)
        };
        let data = field("data: ").unwrap_or_default();
        Frame {
            name: field("event: "),
            data: serde_json::from_str(&data).map_err(|_| data),
        }
    };
    events.map(frame).collect()
}

fn encode(protocol: Protocol, frame: &Frame) -> Vec<u8> {
    let data = match &frame.data {
        Ok(value) => value.to_string(),
        Err(text) => text.clone(),
    };
    if protocol == Protocol::Bedrock {
        return super::protocol::binary_event(frame.name.as_deref().unwrap_or_default(), &data);
    }
    let name = frame
        .name
        .as_ref()
        .map(|name| format!("event: {name}\n"))
        .unwrap_or_default();
    format!("{name}data: {data}\n\n").into_bytes()
}
