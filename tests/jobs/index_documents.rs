//! Indexing under the deliveries that a queue really makes: twice, late, in any order, after a crash.

use model::{DocumentId, OrgId, outbox::IndexMessage};
use serde_json::{Value, json};
use store::Attempt;

use crate::support::{Caller, Test};

fn message(caller: &Caller, document: &str) -> String {
    let message = IndexMessage {
        org_id: OrgId(caller.org().to_owned()),
        document_id: DocumentId(document.to_owned()),
    };
    serde_json::to_string(&message).unwrap()
}

async fn send(t: &Test, body: &str) {
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
    // Deliveries that met a document in another worker's hands come back after the visibility timeout.
    while t.drain().await.waiting > 0 {
        t.advance_seconds(901);
    }
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
async fn a_document_whose_worker_died_is_taken_over() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    t.sqs()
        .delete_queue()
        .queue_url(t.queue_url("index_documents"))
        .send()
        .await
        .unwrap();
    let id = ada.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    let documents = t.stack.app().documents(&OrgId(ada.org().to_owned()));
    let document = DocumentId(id.clone());
    let now = t.stack.app().clock.now();
    documents
        .lease(&document, "a worker that dies", now, &Attempt::First)
        .await
        .unwrap();
    let deliver = |attempt| {
        let delivery = app::Delivery {
            message_id: "m".to_owned(),
            attempt,
        };
        let message: IndexMessage = serde_json::from_str(&message(&ada, &id)).unwrap();
        let app = t.stack.app().clone();
        async move { app.index_document(&message, &delivery).await }
    };
    assert!(deliver(1).await.is_err(), "a first delivery respects the lease");
    assert_eq!(status(&ada, &id).await["status"], "processing");
    deliver(2).await.unwrap();
    assert_eq!(status(&ada, &id).await["status"], "ready");
    let stale = documents
        .progress(&document, "a worker that dies", 99, now)
        .await
        .unwrap();
    assert!(!stale, "who lost the lease changes nothing any more");
}

#[tokio::test]
async fn a_lease_that_ran_out_is_free_even_for_a_first_delivery() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    t.sqs()
        .delete_queue()
        .queue_url(t.queue_url("index_documents"))
        .send()
        .await
        .unwrap();
    let id = ada.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    let app = t.stack.app();
    let documents = app.documents(&OrgId(ada.org().to_owned()));
    documents
        .lease(
            &DocumentId(id.clone()),
            "a worker that dies",
            app.clock.now(),
            &Attempt::First,
        )
        .await
        .unwrap();
    t.advance_seconds(301);
    let message: IndexMessage = serde_json::from_str(&message(&ada, &id)).unwrap();
    let delivery = app::Delivery {
        message_id: "m".to_owned(),
        attempt: 1,
    };
    app.index_document(&message, &delivery).await.unwrap();
    assert_eq!(status(&ada, &id).await["status"], "ready");
}

#[tokio::test]
async fn a_message_about_a_document_that_is_gone_is_done_with() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    send(&t, &message(&ada, "01890a5d-ac96-774b-bcce-b302099a8057")).await;
    assert_eq!(t.drain().await.waiting, 0);
    assert!(
        t.stack
            .cloud()
            .sqs()
            .dead_letters("index_documents")
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_message_nobody_understands_ends_in_the_dead_letter_queue_after_five_deliveries() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    send(&t, "not json").await;
    let good = ada.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    for _ in 0..5 {
        t.drain().await;
        t.advance_seconds(901);
    }
    t.drain().await;
    let ada = ada.sign_in_again().await;
    let dead = ada.get("/_local/dlq").await.ok().json();
    assert_eq!(
        (
            &dead["index_documents"][0]["body"],
            &dead["index_documents"][0]["receive_count"]
        ),
        (&json!("not json"), &json!(5))
    );
    assert_eq!(
        status(&ada, &good).await["status"],
        "ready",
        "its neighbor in the batch is unharmed"
    );
    let moved = ada
        .post("/_local/dlq/index_documents/redrive", json!({}))
        .await
        .ok()
        .json();
    assert_eq!(moved, json!({"moved": 1}));
}

#[tokio::test]
async fn a_document_we_fail_on_is_marked_and_comes_back_from_the_dead_letter_queue() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(t.stack.sdk())
            .force_path_style(true)
            .build(),
    );
    let id = ada.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    // The worker may have been faster than this test: ask for it again, without its file.
    t.drain().await;
    let key = format!("t/{}/d/{id}/source", ada.org());
    let file = s3
        .get_object()
        .bucket("parlance")
        .key(&key)
        .send()
        .await
        .unwrap()
        .body
        .collect()
        .await
        .unwrap();
    s3.delete_object().bucket("parlance").key(&key).send().await.unwrap();
    let db = aws_sdk_dynamodb::Client::new(t.stack.sdk());
    let attribute = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
    db.update_item()
        .table_name("parlance-app")
        .key("pk", attribute(format!("O#{}", ada.org())))
        .key("sk", attribute(format!("D#{id}")))
        .update_expression("SET want = want + :one")
        .expression_attribute_values(":one", aws_sdk_dynamodb::types::AttributeValue::N("1".to_owned()))
        .send()
        .await
        .unwrap();
    send(&t, &message(&ada, &id)).await;
    for _ in 0..5 {
        t.drain().await;
        t.advance_seconds(901);
    }
    t.drain().await;
    let ada = ada.sign_in_again().await;
    let failed = status(&ada, &id).await;
    assert_eq!(
        (&failed["status"], &failed["error_code"]),
        (&json!("failed"), &json!("internal")),
        "{failed}"
    );
    s3.put_object()
        .bucket("parlance")
        .key(&key)
        .body(file.into_bytes().into())
        .send()
        .await
        .unwrap();
    ada.post("/_local/dlq/index_documents/redrive", json!({})).await.ok();
    t.drain().await;
    assert_eq!(status(&ada, &id).await["status"], "ready");
}

/// Uploads a document whose last worker dies while it holds the lease, then delivers its message once more.
async fn deliver_after_a_dead_worker(attempt: u32) {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    t.sqs()
        .delete_queue()
        .queue_url(t.queue_url("index_documents"))
        .send()
        .await
        .unwrap();
    let id = ada.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    let documents = t.stack.app().documents(&OrgId(ada.org().to_owned()));
    let failure = model::IndexFailure {
        code: "internal".to_owned(),
        detail: "our fault".to_owned(),
    };
    let now = t.stack.app().clock.now();
    documents
        .lease(
            &DocumentId(id.clone()),
            "a worker that dies",
            now,
            &Attempt::Last(failure),
        )
        .await
        .unwrap();
    assert_eq!(status(&ada, &id).await["status"], "failed", "it does not wait for ever");
    let delivery = app::Delivery {
        message_id: "m".to_owned(),
        attempt,
    };
    let message: IndexMessage = serde_json::from_str(&message(&ada, &id)).unwrap();
    t.stack.app().index_document(&message, &delivery).await.unwrap();
    let ready = status(&ada, &id).await;
    assert_eq!(
        (&ready["status"], &ready["error"]),
        (&json!("ready"), &Value::Null),
        "success clears the failure"
    );
}

#[tokio::test]
async fn a_document_whose_last_worker_dies_has_failed_until_another_delivery_succeeds() {
    deliver_after_a_dead_worker(5).await;
}

#[tokio::test]
async fn a_message_brought_back_while_a_dead_worker_holds_its_document_is_not_turned_away() {
    deliver_after_a_dead_worker(1).await;
}
