//! Pages on which organizations subscribe.

use futures::future::join_all;
use serde_json::{Value, json};
use stripe_double::{PRICE_TEAM, SECRET_KEY};

use crate::support::{Answer, Caller, RACERS, RETURN, Shop, statuses};

const CHECKOUT: &str = "/api/v1/billing/checkout";

fn pro() -> Value {
    json!({"plan_type": "PRO", "success_url": RETURN, "cancel_url": "http://localhost:3000/pricing?status=cancel"})
}

async fn check_out(caller: &Caller, body: Value) -> Answer {
    caller.post(CHECKOUT, body).await
}

#[tokio::test]
async fn a_checkout_leads_to_a_page_of_stripe() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let page = check_out(&ada, pro()).await.created().json();
    let session = &shop.stripe.sessions()[0];
    assert_eq!((&page["url"], &page["session_id"]), (&session["url"], &session["id"]));
    assert_eq!(page["checkout_url"], page["url"]);
    assert!(page["expires_at"].is_string());
    assert_eq!(session["client_reference_id"], ada.org());
    assert_eq!(session["metadata"], json!({"org_id": ada.org()}));
    assert_eq!(
        (&session["mode"], &session["amount_total"]),
        (&json!("subscription"), &json!(2_900))
    );
    let request = shop.stripe.received().pop().unwrap();
    assert_eq!(request.version.as_deref(), Some(stripe::API_VERSION));
    assert!(request.idempotency_key.is_some_and(|key| key.starts_with("checkout-")));
    assert!(SECRET_KEY.starts_with("sk_test_"));
    assert_eq!(
        shop.t.audited(ada.org()).await[1..],
        ["billing.customer_created", "billing.checkout_created"]
    );
}

#[tokio::test]
async fn a_team_pays_for_its_members() {
    let shop = Shop::open().await;
    let (ada, bob, eve) = (
        shop.t.user("ada").await,
        shop.t.user("bob").await,
        shop.t.user("eve").await,
    );
    let org = shop
        .t
        .shared_org("acme", &[(&ada, "owner"), (&bob, "admin"), (&eve, "member")])
        .await;
    let ada = ada.with_header("x-current-org", &org);
    let body = json!({"plan_type": "team", "success_url": RETURN});
    check_out(&ada, body.clone()).await.created();
    let session = &shop.stripe.sessions()[0];
    assert_eq!(session["amount_total"], 3 * 1_900);
    let sent = shop.stripe.received().pop().unwrap().body;
    assert!(sent.contains(PRICE_TEAM) && sent.contains("quantity%5D=3"), "{sent}");
    // An administrator may as well, a member may not, and for others the organization does not exist.
    check_out(&bob.with_header("x-current-org", &org), body.clone())
        .await
        .created();
    let member = eve.with_header("x-current-org", &org);
    check_out(&member, body.clone()).await.problem(403, "role_required");
    member.get("/api/v1/billing/subscription").await.ok();
    let mallory = shop.t.user("mallory").await.with_header("x-current-org", &org);
    check_out(&mallory, body).await.problem(404, "not_found");
    mallory
        .get("/api/v1/billing/subscription")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn pages_lead_back_to_the_product_only() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    for url in [
        "https://evil.example/",
        "http://localhost:3001/",
        "javascript:alert(1)",
        "/pricing",
        "",
    ] {
        for (field, other) in [("success_url", "cancel_url"), ("cancel_url", "success_url")] {
            let body = json!({"plan_type": "PRO", field: url, other: RETURN});
            assert_eq!(check_out(&ada, body).await.invalid(), [format!("/{field}")], "{url}");
        }
        let portal = ada.post("/api/v1/billing/portal", json!({"return_url": url})).await;
        assert_eq!(portal.invalid(), ["/return_url"], "{url}");
    }
    for plan in ["FREE", "enterprise", ""] {
        let body = json!({"plan_type": plan, "success_url": RETURN});
        assert_eq!(check_out(&ada, body).await.invalid(), ["/plan_type"], "{plan}");
    }
    let received = shop.stripe.received();
    assert!(received.iter().all(|one| one.path == "/v1/customers"), "{received:?}");
}

#[tokio::test]
async fn a_double_click_makes_one_customer_and_one_session() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let answers = join_all((0..RACERS).map(|_| check_out(&ada, pro()))).await;
    assert_eq!(statuses(&answers), [(201, RACERS)].into());
    let first = answers[0].json();
    assert!(answers.iter().all(|answer| answer.json()["url"] == first["url"]));
    assert_eq!((shop.stripe.customers().len(), shop.stripe.sessions().len()), (1, 1));
    shop.t.drain().await;
    assert_eq!(shop.stripe.customers().len(), 1, "the queue finds the customer");
}

#[tokio::test]
async fn another_intention_is_another_session_and_closes_the_first() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let first = shop.checkout(&ada, "PRO").await;
    let second = shop.checkout(&ada, "TEAM").await;
    assert_ne!(first, second);
    assert_eq!(shop.stripe.session(&first).unwrap()["status"], "expired");
    assert_eq!(shop.stripe.pay(&first), None);
    assert_eq!(shop.stripe.session(&second).unwrap()["status"], "open");
    // A day later the page is closed, and the same request opens another one.
    shop.advance_seconds(24 * 3600 + 1);
    let ada = ada.sign_in_again().await;
    assert_ne!(shop.checkout(&ada, "TEAM").await, second);
}

#[tokio::test]
async fn who_has_a_subscription_cannot_begin_a_second_one() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let session = shop.checkout(&ada, "PRO").await;
    shop.stripe.pay(&session).unwrap();
    // Before any event has arrived.
    check_out(&ada, pro()).await.problem(409, "subscription_exists");
    assert_eq!(shop.subscription(&ada).await["plan_type"], "PRO");
    // And once it has ended, the same request begins another one.
    let subscription = shop
        .stripe
        .subscriptions_of(shop.stripe.customers()[0]["id"].as_str().unwrap());
    shop.stripe
        .set_status(subscription[0]["id"].as_str().unwrap(), "canceled");
    let again = check_out(&ada, pro()).await.created().text("session_id");
    assert_ne!(again, session);
}

#[tokio::test]
async fn trials_codes_and_taxes_are_switches() {
    let shop = Shop::with(&[
        ("STRIPE_TRIAL_DAYS", "14"),
        ("STRIPE_PROMOTION_CODES", "on"),
        ("STRIPE_AUTOMATIC_TAX", "on"),
    ])
    .await;
    let ada = shop.t.user("ada").await;
    let session = shop.checkout(&ada, "PRO").await;
    let sent = shop.stripe.received().pop().unwrap().body;
    for part in [
        "trial_period_days%5D=14",
        "allow_promotion_codes=true",
        "automatic_tax%5Benabled%5D=true",
    ] {
        assert!(sent.contains(part), "{part}: {sent}");
    }
    let subscription = shop.stripe.pay(&session).unwrap();
    shop.settle().await;
    let found = shop.subscription(&ada).await;
    assert_eq!(
        (&found["plan_type"], &found["status"]),
        (&json!("PRO"), &json!("trialing"))
    );
    assert!(found["trial_end"].is_string());
    // Nobody tries twice.
    shop.stripe.set_status(&subscription, "canceled");
    shop.settle().await;
    shop.checkout(&ada, "PRO").await;
    let sent = shop.stripe.received().pop().unwrap().body;
    assert!(!sent.contains("trial"), "{sent}");
}

#[tokio::test]
async fn the_portal_is_a_page_of_its_own_each_time() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let portal = json!({"return_url": "http://localhost:3000/billing"});
    let page = ada
        .post("/api/v1/billing/portal", portal.clone())
        .await
        .created()
        .json();
    assert!(page["url"].as_str().unwrap().starts_with("https://"));
    assert_eq!(
        (&page["session_id"], &page["checkout_url"]),
        (&Value::Null, &Value::Null)
    );
    let again = ada.post("/api/v1/billing/portal", portal).await.created().json();
    assert_ne!(again["url"], page["url"]);
    assert_eq!(shop.stripe.customers().len(), 1);
}
