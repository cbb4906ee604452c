//! The key that signs tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Error;
use futures::future::join_all;
use local::keys::Keys;
use serde_json::{Value, json};

use super::{IN_USE_SECONDS, rotate_and_wait, try_to_rotate};
use crate::support::{Answer, Caller, PASSWORD, Second, Test};

const ME: &str = "/api/v1/auth/me";
const MONTH_SECONDS: u64 = 31 * 24 * 3600;

/// Id of the key that signed a token.
fn key_of(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

async fn refresh(caller: &Caller, token: &str) -> Answer {
    let body = json!({"refresh_token": token});
    caller.with_token("").post("/api/v1/auth/refresh", body).await
}

async fn sign_in(caller: &Caller) -> Answer {
    let credentials = json!({"email": caller.account["email"], "password": PASSWORD});
    caller.with_token("").post("/api/v1/auth/login", credentials).await.ok()
}

/// A token that names a key of its own.
fn with_key(token: &str, id: &str) -> String {
    let header = json!({"typ": "JWT", "alg": "HS256", "kid": id}).to_string();
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}

#[tokio::test]
async fn tokens_of_the_key_before_are_valid_until_they_expire_and_new_ones_are_of_the_new_key() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let other = Second::on(&t).await;
    rotate_and_wait(&t, Keys::Signing).await;
    for ada in [ada.clone(), other.of(&ada)] {
        ada.get(ME).await.ok();
    }
    let new = sign_in(&ada).await.text("access_token");
    assert_ne!(key_of(&new), key_of(&ada.token));
    for ada in [ada.with_token(&new), other.of(&ada).with_token(&new)] {
        ada.get(ME).await.ok();
    }
    t.advance_seconds(15 * 60 - IN_USE_SECONDS);
    ada.get(ME).await.problem(401, "token_expired");
    let renewed = refresh(&ada, &ada.refresh).await.ok();
    assert_eq!(key_of(&renewed.text("refresh_token")), key_of(&new));
    ada.with_token(&renewed.text("access_token")).get(ME).await.ok();
}

#[tokio::test]
async fn a_second_rotation_ends_tokens_of_the_first_key_and_waits_until_there_are_none() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    rotate_and_wait(&t, Keys::Signing).await;
    let ada_renewed = refresh(&ada, &ada.refresh).await.ok();
    let too_early = try_to_rotate(&t, Keys::Signing, false).await;
    let Err(Error::Conflict {
        code: "rotated_recently",
        ..
    }) = too_early
    else {
        panic!("{too_early:?}")
    };
    bob.get(ME).await.ok();

    rotate_and_wait(&t, Keys::Signing).await;
    bob.get(ME).await.problem(401, "token_invalid");
    refresh(&bob, &bob.refresh).await.problem(401, "token_invalid");
    let ada_renewed = refresh(&ada, &ada_renewed.text("refresh_token")).await.ok();
    let ada = ada.with_token(&ada_renewed.text("access_token"));
    ada.get(ME).await.ok();

    t.advance_seconds(MONTH_SECONDS);
    try_to_rotate(&t, Keys::Signing, false).await.unwrap();
}

#[tokio::test]
async fn of_rotations_at_once_one_puts_a_key_in_use_and_nobody_is_signed_out() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let rotations = join_all((0..4).map(|_| try_to_rotate(&t, Keys::Signing, false))).await;
    assert_eq!(rotations.iter().filter(|it| it.is_ok()).count(), 1, "{rotations:?}");
    t.advance_seconds(IN_USE_SECONDS);
    ada.get(ME).await.ok();
}

#[tokio::test]
async fn a_lost_refresh_is_answered_again_byte_for_byte_while_the_key_changes() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    try_to_rotate(&t, Keys::Signing, true).await.unwrap();
    // The key before signs until six seconds later.
    t.advance_seconds(84);
    let first = refresh(&ada, &ada.refresh).await.ok();
    t.advance_seconds(7);
    let other = Second::on(&t).await;
    assert_ne!(key_of(&sign_in(&ada).await.text("access_token")), key_of(&ada.token));
    for ada in [ada.clone(), other.of(&ada)] {
        assert_eq!(refresh(&ada, &ada.refresh).await.ok().body, first.body);
    }
}

#[tokio::test]
async fn a_process_that_does_not_know_a_key_yet_asks_for_it_at_once() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let late = Second::on(&t).await;
    late.of(&ada).get(ME).await.ok();
    // In a hurry: of two keys within a minute the first one signs at once.
    for _ in 0..2 {
        try_to_rotate(&t, Keys::Signing, true).await.unwrap();
    }
    t.advance_seconds(10);
    let new = sign_in(&Second::on(&t).await.of(&ada)).await.text("access_token");
    assert_ne!(key_of(&new), key_of(&ada.token));
    late.metered.secrets_read();
    late.of(&ada).with_token(&new).get(ME).await.ok();
    assert_eq!(late.metered.secrets_read(), 2, "the current value and the one before");
}

#[tokio::test]
async fn made_up_key_ids_make_nobody_ask_more_than_every_ten_seconds() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let second = Second::on(&t).await;
    let ada = second.of(&ada);
    ada.get(ME).await.ok();
    second.metered.secrets_read();
    let clock = &t.stack.app().clock;
    let began_ms = clock.now_ms();
    for round in 0..6 {
        t.advance_seconds(10);
        let attempts = (0..50).map(|number| {
            let forged = ada.with_token(&with_key(&ada.token, &format!("{round}{number:015x}")));
            async move { forged.get(ME).await.problem(401, "token_invalid") }
        });
        join_all(attempts).await;
    }
    let most = usize::try_from((clock.now_ms() - began_ms) / 10_000).unwrap() + 1;
    let read = second.metered.secrets_read();
    // The current value and the one before.
    assert!(
        (1..=2 * most).contains(&read),
        "{read} calls for 300 forged tokens, twice {most} at most"
    );
    ada.get(ME).await.ok();
}

#[tokio::test]
async fn secrets_that_cannot_be_read_end_no_session() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let (warm, cold) = (Second::on(&t).await, Second::on(&t).await);
    warm.of(&ada).get(ME).await.ok();
    for second in [&warm, &cold] {
        second.metered.stop_secrets(true);
    }
    t.advance_seconds(600);
    let renewed = refresh(&warm.of(&ada), &ada.refresh).await.ok();
    let ada = ada.with_token(&renewed.text("access_token"));
    warm.of(&ada).get(ME).await.ok();
    // Whether there is such a key cannot be known now, so nobody is told that they are signed out.
    let unknown = warm.of(&ada).with_token(&with_key(&ada.token, "0123456789abcdef"));
    assert_eq!(unknown.get(ME).await.status, 503);
    assert_eq!(cold.of(&ada).get(ME).await.status, 503);
    for second in [&warm, &cold] {
        second.metered.stop_secrets(false);
    }
    t.advance_seconds(10);
    unknown.get(ME).await.problem(401, "token_invalid");
    cold.of(&ada).get(ME).await.ok();
}

#[tokio::test]
async fn requests_that_need_a_secret_at_once_read_it_once_a_minute() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let second = Second::on(&t).await;
    for expected in [2, 1, 1] {
        let ada = second.of(&ada);
        join_all((0..32).map(|_| ada.get(ME)))
            .await
            .into_iter()
            .for_each(|answer| {
                answer.ok();
            });
        // At first the value before is asked for as well.
        assert_eq!(second.metered.secrets_read(), expected);
        ada.get(ME).await.ok();
        assert_eq!(second.metered.secrets_read(), 0);
        t.advance_seconds(60);
    }
}
