//! What one caller may cause for others.

use serde_json::json;

use crate::api::orgs::{org, team_plan};
use crate::support::Test;

#[tokio::test]
async fn an_address_asks_for_five_mails_and_then_waits() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let request = "/api/v1/auth/verify-email/request";
    for _ in 0..5 {
        ada.post(request, json!({})).await.ok();
    }
    let refused = ada.post(request, json!({})).await;
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=600).contains(&wait), "{wait}");
    refused.problem(429, "too_many_mails");
    t.user("bob").await.post(request, json!({})).await.ok();
    t.advance_seconds(600);
    ada.post(request, json!({})).await.ok();
}

#[tokio::test]
async fn an_organization_sends_100_invitations_and_then_waits() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let path = org(&ada, "acme").await;
    team_plan(&t, &path).await;
    let invite = format!("{path}/invite");
    let of = |number: usize| json!({"email": format!("n{}@example.com", number % 4)});
    let mut last = String::new();
    for number in 0..100 {
        last = ada.post(&invite, of(number)).await.created().text("id");
    }
    let refused = ada.post(&invite, of(0)).await;
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=300).contains(&wait), "{wait}");
    refused.problem(429, "too_many_invitations");
    let resend = format!("{path}/invitations/{last}/resend");
    ada.post(&resend, json!({})).await.problem(429, "too_many_invitations");
    let other = org(&ada, "other").await;
    ada.post(&format!("{other}/invite"), of(9)).await.created();
    t.advance_seconds(300);
    let ada = ada.sign_in_again().await;
    ada.post(&invite, of(0)).await.created();
}

#[tokio::test]
async fn an_address_gets_50_invitations_from_whatever_organizations() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let bob = json!({"email": "bob@example.com"});
    for number in 0..5 {
        let path = org(&ada, &format!("acme-{number}")).await;
        for _ in 0..10 {
            ada.post(&format!("{path}/invite"), bob.clone()).await.created();
        }
    }
    let path = org(&ada, "one-more").await;
    let invite = format!("{path}/invite");
    let refused = ada.post(&invite, bob).await;
    refused.problem(429, "too_many_invitations");
    let eve = json!({"email": "eve@example.com"});
    ada.post(&invite, eve).await.created();
}

#[tokio::test]
async fn an_address_gets_few_mails_about_what_whoever_signed_up_with_it_does() {
    let t = Test::new().await;
    let mut ada = t.user("ada").await;
    for _ in 0..6 {
        ada.post("/api/v1/auth/logout-all", json!({})).await.ok();
        ada = ada.sign_in_again().await;
    }
    let mails = t.outbox().await;
    let told = mails
        .iter()
        .filter(|mail| mail["to"] == "ada@example.com" && mail["subject"] == "Access to your account was reset");
    assert_eq!(told.count(), 3, "{mails:?}");
}
