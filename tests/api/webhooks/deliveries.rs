//! Attempts, their log, and replays.

use serde_json::{Value, json};

use super::{ids, pass, pass_in_steps, path_of, webhook, with_receiver};
use crate::support::{Caller, Test};

const HOUR: u64 = 3600;

async fn deliveries(caller: &Caller, path: &str) -> Vec<Value> {
    let listed = caller.get(&format!("{path}/deliveries")).await.ok().json();
    listed.as_array().unwrap().clone()
}

/// Sends a test event; the delivery.
async fn test_event(caller: &Caller, path: &str) -> Value {
    caller.post(&format!("{path}/test"), json!({})).await.expect(202).json()
}

#[tokio::test]
async fn a_test_event_is_signed_delivered_and_logged() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let made = webhook(&ada, &receiver, "/hook", &["document.ready"]).await;
    let path = path_of(&made);
    let sent = test_event(&ada, &path).await;
    assert_eq!(
        (&sent["status"], &sent["attempt_count"]),
        (&json!("pending"), &json!(0))
    );
    t.drain().await;
    let arrived = receiver.received();
    assert_eq!(arrived.len(), 1);
    let one = &arrived[0];
    assert!(one.is_signed_by(made["secret"].as_str().unwrap()));
    assert_eq!(
        (one.path.as_str(), one.header("content-type")),
        ("/hook", "application/json")
    );
    assert_eq!(one.id(), sent["event_id"].as_str().unwrap());
    let body = one.json();
    assert_eq!(
        (&body["type"], &body["org_id"]),
        (&json!("webhook.test"), &json!(ada.org()))
    );
    assert_eq!(body["data"], json!({"webhook_id": made["id"]}));

    let logged = deliveries(&ada, &path).await;
    assert_eq!(logged.len(), 1);
    assert_eq!(logged[0]["status"], json!("succeeded"));
    let last = &logged[0]["last_attempt"];
    assert_eq!((&last["status_code"], &last["error"]), (&json!(200), &Value::Null));
    let kept = last["response"].as_str().unwrap();
    assert!(
        kept.starts_with("200 of the receiver") && kept.len() == 1024,
        "{} bytes",
        kept.len()
    );
    let one = format!("{path}/deliveries/{}", logged[0]["id"].as_str().unwrap());
    let details = ada.get(&one).await.ok().json();
    assert_eq!(details["payload"], body);
    assert_eq!(details["attempts"].as_array().unwrap().len(), 1);
    ada.get(&format!("{path}/deliveries/none"))
        .await
        .problem(404, "not_found");

    for (filter, number) in [
        ("status=succeeded", 1),
        ("status=failed", 0),
        ("event_type=webhook.test", 1),
        ("event_type=document.ready&status=succeeded", 0),
    ] {
        let listed = ada.get(&format!("{path}/deliveries?{filter}")).await.ok().json();
        assert_eq!(listed.as_array().unwrap().len(), number, "{filter}");
    }
}

#[tokio::test]
async fn the_log_is_paged_and_ends_after_30_days() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let path = path_of(&webhook(&ada, &receiver, "/hook", &["document.ready"]).await);
    for _ in 0..3 {
        test_event(&ada, &path).await;
    }
    t.drain().await;
    let first = ada.get(&format!("{path}/deliveries?limit=2")).await.ok();
    assert_eq!(first.json().as_array().unwrap().len(), 2);
    let rest = ada.get(&first.next().unwrap()).await.ok();
    assert_eq!(rest.json().as_array().unwrap().len(), 1);
    assert_eq!(rest.next(), None);
    let old = first.json()[0]["id"].as_str().unwrap().to_owned();
    t.advance_seconds(30 * 24 * HOUR);
    let ada = ada.sign_in_again().await;
    assert!(deliveries(&ada, &path).await.is_empty());
    ada.get(&format!("{path}/deliveries/{old}"))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn for_a_day_after_a_rotation_both_secrets_sign() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let made = webhook(&ada, &receiver, "/hook", &["document.ready"]).await;
    let path = path_of(&made);
    let rotated = ada.post(&format!("{path}/rotate-secret"), json!({})).await.ok().json();
    let (old, new) = (made["secret"].as_str().unwrap(), rotated["secret"].as_str().unwrap());
    assert_ne!(old, new);
    assert!(rotated["previous_valid_until"].is_string());
    test_event(&ada, &path).await;
    t.drain().await;
    t.advance_seconds(24 * HOUR + 1);
    let ada = ada.sign_in_again().await;
    test_event(&ada, &path).await;
    t.drain().await;
    let signed: Vec<_> = receiver
        .received()
        .iter()
        .map(|one| (one.is_signed_by(old), one.is_signed_by(new)))
        .collect();
    assert_eq!(signed, [(true, true), (false, true)]);
}

#[tokio::test]
async fn a_receiver_that_is_down_for_hours_gets_each_event_once_it_is_up() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let path = path_of(&webhook(&ada, &receiver, "/hook", &["document.ready"]).await);
    receiver.always(Some(503));
    for _ in 0..5 {
        test_event(&ada, &path).await;
    }
    t.drain().await;
    pass(&t, 8 * HOUR).await;
    let tried = receiver.received();
    // Now, after 5 seconds, 5 minutes, 30 minutes, 2 hours and 5 hours.
    assert_eq!((tried.len(), ids(&tried).len()), (30, 5));
    let ada = ada.sign_in_again().await;
    let waiting = deliveries(&ada, &path).await;
    assert!(
        waiting
            .iter()
            .all(|one| one["status"] == "pending" && one["next_attempt_at"].is_string())
    );
    assert!(ada.get(&path).await.ok().json()["failing_since"].is_string());

    receiver.always(None);
    pass(&t, 11 * HOUR).await;
    let arrived = receiver.received();
    assert_eq!(
        (arrived.len(), ids(&arrived)),
        (35, ids(&tried)),
        "one more attempt each, under the same id"
    );
    let ada = ada.sign_in_again().await;
    assert!(
        deliveries(&ada, &path)
            .await
            .iter()
            .all(|one| one["status"] == "succeeded")
    );
    assert_eq!(ada.get(&path).await.ok().json()["failing_since"], Value::Null);
    pass_in_steps(&t, 24 * HOUR, HOUR).await;
    assert_eq!(receiver.received().len(), 35, "what is delivered is not sent again");
}

#[tokio::test]
async fn a_receiver_is_heeded_that_asks_for_a_pause() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let path = path_of(&webhook(&ada, &receiver, "/hook", &["document.ready"]).await);
    receiver.answers(&[(429, Some("1200"))]);
    test_event(&ada, &path).await;
    t.drain().await;
    pass(&t, 900).await;
    assert_eq!(receiver.received().len(), 1);
    pass(&t, 600).await;
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let path = path_of(&webhook(&ada, &receiver, "/hook", &["document.ready"]).await);
    receiver.answers(&[(302, None), (307, None)]);
    test_event(&ada, &path).await;
    t.drain().await;
    let logged = deliveries(&ada, &path).await;
    assert_eq!(logged[0]["last_attempt"]["status_code"], json!(302));
    assert_eq!(
        (&logged[0]["status"], receiver.received().len()),
        (&json!("pending"), 1)
    );
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_disabled_at_once() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let path = path_of(&webhook(&ada, &receiver, "/hook", &["document.ready"]).await);
    receiver.answers(&[(410, None)]);
    test_event(&ada, &path).await;
    t.drain().await;
    let found = ada.get(&path).await.ok().json();
    assert_eq!(
        (&found["status"], &found["disabled_reason"]),
        (&json!("disabled"), &json!("gone"))
    );
    assert_disabled(&t, &ada, "410 Gone").await;
    let enabled = ada.patch(&path, json!({"status": "enabled"})).await.ok().json();
    assert_eq!(enabled["disabled_reason"], Value::Null);
}

/// The administrators were told, and the audit log knows.
async fn assert_disabled(t: &Test, ada: &Caller, why: &str) {
    let mails = t.outbox().await;
    let told: Vec<_> = mails
        .iter()
        .filter(|mail| mail["subject"] == "A webhook was disabled")
        .collect();
    assert_eq!(told.len(), 1);
    assert!(told[0]["text"].as_str().unwrap().contains(why), "{}", told[0]);
    let audited = t.audited(ada.org()).await;
    assert!(
        audited.iter().any(|entry| entry.contains("webhook.disabled")),
        "{audited:?}"
    );
}

#[tokio::test]
async fn a_receiver_that_fails_for_five_days_is_disabled() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let path = path_of(&webhook(&ada, &receiver, "/hook", &["document.ready"]).await);
    receiver.always(Some(500));
    let mut ada = ada;
    for day in 0..5 {
        test_event(&ada, &path).await;
        t.drain().await;
        pass_in_steps(&t, 24 * HOUR, HOUR).await;
        ada = ada.sign_in_again().await;
        let found = ada.get(&path).await.ok().json();
        if day < 4 {
            assert_eq!(found["status"], json!("enabled"), "day {day}");
        }
    }
    pass_in_steps(&t, 12 * HOUR, HOUR).await;
    let ada = ada.sign_in_again().await;
    let found = ada.get(&path).await.ok().json();
    assert_eq!(
        (&found["status"], &found["disabled_reason"]),
        (&json!("disabled"), &json!("failing"))
    );
    assert_disabled(&t, &ada, "for five days").await;
    let sent = receiver.received().len();
    pass_in_steps(&t, 48 * HOUR, HOUR).await;
    assert_eq!(receiver.received().len(), sent, "a disabled webhook gets nothing");
    let ada = ada.sign_in_again().await;
    let left = deliveries(&ada, &path).await;
    assert!(left.iter().all(|one| one["status"] != "pending"), "{left:?}");
    // Enabled again, it has five days from its next failure on.
    ada.patch(&path, json!({"status": "enabled"})).await.ok();
    test_event(&ada, &path).await;
    t.drain().await;
    assert_eq!(ada.get(&path).await.ok().json()["status"], json!("enabled"));
}

#[tokio::test]
async fn finished_deliveries_are_replayed_under_their_ids() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let path = path_of(&webhook(&ada, &receiver, "/hook", &["document.ready"]).await);
    let since = ada.get(&path).await.ok().text("created_at");
    for _ in 0..120 {
        test_event(&ada, &path).await;
    }
    t.drain().await;
    let first = receiver.received();
    assert_eq!((first.len(), ids(&first).len()), (120, 120));
    let one = deliveries(&ada, &path).await[0]["id"].as_str().unwrap().to_owned();
    let replay = format!("{path}/deliveries/{one}/replay");
    let pending = ada.post(&replay, json!({})).await.expect(202).json();
    assert_eq!(pending["status"], json!("pending"));
    ada.post(&replay, json!({})).await.problem(409, "delivery_pending");
    t.drain().await;
    assert_eq!(receiver.received().len(), 121);

    let all = json!({"since": since});
    ada.post(&format!("{path}/replay"), all).await.expect(202);
    t.drain().await;
    let arrived = receiver.received();
    assert_eq!((arrived.len(), ids(&arrived)), (241, ids(&first)));
    let failed = json!({"since": since, "only_failed": true});
    ada.post(&format!("{path}/replay"), failed).await.expect(202);
    t.drain().await;
    assert_eq!(receiver.received().len(), 241, "nothing has failed");
}

#[tokio::test]
async fn a_message_that_comes_twice_sends_nothing_twice() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let path = path_of(&webhook(&ada, &receiver, "/hook", &["document.ready"]).await);
    let sent = test_event(&ada, &path).await;
    let message = json!({
        "kind": "deliver", "org_id": ada.org(), "webhook_id": sent["webhook_id"], "delivery_id": sent["id"], "rev": 0,
    });
    let queue = t.queue_url("deliver_webhooks");
    for _ in 0..20 {
        let again = t
            .sqs()
            .send_message()
            .queue_url(&queue)
            .message_body(message.to_string());
        again.send().await.unwrap();
    }
    t.drain_all().await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn what_a_queue_loses_is_sent_by_the_relay() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let path = path_of(&webhook(&ada, &receiver, "/hook", &["document.ready"]).await);
    t.without_queue("deliver_webhooks", async { test_event(&ada, &path).await })
        .await;
    t.drain().await;
    assert_eq!(receiver.received().len(), 0);
    pass(&t, 1200).await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_receiver_without_a_server_is_logged_with_the_reason() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let made = webhook(&ada, &receiver, "/hook", &["document.ready"]).await;
    let path = path_of(&made);
    // No name that ends in `.invalid` exists (RFC 6761).
    ada.patch(&path, json!({"url": "https://receiver.invalid/hook"}))
        .await
        .ok();
    test_event(&ada, &path).await;
    t.drain().await;
    let logged = deliveries(&ada, &path).await;
    let last = &logged[0]["last_attempt"];
    assert_eq!(
        (&last["status_code"], &last["error"]),
        (&Value::Null, &json!("host_not_found"))
    );
    assert!(receiver.received().is_empty());
}
