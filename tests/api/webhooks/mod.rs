//! Webhooks of an organization, and what is sent to them.

mod deliveries;
mod events;
mod fairness;
mod secrets;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Caller, RACERS, Received, Receiver, Test, statuses};

pub(super) const WEBHOOKS: &str = "/api/v1/webhooks";

/// A stack that may reach a receiver.
pub(super) async fn with_receiver() -> (Test, Receiver) {
    let receiver = Receiver::start().await;
    let t = Test::with(&[("ALLOW_PRIVATE_FETCH", &receiver.host())]).await;
    (t, receiver)
}

/// A new webhook at a path of the receiver, for these types of events.
pub(super) async fn webhook(caller: &Caller, receiver: &Receiver, path: &str, events: &[&str]) -> Value {
    let new = json!({"url": receiver.url(path), "events": events});
    caller.post(WEBHOOKS, new).await.created().json()
}

pub(super) fn path_of(webhook: &Value) -> String {
    format!("{WEBHOOKS}/{}", webhook["id"].as_str().unwrap())
}

/// Lets time pass in the steps of the relay, until `seconds` are over.
pub(super) async fn pass(t: &Test, seconds: u64) {
    pass_in_steps(t, seconds, 300).await;
}

/// The same in larger steps, as if the relay ran less often.
pub(super) async fn pass_in_steps(t: &Test, seconds: u64, step: u64) {
    for _ in 0..seconds.div_ceil(step) {
        t.advance_seconds(step);
        relay(t).await;
    }
}

/// Runs the relay, and what it has queued.
pub(super) async fn relay(t: &Test) {
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    t.drain().await;
}

fn ids(received: &[Received]) -> Vec<String> {
    let mut ids: Vec<_> = received.iter().map(|one| one.id().to_owned()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[tokio::test]
async fn a_webhook_is_created_changed_and_deleted() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let new = json!({"url": receiver.url("/hook"), "description": "CRM", "events": ["document.ready"]});
    let made = ada.post(WEBHOOKS, new).await.created().json();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(
        (&made["status"], &made["failing_since"]),
        (&json!("enabled"), &Value::Null)
    );
    let path = path_of(&made);

    let found = ada.get(&path).await.ok().json();
    assert_eq!(found["secret"], Value::Null, "a secret is shown once");
    assert_eq!(found["url"], json!(receiver.url("/hook")));
    let listed = ada.get(WEBHOOKS).await.ok().json();
    assert_eq!(listed, json!([found]));

    let change = json!({"description": null, "events": null, "status": "disabled", "include_content": true});
    let changed = ada.patch(&path, change).await.ok().json();
    for (field, expected) in [
        ("description", Value::Null),
        ("events", Value::Null),
        ("status", json!("disabled")),
        ("include_content", json!(true)),
    ] {
        assert_eq!(changed[field], expected, "{field}");
    }
    ada.post(&format!("{path}/test"), json!({}))
        .await
        .problem(409, "webhook_disabled");
    ada.delete(&path).await.expect(204);
    ada.get(&path).await.problem(404, "not_found");
    assert_eq!(ada.get(WEBHOOKS).await.ok().json(), json!([]));
    let audited = t.audited(ada.org()).await;
    for action in ["webhook.created", "webhook.updated", "webhook.deleted"] {
        assert!(
            audited.iter().any(|entry| entry.contains(action)),
            "{action} in {audited:?}"
        );
    }
}

#[tokio::test]
async fn the_types_of_events_are_listed_and_documented() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let listed = ada.get(&format!("{WEBHOOKS}/events")).await.ok().json();
    let document = t.anonymous().get("/openapi.json").await.ok().json();
    for kind in listed.as_array().unwrap() {
        let name = kind["type"].as_str().unwrap();
        let body = &document["webhooks"][name]["post"]["requestBody"]["content"]["application/json"];
        assert_eq!(body["example"]["type"], json!(name));
        assert!(
            body["example"]["data"].is_object() && body["schema"]["properties"]["data"].is_object(),
            "{name}"
        );
    }
    assert_eq!(
        document["webhooks"].as_object().unwrap().len(),
        listed.as_array().unwrap().len()
    );
}

#[tokio::test]
async fn another_organization_finds_nothing() {
    let (t, receiver) = with_receiver().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let path = path_of(&webhook(&ada, &receiver, "/hook", &["document.ready"]).await);
    for answer in [
        eve.get(&path).await,
        eve.patch(&path, json!({"status": "disabled"})).await,
        eve.delete(&path).await,
        eve.post(&format!("{path}/test"), json!({})).await,
        eve.post(&format!("{path}/rotate-secret"), json!({})).await,
        eve.get(&format!("{path}/deliveries")).await,
        eve.get(&format!("{path}/deliveries/1")).await,
        eve.post(&format!("{path}/deliveries/1/replay"), json!({})).await,
        eve.post(&format!("{path}/replay"), json!({"since": "2026-01-01T00:00:00Z"}))
            .await,
    ] {
        answer.problem(404, "not_found");
    }
    ada.get(&path).await.ok();
}

#[tokio::test]
async fn members_who_do_not_administer_see_no_webhooks() {
    let (t, receiver) = with_receiver().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("acme", &[(&ada, "owner"), (&bob, "member")]).await;
    let bob = bob.with_header("x-current-org", &org);
    bob.get(WEBHOOKS).await.problem(403, "role_required");
    let new = json!({"url": receiver.url("/hook")});
    bob.post(WEBHOOKS, new).await.problem(403, "role_required");
}

#[tokio::test]
async fn an_address_that_is_not_public_is_refused() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    for (url, code) in [
        ("https://127.0.0.1/hook", "address_not_allowed"),
        ("https://[::1]/hook", "address_not_allowed"),
        ("https://169.254.169.254/latest/meta-data", "address_not_allowed"),
        ("https://2130706433/hook", "address_not_allowed"),
        ("https://0x7f.1/hook", "address_not_allowed"),
        ("https://[::ffff:10.0.0.1]/hook", "address_not_allowed"),
        ("https://localhost/hook", "address_not_allowed"),
        ("https://metadata.google.internal/", "address_not_allowed"),
        ("https://redis/", "address_not_allowed"),
        ("http://example.com/hook", "scheme_not_allowed"),
        ("ftp://example.com/hook", "scheme_not_allowed"),
        ("https://me:secret@example.com/hook", "credentials_not_allowed"),
        ("https://example.com:25/hook", "port_not_allowed"),
        ("https://", "invalid_url"),
        ("no address", "invalid_url"),
    ] {
        ada.post(WEBHOOKS, json!({ "url": url })).await.problem(422, code);
    }
    let path = path_of(&webhook(&ada, &receiver, "/hook", &["document.ready"]).await);
    let moved = ada.patch(&path, json!({"url": "https://10.0.0.1/"})).await;
    moved.problem(422, "address_not_allowed");
}

#[tokio::test]
async fn bad_input_is_refused() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let url = receiver.url("/hook");
    for (body, pointer) in [
        (json!({}), "/url"),
        (json!({"url": ""}), "/url"),
        (
            json!({"url": format!("https://example.com/{}", "x".repeat(2_000))}),
            "/url",
        ),
        (json!({"url": url, "events": []}), "/events"),
        (json!({"url": url, "events": ["webhook.test"]}), "/events"),
        (json!({"url": url, "events": ["document.lost"]}), "/events/0"),
        (json!({"url": url, "description": "x".repeat(501)}), "/description"),
        (json!({"url": url, "include_content": "yes"}), "/include_content"),
    ] {
        assert_eq!(ada.post(WEBHOOKS, body.clone()).await.invalid(), [pointer], "{body}");
    }
    let path = path_of(&webhook(&ada, &receiver, "/hook", &["document.ready"]).await);
    assert_eq!(
        ada.patch(&path, json!({"status": "asleep"})).await.invalid(),
        ["/status"]
    );
    assert_eq!(
        ada.post(&format!("{path}/replay"), json!({})).await.invalid(),
        ["/since"]
    );
    ada.get(&format!("{path}/deliveries?status=lost")).await.expect(422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plan_limits_their_number_whoever_creates_them_at_once() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let new = json!({"url": receiver.url("/hook")});
    let racers = (0..RACERS / 4).map(|_| ada.post(WEBHOOKS, new.clone()));
    let answers = join_all(racers).await;
    assert_eq!(statuses(&answers)[&201], 2, "the FREE plan allows two");
    let refused = answers.into_iter().find(|answer| answer.status != 201).unwrap();
    let problem = refused.problem(409, "limit_reached");
    assert!(
        problem["detail"].as_str().unwrap().contains("allows 2 webhooks"),
        "{problem}"
    );
    assert_eq!(ada.get(WEBHOOKS).await.ok().json().as_array().unwrap().len(), 2);
}
