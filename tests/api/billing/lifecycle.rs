//! The life of a subscription, and the plan that follows from it.

use serde_json::{Value, json};

use crate::support::{Caller, Shop};

const DAY: u64 = 24 * 3600;

async fn plan(shop: &Shop, caller: &Caller) -> (String, String) {
    let found = shop.subscription(caller).await;
    let text = |name: &str| found[name].as_str().unwrap_or("none").to_owned();
    (text("plan_type"), text("status"))
}

fn of(plan: &str, status: &str) -> (String, String) {
    (plan.to_owned(), status.to_owned())
}

#[tokio::test]
async fn a_paid_plan_raises_limits_and_opens_features_until_its_period_ends() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    ada.get("/api/v1/premium/analytics").await.problem(403, "plan_required");
    let subscription = shop.subscribe(&ada, "PRO").await;
    let found = shop.subscription(&ada).await;
    assert_eq!(found["limits"]["tokens_per_day"], 1_000_000);
    assert_eq!(
        (&found["features"], &found["stripe_subscription_id"]),
        (&json!(["analytics"]), &json!(subscription))
    );
    ada.get("/api/v1/premium/analytics").await.ok();
    let org = ada.get(&format!("/api/v1/orgs/{}", ada.org())).await.ok().json();
    assert_eq!(org["plan"], "PRO");

    let canceled = ada
        .post("/api/v1/billing/subscription/cancel", json!({}))
        .await
        .ok()
        .json();
    assert_eq!(
        (&canceled["cancel_at_period_end"], &canceled["plan_type"]),
        (&json!(true), &json!("PRO"))
    );
    shop.settle().await;
    ada.get("/api/v1/premium/analytics").await.ok();
    shop.advance_seconds(30 * DAY + 60);
    shop.settle().await;
    let ada = ada.sign_in_again().await;
    assert_eq!(plan(&shop, &ada).await, of("FREE", "canceled"));
    ada.get("/api/v1/premium/analytics").await.problem(403, "plan_required");
    let mails = shop.t.outbox().await;
    let subjects: Vec<&str> = mails.iter().filter_map(|mail| mail["subject"].as_str()).collect();
    assert_eq!(subjects[0], "Your plan is now FREE", "{subjects:?}");
}

#[tokio::test]
async fn a_renewal_keeps_the_plan_and_a_cancellation_can_be_undone() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    shop.subscribe(&ada, "PRO").await;
    ada.post("/api/v1/billing/subscription/cancel", json!({})).await.ok();
    let resumed = ada
        .post("/api/v1/billing/subscription/resume", json!({}))
        .await
        .ok()
        .json();
    assert_eq!(resumed["cancel_at_period_end"], false);
    // Twice is as good as once.
    let calls = shop.stripe.received().len();
    ada.post("/api/v1/billing/subscription/resume", json!({})).await.ok();
    let posts = shop.stripe.received()[calls..]
        .iter()
        .filter(|one| one.method == "POST")
        .count();
    assert_eq!(posts, 0);
    shop.advance_seconds(31 * DAY);
    shop.settle().await;
    let ada = ada.sign_in_again().await;
    assert_eq!(plan(&shop, &ada).await, of("PRO", "active"));
    let invoices = ada.get("/api/v1/billing/invoices").await.ok().json();
    let totals: Vec<&Value> = invoices
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["total_cents"])
        .collect();
    assert_eq!(totals, [2_900, 2_900]);
    assert_eq!(invoices[0]["status"], "paid");
}

#[tokio::test]
async fn an_overdue_payment_ends_the_plan_after_seven_days_by_the_schedule() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let subscription = shop.subscribe(&ada, "PRO").await;
    shop.stripe.charge(&subscription, false);
    shop.settle().await;
    let found = shop.subscription(&ada).await;
    assert_eq!(
        (&found["plan_type"], &found["status"]),
        (&json!("PRO"), &json!("past_due"))
    );
    assert!(found["grace_ends_at"].is_string());
    let mails = shop.t.outbox().await;
    assert_eq!(mails[0]["subject"], "Your payment failed");
    assert!(mails[0]["text"].as_str().unwrap().contains("The plan stays until"));

    shop.advance_seconds(7 * DAY - 60);
    shop.reconcile().await;
    let ada = ada.sign_in_again().await;
    assert_eq!(plan(&shop, &ada).await, of("PRO", "past_due"));
    shop.advance_seconds(61);
    shop.reconcile().await;
    assert_eq!(plan(&shop, &ada).await, of("FREE", "past_due"));
    let audited = shop.t.audited(ada.org()).await;
    assert_eq!(audited.last().map(String::as_str), Some("billing.reconciled"));
    // Paid after all.
    shop.stripe.charge(&subscription, true);
    shop.settle().await;
    assert_eq!(plan(&shop, &ada).await, of("PRO", "active"));
    assert_eq!(shop.subscription(&ada).await["grace_ends_at"], Value::Null);
}

#[tokio::test]
async fn what_is_not_paid_gives_no_plan_and_no_error() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let subscription = shop.subscribe(&ada, "TEAM").await;
    for (status, shown, expected) in [
        ("unpaid", "unpaid", "FREE"),
        ("active", "active", "TEAM"),
        ("paused", "paused", "FREE"),
        ("trialing", "trialing", "TEAM"),
        ("on_holiday", "unknown", "FREE"),
        ("past_due", "past_due", "TEAM"),
        ("incomplete_expired", "incomplete_expired", "FREE"),
    ] {
        shop.stripe.set_status(&subscription, status);
        shop.settle().await;
        assert_eq!(plan(&shop, &ada).await, of(expected, shown));
    }
}

#[tokio::test]
async fn a_payment_that_takes_days_gives_the_plan_when_it_arrives() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let session = shop.checkout(&ada, "PRO").await;
    let subscription = shop.stripe.pay_later(&session).unwrap();
    shop.settle().await;
    assert_eq!(plan(&shop, &ada).await, of("FREE", "incomplete"));
    shop.advance_seconds(3 * DAY);
    shop.stripe.charge(&subscription, true);
    shop.settle().await;
    let ada = ada.sign_in_again().await;
    assert_eq!(plan(&shop, &ada).await, of("PRO", "active"));
}

#[tokio::test]
async fn a_lost_event_is_made_up_for_within_a_day() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let subscription = shop.subscribe(&ada, "PRO").await;
    shop.stripe.set_status(&subscription, "canceled");
    assert_eq!(shop.stripe.take_events().len(), 1, "lost");
    shop.reconcile().await;
    assert_eq!(plan(&shop, &ada).await, of("PRO", "active"), "nothing is due yet");
    shop.advance_seconds(DAY + 1);
    shop.reconcile().await;
    let ada = ada.sign_in_again().await;
    assert_eq!(plan(&shop, &ada).await, of("FREE", "canceled"));
    let calls = shop.stripe.received().len();
    shop.advance_seconds(3 * DAY);
    shop.reconcile().await;
    assert_eq!(shop.stripe.received().len(), calls, "what has ended is not compared");
}

#[tokio::test]
async fn a_price_of_another_product_gives_no_plan() {
    let shop = Shop::with(&[("STRIPE_PRICE_PRO", "price_team"), ("STRIPE_PRICE_TEAM", "price_other")]).await;
    let ada = shop.t.user("ada").await;
    shop.subscribe(&ada, "PRO").await;
    assert_eq!(plan(&shop, &ada).await, of("PRO", "active"));
    // An operator has changed the prices: `price_team` is that of TEAM.
    let other = Shop::open().await;
    let bob = other.t.user("bob").await;
    other.subscribe(&bob, "TEAM").await;
    assert_eq!(plan(&other, &bob).await, of("TEAM", "active"));
}

#[tokio::test]
async fn a_smaller_plan_removes_nothing_and_allows_no_more() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let subscription = shop.subscribe(&ada, "PRO").await;
    for _ in 0..5 {
        ada.chatbot(&[]).await;
    }
    shop.stripe.set_status(&subscription, "canceled");
    shop.settle().await;
    let found = shop.subscription(&ada).await;
    assert_eq!(found["plan_type"], "FREE");
    assert_eq!(
        found["exceeded_limits"],
        json!([{"resource": "chatbots", "used": 5, "limit": 3}])
    );
    let bots = ada.get("/api/v1/chatbots").await.ok().json();
    assert_eq!(bots.as_array().unwrap().len(), 5);
    let refused = ada.post("/api/v1/chatbots", json!({"name": "One more"})).await;
    refused.problem(409, "limit_reached");
    let mails = shop.t.outbox().await;
    let text = mails[0]["text"].as_str().unwrap();
    assert!(
        text.contains("Nothing was deleted") && text.contains("5 chatbots are used, and 3 are included"),
        "{text}"
    );
    for bot in bots.as_array().unwrap().iter().take(3) {
        ada.delete(&format!("/api/v1/chatbots/{}", bot["id"].as_str().unwrap()))
            .await;
    }
    ada.chatbot(&[]).await;
    assert_eq!(shop.subscription(&ada).await["exceeded_limits"], json!([]));
}

#[tokio::test]
async fn a_deleted_organization_pays_no_more() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let org = ada.found_org("Acme").await;
    let of_org = ada.with_header("x-current-org", &org);
    let subscription = shop.subscribe(&of_org, "TEAM").await;
    ada.delete(&format!("/api/v1/orgs/{org}")).await.expect(204);
    shop.t.drain_all().await;
    assert_eq!(shop.stripe.subscription(&subscription).unwrap()["status"], "canceled");
    shop.settle().await;
    shop.advance_seconds(2 * DAY);
    shop.reconcile().await;
    let identity = shop.t.items("parlance-identity").await;
    assert!(!identity.keys().any(|(pk, _)| pk == "BILLCHECK"));
}
