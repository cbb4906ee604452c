//! Each kind of write meets each fault once: it is made once, and its caller learns that it was.

use std::time::Duration;

use domain::{
    Day, MailId, Network, Timestamp, TokenScope, UserId, rate_limit::Bucket, rate_limit::Guesses, rate_limit::Lane,
};
use local::cloud::{Fault, Faults};
use serde_json::{Value, json};
use store::{Alert, Begun, Claimed, IdempotencyKey, Owner, Store, StoredAnswer, Tables, keys};

use super::FAULTS;
use crate::support::{Caller, Test};

const PLANNED: &str = "each fault is planned";

async fn tables() -> (Test, Store) {
    let t = Test::without_faults(PLANNED).await;
    let store = Store::new(t.stack.sdk(), Tables::with_prefix("parlance"));
    (t, store)
}

fn faults(t: &Test) -> &Faults {
    t.stack.cloud().faults()
}

fn now(t: &Test) -> Timestamp {
    t.stack.app().clock.now()
}

/// Everything that was planned did happen.
#[track_caller]
fn all_met(t: &Test) {
    assert_eq!(faults(t).unplan(), 0);
}

fn bucket() -> Bucket {
    Bucket::per_minute(10)
}

/// How many fit into a bucket.
async fn left(limits: &store::RateLimits, key: &keys::Key, now: Timestamp) -> u32 {
    limits.peek(key, bucket(), now).await.unwrap().0
}

#[tokio::test]
async fn what_is_put_into_a_bucket_is_put_in_once() {
    let (t, store) = tables().await;
    let (limits, now) = (store.rate_limits(), now(&t));
    let bucket = bucket();
    for fault in FAULTS {
        let key = keys::request_rate(&format!("{fault:?}"));
        faults(&t).plan("UpdateItem", fault);
        limits.check(&key, bucket, now).await.unwrap().unwrap();
        assert_eq!(left(&limits, &key, now).await, 9, "{fault:?}, empty");
        // The first write of one that is not empty finds out that it is not.
        faults(&t).plan_after(1, "UpdateItem", fault);
        limits.check(&key, bucket, now).await.unwrap().unwrap();
        assert_eq!(left(&limits, &key, now).await, 8, "{fault:?}, not empty");
        faults(&t).plan("UpdateItem", fault);
        limits.give_back(&key, bucket).await.unwrap();
        assert_eq!(left(&limits, &key, now).await, 9, "{fault:?}, given back");
    }
    all_met(&t);
}

#[tokio::test]
async fn a_guess_is_counted_once_and_taken_back_once() {
    let (t, store) = tables().await;
    let (logins, now) = (store.logins(), now(&t));
    let network = Network::from("192.0.2.1".parse::<std::net::IpAddr>().unwrap());
    for fault in FAULTS {
        let account = format!("{fault:?}");
        let first = Guesses::add(None, now).unwrap();
        faults(&t).plan("UpdateItem", fault);
        assert!(logins.claim(&account, Lane::Stranger, None, &first).await.unwrap());
        let second = Guesses::add(Some(&first), now).unwrap();
        let again = logins.claim(&account, Lane::Stranger, None, &second).await;
        assert!(!again.unwrap(), "somebody else's claim is no own one");
        faults(&t).plan("UpdateItem", fault);
        logins.undo(&account, Lane::Stranger, None, &first).await.unwrap();
        let lane = logins.lane(&account, Lane::Stranger).await.unwrap().unwrap();
        assert_eq!(lane.count, 0);
        faults(&t).plan("PutItem", fault);
        logins.know(&account, &network, now).await.unwrap();
        // Keys that are left unread are asked for again.
        faults(&t).plan("BatchGetItem", Fault::Throttled);
        faults(&t).plan("BatchGetItem", Fault::Throttled);
        let standing = logins.standing(&account, Some(&network), now).await.unwrap();
        assert_eq!((standing.lane, standing.is_news), (Lane::Known, false));
    }
    all_met(&t);
}

#[tokio::test]
async fn a_request_with_an_idempotency_key_knows_its_own_claim() {
    let (t, store) = tables().await;
    let kept = store.idempotency(&t.stack.app().clock);
    for fault in FAULTS {
        let key = |holder: &str| IdempotencyKey {
            scope: "ada".to_owned(),
            route: format!("POST /{fault:?}"),
            key: "one".to_owned(),
            holder: holder.to_owned(),
        };
        faults(&t).plan("PutItem", fault);
        assert_eq!(
            kept.begin(&key("first"), "body").await.unwrap(),
            Begun::Fresh,
            "{fault:?}"
        );
        assert_eq!(kept.begin(&key("second"), "body").await.unwrap(), Begun::Running);
        faults(&t).plan("TransactWriteItems", fault);
        kept.abandon(&key("first")).await.unwrap();
        assert_eq!(kept.begin(&key("second"), "body").await.unwrap(), Begun::Fresh);
        // Who lost the claim frees nobody else's, and answers nothing in their place.
        kept.abandon(&key("first")).await.unwrap();
        let answer = |status| StoredAnswer {
            status,
            headers: Vec::new(),
            body: b"sealed".to_vec(),
        };
        kept.finish(&key("first"), &answer(500)).await.unwrap();
        assert_eq!(kept.begin(&key("third"), "body").await.unwrap(), Begun::Running);
        faults(&t).plan("UpdateItem", fault);
        kept.finish(&key("second"), &answer(201)).await.unwrap();
        assert_eq!(
            kept.begin(&key("third"), "body").await.unwrap(),
            Begun::Replay(answer(201))
        );
    }
    all_met(&t);
}

#[tokio::test]
async fn a_mail_is_claimed_by_whoever_claimed_it() {
    let (t, store) = tables().await;
    let (mails, now) = (store.mails(), now(&t));
    for fault in FAULTS {
        let mail = MailId(format!("{fault:?}"));
        faults(&t).plan("UpdateItem", fault);
        assert_eq!(mails.claim(&mail, now).await.unwrap(), Claimed::Mine, "{fault:?}");
        assert!(matches!(mails.claim(&mail, now).await.unwrap(), Claimed::Held(_)));
        faults(&t).plan("UpdateItem", fault);
        mails.sent(&mail, now).await.unwrap();
        assert_eq!(mails.claim(&mail, now).await.unwrap(), Claimed::Sent);
    }
    all_met(&t);
}

#[tokio::test]
async fn only_the_first_is_told_to_be_the_first() {
    let (t, store) = tables().await;
    let (ledger, now) = (store.ledger(), now(&t));
    let day = Day::of(now, "UTC").unwrap();
    for (percent, fault) in [50, 80, 90, 100].into_iter().zip(FAULTS) {
        let alert = Alert {
            scope: TokenScope::User,
            day: day.date,
            percent,
            used: 1,
            limit: 2,
            resets_at: day.ends_at,
            at: now,
        };
        let owner = Owner::User(UserId("ada".to_owned()));
        faults(&t).plan("TransactWriteItems", fault);
        assert!(ledger.alert(&owner, &alert, None).await.unwrap(), "{fault:?}");
        // The same to the last letter, and somebody else's.
        faults(&t).plan("TransactWriteItems", Fault::RequestLost);
        assert!(!ledger.alert(&owner, &alert, None).await.unwrap(), "{fault:?}");
    }
    all_met(&t);
}

/// What the audit log of an organization holds, by action.
async fn actions(t: &Test) -> Vec<String> {
    let log = t.items("parlance-audit").await.into_values();
    let action = |item: String| {
        let item = item.replace('\\', "");
        Some(item.split_once("\"action\":\"")?.1.split('"').next()?.to_owned())
    };
    log.filter_map(action).collect()
}

#[tokio::test]
async fn an_organization_is_founded_once_with_one_entry_in_the_audit_log() {
    let t = Test::without_faults(PLANNED).await;
    let ada = t.talker("ada").await;
    for (number, fault) in FAULTS.into_iter().enumerate() {
        faults(&t).plan("TransactWriteItems", fault);
        let slug = format!("acme-{number}");
        let created = ada
            .post("/api/v1/orgs", json!({"name": "Acme", "slug": slug}))
            .await
            .created();
        assert_eq!(created.text("slug"), slug);
        let founded = actions(&t)
            .await
            .into_iter()
            .filter(|action| action == "org.created")
            .count();
        assert_eq!(founded, number + 1, "{fault:?}");
    }
    all_met(&t);
}

#[tokio::test]
async fn a_session_is_renewed_and_ended_once() {
    let t = Test::without_faults(PLANNED).await;
    for (number, fault) in FAULTS.into_iter().enumerate() {
        let ada = t.user(&format!("ada{number}")).await;
        faults(&t).plan("UpdateItem", fault);
        let body = json!({"refresh_token": ada.refresh});
        let pair = t.anonymous().post("/api/v1/auth/refresh", body).await.ok();
        let ada = t.anonymous().with_token(&pair.text("access_token"));
        let found = ada.get("/api/v1/auth/sessions").await.ok().json();
        let session = format!("/api/v1/auth/sessions/{}", found[0]["id"].as_str().unwrap());
        faults(&t).plan("TransactWriteItems", fault);
        ada.delete(&session).await.expect(204);
        ada.get("/api/v1/auth/sessions").await.problem(401, "session_ended");
    }
    all_met(&t);
}

/// A document that can be searched.
async fn document(t: &Test, ada: &Caller, name: &str) -> String {
    let text = format!("The warranty of {name} is five years.");
    let id = ada.upload(&format!("{name}.txt"), text).await.created().text("id");
    t.drain().await;
    id
}

#[tokio::test]
async fn documents_of_a_chatbot_come_and_go_and_so_does_it() {
    let t = Test::without_faults(PLANNED).await;
    let ada = t.user("ada").await;
    let (one, two) = (document(&t, &ada, "one").await, document(&t, &ada, "two").await);
    for fault in FAULTS {
        faults(&t).plan("TransactWriteItems", fault);
        faults(&t).plan("BatchGetItem", Fault::Throttled);
        let bot = ada.chatbot(&[&one, &two]).await;
        let path = format!("/api/v1/chatbots/{bot}");
        faults(&t).plan("UpdateItem", fault);
        let left = ada.delete(&format!("{path}/documents/{one}")).await.ok().json();
        assert_eq!(left["documents"], json!([two]), "{fault:?}");
        faults(&t).plan("UpdateItem", fault);
        let both = ada
            .post(&format!("{path}/documents"), json!({"documents": [one]}))
            .await
            .ok()
            .json();
        assert_eq!(both["documents"], json!([one, two]), "{fault:?}");
        faults(&t).plan("TransactWriteItems", fault);
        ada.delete(&path).await.expect(204);
        ada.delete(&path).await.problem(404, "not_found");
    }
    faults(&t).unplan();
}

#[tokio::test]
async fn a_document_is_indexed_whichever_write_of_its_worker_is_lost() {
    let t = Test::without_faults(PLANNED).await;
    let ada = t.talker("ada").await;
    let mut lost = 0;
    for before in 0..8 {
        for operation in ["UpdateItem", "DeleteItem", "TransactWriteItems"] {
            let text = format!("The warranty number {before} is five years.");
            let id = ada.upload("warranty.txt", text).await.created().text("id");
            faults(&t).plan_after(before, operation, Fault::AnswerLost);
            t.drain().await;
            lost += 1 - faults(&t).unplan();
            let found = ada.get(&format!("/api/v1/documents/{id}")).await.ok().json();
            assert_eq!(
                (&found["status"], &found["chunks"]),
                (&json!("ready"), &json!(1)),
                "{operation} {before}"
            );
        }
    }
    assert!(lost >= 3, "{lost}");
    assert_eq!(t.object_keys().await.len(), 48, "a file and a segment for each");
}

#[tokio::test]
async fn a_message_is_answered_once_whichever_write_of_it_is_lost() {
    let t = Test::without_faults(PLANNED).await;
    let ada = t.user("ada").await;
    let document = document(&t, &ada, "the lamp").await;
    let session = ada.session(&[&document]).await;
    let mut asked = 0;
    let mut used = Vec::new();
    for operation in ["PutItem", "UpdateItem", "TransactWriteItems"] {
        for before in 0..3 {
            faults(&t).plan_after(before, operation, Fault::AnswerLost);
            let answer = ada
                .ask(&session, "How long is the warranty of the lamp?")
                .await
                .ok()
                .json();
            assert!(answer.to_string().contains("five years"), "{answer}");
            t.stack.idle().await;
            faults(&t).unplan();
            asked += 1;
            let path = format!("/api/chat/sessions/{session}/messages?limit=100");
            let messages = ada.get(&path).await.ok().json();
            let messages = messages.as_array().unwrap();
            assert_eq!(messages.len(), 2 * asked, "{operation} {before}");
            let last = messages.iter().filter(|message| message["role"] == "assistant");
            used = last.map(|message| message["usage"].clone()).collect::<Vec<Value>>();
        }
    }
    let total = |usage: &Value| {
        usage["totalTokens"]
            .as_u64()
            .or(usage["total_tokens"].as_u64())
            .unwrap()
    };
    let told: u64 = used.iter().map(total).sum();
    let quota = ada.get("/api/v1/users/me/quota").await.ok().json();
    assert_eq!(
        quota["used_today"], told,
        "what the answers say is what was charged: {used:?}"
    );
}

#[tokio::test]
async fn an_erasure_goes_on_where_a_table_left_off() {
    let t = Test::without_faults(PLANNED).await;
    let ada = t.user("ada").await;
    let document = document(&t, &ada, "the lamp").await;
    let session = ada.session(&[&document]).await;
    for _ in 0..5 {
        ada.ask(&session, "How long is the warranty of the lamp?").await.ok();
    }
    for before in 0..4 {
        faults(&t).plan_after(before, "BatchWriteItem", Fault::Throttled);
        faults(&t).plan_after(before, "Query", Fault::Throttled);
    }
    ada.delete(&format!("/api/chat/sessions/{session}")).await.expect(204);
    faults(&t).unplan();
    let left: Vec<_> = t.items("parlance-app").await.into_keys().collect();
    assert!(
        left.iter()
            .all(|(pk, sk)| !pk.contains(&session) && !sk.contains(&session)),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_table_that_stays_down_is_given_up_in_time() {
    let t = Test::with(&[(crate::support::FAULTS, "throttle=100,seed=1")]).await;
    let anonymous = t.anonymous();
    let answer = tokio::time::timeout(Duration::from_secs(29), anonymous.get("/ready")).await;
    let answer = answer.expect("the gateway waits 29 seconds for an answer");
    assert_eq!(answer.status.as_u16(), 503);
}
