//! Indexing under the deliveries that a queue really makes: twice, late, in any order, after deaths.

use std::time::Duration;

use app::{App, Delivery};
use domain::{Error, documents::outbox::IndexMessage, time::after};
use serde_json::{Value, json};
use store::{Documents, Lease, Store, Tables};

use crate::support::{Caller, Test};

pub(super) fn message(caller: &Caller, document: &str) -> String {
    let message = IndexMessage {
        org_id: caller.org().to_owned().into(),
        document_id: document.to_owned().into(),
    };
    serde_json::to_string(&message).unwrap()
}

pub(super) async fn send(t: &Test, body: &str) {
    t.sqs()
        .send_message()
        .queue_url(t.queue_url("index_documents"))
        .message_body(body)
        .send()
        .await
        .unwrap();
}

async fn status(caller: &Caller, document: &str) -> Value {
    caller.get(&format!("/api/v1/documents/{document}")).await.ok().json()
}

/// A document that no worker is told of.
struct Untouched {
    t: Test,
    ada: Caller,
    id: String,
}

impl Untouched {
    async fn new() -> Self {
        let t = Test::new().await;
        let ada = t.user("ada").await;
        let delete = t.sqs().delete_queue().queue_url(t.queue_url("index_documents"));
        delete.send().await.unwrap();
        let id = ada.upload("faq.txt", samples::faq_txt()).await.created().text("id");
        Self { t, ada, id }
    }

    fn app(&self) -> &App {
        self.t.stack.app()
    }

    fn documents(&self) -> Documents {
        let store = Store::new(self.t.stack.sdk(), Tables::with_prefix("parlance"));
        store.documents(&self.ada.org().to_owned().into())
    }

    /// Delivers its message.
    async fn deliver(&self, delivery: Delivery) -> domain::Result<()> {
        let message: IndexMessage = serde_json::from_str(&message(&self.ada, &self.id)).unwrap();
        self.app().index_document(&message, &delivery).await
    }

    /// Somebody takes the document for 95 seconds, as a worker does that then dies.
    async fn lease(&self, holder: &str) {
        let now = self.app().clock.now();
        let lease = (now, after(now, Duration::from_secs(95)));
        let taken = self
            .documents()
            .lease(&self.id.clone().into(), holder, lease, None)
            .await;
        assert!(matches!(taken.unwrap(), Lease::Taken(..)));
    }

    /// The same, and it dies while it reads.
    async fn die_reading(&self, holder: &str) {
        self.lease(holder).await;
        let (id, now) = (self.id.clone().into(), self.app().clock.now());
        assert!(self.documents().begin_reading(&id, holder, 5, now).await.unwrap());
    }

    async fn state(&self) -> (Value, Value) {
        // Time went by.
        let ada = self.ada.sign_in_again().await;
        let document = status(&ada, &self.id).await;
        (document["status"].clone(), document["error_code"].clone())
    }
}

#[tokio::test]
async fn two_hundred_duplicate_and_reordered_deliveries_have_one_effect_each() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let mut ids = Vec::new();
    for number in 0..20 {
        let text = format!("Rule number {number}. The keeper of gate {number} opens it at noon.");
        ids.push(ada.upload(&format!("{number}.txt"), text).await.created().text("id"));
    }
    // A fixed shuffle: 7 is coprime to 20, so every round comes in another order.
    for round in 0..9 {
        for step in 0..20 {
            send(&t, &message(&ada, &ids[(step * 7 + round * 3) % 20])).await;
        }
    }
    // Deliveries that met a document in another worker's hands come back when its lease has ended.
    t.drain_all().await;
    let ada = ada.sign_in_again().await;
    let dead = t.stack.cloud().sqs().dead_letters("index_documents").unwrap();
    assert!(dead.is_empty(), "{dead:?}");
    for id in &ids {
        let document = status(&ada, id).await;
        assert_eq!(
            (&document["status"], &document["chunks"]),
            (&json!("ready"), &json!(1)),
            "{document}"
        );
    }
    assert_eq!(
        t.object_keys().await.len(),
        40,
        "one file and one segment for each document"
    );
    let refs: Vec<&str> = ids.iter().map(String::as_str).collect();
    let session = ada.session(&refs).await;
    let answer = ada
        .ask(&session, "When does the keeper of gate 13 open it?")
        .await
        .ok()
        .json();
    let mut cited: Vec<&str> = answer["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["documentId"].as_str().unwrap())
        .collect();
    let all = cited.len();
    cited.dedup();
    assert_eq!(cited.len(), all, "no citation twice: {answer}");
}

#[tokio::test]
async fn a_document_that_another_worker_holds_is_looked_at_again_when_its_lease_ends() {
    let u = Untouched::new().await;
    u.lease("a worker that dies").await;
    // However often the message comes meanwhile.
    for receive_count in [1, 2, 7] {
        let held = u.deliver(u.t.delivery(receive_count)).await.unwrap_err();
        let Error::InProgress { retry_after, .. } = held else {
            panic!("{held:?}")
        };
        assert!((90..=95).contains(&retry_after.as_secs()), "{retry_after:?}");
    }
    assert_eq!(status(&u.ada, &u.id).await["status"], "processing");
    u.t.advance_seconds(96);
    u.deliver(u.t.delivery(8)).await.unwrap();
    assert_eq!(u.state().await.0, "ready");
    let (id, now) = (u.id.clone().into(), u.app().clock.now());
    let stale = u.documents().end_reading(&id, "a worker that dies", now).await;
    assert!(!stale.unwrap(), "who lost the lease changes nothing any more");
}

#[tokio::test]
async fn of_two_workers_that_meet_one_indexes_and_the_other_comes_back() {
    let u = Untouched::new().await;
    let (mut one, mut other) = (u.t.delivery(1), u.t.delivery(1));
    (one.message_id, other.message_id) = ("one".to_owned(), "other".to_owned());
    let (first, second) = futures::join!(u.deliver(one), u.deliver(other.clone()));
    // The second may also have come when the first was done.
    let held = [first, second].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(
        held.len() <= 1 && held.iter().all(|error| matches!(error, Error::InProgress { .. })),
        "{held:?}"
    );
    u.t.advance_seconds(96);
    u.deliver(other).await.unwrap();
    assert_eq!(u.state().await.0, "ready");
    assert_eq!(u.t.object_keys().await.len(), 2, "one file and one segment");
}

#[tokio::test]
async fn a_message_about_a_document_that_is_gone_is_done_with() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    send(&t, &message(&ada, "01890a5d-ac96-774b-bcce-b302099a8057")).await;
    assert_eq!(t.drain().await.waiting, 0);
    let dead = t.stack.cloud().sqs().dead_letters("index_documents").unwrap();
    assert!(dead.is_empty());
}

#[tokio::test]
async fn a_message_nobody_understands_comes_back_ever_later_and_ends_among_the_dead_letters() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let sqs = t.stack.cloud().sqs();
    send(&t, "not json").await;
    let mut delays = Vec::new();
    while t.drain().await.waiting > 0 {
        let next = sqs.until_next("index_documents").unwrap().expect("it comes back");
        delays.push(next.as_secs_f32());
        t.advance_seconds(next.as_secs() + 1);
    }
    let most = [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 900.0, 900.0];
    for (delay, most) in delays.iter().zip(most) {
        // Visibility timeouts are whole seconds, and a moment has passed.
        assert!((most / 2.0 - 1.0..=most + 1.0).contains(delay), "{delays:?}");
    }
    let ada = ada.sign_in_again().await;
    let dead = ada.get("/_local/dlq").await.ok().json();
    let letter = &dead["index_documents"][0];
    assert_eq!(
        (&letter["body"], &letter["receive_count"]),
        (&json!("not json"), &json!(Delivery::MAX))
    );
    let moved = ada.post("/_local/dlq/index_documents/redrive", json!({})).await;
    assert_eq!(moved.ok().json(), json!({"moved": 1}));
}

#[tokio::test]
async fn a_document_we_fail_on_harms_no_other_and_comes_back_from_the_dead_letter_queue() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let s3 = aws_sdk_s3::config::Builder::from(t.stack.sdk()).force_path_style(true);
    let s3 = aws_sdk_s3::Client::from_conf(s3.build());
    let queue = t.stack.cloud().sqs().attributes("index_documents").unwrap();
    let delete = t.sqs().delete_queue().queue_url(t.queue_url("index_documents"));
    delete.send().await.unwrap();
    let mut ids = Vec::new();
    for number in 0..10 {
        // No two are equal: one would take over what another one was read as.
        let file = [samples::faq_txt(), number.to_string().into_bytes()].concat();
        ids.push(ada.upload(&format!("{number}.txt"), file).await.created().text("id"));
    }
    let key = format!("t/{}/d/{}/source", ada.org(), ids[4]);
    s3.delete_object().bucket("parlance").key(&key).send().await.unwrap();
    let queue = queue
        .into_iter()
        .filter(|(name, _)| ["RedrivePolicy", "VisibilityTimeout"].contains(&&**name));
    t.stack
        .cloud()
        .sqs()
        .create_queue("index_documents", &queue.collect())
        .unwrap();
    for id in &ids {
        send(&t, &message(&ada, id)).await;
    }
    assert_eq!(t.drain().await.waiting, 1);
    for id in ids.iter().filter(|id| **id != ids[4]) {
        assert_eq!(status(&ada, id).await["status"], "ready");
    }
    let waits = status(&ada, &ids[4]).await;
    assert_eq!((&waits["status"], &waits["error"]), (&json!("pending"), &Value::Null));

    t.drain_all().await;
    let ada = ada.sign_in_again().await;
    let failed = status(&ada, &ids[4]).await;
    assert_eq!(
        (&failed["status"], &failed["error_code"]),
        (&json!("failed"), &json!("internal")),
        "{failed}"
    );
    let put = s3.put_object().bucket("parlance").key(&key);
    let file = [samples::faq_txt(), b"4".to_vec()].concat();
    put.body(file.into()).send().await.unwrap();
    ada.post("/_local/dlq/index_documents/redrive", json!({})).await.ok();
    t.drain().await;
    let ready = status(&ada, &ids[4]).await;
    assert_eq!(
        (&ready["status"], &ready["error"]),
        (&json!("ready"), &Value::Null),
        "success clears the failure"
    );
}

#[tokio::test]
async fn a_document_during_whose_reading_ten_workers_died_has_failed() {
    let u = Untouched::new().await;
    for death in 0..10 {
        u.die_reading(&format!("{death}")).await;
        assert_eq!(u.state().await.0, "processing", "after {death} deaths");
        u.t.advance_seconds(100);
    }
    u.deliver(u.t.delivery(11)).await.unwrap();
    assert_eq!(u.state().await, (json!("failed"), json!("unreadable")));
    u.deliver(u.t.delivery(12)).await.unwrap();
    assert_eq!(u.state().await.0, "failed", "it is not tried any more");
}

#[tokio::test]
async fn deaths_and_failures_that_have_nothing_to_do_with_the_file_do_not_count_against_it() {
    let u = Untouched::new().await;
    let id = u.id.clone().into();
    for death in 0..40 {
        // Before it is read, or after.
        u.lease(&format!("{death}")).await;
        if death % 2 == 0 {
            let (documents, holder) = (u.documents(), format!("{death}"));
            assert!(
                documents
                    .begin_reading(&id, &holder, 5, u.app().clock.now())
                    .await
                    .unwrap()
            );
            assert!(documents.end_reading(&id, &holder, u.app().clock.now()).await.unwrap());
        }
        u.t.advance_seconds(100);
    }
    for death in 0..9 {
        u.die_reading(&format!("reading {death}")).await;
        u.t.advance_seconds(100);
    }
    u.deliver(u.t.delivery(20)).await.unwrap();
    assert_eq!(u.state().await, (json!("ready"), Value::Null));
}

#[tokio::test]
async fn a_document_whose_last_worker_dies_has_failed_until_another_delivery_succeeds() {
    let u = Untouched::new().await;
    let failure = domain::IndexFailure {
        code: "internal".to_owned(),
        detail: "our fault".to_owned(),
    };
    let now = u.app().clock.now();
    let lease = (now, after(now, Duration::from_secs(95)));
    let (documents, id) = (u.documents(), u.id.clone().into());
    let taken = documents.lease(&id, "the last", lease, Some(&failure)).await;
    assert!(matches!(taken.unwrap(), Lease::Taken(..)));
    assert_eq!(u.state().await.0, "failed", "it does not wait for ever");
    // Brought back from the dead letters.
    u.deliver(u.t.delivery(1)).await.unwrap_err();
    u.t.advance_seconds(96);
    u.deliver(u.t.delivery(2)).await.unwrap();
    assert_eq!(u.state().await, (json!("ready"), Value::Null));
}
