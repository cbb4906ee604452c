//! Somebody signs up with an address that is not theirs and waits for its owner.

use futures::future::join_all;
use serde_json::json;

use super::{super::clerk::Clerk, ADA, NEW, log_in, reset, reset_link};
use crate::support::{Caller, PASSWORD, RACERS, Test, rounds};

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

/// The account of somebody who signed up with the address of Ada, who then answered the mail without thinking.
async fn answered_without_thinking(t: &Test) -> Caller {
    let intruder = t.user("ada").await;
    let body = json!({"token": t.mailed_token(ADA, "Confirm").await});
    t.anonymous().post("/api/v1/auth/verify-email/confirm", body).await.ok();
    intruder
}

#[tokio::test]
async fn who_answers_the_mail_of_somebody_elses_sign_up_gets_the_account_alone_through_clerk() {
    let clerk = Clerk::start().await;
    let t = &clerk.t;
    let intruder = answered_without_thinking(t).await;
    // Made after the address was verified, too.
    let key = intruder.api_key(json!({"name": "All"})).await;
    let key = t.anonymous().with_token(&key.text("key"));
    let ada = clerk.verified("user_ada", ADA);
    assert_eq!(ada.get("/api/v1/auth/me").await.ok().text("id"), intruder.id());
    intruder.get("/api/v1/auth/me").await.problem(401, "session_ended");
    key.get("/api/v1/documents").await.problem(401, "api_key_invalid");
    log_in(t, "/api/v1/auth/login", PASSWORD)
        .await
        .problem(401, "invalid_credentials");
    ada.get("/api/v1/auth/me").await.ok();
}

/// An account that was made for a person at Clerk, by an address that Clerk has not verified.
#[tokio::test]
async fn a_name_from_clerk_makes_nobody_the_owner_of_an_address() {
    let clerk = Clerk::start().await;
    let t = &clerk.t;
    let service = t.anonymous().with_header("x-api-key", "a-service-key");
    service
        .get(&format!("/api/v1/internal/users/by-clerk-id/user_eve?email={ADA}"))
        .await
        .ok();
    let eve = clerk.person("user_eve");
    eve.post("/api/v1/auth/verify-email/request", json!({})).await.ok();
    let body = json!({"token": t.mailed_token(ADA, "Confirm").await});
    t.anonymous().post("/api/v1/auth/verify-email/confirm", body).await.ok();
    let mut named = clerk.claims("user_eve");
    named["name"] = "Eve".into();
    let named = t.anonymous().with_token(&clerk.signed_token(&named));
    named.get("/api/v1/auth/me").await.ok();
    let ada = clerk.verified("user_ada", ADA).get("/api/v1/auth/me").await.ok();
    named.get("/api/v1/auth/me").await.expect(401);
    assert_eq!(ada.json()["email"], ADA);
}

#[tokio::test]
async fn a_person_who_confirmed_the_address_in_their_session_keeps_everything_when_they_come_through_clerk() {
    let clerk = Clerk::start().await;
    let t = &clerk.t;
    let ada = t.user("ada").await;
    ada.verify().await;
    let key = ada.api_key(json!({"name": "All"})).await;
    let key = t.anonymous().with_token(&key.text("key"));
    clerk.verified("user_ada", ADA).get("/api/v1/auth/me").await.ok();
    ada.get("/api/v1/auth/me").await.ok();
    key.get("/api/v1/documents").await.ok();
    log_in(t, "/api/v1/auth/login", PASSWORD).await.ok();
}

#[tokio::test]
async fn who_answers_the_mail_of_somebody_elses_sign_up_gets_the_account_alone_by_a_reset() {
    let t = Test::new().await;
    let intruder = answered_without_thinking(&t).await;
    let acme = t.shared_org("acme", &[(&intruder, "owner")]).await;
    let inside = intruder.with_header("x-current-org", &acme);
    let spy = inside.api_key(json!({"name": "Spy", "scopes": ["chats:read"]})).await;
    let spy = t.anonymous().with_token(&spy.text("key"));
    let done = reset(&t, &reset_link(&t).await, json!({})).await.ok().json();
    assert_eq!(done["kept_api_keys"], json!([]));
    spy.get("/api/chat/sessions").await.problem(401, "api_key_invalid");
}

#[tokio::test]
async fn who_has_a_session_and_the_password_cannot_keep_the_owner_from_a_reset() {
    let t = Test::new().await;
    let mut thief = t.user("ada").await;
    thief.verify().await;
    let link = reset_link(&t).await;
    // By changing the password,
    let (mut old, mut new) = (PASSWORD, "one more horse battery");
    for _ in 0..4 {
        let change = json!({"current_password": old, "new_password": new});
        thief.post("/api/v1/auth/change-password", change).await.ok();
        (old, new) = (new, old);
    }
    // by asking for another address,
    let change = json!({"email": "eve@example.com", "current_password": PASSWORD});
    thief.put("/api/v1/users/me", change).await.ok();
    reset(&t, &link, json!({})).await.ok();

    // or by ending everything, which takes links along for the first few times.
    let signed_in = log_in(&t, "/api/v1/auth/login", NEW).await.ok();
    thief = thief.with_token(&signed_in.text("access_token"));
    for _ in 0..5 {
        thief.post("/api/v1/auth/logout-all", json!({})).await.ok();
        let signed_in = log_in(&t, "/api/v1/auth/login", NEW).await.ok();
        thief = thief.with_token(&signed_in.text("access_token"));
    }
    let link = reset_link(&t).await;
    for _ in 0..3 {
        thief.post("/api/v1/auth/logout-all", json!({})).await.ok();
        let signed_in = log_in(&t, "/api/v1/auth/login", NEW).await.ok();
        thief = thief.with_token(&signed_in.text("access_token"));
    }
    let taken = json!({"token": link.expose(), "new_password": "mine again at last"});
    t.anonymous()
        .post("/api/v1/auth/reset-password/confirm", taken)
        .await
        .ok();
}

#[tokio::test]
async fn an_address_that_is_not_verified_changes_five_times_at_once() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for there in 0..5 {
        let change = json!({"email": format!("a{there}@example.com"), "current_password": PASSWORD});
        ada.put("/api/v1/users/me", change).await.ok();
    }
    let change = json!({"email": "a6@example.com", "current_password": PASSWORD});
    ada.put("/api/v1/users/me", change)
        .await
        .problem(429, "too_many_address_changes");
}

#[tokio::test]
async fn keys_that_are_made_while_a_password_is_reset_are_listed_or_do_not_work() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    ada.verify().await;
    let acme = t.shared_org("acme", &[(&ada, "owner")]).await;
    let inside = ada.with_header("x-current-org", &acme);
    let link = reset_link(&t).await;
    let makers = (0..RACERS / 2).map(|_| inside.post(KEYS, json!({"name": "Race", "scopes": ["chats:read"]})));
    let (made, done) = futures::join!(join_all(makers), reset(&t, &link, json!({})));
    let done = done.ok().json();
    let listed: Vec<_> = done["kept_api_keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["id"])
        .collect();
    for answer in made.iter().filter(|answer| answer.status == 201) {
        let works = t
            .anonymous()
            .with_token(&answer.text("key"))
            .get("/api/chat/sessions")
            .await
            .status
            == 200;
        assert_eq!(works, listed.contains(&&json!(answer.text("id"))));
    }
}
