//! Documents from addresses of web pages.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Document, DocumentId, Entitlements, OrgId, Plan, WebSource, time::after};
use futures::future::join_all;
use serde_json::{Value, json};
use store::{FileStored, Lease, Store, Tables};

use crate::support::{Answer, Caller, RACERS, Site, Test, statuses};

const URL: &str = "/api/v1/documents/url";

const HOURS: &str = "<!doctype html><html lang=en-GB><head><title>Opening hours</title>\
    <link rel=canonical href=/hours><meta charset=utf-8></head><body>\
    <nav><a href=/>Home</a> <a href=/shop>Shop</a></nav>\
    <main><h1>Opening hours</h1><p>The roastery in Harbour Street is open on Mondays from nine to five.</p>\
    <h2>Holidays</h2><table><tr><th>Day<th>Hours<tr><td>New Year<td>closed</table></main></body></html>";

/// A site with the page of opening hours and files of other kinds, and a stack that may read it.
async fn site() -> (Site, Test, Caller) {
    let (japanese, ..) =
        encoding_rs::SHIFT_JIS.encode("<!doctype html><title>営業時間</title><p>月曜日は九時から開いています。");
    let large = format!(
        "<!doctype html><title>Large</title>{}",
        "<p>The warranty is five years.</p>".repeat(200_000)
    );
    let site = Site::start(vec![
        ("/hours", "text/html", HOURS.into()),
        ("/japanese", "text/html; charset=Shift_JIS", japanese.into_owned()),
        ("/handbook", "application/pdf", samples::handbook_pdf()),
        ("/notes", "text/markdown", b"# Returns\nWithin thirty days.".to_vec()),
        ("/large", "text/html", large.into_bytes()),
        ("/picture", "image/png", samples::png_named_pdf()),
        (
            "/script",
            "text/html",
            b"<!doctype html><div id=app></div><script>app()</script>".to_vec(),
        ),
        ("/empty", "text/html", Vec::new()),
    ])
    .await;
    let t = Test::with(&[("ALLOW_PRIVATE_FETCH", &site.host())]).await;
    let ada = t.user("ada").await;
    (site, t, ada)
}

async fn document(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("/api/v1/documents/{id}")).await.ok().json()
}

fn id(answer: &Answer) -> String {
    answer.text("id")
}

#[tokio::test]
async fn a_page_becomes_a_document_that_is_ready() {
    let (site, _t, ada) = site().await;
    let new = json!({"url": site.url("/moved#top"), "description": "When we are there"});
    let added = ada.post(URL, new).await.created().json();
    assert_eq!(
        (&added["status"], &added["name"]),
        (&json!("ready"), &json!("Opening hours")),
        "{added}"
    );
    assert_eq!(added["document_id"], added["id"]);
    assert_eq!(added["description"], "When we are there");
    let metadata = &added["metadata"];
    assert_eq!(metadata["source_url"], site.url("/moved"));
    assert_eq!(metadata["canonical_url"], site.url("/hours"));
    assert_eq!(
        (&metadata["language"], &metadata["file_type"]),
        (&json!("en-GB"), &json!("html"))
    );
    assert_eq!(
        (&metadata["etag"], metadata["content_hash"].as_str().unwrap().len()),
        (&json!("\"one\""), 64)
    );
    let shown = document(&ada, added["id"].as_str().unwrap()).await;
    assert_eq!(
        (&shown["file_name"], &shown["file_type"]),
        (&json!("hours.html"), &json!("html"))
    );
    assert_eq!(shown["source_url"], site.url("/moved"));
    assert_eq!(shown["canonical_url"], site.url("/hours"));
    assert_eq!(shown["size_bytes"], HOURS.len());
}

#[tokio::test]
async fn a_chatbot_answers_from_a_page_and_names_its_heading() {
    let (site, _t, ada) = site().await;
    let added = ada
        .post(URL, json!({"url": site.url("/hours"), "name": "Hours"}))
        .await
        .created();
    let session = ada.session(&[&id(&added)]).await;
    let answer = ada
        .ask(&session, "When is the roastery in Harbour Street open?")
        .await
        .ok()
        .json();
    let content = answer["content"].as_str().unwrap();
    assert!(content.contains("open on Mondays from nine to five"), "{answer}");
    assert_eq!(answer["sources"][0]["heading"], "Opening hours");
    assert_eq!(answer["sources"][0]["name"], "Hours");
}

#[tokio::test]
async fn what_a_site_serves_is_indexed_as_what_it_is() {
    let (site, _t, ada) = site().await;
    for (path, kind, name) in [
        ("/japanese", "html", "営業時間"),
        ("/handbook", "pdf", ""),
        ("/notes", "md", ""),
    ] {
        let added = ada.post(URL, json!({"url": site.url(path)})).await.created().json();
        assert_eq!(
            (&added["status"], &added["metadata"]["file_type"]),
            (&json!("ready"), &json!(kind)),
            "{added}"
        );
        let expected = if name.is_empty() {
            site.url(path).replace("http://", "").replace(&site.host(), "127.0.0.1")
        } else {
            name.to_owned()
        };
        assert_eq!(added["name"], expected, "{path}");
    }
}

#[tokio::test]
async fn both_surfaces_add_pages_in_their_own_spelling() {
    let (site, _t, ada) = site().await;
    let camel = ada
        .post("/api/documents/url", json!({"url": site.url("/hours")}))
        .await
        .created()
        .json();
    assert_eq!(camel["documentId"], camel["id"]);
    assert_eq!(camel["metadata"]["sourceUrl"], site.url("/hours"));
    assert_eq!(document(&ada, camel["id"].as_str().unwrap()).await["status"], "ready");
}

#[tokio::test]
async fn a_large_page_is_fetched_in_the_background() {
    let (site, t, ada) = site().await;
    let added = ada
        .post(URL, json!({"url": site.url("/large"), "description": "Long"}))
        .await
        .created()
        .json();
    assert_eq!(added["status"], "pending", "{added}");
    assert!(added["message"].as_str().unwrap().contains("being fetched"), "{added}");
    assert_eq!(added["metadata"]["content_hash"], Value::Null);
    t.drain().await;
    let shown = document(&ada, added["id"].as_str().unwrap()).await;
    assert_eq!(
        (&shown["status"], &shown["name"]),
        (&json!("ready"), &json!("Large")),
        "{shown}"
    );
    assert!(shown["size_bytes"].as_u64().unwrap() > 6_000_000, "{shown}");
}

#[tokio::test]
async fn a_site_that_is_out_of_order_is_tried_again() {
    let (site, t, ada) = site().await;
    let add = async |path: &str| {
        let added = ada
            .post(URL, json!({"url": site.url(path), "name": "Mine"}))
            .await
            .created()
            .json();
        assert_eq!(added["status"], "pending", "{added}");
        added["id"].as_str().unwrap().to_owned()
    };
    let (flaky, closing) = (add("/flaky").await, add("/closing").await);
    t.drain().await;
    let flaky = document(&ada, &flaky).await;
    assert_eq!(
        (&flaky["status"], &flaky["name"]),
        (&json!("ready"), &json!("Mine")),
        "{flaky}"
    );
    let closing = document(&ada, &closing).await;
    assert_eq!(
        (&closing["status"], &closing["error_code"]),
        (&json!("failed"), &json!("not_found"))
    );
    assert!(
        closing["error"].as_str().unwrap().contains("no page at this address"),
        "{closing}"
    );
    ada.delete(&format!("/api/v1/documents/{}", closing["id"].as_str().unwrap()))
        .await
        .expect(204);
}

#[tokio::test]
async fn addresses_within_networks_are_refused_each_with_its_reason() {
    let (site, t, ada) = site().await;
    let before = t.items("parlance-app").await;
    let port = site.host().rsplit(':').next().unwrap().to_owned();
    for (url, code) in [
        ("http://127.0.0.1/", "address_not_allowed"),
        ("http://2130706433/", "address_not_allowed"),
        ("http://[::1]/", "address_not_allowed"),
        (
            "http://[::ffff:169.254.169.254]/latest/meta-data/",
            "address_not_allowed",
        ),
        (
            "http://169.254.100.1:9001/2018-06-01/runtime/invocation/next",
            "address_not_allowed",
        ),
        ("http://10.0.0.1/", "address_not_allowed"),
        ("http://metadata.google.internal/", "address_not_allowed"),
        // Another name of the listed host is not listed.
        (&format!("http://localhost:{port}/hours"), "address_not_allowed"),
        (&site.url("/inside"), "address_not_allowed"),
        ("http://example.com:22/", "port_not_allowed"),
        ("http://me:secret@example.com/", "credentials_not_allowed"),
        ("file:///etc/passwd", "scheme_not_allowed"),
        ("no address", "invalid_url"),
        (&site.url("/missing"), "not_found"),
        (&site.url("/picture"), "unsupported_type"),
        (&site.url("/empty"), "empty"),
    ] {
        let problem = ada.post(URL, json!({"url": url})).await.problem(422, code);
        assert_eq!(problem["errors"][0]["pointer"], "/url", "{url}");
        assert_eq!(problem["errors"][0]["detail"], problem["detail"], "{url}");
    }
    for body in [
        json!({}),
        json!({"url": ""}),
        json!({"url": "x".repeat(3_000)}),
        json!({"url": 1}),
        json!({"url": site.url("/hours"), "name": "n".repeat(300)}),
    ] {
        ada.post(URL, body).await.problem(422, "invalid");
    }
    assert_eq!(t.items("parlance-app").await, before, "nothing was stored");
}

#[tokio::test]
async fn a_page_that_needs_scripts_fails_with_a_reason() {
    let (site, _t, ada) = site().await;
    let added = ada
        .post(URL, json!({"url": site.url("/script")}))
        .await
        .created()
        .json();
    assert_eq!(added["status"], "failed", "{added}");
    assert_eq!(
        document(&ada, added["id"].as_str().unwrap()).await["error_code"],
        "empty"
    );
}

#[tokio::test]
async fn a_page_belongs_to_its_organization() {
    let (site, t, ada) = site().await;
    let eve = t.user("eve").await;
    let page = json!({"url": site.url("/hours")});
    let added = ada.post(URL, page.clone()).await.created();
    eve.get(&format!("/api/v1/documents/{}", id(&added)))
        .await
        .problem(404, "not_found");
    eve.with_header("x-current-org", ada.org())
        .post(URL, page.clone())
        .await
        .problem(404, "not_found");
    t.anonymous().post(URL, page.clone()).await.expect(401);
    let key = ada
        .api_key(json!({"name": "Reader", "scopes": ["documents:read"]}))
        .await
        .text("key");
    ada.with_token(&key).post(URL, page).await.expect(403);
    assert_eq!(site.requests(), 1, "nobody else made us fetch");
}

#[tokio::test]
async fn a_plan_that_is_full_refuses_a_page() {
    let (site, t, ada) = site().await;
    ada.upload("notes.txt", "text").await.created();
    let update = t.db().update_item().table_name("parlance-app");
    let tenant = AttributeValue::S(format!("O#{}", ada.org()));
    let update = update
        .key("pk", tenant)
        .key("sk", AttributeValue::S("COUNTS".to_owned()));
    let update = update.update_expression("SET documents = :many");
    let update = update.expression_attribute_values(":many", AttributeValue::N("1000000".to_owned()));
    update.send().await.unwrap();
    ada.post(URL, json!({"url": site.url("/hours")}))
        .await
        .problem(409, "limit_reached");
}

#[tokio::test]
async fn requests_with_one_idempotency_key_add_one_page() {
    let (site, t, ada) = site().await;
    let once = ada.with_header("idempotency-key", "the-page");
    let page = json!({"url": site.url("/hours")});
    let answers = join_all((0..RACERS).map(|_| once.post(URL, page.clone()))).await;
    let counts = statuses(&answers);
    assert!(counts.keys().all(|status| matches!(status, 201 | 409)), "{counts:?}");
    let again = once.post(URL, page).await.created();
    assert!(
        answers
            .iter()
            .filter(|answer| answer.status == 201)
            .all(|answer| answer.body == again.body)
    );
    t.drain().await;
    let documents = ada.get("/api/v1/documents").await.ok().json();
    assert_eq!((documents.as_array().unwrap().len(), site.requests()), (1, 1));
}

#[tokio::test]
async fn a_name_that_a_user_gave_stays_when_the_title_arrives_later() {
    let (site, t, ada) = site().await;
    let new = ada.post(URL, json!({"url": site.url("/flaky")}));
    let added = id(&t.without_queue("index_documents", new).await.created());
    let store = Store::new(t.stack.sdk(), Tables::with_prefix("parlance"));
    let (documents, document_id) = (store.documents(&OrgId(ada.org().to_owned())), DocumentId(added.clone()));
    let own = Entitlements::resolve(Plan::Free, None, t.stack.app().clock.now());
    for (renamed, expected) in [(None, "Opening hours"), (Some("Mine"), "Mine")] {
        let now = t.stack.app().clock.now();
        let until = (now, after(now, Duration::from_secs(95)));
        let lease = documents.lease(&document_id, "worker", until, None).await.unwrap();
        let Lease::Taken(before, _) = lease else {
            panic!("{lease:?}")
        };
        if let Some(name) = renamed {
            ada.patch(&format!("/api/v1/documents/{added}"), json!({"name": name}))
                .await
                .ok();
        }
        let web = before.web.clone().map(|web| WebSource {
            language: Some("en".to_owned()),
            ..web
        });
        let fetched = Document {
            name: if renamed.is_some() { "Another title" } else { expected }.to_owned(),
            web,
            ..(*before).clone()
        };
        let stored = documents
            .store_fetched(&before, &fetched, "worker", &own)
            .await
            .unwrap();
        assert_eq!(stored, FileStored::Done);
        assert_eq!(document(&ada, &added).await["name"], expected);
        let stale = documents
            .store_fetched(&before, &fetched, "another", &own)
            .await
            .unwrap();
        assert_eq!(stale, FileStored::LeaseLost);
    }
}
