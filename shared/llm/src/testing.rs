//! Helpers shared by the tests of several modules.

use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture};

use crate::call::{Answer, Body, Progress, Vendor};
use crate::{
    ChatEvent, ChatModel, ChatRequest, FinishReason, Message, ModelError, ModelInfo, ModelKind, TimeLimits, Usage,
};

/// Limits that no test reaches on any machine.
pub(crate) const PATIENT: TimeLimits = TimeLimits {
    connect: Duration::from_mins(1),
    first_token: Duration::from_mins(1),
    between_tokens: Duration::from_mins(1),
    total: Duration::from_mins(1),
};

/// A signer that only shows that it was asked.
pub(crate) struct Unsigned;

impl crate::Signer for Unsigned {
    fn sign<'a>(&'a self, _: &'a str, _: &'a [u8]) -> BoxFuture<'a, Result<Vec<(String, String)>, domain::Error>> {
        async { Ok(vec![("x-signed".to_owned(), "yes".to_owned())]) }.boxed()
    }
}

/// A text with many multi-byte characters that may be cut in the wrong place.
pub(crate) const HARD: &str = "Grüße 🍵 東京 👩‍👩‍👧‍👦 e\u{301} \u{2028}";

pub(crate) fn request() -> ChatRequest {
    ChatRequest {
        model: "gpt-4o-mini".to_owned(),
        system: None,
        messages: vec![Message::user("Say hello.")],
        sources: None,
        refusal: None,
        prescribed: None,
        max_tokens: 50,
        temperature: None,
        reasoning_effort: None,
    }
}

/// A request with everything that vendors represent differently.
pub(crate) fn dialogue() -> ChatRequest {
    ChatRequest {
        system: Some("Be kind.".to_owned()),
        messages: vec![Message::user("a"), Message::assistant("b"), Message::user("c")],
        temperature: Some(1.5),
        ..request()
    }
}

pub(crate) fn info(provider: crate::Provider, id: &'static str) -> ModelInfo {
    ModelInfo {
        id: id.into(),
        provider,
        kind: ModelKind::Chat,
        generative: true,
        context_tokens: 128_000,
    }
}

/// A client that ignores the machine's proxy.
pub(crate) fn http(limits: TimeLimits) -> reqwest::Client {
    limits.http_client_builder().no_proxy().build().unwrap()
}

pub(crate) fn counted(prompt_tokens: u64, completion_tokens: u64) -> Usage {
    Usage {
        prompt_tokens,
        completion_tokens,
        ..Usage::default()
    }
}

/// The text, the end if any, and the error if any. Nothing may follow either.
pub(crate) type Outcome = (String, Option<(FinishReason, Usage)>, Option<ModelError>);

pub(crate) async fn outcome(model: &dyn ChatModel, request: ChatRequest) -> Outcome {
    let mut outcome: Outcome = (String::new(), None, None);
    let mut stream = model.chat(request);
    while let Some(event) = stream.next().await {
        assert_eq!((&outcome.1, &outcome.2), (&None, &None), "something follows the end");
        match event {
            Ok(ChatEvent::Accepted) => assert_eq!(outcome.0, "", "the request is taken before the model speaks"),
            Ok(ChatEvent::Answering { .. }) => assert_eq!(outcome.0, "", "the model is named before it speaks"),
            Ok(ChatEvent::Thinking(thinking)) => assert!(!thinking.is_empty()),
            Ok(ChatEvent::Text(text)) => {
                assert!(!text.is_empty());
                outcome.0.push_str(&text);
            }
            Ok(ChatEvent::Done { finish_reason, usage }) => outcome.1 = Some((finish_reason, usage)),
            Err(error) => outcome.2 = Some(error),
        }
    }
    outcome
}

/// Returns the thinking and the text of a successful answer.
pub(crate) async fn spoken(model: &dyn ChatModel, request: ChatRequest) -> (String, String) {
    let (mut thinking, mut text) = (String::new(), String::new());
    let mut stream = model.chat(request);
    while let Some(event) = stream.next().await {
        match event.unwrap() {
            ChatEvent::Thinking(piece) => thinking.push_str(&piece),
            ChatEvent::Text(piece) => text.push_str(&piece),
            ChatEvent::Accepted | ChatEvent::Answering { .. } | ChatEvent::Done { .. } => {}
        }
    }
    (thinking, text)
}

/// Reads a stream in these pieces as the adapter does, up to its end.
pub(crate) fn read<'a, V: Vendor>(
    vendor: &V,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (String, (FinishReason, Usage)) {
    let (mut body, mut answer) = (Body::new(None, vendor.frames()), Answer::new(&request(), None));
    let mut text = String::new();
    let done = |answer: &mut Answer| match answer.done().unwrap() {
        ChatEvent::Done { finish_reason, usage } => (finish_reason, usage),
        other => panic!("{other:?}"),
    };
    let mut has_ended = false;
    for piece in pieces {
        body.push(piece).unwrap();
        while !has_ended && let Some(event) = body.next_event() {
            for progress in crate::call::read(vendor, &event, &mut answer, false) {
                has_ended |= progress.unwrap() == Progress::End;
            }
        }
    }
    assert!(has_ended || answer.is_finished(), "no end");
    answer.finish_pieces();
    while let Some(piece) = answer.next_piece() {
        if let ChatEvent::Text(piece) = piece {
            text.push_str(&piece);
        }
    }
    (text, done(&mut answer))
}

/// Reads the bytes at once and split in two everywhere, and requires the same result.
pub(crate) fn every_split<V: Vendor>(vendor: &V, bytes: &[u8]) -> (String, (FinishReason, Usage)) {
    let whole = read(vendor, [bytes]);
    for at in 0..=bytes.len() {
        assert_eq!(read(vendor, [&bytes[..at], &bytes[at..]]), whole, "split at {at}");
    }
    for size in [1, 2, 3, 7] {
        assert_eq!(read(vendor, bytes.chunks(size)), whole, "pieces of {size}");
    }
    whole
}

/// Does [`every_split`] for server-sent events with every kind of line end, with comments, and with multi-line data.
pub(crate) fn every_split_is_the_same<V: Vendor>(vendor: &V, stream: &str) -> (String, (FinishReason, Usage)) {
    let lf = stream.replace("\r\n", "\n");
    let whole = every_split(vendor, lf.as_bytes());
    let commented = lf
        .replace("data: {", ": a comment\ndata:\ndata: {")
        .replace("}\n\n", "}\ndata:\n:\n\n");
    for other in [
        lf.replace('\n', "\r\n"),
        lf.replace('\n', "\r"),
        commented.clone(),
        commented.replace('\n', "\r\n"),
    ] {
        assert_eq!(every_split(vendor, other.as_bytes()), whole, "{other}");
    }
    whole
}
