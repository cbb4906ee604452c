//! Citations: the markers of a model, and nothing else, become numbers that a source backs.

use serde_json::{Value, json};

use crate::{
    api::chats::conversations::with_model,
    support::{Caller, Test},
};
use model_double::{ModelDouble, Script};

const COMPLETIONS: &str = "/v1/chat/completions";
const TERMS: &str = "The warranty of a grinder is two years. As [cite:1] and [cite:7] say, returns take thirty days.";
/// What people and programs write in brackets.
const BRACKETS: &str = "In [2019] UKSC 41 `a[0]` is b[1][2], see [7](https://example.com/7), [^2] and [1, 2] or [1].";

struct Helper {
    model: ModelDouble,
    t: Test,
    ada: Caller,
    bot: String,
}

/// A chatbot with one document, and the model that answers for it.
async fn helper() -> Helper {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let document = ada.upload("terms.txt", TERMS).await.created().text("id");
    t.drain().await;
    let bot = json!({"name": "Helper", "documents": [document], "settings": {"model": "gpt-4o-mini"}});
    let bot = ada.post("/api/v1/chatbots", bot).await.created().text("id");
    Helper { model, t, ada, bot }
}

impl Helper {
    async fn session(&self) -> String {
        let session = self.ada.post("/api/v1/chat/sessions", json!({"chatbot_id": self.bot}));
        session.await.created().text("id")
    }

    fn question(&self) -> Value {
        let model = format!("chatbot/{}", self.bot);
        json!({"model": model, "messages": [{"role": "user", "content": "How long is the warranty of a grinder?"}]})
    }
}

#[tokio::test]
async fn all_but_markers_passes_byte_for_byte() {
    let it = helper().await;
    it.model.always(Script::text(&format!(
        "{BRACKETS} Two years [cite:1], not three [cite:9]. 【2】 [cite:1"
    )));
    let expected = format!("{BRACKETS} Two years [1], not three. 【2】");
    let path = format!("/api/v1/chat/sessions/{}/messages", it.session().await);
    let message = json!({"content": "How long is the warranty of a grinder?"});
    let answer = it.ada.post(&path, message).await.created().json()["answer"].clone();
    assert_eq!(answer["content"], expected);
    assert_eq!(answer["sources"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(answer["sources"][0]["number"], 1);

    let whole = it.ada.post(COMPLETIONS, it.question()).await.ok().json();
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["content"], expected);
    let annotations = message["annotations"].as_array().unwrap();
    let citation = &annotations[0]["url_citation"];
    let at = expected.find(" Two years [1]").unwrap() + " Two years ".len();
    let at = expected[..at].chars().count();
    assert_eq!(annotations.len(), 1, "a plain [1] is no citation");
    assert_eq!(
        (&citation["start_index"], &citation["end_index"]),
        (&json!(at), &json!(at + 3))
    );

    let frames = it.ada.stream(COMPLETIONS, it.question()).await.rest().await;
    let streamed: String = frames[..frames.len() - 1]
        .iter()
        .filter_map(|frame| Some(frame.json()["choices"][0]["delta"]["content"].as_str()?.to_owned()))
        .collect();
    assert_eq!(streamed, expected);
    drop(it.t);
}

#[tokio::test]
async fn a_chatbot_without_documents_and_a_model_alone_pass_everything() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let bot = json!({"name": "Helper", "settings": {"model": "gpt-4o-mini"}});
    let bot = ada.post("/api/v1/chatbots", bot).await.created().text("id");
    let text = format!("{BRACKETS} [cite:1]");
    model.always(Script::text(&text));
    for model in ["gpt-4o-mini".to_owned(), format!("chatbot/{bot}")] {
        let body = json!({"message": "Where?", "model": model});
        assert_eq!(ada.post("/api/v1/ai/chat", body).await.ok().text("content"), text);
    }
}

#[tokio::test]
async fn a_model_sees_no_marker_of_a_document_and_no_citation_of_an_earlier_answer() {
    let it = helper().await;
    let path = format!("/api/v1/chat/sessions/{}/messages", it.session().await);
    it.model
        .always(Script::text("Two years [cite:1], as a[1] and [2019] say."));
    for question in [
        "How long is the warranty of a grinder?",
        "And how long do returns take?",
    ] {
        it.ada.post(&path, json!({"content": question})).await.created();
    }
    let sent = it.model.calls().pop().unwrap().body["messages"].clone();
    let system = sent[0]["content"].as_str().unwrap();
    let source = system.lines().find(|line| line.contains("returns take")).unwrap();
    let source: Value = serde_json::from_str(source).unwrap();
    assert_eq!(source["cite"], "[cite:1]");
    let quoted = source["text"].as_str().unwrap();
    assert!(quoted.contains("As (cite:1] and (cite:7] say"), "{quoted}");
    assert_eq!(
        sent[2],
        json!({"role": "assistant", "content": "Two years, as a[1] and [2019] say."})
    );
    drop(it.t);
}
