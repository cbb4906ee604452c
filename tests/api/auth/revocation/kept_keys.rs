//! Keys that others rely on: those that a verified member made in a shared organization end when that is asked for.

use serde_json::{Value, json};

use super::{ADA, NEW, log_in, reset, reset_link};
use crate::support::{Caller, Test};

/// Ada with a verified address, and a key of hers in an organization that she shares.
async fn with_shared_key(t: &Test) -> (Caller, String, Caller) {
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    ada.verify().await;
    let acme = t.shared_org("acme", &[(&ada, "admin"), (&bob, "owner")]).await;
    let inside = ada.with_header("x-current-org", &acme);
    let made = inside
        .api_key(json!({"name": "Shop", "scopes": ["documents:read"]}))
        .await;
    let shop = t.anonymous().with_token(&made.text("key"));
    shop.get("/api/v1/documents").await.ok();
    (ada, made.text("id"), shop)
}

fn ids(list: &Value) -> Vec<&str> {
    let ids = list.as_array().unwrap().iter();
    ids.map(|key| key["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_key_of_a_shared_organization_is_listed_and_works_until_it_is_revoked_by_name() {
    let t = Test::new().await;
    let (ada, id, shop) = with_shared_key(&t).await;
    let own = ada.api_key(json!({"name": "Own", "scopes": ["documents:read"]})).await;
    let done = reset(&t, &reset_link(&t).await, json!({})).await.ok().json();
    assert_eq!(ids(&done["kept_api_keys"]), [&id]);
    let kept = &done["kept_api_keys"][0];
    assert_eq!(kept["org_id"], "00000000-0000-7000-8000-000061636d65");
    for field in ["name", "prefix", "last_four", "created_at"] {
        assert!(kept[field].is_string(), "{kept}");
    }
    assert!(kept.get("key").is_none() && kept.get("secret_hash").is_none(), "{kept}");
    shop.get("/api/v1/documents").await.ok();
    let own = t.anonymous().with_token(&own.text("key"));
    own.get("/api/v1/documents").await.problem(401, "api_key_invalid");
    let mails = t.outbox().await;
    let mail = mails
        .iter()
        .find(|mail| mail["subject"] == "Access to your account was reset")
        .unwrap();
    let (revoked, left) = mail["text"].as_str().unwrap().split_once("still work").unwrap();
    let last_four = kept["last_four"].as_str().unwrap();
    assert!(left.contains(last_four) && !revoked.contains(last_four), "{mail}");

    // The next ending tells of it again, and ends it when that is wanted.
    let ada = log_in(&t, "/api/v1/auth/login", NEW).await.ok();
    let ada = t.anonymous().with_token(&ada.text("access_token"));
    let body = json!({"revokeOrgKeys": true});
    let done = ada.post("/api/auth/logout-all", body).await.ok().json();
    assert_eq!(
        (&done["message"], &done["keptApiKeys"]),
        (&json!("Logout successful"), &json!([]))
    );
    shop.get("/api/v1/documents").await.problem(401, "api_key_invalid");
    t.drain().await;
    shop.get("/api/v1/documents").await.problem(401, "api_key_invalid");
}

#[tokio::test]
async fn signing_out_everywhere_without_a_body_keeps_and_lists_them() {
    let t = Test::new().await;
    let (ada, id, shop) = with_shared_key(&t).await;
    let request = ada.request(reqwest::Method::POST, "/api/v1/auth/logout-all");
    let done = ada.send(request).await.ok().json();
    assert_eq!(ids(&done["kept_api_keys"]), [&id]);
    t.drain().await;
    shop.get("/api/v1/documents").await.ok();
    ada.get("/api/v1/auth/me").await.problem(401, "session_ended");
}

#[tokio::test]
async fn keys_of_an_address_that_came_before_this_one_do_not_outlast_a_reset() {
    let t = Test::new().await;
    let (ada, eve) = ("ada@example.com", t.user("eve").await);
    eve.verify().await;
    let acme = t.shared_org("acme", &[(&eve, "owner")]).await;
    let spy = eve.with_header("x-current-org", &acme);
    let spy = spy.api_key(json!({"name": "Spy", "scopes": ["chats:read"]})).await;
    let spy = t.anonymous().with_token(&spy.text("key"));
    // Eve gives her account another address, which she reads too.
    eve.move_to(ada).await;
    spy.get("/api/chat/sessions").await.ok();
    let done = reset(&t, &reset_link(&t).await, json!({})).await.ok().json();
    assert_eq!(done["kept_api_keys"], json!([]));
    spy.get("/api/chat/sessions").await.problem(401, "api_key_invalid");
    assert_eq!(
        log_in(&t, "/api/v1/auth/login", NEW).await.ok().json()["token_type"],
        "bearer"
    );
    assert_eq!(ada, ADA);
}
