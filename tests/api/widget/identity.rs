//! Visitors whom a web site has signed in.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::OnSite;
use crate::support::Test;

fn signed(algorithm: Algorithm, claims: &Value, secret: &str) -> String {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    jsonwebtoken::encode(
        &Header::new(algorithm),
        claims,
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .unwrap()
}

#[tokio::test]
async fn a_site_says_who_its_visitors_are() {
    let site = OnSite::with(json!({"identity_required": true})).await;
    let path = format!("/api/v1/integrations/website/{}/identity-secret", site.integration);
    let secret = site.ada.post(&path, json!({})).await.created().text("secret");
    let now = site.t.stack.app().clock.now().as_second();
    let claims = json!({"sub": "customer-7", "name": "Grace", "email": "grace@example.com", "exp": now + 300});
    let begin = async |identity: &str| {
        let body = json!({"identity": identity});
        site.visitor().post(&site.path("session"), body).await
    };
    site.visitor()
        .post(&site.path("session"), json!({}))
        .await
        .problem(401, "identity_required");
    begin("").await.problem(401, "identity_required");
    let first = begin(&signed(Algorithm::HS256, &claims, &secret)).await.created();
    site.ask(&first.text("sessionId"), "How long is the warranty of the lamp?")
        .await
        .ok();
    let sessions = site.ada.get("/api/v1/chat/sessions?channel=website").await.ok().json();
    assert_eq!(
        sessions[0]["visitor"],
        json!({"id": "customer-7", "name": "Grace", "email": "grace@example.com", "asked_for_person": false})
    );

    let with = |field: &str, value: Value| {
        let mut claims = claims.clone();
        claims[field] = value;
        claims
    };
    for (what, token) in [
        ("expired", signed(Algorithm::HS256, &with("exp", json!(now)), &secret)),
        (
            "not yet valid",
            signed(Algorithm::HS256, &with("nbf", json!(now + 120)), &secret),
        ),
        (
            "without end",
            signed(Algorithm::HS256, &with("exp", Value::Null), &secret),
        ),
        (
            "without a name",
            signed(Algorithm::HS256, &with("sub", json!(" ")), &secret),
        ),
        (
            "another secret",
            signed(Algorithm::HS256, &claims, "another secret of the same kind"),
        ),
        ("another algorithm", signed(Algorithm::HS512, &claims, &secret)),
        ("no token", "customer-7".to_owned()),
        (
            "long",
            signed(Algorithm::HS256, &with("name", json!("x".repeat(4_000))), &secret),
        ),
    ] {
        let refused = begin(&token).await;
        assert_eq!(refused.text("code"), "identity_invalid", "{what}");
    }

    // A new secret voids the earlier one; neither is ever shown again.
    let next = site.ada.post(&path, json!({})).await.created().text("secret");
    assert_ne!(next, secret);
    begin(&signed(Algorithm::HS256, &claims, &secret))
        .await
        .problem(401, "identity_invalid");
    begin(&signed(Algorithm::HS256, &claims, &next)).await.created();
    let shown = site.ada.get(&site.integration_path()).await.ok();
    assert_eq!(shown.json()["has_identity_secret"], true);
    for table in [
        "parlance-app",
        "parlance-audit",
        "parlance-ephemeral",
        "parlance-identity",
    ] {
        let items = site.t.items(table).await;
        assert!(
            !items
                .values()
                .any(|item| item.contains(&secret) || item.contains(&next)),
            "{table}"
        );
    }
}

#[tokio::test]
async fn only_who_may_change_an_integration_creates_its_secret() {
    let site = OnSite::new().await;
    let path = format!("/api/v1/integrations/website/{}/identity-secret", site.integration);
    let bob = site.t.user("bob").await;
    bob.post(&path, json!({})).await.problem(404, "not_found");
    let slack = site
        .ada
        .post("/api/v1/integrations/slack", json!({"name": "Slack"}))
        .await
        .created();
    let path = format!("/api/v1/integrations/website/{}/identity-secret", slack.text("id"));
    site.ada.post(&path, json!({})).await.problem(409, "not_a_website");
}

#[tokio::test]
async fn a_ciphertext_of_another_organization_verifies_nobody() {
    let t = Test::new().await;
    let site = OnSite::of(t, json!({})).await;
    let bob = site.t.user("bob").await;
    let bot = bob.chatbot(&[]).await;
    let new = json!({"name": "Bob", "chatbot_id": bot, "config": {"allowed_origins": [super::SHOP]}});
    let of_bob = bob.post("/api/v1/integrations/website", new).await.created().text("id");
    let path = |id: &str| format!("/api/v1/integrations/website/{id}/identity-secret");
    let secret = site
        .ada
        .post(&path(&site.integration), json!({}))
        .await
        .created()
        .text("secret");
    bob.post(&path(&of_bob), json!({})).await.created();
    let now = site.t.stack.app().clock.now().as_second();
    let token = signed(Algorithm::HS256, &json!({"sub": "x", "exp": now + 60}), &secret);
    let body = json!({"identity": token});
    let session = format!("/api/chat/widget/{bot}/session");
    site.visitor()
        .post(&session, body)
        .await
        .problem(401, "identity_invalid");
}
