//! What is sent when: each event with the transaction of its change.

use serde_json::{Value, json};

use super::{WEBHOOKS, path_of, webhook, with_receiver};
use crate::{
    api::usage::ledger::spend,
    support::{Caller, Receiver, Shop, Site, Test},
};

/// The data of the only event of this type.
fn only(receiver: &Receiver, kind: &str) -> Value {
    let arrived = receiver.received();
    let found: Vec<_> = arrived.iter().filter(|one| one.kind() == kind).collect();
    assert_eq!(found.len(), 1, "{kind} among {:?}", receiver.kinds());
    found[0].json()["data"].clone()
}

/// A webhook for all types of events.
async fn everything(caller: &Caller, receiver: &Receiver) -> Value {
    let new = json!({"url": receiver.url("/hook")});
    caller.post(WEBHOOKS, new).await.created().json()
}

/// The keys of promised events.
async fn promises(t: &Test) -> usize {
    let items = t.items("parlance-app").await;
    items.keys().filter(|(pk, _)| pk.starts_with("EVENT#")).count()
}

#[tokio::test]
async fn documents_report_that_they_are_ready_fail_and_are_deleted() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    everything(&ada, &receiver).await;
    let good = ada
        .upload("notes.txt", "The lamp has a warranty of three years.")
        .await
        .created();
    let bad = ada.upload("broken.pdf", "%PDF-1.7 nothing").await.created();
    t.drain_all().await;
    let ready = only(&receiver, "document.ready");
    assert_eq!(
        ready,
        json!({"document_id": good.text("id"), "name": "notes.txt", "version": 1, "error": null,
            "created_by": ada.id()})
    );
    let failed = only(&receiver, "document.failed");
    assert_eq!(
        (&failed["document_id"], &failed["name"]),
        (&json!(bad.text("id")), &json!("broken.pdf"))
    );
    assert!(
        failed["error"]["code"].is_string() && failed["error"]["detail"].is_string(),
        "{failed}"
    );
    ada.delete(&format!("/api/v1/documents/{}", good.text("id")))
        .await
        .expect(204);
    t.drain().await;
    assert_eq!(
        only(&receiver, "document.deleted")["document_id"],
        json!(good.text("id"))
    );
}

#[tokio::test]
async fn answers_and_ratings_are_reported_with_texts_for_those_who_ask() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let thin = json!({"url": receiver.url("/thin"), "events": ["message.created", "message.feedback"]});
    ada.post(WEBHOOKS, thin.clone()).await.created();
    let full = json!({"url": receiver.url("/full"), "include_content": true});
    let full = path_of(&ada.post(WEBHOOKS, full).await.created().json());
    let document = ada
        .upload("notes.txt", "The lamp has a warranty of three years.")
        .await
        .created();
    t.drain().await;
    let session = ada.session(&[&document.text("id")]).await;
    let answer = ada
        .ask(&session, "How long is the warranty of the lamp?")
        .await
        .ok()
        .json();
    t.drain().await;
    let message = answer["id"].as_str().unwrap();
    let rating = format!("/api/v1/chat/sessions/{session}/messages/{message}/feedback");
    ada.put(&rating, json!({"rating": "up", "reason": "It names the years."}))
        .await
        .ok();
    t.drain().await;
    let data = |path: &str, kind: &str| {
        let arrived = receiver.received();
        let mut found = arrived.iter().filter(|one| one.path == path && one.kind() == kind);
        let data = found.next().unwrap_or_else(|| panic!("{kind} at {path}")).json()["data"].clone();
        assert!(found.next().is_none(), "{kind} came twice");
        data
    };
    let created = data("/thin", "message.created");
    for (field, expected) in [
        ("message_id", json!(message)),
        ("session_id", json!(session)),
        ("user_id", json!(ada.id())),
        ("content", Value::Null),
        ("finish_reason", json!("stop")),
    ] {
        assert_eq!(created[field], expected, "{field}");
    }
    let rated = data("/thin", "message.feedback");
    assert_eq!((&rated["rating"], &rated["content"]), (&json!("up"), &Value::Null));
    let texts = data("/full", "message.created")["content"].clone();
    assert_eq!(texts["question"], json!("How long is the warranty of the lamp?"));
    assert!(texts["answer"].as_str().unwrap().contains("three years"), "{texts}");
    assert_eq!(
        data("/full", "message.feedback")["content"]["reason"],
        json!("It names the years.")
    );
    // The log keeps no texts.
    let logged = ada
        .get(&format!("{full}/deliveries?event_type=message.created"))
        .await
        .ok()
        .json();
    let one = format!("{full}/deliveries/{}", logged[0]["id"].as_str().unwrap());
    assert_eq!(
        ada.get(&one).await.ok().json()["payload"]["data"]["content"],
        Value::Null
    );
    // What was deleted is not sent again.
    ada.delete(&format!("/api/v1/chat/sessions/{session}"))
        .await
        .expect(204);
    ada.post(&format!("{one}/replay"), json!({})).await.expect(202);
    t.drain().await;
    let last = receiver.received().pop().unwrap();
    assert_eq!(
        (last.kind().as_str(), &last.json()["data"]["content"]),
        ("message.created", &Value::Null)
    );
}

#[tokio::test]
async fn keys_chatbots_and_limits_are_reported() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    everything(&ada, &receiver).await;
    let key = ada
        .api_key(json!({"name": "Web shop", "scopes": ["chats:read"]}))
        .await
        .json();
    let id = key["id"].as_str().unwrap();
    ada.delete(&format!("/api/v1/apikeys/{id}")).await.expect(204);
    ada.delete(&format!("/api/v1/apikeys/{id}/permanent")).await.expect(204);
    let bot = ada.chatbot(&[]).await;
    ada.post(&format!("/api/v1/chatbots/{bot}/publish"), json!({}))
        .await
        .ok();
    ada.put("/api/v1/users/me/quota", json!({"daily_limit": 130}))
        .await
        .ok();
    spend(&t, &ada, None).await;
    t.drain_all().await;
    let created = only(&receiver, "api_key.created");
    assert_eq!(
        (&created["api_key_id"], &created["scopes"]),
        (&json!(id), &json!(["chats:read"]))
    );
    assert_eq!(only(&receiver, "api_key.revoked")["api_key_id"], json!(id));
    assert_eq!(
        only(&receiver, "chatbot.published"),
        json!({"chatbot_id": bot, "name": "Helper"})
    );
    let arrived = receiver.received();
    let secret = key["key"].as_str().unwrap();
    assert!(
        arrived
            .iter()
            .all(|one| !one.body.contains(secret) && !one.body.contains("Web shop"))
    );
}

#[tokio::test]
async fn a_limit_is_reported_once_for_each_share() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    webhook(&ada, &receiver, "/hook", &["limit.threshold"]).await;
    ada.put("/api/v1/users/me/quota", json!({"daily_limit": 1_000}))
        .await
        .ok();
    for _ in 0..40 {
        if receiver.received().len() >= 3 {
            break;
        }
        let asked = json!({"model": "local", "message": "What is the best lamp of the year?", "max_tokens": 256});
        ada.post("/api/v1/ai/chat", asked).await;
        t.drain_all().await;
    }
    let arrived = receiver.received();
    let shares: Vec<_> = arrived
        .iter()
        .map(|one| one.json()["data"]["percent"].clone())
        .collect();
    assert_eq!(shares, [json!(50), json!(80), json!(100)]);
    let data = arrived[0].json()["data"].clone();
    assert_eq!(
        (&data["scope"], &data["user_id"], &data["limit"]),
        (&json!("user"), &json!(ada.id()), &json!(1_000))
    );
}

#[tokio::test]
async fn members_are_reported_when_they_join_change_and_leave() {
    let (t, receiver) = with_receiver().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = ada.found_org("Acme").await;
    let own = ada.with_header("x-current-org", &org);
    everything(&own, &receiver).await;
    let invited = json!({"email": "bob@example.com", "role": "member"});
    ada.post(&format!("/api/v1/orgs/{org}/invite"), invited).await.created();
    let token = t.invitation_token("bob@example.com").await;
    bob.post("/api/v1/invitations/accept", json!({"token": token}))
        .await
        .ok();
    let member = format!("/api/v1/orgs/{org}/members/{}", bob.id());
    ada.patch(&member, json!({"role": "admin"})).await.ok();
    ada.delete(&member).await.expect(204);
    t.drain_all().await;
    assert_eq!(
        only(&receiver, "member.added"),
        json!({"user_id": bob.id(), "role": "member"})
    );
    assert_eq!(
        only(&receiver, "member.role_changed"),
        json!({"user_id": bob.id(), "role": "admin", "previous_role": "member"})
    );
    assert_eq!(
        only(&receiver, "member.removed"),
        json!({"user_id": bob.id(), "role": "admin"})
    );
}

#[tokio::test]
async fn a_crawl_reports_its_end() {
    let receiver = Receiver::start().await;
    let page = b"<html><body><main><p>The lamp has a warranty of three years.</p></main></body></html>";
    let site = Site::start(vec![("/", "text/html", page.to_vec())]).await;
    let hosts = format!("{},{}", receiver.host(), site.host());
    let t = Test::with(&[("ALLOW_PRIVATE_FETCH", &hosts)]).await;
    let ada = t.user("ada").await;
    webhook(&ada, &receiver, "/hook", &["crawl.completed"]).await;
    let new = json!({"url": site.url("/"), "crawl": {"depth": 1}});
    let crawl = ada.post("/api/v1/documents/url", new).await.expect(201).json();
    for _ in 0..5 {
        t.drain_all().await;
        t.advance_seconds(5);
    }
    let ended = only(&receiver, "crawl.completed");
    assert_eq!(
        (&ended["status"], &ended["documents"]),
        (&json!("finished"), &json!(1)),
        "{crawl}"
    );
}

#[tokio::test]
async fn a_canceled_crawl_reports_its_end_once() {
    let receiver = Receiver::start().await;
    let site = Site::start(vec![("/", "text/html", b"<p>The lamp has a warranty.</p>".to_vec())]).await;
    let hosts = format!("{},{}", receiver.host(), site.host());
    let t = Test::with(&[("ALLOW_PRIVATE_FETCH", &hosts)]).await;
    let ada = t.user("ada").await;
    webhook(&ada, &receiver, "/hook", &["crawl.completed"]).await;
    let new = json!({"url": site.url("/"), "crawl": {"depth": 1}});
    let crawl = ada.post("/api/v1/documents/url", new).await.expect(201).json();
    let path = format!("/api/v1/documents/crawls/{}", crawl["id"].as_str().unwrap());
    for _ in 0..2 {
        ada.patch(&path, json!({"status": "cancelled"})).await.ok();
    }
    for _ in 0..3 {
        t.drain_all().await;
        t.advance_seconds(5);
    }
    assert_eq!(
        only(&receiver, "crawl.completed"),
        json!({"crawl_id": crawl["id"], "status": "cancelled", "documents": 0})
    );
}

#[tokio::test]
async fn subscriptions_and_payments_are_reported() {
    let receiver = Receiver::start().await;
    let shop = Shop::with(&[("ALLOW_PRIVATE_FETCH", &receiver.host())]).await;
    let ada = shop.t.user("ada").await;
    everything(&ada, &receiver).await;
    shop.subscribe(&ada, "PRO").await;
    shop.t.drain_all().await;
    let kinds = receiver.kinds();
    assert!(kinds.contains(&"subscription.updated".to_owned()), "{kinds:?}");
    let arrived = receiver.received();
    let updated = arrived
        .iter()
        .rfind(|one| one.kind() == "subscription.updated")
        .unwrap();
    let data = &updated.json()["data"];
    assert_eq!(
        (&data["plan"], &data["status"]),
        (&json!("PRO"), &json!("active")),
        "{data}"
    );
    let paid = only(&receiver, "invoice.paid");
    assert_eq!(
        (&paid["amount_cents"], &paid["currency"]),
        (&json!(2_900), &json!("usd"))
    );
}

#[tokio::test]
async fn without_a_webhook_that_wants_it_nothing_is_promised() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let made = webhook(&ada, &receiver, "/hook", &["chatbot.published"]).await;
    ada.upload("notes.txt", "The lamp has a warranty of three years.")
        .await
        .created();
    ada.patch(&path_of(&made), json!({"status": "disabled"})).await.ok();
    let bot = ada.chatbot(&[]).await;
    ada.post(&format!("/api/v1/chatbots/{bot}/publish"), json!({}))
        .await
        .ok();
    assert_eq!(promises(&t).await, 0);
    t.drain_all().await;
    ada.patch(&path_of(&made), json!({"status": "enabled"})).await.ok();
    ada.post(&format!("/api/v1/chatbots/{bot}/publish"), json!({}))
        .await
        .ok();
    assert_eq!(promises(&t).await, 1, "it is promised with its change");
    t.drain_all().await;
    assert_eq!(
        (promises(&t).await, receiver.kinds()),
        (0, vec!["chatbot.published".to_owned()])
    );
}

#[tokio::test]
async fn an_event_that_is_dispatched_twice_is_delivered_once() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    webhook(&ada, &receiver, "/hook", &["chatbot.published"]).await;
    let bot = ada.chatbot(&[]).await;
    ada.post(&format!("/api/v1/chatbots/{bot}/publish"), json!({}))
        .await
        .ok();
    let items = t.items("parlance-app").await;
    let (_, id) = items.keys().find(|(pk, _)| pk.starts_with("EVENT#")).unwrap();
    let message = json!({"kind": "dispatch", "org_id": ada.org(), "event_id": id}).to_string();
    let queue = t.queue_url("deliver_webhooks");
    for _ in 0..20 {
        t.sqs()
            .send_message()
            .queue_url(&queue)
            .message_body(&message)
            .send()
            .await
            .unwrap();
    }
    t.drain_all().await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_promise_that_the_stream_lost_is_kept_by_the_relay() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    webhook(&ada, &receiver, "/hook", &["chatbot.published"]).await;
    let bot = ada.chatbot(&[]).await;
    ada.post(&format!("/api/v1/chatbots/{bot}/publish"), json!({}))
        .await
        .ok();
    // A message of another organization does not reach it.
    let items = t.items("parlance-app").await;
    let (_, id) = items.keys().find(|(pk, _)| pk.starts_with("EVENT#")).unwrap();
    let message = json!({"kind": "dispatch", "org_id": "other", "event_id": id}).to_string();
    let queue = t.queue_url("deliver_webhooks");
    t.sqs()
        .send_message()
        .queue_url(&queue)
        .message_body(message)
        .send()
        .await
        .unwrap();
    t.advance_seconds(1_000);
    super::relay(&t).await;
    assert_eq!(receiver.kinds(), ["chatbot.published"]);
}

#[tokio::test]
async fn a_deleted_organization_leaves_nothing_of_its_webhooks() {
    let (t, receiver) = with_receiver().await;
    let ada = t.user("ada").await;
    let org = ada.found_org("Acme").await;
    let own = ada.with_header("x-current-org", &org);
    let made = everything(&own, &receiver).await;
    own.post(&format!("{}/test", path_of(&made)), json!({}))
        .await
        .expect(202);
    own.chatbot(&[]).await;
    ada.delete(&format!("/api/v1/orgs/{org}")).await.expect(204);
    t.drain_all().await;
    super::pass(&t, 3_600).await;
    let left = t.items("parlance-app").await;
    let left: Vec<_> = left
        .keys()
        .filter(|(pk, sk)| pk.contains("WEBHOOKS") || sk.contains("evt_"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
