//! A new address: what was mailed to the one before it is void, and its owner can take the change back.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{ADMIN, Answer, Caller, PASSWORD, RACERS, Test};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
const SUBJECT: &str = "address was changed";
const HOURS: u64 = 3600;

async fn readdress(caller: &Caller, email: &str) -> Answer {
    let change = json!({"email": email, "current_password": PASSWORD});
    caller.put("/api/v1/users/me", change).await
}

async fn restore(t: &Test, token: &str) -> Answer {
    t.anonymous()
        .post("/api/auth/restore-email/confirm", json!({"token": token}))
        .await
}

async fn register(t: &Test, email: &str) -> Answer {
    let account = json!({"email": email, "password": PASSWORD});
    t.anonymous().post("/api/v1/auth/register", account).await
}

async fn log_in(t: &Test, email: &str, password: &str) -> Answer {
    let credentials = json!({"email": email, "password": password});
    t.anonymous().post("/api/v1/auth/login", credentials).await
}

/// Ada, with a password that she sets by the link of the last mail to her.
async fn signed_in_by_mail(t: &Test) -> Caller {
    let reset = t.mailed_token(ADA, "new password").await;
    let body = json!({"token": reset, "new_password": "a rather new password"});
    t.anonymous()
        .post("/api/v1/auth/reset-password/confirm", body)
        .await
        .ok();
    let ada = log_in(t, ADA, "a rather new password").await.ok();
    t.anonymous().with_token(&ada.text("access_token"))
}

/// Ada, whose address is verified, with an account that somebody gave the address of Eve.
async fn taken_over(t: &Test) -> Caller {
    let ada = t.user("ada").await;
    ada.verify().await;
    ada.move_to(EVE).await;
    ada
}

fn mails_to<'a>(mails: &'a [Value], address: &str) -> Vec<&'a Value> {
    mails.iter().filter(|mail| mail["to"] == address).collect()
}

#[tokio::test]
async fn links_that_were_mailed_to_an_address_are_void_when_the_account_has_another_one() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let verify = t.mailed_token(ADA, "Confirm").await;
    let forgotten = json!({"email": ADA});
    t.anonymous().post("/api/v1/auth/reset-password", forgotten).await.ok();
    let reset = t.mailed_token(ADA, "new password").await;
    readdress(&ada, EVE).await.ok();
    let confirm = async |address: &str| {
        let body = json!({"token": reset, "new_password": "a rather new password"});
        let answer = t.anonymous().post("/api/v1/auth/reset-password/confirm", body).await;
        assert_eq!(answer.invalid(), ["/token"], "{address}");
        let body = json!({"token": verify});
        let answer = t.anonymous().post("/api/v1/auth/verify-email/confirm", body).await;
        assert_eq!(answer.invalid(), ["/token"], "{address}");
    };
    confirm(EVE).await;
    // Not even when the address comes back.
    readdress(&ada, ADA).await.ok();
    confirm(ADA).await;
    log_in(&t, ADA, PASSWORD).await.ok();
}

#[tokio::test]
async fn the_owner_of_the_address_before_takes_the_change_back_and_gets_the_account_alone() {
    let t = Test::new().await;
    let thief = taken_over(&t).await;
    let key = thief.api_key(json!({"name": "Spy", "scopes": ["chats:read"]})).await;
    let key = t.anonymous().with_token(&key.text("key"));
    let mails = t.outbox().await;
    let told = mails_to(&mails, ADA);
    let told = told
        .iter()
        .find(|mail| mail["subject"].as_str().unwrap().contains(SUBJECT));
    let text = told.unwrap()["text"].as_str().unwrap();
    assert!(!text.contains("eve") && text.contains("72 hours"), "{text}");

    let token = t.mailed_token(ADA, SUBJECT).await;
    let done = restore(&t, &token).await.ok().json();
    assert_eq!(done["message"], "Email address restored");
    thief.get("/api/v1/auth/me").await.problem(401, "session_ended");
    key.get("/api/chat/sessions").await.problem(401, "api_key_invalid");
    for address in [ADA, EVE] {
        log_in(&t, address, PASSWORD).await.problem(401, "invalid_credentials");
    }
    assert_eq!(restore(&t, &token).await.invalid(), ["/token"], "once");

    // The mail to set a password is on its way, and the address counts as verified.
    let ada = signed_in_by_mail(&t).await;
    let me = ada.get("/api/v1/auth/me").await.ok().json();
    assert_eq!((&me["id"], &me["email_verified"]), (&json!(thief.id()), &json!(true)));
    // The address that the account had in between is free.
    register(&t, EVE).await.created();
}

#[tokio::test]
async fn the_address_before_is_kept_for_its_account_for_72_hours() {
    let t = Test::new().await;
    taken_over(&t).await;
    register(&t, ADA).await.problem(409, "email_taken");
    log_in(&t, ADA, PASSWORD).await.problem(401, "invalid_credentials");
    let mails = t.outbox().await.len();
    let forgotten = json!({"email": ADA});
    t.anonymous().post("/api/v1/auth/reset-password", forgotten).await.ok();
    assert_eq!(t.outbox().await.len(), mails, "no account has it");
    let token = t.mailed_token(ADA, SUBJECT).await;

    // The clock runs on while the requests are under way.
    t.advance_seconds(72 * HOURS - 60);
    register(&t, ADA).await.problem(409, "email_taken");
    t.advance_seconds(60);
    assert_eq!(restore(&t, &token).await.invalid(), ["/token"]);
    register(&t, ADA).await.created();
    log_in(&t, EVE, PASSWORD).await.ok();
}

#[tokio::test]
async fn an_account_may_have_its_address_back_and_one_that_is_erased_keeps_none() {
    let t = Test::new().await;
    let ada = taken_over(&t).await;
    ada.move_to(ADA).await;
    ada.move_to("third@example.com").await;
    ada.delete("/api/v1/users/me").await.ok();
    t.drain_all().await;
    for address in [ADA, EVE, "third@example.com"] {
        register(&t, address).await.created();
    }
    let left = t.items("parlance-identity").await;
    let of_ada = left.iter().filter(|(_, item)| item.contains(ada.id()));
    assert_eq!(of_ada.collect::<Vec<_>>(), Vec::new());
}

#[tokio::test]
async fn of_several_changes_the_first_owner_has_the_last_word() {
    let t = Test::new().await;
    let thief = taken_over(&t).await;
    t.advance_seconds(60);
    thief.move_to("mallory@example.com").await;
    let first = t.mailed_token(ADA, SUBJECT).await;
    let second = t.mailed_token(EVE, SUBJECT).await;
    restore(&t, &first).await.ok();
    assert_eq!(restore(&t, &second).await.invalid(), ["/token"]);
    let forgotten = json!({"email": EVE});
    let mails = t.outbox().await.len();
    t.anonymous().post("/api/v1/auth/reset-password", forgotten).await.ok();
    let after = t.outbox().await;
    assert_eq!(after.len(), mails, "{after:?}");
}

#[tokio::test]
async fn an_address_that_nobody_verified_is_told_and_given_no_way_back() {
    let t = Test::new().await;
    // Mistyped at sign-up: its owner has nothing to do with the account.
    let ada = t.user("adda").await;
    readdress(&ada, ADA).await.ok();
    let mails = t.outbox().await;
    let told = mails_to(&mails, "adda@example.com");
    let told = told
        .iter()
        .find(|mail| mail["subject"].as_str().unwrap().contains(SUBJECT));
    assert!(!told.unwrap()["text"].as_str().unwrap().contains("token="), "{told:?}");
    register(&t, "adda@example.com").await.created();
}

#[tokio::test]
async fn of_64_uses_of_one_link_one_restores_the_address() {
    let t = Test::new().await;
    taken_over(&t).await;
    let token = t.mailed_token(ADA, SUBJECT).await;
    let uses = join_all((0..RACERS).map(|_| restore(&t, &token))).await;
    assert_eq!(uses.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(uses.iter().all(|answer| [200, 422].contains(&answer.status.as_u16())));
    for forged in ["", "x", &"x".repeat(43), &"x".repeat(100_000)] {
        assert_eq!(restore(&t, forged).await.invalid(), ["/token"]);
    }
}

#[tokio::test]
async fn what_an_admin_decides_is_told_and_not_undone_by_a_mail() {
    let t = Test::with(&ADMIN).await;
    let ada = t.user("ada").await;
    ada.verify().await;
    let change = json!({"email": EVE});
    let account = format!("/api/v1/users/{}", ada.id());
    t.admin().await.put(&account, change).await.ok();
    let mails = t.outbox().await;
    let told = mails_to(&mails, ADA);
    let told = told
        .iter()
        .find(|mail| mail["subject"].as_str().unwrap().contains(SUBJECT));
    assert!(!told.unwrap()["text"].as_str().unwrap().contains("token="), "{told:?}");
    register(&t, ADA).await.created();
}

/// Who changes the address twice, with a verified one in between, has an undo link as well.
#[tokio::test]
async fn a_thief_who_undoes_the_own_change_takes_no_way_back_from_the_owner() {
    let t = Test::new().await;
    let thief = taken_over(&t).await;
    let owners = t.mailed_token(ADA, SUBJECT).await;
    thief.move_to("mallory@example.com").await;
    let thiefs = t.mailed_token(EVE, SUBJECT).await;
    restore(&t, &thiefs).await.ok();
    restore(&t, &owners).await.ok();
    assert_eq!(restore(&t, &thiefs).await.invalid(), ["/token"]);
    let forgotten = json!({"email": ADA});
    t.anonymous().post("/api/v1/auth/reset-password", forgotten).await.ok();
    let ada = signed_in_by_mail(&t).await;
    assert_eq!(ada.get("/api/v1/auth/me").await.ok().text("id"), thief.id());
}
