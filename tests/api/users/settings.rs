//! Settings and the personal API key, on both surfaces.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::Test;

const SETTINGS: &str = "/api/settings";
const REGENERATE: &str = "/api/settings/regenerate-api-key";

#[tokio::test]
async fn the_first_reader_makes_the_defaults_and_many_at_once_make_them_once() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let answers = join_all((0..16).map(|_| ada.get(SETTINGS))).await;
    let first = answers[0].json();
    assert!(answers.into_iter().all(|answer| answer.ok().json() == first));
    assert_eq!((&first["theme"], &first["language"]), (&json!("system"), &json!("en")));
    assert_eq!(first["notifications"], json!({"email": true, "productNews": false}));
    assert_eq!((&first["userId"], &first["apiKey"]), (&json!(ada.id()), &Value::Null));
    assert_eq!(
        (&first["plan"], &first["usage"]),
        (&json!("FREE"), &json!({"dailyLimit": 10000, "usedToday": 0}))
    );
    let items = t.items("parlance-identity").await;
    assert_eq!(items.keys().filter(|(_, sk)| sk == "SETTINGS").count(), 1);
    let snake = ada.get("/api/v1/settings").await.ok().json();
    assert_eq!(snake["notifications"]["product_news"], false);
}

#[tokio::test]
async fn a_change_leaves_the_rest_as_it_is() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let changed = ada
        .put(
            SETTINGS,
            json!({"theme": "dark", "notifications": {"productNews": true}}),
        )
        .await
        .ok()
        .json();
    assert_eq!(
        (&changed["theme"], &changed["language"]),
        (&json!("dark"), &json!("en"))
    );
    assert_eq!(changed["notifications"], json!({"email": true, "productNews": true}));
    let own = json!({"sidebarWidth": 200, "some_thing": {"a_b": [1, null]}});
    ada.put(SETTINGS, json!({"language": "de-CH", "preferences": own}))
        .await
        .ok();
    let read = ada.get(SETTINGS).await.ok().json();
    assert_eq!(
        (&read["theme"], &read["language"], &read["preferences"]),
        (&json!("dark"), &json!("de-CH"), &own)
    );
    assert_eq!(eve.get(SETTINGS).await.ok().json()["theme"], "system");
    for (wrong, pointer) in [
        (json!({"theme": "pink"}), "/theme"),
        (json!({"language": "!"}), "/language"),
        (json!({"notifications": {"email": "yes"}}), "/notifications/email"),
        (json!({"preferences": []}), "/preferences"),
        (json!({"preferences": {"x": "x".repeat(17 * 1024)}}), "/preferences"),
    ] {
        assert_eq!(ada.put(SETTINGS, wrong).await.invalid(), [pointer]);
    }
}

#[tokio::test]
async fn changes_of_different_settings_at_once_are_all_kept() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let changes = [
        json!({"theme": "light"}),
        json!({"language": "fr"}),
        json!({"notifications": {"email": false}}),
        json!({"notifications": {"productNews": true}}),
        json!({"preferences": {"a": 1}}),
    ];
    for answer in join_all(changes.into_iter().map(|change| ada.put(SETTINGS, change))).await {
        answer.ok();
    }
    let read = ada.get(SETTINGS).await.ok().json();
    assert_eq!(
        (&read["theme"], &read["language"], &read["preferences"]["a"]),
        (&json!("light"), &json!("fr"), &json!(1))
    );
    assert_eq!(read["notifications"], json!({"email": false, "productNews": true}));
}

#[tokio::test]
async fn protected_fields_are_ignored() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    ada.post(REGENERATE, json!({})).await.ok();
    let before = ada.get(SETTINGS).await.ok().json();
    let mut all = before.clone();
    for (name, value) in [
        ("userId", json!(eve.id())),
        ("uid", json!(eve.id())),
        ("apiKey", json!("pk_test_mine")),
        ("api_key", json!("pk_test_mine")),
        ("plan", json!("TEAM")),
        ("usage", json!({"dailyLimit": 1_000_000, "usedToday": 0})),
        ("usedToday", json!(0)),
        ("role", json!("admin")),
        ("org_id", json!(eve.org())),
        ("status", json!("deleted")),
        ("is_admin", json!(true)),
        ("createdAt", json!("2020-01-01T00:00:00Z")),
        ("updatedAt", json!("2020-01-01T00:00:00Z")),
    ] {
        all[name] = value;
    }
    all.as_object_mut().unwrap().remove("api_key");
    let mut after = ada.put(SETTINGS, all).await.ok().json();
    after["updatedAt"] = before["updatedAt"].clone();
    assert_eq!(after, before);
    assert_eq!(ada.get("/api/v1/users/me").await.ok().json()["role"], "user");
}

#[tokio::test]
async fn the_personal_key_is_shown_once_and_a_new_one_ends_the_old() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let first = ada.post(REGENERATE, json!({})).await.ok().text("apiKey");
    let shown = ada.get(SETTINGS).await.ok().text("apiKey");
    assert!(shown.starts_with(&first[..16]) && shown.ends_with(&first[first.len() - 4..]));
    assert!(!shown.contains(&first[16..]), "{shown}");
    let with = |key: &str| t.anonymous().with_token(key);
    with(&first).get(SETTINGS).await.ok();
    with(&first)
        .post("/api/v1/apikeys", json!({"name": "x"}))
        .await
        .problem(403, "scope_required");
    with(&first)
        .post(REGENERATE, json!({}))
        .await
        .problem(403, "person_required");
    let second = ada
        .post("/api/v1/settings/regenerate-api-key", json!({}))
        .await
        .ok()
        .text("api_key");
    with(&first).get(SETTINGS).await.problem(401, "api_key_invalid");
    with(&second).get(SETTINGS).await.ok();
    let keys = ada.get("/api/v1/apikeys").await.ok().json();
    assert_eq!(
        keys.as_array().unwrap().len(),
        1,
        "it is the same key with another secret"
    );
    let id = keys[0]["id"].as_str().unwrap();
    ada.delete(&format!("/api/v1/apikeys/{id}")).await.expect(204);
    assert_eq!(ada.get(SETTINGS).await.ok().json()["apiKey"], Value::Null);
    let third = ada.post(REGENERATE, json!({})).await.ok().text("apiKey");
    with(&third).get(SETTINGS).await.ok();
    assert_eq!(
        t.audited(ada.org()).await,
        [
            "user.created",
            "api_key.created",
            "api_key.rotated",
            "api_key.revoked",
            "api_key.created"
        ]
    );
}

#[tokio::test]
async fn of_many_who_regenerate_at_once_one_key_works() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for _ in 0..3 {
        let mut made = Vec::new();
        for answer in join_all((0..12).map(|_| ada.post(REGENERATE, json!({})))).await {
            if answer.status == 200 {
                made.push(answer.text("apiKey"));
            } else {
                answer.problem(409, "key_rotated");
            }
        }
        let working = join_all(
            made.iter()
                .map(|key| async { t.anonymous().with_token(key).get(SETTINGS).await.status == 200 }),
        );
        assert_eq!(working.await.into_iter().filter(|works| *works).count(), 1);
        let items = t.items("parlance-identity").await;
        let of_kind = |kind: &str| {
            items
                .keys()
                .filter(|(pk, sk)| pk.starts_with(kind) || sk.starts_with(kind))
                .count()
        };
        assert_eq!(of_kind("AK#"), 2, "one row and what leads to it");
    }
}
