//! Changes of a subscription: plan, seats, preview.

use futures::future::join_all;
use serde_json::json;
use stripe_double::Fault;

use crate::support::{Shop, statuses};

const SUBSCRIPTION: &str = "/api/v1/billing/subscription";
const PREVIEW: &str = "/api/v1/billing/subscription/preview";

#[tokio::test]
async fn a_plan_is_changed_at_once_and_its_cost_is_known_before() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let subscription = shop.subscribe(&ada, "PRO").await;
    shop.advance_seconds(15 * 24 * 3600);
    let ada = ada.sign_in_again().await;
    let team = json!({"plan_type": "TEAM"});
    let preview = ada.post(PREVIEW, team.clone()).await.ok().json();
    assert_eq!(
        (&preview["plan_type"], &preview["quantity"]),
        (&json!("TEAM"), &json!(1))
    );
    let amounts: Vec<i64> = preview["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["amount_cents"].as_i64().unwrap())
        .collect();
    assert!(amounts[0] < 0 && amounts[1] > 0, "{preview}");
    assert_eq!(amounts.iter().sum::<i64>(), preview["total_cents"].as_i64().unwrap());
    assert_eq!(
        shop.subscription(&ada).await["plan_type"],
        "PRO",
        "a preview changes nothing"
    );

    let changed = ada.put(SUBSCRIPTION, team.clone()).await.ok().json();
    assert_eq!(
        (&changed["plan_type"], &changed["stripe_subscription_id"]),
        (&json!("TEAM"), &json!(subscription))
    );
    let posts = shop.stripe.count("POST", &format!("/v1/subscriptions/{subscription}"));
    assert_eq!(posts, 1);
    ada.put(SUBSCRIPTION, team).await.ok();
    assert_eq!(
        shop.stripe.count("POST", &format!("/v1/subscriptions/{subscription}")),
        1
    );
    for plan in ["FREE", "gold"] {
        let body = json!({"plan_type": plan});
        assert_eq!(ada.put(SUBSCRIPTION, body.clone()).await.invalid(), ["/plan_type"]);
        assert_eq!(ada.post(PREVIEW, body).await.invalid(), ["/plan_type"]);
    }
}

#[tokio::test]
async fn without_a_subscription_there_is_nothing_to_change() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let pro = json!({"plan_type": "PRO"});
    ada.put(SUBSCRIPTION, pro.clone()).await.problem(409, "no_subscription");
    ada.post(PREVIEW, pro).await.problem(409, "no_subscription");
    for end in ["cancel", "resume"] {
        let answer = ada.post(&format!("{SUBSCRIPTION}/{end}"), json!({})).await;
        answer.problem(409, "no_subscription");
    }
    let invoices = ada.get("/api/v1/billing/invoices").await.ok().json();
    assert_eq!(invoices, json!([]));
}

#[tokio::test]
async fn changes_that_meet_end_alike_and_a_lost_response_changes_once() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let subscription = shop.subscribe(&ada, "PRO").await;
    let path = format!("/v1/subscriptions/{subscription}");
    shop.stripe.next_at(&path, Fault::LostResponse);
    let answers = join_all((0..16).map(|_| ada.put(SUBSCRIPTION, json!({"plan_type": "TEAM"})))).await;
    assert_eq!(statuses(&answers), [(200, 16)].into());
    assert!(answers.iter().all(|answer| answer.json()["plan_type"] == "TEAM"));
    let updated = shop.stripe.take_events();
    let updated = updated
        .iter()
        .filter(|event| event["type"] == "customer.subscription.updated");
    assert_eq!(updated.count(), 1, "Stripe changed it once");
}

#[tokio::test]
async fn seats_follow_the_members() {
    let shop = Shop::open().await;
    let (ada, bob) = (shop.t.user("ada").await, shop.t.user("bob").await);
    let org = ada.found_org("Acme").await;
    let of_org = ada.with_header("x-current-org", &org);
    let subscription = shop.subscribe(&of_org, "TEAM").await;
    let quantity = || {
        let found = shop.stripe.subscription(&subscription).unwrap();
        found["items"]["data"][0]["quantity"].as_u64().unwrap()
    };
    assert_eq!(quantity(), 1);
    let invited = json!({"email": "bob@example.com"});
    ada.post(&format!("/api/v1/orgs/{org}/invite"), invited).await.created();
    let token = shop.t.invitation_token("bob@example.com").await;
    shop.settle().await;
    assert_eq!(quantity(), 1, "who is invited does not pay yet");
    bob.post("/api/v1/invitations/accept", json!({"token": token}))
        .await
        .ok();
    shop.t.drain().await;
    assert_eq!(quantity(), 2);
    shop.settle().await;
    assert_eq!(shop.subscription(&of_org).await["quantity"], 2);
    // A message that was lost is made up for by the schedule.
    shop.t
        .without_queue(
            "apply_stripe_events",
            bob.post(&format!("/api/v1/orgs/{org}/leave"), json!({})),
        )
        .await
        .expect(204);
    shop.t.drain().await;
    assert_eq!(quantity(), 2);
    shop.advance_seconds(24 * 3600 + 1);
    shop.reconcile().await;
    assert_eq!(quantity(), 1);
    let audited = shop.t.audited(&org).await;
    assert_eq!(
        audited
            .iter()
            .filter(|action| *action == "billing.seats_changed")
            .count(),
        2
    );
}
