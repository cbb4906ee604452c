//! Guessing passwords is slow for whoever guesses, and costs the owner nothing.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request,
};
use futures::future::join_all;
use http_api::SourceAddress;
use lambda_http::tower::ServiceExt as _;
use serde_json::{Value, json};

use crate::support::{Answer, Metered, PASSWORD, Test};

/// The function `auth`, to be called from any address, and how often it was.
struct Gateway(Router, AtomicUsize);

impl Gateway {
    fn of(t: &Test) -> Self {
        Self::on(t.stack.functions().app("auth").unwrap())
    }

    fn on(app: app::App) -> Self {
        let (_, api) = local::functions::groups()
            .into_iter()
            .find(|(name, _)| *name == "auth")
            .unwrap();
        Self(api.finish(app), AtomicUsize::new(0))
    }

    /// The status, and the body without what differs from request to request.
    async fn log_in(&self, from: impl Into<IpAddr>, email: &str, password: &str) -> (u16, Value) {
        let credentials = json!({"email": email, "password": password});
        self.post(from, "/api/v1/auth/login", &credentials).await
    }

    async fn post(&self, from: impl Into<IpAddr>, path: &str, body: &Value) -> (u16, Value) {
        // Another address in each header that a client can write itself, which changes nothing.
        let number = self.1.fetch_add(1, Ordering::Relaxed);
        let spoofed = format!("198.51.{}.{}", number / 256 % 256, number % 256);
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("x-forwarded-for", &spoofed)
            .header("x-real-ip", &spoofed)
            .extension(SourceAddress(from.into()));
        let request = request.body(Body::from(body.to_string())).unwrap();
        let answer = self.0.clone().oneshot(request).await;
        let (parts, body) = answer.unwrap().into_parts();
        let mut body: Value = serde_json::from_slice(&to_bytes(body, 1 << 20).await.unwrap()).unwrap();
        body["request_id"] = Value::Null;
        body["retry_after"] = parts
            .headers
            .get("retry-after")
            .map(|value| value.to_str().unwrap())
            .into();
        (parts.status.as_u16(), body)
    }
}

/// An address of its own for each number.
fn address(number: u32) -> [u8; 4] {
    (0x0a00_0000 + number).to_be_bytes()
}

/// How many guesses the long tests make.
fn guesses() -> u32 {
    let wanted = std::env::var("PARLANCE_GUESSES").ok();
    wanted.map_or(400, |wanted| wanted.parse().unwrap())
}

/// As if strangers had tried as many accounts in this second.
async fn fill_distinct(t: &Test, accounts: i64) {
    let full = t.stack.app().clock.now_ms() + accounts * 1000;
    aws_sdk_dynamodb::Client::new(t.stack.sdk())
        .put_item()
        .table_name("parlance-ephemeral")
        .item("pk", AttributeValue::S("LOGIN#ALL".into()))
        .item("sk", AttributeValue::S("L".into()))
        .item("tat", AttributeValue::N(full.to_string()))
        .send()
        .await
        .unwrap();
}

async fn guess(t: &Test, email: &str) -> Answer {
    let credentials = json!({"email": email, "password": "a guess"});
    t.anonymous().post("/api/v1/auth/login", credentials).await
}

#[tokio::test]
async fn the_delay_doubles_for_accounts_that_exist_and_for_those_that_do_not() {
    let t = Test::new().await;
    let gateway = Gateway::of(&t);
    t.user("ada").await;
    let mut seen = Vec::new();
    for (number, email) in ["ada@example.com", "nobody@example.com"].into_iter().enumerate() {
        let from = address(u32::try_from(number).unwrap());
        let mut answers = Vec::new();
        for _ in 0..11 {
            answers.push(gateway.log_in(from, email, "a guess").await);
        }
        for seconds in [1, 2, 4] {
            t.advance_seconds(seconds);
            answers.push(gateway.log_in(from, email, "a guess").await);
            answers.push(gateway.log_in(from, email, "a guess").await);
        }
        seen.push(answers);
    }
    let statuses: Vec<u16> = seen[0].iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses[..11], [&[401; 10][..], &[429]].concat());
    assert_eq!(statuses[11..], [401, 429, 401, 429, 401, 429]);
    let waits = seen[0].iter().filter_map(|(_, body)| body["retry_after"].as_str());
    assert_eq!(waits.collect::<Vec<_>>(), ["1", "2", "4", "8"]);
    assert_eq!(seen[0], seen[1], "nobody can tell which of the two exists");
}

#[tokio::test]
async fn while_strangers_guess_the_owner_signs_in_from_where_they_were_before() {
    let t = Test::new().await;
    let (ada, gateway) = (t.user("ada").await, Gateway::of(&t));
    for number in 0..20 {
        gateway.log_in(address(number), "ada@example.com", "a guess").await;
    }
    let stranger = gateway.log_in(address(99), "ada@example.com", PASSWORD).await;
    assert_eq!(stranger.0, 429, "even the right password is not evaluated");
    ada.get("/api/v1/auth/me").await.ok();
    for _ in 0..12 {
        ada.sign_in_again().await;
    }
}

#[tokio::test]
async fn who_reads_the_owners_mail_can_sign_in_while_strangers_guess() {
    let t = Test::new().await;
    let gateway = Gateway::of(&t);
    // Registered from elsewhere, so that nothing knows the network of this test.
    let ada = json!({"email": "ada@example.com", "password": PASSWORD});
    let (status, _) = gateway.post(address(1), "/api/v1/auth/register", &ada).await;
    assert_eq!(status, 201);
    for number in 10..30 {
        gateway.log_in(address(number), "ada@example.com", "a guess").await;
    }
    let log_in = async || t.anonymous().post("/api/v1/auth/login", ada.clone()).await;
    log_in().await.problem(429, "too_many_attempts");
    let reset = json!({"email": "ada@example.com"});
    t.anonymous().post("/api/v1/auth/reset-password", reset).await.ok();
    let token = t.mailed_token("ada@example.com", "new password").await;
    let confirm = json!({"token": token, "new_password": PASSWORD});
    t.anonymous()
        .post("/api/v1/auth/reset-password/confirm", confirm)
        .await
        .ok();
    log_in().await.ok();
}

#[tokio::test]
async fn of_a_day_of_guesses_from_one_address_or_many_at_most_100_are_evaluated() {
    for many in [false, true] {
        let t = Test::new().await;
        let (ada, gateway) = (t.user("ada").await, Gateway::of(&t));
        let (mut evaluated, mut victim) = (0, ada.clone());
        for number in 0..guesses() {
            let from = address(if many { number } else { 0 });
            let (status, _) = gateway.log_in(from, "ada@example.com", "a guess").await;
            assert!([401, 429].contains(&status), "{status}");
            evaluated += u32::from(status == 401);
            t.advance_seconds(u64::from(86_400 / guesses()));
            if number % (guesses() / 40) == 0 {
                // All the while, who is signed in stays so.
                let refresh = json!({"refresh_token": victim.refresh});
                let pair = t.anonymous().post("/api/v1/auth/refresh", refresh).await.ok();
                victim = ada.with_token(&pair.text("access_token"));
                victim.refresh = pair.text("refresh_token");
                victim.get("/api/v1/auth/me").await.ok();
            }
        }
        println!(
            "{} guesses in a day, many addresses: {many}: {evaluated} evaluated",
            guesses()
        );
        assert!(
            (10..=100).contains(&evaluated),
            "{evaluated} evaluated, many addresses: {many}"
        );
        ada.sign_in_again().await;
    }
}

#[tokio::test]
async fn a_guess_from_a_network_that_is_known_costs_as_much_as_one_at_an_account_that_does_not_exist() {
    let t = Test::new().await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let (status, _) = Gateway::of(&t).post(address(1), "/api/v1/auth/register", &body).await;
    assert_eq!(status, 201);
    let metered = Metered::new(&t).await;
    let gateway = Gateway::on(metered.app.clone());
    // What is read once and kept is read before.
    gateway.log_in(address(9), "warm@example.com", "a guess").await;
    let cost = async |from: u32, email: &str| {
        t.drain().await;
        metered.calls();
        assert_eq!(gateway.log_in(address(from), email, "a guess").await.0, 401);
        metered.calls()
    };
    // While the platform's limit was just used by others, and when it was not for long; the first guess and later ones.
    for waiting in [0, 3600] {
        if waiting == 0 {
            fill_distinct(&t, 500).await;
        }
        for _ in 0..3 {
            t.advance_seconds(waiting);
            let known = cost(1, "ada@example.com").await;
            t.advance_seconds(waiting);
            assert_eq!(known, cost(2, &format!("nobody-{waiting}@example.com")).await);
        }
        t.advance_seconds(14 * 86_400);
    }
}

#[tokio::test]
async fn of_64_guesses_at_once_few_are_evaluated() {
    let t = Test::new().await;
    let gateway = Gateway::of(&t);
    t.user("ada").await;
    let guesses = (0..64).map(|number| gateway.log_in(address(number), "ada@example.com", "a guess"));
    let statuses: Vec<u16> = join_all(guesses).await.into_iter().map(|(status, _)| status).collect();
    let evaluated = statuses.iter().filter(|status| **status == 401).count();
    // More than ten only as far as the seconds pass in which these are evaluated.
    assert!((10..=14).contains(&evaluated), "{statuses:?}");
    let refused = statuses.iter().filter(|status| **status == 429).count();
    assert_eq!(evaluated + refused, 64, "{statuses:?}");
}

#[tokio::test]
async fn a_network_that_fails_at_many_accounts_is_slowed_down_and_its_headers_change_nothing() {
    let t = Test::new().await;
    for number in 0..30 {
        let nobody = t
            .anonymous()
            .with_header("x-forwarded-for", &format!("198.51.100.{number}"));
        let credentials = json!({"email": format!("nobody-{number}@example.com"), "password": "a guess"});
        nobody.post("/api/v1/auth/login", credentials).await.expect(401);
    }
    for header in [
        "x-forwarded-for",
        "forwarded",
        "x-real-ip",
        "true-client-ip",
        "cf-connecting-ip",
    ] {
        let nobody = t.anonymous().with_header(header, "203.0.113.7");
        let credentials = json!({"email": format!("{header}@example.com"), "password": "a guess"});
        let refused = nobody.post("/api/v1/auth/login", credentials).await;
        let seconds: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=30).contains(&seconds), "{seconds}");
        refused.problem(429, "too_many_attempts");
    }
    t.advance_seconds(30);
    guess(&t, "nobody@example.com").await.expect(401);
    guess(&t, "nobody@example.com").await.expect(429);
}

#[tokio::test]
async fn signing_in_rightly_uses_nothing_up() {
    let t = Test::new().await;
    let (ada, gateway) = (t.user("ada").await, Gateway::of(&t));
    for _ in 0..35 {
        ada.sign_in_again().await;
    }
    for number in 0..12 {
        let (status, body) = gateway.log_in(address(number), "ada@example.com", PASSWORD).await;
        assert_eq!(status, 200, "{body}");
    }
}

#[tokio::test]
async fn a_typing_error_is_not_forgotten_by_signing_in() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for _ in 0..9 {
        guess(&t, "ada@example.com").await.expect(401);
        ada.sign_in_again().await;
    }
    guess(&t, "ada@example.com").await.expect(401);
    guess(&t, "ada@example.com").await.expect(429);
}

#[tokio::test]
async fn when_strangers_try_too_many_accounts_known_networks_go_on() {
    let t = Test::new().await;
    let (ada, gateway) = (t.user("ada").await, Gateway::of(&t));
    fill_distinct(&t, 2_100).await;
    for email in ["ada@example.com", "nobody@example.com"] {
        let (status, body) = gateway.log_in(address(1), email, PASSWORD).await;
        assert_eq!((status, &body["code"]), (429, &"too_many_attempts".into()), "{email}");
    }
    ada.sign_in_again().await;
}
