//! Which pages may embed a chatbot.

use serde_json::json;

use super::{OnSite, SHOP};

/// Origins that resemble an allowed one.
const TRICKS: [&str; 30] = [
    "null",
    "",
    "*",
    "https://shop.example.",
    "https://shop.example:443",
    "https://shop.example:8443",
    "http://shop.example",
    "HTTPS://shop.example",
    "https://SHOP.example",
    "https://Shop.Example",
    "https://shop.example/",
    "https://shop.example/path",
    "https://shop.example?",
    "https://shop.example#",
    "https://shop.example@evil.example",
    "https://evil.example/https://shop.example",
    "https://shop.example.evil.example",
    "https://evilshop.example",
    "https://www.shop.example",
    "https://shop-example",
    "https://shop.examples",
    "https://shop.exam",
    "https://xn--shp-0na.example",
    "https://sh\u{6f}p.example, https://evil.example",
    "https://shop.example https://evil.example",
    " https://evil.example",
    "shop.example",
    "//shop.example",
    "file://",
    "chrome-extension://shop.example",
];

#[tokio::test]
async fn no_other_page_gets_an_answer() {
    let site = OnSite::new().await;
    let session = site.session().await;
    for origin in TRICKS {
        let page = site.page(origin);
        let refused = [
            page.get(&site.config_path()).await,
            page.post(&site.path("session"), json!({})).await,
            page.post(&site.path("message"), json!({"sessionId": session, "message": "Hello"}))
                .await,
            page.with_token(&session).get(&site.path("messages")).await,
            page.post(&site.path("lead"), json!({})).await,
        ];
        for answer in refused {
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
            assert!(answer.header("vary").contains("Origin"), "{origin}");
            answer.problem(403, "origin_not_allowed");
        }
    }
    let no_page = site.t.anonymous().get(&site.config_path()).await;
    no_page.problem(403, "origin_not_allowed");
}

#[tokio::test]
async fn the_allowed_page_is_named_exactly_and_no_other_one() {
    let site = OnSite::new().await;
    for answer in [
        site.visitor().get(&site.config_path()).await.ok(),
        site.visitor().post(&site.path("session"), json!({})).await.created(),
        site.visitor()
            .with_token("no.such.token")
            .get(&site.path("messages"))
            .await
            .expect(401),
    ] {
        assert_eq!(answer.header("access-control-allow-origin"), SHOP);
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert!(answer.header("vary").contains("Origin"), "{}", answer.header("vary"));
    }
    let preflight = async |origin: &str| {
        let page = site.page(origin);
        let request = page.request(reqwest::Method::OPTIONS, &site.path("message"));
        let request = request
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        page.send(request).await
    };
    let allowed = preflight(SHOP).await.expect(204);
    assert_eq!(allowed.header("access-control-allow-origin"), SHOP);
    assert!(allowed.header("access-control-allow-methods").contains("POST"));
    assert!(
        allowed
            .header("access-control-allow-headers")
            .to_lowercase()
            .contains("authorization")
    );
    let refused = preflight("https://evil.example").await.expect(403);
    assert_eq!(refused.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_session_is_worth_nothing_elsewhere() {
    let site = OnSite::new().await;
    let second = json!({"config": {"allowed_origins": [SHOP, "https://blog.example"]}});
    site.ada.put(&site.integration_path(), second).await.ok();
    let session = site.session().await;

    // Another page that may embed the same chatbot.
    let blog = site.page("https://blog.example");
    blog.with_token(&session)
        .get(&site.path("messages"))
        .await
        .problem(401, "session_expired");

    // Another chatbot on the same page.
    let bot = site.ada.chatbot(&[]).await;
    let new = json!({"name": "Second", "chatbot_id": bot, "config": {"allowed_origins": [SHOP]}});
    site.ada.post("/api/v1/integrations/website", new).await.created();
    let path = format!("/api/chat/widget/{bot}/messages");
    site.visitor()
        .with_token(&session)
        .get(&path)
        .await
        .problem(401, "session_expired");

    // Other operations; and tokens of other kinds here.
    site.t
        .anonymous()
        .with_token(&session)
        .get("/api/v1/auth/me")
        .await
        .problem(401, "token_invalid");
    let access = site.ada.request(reqwest::Method::GET, "/");
    let access = access.build().unwrap().headers()["authorization"]
        .to_str()
        .unwrap()
        .to_owned();
    let access = access.strip_prefix("Bearer ").unwrap();
    site.visitor()
        .with_token(access)
        .get(&site.path("messages"))
        .await
        .problem(401, "session_expired");

    // Altered, cut and empty ones.
    for at in [0, session.len() / 2, session.len() - 1] {
        let mut bytes = session.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(bytes).unwrap();
        site.visitor()
            .with_token(&forged)
            .get(&site.path("messages"))
            .await
            .problem(401, "session_expired");
    }
    let body = json!({"sessionId": "", "message": "Hello"});
    site.visitor()
        .post(&site.path("message"), body)
        .await
        .problem(401, "session_expired");

    // The page is no longer allowed.
    let elsewhere = json!({"config": {"allowed_origins": ["https://blog.example"]}});
    site.ada.put(&site.integration_path(), elsewhere).await.ok();
    site.messages(&session).await.problem(403, "origin_not_allowed");
}
