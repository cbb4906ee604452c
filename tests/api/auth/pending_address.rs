//! An account whose address is verified gets another one only when its person has shown that it is theirs.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, PASSWORD, RACERS, Test};

const ADA: &str = "ada@example.com";
const NEW: &str = "new@example.com";
const ME: &str = "/api/v1/users/me";

async fn ada(t: &Test) -> Caller {
    let ada = t.user("ada").await;
    ada.verify().await;
    ada
}

async fn ask_for(caller: &Caller, email: &str) -> Answer {
    let change = json!({"email": email, "current_password": PASSWORD});
    caller.put(ME, change).await
}

async fn confirm(caller: &Caller, token: &str) -> Answer {
    caller
        .post("/api/v1/auth/verify-email/confirm", json!({"token": token}))
        .await
}

async fn link(t: &Test, email: &str) -> String {
    t.mailed_token(email, "Confirm your new address").await
}

fn addresses(account: &Value) -> (&str, &Value, &Value) {
    let email = account["email"].as_str().unwrap();
    (email, &account["email_verified"], &account["pending_email"])
}

async fn log_in(t: &Test, email: &str) -> Answer {
    let credentials = json!({"email": email, "password": PASSWORD});
    t.anonymous().post("/api/v1/auth/login", credentials).await
}

#[tokio::test]
async fn the_new_address_is_pending_until_its_mail_is_answered() {
    let t = Test::new().await;
    let ada = ada(&t).await;
    let asked = ask_for(&ada, NEW).await.ok().json();
    assert_eq!(addresses(&asked), (ADA, &json!(true), &json!(NEW)));
    assert_eq!(
        addresses(&ada.get(ME).await.ok().json()),
        (ADA, &json!(true), &json!(NEW))
    );
    log_in(&t, ADA).await.ok();
    log_in(&t, NEW).await.problem(401, "invalid_credentials");

    let token = link(&t, NEW).await;
    let mails = t.outbox().await;
    let told = mails
        .iter()
        .find(|mail| mail["subject"] == "Your email address is to be changed");
    let told = told.unwrap();
    assert_eq!(told["to"], ADA);
    assert!(!told["text"].as_str().unwrap().contains(NEW), "{told}");

    confirm(&ada, &token).await.ok();
    assert_eq!(
        addresses(&ada.get(ME).await.ok().json()),
        (NEW, &json!(true), &Value::Null)
    );
    log_in(&t, NEW).await.ok();
    log_in(&t, ADA).await.problem(401, "invalid_credentials");
    assert_eq!(confirm(&ada, &token).await.invalid(), ["/token"], "once");
    // Who had the address before is told, and can take it back.
    t.mailed_token(ADA, "address was changed").await;
}

#[tokio::test]
async fn the_link_needs_the_session_of_the_account_and_is_not_used_up_without_it() {
    let t = Test::new().await;
    let (ada, eve) = (ada(&t).await, t.user("eve").await);
    ask_for(&ada, NEW).await.ok();
    let token = link(&t, NEW).await;
    let key = ada.api_key(json!({"name": "All"})).await;
    for other in [&t.anonymous(), &eve, &t.anonymous().with_token(&key.text("key"))] {
        let refused = confirm(other, &token).await.problem(401, "sign_in_required");
        assert!(refused["detail"].as_str().unwrap().contains("Sign in"), "{refused}");
    }
    assert_eq!(ada.get(ME).await.ok().json()["email"], ADA);
    confirm(&ada, &token).await.ok();
}

#[tokio::test]
async fn an_address_that_is_asked_for_stays_free_for_its_owner() {
    let t = Test::new().await;
    let ada = ada(&t).await;
    ask_for(&ada, NEW).await.ok();
    let token = link(&t, NEW).await;
    t.user("new").await;
    confirm(&ada, &token).await.problem(409, "email_taken");
    ask_for(&ada, NEW).await.problem(409, "email_taken");
    assert_eq!(ada.get(ME).await.ok().json()["email"], ADA);
}

#[tokio::test]
async fn an_address_that_is_kept_for_another_account_is_not_to_be_had() {
    let t = Test::new().await;
    let (ada, bob) = (ada(&t).await, t.user("bob").await);
    bob.verify().await;
    ada.move_to(NEW).await;
    ask_for(&bob, ADA).await.problem(409, "email_taken");
    t.advance_seconds(72 * 3600);
    ask_for(&bob.sign_in_again().await, ADA).await.ok();
}

#[tokio::test]
async fn a_pending_address_is_replaced_by_the_next_and_forgotten_after_48_hours() {
    let t = Test::new().await;
    let ada = ada(&t).await;
    ask_for(&ada, "mistyped@example.com").await.ok();
    let mistyped = link(&t, "mistyped@example.com").await;
    ask_for(&ada, NEW).await.ok();
    assert_eq!(confirm(&ada, &mistyped).await.invalid(), ["/token"]);
    let first = link(&t, NEW).await;
    // The mail is sent again on request.
    ada.post("/api/v1/auth/verify-email/request", json!({})).await.ok();
    let second = link(&t, NEW).await;
    assert_ne!(first, second);
    t.advance_seconds(48 * 3600);
    let ada = ada.sign_in_again().await;
    assert_eq!(confirm(&ada, &second).await.invalid(), ["/token"]);
    assert_eq!(ada.get(ME).await.ok().json()["pending_email"], Value::Null);
}

#[tokio::test]
async fn whatever_ends_the_credentials_of_an_account_ends_a_pending_address() {
    let t = Test::new().await;
    let ada = ada(&t).await;
    ask_for(&ada, NEW).await.ok();
    let token = link(&t, NEW).await;
    ada.post("/api/v1/auth/logout-all", json!({})).await.ok();
    let ada = ada.sign_in_again().await;
    assert_eq!(ada.get(ME).await.ok().json()["pending_email"], Value::Null);
    assert_eq!(confirm(&ada, &token).await.invalid(), ["/token"]);
}

#[tokio::test]
async fn an_address_that_is_asked_for_while_all_credentials_end_is_not_pending_afterwards() {
    let t = Test::new().await;
    let mut ada = ada(&t).await;
    for round in 0..3 {
        let addresses = [0, 1].map(|n| format!("thief{round}{n}@example.com"));
        let asked = join_all(addresses.iter().map(|address| ask_for(&ada, address)));
        let end = ada.post("/api/v1/auth/logout-all", json!({}));
        let (_, ended) = futures::join!(asked, end);
        ended.ok();
        ada = ada.sign_in_again().await;
        assert_eq!(ada.get(ME).await.ok().json()["pending_email"], Value::Null);
        t.advance_seconds(8 * 3600);
        ada = ada.sign_in_again().await;
    }
}

#[tokio::test]
async fn a_new_password_ends_the_wish_for_another_address() {
    let t = Test::new().await;
    let ada = ada(&t).await;
    ask_for(&ada, NEW).await.ok();
    let change = json!({"current_password": PASSWORD, "new_password": "one more horse battery"});
    ada.post("/api/v1/auth/change-password", change).await.ok();
    assert_eq!(ada.get(ME).await.ok().json()["pending_email"], Value::Null);
}

#[tokio::test]
async fn an_account_asks_for_few_addresses_and_takes_none_of_what_their_owners_may_ask() {
    let t = Test::new().await;
    let ada = ada(&t).await;
    for number in 0..5 {
        ask_for(&ada, &format!("stranger{number}@example.com")).await.ok();
    }
    ask_for(&ada, NEW).await.problem(429, "too_many_address_changes");
    t.advance_seconds(4 * 3600);
    ask_for(&ada.sign_in_again().await, NEW).await.ok();
    let owner = t.user("new").await;
    for _ in 0..5 {
        owner.post("/api/v1/auth/verify-email/request", json!({})).await.ok();
    }
}

#[tokio::test]
async fn the_way_back_is_open_however_often_an_account_changed_an_address_that_was_not_verified() {
    let t = Test::new().await;
    let mut eve = t.user("eve").await;
    for number in 0..9 {
        let address = format!("eve{number}@example.com");
        ask_for(&eve, &address).await.ok();
        eve.account["email"] = json!(address);
        t.advance_seconds(4 * 3600);
        eve = eve.sign_in_again().await;
    }
    eve.verify().await;
    eve.move_to(NEW).await;
    let way_back = t.mailed_token("eve8@example.com", "address was changed").await;
    t.anonymous()
        .post("/api/auth/restore-email/confirm", json!({"token": way_back}))
        .await
        .ok();
}

#[tokio::test]
async fn another_spelling_of_the_same_address_stays_verified() {
    let t = Test::new().await;
    let ada = ada(&t).await;
    let spelled = ask_for(&ada, "Ada@Example.com").await.ok().json();
    assert_eq!(addresses(&spelled), ("Ada@Example.com", &json!(true), &Value::Null));
    log_in(&t, ADA).await.ok();
}

#[tokio::test]
async fn of_64_uses_of_a_link_one_wins_and_of_two_accounts_one_gets_the_address() {
    let t = Test::new().await;
    let (ada, bob) = (ada(&t).await, t.user("bob").await);
    bob.verify().await;
    ask_for(&ada, NEW).await.ok();
    let first = link(&t, NEW).await;
    ask_for(&bob, NEW).await.ok();
    let second = link(&t, NEW).await;
    let uses = (0..RACERS).map(|n| {
        if n % 2 == 0 {
            confirm(&ada, &first)
        } else {
            confirm(&bob, &second)
        }
    });
    let uses = join_all(uses).await;
    assert_eq!(uses.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(
        uses.iter()
            .all(|answer| [200, 409, 422].contains(&answer.status.as_u16()))
    );
    let has = async |caller: &Caller| caller.get(ME).await.ok().json()["email"] == NEW;
    assert!(has(&ada).await != has(&bob).await);
}

#[tokio::test]
async fn mails_about_an_address_are_promised_in_the_change_and_sent_when_the_queue_lost_them() {
    let t = Test::new().await;
    let ada = ada(&t).await;
    t.drain().await;
    t.without_queue("send_mail", ask_for(&ada, NEW)).await.ok();
    let sent = t.outbox().await.len();
    t.advance_seconds(1800);
    ada.post("/_local/run/relay_outbox", json!({})).await.ok();
    assert_eq!(t.outbox().await.len(), sent + 2);
    // What is out is not sent again, and forgotten.
    for _ in 0..2 {
        ada.post("/_local/run/relay_outbox", json!({})).await.ok();
    }
    assert_eq!(t.outbox().await.len(), sent + 2);
    let left = t.items("parlance-app").await;
    assert!(!left.keys().any(|(pk, _)| pk == "MAIL"), "{left:?}");
}
