//! Conversations: every view of them, their branches, and answers that outlive their connections.

mod branches;
mod costs;
mod history;
mod management;
mod pages;
mod prompts;
mod streams;
mod titles;

use model_double::{ModelDouble, Script};
use serde_json::{Value, json};

use crate::support::{Caller, Test};

const SESSIONS: &str = "/api/v1/chat/sessions";

/// A stack whose models are all a double.
pub(crate) async fn with_model() -> (ModelDouble, Test) {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    (model, t)
}

/// A chat session that a language model answers. It has a title, so nobody asks for one.
async fn session(caller: &Caller) -> String {
    let new = json!({"model": "gpt-4o-mini", "title": "A talk"});
    caller.post(SESSIONS, new).await.created().text("id")
}

fn messages(session: &str) -> String {
    format!("{SESSIONS}/{session}/messages")
}

/// Sends a message and has it answered; the message with its answer.
async fn ask(caller: &Caller, session: &str, content: &str) -> Value {
    let message = json!({"content": content, "generate": true});
    caller.post(&messages(session), message).await.created().json()
}

/// What is shown of a session: `role: content`.
async fn shown(caller: &Caller, session: &str) -> Vec<String> {
    let listed = caller.get(&messages(session)).await.ok().json();
    let line = |message: &Value| {
        let text = |name: &str| message[name].as_str().unwrap().to_owned();
        format!("{}: {}", text("role"), text("content"))
    };
    listed.as_array().unwrap().iter().map(line).collect()
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// What the double was told of the conversation in its last call: `role: content`, without the system prompt.
fn told(model: &ModelDouble) -> Vec<String> {
    let call = model.calls().pop().unwrap();
    let messages = call.body["messages"].as_array().unwrap().clone();
    let plain = messages.iter().filter(|message| message["role"] != "system");
    plain
        .map(|message| {
            let text = |name: &str| message[name].as_str().unwrap().to_owned();
            format!("{}: {}", text("role"), text("content"))
        })
        .collect()
}

/// The double answers these texts, one a call.
fn says(model: &ModelDouble, texts: &[&str]) {
    for text in texts {
        model.next(Script::text(text));
    }
}
