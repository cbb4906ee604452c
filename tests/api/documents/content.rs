//! Downloads of files, and the text of documents.

use reqwest::header;
use serde_json::{Value, json};

use crate::support::{Caller, Site, Test};

fn path(id: &str, part: &str) -> String {
    format!("/api/v1/documents/{id}/{part}")
}

/// What a link leads to: bytes, `Content-Disposition` and `Content-Type`.
async fn follow(t: &Test, link: &str) -> (Vec<u8>, String, String) {
    let answer = t.follow(link).await;
    assert_eq!(answer.status(), 200, "{link}");
    let header = |name| answer.headers()[name].to_str().unwrap().to_owned();
    let (disposition, kind) = (header(header::CONTENT_DISPOSITION), header(header::CONTENT_TYPE));
    (answer.bytes().await.unwrap().to_vec(), disposition, kind)
}

async fn location(caller: &Caller, id: &str) -> String {
    let redirect = caller.get(&path(id, "content")).await.expect(303);
    redirect.header("location").to_owned()
}

#[tokio::test]
async fn a_file_is_downloaded_byte_for_byte_under_its_name() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for (name, bytes, disposition, kind) in [
        (
            "handbook.pdf",
            samples::handbook_pdf(),
            "attachment; filename=\"handbook.pdf\"",
            "application/pdf",
        ),
        (
            "Öffnungszeiten.html",
            b"<script>alert(1)</script><p>Nine to five.".to_vec(),
            "attachment; filename=\"-ffnungszeiten.html\"; filename*=UTF-8''%C3%96ffnungszeiten.html",
            "application/octet-stream",
        ),
        (
            "blank.txt",
            b" ".to_vec(),
            "attachment; filename=\"blank.txt\"",
            "text/plain",
        ),
    ] {
        let id = ada.upload(name, bytes.clone()).await.created().text("id");
        // Also one that is not indexed yet, and one that never will be.
        for _ in 0..2 {
            let found = follow(&t, &location(&ada, &id).await).await;
            assert_eq!(found, (bytes.clone(), disposition.to_owned(), kind.to_owned()));
            t.drain().await;
        }
    }
}

#[tokio::test]
async fn a_client_that_wants_json_gets_the_link_for_fifteen_minutes() {
    let t = Test::new().await;
    let ada = t.user("ada").await.with_header("accept", "application/json");
    let id = ada.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    let link = ada.get(&format!("/api/documents/{id}/content")).await.ok().json();
    assert_eq!(
        (&link["fileName"], &link["contentType"], &link["sizeBytes"]),
        (
            &json!("faq.txt"),
            &json!("text/plain"),
            &json!(samples::faq_txt().len())
        )
    );
    let expires: domain::Timestamp = link["expiresAt"].as_str().unwrap().parse().unwrap();
    let left = expires.as_second() - t.stack.app().clock.now().as_second();
    assert!((895..=900).contains(&left), "{left}");
    let url = link["downloadUrl"].as_str().unwrap();
    assert_eq!(follow(&t, url).await.0, samples::faq_txt());
    let signed = reqwest::Url::parse(url).unwrap();
    let mut parameters = signed.query_pairs();
    assert!(
        parameters.any(|(name, value)| name == "X-Amz-Expires" && value == "900"),
        "{url}"
    );
}

#[tokio::test]
async fn every_member_may_read_and_nobody_else() {
    let t = Test::new().await;
    let (ada, bob, eve) = (t.user("ada").await, t.user("bob").await, t.user("eve").await);
    let acme = t.shared_org("acme", &[(&ada, "owner"), (&bob, "member")]).await;
    let [boss, bob] = [&ada, &bob].map(|caller| caller.with_header("x-current-org", &acme));
    let id = boss.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    t.drain().await;
    for part in ["content", "text"] {
        let path = path(&id, part);
        eve.get(&path).await.problem(404, "not_found");
        ada.get(&path).await.problem(404, "not_found");
        eve.with_header("x-current-org", &acme)
            .get(&path)
            .await
            .problem(404, "not_found");
        t.anonymous().get(&path).await.expect(401);
        assert!(bob.get(&path).await.status.as_u16() < 400);
    }
    boss.delete(&format!("/api/v1/documents/{id}")).await.expect(204);
    for part in ["content", "text"] {
        bob.get(&path(&id, part)).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn the_text_is_paged_in_reading_order_and_complete() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let text: String = (0..200).fold("# Rules\n\n".to_owned(), |text, number| {
        text + &format!("The keeper of gate {number} opens it at noon and closes it at sunset.\n\n")
    });
    let id = ada.upload("rules.md", text).await.created().text("id");
    ada.get(&path(&id, "text")).await.problem(409, "not_ready");
    t.drain().await;
    let (mut passages, mut next) = (Vec::<Value>::new(), Some(format!("{}?limit=5", path(&id, "text"))));
    while let Some(url) = next {
        let page = ada.get(&url).await.ok();
        let items = page.json().as_array().unwrap().clone();
        assert!((1..=5).contains(&items.len()));
        passages.extend(items);
        next = page.next();
    }
    assert!(passages.len() > 10, "{}", passages.len());
    let numbers: Vec<u64> = passages
        .iter()
        .map(|passage| passage["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=passages.len() as u64).collect::<Vec<_>>());
    assert!(passages.iter().all(|passage| passage["heading"] == "Rules"));
    let text: String = passages
        .iter()
        .map(|passage| passage["text"].as_str().unwrap().to_owned() + " ")
        .collect();
    for number in 0..200 {
        let sentence = format!("The keeper of gate {number} opens");
        assert_eq!(text.matches(&sentence).count(), 1, "{sentence}");
    }
    let pdf = ada
        .upload("handbook.pdf", samples::handbook_pdf())
        .await
        .created()
        .text("id");
    t.drain().await;
    let first = ada.get(&path(&pdf, "text")).await.ok().json()[0].clone();
    assert_eq!(
        (&first["number"], &first["page"], &first["heading"]),
        (&json!(1), &json!(1), &Value::Null)
    );
}

#[tokio::test]
async fn the_file_of_a_web_page_is_its_text() {
    let page = "<!doctype html><title>Hours</title><main><h1>Hours</h1><p>Open from nine to five.</p>\
                <script>steal()</script></main>";
    let site = Site::start(vec![
        ("/hours", "text/html", page.into()),
        ("/handbook", "application/pdf", samples::handbook_pdf()),
    ])
    .await;
    let t = Test::with(&[("ALLOW_PRIVATE_FETCH", &site.host())]).await;
    let ada = t.user("ada").await;
    let add = async |path: &str| {
        ada.post("/api/v1/documents/url", json!({"url": site.url(path)}))
            .await
            .created()
    };
    let late = add("/flaky").await.text("id");
    ada.get(&path(&late, "content")).await.problem(409, "not_ready");
    let hours = add("/hours").await.text("id");
    let (text, disposition, kind) = follow(&t, &location(&ada, &hours).await).await;
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("Open from nine to five.") && !text.contains("steal"),
        "{text}"
    );
    assert_eq!(
        (&*disposition, &*kind),
        ("attachment; filename=\"hours.txt\"", "text/plain; charset=utf-8")
    );
    let handbook = add("/handbook").await.text("id");
    assert_eq!(
        follow(&t, &location(&ada, &handbook).await).await.0,
        samples::handbook_pdf()
    );
    ada.delete(&format!("/api/v1/documents/{hours}")).await.expect(204);
    t.drain().await;
    assert!(t.object_keys().await.iter().all(|key| !key.contains(&hours)));
}
