//! The vectors of documents, under the deliveries that a queue really makes: twice, late, in any order, at the same time.

use std::io::Write as _;

use domain::{Document, EmbedPassagesMessage, documents::embedding::EmbeddingBatch};
use futures::future::join_all;
use reqwest::{Method, multipart};
use retrieval::Segment;
use serde_json::{Value, json};
use store::{Store, Tables};
use tempfile::NamedTempFile;

use crate::support::{Caller, Test};

/// Words of two languages that mean the same.
pub(super) const WORDS: &[&[&str]] = &[
    &["warranty", "garantie"],
    &["lamp", "lampe"],
    &["coffee", "kaffee"],
    &["grinder", "mühle"],
    &["return", "rückgabe"],
    &["garden", "garten"],
    &["moon", "mond"],
    &["river", "fluss"],
];

/// A document in English, and a question in German, which has no word of it.
pub(super) const LAMP: &str = "# Lights\n\nThe lamp has a warranty of three seasons.\n\n# Mills\n\nYou may return the coffee grinder.\n\n\
    # Nature\n\nThe moon is above the garden.\n";
pub(super) const QUESTION: &str = "Garantie?";

/// A model file, which is removed with this.
fn model() -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(".bin").unwrap();
    file.write_all(&embedding::tiny::model(WORDS)).unwrap();
    file
}

async fn with_model(file: &NamedTempFile) -> Test {
    Test::with(&[("EMBEDDING_MODEL", file.path().to_str().unwrap())]).await
}

pub(super) async fn shown(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("/api/v1/documents/{id}")).await.ok().json()
}

/// How many of its passages have a vector, and how many it has.
fn progress(document: &Value) -> (u64, u64) {
    let count = |name: &str| document["vectors"][name].as_u64().unwrap();
    (count("done"), count("total"))
}

/// Returns the texts that a search finds.
pub(super) async fn found(caller: &Caller, bot: &str, question: &str) -> Vec<String> {
    let path = format!("/api/v1/chatbots/{bot}/search");
    let answer = caller.post(&path, json!({"query": question})).await.ok().json();
    let passages = answer["passages"].as_array().unwrap();
    passages
        .iter()
        .map(|passage| passage["text"].as_str().unwrap().to_owned())
        .collect()
}

pub(super) async fn stored(t: &Test, caller: &Caller, id: &str) -> Document {
    let store = Store::new(t.stack.sdk(), Tables::with_prefix("parlance"));
    let documents = store.documents(&caller.org().to_owned().into());
    documents.get(&id.to_owned().into()).await.unwrap().unwrap()
}

pub(super) async fn segment(t: &Test, caller: &Caller, id: &str) -> Segment {
    let key = stored(t, caller, id).await.segment.unwrap();
    let object = t.s3().get_object().bucket("parlance").key(key).send().await.unwrap();
    Segment::from_bytes(&object.body.collect().await.unwrap().into_bytes()).unwrap()
}

/// Returns the ends of the object keys of a document.
pub(super) async fn objects(t: &Test, caller: &Caller, id: &str) -> Vec<String> {
    let prefix = format!("t/{}/d/{id}/", caller.org());
    let list = t.s3().list_objects_v2().bucket("parlance").prefix(&prefix);
    let found = list.send().await.unwrap().contents.unwrap_or_default();
    found
        .into_iter()
        .map(|object| object.key.unwrap()[prefix.len()..].to_owned())
        .collect()
}

/// A text of so many passages.
pub(super) fn rules(count: usize, word: &str) -> String {
    let rule = |number| format!("# Rule {number}\n\nRule {number} is about the {word} and the river.\n\n");
    (0..count).map(rule).collect()
}

fn batches(caller: &Caller, document: &Document) -> Vec<EmbedPassagesMessage> {
    let planned = document.embedding.clone().unwrap();
    let message = |number| EmbedPassagesMessage {
        org_id: caller.org().to_owned().into(),
        document_id: document.id.clone(),
        batch: Some(EmbeddingBatch {
            segment: document.segment.clone().unwrap(),
            number,
        }),
    };
    (0..planned.batches()).map(message).collect()
}

#[tokio::test]
async fn a_passage_is_found_by_its_meaning_in_another_language() {
    let file = model();
    let t = with_model(&file).await;
    let ada = t.user("ada").await;
    let id = ada.upload("home.md", LAMP).await.created().text("id");
    t.drain().await;
    let document = shown(&ada, &id).await;
    assert_eq!(document["status"], "ready");
    assert_eq!(progress(&document), (3, 3));
    let bot = ada.chatbot(&[&id]).await;
    let texts = found(&ada, &bot, QUESTION).await;
    assert!(texts[0].contains("warranty"), "{texts:?}");
    let texts = found(&ada, &bot, "Rückgabe Kaffee Mühle?").await;
    assert!(texts[0].contains("grinder"), "{texts:?}");
    assert_eq!(
        objects(&t, &ada, &id)
            .await
            .iter()
            .filter(|key| key.contains(".vec"))
            .count(),
        0
    );
}

#[tokio::test]
async fn without_a_model_words_are_all_that_is_compared() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = ada.upload("home.md", LAMP).await.created().text("id");
    t.drain().await;
    let document = shown(&ada, &id).await;
    assert_eq!(
        (&document["status"], &document["vectors"]),
        (&json!("ready"), &Value::Null)
    );
    let bot = ada.chatbot(&[&id]).await;
    assert!(found(&ada, &bot, QUESTION).await.is_empty());
    assert_eq!(found(&ada, &bot, "How long is the warranty?").await.len(), 1);
}

#[tokio::test]
async fn a_model_that_cannot_be_read_harms_nothing() {
    let mut file = NamedTempFile::with_suffix(".bin").unwrap();
    file.write_all(b"E5S1 is not all that a model needs").unwrap();
    let t = with_model(&file).await;
    let ada = t.user("ada").await;
    let id = ada.upload("home.md", LAMP).await.created().text("id");
    t.drain().await;
    assert_eq!(shown(&ada, &id).await["status"], "ready");
    let bot = ada.chatbot(&[&id]).await;
    assert_eq!(found(&ada, &bot, "How long is the warranty?").await.len(), 1);
    let dead = t.stack.cloud().sqs().dead_letters("embed_passages").unwrap();
    assert!(dead.is_empty(), "{dead:?}");
}

#[tokio::test]
async fn the_model_may_be_an_object_of_the_bucket() {
    let t = Test::with(&[("EMBEDDING_MODEL_KEY", "models/tiny.bin")]).await;
    let body = embedding::tiny::model(WORDS);
    let put = t.s3().put_object().bucket("parlance").key("models/tiny.bin");
    put.body(body.into()).send().await.unwrap();
    let ada = t.user("ada").await;
    let id = ada.upload("home.md", LAMP).await.created().text("id");
    t.drain().await;
    assert_eq!(progress(&shown(&ada, &id).await), (3, 3));
    let bot = ada.chatbot(&[&id]).await;
    assert!(found(&ada, &bot, QUESTION).await[0].contains("warranty"));
    let body = json!({"model": format!("chatbot/{bot}"), "message": QUESTION});
    ada.post("/api/v1/ai/chat", body).await.ok();
    let session = ada.session(&[&id]).await;
    ada.ask(&session, QUESTION).await;
}

#[tokio::test]
async fn deliveries_that_are_repeated_and_simultaneous_make_one_segment() {
    let file = model();
    let t = with_model(&file).await;
    let ada = t.user("ada").await;
    let waiting = ada.with_header("prefer", "wait=20");
    let indexed = waiting.upload("rules.md", rules(70, "lamp"));
    let id = Box::pin(t.without_queue("embed_passages", indexed))
        .await
        .created()
        .text("id");
    // It is searchable although its vectors could not even be requested.
    assert_eq!(shown(&ada, &id).await["status"], "ready");
    assert_eq!(stored(&t, &ada, &id).await.embedding, None);
    let plan = EmbedPassagesMessage {
        org_id: ada.org().to_owned().into(),
        document_id: id.clone().into(),
        batch: None,
    };
    let before = segment(&t, &ada, &id).await;
    assert!(before.vectors().is_none() && before.len() == 70);
    // Planned, but no batch is delivered.
    let app = t.stack.app();
    Box::pin(t.without_queue("embed_passages", async {
        assert!(
            app.embed_passages(&plan, &t.delivery(1)).await.is_err(),
            "the messages are not sent"
        );
    }))
    .await;
    let planned = stored(&t, &ada, &id).await;
    let messages = batches(&ada, &planned);
    assert_eq!(messages.len(), 3);
    assert_eq!(progress(&shown(&ada, &id).await), (0, 70));
    app.embed_passages(&messages[2], &t.delivery(1)).await.unwrap();
    app.embed_passages(&messages[2], &t.delivery(1)).await.unwrap();
    assert_eq!(progress(&shown(&ada, &id).await), (6, 70));
    let delivery = t.delivery(1);
    let all: Vec<_> = messages.iter().cycle().take(12).collect();
    for delivered in join_all(all.iter().map(|message| app.embed_passages(message, &delivery))).await {
        delivered.unwrap();
    }
    t.drain_all().await;
    let ada = ada.sign_in_again().await;
    assert_eq!(progress(&shown(&ada, &id).await), (70, 70));
    let complete = segment(&t, &ada, &id).await;
    assert_eq!(complete.vectors().unwrap().count(), 70);
    assert_eq!(
        complete.chunks().collect::<Vec<_>>(),
        before.chunks().collect::<Vec<_>>()
    );
    // The segment in use, the one before it, and the file.
    let mut left = objects(&t, &ada, &id).await;
    left.retain(|key| key != "source");
    assert!(
        left.len() <= 2 && left.iter().all(|key| key.contains(".seg")),
        "{left:?}"
    );
    // Late deliveries are out of date.
    for message in &messages {
        app.embed_passages(message, &t.delivery(1)).await.unwrap();
    }
    app.embed_passages(&plan, &t.delivery(1)).await.unwrap();
    assert_eq!(segment(&t, &ada, &id).await, complete);
}

#[tokio::test]
async fn a_new_version_keeps_the_vectors_of_what_did_not_change() {
    let file = model();
    let t = with_model(&file).await;
    let ada = t.user("ada").await;
    let id = ada.upload("rules.md", rules(40, "lamp")).await.created().text("id");
    t.drain().await;
    let before = stored(&t, &ada, &id).await;
    let changed = rules(40, "lamp").replace("Rule 7 is about the lamp", "Rule 7 is about the coffee");
    let part = multipart::Part::bytes(changed.into_bytes()).file_name("rules.md");
    let form = multipart::Form::new().part("file", part);
    let request = ada.request(Method::POST, &format!("/api/v1/documents/{id}/versions"));
    ada.send(request.multipart(form)).await.created();
    t.drain().await;
    let document = shown(&ada, &id).await;
    assert_eq!((&document["version"], progress(&document)), (&json!(2), (40, 40)));
    // A batch of the earlier segment comes late, and another plan of it.
    let late = EmbedPassagesMessage {
        org_id: ada.org().to_owned().into(),
        document_id: id.clone().into(),
        batch: Some(EmbeddingBatch {
            segment: before.segment.unwrap(),
            number: 0,
        }),
    };
    t.stack.app().embed_passages(&late, &t.delivery(1)).await.unwrap();
    assert_eq!(shown(&ada, &id).await["vectors"], document["vectors"]);
    let bot = ada.chatbot(&[&id]).await;
    assert!(found(&ada, &bot, "Kaffee?").await[0].contains("Rule 7"));
}

#[tokio::test]
async fn a_copy_of_a_file_has_its_vectors_at_once() {
    let file = model();
    let t = with_model(&file).await;
    let ada = t.user("ada").await;
    let first = ada.upload("home.md", LAMP).await.created().text("id");
    t.drain().await;
    let second = ada.upload("copy.md", LAMP).await.created().text("id");
    t.drain().await;
    assert_eq!(segment(&t, &ada, &first).await, segment(&t, &ada, &second).await);
    assert_eq!(progress(&shown(&ada, &second).await), (3, 3));
}

#[tokio::test]
async fn nothing_is_left_of_a_document_that_is_deleted_meanwhile() {
    let file = model();
    let t = with_model(&file).await;
    let ada = t.user("ada").await;
    let id = ada.upload("rules.md", rules(40, "lamp")).await.created().text("id");
    t.drain().await;
    let document = stored(&t, &ada, &id).await;
    let message = EmbedPassagesMessage {
        org_id: ada.org().to_owned().into(),
        document_id: id.clone().into(),
        batch: Some(EmbeddingBatch {
            segment: document.segment.unwrap(),
            number: 0,
        }),
    };
    ada.delete(&format!("/api/v1/documents/{id}")).await.expect(204);
    t.drain().await;
    t.stack.app().embed_passages(&message, &t.delivery(1)).await.unwrap();
    assert!(objects(&t, &ada, &id).await.is_empty());
}
