//! The links in mails lead to the console, and their tokens do what the mails say.

use reqwest::Method;
use serde_json::json;

use crate::support::{Caller, PASSWORD, Test};

/// Follows the newest link below this path in the mails to an address, and returns its token.
async fn followed(t: &Test, address: &str, path: &str) -> String {
    let mails = t.outbox().await;
    // Two mails to one address may be sent in any order.
    let texts = mails.iter().filter(|mail| mail["to"] == address);
    let mut texts = texts.map(|mail| mail["text"].as_str().unwrap());
    let text = texts.find(|text| text.contains(&format!("{path}?"))).unwrap();
    let link = text.split_whitespace().find(|word| word.contains("?token=")).unwrap();
    let api = t.stack.url().replace("127.0.0.1", "localhost");
    assert!(link.starts_with(&format!("{api}{path}?token=")), "{link}");
    let request = t.anonymous().request(Method::GET, link);
    let page = t.anonymous().send(request.header("accept", "text/html")).await.ok();
    assert_eq!(
        page.header("referrer-policy"),
        "no-referrer",
        "the token is in the address"
    );
    assert!(String::from_utf8(page.body).unwrap().contains("<div id=\"app\">"));
    link.split_once("?token=").unwrap().1.to_owned()
}

/// Signs in or up, as somebody who has followed a link.
async fn signed_in(t: &Test, how: &str, address: &str) -> Caller {
    let credentials = json!({"email": address, "password": PASSWORD});
    let answer = t.anonymous().post(&format!("/api/v1/auth/{how}"), credentials).await;
    t.anonymous().with_token(&answer.text("access_token"))
}

#[tokio::test]
async fn the_link_of_a_new_account_confirms_its_address() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let token = followed(&t, "ada@example.com", "/verify-email").await;
    let confirm = "/api/v1/auth/verify-email/confirm";
    t.anonymous().post(confirm, json!({"token": token})).await.ok();
    assert_eq!(ada.get("/api/v1/auth/me").await.ok().json()["email_verified"], true);
}

#[tokio::test]
async fn the_link_to_a_new_address_gives_it_to_the_account_that_signs_in() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    ada.verify().await;
    let change = json!({"email": "new@example.com", "current_password": PASSWORD});
    ada.put("/api/v1/users/me", change).await.ok();
    let token = followed(&t, "new@example.com", "/change-email").await;
    let owner = signed_in(&t, "login", "ada@example.com").await;
    owner
        .post("/api/v1/auth/verify-email/confirm", json!({"token": token}))
        .await
        .ok();
    assert_eq!(ada.get("/api/v1/auth/me").await.ok().json()["email"], "new@example.com");
}

#[tokio::test]
async fn the_link_of_a_forgotten_password_sets_a_new_one() {
    let t = Test::new().await;
    t.user("ada").await;
    let forgotten = json!({"email": "ada@example.com"});
    t.anonymous().post("/api/v1/auth/reset-password", forgotten).await.ok();
    let token = followed(&t, "ada@example.com", "/reset-password").await;
    let new = "another horse battery";
    let reset = json!({"token": token, "new_password": new});
    t.anonymous()
        .post("/api/v1/auth/reset-password/confirm", reset)
        .await
        .ok();
    let credentials = json!({"email": "ada@example.com", "password": new});
    t.anonymous().post("/api/v1/auth/login", credentials).await.ok();
}

#[tokio::test]
async fn the_link_of_an_invitation_is_accepted_by_a_new_account_and_declined_by_an_old_one() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let org = ada.found_org("acme").await;
    let invite = async |address: &str| {
        let new = json!({"email": address, "role": "member"});
        ada.post(&format!("/api/v1/orgs/{org}/invite"), new).await.created();
        json!({"token": followed(&t, address, "/invitations").await})
    };
    let token = invite("bob@example.com").await;
    let bob = signed_in(&t, "register", "bob@example.com").await;
    assert_eq!(bob.post("/api/v1/invitations/accept", token).await.ok().text("id"), org);

    t.user("eve").await;
    let token = invite("eve@example.com").await;
    let eve = signed_in(&t, "login", "eve@example.com").await;
    eve.post("/api/v1/invitations/decline", token).await.expect(204);
    let members = ada.get(&format!("/api/v1/orgs/{org}/members")).await.ok().json();
    assert_eq!(members.as_array().unwrap().len(), 2, "{members}");
}

#[tokio::test]
async fn links_lead_where_the_environment_says() {
    let t = Test::with(&[("PUBLIC_URL", "https://app.example.com/")]).await;
    t.user("ada").await;
    let mails = t.outbox().await;
    let text = mails[0]["text"].as_str().unwrap();
    assert!(text.contains("\nhttps://app.example.com/verify-email?token="), "{text}");
}
