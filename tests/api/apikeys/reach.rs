//! How far a key reaches, and who may make which.

use serde_json::{Value, json};

use super::{KEYS, key_of, one};
use crate::support::Test;

#[tokio::test]
async fn a_key_reaches_as_far_as_its_scopes_and_only_in_its_organization() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let acme = t.shared_org("acme", &[(&ada, "owner")]).await;
    let (id, reader) = key_of(
        &t,
        &ada,
        json!({"name": "Reader", "scopes": ["documents:read", "keys:read"]}),
    )
    .await;
    reader.get("/api/v1/documents").await.ok();
    reader.upload("a.txt", "text").await.problem(403, "scope_required");
    reader
        .post(KEYS, json!({"name": "x"}))
        .await
        .problem(403, "scope_required");
    reader.get("/api/v1/users/me").await.problem(403, "scope_required");
    for foreign in [eve.org(), &acme] {
        let there = reader.with_header("x-current-org", foreign);
        there.get("/api/v1/documents").await.problem(404, "not_found");
    }
    for call in [
        eve.get(&one(&id)).await,
        eve.delete(&one(&id)).await,
        eve.patch(&one(&id), json!({})).await,
    ] {
        call.problem(404, "not_found");
    }
    let all = ada.api_key(json!({"name": "All"})).await.json();
    let scopes: Vec<&str> = all["scopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert!(
        scopes.contains(&"org:own") && scopes.contains(&"keys:write"),
        "all that an owner has: {scopes:?}"
    );
}

#[tokio::test]
async fn members_see_keys_and_admins_manage_them() {
    let t = Test::new().await;
    let (ada, bob, cleo) = (t.user("ada").await, t.user("bob").await, t.user("cleo").await);
    let acme = t
        .shared_org("acme", &[(&ada, "owner"), (&bob, "member"), (&cleo, "admin")])
        .await;
    let [ada, bob, cleo] = [ada, bob, cleo].map(|caller| caller.with_header("x-current-org", &acme));
    let (id, owners) = key_of(&t, &ada, json!({"name": "Owner's"})).await;
    assert_eq!(bob.get(KEYS).await.ok().json()[0]["id"], id);
    bob.post(KEYS, json!({"name": "x"})).await.problem(403, "role_required");
    bob.delete(&one(&id)).await.problem(403, "role_required");
    let theirs = cleo.api_key(json!({"name": "Admin's"})).await.json();
    assert!(
        !theirs["scopes"].as_array().unwrap().contains(&json!("org:own")),
        "never more than the role has"
    );
    let beyond = json!({"name": "x", "scopes": ["org:own"]});
    cleo.post(KEYS, beyond).await.problem(403, "scope_not_held");
    // Who has the secret acts as the owner.
    cleo.post(&format!("{}/rotate", one(&id)), json!({}))
        .await
        .problem(403, "not_yours");
    cleo.patch(&one(&id), json!({"scopes": ["documents:read"]})).await.ok();
    cleo.patch(&one(&id), json!({"scopes": ["documents:read", "org:own"]}))
        .await
        .problem(403, "scope_not_held");
    owners.get("/api/v1/documents").await.ok();
    cleo.delete(&one(&id)).await.expect(204);
    owners.get("/api/v1/documents").await.problem(401, "api_key_invalid");
}

#[tokio::test]
async fn a_key_makes_no_key_that_reaches_further_than_itself() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let limits = json!({
        "name": "Maker", "scopes": ["keys:write", "keys:read", "chats:read"], "models": ["gpt-4o-mini"],
        "token_budget": 500, "expires_in_days": 10,
    });
    let (id, maker) = key_of(&t, &ada, limits).await;
    let (strong, _) = key_of(&t, &ada, json!({"name": "Strong"})).await;
    let child = maker.api_key(json!({"name": "Child"})).await.json();
    assert_eq!(child["scopes"], json!(["keys:read", "keys:write", "chats:read"]));
    assert_eq!(
        (&child["models"], &child["token_budget"]),
        (&json!(["gpt-4o-mini"]), &json!(500))
    );
    let own_end = ada.get(&one(&id)).await.ok().json()["expires_at"].clone();
    assert_eq!(child["expires_at"], own_end);
    assert_eq!(child["created_by"], ada.id());
    maker
        .post(KEYS, json!({"name": "x", "scopes": ["documents:read"]}))
        .await
        .problem(403, "scope_not_held");
    for wider in [
        json!({"models": ["other"]}),
        json!({"token_budget": 501}),
        json!({"expires_in_days": 11}),
    ] {
        let mut body = wider.clone();
        body["name"] = json!("x");
        maker.post(KEYS, body).await.problem(403, "limit_not_held");
        maker.patch(&one(&id), wider).await.problem(403, "limit_not_held");
    }
    maker
        .patch(&one(&id), json!({"expires_at": null}))
        .await
        .problem(403, "limit_not_held");
    maker
        .post(&format!("{}/rotate", one(&strong)), json!({}))
        .await
        .problem(403, "scope_not_held");
    maker
        .patch(&one(&id), json!({"scopes": ["keys:read", "org:own"]}))
        .await
        .problem(403, "scope_not_held");
    maker
        .patch(&one(&id), json!({"scopes": ["keys:read"], "name": "Less"}))
        .await
        .ok();
    maker
        .post(KEYS, json!({"name": "x"}))
        .await
        .problem(403, "scope_required");
}

#[tokio::test]
async fn a_key_dies_with_its_user_and_with_their_place() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let acme = t.shared_org("acme", &[(&ada, "owner"), (&bob, "admin")]).await;
    let (_, personal) = key_of(&t, &bob, json!({"name": "Personal"})).await;
    let (_, shared) = key_of(&t, &bob.with_header("x-current-org", &acme), json!({"name": "Shared"})).await;
    shared.get("/api/v1/documents").await.ok();
    t.set_status(&bob, "disabled").await;
    for key in [&shared, &personal] {
        key.get("/api/v1/documents").await.problem(401, "api_key_invalid");
    }
    t.set_status(&bob, "active").await;
    t.remove_member(&acme, &bob).await;
    shared.get("/api/v1/documents").await.problem(401, "api_key_invalid");
    personal.get("/api/v1/documents").await.ok();
    bob.delete("/api/v1/users/me").await.ok();
    personal.get("/api/v1/documents").await.problem(401, "api_key_invalid");
}

#[tokio::test]
async fn a_key_is_not_answered_what_its_user_was_answered_before() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (_, reader) = key_of(&t, &ada, json!({"name": "Reader", "scopes": ["keys:read"]})).await;
    let body = json!({"name": "Strong"});
    ada.with_header("idempotency-key", "key-1").api_key(body.clone()).await;
    let again = reader.with_header("idempotency-key", "key-1").post(KEYS, body).await;
    again.problem(403, "scope_required");
}

#[tokio::test]
async fn fields_that_are_not_for_clients_change_nothing() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let (id, _) = key_of(&t, &ada, json!({"name": "Kiosk"})).await;
    let before = ada.get(&one(&id)).await.ok().json();
    let mut all = before.clone();
    for (name, value) in [
        ("id", json!("other")),
        ("key", json!("pk_test_mine")),
        ("prefix", json!("pk_test_")),
        ("last_four", json!("0000")),
        ("status", json!("revoked")),
        ("revoked_at", json!("2020-01-01T00:00:00Z")),
        ("last_used_at", json!("2020-01-01T00:00:00Z")),
        ("previous_valid_until", json!("2999-01-01T00:00:00Z")),
        ("created_by", json!(eve.id())),
        ("user_id", json!(eve.id())),
        ("org_id", json!(eve.org())),
        ("created_at", json!("2020-01-01T00:00:00Z")),
        ("updated_at", json!("2020-01-01T00:00:00Z")),
        ("role", json!("admin")),
        ("plan", json!("TEAM")),
        ("used_today", json!(0)),
        ("is_admin", json!(true)),
        ("version", json!(9)),
        ("secret_hash", json!("x")),
        ("personal", json!(true)),
    ] {
        all[name] = value;
    }
    let mut after = ada.patch(&one(&id), all.clone()).await.ok().json();
    after["updated_at"] = before["updated_at"].clone();
    assert_eq!(after, before);
    all["expires_at"] = Value::Null;
    let rotated = ada.post(&format!("{}/rotate", one(&id)), all.clone()).await.ok().json();
    assert_eq!((&rotated["id"], &rotated["name"]), (&json!(id), &json!("Kiosk")));
    assert_eq!(
        (&rotated["created_by"], &rotated["scopes"]),
        (&before["created_by"], &before["scopes"])
    );
    let made = ada.api_key(all).await.json();
    assert_ne!(made["key"], "pk_test_mine");
    assert_eq!(
        (&made["created_by"], &made["org_id"]),
        (&json!(ada.id()), &json!(ada.org()))
    );
    assert_eq!(
        (&made["status"], &made["last_used_at"]),
        (&json!("active"), &Value::Null)
    );
    assert_eq!(
        t.anonymous()
            .with_token(&ada.token)
            .get("/api/v1/users/me")
            .await
            .ok()
            .json()["role"],
        "user"
    );
}
