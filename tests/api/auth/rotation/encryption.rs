//! The ring of keys that encrypts what tables and clients keep.

use futures::future::join_all;
use local::keys::Keys;
use serde_json::{Value, json};

use super::{rotate_and_wait, try_to_rotate, value};
use crate::support::{Answer, Second, Test};

const LOGS: &str = "/api/v1/audit_logs";

/// The path of the next page, which any process answers.
fn next(answer: &Answer) -> String {
    let link = answer.link("next").unwrap();
    link.split_once("/live").unwrap().1.to_owned()
}

#[tokio::test]
async fn entries_of_the_audit_log_stay_readable_over_rotations_of_both_keys() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let mut written = Vec::new();
    for round in ["no rotation", "one", "two", "three"] {
        let entry = json!({"action": round, "details": {"round": round}});
        let id = ada
            .sign_in_again()
            .await
            .post(LOGS, entry)
            .await
            .created()
            .text("log_id");
        written.push((id, round));
        rotate_and_wait(&t, Keys::Encryption).await;
        rotate_and_wait(&t, Keys::Signing).await;
    }
    let second = Second::on(&t).await;
    let ada = ada.sign_in_again().await;
    for ada in [ada.clone(), second.of(&ada)] {
        for (id, round) in &written {
            let entry = ada.get(&format!("{LOGS}/{id}")).await.ok().json();
            assert_eq!(
                (&entry["action"], &entry["details"]),
                (&json!(round), &json!({"round": round}))
            );
        }
    }
    let store = store::Store::new(t.stack.sdk(), store::Tables::with_prefix("parlance"));
    let verified = store.audit_log().verify(t.stack.app().clock.now()).await.unwrap();
    assert_eq!(verified.faults, vec![]);
    assert!(verified.entries >= 4);
}

#[tokio::test]
async fn a_cursor_and_a_kept_answer_outlive_a_rotation_in_every_process() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let second = Second::on(&t).await;
    for action in ["one", "two", "three"] {
        ada.post(LOGS, json!({"action": action})).await.created();
    }
    let page = ada.get(&format!("{LOGS}?limit=1")).await.ok();
    let keyed = ada.with_header("idempotency-key", "once");
    let made = keyed.post(LOGS, json!({"action": "four"})).await.created();
    for _ in 0..2 {
        rotate_and_wait(&t, Keys::Encryption).await;
        for (ada, keyed) in [(ada.clone(), keyed.clone()), (second.of(&ada), second.of(&keyed))] {
            let rest = ada.get(&next(&page)).await.ok();
            assert_eq!(rest.json()[0]["action"], "two");
            let again = keyed.post(LOGS, json!({"action": "four"})).await.created();
            assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &made.body));
        }
    }
}

#[tokio::test]
async fn a_new_key_is_not_used_before_every_process_knows_of_it() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let second = Second::on(&t).await;
    let list = format!("{LOGS}?limit=1");
    ada.post(LOGS, json!({"action": "one"})).await.created();
    second.of(&ada).get(&list).await.ok();
    t.advance_seconds(30);
    try_to_rotate(&t, Keys::Encryption, false).await.unwrap();
    t.advance_seconds(26);
    // This one knows the new key by now, the other one is half a minute from asking.
    let page = ada.get(&list).await.ok();
    second.metered.stop_secrets(true);
    second.of(&ada).get(&next(&page)).await.ok();
}

#[tokio::test]
async fn rotations_at_once_lose_no_key() {
    let t = Test::new().await;
    let rotations = join_all((0..6).map(|_| try_to_rotate(&t, Keys::Encryption, false))).await;
    assert!(rotations.iter().all(Result::is_ok), "{rotations:?}");
    let ring: Value = serde_json::from_str(&value(&t, "ENCRYPTION_KEYS").await).unwrap();
    assert_eq!(ring["current"], "7");
    assert!(
        (1..=7).all(|id| ring[id.to_string()].is_string()),
        "{:?}",
        ring.as_object().unwrap().keys()
    );
}
