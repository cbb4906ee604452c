//! Stripe fails, is slow, or loses responses.

use futures::future::join_all;
use serde_json::{Value, json};
use stripe_double::Fault;

use crate::support::{RETURN, Shop};

const CHECKOUT: &str = "/api/v1/billing/checkout";
const SESSIONS: &str = "/v1/checkout/sessions";
const CUSTOMERS: &str = "/v1/customers";

fn pro() -> Value {
    json!({"plan_type": "PRO", "success_url": RETURN})
}

/// The idempotency keys with which a path was called.
fn keys(shop: &Shop, path: &str) -> Vec<String> {
    let received = shop.stripe.received().into_iter();
    received
        .filter(|one| one.method == "POST" && one.path == path)
        .map(|one| one.idempotency_key.unwrap())
        .collect()
}

#[tokio::test]
async fn what_stripe_asks_to_repeat_is_repeated_with_the_same_key() {
    let shop = Shop::open().await;
    let refusals = [
        (409, None),
        (429, None),
        (500, Some(true)),
        (503, None),
        (400, Some(true)),
    ];
    for (number, (status, should_retry)) in refusals.into_iter().enumerate() {
        let ada = shop.t.user(&format!("ada{number}")).await;
        shop.t.drain().await;
        let before = keys(&shop, SESSIONS).len();
        shop.stripe.next_at(
            SESSIONS,
            Fault::Refused {
                status,
                should_retry,
                retry_after: None,
            },
        );
        ada.post(CHECKOUT, pro()).await.created();
        let keys = &keys(&shop, SESSIONS)[before..];
        assert!(keys.len() == 2 && keys[0] == keys[1], "{status}: {keys:?}");
    }
    assert_eq!(shop.stripe.sessions().len(), refusals.len());
}

#[tokio::test]
async fn what_stripe_asks_not_to_repeat_is_not_repeated() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    shop.t.drain().await;
    let before = shop.stripe.received().len();
    shop.stripe.next(Fault::Refused {
        status: 503,
        should_retry: Some(false),
        retry_after: None,
    });
    let problem = ada.post(CHECKOUT, pro()).await;
    assert_eq!(problem.header("retry-after"), "10");
    problem.problem(503, "payment_provider_unavailable");
    assert_eq!(shop.stripe.received().len(), before + 1);
    ada.post(CHECKOUT, pro()).await.created();
}

#[tokio::test]
async fn a_lost_response_has_no_second_effect() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    // Of the customer that the queue creates, and of the session.
    shop.stripe.next(Fault::LostResponse);
    shop.t.drain().await;
    assert_eq!(shop.stripe.customers().len(), 1);
    let of_customer = keys(&shop, CUSTOMERS);
    assert!(
        of_customer.len() == 2 && of_customer[0] == of_customer[1],
        "{of_customer:?}"
    );
    shop.stripe.next_at(SESSIONS, Fault::LostResponse);
    ada.post(CHECKOUT, pro()).await.created();
    assert_eq!(shop.stripe.sessions().len(), 1);
}

#[tokio::test]
async fn a_stored_failure_is_not_asked_for_again_and_again() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    shop.stripe.next(Fault::StoredFailure);
    shop.t.drain().await;
    // The first attempt fails, the second one gets the stored failure, and another key succeeds.
    let of_customer = keys(&shop, CUSTOMERS);
    assert_eq!(of_customer.len(), 3, "{of_customer:?}");
    assert_eq!(of_customer[0], of_customer[1]);
    assert_ne!(of_customer[1], of_customer[2]);
    assert_eq!(shop.stripe.customers().len(), 1);
    // The same for people who meet.
    shop.stripe.next_at(SESSIONS, Fault::StoredFailure);
    let answers = join_all((0..8).map(|_| ada.post(CHECKOUT, pro()))).await;
    let urls: std::collections::BTreeSet<String> =
        answers.into_iter().map(|answer| answer.created().text("url")).collect();
    assert_eq!((urls.len(), shop.stripe.sessions().len()), (1, 1));
}

#[tokio::test]
async fn a_key_that_another_request_holds_is_waited_for() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    shop.t.drain().await;
    let in_use = Fault::Refused {
        status: 409,
        should_retry: Some(true),
        retry_after: None,
    };
    shop.stripe.next_at(SESSIONS, in_use);
    ada.post(CHECKOUT, pro()).await.created();
    assert_eq!(
        (shop.stripe.count("POST", SESSIONS), shop.stripe.sessions().len()),
        (2, 1)
    );
}

#[tokio::test]
async fn sign_up_does_not_wait_for_a_stripe_that_hangs() {
    let shop = Shop::open().await;
    shop.stripe.hang(true);
    // Nobody takes messages, so all calls would be those of sign-up.
    let ada = shop.t.without_queue("apply_stripe_events", shop.t.user("ada")).await;
    assert_eq!(shop.stripe.received().len(), 0);
    assert_eq!(ada.account["stripe_customer_id"], Value::Null);
    shop.stripe.hang(false);
    // Without its message, the customer is created when it is needed.
    ada.post(CHECKOUT, pro()).await.created();
    assert_eq!(shop.stripe.customers().len(), 1);
}
