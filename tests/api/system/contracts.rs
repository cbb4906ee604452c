//! What holds for every request, whatever it asks for.

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, RACERS, Test, rounds};

#[tokio::test]
async fn every_answer_has_a_request_id_and_the_security_headers() {
    let t = Test::new().await;
    let answer = t
        .anonymous()
        .with_header("x-request-id", "mine-1")
        .get("/health")
        .await
        .ok();
    assert_eq!(answer.json(), json!({"status": "healthy"}));
    assert_eq!(answer.header("x-request-id"), "mine-1");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(
        t.anonymous().get("/api/v1/health").await.ok().json(),
        json!({"status": "ok"})
    );
    assert!(!t.anonymous().get("/live").await.ok().header("x-request-id").is_empty());
}

#[tokio::test]
async fn what_does_not_exist_is_a_problem_too() {
    let t = Test::new().await;
    t.anonymous().get("/api/v1/nothing").await.problem(404, "unknown_route");
    let wrong = t.anonymous().delete("/api/v1/auth/login").await;
    assert_eq!(wrong.header("allow"), "POST");
    wrong.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn a_trailing_slash_is_the_same_resource() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    assert_eq!(ada.get("/api/v1/documents/").await.ok().json(), json!([]));
    assert_eq!(ada.get("/api/chatbots/?limit=1").await.ok().json(), json!([]));
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_told_apart() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let post = |kind: &'static str, body: &str| {
        ada.send(
            ada.request(Method::POST, "/api/v1/chatbots")
                .header("content-type", kind)
                .body(body.to_owned()),
        )
    };
    post("application/json", "{\"name\":")
        .await
        .problem(400, "invalid_json");
    post("text/plain", "hello").await.problem(415, "unsupported_media_type");
    post(
        "application/json",
        &format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024)),
    )
    .await
    .problem(413, "too_large");
}

#[tokio::test]
async fn of_64_requests_with_one_idempotency_key_one_is_executed() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    // With `PARLANCE_ROUNDS=20`: 64 racers and 100 keys.
    let keys = 5 * rounds();
    let create = |key: usize| {
        let caller = ada.with_header("idempotency-key", &format!("entry-{key}"));
        async move {
            let entry = json!({"action": format!("seen.{key}")});
            caller.post("/api/v1/audit_logs", entry).await
        }
    };
    let mut kept = Vec::new();
    for key in 0..keys {
        let answers = join_all((0..RACERS).map(|_| create(key))).await;
        let running = answers.iter().filter(|answer| answer.status == 409);
        assert!(running.clone().all(|answer| !answer.header("retry-after").is_empty()));
        let created: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
        let first = created
            .iter()
            .filter(|answer| answer.header("idempotent-replayed").is_empty());
        assert_eq!((first.count(), created.len() + running.count()), (1, RACERS));
        assert!(created.iter().all(|answer| answer.body == created[0].body));
        kept.push(created[0].body.clone());
    }
    for (key, body) in kept.into_iter().enumerate() {
        let replay = create(key).await.created();
        assert_eq!((replay.header("idempotent-replayed"), &replay.body), ("true", &body));
    }
    let log = ada.org();
    let executed = t
        .audited(log)
        .await
        .into_iter()
        .filter(|action| action == "client.entry");
    assert_eq!(executed.count(), keys);
    let other = ada.with_header("idempotency-key", "entry-0");
    let another = other.post("/api/v1/audit_logs", json!({"action": "seen"})).await;
    another.problem(422, "idempotency_key_reused");
}

#[tokio::test]
async fn keys_of_different_callers_never_meet() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let create = |caller: &crate::support::Caller| {
        let caller = caller.with_header("idempotency-key", "same");
        async move {
            caller
                .post("/api/v1/chatbots", json!({"name": "Mine"}))
                .await
                .created()
                .text("id")
        }
    };
    assert_ne!(create(&ada).await, create(&eve).await);
}

#[tokio::test]
async fn an_organization_that_is_not_the_callers_does_not_exist() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    for name in [
        ada.org(),
        "no-such-org",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "Not A Slug",
    ] {
        eve.with_header("x-current-org", name)
            .get("/api/v1/chatbots")
            .await
            .problem(404, "not_found");
    }
    eve.with_header("x-current-org", eve.org())
        .get("/api/v1/chatbots")
        .await
        .ok();
}

#[tokio::test]
async fn readiness_names_what_does_not_answer() {
    let t = Test::new().await;
    assert_eq!(t.anonymous().get("/ready").await.ok().json()["status"], "ready");
    t.sqs()
        .delete_queue()
        .queue_url(t.queue_url("index_documents"))
        .send()
        .await
        .unwrap();
    let down = t.anonymous().get("/ready").await.expect(503).json();
    let failing: Vec<_> = down["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|d| d["ok"] == false)
        .collect();
    assert_eq!(failing, [&json!({"name": "queue:index_documents", "ok": false})]);
}

#[tokio::test]
async fn pages_of_others_do_not_reach_what_is_for_developers() {
    let t = Test::new().await;
    let step = json!({"advance_seconds": 1});
    t.anonymous().post("/_local/clock", step.clone()).await.ok();
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("host", "evil.example"),
        ("origin", "null"),
        // A page of this machine is another one's all the same.
        ("origin", "http://localhost:3000"),
        ("sec-fetch-site", "cross-site"),
    ] {
        t.anonymous()
            .with_header(name, value)
            .post("/_local/clock", step.clone())
            .await
            .expect(403);
        t.anonymous()
            .with_header(name, value)
            .get("/_local/outbox")
            .await
            .expect(403);
    }
    let own = t.stack.url().replace("/live", "");
    t.anonymous()
        .with_header("origin", &own)
        .get("/_local/outbox")
        .await
        .ok();
}

#[tokio::test]
async fn what_is_for_developers_refuses_as_the_product_does() {
    let t = Test::new().await;
    let developer = t.anonymous();
    for path in ["/_local/outbox/", "/_local/dlq/"] {
        developer.get(path).await.ok();
    }
    for (path, body, status, code) in [
        ("/_local/clock", json!({"advance_seconds": u64::MAX}), 422, "invalid"),
        (
            "/_local/clock/",
            json!({"advance_seconds": 4_000_000_000_u64}),
            422,
            "invalid",
        ),
        ("/_local/clock", json!({"advance_seconds": -1}), 422, "invalid"),
        ("/_local/clock", json!({}), 422, "invalid"),
        ("/_local/run/nothing", json!({}), 404, "not_found"),
        ("/_local/dlq/nothing/redrive", json!({}), 404, "not_found"),
        ("/_local/outbox", json!({}), 405, "method_not_allowed"),
        ("/_local/nothing", json!({}), 404, "unknown_route"),
    ] {
        let answer = developer.post(path, body).await.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        let problem = answer.json();
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&json!(status), &json!(code)),
            "{path}"
        );
    }
    // Steps add up, and their sum has an end as well.
    let decade = json!({"advance_seconds": 10 * 366 * 24 * 3600});
    let mut steps = 0;
    while developer.post("/_local/clock", decade.clone()).await.status == 200 {
        steps += 1;
        assert!(steps < 60, "the clock has no end");
    }
    assert!(steps > 40, "{steps}");
    developer.get("/live").await.ok();
}
