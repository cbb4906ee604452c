//! The five API documents contradict each other; one test for each ruling on accounts, keys, settings, administration,
//! the audit log and the service key, under the name of what it is about. What is more to say is in the groups' files.

mod administration;

use serde_json::{Value, json};

use crate::support::{ADMIN, Answer, Caller, PASSWORD, Test};

const AUTH: &str = "/api/v1/auth";
const ME: &str = "/api/v1/auth/me";
const SERVICE_KEY: &str = "a service key that only this test knows";

/// The names of all fields, in their order.
fn fields(answer: &Answer) -> Vec<String> {
    let mut names: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
    names.sort();
    names
}

async fn log_in(t: &Test, email: &str, password: &str) -> Answer {
    let credentials = json!({"email": email, "password": password});
    t.anonymous().post(&format!("{AUTH}/login"), credentials).await
}

async fn refresh(t: &Test, token: &str) -> Answer {
    t.anonymous()
        .post(&format!("{AUTH}/refresh"), json!({"refresh_token": token}))
        .await
}

/// Another session of a user.
async fn session(t: &Test, user: &Caller, password: &str) -> Caller {
    let pair = log_in(t, user.account["email"].as_str().unwrap(), password).await.ok();
    let mut session = user.with_token(&pair.text("access_token"));
    session.refresh = pair.text("refresh_token");
    session
}

#[tokio::test]
async fn register() {
    let t = Test::new().await;
    let sign_up = async |path: &str, body: Value| t.anonymous().post(path, body).await;
    for (number, name) in ["name", "full_name", "display_name", "displayName"]
        .into_iter()
        .enumerate()
    {
        let email = format!("ada{number}@example.com");
        let body = json!({"email": email, "password": "Test123!", name: "Ada", "role": "admin"});
        let made = sign_up("/api/v1/auth/register", body).await.created().json();
        assert_eq!(
            (&made["name"], &made["full_name"]),
            (&json!("Ada"), &json!("Ada")),
            "{name}"
        );
        assert_eq!((&made["role"], &made["email"]), (&json!("user"), &json!(email)));
        assert_eq!((&made["token_type"], &made["user_id"]), (&json!("bearer"), &made["id"]));
        assert_eq!(made.get("stripe_customer_id"), Some(&Value::Null));
        assert!(made["expires_in"].is_u64(), "{made}");
        for text in ["created_at", "default_org_id", "access_token", "refresh_token"] {
            assert!(made[text].is_string(), "{text} in {made}");
        }
    }
    let made = sign_up(
        "/api/auth/register",
        json!({"email": "grace@example.com", "password": PASSWORD}),
    )
    .await;
    assert_eq!(fields(&made), ["displayName", "email", "token", "uid"]);
    assert_eq!(
        made.created().text("displayName"),
        "grace",
        "the address's local part when left out"
    );
    for path in ["/api/v1/auth/register", "/api/auth/register"] {
        let taken = json!({"email": "GRACE@example.com", "password": PASSWORD});
        sign_up(path, taken).await.problem(409, "email_taken");
        for wrong in ["1234567", "Password123", &"x".repeat(129)] {
            let body = json!({"email": "new@example.com", "password": wrong});
            assert_eq!(sign_up(path, body).await.invalid(), ["/password"]);
        }
    }
}

#[tokio::test]
async fn login() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    t.set_status(&bob, "disabled").await;
    for (path, known) in [
        (
            "/api/v1/auth/login",
            vec!["access_token", "expires_in", "refresh_token", "token_type"],
        ),
        ("/api/auth/login", vec!["displayName", "email", "token", "uid"]),
    ] {
        let form = t.anonymous().request(reqwest::Method::POST, path);
        let form = form.header("content-type", "application/x-www-form-urlencoded");
        let form = form.body("username=ada%40example.com&password=correct+horse+battery");
        let mut answers = vec![t.anonymous().send(form).await.ok()];
        for name in ["email", "username"] {
            let body = json!({name: "ada@example.com", "password": PASSWORD});
            answers.push(t.anonymous().post(path, body).await.ok());
        }
        for answer in answers {
            assert_eq!(fields(&answer), known, "{path}");
        }
        let mut refused = Vec::new();
        for (email, password) in [
            ("ada@example.com", "wrong password"),
            ("nobody@example.com", PASSWORD),
            ("bob@example.com", PASSWORD),
        ] {
            let body = json!({"email": email, "password": password});
            let mut problem = t.anonymous().post(path, body).await.problem(401, "invalid_credentials");
            problem["request_id"] = Value::Null;
            refused.push(problem);
        }
        assert!(refused.iter().all(|problem| *problem == refused[0]), "{refused:?}");
    }
    ada.get(ME).await.ok();
}

#[tokio::test]
async fn refresh_rotates_and_later_reuse_revokes_the_family() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let elsewhere = session(&t, &ada, PASSWORD).await;
    let first = refresh(&t, &ada.refresh).await.ok();
    assert_ne!(first.text("refresh_token"), ada.refresh);
    assert_eq!(
        refresh(&t, &ada.refresh).await.ok().body,
        first.body,
        "the grace of ten seconds"
    );
    t.advance_seconds(11);
    refresh(&t, &ada.refresh).await.expect(401);
    refresh(&t, &first.text("refresh_token"))
        .await
        .problem(401, "session_ended");
    ada.with_token(&first.text("access_token")).get(ME).await.expect(401);
    elsewhere.get(ME).await.ok();
}

#[tokio::test]
async fn logout_change_password_role_status_and_reset_count_from_the_very_next_request() {
    let t = Test::with(&ADMIN).await;
    let (root, ada) = (t.admin().await, t.user("ada").await);
    let ended = async |session: &Caller| {
        session.get(ME).await.expect(401);
        refresh(&t, &session.refresh).await.expect(401);
    };
    let out = session(&t, &ada, PASSWORD).await;
    out.post(&format!("{AUTH}/logout"), json!({})).await.ok();
    ended(&out).await;

    let other = session(&t, &ada, PASSWORD).await;
    let change = json!({"current_password": PASSWORD, "new_password": "a rather new password"});
    ada.post(&format!("{AUTH}/change-password"), change).await.ok();
    ended(&other).await;

    let of_ada = |what: &str| format!("/api/v1/admin/users/{}/{what}", ada.id());
    ada.get("/api/v1/admin/users").await.expect(403);
    root.put(&of_ada("role"), json!({"role": "admin"})).await.ok();
    ada.get("/api/v1/admin/users").await.ok();
    root.put(&of_ada("role"), json!({"role": "user"})).await.ok();
    ada.get("/api/v1/admin/users").await.expect(403);

    root.put(&of_ada("status"), json!({"status": "disabled"})).await.ok();
    ended(&ada).await;
    root.put(&of_ada("status"), json!({"status": "active"})).await.ok();

    let before = session(&t, &ada, "a rather new password").await;
    t.anonymous()
        .post(&format!("{AUTH}/reset-password"), json!({"email": "ada@example.com"}))
        .await
        .ok();
    let token = t.mailed_token("ada@example.com", "new password").await;
    let reset = json!({"token": token, "new_password": PASSWORD});
    t.anonymous()
        .post(&format!("{AUTH}/reset-password/confirm"), reset)
        .await
        .ok();
    ended(&before).await;
}

#[tokio::test]
async fn reset_password() {
    let t = Test::new().await;
    t.user("ada").await;
    let sent = json!({"message": "Password reset email sent"});
    for surface in ["/api/v1/auth", "/api/auth"] {
        for email in ["ada@example.com", "nobody@example.com"] {
            let asked = t
                .anonymous()
                .post(&format!("{surface}/reset-password"), json!({"email": email}))
                .await;
            assert_eq!(asked.ok().json(), sent);
        }
        let token = t.mailed_token("ada@example.com", "new password").await;
        let confirm = async |token: &str| {
            let body = json!({"token": token, "new_password": PASSWORD});
            t.anonymous()
                .post(&format!("{surface}/reset-password/confirm"), body)
                .await
        };
        confirm(&token).await.ok();
        assert_eq!(confirm(&token).await.invalid(), ["/token"], "single use");
        t.anonymous()
            .post(
                &format!("{surface}/reset-password"),
                json!({"email": "ada@example.com"}),
            )
            .await
            .ok();
        let token = t.mailed_token("ada@example.com", "new password").await;
        t.advance_seconds(30 * 60 + 1);
        assert_eq!(confirm(&token).await.invalid(), ["/token"], "30 minutes");
    }
    let mails = t.outbox().await;
    assert!(mails.iter().all(|mail| mail["to"] != "nobody@example.com"));
}

#[tokio::test]
async fn user_id_in_a_body() {
    let t = Test::with(&[("INTERNAL_API_KEY", SERVICE_KEY)]).await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let entry = |user: Option<&Caller>| json!({"action": "seen", "user_id": user.map(Caller::id)});
    ada.post("/api/v1/audit_logs", json!({"action": "seen"}))
        .await
        .created();
    ada.post("/api/v1/audit_logs", entry(Some(&ada))).await.created();
    ada.post("/api/v1/audit_logs", entry(Some(&eve)))
        .await
        .problem(403, "foreign_user_id");
    // The service acts for everybody.
    let service = t.anonymous().with_header("x-api-key", SERVICE_KEY);
    let session = json!({"user_id": eve.id(), "title": "Hers"});
    let made = service.post("/api/v1/internal/sessions", session).await.created();
    assert_eq!(made.text("user_id"), eve.id());
}

#[tokio::test]
async fn quota() {
    let t = Test::with(&ADMIN).await;
    let (root, ada) = (t.admin().await, t.user("ada").await);
    let of_ada = format!("/api/v1/users/{}/quota", ada.id());
    let first = ada.get(&of_ada).await.ok();
    assert_eq!(fields(&first), ["daily_limit", "last_reset", "used_today", "user_id"]);
    assert_eq!(first.json()["daily_limit"], 10_000);
    let lower = json!({"daily_limit": 9_000, "used_today": 0});
    assert_eq!(ada.put(&of_ada, lower).await.ok().json()["daily_limit"], 9_000);
    let higher = json!({"daily_limit": 10_001});
    ada.put(&of_ada, higher).await.problem(403, "quota_raise");
    let any = json!({"daily_limit": 1_000_000, "used_today": 40});
    assert_eq!(root.put(&of_ada, any).await.ok().json()["used_today"], 40);
    let mine = json!({"daily_limit": 1_000_000, "used_today": 0});
    assert_eq!(ada.put(&of_ada, mine).await.ok().json()["used_today"], 40);
    t.advance_seconds(86_400);
    let ada = ada.sign_in_again().await;
    assert_eq!(
        ada.get(&of_ada).await.ok().json()["used_today"],
        0,
        "a day starts by itself"
    );
}

#[tokio::test]
async fn apikeys() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let end = json!("2027-06-01T00:00:00.000Z");
    let new = json!({"name": "Kiosk", "scopes": ["chats:read"], "models": ["local"], "expires_at": end});
    let made = ada.post("/api/v1/api-keys", new).await.created();
    let (id, secret) = (made.text("id"), made.text("key"));
    let shown = ada.get(&format!("/api/v1/apikeys/{id}")).await.ok();
    assert!(!String::from_utf8_lossy(&shown.body).contains(&secret), "shown once");
    let shown = shown.json();
    assert!(secret.starts_with(shown["prefix"].as_str().unwrap()));
    assert!(secret.ends_with(shown["last_four"].as_str().unwrap()));
    assert_eq!(
        (&shown["scopes"], &shown["models"]),
        (&json!(["chats:read"]), &json!(["local"]))
    );
    assert_eq!(shown["expires_at"], end);
    let key = ada.with_token(&secret);
    key.get("/api/chat/sessions").await.ok();
    let used = ada.get(&format!("/api/v1/api-keys/{id}")).await.ok().json();
    assert!(used["last_used_at"].is_string(), "{used}");
    ada.delete(&format!("/api/v1/apikeys/{id}")).await.expect(204);
    key.get("/api/chat/sessions").await.problem(401, "api_key_invalid");
    let row = ada.get(&format!("/api/v1/apikeys/{id}")).await.ok().json();
    assert!(row["revoked_at"].is_string(), "the row stays: {row}");
    ada.delete(&format!("/api/v1/apikeys/{id}/permanent")).await.expect(204);
    ada.get(&format!("/api/v1/apikeys/{id}"))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn settings() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let defaults = ada.get("/api/v1/settings").await.ok().json();
    assert_eq!(
        (&defaults["theme"], &defaults["language"]),
        (&json!("system"), &json!("en"))
    );
    let wanted = json!({"theme": "dark", "plan": "TEAM", "user_id": "x", "api_key": "x", "created_at": "2001-01-01"});
    let merged = ada.put("/api/v1/settings", wanted).await.ok().json();
    assert_eq!((&merged["theme"], &merged["language"]), (&json!("dark"), &json!("en")));
    for protected in ["plan", "user_id", "api_key", "created_at"] {
        assert_eq!(merged[protected], defaults[protected], "{protected}");
    }
    let regenerate = async || {
        let made = ada.post("/api/v1/settings/regenerate-api-key", json!({})).await.ok();
        ada.with_token(&made.text("api_key"))
    };
    let (first, second) = (regenerate().await, regenerate().await);
    first.get("/api/v1/settings").await.problem(401, "api_key_invalid");
    second.get("/api/v1/settings").await.ok();
    let shown = ada.get("/api/v1/settings").await.ok();
    assert!(
        !String::from_utf8_lossy(&shown.body).contains(&second.token),
        "shown once"
    );
}
