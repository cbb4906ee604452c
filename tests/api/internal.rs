//! What the backend of a front end does for everybody with the service key.

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::{Caller, Test};

const KEY: &str = "a-service-key";
const INTERNAL: &str = "/api/v1/internal";

async fn stack() -> (Test, Caller) {
    let t = Test::with(&[("INTERNAL_API_KEY", KEY)]).await;
    let service = t.anonymous().with_header("x-api-key", KEY);
    (t, service)
}

#[tokio::test]
async fn without_the_key_or_where_none_is_configured_nobody_is_let_in() {
    let (t, service) = stack().await;
    let path = format!("{INTERNAL}/sessions/x");
    service.get(&path).await.problem(404, "not_found");
    let ada = t.user("ada").await;
    ada.get(&path).await.problem(401, "service_key_required");
    for wrong in ["", "a-service-ke", "a-service-key2", "A-SERVICE-KEY"] {
        let caller = t.anonymous().with_header("x-api-key", wrong);
        caller.get(&path).await.problem(401, "service_key_required");
    }
    t.anonymous()
        .with_token(KEY)
        .get(&path)
        .await
        .problem(401, "service_key_required");
    let unset = Test::new().await;
    for key in [KEY, ""] {
        let caller = unset.anonymous().with_header("x-api-key", key);
        caller.get(&path).await.problem(401, "service_key_required");
    }
}

#[tokio::test]
async fn the_service_key_counts_beside_an_access_token_and_with_an_idempotency_key() {
    let (t, service) = stack().await;
    let ada = t.user("ada").await;
    let both = service.with_token(&ada.token);
    let path = format!("/api/v1/internal/users/{}/usage", ada.id());
    let add = |caller: &Caller| {
        let request = caller.request(Method::POST, &path).json(&json!({"tokens": 5}));
        request.header("idempotency-key", "add-1")
    };
    let first = both.send(add(&both)).await.ok();
    assert_eq!(
        both.send(add(&both)).await.ok().body,
        first.body,
        "it is carried out once"
    );
    let forged = t.anonymous().with_header("x-api-key", "wrong").with_token(&ada.token);
    forged.send(add(&forged)).await.problem(401, "service_key_required");
    let sessions = format!("/api/v1/internal/users/{}/sessions?limit=1", ada.id());
    both.get(&sessions).await.ok();
}

#[tokio::test]
async fn the_service_key_opens_nothing_else() {
    let (_t, service) = stack().await;
    for path in [
        "/api/v1/auth/me",
        "/api/v1/documents",
        "/api/v1/admin/users",
        "/api/v1/audit_logs",
    ] {
        service.get(path).await.problem(401, "token_invalid");
    }
}

#[tokio::test]
async fn a_session_is_made_read_renamed_listed_and_deleted_for_its_user() {
    let (t, service) = stack().await;
    let ada = t.user("ada").await;
    let new = json!({"user_id": ada.id(), "title": "Opening hours"});
    let made = service
        .post(&format!("{INTERNAL}/sessions"), new)
        .await
        .created()
        .json();
    assert_eq!(
        (&made["user_id"], &made["title"]),
        (&json!(ada.id()), &json!("Opening hours"))
    );
    let path = format!("{INTERNAL}/sessions/{}", made["session_id"].as_str().unwrap());
    assert_eq!(service.get(&path).await.ok().json(), made);
    let renamed = service.put(&path, json!({"title": "Prices"})).await.ok().json();
    assert_eq!(
        (&renamed["title"], &renamed["created_at"]),
        (&json!("Prices"), &made["created_at"])
    );
    let list = format!("{INTERNAL}/users/{}/sessions", ada.id());
    assert_eq!(service.get(&list).await.ok().json()[0]["title"], "Prices");
    // One entity behind all surfaces: the user finds it as well.
    assert_eq!(ada.get("/api/chat/sessions").await.ok().json()[0]["title"], "Prices");
    let deleted = service.delete(&path).await.ok().json();
    assert_eq!(deleted, json!({"message": "Session deleted successfully"}));
    service.get(&path).await.problem(404, "not_found");
    service.delete(&path).await.problem(404, "not_found");
    service
        .put(&path, json!({"title": "x"}))
        .await
        .problem(404, "not_found");
    assert_eq!(service.get(&list).await.ok().json(), json!([]));
}

#[tokio::test]
async fn a_session_that_a_user_began_is_found_by_its_id() {
    let (t, service) = stack().await;
    let ada = t.user("ada").await;
    let document = ada.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    let session = ada.session(&[&document]).await;
    let found = service.get(&format!("{INTERNAL}/sessions/{session}")).await.ok().json();
    assert_eq!(found["user_id"], ada.id());
    // An id of something else is no session.
    service
        .get(&format!("{INTERNAL}/sessions/{document}"))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn bad_input_and_unknown_users_are_named() {
    let (t, service) = stack().await;
    let ada = t.user("ada").await;
    let sessions = format!("{INTERNAL}/sessions");
    let nobody = json!({"user_id": "nobody", "title": "x"});
    service.post(&sessions, nobody).await.problem(404, "not_found");
    let list = format!("{INTERNAL}/users/nobody/sessions");
    service.get(&list).await.problem(404, "not_found");
    assert_eq!(
        service.post(&sessions, json!({"title": "x"})).await.invalid(),
        ["/user_id"]
    );
    let long = json!({"user_id": ada.id(), "title": "x".repeat(201)});
    assert_eq!(service.post(&sessions, long).await.invalid(), ["/title"]);
    let person = |query: &str| format!("{INTERNAL}/users/by-clerk-id/user_1?{query}");
    assert_eq!(service.get(&person("email=nowhere")).await.invalid(), ["/email"]);
    let odd = format!("{INTERNAL}/users/by-clerk-id/user%231");
    service.get(&odd).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_person_at_clerk_has_one_account_however_often_and_at_once_it_is_asked_for() {
    let (t, service) = stack().await;
    for round in 0..5 {
        let path = format!("{INTERNAL}/users/by-clerk-id/user_{round}?email=p{round}@example.com&name=Pat");
        let answers = join_all((0..32).map(|_| service.get(&path))).await;
        let first = answers[0].json();
        assert_eq!((&first["name"], &first["role"]), (&json!("Pat"), &json!("user")));
        assert_eq!(first["clerk_user_id"], format!("user_{round}"));
        for answer in answers {
            assert_eq!(answer.ok().json(), first);
        }
    }
    let items = t.items("parlance-identity").await;
    let of_kind = |kind: &str| items.keys().filter(|(_, sk)| sk.starts_with(kind)).count();
    assert_eq!(
        (of_kind("PROFILE"), of_kind("ORG"), of_kind("M#"), of_kind("U")),
        (5, 5, 5, 10)
    );
    let audit = t.items("parlance-audit").await;
    assert_eq!(audit.values().filter(|entry| entry.contains("user.created")).count(), 5);
}

#[tokio::test]
async fn an_address_that_the_service_names_never_opens_somebody_elses_account() {
    let (t, service) = stack().await;
    t.user("ada").await;
    t.drain().await;
    let path = format!("{INTERNAL}/users/by-clerk-id/user_eve?email=ADA@example.com");
    let before = t.items("parlance-identity").await;
    service.get(&path).await.problem(409, "email_taken");
    assert_eq!(t.items("parlance-identity").await, before);
    let without = format!("{INTERNAL}/users/by-clerk-id/user_eve");
    let made = service.get(&without).await.ok().json();
    assert!(made["email"].as_str().unwrap().ends_with("@clerk.invalid"), "{made}");
}

#[tokio::test]
async fn a_kept_answer_of_the_service_is_not_given_to_others() {
    let (t, service) = stack().await;
    let ada = t.user("ada").await;
    let new = json!({"user_id": ada.id(), "title": "Private"});
    let path = format!("{INTERNAL}/sessions");
    let keyed = |caller: Caller| caller.with_header("idempotency-key", "the-same-key");
    let first = keyed(service.clone()).post(&path, new.clone()).await.created();
    let again = keyed(service).post(&path, new.clone()).await.created();
    assert_eq!(
        (again.header("idempotent-replayed"), &again.body),
        ("true", &first.body)
    );
    for other in [
        t.anonymous(),
        t.anonymous().with_header("x-api-key", "wrong"),
        ada.clone(),
    ] {
        keyed(other)
            .post(&path, new.clone())
            .await
            .problem(401, "service_key_required");
    }
}

#[tokio::test]
async fn the_service_sets_any_quota_and_tokens_added_at_once_all_count() {
    let (t, service) = stack().await;
    let ada = t.user("ada").await;
    let of = |user: &str, what: &str| format!("{INTERNAL}/users/{user}/{what}");
    let quota = of(ada.id(), "quota");
    let first = service.get(&quota).await.ok().json();
    assert_eq!(
        (&first["user_id"], &first["daily_limit"], &first["used_today"]),
        (&json!(ada.id()), &json!(10_000), &json!(0))
    );
    let set = json!({"daily_limit": 50_000, "used_today": 100});
    assert_eq!(service.put(&quota, set).await.ok().json()["daily_limit"], 50_000);
    let usage = of(ada.id(), "usage");
    let added = join_all((0..24).map(|_| service.post(&usage, json!({"tokens": 7})))).await;
    for answer in added {
        answer.ok();
    }
    let seen = ada.get("/api/v1/users/me/quota").await.ok().json();
    assert_eq!(seen["used_today"], 100 + 24 * 7);
    assert_eq!(service.get(&quota).await.ok().json(), seen);
    // A limit that is lower than what is used stays what it is, and tokens are counted all the same.
    service.put(&quota, json!({"daily_limit": 0})).await.ok();
    let over = service.post(&usage, json!({"tokens": 1})).await.ok().json();
    assert_eq!((&over["daily_limit"], &over["used_today"]), (&json!(0), &json!(269)));
    assert_eq!(service.post(&usage, json!({})).await.invalid(), ["/tokens"]);
    assert_eq!(service.post(&usage, json!({"tokens": -1})).await.invalid(), ["/tokens"]);
    for what in ["quota", "usage"] {
        let body = json!({"tokens": 1});
        let answer = match what {
            "quota" => service.put(&of("nobody", what), body).await,
            _ => service.post(&of("nobody", what), body).await,
        };
        answer.problem(404, "not_found");
    }
    ada.post(&usage, json!({"tokens": 1}))
        .await
        .problem(401, "service_key_required");
}
