//! Files that go straight to the bucket: announced, put, completed.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::api::orgs::team_plan;
use crate::support::{Answer, BegunUpload, Caller, RACERS, Test, statuses};

const UPLOADS: &str = "/api/v1/documents/uploads";
const MIB: u64 = 1024 * 1024;
const PAGE: &str = "http://localhost:3000";

async fn relay(t: &Test) {
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
}

/// What is noted of announced files: those that can be completed, and those to be looked for.
async fn noted(t: &Test) -> (usize, usize) {
    let items = t.items("parlance-app").await;
    let of = |part: &str| {
        items
            .keys()
            .filter(|(pk, sk)| pk == part || sk.starts_with(part))
            .count()
    };
    (of("PU#"), of("SWEEP"))
}

async fn put_object(t: &Test, key: &str, body: &'static [u8]) {
    let config = aws_sdk_s3::config::Builder::from(t.stack.sdk());
    let s3 = aws_sdk_s3::Client::from_conf(config.force_path_style(true).build());
    let put = s3.put_object().bucket("parlance").key(key);
    put.body(aws_sdk_s3::primitives::ByteStream::from_static(body))
        .send()
        .await
        .unwrap();
}

fn code(answer: &Answer) -> String {
    let xml = String::from_utf8(answer.body.clone()).unwrap();
    let (_, rest) = xml.split_once("<Code>").unwrap_or_else(|| panic!("no code in {xml}"));
    rest.split('<').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_file_of_24_megabytes_is_put_and_indexed_and_a_request_cannot_hold_it() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let file = samples::illustrated_pdf("# Warranty\nThe warranty is five years.", 24_000_000);
    let upload = ada.begin_upload("atlas.pdf", file.len()).await;
    assert_eq!(upload.body["upload_id"], upload.body["id"]);
    assert_eq!(
        (&upload.body["method"], &upload.body["size"]),
        (&json!("PUT"), &json!(file.len()))
    );
    assert_eq!(upload.body["max_size"], 25 * MIB);
    assert_eq!(upload.body["headers"]["content-type"], "application/pdf");
    upload.put(file.clone()).await.ok();
    let completed = upload.complete().await.created().json();
    assert_eq!(
        (&completed["id"], &completed["status"]),
        (&json!(upload.id), &json!("pending"))
    );
    assert_eq!(
        (&completed["document_id"], &completed["name"]),
        (&json!(upload.id), &json!("atlas.pdf"))
    );
    t.drain().await;
    let document = upload.document().await;
    assert_eq!(
        (&document["status"], &document["size_bytes"]),
        (&json!("ready"), &json!(file.len())),
        "{document}"
    );
    let digest = hex::encode(Sha256::digest(&file));
    let items = t.items("parlance-app").await;
    assert!(
        items.values().any(|item| item.contains(&digest)),
        "the document knows its hash"
    );

    // The gateway refuses what is larger than 10 MB in its own words, which nobody can change.
    let refused = ada.upload("atlas.pdf", file).await.expect(413);
    assert_eq!(refused.header("content-type"), "text/plain");
    assert_eq!(refused.body, b"HTTP content length exceeded 10485760 bytes.");
    assert_eq!(
        ada.get("/api/v1/documents").await.ok().json().as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn both_surfaces_take_uploads_and_a_client_may_wait_for_the_document() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let faq = samples::faq_txt();
    let new = json!({
        "fileName": "C:\\texts\\faq.txt", "size": faq.len(), "contentType": "text/plain; charset=utf-8", "name": " Questions ",
        "description": "What people ask",
    });
    let begun = ada.post("/api/documents/uploads", new).await.created().json();
    assert!(
        begun["uploadId"].is_string() && begun["expiresAt"].is_string() && begun["maxSize"].is_u64(),
        "{begun}"
    );
    let headers = begun["headers"].as_object().unwrap();
    let names: Vec<&String> = headers.keys().collect();
    assert_eq!(names, ["content-length", "content-type", "if-none-match"]);
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    let upload = BegunUpload::of(&ada, begun);
    upload.put(faq).await.ok();
    let path = upload.complete_path().replace("/v1", "");
    let patient = ada.with_header("prefer", "wait=20");
    let completed = patient.post(&path, json!({})).await.created().json();
    assert_eq!(
        (&completed["documentId"], &completed["status"]),
        (&json!(upload.id), &json!("ready"))
    );
    let document = upload.document().await;
    assert_eq!(
        (&document["name"], &document["file_name"]),
        (&json!("Questions"), &json!("faq.txt"))
    );
    assert_eq!(document["description"], "What people ask");
    let again = ada.request(Method::POST, &upload.complete_path());
    assert_eq!(
        ada.send(again).await.ok().json()["status"],
        "ready",
        "without a body too"
    );
}

#[tokio::test]
async fn of_many_who_complete_at_once_one_makes_the_document_and_all_get_it() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let upload = ada.begin_upload("faq.txt", samples::faq_txt().len()).await;
    upload.complete().await.problem(409, "file_missing");
    upload.put(samples::faq_txt()).await.ok();
    let answers = join_all((0..RACERS).map(|_| upload.complete())).await;
    assert_eq!(statuses(&answers), [(200, RACERS - 1), (201, 1)].into());
    assert!(answers.iter().all(|answer| answer.json()["id"] == upload.id));
    t.drain().await;
    assert_eq!(upload.document().await["status"], "ready");
    assert_eq!(upload.complete().await.ok().json()["status"], "ready");
    assert_eq!(
        ada.get("/api/v1/documents").await.ok().json().as_array().unwrap().len(),
        1
    );
    assert_eq!(noted(&t).await, (0, 1));
}

#[tokio::test]
async fn the_bucket_takes_what_was_announced_once_and_nothing_after_it() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let upload = ada.begin_upload("note.txt", 11).await;
    for wrong in ["short", "much too long"] {
        assert_eq!(
            code(&upload.put(wrong.into()).await.expect(403)),
            "SignatureDoesNotMatch"
        );
    }
    let other_kind = upload.request().header("content-type", "text/html").body("hello world");
    assert_eq!(code(&ada.send(other_kind).await.expect(403)), "SignatureDoesNotMatch");
    upload.complete().await.problem(409, "file_missing");
    upload.put("hello world".into()).await.ok();
    assert_eq!(
        code(&upload.put("HELLO WORLD".into()).await.expect(412)),
        "PreconditionFailed"
    );
    upload.complete().await.created();
    assert_eq!(
        code(&upload.put("HELLO WORLD".into()).await.expect(412)),
        "PreconditionFailed"
    );
    t.drain().await;
    let bot = ada.session(&[&upload.id]).await;
    assert!(
        ada.ask(&bot, "hello world").await.ok().json()["content"]
            .as_str()
            .unwrap()
            .contains("hello")
    );
}

#[tokio::test]
async fn a_file_of_another_size_than_announced_is_no_document() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let upload = ada.begin_upload("note.txt", 11).await;
    // Past the signature, as nobody else can.
    put_object(&t, &format!("t/{}/d/{}/source", ada.org(), upload.id), b"hello").await;
    let refused = upload.complete().await;
    assert!(String::from_utf8_lossy(&refused.body).contains("5 bytes"));
    assert_eq!(refused.invalid(), ["/size"]);
    assert_eq!(ada.get("/api/v1/documents").await.ok().json(), json!([]));
}

#[tokio::test]
async fn what_cannot_become_a_document_is_refused_before_it_is_put() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    ada.post(UPLOADS, json!({"file_name": "program.exe", "size": 1}))
        .await
        .problem(415, "unsupported_media_type");
    for (body, pointer) in [
        (json!({"size": 1}), "/file_name"),
        (json!({"file_name": " ", "size": 1}), "/file_name"),
        (json!({"file_name": "a.txt"}), "/size"),
        (json!({"file_name": "a.txt", "size": 0}), "/size"),
        (json!({"file_name": "a.txt", "size": -1}), "/size"),
        (
            json!({"file_name": "a.txt", "size": 1, "content_type": "text"}),
            "/content_type",
        ),
        (
            json!({"file_name": "a.txt", "size": 1, "content_type": "a/b\r\nx: y"}),
            "/content_type",
        ),
        (
            json!({"file_name": "a.txt", "size": 1, "name": "x".repeat(201)}),
            "/name",
        ),
    ] {
        assert_eq!(ada.post(UPLOADS, body.clone()).await.invalid(), [pointer], "{body}");
    }
    assert_eq!(noted(&t).await, (0, 0));
}

#[tokio::test]
async fn how_large_a_file_may_be_is_up_to_the_plan() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let announce =
        async |caller: &Caller, size: u64| caller.post(UPLOADS, json!({"file_name": "a.pdf", "size": size})).await;
    announce(&ada, 25 * MIB).await.created();
    assert_eq!(announce(&ada, 25 * MIB + 1).await.invalid(), ["/size"]);
    // A file that is all text would be accepted, and fail when it is read.
    for name in ["a.txt", "a.md", "a.csv", "a.json"] {
        let text = async |size: u64| ada.post(UPLOADS, json!({"file_name": name, "size": size})).await;
        let refused = text(24_000_000).await;
        assert!(String::from_utf8_lossy(&refused.body).contains("divide it"), "{name}");
        assert_eq!(refused.invalid(), ["/size"]);
        assert_eq!(text(20_000_000).await.created().json()["max_size"], 20_000_000);
    }
    let org = ada.found_org("acme").await;
    team_plan(&t, &format!("/api/v1/orgs/{org}")).await;
    let acme = ada.with_header("x-current-org", &org);
    let begun = announce(&acme, 100 * MIB).await.created().json();
    assert_eq!(begun["max_size"], 100 * MIB);
    let refused = announce(&acme, 100 * MIB + 1).await;
    assert!(String::from_utf8_lossy(&refused.body).contains("TEAM"));
    assert_eq!(refused.invalid(), ["/size"]);
}

#[tokio::test]
async fn nobody_completes_an_upload_of_another_organization() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let upload = ada.begin_upload("faq.txt", samples::faq_txt().len()).await;
    upload.put(samples::faq_txt()).await.ok();
    let outsider = eve.with_header("x-current-org", ada.org());
    for caller in [&eve, &outsider] {
        caller
            .post(&upload.complete_path(), json!({}))
            .await
            .problem(404, "not_found");
    }
    t.anonymous().post(&upload.complete_path(), json!({})).await.expect(401);
    assert!(!upload.body["url"].as_str().unwrap().contains(eve.org()));
    upload.complete().await.created();
    eve.post(&upload.complete_path(), json!({}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn an_abandoned_upload_ends_after_an_hour_and_its_file_is_removed_a_day_later() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (put, never_put) = (
        ada.begin_upload("faq.txt", 5).await,
        ada.begin_upload("faq.txt", 5).await,
    );
    put.put("hello".into()).await.ok();
    t.advance_seconds(3599);
    relay(&t).await;
    assert_eq!(noted(&t).await, (2, 2), "it may still be going on");
    t.advance_seconds(1);
    let ada = ada.sign_in_again().await;
    for upload in [&put, &never_put] {
        ada.post(&upload.complete_path(), json!({}))
            .await
            .problem(410, "upload_expired");
    }
    // Begun before the end, and arrived after it.
    t.advance_seconds(23 * 3600);
    assert_eq!(
        never_put.put("hello".into()).await.status,
        403,
        "nothing begins any more"
    );
    let key = format!("t/{}/d/{}/source", ada.org(), never_put.id);
    let late = t.s3().put_object().bucket("parlance").key(key);
    late.body(b"hello".to_vec().into()).send().await.unwrap();
    relay(&t).await;
    assert_eq!((noted(&t).await, t.object_keys().await.len()), ((2, 2), 2));
    t.advance_seconds(3600);
    relay(&t).await;
    assert_eq!((noted(&t).await, t.object_keys().await), ((0, 0), Vec::new()));
    let ada = ada.sign_in_again().await;
    ada.post(&put.complete_path(), json!({}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_document_outlives_the_look_for_files_without_one() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let upload = ada.begin_upload("faq.txt", samples::faq_txt().len()).await;
    upload.put(samples::faq_txt()).await.ok();
    upload.complete().await.created();
    t.drain().await;
    let objects = t.object_keys().await;
    assert_eq!(objects.len(), 2, "the file and its segment: {objects:?}");
    t.advance_seconds(26 * 3600);
    relay(&t).await;
    assert_eq!((noted(&t).await, t.object_keys().await), ((0, 0), objects));
    let ada = ada.sign_in_again().await;
    let path = format!("/api/v1/documents/{}", upload.id);
    assert_eq!(ada.get(&path).await.ok().json()["status"], "ready");
    assert_eq!(
        ada.post(&upload.complete_path(), json!({})).await.ok().json()["status"],
        "ready"
    );
}

#[tokio::test]
async fn a_file_that_arrives_after_its_organization_was_erased_is_removed_too() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let org = ada.found_org("acme").await;
    let acme = ada.with_header("x-current-org", &org);
    let (completed, pending) = (acme.begin_upload("a.txt", 5).await, acme.begin_upload("b.txt", 5).await);
    completed.put("hello".into()).await.ok();
    completed.complete().await.created();
    ada.delete(&format!("/api/v1/orgs/{org}")).await.expect(204);
    t.drain().await;
    assert_eq!((noted(&t).await, t.object_keys().await), ((0, 2), Vec::new()));
    for late in [&completed, &pending] {
        late.put("hello".into()).await.ok();
        late.complete().await.problem(404, "not_found");
    }
    assert_eq!(t.object_keys().await.len(), 2);
    t.advance_seconds(26 * 3600);
    relay(&t).await;
    assert_eq!((noted(&t).await, t.object_keys().await), ((0, 0), Vec::new()));
}

#[tokio::test]
async fn a_repeated_announcement_with_one_key_is_one_upload() {
    let t = Test::new().await;
    let ada = t.user("ada").await.with_header("idempotency-key", "upload-1");
    let first = ada.begin_upload("a.txt", 5).await;
    let second = ada.begin_upload("a.txt", 5).await;
    assert_eq!(first.body, second.body);
    assert_eq!(noted(&t).await, (1, 1));
}

#[tokio::test]
async fn a_page_of_a_known_origin_may_put_its_file() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let upload = ada.begin_upload("a.txt", 5).await;
    let names: Vec<&String> = upload.body["headers"].as_object().unwrap().keys().collect();
    // Browsers send the length by themselves and ask about the others.
    let asked: Vec<&str> = names
        .into_iter()
        .map(String::as_str)
        .filter(|name| *name != "content-length")
        .collect();
    for (origin, status) in [(PAGE, 200), ("https://evil.example", 403)] {
        let request = ada.request(Method::OPTIONS, upload.body["url"].as_str().unwrap());
        let request = request
            .header("origin", origin)
            .header("access-control-request-method", "PUT");
        let request = request.header("access-control-request-headers", asked.join(","));
        let answer = ada.send(request).await.expect(status);
        assert_eq!(answer.header("access-control-allow-origin") == PAGE, status == 200);
    }
    let put = ada
        .send(upload.request().header("origin", PAGE).body("hello"))
        .await
        .ok();
    assert_eq!(put.header("access-control-allow-origin"), PAGE);
    let completed: Value = upload.complete().await.created().json();
    assert_eq!(completed["status"], "pending");
}
