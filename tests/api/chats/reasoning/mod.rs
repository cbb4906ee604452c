//! Models that think: what becomes of their thinking, how long they may take, and what it costs.

mod budgets;
mod conversations;
mod leases;
mod limits;
mod vendors;

use model_double::ModelDouble;
use serde_json::{Value, json};

use crate::support::{Caller, Frame, Stream, Test};

const SESSIONS: &str = "/api/v1/chat/sessions";
const CHAT: &str = "/v1/chat/completions";
/// A model that thinks, at a server of its own.
const THINKER: &str = "compatible/qwen3:8b";

/// A stack whose models are all a double, with these environment variables too, and somebody with a lot of tokens.
async fn with(environment: &[(&str, &str)]) -> (ModelDouble, Test, Caller) {
    let model = ModelDouble::start().await.unwrap();
    let urls = model.environment();
    let urls = urls.iter().map(|(name, value)| (*name, value.as_str()));
    let environment: Vec<_> = urls.chain(environment.iter().copied()).collect();
    let t = Test::with(&environment).await;
    let ada = t.talker("ada").await;
    (model, t, ada)
}

async fn with_model() -> (ModelDouble, Test, Caller) {
    with(&[]).await
}

/// A request for a completion.
fn asking(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "How long?"}]})
}

/// A chat session that a model answers. It has a title, so nobody asks for one.
async fn session(caller: &Caller, model: &str) -> String {
    let new = json!({"model": model, "title": "A talk"});
    caller.post(SESSIONS, new).await.created().text("id")
}

fn messages(session: &str) -> String {
    format!("{SESSIONS}/{session}/messages")
}

/// What a field of all frames says together.
fn said(frames: &[Frame], field: &str) -> String {
    let events = frames.iter().filter(|frame| frame.data != "[DONE]");
    events
        .filter_map(|frame| frame.json()[field].as_str().map(str::to_owned))
        .collect()
}

/// The thinking and the text of a streamed completion, and its last chunk before the end.
async fn streamed(caller: &Caller, mut body: Value) -> (String, String, Value) {
    body["stream_options"] = json!({"include_usage": true});
    let frames = caller.stream(CHAT, body).await.rest().await;
    let (mut thinking, mut text, mut last) = (String::new(), String::new(), Value::Null);
    for frame in frames.iter().filter(|frame| frame.data != "[DONE]") {
        last = frame.json();
        let delta = &last["choices"][0]["delta"];
        thinking.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        text.push_str(delta["content"].as_str().unwrap_or_default());
    }
    assert_eq!(frames.last().unwrap().data, "[DONE]");
    (thinking, text, last)
}

/// Reads frames of a stream until one says something in this field.
async fn until(stream: &mut Stream, field: &str) -> Frame {
    loop {
        let frame = stream.next().await.unwrap();
        if frame.json()[field].as_str().is_some_and(|said| !said.is_empty()) {
            return frame;
        }
    }
}
