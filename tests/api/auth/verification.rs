//! Whether an address is its account's own.

use futures::future::join_all;
use serde_json::json;

use crate::support::{Answer, Test};

async fn confirm(t: &Test, token: &str) -> Answer {
    t.anonymous()
        .post("/api/v1/auth/verify-email/confirm", json!({"token": token}))
        .await
}

#[tokio::test]
async fn signing_up_sends_a_link_that_verifies_the_address_and_works_once() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    assert_eq!(ada.account["email_verified"], false);
    ada.get("/api/v1/documents").await.ok();
    let token = t.mailed_token("ada@example.com", "Confirm").await;
    let verified = confirm(&t, &token).await.ok().json();
    assert_eq!(verified, json!({"message": "Email verified successfully"}));
    assert_eq!(ada.get("/api/v1/auth/me").await.ok().json()["email_verified"], true);
    assert_eq!(confirm(&t, &token).await.invalid(), ["/token"]);
    let entries = t.items("parlance-audit").await;
    let entries = entries.values().filter(|entry| entry.contains("user.email_verified"));
    assert_eq!(entries.count(), 1);
}

#[tokio::test]
async fn another_mail_can_be_asked_for_until_the_address_is_verified() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let first = t.mailed_token("ada@example.com", "Confirm").await;
    let asked = ada.post("/api/auth/verify-email/request", json!({})).await.ok().json();
    assert_eq!(asked, json!({"message": "Verification email sent"}));
    let second = t.mailed_token("ada@example.com", "Confirm").await;
    assert_ne!(first, second);
    confirm(&t, &second).await.ok();
    let sent = t.outbox().await.len();
    ada.post("/api/v1/auth/verify-email/request", json!({})).await.ok();
    assert_eq!(t.outbox().await.len(), sent, "there is nothing left to verify");
}

#[tokio::test]
async fn a_link_that_verifies_works_for_two_days() {
    let t = Test::new().await;
    t.user("ada").await;
    let token = t.mailed_token("ada@example.com", "Confirm").await;
    t.advance_seconds(48 * 3600);
    assert_eq!(confirm(&t, &token).await.invalid(), ["/token"]);
}

#[tokio::test]
async fn of_32_uses_of_one_link_one_wins() {
    let t = Test::new().await;
    t.user("ada").await;
    let token = t.mailed_token("ada@example.com", "Confirm").await;
    let uses = join_all((0..32).map(|_| confirm(&t, &token))).await;
    let won = uses.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
    assert!(uses.iter().all(|answer| [200, 422].contains(&answer.status.as_u16())));
}

#[tokio::test]
async fn a_taken_address_is_told_to_its_owner_by_mail() {
    let t = Test::new().await;
    t.user("ada").await;
    let again = json!({"email": "ada@example.com", "password": "somebody else's"});
    t.anonymous()
        .post("/api/v1/auth/register", again)
        .await
        .problem(409, "email_taken");
    let mails = t.outbox().await;
    assert_eq!(mails[0]["to"], "ada@example.com");
    assert_eq!(mails[0]["subject"], "You have an account already");
}
