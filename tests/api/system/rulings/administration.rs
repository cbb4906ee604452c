//! What admins and services ask for.

use serde_json::{Value, json};

use super::SERVICE_KEY;
use crate::support::{ADMIN, Test};

#[tokio::test]
async fn admin_logs() {
    let t = Test::with(&ADMIN).await;
    let (root, ada) = (t.admin().await, t.user("ada").await);
    ada.api_key(json!({"name": "Kiosk", "scopes": ["chats:read"]})).await;
    let page = root.get("/api/v1/admin/logs?limit=1").await.ok();
    assert!(page.header("link").contains("rel=\"next\""));
    let all = root.get("/api/v1/admin/logs").await.ok().json();
    let actions: Vec<&Value> = all.as_array().unwrap().iter().map(|entry| &entry["message"]).collect();
    assert_eq!(page.json()[0], all[0]);
    assert_eq!(
        actions[..2],
        ["api_key.created", "user.created"],
        "real entries, newest first"
    );
    let some = root.get("/api/v1/admin/logs?action=user.created").await.ok().json();
    assert!(
        some.as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["message"] == "user.created")
    );
    assert!((1..actions.len()).contains(&some.as_array().unwrap().len()));
}

#[tokio::test]
async fn admin_system_cache_clear() {
    let t = Test::with(&ADMIN).await;
    let (root, ada) = (t.admin().await, t.user("ada").await);
    let epoch = async || {
        root.get("/api/v1/admin/system/status").await.ok().json()["cache_epoch"]
            .as_u64()
            .unwrap()
    };
    let before = epoch().await;
    let clear = "/api/v1/admin/system/cache/clear";
    ada.post(clear, json!({})).await.problem(403, "role_required");
    assert_eq!(epoch().await, before);
    root.post(clear, json!({})).await.ok();
    assert_eq!(epoch().await, before + 1);
}

#[tokio::test]
async fn post_audit_logs() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let body = json!({"action": "user.deleted", "details": {"a": 1}, "source": "server"});
    let made = ada.post("/api/v1/audit_logs", body).await.created();
    assert_eq!(made.text("source"), "client", "whatever it says itself");
    let one = format!("/api/v1/audit_logs/{}", made.text("log_id"));
    ada.put(&one, json!({"action": "x"}))
        .await
        .problem(405, "method_not_allowed");
    ada.delete(&one).await.problem(405, "method_not_allowed");
    assert_eq!(ada.get(&one).await.ok().json(), made.json());
    let listed = ada.get("/api/v1/audit_logs").await.ok().json();
    let sources: Vec<&Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["source"])
        .collect();
    assert_eq!(sources, ["client", "server"]);
}

#[tokio::test]
async fn internal() {
    let t = Test::with(&[("INTERNAL_API_KEY", SERVICE_KEY)]).await;
    let service = t.anonymous().with_header("x-api-key", SERVICE_KEY);
    let path = "/api/v1/internal/users/by-clerk-id/user_1?email=pat@example.com&name=Pat";
    let made = service.get(path).await.ok();
    assert_eq!(
        (made.text("email"), made.text("name")),
        ("pat@example.com".to_owned(), "Pat".to_owned())
    );
    let again = "/api/v1/internal/users/by-clerk-id/user_1?email=other@example.com&name=Other";
    assert_eq!(service.get(again).await.ok().json(), made.json(), "got, not made again");
    t.user("ada").await.get(path).await.problem(401, "service_key_required");
}
