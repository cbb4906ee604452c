//! Somebody signs up with an address that is not theirs and waits for its owner.

use futures::future::join_all;
use serde_json::json;

use super::{ADA, NEW, log_in, reset, reset_link};
use crate::support::{PASSWORD, RACERS, Test, rounds};

const KEYS: &str = "/api/v1/apikeys";

#[tokio::test]
async fn the_owner_of_an_address_gets_the_account_alone_by_a_reset() {
    let t = Test::new().await;
    let intruder = t.user("ada").await;
    let key = intruder.api_key(json!({"name": "Spy", "scopes": ["chats:read"]})).await;
    let key = t.anonymous().with_token(&key.text("key"));
    let acme = intruder.found_org("Acme").await;
    let inside = intruder.with_header("x-current-org", &acme);
    let shared = inside.api_key(json!({"name": "Spy", "scopes": ["chats:read"]})).await;
    let shared = t.anonymous().with_token(&shared.text("key"));
    for key in [&key, &shared] {
        key.get("/api/chat/sessions").await.ok();
    }

    let done = reset(&t, &reset_link(&t).await, json!({})).await.ok().json();
    assert_eq!(done["message"], "Password reset successfully");
    assert_eq!(
        done["kept_api_keys"],
        json!([]),
        "nobody had shown that the address was theirs"
    );
    for key in [&key, &shared] {
        key.get("/api/chat/sessions").await.problem(401, "api_key_invalid");
    }
    let ada = log_in(&t, "/api/v1/auth/login", NEW).await.ok();
    let ada = t.anonymous().with_token(&ada.text("access_token"));
    let me = ada.get("/api/v1/auth/me").await.ok().json();
    assert_eq!(me["email_verified"], true, "who has the mail has the address");

    // The rows say so too, and free their places.
    t.drain().await;
    for caller in [&ada, &ada.with_header("x-current-org", &acme)] {
        let keys = caller.get(KEYS).await.ok().json();
        assert_eq!(keys[0]["status"], "revoked", "{keys}");
    }
    let row = t.items("parlance-identity").await[&(format!("O#{acme}"), "ORG".to_owned())].clone();
    assert!(
        row.contains(r#""api_keys", "N(\"0\")""#) || row.contains(r#""api_keys": "N(\"0\")""#),
        "{row}"
    );
}

#[tokio::test]
async fn the_owner_is_told_what_was_revoked_without_a_word_of_the_intruder() {
    let t = Test::new().await;
    let intruder = t.user("ada").await;
    let made = intruder
        .api_key(json!({"name": "Click https://evil.example", "scopes": ["chats:read"]}))
        .await;
    reset(&t, &reset_link(&t).await, json!({})).await.ok();
    let mails = t.outbox().await;
    let told: Vec<_> = mails
        .iter()
        .filter(|mail| mail["subject"] == "Access to your account was reset")
        .collect();
    assert_eq!(told.len(), 1, "{mails:?}");
    assert_eq!(told[0]["to"], ADA);
    let text = told[0]["text"].as_str().unwrap();
    assert!(
        text.contains(&made.text("prefix")) && text.contains(&made.text("last_four")),
        "{text}"
    );
    assert!(!text.contains("evil"), "{text}");
}

#[tokio::test]
async fn a_stolen_session_leaves_no_key_behind_once_all_sessions_are_ended() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    ada.verify().await;
    let thief = ada.clone();
    let key = thief.api_key(json!({"name": "All"})).await;
    let key = t.anonymous().with_token(&key.text("key"));
    ada.post("/api/v1/auth/logout-all", json!({})).await.ok();
    key.get("/api/v1/documents").await.problem(401, "api_key_invalid");
    // A new personal key takes the place of the one that ended, and works.
    let ada = ada.sign_in_again().await;
    let first = ada.post("/api/settings/regenerate-api-key", json!({})).await.ok();
    ada.post("/api/v1/auth/logout-all", json!({})).await.ok();
    let ada = ada.sign_in_again().await;
    assert_eq!(ada.get("/api/settings").await.ok().json()["apiKey"], json!(null));
    let second = ada.post("/api/settings/regenerate-api-key", json!({})).await.ok();
    let with = |answer: &crate::support::Answer| t.anonymous().with_token(&answer.text("apiKey"));
    with(&first).get("/api/settings").await.problem(401, "api_key_invalid");
    with(&second).get("/api/settings").await.ok();
}

#[tokio::test]
async fn an_address_that_is_not_verified_makes_no_keys_that_administer() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let named = json!({"name": "Admin", "scopes": ["documents:read", "keys:write"]});
    let refused = ada.post(KEYS, named.clone()).await.problem(403, "email_not_verified");
    assert!(refused["detail"].as_str().unwrap().contains("verify"), "{refused}");
    // What is not asked for by name is what such an account can give.
    let made = ada.post(KEYS, json!({"name": "Content"})).await.created();
    let scopes = made.json()["scopes"].clone();
    let has = |scope: &str| scopes.as_array().unwrap().contains(&json!(scope));
    assert!(
        has("chats:write") && has("documents:write") && has("chatbots:write"),
        "{scopes}"
    );
    for administers in [
        "keys:write",
        "members:write",
        "org:write",
        "org:own",
        "account:write",
        "audit:org",
    ] {
        assert!(!has(administers), "{scopes}");
    }
    let one = format!("{KEYS}/{}", made.text("id"));
    ada.patch(&one, json!({"scopes": ["members:write"]}))
        .await
        .problem(403, "email_not_verified");
    ada.post("/api/settings/regenerate-api-key", json!({})).await.ok();

    ada.verify().await;
    ada.post(KEYS, named).await.created();
    ada.patch(&one, json!({"scopes": ["members:write"]})).await.ok();
}

#[tokio::test]
async fn of_keys_that_are_made_while_all_credentials_end_none_works_afterwards() {
    let t = Test::new().await;
    let mut ada = t.user("ada").await;
    ada.verify().await;
    for _ in 0..rounds() {
        let makers = (0..RACERS / 2).map(|_| ada.post(KEYS, json!({"name": "Race", "scopes": ["chats:read"]})));
        let end = ada.post("/api/v1/auth/logout-all", json!({}));
        let (made, ended) = futures::join!(join_all(makers), end);
        ended.ok();
        for answer in made {
            if answer.status == 201 {
                let key = t.anonymous().with_token(&answer.text("key"));
                key.get("/api/chat/sessions").await.problem(401, "api_key_invalid");
            } else {
                assert_eq!(answer.status, 401);
            }
        }
        ada = ada.sign_in_again().await;
        t.drain().await;
    }
    let credentials = json!({"email": ADA, "password": PASSWORD});
    t.anonymous().post("/api/v1/auth/login", credentials).await.ok();
}
