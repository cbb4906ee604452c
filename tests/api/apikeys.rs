//! API keys: what they open, and for how long.

mod children;
mod races;
mod reach;

use domain::Secret;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Caller, Metered, Test};

const KEYS: &str = "/api/v1/apikeys";

/// A new key: its id, and somebody who uses it and nothing else.
async fn key_of(t: &Test, maker: &Caller, key: Value) -> (String, Caller) {
    let made = maker.api_key(key).await;
    (made.text("id"), t.anonymous().with_token(&made.text("key")))
}

fn one(id: &str) -> String {
    format!("{KEYS}/{id}")
}

#[tokio::test]
async fn the_secret_is_shown_once_and_opens_as_bearer_and_as_header() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let made = ada.api_key(json!({"name": " Kiosk "})).await.json();
    let secret = made["key"].as_str().unwrap();
    assert!(secret.starts_with("pk_test_") && secret.starts_with(made["prefix"].as_str().unwrap()));
    assert!(secret.ends_with(made["last_four"].as_str().unwrap()));
    assert_eq!((&made["name"], &made["status"]), (&json!("Kiosk"), &json!("active")));
    assert_eq!(
        (&made["created_by"], &made["org_id"]),
        (&json!(ada.id()), &json!(ada.org()))
    );
    let id = made["id"].as_str().unwrap();
    for answer in [
        ada.get(&one(id)).await.ok().json(),
        ada.get(KEYS).await.ok().json()[0].clone(),
    ] {
        assert_eq!(answer["id"], id);
        assert!(answer.get("key").is_none(), "{answer}");
    }
    t.anonymous().with_token(secret).get("/api/v1/documents").await.ok();
    t.anonymous()
        .with_header("x-api-key", secret)
        .get("/api/v1/documents")
        .await
        .ok();
    for table in [
        "parlance-identity",
        "parlance-app",
        "parlance-ephemeral",
        "parlance-audit",
    ] {
        for (_, item) in t.items(table).await {
            assert!(!item.contains(&secret[16..]), "the secret is stored: {item}");
        }
    }
}

#[tokio::test]
async fn one_resource_is_returned_at_two_paths() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let made = ada.post("/api/v1/api-keys", json!({"name": "Alias"})).await.created();
    assert_eq!(
        ada.get("/api/v1/api-keys").await.ok().body,
        ada.get(KEYS).await.ok().body
    );
    ada.delete(&format!("/api/v1/api-keys/{}/permanent", made.text("id")))
        .await
        .expect(204);
    assert_eq!(ada.get(KEYS).await.ok().json(), json!([]));
}

#[tokio::test]
async fn a_typo_is_refused_before_any_table_is_read_and_a_known_key_costs_one_round_trip() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let secret = ada.api_key(json!({"name": "Kiosk"})).await.text("key");
    let metered = Metered::new(&t).await;
    let identity = metered.app.authenticate(&Secret::new(&*secret)).await.unwrap();
    assert_eq!(identity.user.id.as_str(), ada.id());
    assert_eq!(
        metered.calls(),
        3,
        "the first use a minute is noted, beside the second round trip"
    );
    let identity = metered.app.authenticate(&Secret::new(&*secret)).await.unwrap();
    metered.app.membership_of(&identity, None).await.unwrap();
    assert_eq!(metered.calls(), 1);
    let other = if secret.ends_with('0') { "1" } else { "0" };
    let live = secret.replace("pk_test_", "pk_live_");
    for wrong in [
        format!("{}{other}", &secret[..secret.len() - 1]),
        live,
        format!("{secret}0"),
        "pk_".to_owned(),
    ] {
        assert!(metered.app.authenticate(&Secret::new(&*wrong)).await.is_err());
        t.anonymous()
            .with_token(&wrong)
            .get(KEYS)
            .await
            .problem(401, "api_key_invalid");
    }
    assert_eq!(metered.calls(), 0);
}

#[tokio::test]
async fn revoking_works_with_the_next_request_and_leaves_the_row() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (id, key) = key_of(&t, &ada, json!({"name": "Kiosk", "scopes": ["documents:read"]})).await;
    for _ in 0..2 {
        ada.delete(&one(&id)).await.expect(204);
        key.get("/api/v1/documents").await.problem(401, "api_key_invalid");
    }
    let row = ada.get(&one(&id)).await.ok().json();
    assert_eq!(row["status"], "revoked");
    assert!(row["revoked_at"].is_string());
    ada.patch(&one(&id), json!({"enabled": true}))
        .await
        .problem(409, "key_revoked");
    ada.post(&format!("{}/rotate", one(&id)), json!({}))
        .await
        .problem(409, "key_revoked");
    ada.delete(&format!("{}/permanent", one(&id))).await.expect(204);
    ada.get(&one(&id)).await.problem(404, "not_found");
    ada.delete(&format!("{}/permanent", one(&id)))
        .await
        .problem(404, "not_found");
    assert_eq!(
        t.audited(ada.org()).await,
        ["user.created", "api_key.created", "api_key.revoked", "api_key.erased"]
    );
    let left = t.items("parlance-identity").await;
    assert!(
        left.keys()
            .all(|(pk, sk)| !pk.starts_with("AK#") && !sk.starts_with("AK#"))
    );
}

#[tokio::test]
async fn a_rotated_key_works_with_both_secrets_until_the_overlap_ends() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (id, old) = key_of(&t, &ada, json!({"name": "Kiosk"})).await;
    let path = format!("{}/rotate", one(&id));
    let rotated = ada.post(&path, json!({"overlap_seconds": 600})).await.ok();
    assert_eq!(rotated.json()["id"], id);
    let new = t.anonymous().with_token(&rotated.text("key"));
    t.advance_seconds(599);
    old.get("/api/v1/documents").await.ok();
    new.get("/api/v1/documents").await.ok();
    t.advance_seconds(1);
    old.get("/api/v1/documents").await.problem(401, "api_key_invalid");
    let ada = ada.sign_in_again().await;
    let last = ada.send(ada.request(Method::POST, &path)).await.ok();
    new.get("/api/v1/documents").await.problem(401, "api_key_invalid");
    t.anonymous()
        .with_token(&last.text("key"))
        .get("/api/v1/documents")
        .await
        .ok();
    let long = ada.post(&path, json!({"overlap_seconds": 7 * 24 * 3600 + 1})).await;
    assert_eq!(long.invalid(), ["/overlap_seconds"]);
    let leads = t.items("parlance-identity").await;
    assert_eq!(
        leads.keys().filter(|(pk, _)| pk.starts_with("AK#")).count(),
        1,
        "dead secrets are forgotten"
    );
}

#[tokio::test]
async fn a_key_can_be_switched_off_and_on_and_ends_in_time() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (id, key) = key_of(&t, &ada, json!({"name": "Kiosk", "expires_in_days": 1})).await;
    assert_eq!(
        ada.patch(&one(&id), json!({"enabled": false})).await.ok().json()["status"],
        "disabled"
    );
    key.get("/api/v1/documents").await.problem(401, "api_key_invalid");
    ada.patch(&one(&id), json!({"enabled": true})).await.ok();
    t.advance_seconds(24 * 3600 - 60);
    key.get("/api/v1/documents").await.ok();
    t.advance_seconds(60);
    key.get("/api/v1/documents").await.problem(401, "api_key_invalid");
    let ada = ada.sign_in_again().await;
    assert_eq!(ada.get(&one(&id)).await.ok().json()["status"], "expired");
    let open = ada
        .patch(
            &one(&id),
            json!({"expires_at": null, "models": ["local"], "token_budget": 7}),
        )
        .await
        .ok();
    let open = open.json();
    assert_eq!((&open["expires_at"], &open["status"]), (&Value::Null, &json!("active")));
    assert_eq!((&open["models"], &open["token_budget"]), (&json!(["local"]), &json!(7)));
    key.get("/api/v1/documents").await.ok();
    let open = ada
        .patch(&one(&id), json!({"models": null, "token_budget": null}))
        .await
        .ok()
        .json();
    assert_eq!((&open["models"], &open["token_budget"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn the_last_use_is_noted_once_a_minute() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (id, key) = key_of(&t, &ada, json!({"name": "Kiosk"})).await;
    let last_use = async || ada.get(&one(&id)).await.ok().json()["last_used_at"].clone();
    assert_eq!(last_use().await, Value::Null);
    key.get("/api/v1/documents").await.ok();
    let first = last_use().await;
    assert!(first.is_string());
    t.advance_seconds(50);
    key.get("/api/v1/documents").await.ok();
    assert_eq!(last_use().await, first);
    t.advance_seconds(15);
    key.get("/api/v1/documents").await.ok();
    assert_ne!(last_use().await, first);
    assert_eq!(ada.get(KEYS).await.ok().json()[0]["last_used_at"], last_use().await);
}

#[tokio::test]
async fn a_use_that_cannot_be_noted_stops_nobody() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let made = ada.api_key(json!({"name": "Kiosk"})).await;
    let metered = Metered::new(&t).await;
    metered.silence_updates();
    metered.app.authenticate(&Secret::new(made.text("key"))).await.unwrap();
    let key = ada.get(&one(&made.text("id"))).await.ok().json();
    assert_eq!(key["last_used_at"], Value::Null);
}

#[tokio::test]
async fn what_cannot_be_a_key_is_named() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let too_many = vec!["m"; 51];
    for (body, pointer) in [
        (json!({}), "/name"),
        (json!({"name": "  "}), "/name"),
        (json!({"name": "x".repeat(101)}), "/name"),
        (json!({"name": "x", "scopes": ["everything"]}), "/scopes/0"),
        (
            json!({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}),
            "/expires_at",
        ),
        (json!({"name": "x", "expires_at": "tomorrow"}), "/expires_at"),
        (json!({"name": "x", "expires_in_days": 0}), "/expires_in_days"),
        (
            json!({"name": "x", "expires_in_days": 1, "expires_at": "2999-01-01T00:00:00Z"}),
            "/expires_in_days",
        ),
        (json!({"name": "x", "models": []}), "/models"),
        (json!({"name": "x", "models": too_many}), "/models"),
        (json!({"name": "x", "token_budget": -1}), "/token_budget"),
    ] {
        assert_eq!(ada.post(KEYS, body).await.invalid(), [pointer]);
    }
    assert_eq!(ada.get(KEYS).await.ok().json(), json!([]));
}

#[tokio::test]
async fn a_repeated_creation_makes_one_key_and_answers_the_same() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let once = ada.with_header("idempotency-key", "key-1");
    let first = once.api_key(json!({"name": "Kiosk"})).await;
    assert_eq!(once.api_key(json!({"name": "Kiosk"})).await.body, first.body);
    assert_eq!(ada.get(KEYS).await.ok().json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn keys_are_listed_newest_first_in_pages() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for name in ["one", "two", "three"] {
        ada.api_key(json!({"name": name})).await;
    }
    let page = ada.get("/api/v1/apikeys?limit=2").await.ok();
    assert_eq!(
        (&page.json()[0]["name"], &page.json()[1]["name"]),
        (&json!("three"), &json!("two"))
    );
    let next = page.next().unwrap();
    assert_eq!(ada.get(&next).await.ok().json()[0]["name"], "one");
}
