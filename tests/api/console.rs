//! The console: one page for all views, and its files.

use reqwest::Method;

use crate::support::{Answer, Caller, Test};

/// Opens an address as a browser does.
async fn open(caller: &Caller, path: &str) -> Answer {
    let request = caller.request(Method::GET, path);
    caller
        .send(request.header("accept", "text/html,application/xhtml+xml,*/*;q=0.8"))
        .await
}

/// The values of an attribute in a page.
fn values(page: &str, attribute: &str) -> Vec<String> {
    let name = format!("{attribute}=\"");
    let rest = page.split(name.as_str()).skip(1);
    rest.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_view_is_one_page_whose_files_are_found_below_the_stage() {
    let t = Test::new().await;
    for view in [
        "/",
        "/documents",
        "/chatbots/01a2/test",
        "/reset-password?token=x",
        "/api-keys",
    ] {
        let page = open(&t.anonymous(), view).await.ok();
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("cache-control"), "no-cache");
        let text = String::from_utf8(page.body.clone()).unwrap();
        let base = page.resolve(&values(&text, "base href")[0]);
        assert_eq!(base, format!("{}/", t.stack.url()), "{view}");
        let files = values(&text, "src")
            .into_iter()
            .chain(values(&text, "link rel=\"stylesheet\" crossorigin href"));
        let mut number = 0;
        for file in files {
            let url = reqwest::Url::parse(&base).unwrap().join(&file).unwrap();
            let file = t.anonymous().get(url.as_str()).await.ok();
            assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
            number += 1;
        }
        assert!(number >= 1, "{text}");
    }
}

#[tokio::test]
async fn the_page_runs_its_own_scripts_only() {
    let t = Test::new().await;
    let page = open(&t.anonymous(), "/").await.ok();
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("script-src 'self'; style-src 'self';"), "{policy}");
    assert!(
        policy.contains(&format!("connect-src 'self' {};", t.stack.aws_endpoint())),
        "uploads: {policy}"
    );
    assert!(
        !policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    let text = String::from_utf8(page.body).unwrap();
    assert!(!text.contains("<style") && !text.contains(" style="), "{text}");
    for script in text.split("<script").skip(1) {
        assert!(script.split('>').next().unwrap().contains(" src="), "inline: {script}");
    }
}

#[tokio::test]
async fn programs_are_told_of_unknown_paths() {
    let t = Test::new().await;
    let anyone = t.anonymous();
    anyone.get("/documents").await.problem(404, "unknown_route");
    anyone
        .post("/documents", serde_json::json!({}))
        .await
        .problem(404, "unknown_route");
    open(&anyone, "/api/v1/nothing").await.problem(404, "unknown_route");
    open(&anyone, "/assets/nothing.js").await.problem(404, "not_found");
    open(&anyone, "/assets/..%2f..%2fCargo.toml")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn the_widget_is_loaded_by_pages_of_any_origin() {
    let t = Test::new().await;
    let page = t.anonymous().with_header("origin", "https://shop.example");
    let loader = page.get("/widget.js").await.ok();
    assert_eq!(loader.header("cache-control"), "public, max-age=300");
    assert_eq!(loader.header("cross-origin-resource-policy"), "cross-origin");
    let text = String::from_utf8(loader.body.clone()).unwrap();
    let name = text
        .split("widget/widget-")
        .nth(1)
        .unwrap()
        .split(".js")
        .next()
        .unwrap();
    let script = page.get(&format!("/widget/widget-{name}.js")).await.ok();
    assert_eq!(script.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    page.get("/widget/nothing.js").await.problem(404, "not_found");
}

#[tokio::test]
async fn the_widget_and_the_first_view_of_the_console_are_small() {
    let t = Test::new().await;
    let size = async |path: &str| {
        let request = t
            .anonymous()
            .request(Method::GET, path)
            .header("accept-encoding", "gzip");
        let file = t.anonymous().send(request).await.ok();
        assert_eq!(file.header("content-encoding"), "gzip", "{path}");
        file.body.len()
    };
    let page = String::from_utf8(open(&t.anonymous(), "/").await.ok().body).unwrap();
    let mut first = page.len();
    for file in values(&page, "src")
        .into_iter()
        .chain(values(&page, "crossorigin href"))
    {
        first += size(&format!("/{}", file.trim_start_matches("./").trim_start_matches('/'))).await;
    }
    assert!(first <= 120 * 1_024, "{first} bytes");
    let loader = t.anonymous().get("/widget.js").await.ok();
    let text = String::from_utf8(loader.body).unwrap();
    let name = text
        .split("widget/widget-")
        .nth(1)
        .unwrap()
        .split(".js")
        .next()
        .unwrap();
    let widget = size(&format!("/widget/widget-{name}.js")).await;
    assert!(widget <= 15 * 1_024, "{widget} bytes");
}
