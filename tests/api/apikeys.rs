//! API keys: what they open, for how long, and who may make which.

use futures::future::join_all;
use model::Secret;
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
async fn one_resource_answers_at_three_paths() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let made = ada.post("/api/v1/api-keys", json!({"name": "Alias"})).await.created();
    let camel = ada.get("/api/apikeys").await.ok().json();
    assert_eq!(camel[0]["lastFour"], made.json()["last_four"]);
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
async fn a_typo_is_refused_before_any_table_is_read_and_a_key_costs_two_round_trips() {
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
    metered.app.enter(&identity, None).await.unwrap();
    assert_eq!(metered.calls(), 2);
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
async fn revoking_works_with_the_next_request_and_leaves_the_row() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (id, key) = key_of(&t, &ada, json!({"name": "Kiosk"})).await;
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
async fn of_many_who_rotate_or_erase_a_key_at_once_one_wins() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (id, _) = key_of(&t, &ada, json!({"name": "Kiosk"})).await;
    let path = format!("{}/rotate", one(&id));
    let rotations = join_all((0..16).map(|_| ada.post(&path, json!({})))).await;
    let mut won = Vec::new();
    for rotation in rotations {
        if rotation.status == 200 {
            won.push(rotation.text("key"));
        } else {
            rotation.problem(409, "key_rotated");
        }
    }
    assert!(!won.is_empty());
    let working = join_all(
        won.iter()
            .map(|key| async { t.anonymous().with_token(key).get("/api/v1/documents").await.status == 200 }),
    );
    assert_eq!(
        working.await.into_iter().filter(|works| *works).count(),
        1,
        "one secret works"
    );
    let path = format!("{}/permanent", one(&id));
    let erased = join_all((0..16).map(|_| ada.delete(&path))).await;
    let statuses: Vec<u16> = erased.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 204).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 404).count(),
        15,
        "{statuses:?}"
    );
    let left = t.items("parlance-identity").await;
    assert!(
        left.keys()
            .all(|(pk, sk)| !pk.starts_with("AK#") && !sk.starts_with("AK#")),
        "no orphan"
    );
}

#[tokio::test]
async fn after_a_revocation_no_secret_works_whatever_was_going_on() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for _ in 0..8 {
        let (id, first) = key_of(&t, &ada, json!({"name": "Kiosk"})).await;
        let (path, row) = (format!("{}/rotate", one(&id)), one(&id));
        let (rotations, revocations) = futures::join!(
            join_all((0..4).map(|_| ada.post(&path, json!({"overlap_seconds": 60})))),
            join_all((0..4).map(|_| ada.delete(&row))),
        );
        assert!(revocations.iter().all(|answer| answer.status == 204));
        let mut secrets = vec![first.token.clone()];
        secrets.extend(rotations.iter().filter(|it| it.status == 200).map(|it| it.text("key")));
        for secret in secrets {
            t.anonymous()
                .with_token(&secret)
                .get("/api/v1/documents")
                .await
                .problem(401, "api_key_invalid");
        }
        assert_eq!(ada.get(&row).await.ok().json()["status"], "revoked");
    }
    let revoked = t
        .audited(ada.org())
        .await
        .into_iter()
        .filter(|action| action == "api_key.revoked");
    assert_eq!(revoked.count(), 8, "once each");
}

#[tokio::test]
async fn of_many_who_take_the_last_place_for_a_key_one_gets_it() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    t.set_counter(ada.org(), "api_keys", 99).await;
    let made = join_all((0..16).map(|_| ada.post(KEYS, json!({"name": "Last"})))).await;
    let mut ids = Vec::new();
    for answer in made {
        if answer.status == 201 {
            ids.push(answer.text("id"));
        } else {
            answer.problem(409, "key_limit");
        }
    }
    assert_eq!(ids.len(), 1);
    ada.delete(&one(&ids[0])).await.expect(204);
    ada.api_key(json!({"name": "A revoked one frees its place"})).await;
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
    let next = page.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    assert_eq!(ada.get(&next).await.ok().json()[0]["name"], "one");
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
