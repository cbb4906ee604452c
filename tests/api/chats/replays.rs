//! Answers that are given again (`Idempotency-Key`), and what the caller is permitted by then.

use reqwest::{Method, multipart};
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Test};

const KEYS: &str = "/api/v1/apikeys";

/// Organization `acme` of Ada's, with Bob as an admin of it.
async fn acme(t: &Test) -> (Caller, Caller, String) {
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("acme", &[(&ada, "owner"), (&bob, "admin")]).await;
    let at = |caller: &Caller| caller.with_header("x-current-org", &org);
    (at(&ada), at(&bob), org)
}

/// The same request with its key, as often as it is called.
async fn create(caller: &Caller) -> Answer {
    let caller = caller.with_header("idempotency-key", "key-1");
    caller
        .post(KEYS, json!({"name": "Kiosk", "scopes": ["documents:read"]}))
        .await
}

#[tokio::test]
async fn a_member_who_was_removed_is_not_told_the_secret_again() {
    let t = Test::new().await;
    let (ada, bob, org) = acme(&t).await;
    let first = create(&bob).await.created();
    let again = create(&bob).await.created();
    assert_eq!(
        (again.header("idempotent-replayed"), &again.body),
        ("true", &first.body)
    );
    let rotate = format!("{KEYS}/{}/rotate", first.text("id"));
    let rotated = bob.with_header("idempotency-key", "rotate-1");
    rotated.post(&rotate, json!({})).await.ok();
    ada.delete(&format!("/api/v1/orgs/{org}/members/{}", bob.id()))
        .await
        .expect(204);
    for refused in [create(&bob).await, rotated.post(&rotate, json!({})).await] {
        let said = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(!said.contains("pk_test_"), "{said}");
        refused.problem(404, "not_found");
    }
    ada.get(&format!("{KEYS}/{}", first.text("id"))).await.ok();
}

#[tokio::test]
async fn who_lost_the_role_is_refused_and_who_has_it_back_gets_the_answer() {
    let t = Test::new().await;
    let (ada, bob, org) = acme(&t).await;
    let first = create(&bob).await.created();
    let role = async |role: &str| {
        let path = format!("/api/v1/orgs/{org}/members/{}", bob.id());
        ada.patch(&path, json!({"role": role})).await.ok();
    };
    role("member").await;
    create(&bob).await.problem(403, "role_required");
    role("admin").await;
    assert_eq!(create(&bob).await.created().body, first.body);
    let keys = ada.get(KEYS).await.ok().json();
    assert_eq!(keys.as_array().map(Vec::len), Some(1), "{keys}");
}

#[tokio::test]
async fn a_key_that_lost_its_scope_is_refused() {
    let t = Test::new().await;
    let (ada, _, _) = acme(&t).await;
    let made = ada
        .api_key(json!({"name": "Robot", "scopes": ["prompts:read", "prompts:write"]}))
        .await;
    let robot = t
        .anonymous()
        .with_token(&made.text("key"))
        .with_header("idempotency-key", "p-1");
    let body = json!({"prompt_text": "Say hello", "name": "Hello"});
    let send = async || robot.post("/api/v1/user_prompts", body.clone()).await;
    let first = send().await;
    assert!(first.status.is_success(), "{}", first.status);
    assert_eq!(send().await.header("idempotent-replayed"), "true");
    let narrowed = json!({"scopes": ["prompts:read"]});
    ada.patch(&format!("{KEYS}/{}", made.text("id")), narrowed).await.ok();
    send().await.problem(403, "scope_required");
}

/// A form of so many empty fields, and a file.
fn form(fields: usize) -> multipart::Form {
    let file = multipart::Part::bytes(b"Hello.".to_vec()).file_name("a.txt");
    let empty = (0..fields).fold(multipart::Form::new(), |form, _| form.text("x", ""));
    empty.part("file", file)
}

async fn upload(caller: &Caller, fields: usize) -> Answer {
    let request = caller.request(Method::POST, "/api/v1/documents/upload");
    caller.send(request.multipart(form(fields))).await
}

#[tokio::test]
async fn a_form_has_a_hundred_parts_at_most_with_and_without_a_key() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let keyed = |key: &str| ada.with_header("idempotency-key", key);
    upload(&keyed("a"), 99).await.created();
    for caller in [ada.clone(), keyed("b")] {
        let problem: Value = upload(&caller, 100).await.problem(400, "invalid_multipart");
        assert!(problem["detail"].to_string().contains("100 parts"), "{problem}");
    }
    // Half a megabyte of headers is refused as fast.
    upload(&keyed("c"), 10_000).await.problem(400, "invalid_multipart");
    upload(&t.anonymous().with_header("idempotency-key", "d"), 10_000)
        .await
        .problem(401, "credentials_required");
}

#[tokio::test]
async fn who_comes_back_to_an_organization_has_no_key_of_the_time_before() {
    let t = Test::new().await;
    let (ada, bob, org) = acme(&t).await;
    let key = create(&bob).await.created();
    let key = t.anonymous().with_token(&key.text("key"));
    key.get("/api/v1/documents").await.ok();
    let place = format!("/api/v1/orgs/{org}/members/{}", bob.id());
    ada.delete(&place).await.expect(204);
    key.get("/api/v1/documents").await.problem(401, "api_key_invalid");
    t.advance_seconds(1);
    crate::api::orgs::join(&t, &ada, &format!("/api/v1/orgs/{org}"), &bob, "member").await;
    key.get("/api/v1/documents").await.problem(401, "api_key_invalid");
}
