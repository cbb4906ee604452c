//! Versions of documents: another file replaces the one in use when it is ready, and not before.

use futures::future::join_all;
use reqwest::{Method, multipart};
use serde_json::{Value, json};

use super::SharedDocuments;
use crate::support::{Answer, BegunUpload, Caller, Test};

const THREE: &str = "The Meridian lamp has a warranty of three years.";
const SEVEN: &str = "The Meridian lamp has a warranty of seven years.";
const BLANK: &str = "  \n ";

fn path(id: &str) -> String {
    format!("/api/v1/documents/{id}")
}

async fn add(caller: &Caller, id: &str, file_name: &str, bytes: impl Into<Vec<u8>>) -> Answer {
    let part = multipart::Part::bytes(bytes.into()).file_name(file_name.to_owned());
    let form = multipart::Form::new().part("file", part);
    let request = caller.request(Method::POST, &format!("{}/versions", path(id)));
    caller.send(request.multipart(form)).await
}

async fn document(caller: &Caller, id: &str) -> Value {
    caller.get(&path(id)).await.ok().json()
}

/// Sends the message that was lost while the queue was away.
async fn index(t: &Test, caller: &Caller, id: &str) {
    let message = json!({"org_id": caller.org(), "document_id": id}).to_string();
    let send = t.sqs().send_message().queue_url(t.queue_url("index_documents"));
    send.message_body(message).send().await.unwrap();
    t.drain().await;
}

/// Numbers and states of the versions.
async fn versions(caller: &Caller, id: &str) -> Vec<(u64, String)> {
    let listed = caller.get(&format!("{}/versions", path(id))).await.ok().json();
    let listed = listed.as_array().unwrap().iter();
    let shown = |version: &Value| {
        (
            version["version"].as_u64().unwrap(),
            version["state"].as_str().unwrap().to_owned(),
        )
    };
    listed.map(shown).collect()
}

fn states(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected
        .iter()
        .map(|(number, state)| (*number, (*state).to_owned()))
        .collect()
}

/// A document that a chatbot answers from.
struct Lamp {
    t: Test,
    ada: Caller,
    id: String,
    bot: String,
}

impl Lamp {
    async fn new() -> Self {
        let t = Test::new().await;
        let ada = t.user("ada").await;
        let id = ada.upload("lamp.txt", THREE).await.created().text("id");
        t.drain().await;
        let bot = ada.chatbot(&[&id]).await;
        Self { t, ada, id, bot }
    }

    async fn warranty(&self) -> String {
        let model = format!("chatbot/{}", self.bot);
        let body = json!({"model": model, "message": "How long is the warranty of the lamp?"});
        self.ada.post("/api/v1/ai/chat", body).await.ok().text("content")
    }

    async fn download(&self, number: u32) -> Vec<u8> {
        let path = format!("{}/versions/{number}/content", path(&self.id));
        let link = self.ada.get(&path).await.expect(303).header("location").to_owned();
        self.t.follow(&link).await.bytes().await.unwrap().to_vec()
    }
}

#[tokio::test]
async fn the_old_version_answers_until_the_new_one_is_ready() {
    let lamp = Lamp::new().await;
    let (t, ada, id) = (&lamp.t, &lamp.ada, &lamp.id);
    assert_eq!(versions(ada, id).await, states(&[(1, "current")]));
    let unread = async {
        let added = add(ada, id, "lamp 2027.md", SEVEN).await.created().json();
        assert_eq!((&added["id"], &added["status"]), (&json!(id), &json!("pending")));
        assert_eq!(versions(ada, id).await, states(&[(2, "pending"), (1, "current")]));
        let shown = document(ada, id).await;
        assert_eq!(
            (&shown["version"], &shown["pending_version"], &shown["file_name"]),
            (&json!(1), &json!(2), &json!("lamp.txt"))
        );
        assert!(lamp.warranty().await.contains("three"));
    };
    Box::pin(t.without_queue("index_documents", unread)).await;
    index(t, ada, id).await;
    assert!(lamp.warranty().await.contains("seven"));
    let shown = document(ada, id).await;
    assert_eq!(
        (
            &shown["version"],
            &shown["pending_version"],
            &shown["status"],
            &shown["name"]
        ),
        (&json!(2), &Value::Null, &json!("ready"), &json!("lamp.txt")),
        "the name is the document's"
    );
    assert_eq!(
        (&shown["file_name"], &shown["file_type"]),
        (&json!("lamp 2027.md"), &json!("md"))
    );
    assert_eq!(versions(ada, id).await, states(&[(2, "current"), (1, "kept")]));
    assert_eq!(
        (lamp.download(1).await, lamp.download(2).await),
        (THREE.into(), SEVEN.into())
    );
    let current = ada.get(&format!("{}/content", path(id))).await.expect(303);
    assert_eq!(t.follow(current.header("location")).await.text().await.unwrap(), SEVEN);
    // A reindex reads the version in use.
    ada.post(&format!("{}/reindex", path(id)), json!({})).await.ok();
    t.drain().await;
    assert!(lamp.warranty().await.contains("seven"));
}

#[tokio::test]
async fn an_earlier_version_is_restored() {
    let lamp = Lamp::new().await;
    let (t, ada, id) = (&lamp.t, &lamp.ada, &lamp.id);
    let restore = async |number: &str| {
        ada.post(&format!("{}/versions/{number}/restore", path(id)), json!({}))
            .await
    };
    assert_eq!(restore("1").await.ok().json()["status"], "ready", "it is in use");
    add(ada, id, "lamp.txt", SEVEN).await.created();
    t.drain().await;
    let unread = async {
        let begun = restore("1").await.ok().json();
        assert_eq!((&begun["version"], &begun["pending_version"]), (&json!(2), &json!(1)));
        assert!(lamp.warranty().await.contains("seven"));
    };
    Box::pin(t.without_queue("index_documents", unread)).await;
    index(t, ada, id).await;
    assert!(lamp.warranty().await.contains("three"));
    assert_eq!(versions(ada, id).await, states(&[(2, "kept"), (1, "current")]));
    for missing in ["3", "0", "x", "-1", "99999999999"] {
        restore(missing).await.problem(404, "not_found");
    }
    // The next one has a new number, whatever is in use.
    add(ada, id, "lamp.txt", SEVEN).await.created();
    t.drain().await;
    assert_eq!(
        versions(ada, id).await,
        states(&[(3, "current"), (2, "kept"), (1, "kept")])
    );
}

#[tokio::test]
async fn a_version_that_cannot_be_read_leaves_the_old_one_in_use_with_the_reason() {
    let lamp = Lamp::new().await;
    let (t, ada, id) = (&lamp.t, &lamp.ada, &lamp.id);
    add(ada, id, "blank.txt", BLANK).await.created();
    t.drain().await;
    let shown = document(ada, id).await;
    assert_eq!(
        (
            &shown["status"],
            &shown["progress"],
            &shown["version"],
            &shown["failed_version"],
            &shown["error_code"]
        ),
        (&json!("ready"), &json!(100), &json!(1), &json!(2), &json!("empty"))
    );
    assert!(lamp.warranty().await.contains("three"));
    let listed = ada.get(&format!("{}/versions", path(id))).await.ok().json();
    assert_eq!(
        (&listed[0]["state"], &listed[0]["error_code"]),
        (&json!("failed"), &json!("empty"))
    );
    assert_eq!(listed[1]["state"], "current");
    assert_eq!(lamp.download(2).await, BLANK.as_bytes());
    // A good one clears the reason.
    add(ada, id, "lamp.txt", SEVEN).await.created();
    t.drain().await;
    let shown = document(ada, id).await;
    assert_eq!(
        (&shown["failed_version"], &shown["error"], &shown["version"]),
        (&Value::Null, &Value::Null, &json!(3))
    );
    assert!(lamp.warranty().await.contains("seven"));
    assert_eq!(
        versions(ada, id).await,
        states(&[(3, "current"), (2, "failed"), (1, "kept")])
    );
}

#[tokio::test]
async fn a_document_that_never_was_ready_gets_a_file_that_can_be_read() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = ada.upload("blank.txt", BLANK).await.created().text("id");
    t.drain().await;
    add(&ada, &id, "blank.txt", BLANK).await.created();
    t.drain().await;
    let shown = document(&ada, &id).await;
    assert_eq!(
        (&shown["status"], &shown["error_code"]),
        (&json!("failed"), &json!("empty"))
    );
    add(&ada, &id, "lamp.txt", THREE).await.created();
    t.drain().await;
    let shown = document(&ada, &id).await;
    assert_eq!(
        (&shown["status"], &shown["version"], &shown["error"]),
        (&json!("ready"), &json!(3), &Value::Null)
    );
}

#[tokio::test]
async fn a_large_file_comes_by_the_bucket() {
    let lamp = Lamp::new().await;
    let (t, ada, id) = (&lamp.t, &lamp.ada, &lamp.id);
    let new = json!({"file_name": "lamp.txt", "size": SEVEN.len(), "document_id": id});
    let upload = BegunUpload::of(ada, ada.post("/api/v1/documents/uploads", new).await.created().json());
    upload.put(SEVEN.into()).await.ok();
    let (first, second) = (upload.complete().await, upload.complete().await);
    assert_eq!(
        (first.created().text("id"), second.ok().text("id")),
        (id.clone(), id.clone())
    );
    t.drain().await;
    assert!(lamp.warranty().await.contains("seven"));
    assert_eq!(versions(ada, id).await, states(&[(2, "current"), (1, "kept")]));
    // One that is never completed is swept, and those in use are not.
    let new = json!({"file_name": "lamp.txt", "size": 4, "document_id": id});
    let upload = BegunUpload::of(ada, ada.post("/api/v1/documents/uploads", new).await.created().json());
    upload.put(b"text".to_vec()).await.ok();
    assert_eq!(t.object_keys().await.len(), 5, "three files, and two segments");
    t.advance_seconds(26 * 3600);
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    let ada = ada.sign_in_again().await;
    assert_eq!(t.object_keys().await.len(), 4);
    ada.post(&upload.complete_path(), json!({}))
        .await
        .problem(404, "not_found");
    assert_eq!(versions(&ada, id).await, states(&[(2, "current"), (1, "kept")]));
    assert!(
        t.items("parlance-app")
            .await
            .keys()
            .all(|(pk, sk)| pk != "SWEEP" && !sk.starts_with("PU#"))
    );
}

#[tokio::test]
async fn ten_versions_are_kept_and_count_as_storage() {
    let lamp = Lamp::new().await;
    let (t, ada, id) = (&lamp.t, &lamp.ada, &lamp.id);
    for number in 2..=13 {
        add(ada, id, "lamp.txt", format!("{SEVEN} Edition {number:03}."))
            .await
            .created();
        t.drain().await;
    }
    let kept: Vec<u64> = versions(ada, id).await.into_iter().map(|(number, _)| number).collect();
    assert_eq!(kept, (4..=13).rev().collect::<Vec<_>>());
    let size = format!("{SEVEN} Edition 002.").len() as u64;
    let storage = async || crate::api::orgs::plan_limits::counter(t, ada.org(), "storage_bytes").await;
    assert_eq!(storage().await, Some(10 * size));
    assert_eq!(
        t.object_keys().await.len(),
        12,
        "ten files, a segment and the one before it"
    );
    ada.get(&format!("{}/versions/3/content", path(id)))
        .await
        .problem(404, "not_found");
    // That in use is never dropped.
    ada.post(&format!("{}/versions/4/restore", path(id)), json!({}))
        .await
        .ok();
    t.drain().await;
    add(ada, id, "lamp.txt", BLANK).await.created();
    t.drain().await;
    let kept = versions(ada, id).await;
    assert!(
        kept.contains(&(4, "current".to_owned())) && kept.len() == 10,
        "{kept:?}"
    );
    assert!(!kept.iter().any(|(number, _)| *number == 5), "{kept:?}");
    ada.delete(&path(id)).await.expect(204);
    t.drain().await;
    assert_eq!(storage().await, Some(0));
    assert_eq!(t.object_keys().await, Vec::<String>::new());
    let items = t.items("parlance-app").await;
    assert!(
        items
            .keys()
            .all(|(_, sk)| !sk.starts_with("DV#") && !sk.starts_with("H#")),
        "{items:?}"
    );
}

#[tokio::test]
async fn versions_at_once_are_all_kept_and_the_last_one_wins() {
    let lamp = Lamp::new().await;
    let (t, ada, id) = (&lamp.t, &lamp.ada, &lamp.id);
    let adds = join_all((0..6).map(|number| add(ada, id, "lamp.txt", format!("{SEVEN} Edition {number}."))));
    let (added, _) = futures::join!(adds, t.drain());
    for answer in added {
        answer.created();
    }
    t.drain_all().await;
    let ada = ada.sign_in_again().await;
    let found = versions(&ada, id).await;
    let numbers: Vec<u64> = found.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(found[0].1, "current", "{found:?}");
    let shown = document(&ada, id).await;
    assert_eq!((&shown["status"], &shown["version"]), (&json!("ready"), &json!(7)));
}

#[tokio::test]
async fn its_uploader_and_admins_may_and_nobody_else() {
    let SharedDocuments {
        t,
        boss,
        ada,
        bob,
        eve,
        own,
        other,
    } = SharedDocuments::of(THREE, SEVEN).await;
    let announce = |id: &str| json!({"file_name": "a.txt", "size": 4, "document_id": id});
    add(&bob, &other, "c.txt", "text").await.problem(403, "not_yours");
    bob.post("/api/v1/documents/uploads", announce(&other))
        .await
        .problem(403, "not_yours");
    bob.post(&format!("{}/versions/1/restore", path(&other)), json!({}))
        .await
        .problem(403, "not_yours");
    for stranger in [&eve, &ada] {
        add(stranger, &own, "c.txt", "text").await.problem(404, "not_found");
        stranger
            .post("/api/v1/documents/uploads", announce(&own))
            .await
            .problem(404, "not_found");
        stranger
            .get(&format!("{}/versions", path(&own)))
            .await
            .problem(404, "not_found");
        stranger
            .get(&format!("{}/versions/1/content", path(&own)))
            .await
            .problem(404, "not_found");
    }
    assert_eq!(
        versions(&bob, &other).await,
        states(&[(1, "current")]),
        "every member may read"
    );
    add(&bob, &own, "c.txt", "text").await.created();
    add(&boss, &own, "d.txt", "more text").await.created();
    assert_eq!(add(&boss, &own, "d.exe", "MZ").await.status, 415);
    assert_eq!(add(&boss, &own, "d.txt", "").await.invalid(), ["/file"]);
    t.drain_all().await;
    assert_eq!(
        t.object_keys()
            .await
            .iter()
            .filter(|key| key.contains("source-"))
            .count(),
        2,
        "nothing of what was refused"
    );
}
