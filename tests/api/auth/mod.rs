//! Accounts and sessions on both surfaces.

pub(crate) mod address_change;
pub(crate) mod api_tokens;
pub(crate) mod clerk;
pub(crate) mod guesses;
pub(crate) mod identity_races;
pub(crate) mod mail_links;
pub(crate) mod passwords;
pub(crate) mod pending_address;
pub(crate) mod revocation;
pub(crate) mod rotation;
pub(crate) mod sign_in_sessions;
pub(crate) mod token_attacks;
pub(crate) mod verification;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Caller, PASSWORD, Test};

fn credentials(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD})
}

/// A problem without what differs from request to request.
fn same(mut problem: Value) -> Value {
    problem["request_id"] = Value::Null;
    problem
}

#[tokio::test]
async fn registering_answers_the_union_of_the_documents_and_signs_in() {
    let t = Test::new().await;
    let new = json!({"email": "ada@example.com", "password": "Test123!", "full_name": "Ada Lovelace", "role": "admin"});
    let account = t.anonymous().post("/api/v1/auth/register", new).await.created().json();
    assert_eq!(account["name"], "Ada Lovelace");
    assert_eq!(account["full_name"], "Ada Lovelace");
    assert_eq!(account["role"], "user", "nobody makes themselves an admin");
    assert_eq!(account["token_type"], "bearer");
    assert_eq!(account["expires_in"], 900);
    assert_eq!(account["stripe_customer_id"], Value::Null);
    assert_eq!(account["user_id"], account["id"]);
    let ada = t.anonymous().with_token(account["access_token"].as_str().unwrap());
    let me = ada.get("/api/v1/auth/me").await.ok().json();
    assert_eq!(me["email"], "ada@example.com");
    assert_eq!(me["default_org_id"], account["default_org_id"]);
}

#[tokio::test]
async fn the_other_surface_answers_exactly_four_fields() {
    let t = Test::new().await;
    let new = json!({"email": "grace@example.com", "password": PASSWORD, "display_name": "Grace"});
    let registered = t.anonymous().post("/api/auth/register", new).await.created().json();
    let login = t
        .anonymous()
        .post("/api/auth/login", credentials("grace@example.com"))
        .await
        .ok()
        .json();
    let me = t
        .anonymous()
        .with_token(login["token"].as_str().unwrap())
        .get("/api/auth/me")
        .await
        .ok()
        .json();
    for answer in [&registered, &login, &me] {
        let mut fields: Vec<&String> = answer.as_object().unwrap().keys().collect();
        fields.sort();
        assert_eq!(fields, ["displayName", "email", "token", "uid"]);
        assert_eq!(answer["displayName"], "Grace");
        assert_eq!(answer["uid"], registered["uid"]);
    }
    assert_eq!(me["token"], login["token"]);
}

#[tokio::test]
async fn a_taken_address_is_a_conflict_whatever_its_case() {
    let t = Test::new().await;
    t.user("ada").await;
    for path in ["/api/v1/auth/register", "/api/auth/register"] {
        t.anonymous()
            .post(path, credentials("ADA@Example.com"))
            .await
            .problem(409, "email_taken");
    }
}

#[tokio::test]
async fn everything_wrong_with_a_sign_up_is_named_at_once() {
    let t = Test::new().await;
    let register = |body| async { t.anonymous().post("/api/v1/auth/register", body).await };
    assert_eq!(
        register(json!({"email": "nobody", "password": "short"}))
            .await
            .invalid(),
        ["/email", "/password"]
    );
    assert_eq!(
        register(json!({"email": "a@example.com"})).await.invalid(),
        ["/password"]
    );
    assert_eq!(
        register(json!({"email": "a@example.com", "password": "Password123"}))
            .await
            .invalid(),
        ["/password"]
    );
    assert_eq!(
        register(json!({"email": 7, "password": PASSWORD})).await.invalid(),
        ["/email"]
    );
}

#[tokio::test]
async fn signing_in_takes_a_form_or_json_on_both_surfaces() {
    let t = Test::new().await;
    t.user("ada").await;
    for path in ["/api/v1/auth/login", "/api/auth/login"] {
        let form = t
            .anonymous()
            .request(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded");
        t.anonymous()
            .send(form.body("username=ada%40example.com&password=correct+horse+battery"))
            .await
            .ok();
        t.anonymous().post(path, credentials("ada@example.com")).await.ok();
        t.anonymous()
            .post(path, json!({"username": "ada@example.com", "password": PASSWORD}))
            .await
            .ok();
        assert_eq!(
            t.anonymous().post(path, json!({"password": PASSWORD})).await.invalid(),
            ["/email"]
        );
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_get_the_same_answer() {
    let t = Test::new().await;
    t.user("ada").await;
    let try_in = |email: &'static str, password: &'static str| {
        let body = json!({"email": email, "password": password});
        async {
            same(
                t.anonymous()
                    .post("/api/v1/auth/login", body)
                    .await
                    .problem(401, "invalid_credentials"),
            )
        }
    };
    let wrong = try_in("ada@example.com", "not her password").await;
    assert_eq!(wrong, try_in("nobody@example.com", "not her password").await);
    assert_eq!(wrong, try_in("not an address", "not her password").await);
}

#[tokio::test]
async fn signing_out_ends_the_session_with_the_next_request_and_only_this_one() {
    let t = Test::new().await;
    let phone = t.user("ada").await;
    let login = t
        .anonymous()
        .post("/api/v1/auth/login", credentials("ada@example.com"))
        .await
        .ok();
    let laptop = phone.with_token(&login.text("access_token"));
    let answer = phone.post("/api/auth/logout", json!({})).await.ok().json();
    assert_eq!(answer, json!({"message": "Logout successful"}));
    phone.get("/api/v1/auth/me").await.problem(401, "session_ended");
    phone
        .post("/api/v1/auth/refresh", json!({"refresh_token": phone.refresh}))
        .await
        .problem(401, "session_ended");
    laptop.get("/api/v1/auth/me").await.ok();
}

async fn refresh(caller: &Caller, token: &str) -> crate::support::Answer {
    caller
        .post("/api/v1/auth/refresh", json!({"refresh_token": token}))
        .await
}

#[tokio::test]
async fn an_access_token_lives_15_minutes_and_a_refresh_brings_a_new_one() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    // The clock goes on by itself meanwhile; the unit tests of tokens look at the very second.
    t.advance_seconds(840);
    ada.get("/api/v1/auth/me").await.ok();
    t.advance_seconds(60);
    ada.get("/api/v1/auth/me").await.problem(401, "token_expired");
    let pair = refresh(&t.anonymous(), &ada.refresh).await.ok();
    ada.with_token(&pair.text("access_token"))
        .get("/api/v1/auth/me")
        .await
        .ok();
}

#[tokio::test]
async fn a_refresh_token_that_is_used_again_ends_the_whole_session() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let second = refresh(&t.anonymous(), &ada.refresh).await.ok();
    t.advance_seconds(11);
    refresh(&t.anonymous(), &ada.refresh)
        .await
        .problem(401, "session_ended");
    refresh(&t.anonymous(), &second.text("refresh_token"))
        .await
        .problem(401, "session_ended");
    ada.with_token(&second.text("access_token"))
        .get("/api/v1/auth/me")
        .await
        .problem(401, "session_ended");
}

#[tokio::test]
async fn within_ten_seconds_the_replaced_token_answers_the_same_pair() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let first = refresh(&t.anonymous(), &ada.refresh).await.ok();
    t.advance_seconds(8);
    assert_eq!(refresh(&t.anonymous(), &ada.refresh).await.ok().body, first.body);
}

#[tokio::test]
async fn a_token_is_only_good_for_what_it_was_issued_for() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    ada.with_token(&ada.refresh)
        .get("/api/v1/auth/me")
        .await
        .problem(401, "token_invalid");
    refresh(&ada, &ada.token).await.problem(401, "token_invalid");
    let (head, _) = ada.token.rsplit_once('.').unwrap();
    ada.with_token(&format!("{head}.AAAA"))
        .get("/api/v1/auth/me")
        .await
        .problem(401, "token_invalid");
    t.anonymous().get("/api/v1/auth/me").await.expect(401);
    // REST APIs do not let the standard's name pass.
    let refused = t.anonymous().get("/api/v1/auth/me").await;
    assert_eq!(refused.header("x-amzn-remapped-www-authenticate"), "Bearer");
}

#[tokio::test]
async fn the_environment_seeds_a_platform_admin() {
    let t = Test::with(&[
        ("PARLANCE_ADMIN_EMAIL", "root@example.com"),
        ("PARLANCE_ADMIN_PASSWORD", PASSWORD),
    ])
    .await;
    let login = t
        .anonymous()
        .post("/api/v1/auth/login", credentials("root@example.com"))
        .await
        .ok();
    let me = t
        .anonymous()
        .with_token(&login.text("access_token"))
        .get("/api/v1/auth/me")
        .await
        .ok();
    assert_eq!(me.json()["role"], "admin");
}

#[tokio::test]
async fn an_operator_makes_the_first_platform_admin_out_of_a_verified_account() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let grant = async |email: &str| {
        let app = t.stack.app();
        local::admin::grant(t.stack.sdk(), app.config.tables.clone(), email, &app.clock).await
    };
    let refused = grant("nobody@example.com").await.unwrap_err();
    assert_eq!(refused.to_string(), "account not found");
    let refused = grant("ada@example.com").await.unwrap_err();
    assert!(refused.to_string().contains("not verified"), "{refused}");
    assert_eq!(ada.get("/api/v1/auth/me").await.ok().json()["role"], "user");

    let token = t.mailed_token("ada@example.com", "Confirm").await;
    let confirm = json!({"token": token});
    ada.post("/api/v1/auth/verify-email/confirm", confirm).await.ok();
    for _ in 0..2 {
        grant("Ada@example.com").await.unwrap();
        assert_eq!(ada.get("/api/v1/auth/me").await.ok().json()["role"], "admin");
    }
    let entries = t.items("parlance-audit").await;
    let granted = entries.values().filter(|entry| entry.contains("user.role_changed"));
    assert_eq!(granted.count(), 1);
}
