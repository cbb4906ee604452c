//! Events in any order, repeated, and late: the end is always Stripe's.

use domain::{BillingEvent, BillingMessage};
use futures::future::join_all;
use serde_json::Value;

use crate::support::{Caller, Random, Shop};

/// How many lives are shuffled: `PARLANCE_SHUFFLES`.
fn shuffles() -> usize {
    let wanted = std::env::var("PARLANCE_SHUFFLES").ok();
    wanted.map_or(64, |wanted| wanted.parse().unwrap())
}

/// What happens in the life of a subscription after its checkout.
const LIFE: [&str; 7] = ["active", "past_due", "active", "unpaid", "active", "paused", "canceled"];

fn message(event: &Value) -> BillingMessage {
    let object = &event["data"]["object"];
    BillingMessage::Event(BillingEvent {
        event_id: event["id"].as_str().unwrap().to_owned(),
        event_type: event["type"].as_str().unwrap().to_owned(),
        customer_id: object["customer"].as_str().map(str::to_owned),
        invoice: None,
    })
}

/// One life: each step happens at Stripe, and its events arrive when chance wants them to, some twice.
async fn live(shop: &Shop, ada: &Caller, random: &mut Random, steps: usize) {
    let app = shop.t.stack.functions().app("apply_stripe_events").unwrap();
    let session = shop.checkout(ada, ["PRO", "TEAM"][random.below(2)]).await;
    let subscription = if random.below(2) == 0 {
        shop.stripe.pay(&session).unwrap()
    } else {
        shop.stripe.pay_later(&session).unwrap()
    };
    let mut pending: Vec<Value> = Vec::new();
    for status in LIFE.iter().take(steps) {
        pending.extend(shop.stripe.take_events());
        while !pending.is_empty() && random.below(3) > 0 {
            let at = random.below(pending.len());
            let event = if random.below(4) == 0 {
                pending[at].clone()
            } else {
                pending.swap_remove(at)
            };
            app.apply_stripe_events(&message(&event)).await.unwrap();
        }
        shop.stripe.set_status(&subscription, status);
    }
    pending.extend(shop.stripe.take_events());
    while !pending.is_empty() {
        let at = random.below(pending.len());
        let event = pending.swap_remove(at);
        app.apply_stripe_events(&message(&event)).await.unwrap();
    }
    let ours = shop.subscription(ada).await;
    let theirs = shop.stripe.subscription(&subscription).unwrap();
    assert_eq!(ours["stripe_subscription_id"], theirs["id"]);
    assert_eq!(ours["status"], theirs["status"], "after {steps} steps");
    let has_access = ["active", "trialing", "past_due"]
        .iter()
        .any(|status| theirs["status"] == *status);
    let plan = ours["subscribed_plan_type"].as_str().unwrap();
    assert_eq!(ours["plan_type"], if has_access { plan } else { "FREE" });
    // The next life begins with another checkout.
    shop.stripe.set_status(&subscription, "canceled");
    for event in shop.stripe.take_events() {
        app.apply_stripe_events(&message(&event)).await.unwrap();
    }
}

#[tokio::test]
async fn shuffled_lives_of_subscriptions_end_as_at_stripe() {
    let mut random = Random::from_environment();
    let all = shuffles();
    let (mut done, mut people) = (0, 0);
    while done < all {
        // A customer has at most forty lives.
        let shop = Shop::open().await;
        let ada = shop.t.user(&format!("ada{people}")).await;
        shop.t.drain().await;
        people += 1;
        for _ in 0..40.min(all - done) {
            let steps = 1 + random.below(LIFE.len());
            live(&shop, &ada, &mut random, steps).await;
            done += 1;
        }
    }
    println!("{done} shuffled lives ended as at Stripe");
}

#[tokio::test]
async fn events_applied_at_once_end_as_at_stripe() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let session = shop.checkout(&ada, "PRO").await;
    let subscription = shop.stripe.pay(&session).unwrap();
    for status in LIFE {
        shop.stripe.set_status(&subscription, status);
    }
    let app = shop.t.stack.functions().app("apply_stripe_events").unwrap();
    let messages: Vec<_> = shop.stripe.take_events().iter().map(message).collect();
    for done in join_all(messages.iter().map(|message| app.apply_stripe_events(message))).await {
        done.unwrap();
    }
    let found = shop.subscription(&ada).await;
    assert_eq!(
        (found["status"].as_str(), found["plan_type"].as_str()),
        (Some("canceled"), Some("FREE"))
    );
}
