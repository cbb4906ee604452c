//! Webhooks of Stripe: which are accepted, and that each has one effect.

use futures::future::join_all;
use serde_json::{Value, json};
use stripe_double::{EventVersion, Fault, WEBHOOK_SECRET, sign};

use crate::support::{Random, Shop, Test, WEBHOOK, statuses};

fn event(kind: &str) -> Value {
    json!({"id": "evt_1", "object": "event", "type": kind, "livemode": false, "created": 1, "api_version": null,
        "data": {"object": {"id": "sub_1", "object": "subscription", "customer": "cus_unknown"}}})
}

#[tokio::test]
async fn every_type_of_event_is_accepted_and_changes_nothing_unless_it_concerns_us() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    shop.t.drain().await;
    let before = shop.t.items("parlance-identity").await;
    for kind in [
        "customer.subscription.updated",
        "customer.subscription.paused",
        "v2.core.event_destination.ping",
        "radar.early_fraud_warning.created",
        "something.of.the.future",
    ] {
        let answer = shop.deliver(&event(kind)).await.ok().json();
        assert_eq!(answer, json!({"message": "Event received"}), "{kind}");
    }
    for object in [
        json!(null),
        json!("x"),
        json!([1]),
        json!({"customer": 7}),
        json!({"customer": {"id": []}}),
    ] {
        let event = json!({"id": "evt_2", "type": "x", "livemode": false, "data": {"object": object}});
        shop.deliver(&event).await.ok();
    }
    assert_eq!(shop.t.drain().await.waiting, 0);
    assert_eq!(shop.t.items("parlance-identity").await, before);
    assert_eq!(shop.subscription(&ada).await["plan_type"], "FREE");
}

#[tokio::test]
async fn a_signature_is_valid_for_five_minutes_exactly() {
    let shop = Shop::open().await;
    let body = event("invoice.paid").to_string();
    let now = shop.now();
    // The clock of the stack may tick once meanwhile.
    for (age, accepted) in [(-302, false), (-299, true), (0, true), (299, true), (302, false)] {
        let signature = sign(body.as_bytes(), WEBHOOK_SECRET, now + age);
        let answer = shop.post_event(body.as_bytes(), &signature).await;
        if accepted {
            answer.ok();
        } else {
            answer.problem(401, "signature_invalid");
        }
    }
}

#[tokio::test]
async fn no_forged_event_is_accepted() {
    let shop = Shop::open().await;
    let body = event("customer.subscription.updated").to_string();
    let right = sign(body.as_bytes(), WEBHOOK_SECRET, shop.now());
    let (time, tag) = right.split_once(",v1=").unwrap();
    let mut forged: Vec<(String, Vec<u8>)> = vec![
        (String::new(), body.clone().into()),
        (tag.to_owned(), body.clone().into()),
        (format!("v1={tag}"), body.clone().into()),
        (format!("{time},v0={tag}"), body.clone().into()),
        (format!("{time},v1="), body.clone().into()),
        (format!("{time},v1={}", &tag[1..]), body.clone().into()),
        (format!("{time},v1={tag}{tag}"), body.clone().into()),
        (format!("t=0,v1={tag}"), body.clone().into()),
        (format!("t=-1,v1={tag}"), body.clone().into()),
        (format!("t=99999999999999999999,v1={tag}"), body.clone().into()),
        (right.clone(), body.replace("sub_1", "sub_2").into()),
        (right.clone(), format!("{body} ").into()),
        (right.clone(), Vec::new()),
        (sign(body.as_bytes(), "whsec_other", shop.now()), body.clone().into()),
        (sign(body.as_bytes(), "", shop.now()), body.clone().into()),
    ];
    let mut random = Random::from_environment();
    while forged.len() < 50 {
        let mut bytes = body.clone().into_bytes();
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
        forged.push((right.clone(), bytes));
    }
    let mut accepted = 0;
    for (signature, body) in &forged {
        let answer = shop.post_event(body, signature).await;
        accepted += usize::from(answer.status.is_success());
        answer.problem(401, "signature_invalid");
    }
    println!("{accepted} of {} forgeries accepted", forged.len());
    assert_eq!(accepted, 0);
    shop.post_event(body.as_bytes(), &right).await.ok();
}

#[tokio::test]
async fn any_signature_counts_while_a_secret_is_rotated() {
    let shop = Shop::with(&[("STRIPE_WEBHOOK_SECRET", "whsec_new, whsec_old")]).await;
    let body = event("invoice.paid").to_string();
    let now = shop.now();
    let tag = |secret: &str| {
        let signature = sign(body.as_bytes(), secret, now);
        signature.split_once("v1=").unwrap().1.to_owned()
    };
    let wrong = "0".repeat(64);
    for signature in [
        sign(body.as_bytes(), "whsec_old", now),
        sign(body.as_bytes(), "whsec_new", now),
        format!("t={now},v1={wrong},v1={}", tag("whsec_new")),
        format!("t={now},v1={},v0={wrong}", tag("whsec_old")),
    ] {
        shop.post_event(body.as_bytes(), &signature).await.ok();
    }
    let third = sign(body.as_bytes(), "whsec_third", now);
    shop.post_event(body.as_bytes(), &third)
        .await
        .problem(401, "signature_invalid");
}

#[tokio::test]
async fn without_a_secret_no_event_is_accepted() {
    let t = Test::new().await;
    let body = event("invoice.paid").to_string();
    for secret in ["", "whsec_double", "undefined"] {
        let signature = sign(body.as_bytes(), secret, t.stack.app().clock.now().as_second());
        let nobody = t.anonymous();
        let request = nobody.request(reqwest::Method::POST, WEBHOOK);
        let request = request.header("stripe-signature", signature).body(body.clone());
        nobody.send(request).await.problem(401, "signature_invalid");
    }
}

#[tokio::test]
async fn an_event_of_another_mode_or_without_a_shape_is_refused() {
    let shop = Shop::open().await;
    let mut live = event("invoice.paid");
    live["livemode"] = true.into();
    shop.deliver(&live).await.problem(400, "livemode_mismatch");
    for body in [
        json!({}),
        json!([]),
        json!(7),
        json!({"id": "", "type": "x", "livemode": false, "data": {"object": {}}}),
    ] {
        shop.deliver(&body).await.problem(400, "invalid_event");
    }
    let long = json!({"id": "e".repeat(129), "type": "x", "livemode": false, "data": {"object": {}}});
    shop.deliver(&long).await.problem(400, "invalid_event");
    let production = Shop::with(&[("STRIPE_MODE", "live")]).await;
    production
        .deliver(&event("invoice.paid"))
        .await
        .problem(400, "livemode_mismatch");
    production.deliver(&live).await.ok();
}

#[tokio::test]
async fn a_hundred_replays_have_one_effect() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let session = shop.checkout(&ada, "PRO").await;
    shop.stripe.pay(&session).unwrap();
    let events = shop.stripe.take_events();
    for event in &events {
        let answers = join_all((0..100).map(|_| shop.deliver(event))).await;
        assert_eq!(statuses(&answers), [(200, 100)].into());
    }
    shop.t.drain_all().await;
    let audited = shop.t.audited(ada.org()).await;
    let changes = audited
        .iter()
        .filter(|action| *action == "billing.subscription_changed");
    assert_eq!(changes.count(), 1, "{audited:?}");
    let mails = shop.t.outbox().await;
    let about = |subject: &str| {
        let of_it = mails
            .iter()
            .filter(|mail| mail["subject"].as_str().unwrap().contains(subject));
        of_it.count()
    };
    assert_eq!((about("Your plan is now PRO"), about("Receipt for USD 29.00")), (1, 1));
    let (identity, audit) = (
        shop.t.items("parlance-identity").await,
        shop.t.items("parlance-audit").await,
    );
    for event in &events {
        shop.deliver(event).await.ok();
    }
    shop.t.drain().await;
    assert_eq!(shop.t.items("parlance-identity").await, identity);
    assert_eq!(shop.t.items("parlance-audit").await, audit);
}

#[tokio::test]
async fn what_failed_is_applied_by_the_next_delivery() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let session = shop.checkout(&ada, "PRO").await;
    shop.stripe.pay(&session).unwrap();
    let events = shop.stripe.take_events();
    for _ in 0..4 {
        shop.stripe.next(Fault::Refused {
            status: 500,
            should_retry: Some(false),
            retry_after: None,
        });
    }
    for event in &events {
        shop.deliver(event).await.ok();
    }
    assert!(shop.t.drain().await.waiting > 0, "something failed");
    shop.t.drain_all().await;
    let ada = ada.sign_in_again().await;
    assert_eq!(shop.subscription(&ada).await["plan_type"], "PRO");
}

#[tokio::test]
async fn events_of_earlier_versions_of_the_api_are_understood() {
    let shop = Shop::open().await;
    shop.stripe.write_events_in(EventVersion::Earlier);
    let ada = shop.t.user("ada").await;
    shop.subscribe(&ada, "PRO").await;
    let found = shop.subscription(&ada).await;
    assert_eq!(
        (&found["plan_type"], &found["status"]),
        (&json!("PRO"), &json!("active"))
    );
    assert!(found["current_period_end"].is_string());
}

#[tokio::test]
async fn an_event_of_the_event_bus_is_the_same_event_as_that_of_the_webhook() {
    let shop = Shop::open().await;
    let ada = shop.t.user("ada").await;
    let session = shop.checkout(&ada, "PRO").await;
    shop.stripe.pay(&session).unwrap();
    let events = shop.stripe.take_events();
    let sqs = shop.t.sqs();
    let queue = shop.t.queue_url("apply_stripe_events");
    let send = async |source: &str, event: &Value| {
        // As EventBridge delivers it.
        let envelope = json!({
            "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": event["type"],
            "source": source, "account": "123456789012", "time": "2026-11-30T15:00:00Z", "region": "eu-central-1",
            "resources": [], "detail": event,
        });
        let message = sqs.send_message().queue_url(&queue).message_body(envelope.to_string());
        message.send().await.unwrap();
        shop.t.drain().await;
    };
    let plan = async || shop.subscription(&ada).await["plan_type"].clone();
    // Nothing of another source, of another mode, or that cannot be read.
    let foreign = &events[events.len() - 1];
    send("aws.partner/example.com/1", foreign).await;
    let mut live = foreign.clone();
    live["livemode"] = json!(true);
    send("aws.partner/stripe.com/ed_test_1", &live).await;
    send("aws.partner/stripe.com/ed_test_1", &json!({"id": 7})).await;
    assert_eq!(plan().await, "FREE");
    assert_eq!(shop.t.drain().await.waiting, 0, "nothing is delivered again");
    for event in &events {
        send("aws.partner/stripe.com/ed_test_1", event).await;
    }
    assert_eq!(plan().await, "PRO");
    let audited = shop.t.audited(ada.org()).await;
    let mails = shop.t.outbox().await.len();
    // Through the other door they have no further effect.
    for event in &events {
        shop.deliver(event).await.ok();
        send("aws.partner/stripe.com/ed_test_1", event).await;
    }
    shop.t.drain().await;
    assert_eq!(shop.t.audited(ada.org()).await, audited);
    assert_eq!(shop.t.outbox().await.len(), mails);
}
