//! The API below the stage of the gateway, as at the URL that the stack prints: nothing leads out of it.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Caller, Test};

/// What a page loads: the values of `src` and `href`.
fn loaded(page: &Answer) -> Vec<String> {
    let html = String::from_utf8(page.body.clone()).unwrap();
    let values = ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|name| html.split(name).skip(1));
    let values = values.map(|rest| rest.split('"').next().unwrap().to_owned());
    values.filter(|value| !value.starts_with("data:")).collect()
}

/// The documents that a page lets people choose from, as its script resolves them.
fn document_urls(page: &Answer, script: &Answer) -> Vec<String> {
    let text = String::from_utf8(script.body.clone()).unwrap();
    assert!(text.contains("new URL(`../${name}`, script)"), "{text}");
    let html = String::from_utf8(page.body.clone()).unwrap();
    let names = html.split("<option value=\"").skip(1);
    let names = names.map(|rest| rest.split('"').next().unwrap());
    names.map(|name| script.resolve(&format!("../{name}"))).collect()
}

#[tokio::test]
async fn the_pages_load_their_files_and_the_document_and_the_document_leads_to_the_operations() {
    let t = Test::new().await;
    let anyone = t.anonymous();
    assert!(t.stack.url().ends_with("/live"), "{}", t.stack.url());
    for (path, files) in [
        ("/docs", 3),
        ("/docs/", 3),
        ("/docs//", 3),
        ("/redoc", 2),
        ("/redoc/", 2),
    ] {
        let page = anyone.get(path).await.ok();
        let urls: Vec<String> = loaded(&page).iter().map(|reference| page.resolve(reference)).collect();
        assert_eq!(urls.len(), files, "{path}");
        for url in &urls {
            assert!(url.starts_with(&t.stack.url()), "{path} loads {url}");
            assert!(anyone.get(url).await.ok().body.len() > 50, "{url}");
        }
        let script = urls.iter().find(|url| url.contains("init.js")).unwrap();
        let documents = document_urls(&page, &anyone.get(script).await);
        assert_eq!(documents.len(), 2, "{path}");
        for url in documents {
            let document = anyone.get(&url).await.ok();
            let server = document.resolve(document.json()["servers"][0]["url"].as_str().unwrap());
            assert_eq!(server.trim_end_matches('/'), t.stack.url(), "{path}");
        }
    }
}

#[tokio::test]
async fn the_document_is_compressed_and_not_sent_again_to_who_has_it() {
    let t = Test::new().await;
    let ask = |headers: &[(&'static str, String)]| {
        let request = t.anonymous().request(Method::GET, "/openapi.json");
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, value))
    };
    let plain = t.anonymous().send(ask(&[])).await.ok();
    let gzip = ("accept-encoding", "gzip".to_owned());
    let packed = t.anonymous().send(ask(std::slice::from_ref(&gzip))).await.ok();
    assert_eq!(
        (packed.header("content-encoding"), packed.header("vary")),
        ("gzip", "Accept-Encoding")
    );
    assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() * 5 < plain.body.len());
    let known = ("if-none-match", packed.header("etag").to_owned());
    let again = t.anonymous().send(ask(&[gzip, known])).await.expect(304);
    assert_eq!((again.header("etag"), again.body.len()), (packed.header("etag"), 0));
}

#[tokio::test]
async fn there_is_nothing_outside_of_the_stage() {
    let t = Test::new().await;
    let root = t.stack.url().trim_end_matches("/live").to_owned();
    for path in ["/docs", "/health", "/", "/livehealth"] {
        let refused = t.anonymous().get(&format!("{root}{path}")).await.expect(403);
        assert_eq!(refused.json(), json!({"message": "Forbidden"}), "{path}");
    }
    let unknown = t.anonymous().get("/nothing").await;
    unknown.problem(404, "unknown_route");
}

#[tokio::test]
async fn links_lead_to_further_pages_whatever_the_path_ends_in() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for name in ["one", "two"] {
        ada.found_org(name).await;
    }
    for path in ["/api/v1/orgs?limit=1", "/api/v1/orgs/?limit=1"] {
        let (mut next, mut pages) = (Some(path.to_owned()), 0);
        while let Some(url) = next {
            let page = ada.get(&url).await.ok();
            next = page.next();
            pages += 1;
        }
        assert_eq!(pages, 3, "{path}");
    }
}

/// Refused by the operation, and by the gateway in front of it.
async fn upload(caller: &Caller, path: &str, bytes: usize) -> Answer {
    let part = reqwest::multipart::Part::bytes(vec![b'a'; bytes]).file_name("large.txt");
    let form = reqwest::multipart::Form::new().part("file", part);
    caller.send(caller.request(Method::POST, path).multipart(form)).await
}

#[tokio::test]
async fn a_file_that_is_too_large_for_a_request_is_told_where_to_go() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for path in [
        "/api/v1/documents/upload",
        "/api/documents/upload",
        "/api/v1/documents/upload/",
    ] {
        let refused = upload(&ada, path, 4_500_001).await.expect(413);
        let instead = refused.link("alternate").unwrap();
        refused.problem(413, "too_large");
        let new = json!({"file_name": "large.txt", "size": 4_500_001});
        ada.post(&instead, new).await.created();
    }
    let repeatable = ada.with_header("idempotency-key", "large");
    let refused = upload(&repeatable, "/api/v1/documents/upload", 4_690_000).await;
    assert!(refused.link("alternate").is_some(), "{:?}", refused.headers);
    refused.problem(413, "too_large");
    // The event of an invocation would be larger than 6 MB.
    let gateway = upload(&ada, "/api/v1/documents/upload", 5_000_000).await.expect(413);
    assert_eq!(gateway.header("content-type"), "application/problem+json");
    assert_eq!(gateway.header("access-control-allow-origin"), "*");
    let problem = gateway.json();
    assert_eq!(problem["code"], "too_large");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("POST /api/v1/documents/uploads")
    );
    assert_eq!(ada.get("/api/v1/documents").await.ok().json(), json!([]));
    assert_eq!(t.object_keys().await, Vec::<String>::new());
}
