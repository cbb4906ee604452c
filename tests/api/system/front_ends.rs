//! What pages and clients of other APIs meet before they meet an operation.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Caller, Test};

/// The answer to a preflight of a page.
async fn preflight(caller: &Caller, path: &str, method: &str, headers: &str) -> (u16, Vec<String>) {
    let request = caller
        .request(Method::OPTIONS, path)
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", method)
        .header("access-control-request-headers", headers);
    let answer = caller.send(request).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("access-control-allow-methods").contains(method));
    assert_eq!(answer.header("access-control-max-age"), "86400");
    let allowed = answer.header("access-control-allow-headers").to_ascii_lowercase();
    let allowed = allowed.split(',').map(|name| name.trim().to_owned()).collect();
    (answer.status.as_u16(), allowed)
}

#[tokio::test]
async fn a_page_may_send_the_headers_that_its_clients_and_its_tracing_add() {
    let t = Test::new().await;
    let page = t.anonymous();
    // As OpenAI's client for JavaScript, Sentry and OpenTelemetry add them.
    let added = "authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-retry-count,user-agent,\
                 traceparent,tracestate,sentry-trace,baggage,x-requested-with,cache-control,openai-organization";
    for (path, method) in [
        ("/v1/chat/completions", "POST"),
        ("/api/chat/sessions", "GET"),
        ("/api/v1/apikeys/some-key", "PATCH"),
        ("/v1/responses", "POST"),
        ("/nothing/here", "DELETE"),
    ] {
        let (status, allowed) = preflight(&page, path, method, added).await;
        assert_eq!(status, 204, "{path}");
        for name in added.split(',') {
            assert!(allowed.iter().any(|known| known == name), "{name} of {path}");
        }
    }
}

#[tokio::test]
async fn a_page_reads_the_headers_of_answers_refusals_and_streams() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let stream = ada
        .request(Method::POST, "/api/v1/ai/chat/stream")
        .json(&json!({"message": "Hello?"}));
    let large = ada
        .request(Method::POST, "/api/v1/documents/upload")
        .header("content-type", "application/octet-stream")
        .body(vec![0; 5_000_000]);
    for (request, status, names) in [
        (
            ada.request(Method::GET, "/api/v1/chat/sessions"),
            200,
            "link, x-request-id, content-disposition",
        ),
        (
            ada.request(Method::GET, "/nothing"),
            404,
            "x-request-id, retry-after, location, etag",
        ),
        (stream, 200, "x-request-id, idempotent-replayed"),
        // Refused by the gateway, in the words of `template.yaml`.
        (large, 413, "x-request-id, retry-after"),
    ] {
        let answer = ada.send(request).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let exposed = answer.header("access-control-expose-headers").to_ascii_lowercase();
        for name in names.split(", ") {
            assert!(
                exposed.split(", ").any(|known| known == name),
                "{name} in {exposed:?} of {status}"
            );
        }
        assert!(!answer.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn clients_of_apis_that_are_not_served_are_told_where_to_go() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for path in [
        "/v1/responses",
        "/v1/completions",
        "/v1/messages",
        "/v1/messages?beta=true",
        "/v1/responses/r_1",
    ] {
        for caller in [&ada, &t.anonymous()] {
            let answer = caller
                .post(path, json!({"model": "gpt-4o-mini", "input": "Hello?"}))
                .await;
            let body = answer.json();
            assert_eq!(
                (answer.status.as_u16(), &body["error"]["code"]),
                (404, &json!("unknown_route")),
                "{path}"
            );
            let said = body["error"]["message"].as_str().unwrap();
            assert!(said.contains("/v1/chat/completions"), "{said}");
            let is_anthropic = path.starts_with("/v1/messages");
            assert_eq!(body["type"] == "error", is_anthropic);
            let kind = if is_anthropic {
                "not_found_error"
            } else {
                "invalid_request_error"
            };
            assert_eq!(body["error"]["type"], kind);
        }
    }
}

#[tokio::test]
async fn a_model_is_found_by_a_name_with_slashes() {
    let t = Test::with(&[("OPENAI_COMPATIBLE_BASE_URL", "http://127.0.0.1:9")]).await;
    let ada = t.talker("ada").await;
    let bot = format!("chatbot/{}", ada.chatbot(&[]).await);
    for name in [
        "compatible/x",
        "compatible/meta-llama/Llama-3.3-70B",
        bot.as_str(),
        "local",
    ] {
        for spelled in [name.to_owned(), name.replace('/', "%2F"), format!("{name}/")] {
            let found = ada.get(&format!("/v1/models/{spelled}")).await.ok().json();
            assert_eq!(
                (&found["id"], &found["object"]),
                (&json!(name), &json!("model")),
                "{spelled}"
            );
        }
    }
    // Of a provider that is not configured, of nobody, and of another tenant.
    let eve = t.talker("eve").await;
    for (caller, name, code) in [
        (&ada, "azure/x", "model_not_found"),
        (&ada, "nobody/x", "model_not_found"),
        (&ada, "compatible/", "model_not_found"),
        (&ada, "a/b/c/d", "model_not_found"),
        (&eve, bot.as_str(), "not_found"),
    ] {
        let answer = caller.get(&format!("/v1/models/{name}")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["code"]),
            (404, &json!(code)),
            "{name}"
        );
    }
    // A key sees what it may ask.
    let key = ada.api_key(json!({"name": "App", "scopes": ["chats:write"], "models": ["compatible/x"]}));
    let key = ada.with_token(&key.await.text("key"));
    key.get("/v1/models/compatible/x").await.ok();
    assert_eq!(key.get("/v1/models/compatible/y").await.status, 404);
    assert_eq!(t.anonymous().get("/v1/models/compatible/x").await.status, 401);
}

#[tokio::test]
async fn an_organization_is_found_by_its_slug_in_any_case_and_a_missing_one_names_the_header() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let new = json!({"name": "My Company", "slug": "my-company"});
    let org = ada.post("/api/v1/orgs", new).await.created().text("id");
    for name in ["my-company", "My-Company", "MY-COMPANY", &org, &org.to_uppercase()] {
        ada.with_header("x-current-org", name)
            .get("/api/v1/documents")
            .await
            .ok();
        let found = ada.get(&format!("/api/v1/orgs/{name}")).await.ok().json();
        assert_eq!((&found["id"], &found["slug"]), (&json!(org), &json!("my-company")));
    }
    let detail = |problem: Value| problem["detail"].as_str().unwrap().to_owned();
    for (caller, name) in [(&ada, "no-such-org"), (&eve, "My-Company"), (&ada, "!")] {
        let problem = caller.with_header("x-current-org", name).get("/api/v1/documents").await;
        let said = detail(problem.problem(404, "not_found"));
        assert!(said.contains("`X-Current-Org`") && said.contains(name), "{said}");
    }
    // Where the path decides, the header has no part in it.
    let by_path = eve
        .with_header("x-current-org", "no-such-org")
        .get("/api/v1/orgs/my-company")
        .await;
    assert!(!detail(by_path.problem(404, "not_found")).contains("X-Current-Org"));
}

#[tokio::test]
async fn an_invitation_says_who_invites_as_what_and_where_to_go() {
    let t = Test::new().await;
    let ada = t.anonymous().register("ada").await;
    let name = json!({"name": "Ada evil.example/x"});
    ada.put("/api/v1/users/me", name).await.ok();
    let org = ada.found_org("Acme").await;
    for role in ["admin", "member"] {
        let address = format!("{role}@example.com");
        let invite = json!({"email": address, "role": role});
        ada.post(&format!("/api/v1/orgs/{org}/invite"), invite).await.created();
        let mails = t.outbox().await;
        let text = mails.iter().find(|mail| mail["to"] == address).unwrap()["text"]
            .as_str()
            .unwrap()
            .to_owned();
        let article = if role == "admin" { "an admin" } else { "a member" };
        assert!(text.contains(&format!("Acme on Parlance as {article}")), "{text}");
        assert!(text.starts_with("Ada evil. example x (ada@example.com"), "{text}");
        assert!(text.contains("/invitations?token=inv_"), "{text}");
    }
}

#[tokio::test]
async fn a_media_type_that_is_not_taken_is_answered_with_all_that_are() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for (path, taken) in [
        (
            "/api/v1/auth/login",
            &["application/json", "application/x-www-form-urlencoded"][..],
        ),
        (
            "/api/auth/login",
            &["application/json", "application/x-www-form-urlencoded"],
        ),
        ("/api/v1/orgs", &["application/json"]),
        ("/api/documents/upload", &["multipart/form-data"]),
    ] {
        for kind in [Some("text/plain"), None] {
            let request = ada.request(Method::POST, path).body("x");
            let request = kind.map_or(request.try_clone().unwrap(), |kind| {
                request.header("content-type", kind)
            });
            let problem = ada.send(request).await.problem(415, "unsupported_media_type");
            let said = problem["detail"].as_str().unwrap();
            assert!(taken.iter().all(|kind| said.contains(kind)), "{path}: {said}");
        }
    }
}

#[tokio::test]
async fn what_front_ends_leave_empty_or_write_in_capitals_is_understood() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let missing = t.anonymous().post("/api/auth/register", json!({})).await;
    let errors = missing.problem(422, "invalid")["errors"].clone();
    let pointers: Vec<&str> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/email", "/password"]);
    for path in [
        "/api/v1/audit_logs?from=&to=&days=",
        "/api/v1/chat/sessions?q=&cursor=",
        "/api/v1/tokens/usage?days=&group_by=",
    ] {
        ada.get(path).await.ok();
    }
    let org = ada
        .post("/api/v1/orgs", json!({"name": "Acme", "slug": "Acme-Berlin"}))
        .await;
    let org = org.created().json();
    assert_eq!(org["slug"], "acme-berlin");
    let path = format!("/api/v1/orgs/{}/invite", org["id"].as_str().unwrap());
    let invited = ada
        .post(&path, json!({"email": "bob@example.com", "role": "ADMIN"}))
        .await;
    assert_eq!(invited.created().text("role"), "admin");
    let wrong = ada
        .post(&path, json!({"email": "eve@example.com", "role": "CHIEF"}))
        .await;
    let detail = wrong.problem(422, "invalid")["errors"][0]["detail"].clone();
    assert_eq!(detail, "must be one of `member`, `admin`, `owner`");
}
