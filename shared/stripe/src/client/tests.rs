//! Requests against a double of Stripe.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use stripe_double::{Fault, SECRET_KEY, Settings, StripeDouble};

use super::*;
use crate::objects::Identified;

const CUSTOMERS: &str = "/v1/customers";

async fn double() -> (StripeDouble, Client) {
    let stripe = StripeDouble::start(Settings::new(|| 1_800_000_000)).await.unwrap();
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let policy = RetryPolicy {
        attempt: Duration::from_secs(5),
        first_pause: Duration::from_millis(2),
        ..RetryPolicy::default()
    };
    let client = Client::new(http, &format!("{}/", stripe.url()), policy);
    (stripe, client)
}

fn create(key: &str) -> Request {
    Request::post(CUSTOMERS, &Form::default().field("metadata[org_id]", "o"), key)
}

async fn send(client: &Client, request: &Request) -> Result<String, Error> {
    let created = client.send::<Identified>(SECRET_KEY, request).await;
    created.map(|created| created.id)
}

fn refusal(status: u16, should_retry: Option<bool>) -> Fault {
    Fault::Refused {
        status,
        should_retry,
        retry_after: None,
    }
}

#[tokio::test]
async fn the_same_key_has_one_effect() {
    let (stripe, client) = double().await;
    let first = send(&client, &create("a")).await.unwrap();
    assert_eq!(send(&client, &create("a")).await.unwrap(), first);
    assert_ne!(send(&client, &create("b")).await.unwrap(), first);
    assert_eq!(stripe.customers().len(), 2);
    let other = Request::post(CUSTOMERS, &Form::default(), "a");
    let error = send(&client, &other).await.unwrap_err();
    assert!(error.spoils_key(), "{error}");
}

#[tokio::test]
async fn failures_are_attempted_again_as_stripe_says() {
    let (stripe, client) = double().await;
    for (number, (status, should_retry, attempts)) in [
        (409, None, 2),
        (429, None, 2),
        (500, None, 2),
        (400, Some(true), 2),
        (503, Some(false), 1),
        (400, None, 1),
        (402, None, 1),
    ]
    .into_iter()
    .enumerate()
    {
        let before = stripe.received().len();
        stripe.next(refusal(status, should_retry));
        let done = send(&client, &create(&format!("key{number}"))).await;
        assert_eq!(stripe.received().len() - before, attempts, "{status} {should_retry:?}");
        assert_eq!(done.is_ok(), attempts == 2, "{status} {should_retry:?}");
    }
}

#[tokio::test]
async fn attempts_end() {
    let (stripe, client) = double().await;
    for _ in 0..9 {
        stripe.next(refusal(500, None));
    }
    let error = send(&client, &create("a")).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Unavailable {
                status: Some(500),
                replayed: false,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(stripe.received().len(), 4);
}

#[tokio::test]
async fn a_lost_response_is_asked_for_again_with_its_key() {
    let (stripe, client) = double().await;
    stripe.next(Fault::LostResponse);
    send(&client, &create("a")).await.unwrap();
    assert_eq!((stripe.customers().len(), stripe.received().len()), (1, 2));
}

#[tokio::test]
async fn a_stored_failure_spoils_its_key_and_is_asked_for_once_more_only() {
    let (stripe, client) = double().await;
    stripe.next(Fault::StoredFailure);
    let error = send(&client, &create("a")).await.unwrap_err();
    assert!(error.spoils_key(), "{error}");
    assert_eq!(stripe.received().len(), 2);
    send(&client, &create("b")).await.unwrap();
}

#[tokio::test]
async fn a_stripe_that_hangs_is_given_up() {
    let (stripe, client) = double().await;
    let client = Client {
        policy: RetryPolicy {
            attempt: Duration::from_millis(20),
            total: Duration::from_millis(200),
            ..client.policy
        },
        ..client
    };
    stripe.hang(true);
    let error = send(&client, &create("a")).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut), "{error}");
    assert!(stripe.received().len() >= 2);
}

#[tokio::test]
async fn a_refusal_names_what_is_missing() {
    let (_stripe, client) = double().await;
    let query = Form::default().field("customer", "cus_none");
    let list = Request::get("/v1/subscriptions", &query);
    let error = client.send::<Identified>(SECRET_KEY, &list).await.unwrap_err();
    assert!(
        error.is_missing(Some("customer")) && !error.is_missing(Some("price")),
        "{error}"
    );
    let gone = Request::delete("/v1/customers/cus_none");
    let error = client.send::<Identified>(SECRET_KEY, &gone).await.unwrap_err();
    assert!(error.is_missing(None), "{error}");
    let unknown = Request::post(CUSTOMERS, &Form::default().field("metadata[a][b]", 1), "k");
    let error = client.send::<Identified>(SECRET_KEY, &unknown).await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { code: Some(code), .. } if code == "parameter_unknown"),
        "{error}"
    );
    let unpaid = client.send::<Identified>("pk_test", &create("c")).await.unwrap_err();
    assert!(matches!(unpaid, Error::Refused { status: 401, .. }));
}
