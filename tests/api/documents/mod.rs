//! Uploading documents and watching them.

mod content;
mod crawls;
mod details;
mod duplicates;
mod refresh;
mod reindex;
pub(crate) mod uploads;
mod versions;
mod web_pages;

use reqwest::{Method, multipart};
use serde_json::Value;

use crate::support::{Caller, Test};

/// Two indexed documents of an organization, one of each member.
struct SharedDocuments {
    t: Test,
    /// The owner of the organization, in it.
    boss: Caller,
    /// The same person in their personal organization.
    ada: Caller,
    /// The member, in it.
    bob: Caller,
    /// Somebody outside of it.
    eve: Caller,
    /// The document of the member.
    own: String,
    /// The document of the owner.
    other: String,
}

impl SharedDocuments {
    async fn of(own: &str, other: &str) -> Self {
        let t = Test::new().await;
        let (ada, bob, eve) = (t.user("ada").await, t.user("bob").await, t.user("eve").await);
        let acme = t.shared_org("acme", &[(&ada, "owner"), (&bob, "member")]).await;
        let [boss, bob] = [&ada, &bob].map(|caller| caller.with_header("x-current-org", &acme));
        let own = bob.upload("a.txt", own.to_owned()).await.created().text("id");
        let other = boss.upload("b.txt", other.to_owned()).await.created().text("id");
        t.drain().await;
        Self {
            t,
            boss,
            ada,
            bob,
            eve,
            own,
            other,
        }
    }
}

#[tokio::test]
async fn an_uploaded_pdf_becomes_ready_with_its_pages() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let uploaded = ada
        .upload("handbook.pdf", samples::handbook_pdf())
        .await
        .created()
        .json();
    assert_eq!(uploaded["status"], "pending");
    assert_eq!(uploaded["document_id"], uploaded["id"]);
    assert_eq!(uploaded["name"], "handbook.pdf");
    t.drain().await;
    let path = format!("/api/v1/documents/{}", uploaded["id"].as_str().unwrap());
    let document = ada.get(&path).await.ok().json();
    assert_eq!(document["status"], "ready");
    assert_eq!(document["progress"], 100);
    assert!(document["pages"].as_u64().unwrap() >= 6, "{document}");
    assert!(document["chunks"].as_u64().unwrap() >= 6, "{document}");
    assert_eq!(document["file_type"], "pdf");
    assert_eq!(document["error"], Value::Null);
}

#[tokio::test]
async fn both_surfaces_show_the_same_document_in_their_own_spelling() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let form = multipart::Form::new()
        .part("file", multipart::Part::bytes(samples::faq_txt()).file_name("faq.txt"))
        .text("name", "Questions")
        .text("description", "What people ask");
    let uploaded = ada
        .send(ada.request(Method::POST, "/api/documents/upload").multipart(form))
        .await
        .created()
        .json();
    let id = uploaded["documentId"].as_str().unwrap();
    assert_eq!(uploaded["id"], id);
    let camel = ada.get(&format!("/api/documents/{id}")).await.ok().json();
    let snake = ada.get(&format!("/api/v1/documents/{id}")).await.ok().json();
    assert_eq!(
        (&camel["sizeBytes"], &camel["description"]),
        (&snake["size_bytes"], &snake["description"])
    );
    assert_eq!(snake["name"], "Questions");
    assert_eq!(camel.as_object().unwrap().len(), snake.as_object().unwrap().len());
}

#[tokio::test]
async fn a_client_that_prefers_to_wait_gets_the_document_when_it_is_ready() {
    let t = Test::new().await;
    let ada = t.user("ada").await.with_header("prefer", "wait=20");
    let uploaded = ada.upload("faq.txt", samples::faq_txt()).await.created().json();
    assert_eq!(uploaded["status"], "ready");
}

#[tokio::test]
async fn files_that_cannot_be_read_fail_with_a_reason_a_person_understands() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for (name, bytes, code) in [
        ("secret.pdf", samples::encrypted_pdf(), "encrypted"),
        ("scan.pdf", samples::scanned_pdf(), "scanned"),
        ("half.pdf", samples::truncated_pdf(), "damaged"),
        ("picture.pdf", samples::png_named_pdf(), "wrong_type"),
        ("pictures.xlsx", samples::zip_of_pictures(), "wrong_type"),
        ("bomb.docx", samples::docx_bomb(), "too_large"),
        ("lie.docx", samples::lying_docx_bomb(), "damaged"),
        ("blank.txt", b"  \n \t ".to_vec(), "empty"),
    ] {
        let id = ada.upload(name, bytes).await.created().text("id");
        t.drain().await;
        let document = ada.get(&format!("/api/v1/documents/{id}")).await.ok().json();
        assert_eq!(
            (&document["status"], &document["error_code"]),
            (&"failed".into(), &code.into()),
            "{name}: {document}"
        );
        assert!(document["error"].as_str().unwrap().contains(' '), "{document}");
    }
}

#[tokio::test]
async fn a_file_of_each_kind_becomes_ready() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let mut ids = Vec::new();
    for (name, bytes) in samples::of_each_kind() {
        ids.push((name, ada.upload(name, bytes).await.created().text("id")));
    }
    t.drain().await;
    for (name, id) in ids {
        let document = ada.get(&format!("/api/v1/documents/{id}")).await.ok().json();
        assert_eq!(document["status"], "ready", "{name}: {document}");
        let extension = name.rsplit_once('.').unwrap().1;
        let kind = if extension == "json" { "code" } else { extension };
        assert_eq!(document["file_type"], kind, "{name}");
    }
}

#[tokio::test]
async fn a_pdf_under_the_name_of_a_word_document_is_read_as_a_pdf() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = ada
        .upload("handbook.docx", samples::handbook_pdf())
        .await
        .created()
        .text("id");
    t.drain().await;
    let document = ada.get(&format!("/api/v1/documents/{id}")).await.ok().json();
    assert_eq!(
        (&document["status"], &document["file_type"]),
        (&"ready".into(), &"docx".into())
    );
    assert!(document["pages"].as_u64().unwrap() >= 6, "{document}");
}

#[tokio::test]
async fn a_foreign_document_is_not_found() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let id = ada.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    for surface in ["/api/v1", "/api"] {
        eve.get(&format!("{surface}/documents/{id}"))
            .await
            .problem(404, "not_found");
        eve.with_header("x-current-org", ada.org())
            .get(&format!("{surface}/documents/{id}"))
            .await
            .problem(404, "not_found");
        assert_eq!(
            eve.get(&format!("{surface}/documents?scope=org")).await.ok().json(),
            serde_json::json!([])
        );
    }
    t.anonymous().get(&format!("/api/documents/{id}")).await.expect(401);
}

#[tokio::test]
async fn lists_are_newest_first_and_paged_by_a_cursor_that_is_the_callers_own() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(
            ada.upload(&format!("{number}.txt"), format!("Text number {number}."))
                .await
                .created()
                .text("id"),
        );
    }
    ids.reverse();
    let mut seen = Vec::new();
    let mut next = Some("/api/v1/documents?limit=2".to_owned());
    while let Some(path) = next {
        let page = ada.get(&path).await.ok();
        let items = page.json();
        assert!(items.as_array().unwrap().len() <= 2);
        seen.extend(
            items
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        next = page.next();
        if let Some(path) = &next {
            eve.get(path).await.problem(400, "invalid_cursor");
            assert!(!path.contains(ada.org()), "a cursor never shows the partition");
        }
    }
    assert_eq!(seen, ids);
    assert_eq!(ada.get("/api/v1/documents?limit=0").await.invalid(), ["/limit"]);
    assert_eq!(ada.get("/api/v1/documents?limit=101").await.invalid(), ["/limit"]);
    ada.get("/api/v1/documents?cursor=AAAA")
        .await
        .problem(400, "invalid_cursor");
}

#[tokio::test]
async fn what_is_no_upload_is_refused_with_a_pointer_and_leaves_nothing() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    ada.upload("program.exe", b"MZ".to_vec())
        .await
        .problem(415, "unsupported_media_type");
    assert_eq!(ada.upload("empty.txt", Vec::new()).await.invalid(), ["/file"]);
    let without_file = multipart::Form::new().text("name", "nothing");
    let request = ada
        .request(Method::POST, "/api/v1/documents/upload")
        .multipart(without_file);
    assert_eq!(ada.send(request).await.invalid(), ["/file"]);
    let long_name = multipart::Form::new()
        .part("file", multipart::Part::bytes(b"x".to_vec()).file_name("x.txt"))
        .text("name", "x".repeat(201));
    let request = ada
        .request(Method::POST, "/api/v1/documents/upload")
        .multipart(long_name);
    assert_eq!(ada.send(request).await.invalid(), ["/name"]);
    ada.post("/api/v1/documents/upload", serde_json::json!({}))
        .await
        .problem(415, "unsupported_media_type");
    assert_eq!(ada.get("/api/v1/documents").await.ok().json(), serde_json::json!([]));
    assert_eq!(t.object_keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_repeated_upload_with_one_key_is_one_document() {
    let t = Test::new().await;
    let ada = t.user("ada").await.with_header("idempotency-key", "upload-1");
    let first = ada.upload("faq.txt", samples::faq_txt()).await.created();
    let second = ada.upload("faq.txt", samples::faq_txt()).await.created();
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("idempotent-replayed"), "true");
    ada.upload("faq.txt", b"something else".to_vec())
        .await
        .problem(422, "idempotency_key_reused");
    assert_eq!(
        ada.get("/api/v1/documents").await.ok().json().as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_deleted_document_is_gone_from_lists_chatbots_and_the_bucket() {
    let t = Test::new().await;
    let (ada, bob, eve) = (t.user("ada").await, t.user("bob").await, t.user("eve").await);
    let acme = t.shared_org("acme", &[(&ada, "owner"), (&bob, "member")]).await;
    let [boss, bob] = [&ada, &bob].map(|caller| caller.with_header("x-current-org", &acme));
    let own = bob.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    let other = boss.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    t.drain().await;
    let chatbots = [boss.chatbot(&[&own, &other]).await, boss.chatbot(&[&own]).await];
    let path = |id: &str| format!("/api/v1/documents/{id}");
    bob.delete(&path(&other)).await.problem(403, "not_yours");
    eve.delete(&path(&own)).await.problem(404, "not_found");
    ada.delete(&path(&own)).await.problem(404, "not_found");
    boss.delete(&path("01a2017d-6c1d-7a53-8f5e-2b64c1d7e999"))
        .await
        .problem(404, "not_found");
    bob.delete(&format!("/api/documents/{own}")).await.expect(204);
    bob.get(&path(&own)).await.problem(404, "not_found");
    bob.delete(&path(&own)).await.problem(404, "not_found");
    let listed = boss.get("/api/v1/documents?scope=org").await.ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    for (bot, left) in chatbots.iter().zip([vec![other.clone()], vec![]]) {
        let shown = boss.get(&format!("/api/v1/chatbots/{bot}")).await.ok().json();
        assert_eq!(shown["documents"], serde_json::json!(left));
    }
    t.drain().await;
    assert!(t.object_keys().await.iter().all(|key| key.contains(&other)));
    boss.delete(&path(&other)).await.expect(204);
    t.drain().await;
    assert_eq!(t.object_keys().await, Vec::<String>::new());
}
