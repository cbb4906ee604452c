//! Plans, and how organizations pay for them.

mod analytics;
mod changes;
mod checkout;
mod downgrade;
mod entitlements;
mod lifecycle;
mod order;
mod outages;
mod overage;
mod premium;
mod webhook;

use serde_json::{Value, json};

use crate::support::{RETURN, Shop, Test};

#[tokio::test]
async fn everyone_sees_the_plans_with_their_prices_limits_and_features() {
    let t = Test::new().await;
    let plans = t.anonymous().get("/api/v1/billing/plans").await.ok().json();
    let of = |name: &str| -> Vec<Value> {
        plans
            .as_array()
            .unwrap()
            .iter()
            .map(|plan| plan[name].clone())
            .collect()
    };
    assert_eq!(of("plan_type"), ["FREE", "PRO", "TEAM"]);
    assert_eq!(of("name"), ["Free", "Pro", "Team"]);
    assert_eq!(
        of("features"),
        [json!([]), json!(["analytics"]), json!(["analytics", "white_label"])]
    );
    let pro = &plans[1];
    let price = json!({"amount_cents": 2_900, "currency": "usd", "interval": "month", "per_seat": false});
    assert_eq!(pro["price"], price);
    assert_eq!(pro["limits"]["tokens_per_day"], 1_000_000);
    assert_eq!(plans[2]["price"]["per_seat"], true);
    assert_eq!(of("version").iter().filter(|version| version.is_string()).count(), 3);
}

#[tokio::test]
async fn without_a_key_of_stripe_billing_says_so_and_the_rest_works() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let checkout = json!({"plan_type": "PRO", "success_url": RETURN});
    let problem = ada.post("/api/v1/billing/checkout", checkout).await;
    problem.problem(503, "billing_not_configured");
    let portal = ada.post("/api/v1/billing/portal", json!({"return_url": RETURN})).await;
    portal.problem(503, "billing_not_configured");
    ada.get("/api/v1/billing/invoices")
        .await
        .problem(503, "billing_not_configured");
    let found = ada.get("/api/v1/billing/subscription").await.ok().json();
    assert_eq!((&found["plan_type"], &found["status"]), (&json!("FREE"), &Value::Null));
    t.anonymous()
        .get("/_local/dlq")
        .await
        .ok()
        .json()
        .as_object()
        .unwrap()
        .values()
        .for_each(|letters| assert_eq!(letters, &json!([])));
}

#[tokio::test]
async fn a_key_of_another_mode_is_none() {
    let shop = Shop::with(&[("STRIPE_SECRET_KEY", "sk_live_double")]).await;
    let ada = shop.t.user("ada").await;
    let checkout = json!({"plan_type": "PRO", "success_url": RETURN});
    let refused = ada.post("/api/v1/billing/checkout", checkout).await;
    refused.problem(503, "billing_not_configured");
    assert_eq!(shop.stripe.received().len(), 0);
}

#[tokio::test]
async fn a_new_account_gets_its_customer_from_the_queue() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    assert_eq!(ada.account["stripe_customer_id"], Value::Null);
    shop.t.drain().await;
    let customers = shop.stripe.customers();
    assert_eq!(customers.len(), 1);
    assert_eq!(customers[0]["email"], "ada@example.com");
    assert_eq!(customers[0]["metadata"], json!({"org_id": ada.org()}));
    let me = ada.get("/api/v1/auth/me").await.ok().json();
    assert_eq!(me["stripe_customer_id"], customers[0]["id"]);
    let audited = shop.t.audited(ada.org()).await;
    assert_eq!(audited, ["user.created", "billing.customer_created"]);
}

#[tokio::test]
async fn the_customer_goes_when_the_account_is_erased() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    shop.subscribe(&ada, "PRO").await;
    let identity = shop.t.items("parlance-identity").await;
    let of_billing = |(pk, sk): &(String, String)| {
        pk.starts_with("SCUS#") || pk == "BILLCHECK" || sk == "SUB" || sk.starts_with("BILLOP#")
    };
    assert_eq!(identity.keys().filter(|key| of_billing(key)).count(), 5);
    ada.delete("/api/v1/users/me").await.ok();
    shop.t.drain_all().await;
    assert_eq!(shop.stripe.customers()[0]["deleted"], true);
    let left = shop.t.items("parlance-identity").await;
    let left: Vec<_> = left.keys().filter(|key| of_billing(key)).collect();
    assert_eq!(left, Vec::<&(String, String)>::new());
    // Events that come late find nobody.
    shop.settle().await;
}
