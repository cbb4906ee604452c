//! Document 004's tokens: it knows no refresh, so a token that is handed out on `/api` lives as long as its session.

use local::keys::Keys;
use serde_json::{Value, json};

use crate::api::auth::rotation::{rotate_and_wait, try_to_rotate};
use crate::support::{ADMIN, Caller, PASSWORD, Test};

const DAY_SECONDS: u64 = 24 * 3600;
const ME: &str = "/api/auth/me";

fn credentials(name: &str) -> Value {
    json!({"email": format!("{name}@example.com"), "password": PASSWORD})
}

/// Somebody with the token of a sign-up on `/api`.
async fn registered(t: &Test, name: &str) -> Caller {
    let answer = t.anonymous().post("/api/auth/register", credentials(name)).await;
    let mut caller = t.anonymous().with_token(&answer.created().text("token"));
    caller.account = caller.get("/api/v1/auth/me").await.ok().json();
    caller
}

/// The same person with the token of a sign-in on `/api`.
async fn signed_in(caller: &Caller) -> Caller {
    let credentials = json!({"email": caller.account["email"], "password": PASSWORD});
    let answer = caller.with_token("").post("/api/auth/login", credentials).await.ok();
    caller.with_token(&answer.text("token"))
}

#[tokio::test]
async fn a_token_of_api_is_good_until_its_session_ends_a_month_later() {
    let t = Test::new().await;
    let ada = registered(&t, "ada").await;
    let phone = signed_in(&ada).await;
    t.advance_seconds(29 * DAY_SECONDS);
    for ada in [&ada, &phone] {
        // Document 004's front end keeps what `/me` answers.
        let me = ada.get(ME).await.ok();
        ada.with_token(&me.text("token")).get("/api/documents").await.ok();
    }
    t.advance_seconds(DAY_SECONDS);
    for ada in [&ada, &phone] {
        assert_eq!(ada.get(ME).await.status, 401);
    }
}

#[tokio::test]
async fn a_token_of_api_v1_lives_a_quarter_of_an_hour_and_me_makes_it_no_longer() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    assert_eq!(ada.account["expires_in"], 900);
    let shown = ada.get(ME).await.ok().text("token");
    t.advance_seconds(901);
    for token in [&ada.token, &shown] {
        ada.with_token(token).get(ME).await.problem(401, "token_expired");
    }
}

#[tokio::test]
async fn a_refresh_says_how_long_its_access_token_lives_on_either_surface() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let anonymous = t.anonymous();
    let long = anonymous
        .post("/api/auth/refresh", json!({"refreshToken": ada.refresh}))
        .await;
    let long = long.ok();
    assert_eq!(long.json()["expiresIn"], 30 * DAY_SECONDS);
    let body = json!({"refresh_token": long.text("refreshToken")});
    let short = anonymous.post("/api/v1/auth/refresh", body).await.ok();
    assert_eq!(short.json()["expires_in"], 900);
    t.advance_seconds(901);
    ada.with_token(&long.text("accessToken")).get(ME).await.ok();
    let short = ada.with_token(&short.text("access_token"));
    short.get(ME).await.problem(401, "token_expired");
}

#[tokio::test]
async fn logging_out_ends_a_token_of_api_with_the_next_request_and_only_this_one() {
    let t = Test::new().await;
    let ada = registered(&t, "ada").await;
    let phone = signed_in(&ada).await;
    t.advance_seconds(DAY_SECONDS);
    phone.post("/api/auth/logout", json!({})).await.ok();
    phone.get(ME).await.problem(401, "session_ended");
    ada.get(ME).await.ok();
}

#[tokio::test]
async fn logging_out_everywhere_ends_every_token_of_api_with_the_next_request() {
    let t = Test::new().await;
    let ada = registered(&t, "ada").await;
    let phone = signed_in(&ada).await;
    t.advance_seconds(DAY_SECONDS);
    ada.post("/api/auth/logout-all", json!({})).await.ok();
    for ada in [&ada, &phone] {
        ada.get(ME).await.problem(401, "session_ended");
    }
}

#[tokio::test]
async fn ending_one_session_ends_its_token_of_api_with_the_next_request() {
    let t = Test::new().await;
    let ada = registered(&t, "ada").await;
    let phone = signed_in(&ada).await;
    t.advance_seconds(DAY_SECONDS);
    let sessions = ada.get("/api/auth/sessions").await.ok().json();
    let other = sessions
        .as_array()
        .unwrap()
        .iter()
        .find(|session| session["current"] == false);
    let path = format!("/api/auth/sessions/{}", other.unwrap()["id"].as_str().unwrap());
    ada.delete(&path).await.expect(204);
    phone.get(ME).await.problem(401, "session_ended");
    ada.get(ME).await.ok();
}

#[tokio::test]
async fn a_new_password_ends_all_other_tokens_of_api_with_the_next_request() {
    let t = Test::new().await;
    let ada = registered(&t, "ada").await;
    let phone = signed_in(&ada).await;
    t.advance_seconds(DAY_SECONDS);
    let change = json!({"currentPassword": PASSWORD, "newPassword": "another horse battery"});
    ada.post("/api/auth/change-password", change).await.ok();
    phone.get(ME).await.problem(401, "session_ended");
    // The session that changed it goes on, as its front end has nothing else to go on with.
    ada.get(ME).await.ok();
}

#[tokio::test]
async fn a_reset_password_ends_every_token_of_api_with_the_next_request() {
    let t = Test::new().await;
    let ada = registered(&t, "ada").await;
    t.advance_seconds(DAY_SECONDS);
    let asked = json!({"email": "ada@example.com"});
    t.anonymous().post("/api/auth/reset-password", asked).await.ok();
    let token = t.mailed_token("ada@example.com", "password").await;
    let new = json!({"token": token, "newPassword": "another horse battery"});
    t.anonymous().post("/api/auth/reset-password/confirm", new).await.ok();
    ada.get(ME).await.problem(401, "session_ended");
}

#[tokio::test]
async fn a_disabled_and_a_deleted_account_have_no_token_of_api_with_the_next_request() {
    let t = Test::with(&ADMIN).await;
    let (ada, bob) = (registered(&t, "ada").await, registered(&t, "bob").await);
    t.advance_seconds(DAY_SECONDS);
    let admin = t.admin().await;
    let path = format!("/api/v1/admin/users/{}/status", ada.id());
    admin.put(&path, json!({"status": "disabled"})).await.ok();
    ada.get(ME).await.problem(401, "session_ended");
    bob.delete("/api/v1/users/me").await.ok();
    assert_eq!(bob.get(ME).await.status, 401);
}

#[tokio::test]
async fn a_new_signing_key_signs_nobody_out_whose_token_of_api_still_lives() {
    let t = Test::new().await;
    let ada = registered(&t, "ada").await;
    try_to_rotate(&t, Keys::Signing, false).await.unwrap();
    // The key before signs until every process knows of the new one.
    t.advance_seconds(60);
    let late = signed_in(&ada).await;
    t.advance_seconds(29 * DAY_SECONDS);
    ada.get(ME).await.ok();
    t.advance_seconds(DAY_SECONDS - 30);
    late.get(ME).await.ok();
    // Which is why the next rotation waits for it.
    assert!(try_to_rotate(&t, Keys::Signing, false).await.is_err());
    late.get(ME).await.ok();
    t.advance_seconds(120);
    try_to_rotate(&t, Keys::Signing, false).await.unwrap();
}

#[tokio::test]
async fn after_a_leak_two_rotations_end_the_tokens_of_api_too() {
    let t = Test::new().await;
    let ada = registered(&t, "ada").await;
    rotate_and_wait(&t, Keys::Signing).await;
    ada.get(ME).await.ok();
    rotate_and_wait(&t, Keys::Signing).await;
    ada.get(ME).await.problem(401, "token_invalid");
}
