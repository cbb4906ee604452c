//! The audit log: what it shows to whom, and that it cannot be rewritten unseen.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnValue},
};
use futures::future::join_all;
use serde_json::{Value, json};
use store::Verified;

use super::admin::root;
use crate::support::{Caller, Test};

const LOGS: &str = "/api/v1/audit_logs";

async fn note(caller: &Caller, action: &str) -> String {
    let entry = json!({"action": action, "details": {"of": action}});
    caller.post(LOGS, entry).await.created().text("log_id")
}

fn actions(list: &Value) -> Vec<&str> {
    let entries = list.as_array().unwrap().iter();
    entries.map(|entry| entry["action"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_entry_of_a_client_is_answered_as_document_000_says_and_marked_as_theirs() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let new = json!({"user_id": ada.id(), "action": "Report exported", "details": {"format": "csv", "rows": 7}});
    let made = ada.post(LOGS, new).await.created().json();
    assert_eq!(made["user_id"], ada.id());
    assert_eq!(made["action"], "Report exported");
    assert_eq!(made["details"], json!({"format": "csv", "rows": 7}));
    assert_eq!(made["source"], "client");
    assert!(made["timestamp"].as_str().unwrap().ends_with('Z'));
    let path = format!("{LOGS}/{}", made["log_id"].as_str().unwrap());
    assert_eq!(ada.get(&path).await.ok().json(), made);
    let own = ada.get(&format!("{LOGS}/user/me")).await.ok().json();
    assert_eq!(own[0], made);
    let without = ada.post(LOGS, json!({"action": "Seen"})).await.created().json();
    assert_eq!(without["details"], Value::Null);
}

#[tokio::test]
async fn nobody_writes_about_somebody_else_or_without_end() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let before = t.items("parlance-audit").await;
    eve.post(LOGS, json!({"user_id": ada.id(), "action": "x"}))
        .await
        .problem(403, "foreign_user_id");
    let long = json!({"action": "x", "details": {"text": "y".repeat(16 * 1024)}});
    assert_eq!(eve.post(LOGS, long).await.invalid(), ["/details"]);
    assert_eq!(
        eve.post(LOGS, json!({"action": "x".repeat(201)})).await.invalid(),
        ["/action"]
    );
    assert_eq!(eve.post(LOGS, json!({"action": " "})).await.invalid(), ["/action"]);
    assert_eq!(
        eve.post(LOGS, json!({"action": "x", "details": [1]})).await.invalid(),
        ["/details"]
    );
    assert_eq!(t.items("parlance-audit").await, before);
}

#[tokio::test]
async fn entries_are_their_users_business_their_organizations_admins_and_the_platforms() {
    let t = root().await;
    let (ada, eve) = (t.test.user("ada").await, t.test.user("eve").await);
    let path = format!("{LOGS}/{}", note(&ada, "seen").await);
    ada.get(&path).await.ok();
    t.admin.get(&path).await.ok();
    eve.get(&path).await.problem(404, "not_found");
    eve.get(&format!("{LOGS}/user/{}", ada.id()))
        .await
        .problem(404, "not_found");
    eve.get(&format!("{LOGS}/nothing")).await.problem(404, "not_found");
    let of_ada = t.admin.get(&format!("{LOGS}/user/{}", ada.id())).await.ok().json();
    assert_eq!(actions(&of_ada), ["seen", "user.created"]);
    assert_eq!(actions(&eve.get(LOGS).await.ok().json()), ["user.created"]);
}

#[tokio::test]
async fn a_key_reads_what_its_user_did_in_its_organization_and_nowhere_else() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let acme = ada.with_header("x-current-org", &ada.found_org("Acme").await);
    let beta = ada.with_header("x-current-org", &ada.found_org("Beta").await);
    let (own, in_acme, in_beta) = (
        note(&ada, "own").await,
        note(&acme, "acme").await,
        note(&beta, "beta").await,
    );
    for number in 0..3 {
        note(&ada, &format!("later {number}")).await;
    }
    let key = acme.api_key(json!({"name": "Log", "scopes": ["audit:read"]})).await;
    let key = t.anonymous().with_token(&key.text("key"));
    for user in ["me", ada.id()] {
        let list = key.get(&format!("{LOGS}/user/{user}")).await.ok().json();
        assert!(
            list.as_array()
                .unwrap()
                .iter()
                .all(|entry| entry["org_id"] == json!(acme_of(&list))),
            "{list}"
        );
        assert_eq!(actions(&list), ["api_key.created", "acme", "org.created"]);
    }
    // Pages hold what is to be seen, however much lies between.
    let page = key.get(&format!("{LOGS}/user/me?limit=2")).await.ok();
    assert_eq!(actions(&page.json()), ["api_key.created", "acme"]);
    let rest = key.get(&page.next().unwrap()).await.ok().json();
    assert_eq!(actions(&rest), ["org.created"]);
    key.get(&format!("{LOGS}/{in_acme}")).await.ok();
    for elsewhere in [&own, &in_beta] {
        key.get(&format!("{LOGS}/{elsewhere}")).await.problem(404, "not_found");
        ada.get(&format!("{LOGS}/{elsewhere}")).await.ok();
    }
    let all = ada.get(&format!("{LOGS}/user/me")).await.ok().json();
    assert!(actions(&all).contains(&"beta") && actions(&all).contains(&"acme"));
}

fn acme_of(list: &Value) -> &str {
    list[0]["org_id"].as_str().unwrap()
}

#[tokio::test]
async fn what_was_done_to_a_user_is_in_their_log() {
    let t = root().await;
    let ada = t.test.user("ada").await;
    let role = format!("/api/v1/admin/users/{}/role", ada.id());
    t.admin.put(&role, json!({"role": "admin"})).await.ok();
    let own = ada.get(&format!("{LOGS}/user/me")).await.ok().json();
    assert_eq!(actions(&own), ["user.role_changed", "user.created"]);
    assert_eq!(own[0]["user_id"], t.admin_id());
    assert_eq!(own[0]["subject_id"], ada.id());
    assert_eq!(own[0]["source"], "server");
    assert_eq!(own[0]["details"]["before"]["role"], "user");
    assert_eq!(own[0]["details"]["after"]["role"], "admin");
    assert!(!own[0]["actor"]["request_id"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn the_list_of_an_organization_goes_back_over_months_and_is_filtered_and_paged() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for action in ["one", "two", "three"] {
        note(&ada, action).await;
    }
    t.advance_seconds(40 * 24 * 3600);
    let ada = ada.sign_in_again().await;
    let after = t.stack.app().clock.now().to_string();
    for action in ["four", "five"] {
        note(&ada, action).await;
    }
    let all = ada.get(LOGS).await.ok().json();
    let newest_first = ["five", "four", "three", "two", "one", "user.created"];
    assert_eq!(actions(&all), newest_first);
    for list in [LOGS.to_owned(), format!("{LOGS}/user/me")] {
        let (mut url, mut read) = (format!("{list}?limit=2"), Vec::new());
        let mut pages = 0;
        loop {
            let page = ada.get(&url).await.ok();
            read.extend(actions(&page.json()).into_iter().map(str::to_owned));
            pages += 1;
            let Some(next) = page.next() else { break };
            url = next;
        }
        assert_eq!((pages, read), (3, newest_first.map(str::to_owned).to_vec()), "{list}");
    }
    let filtered = async |query: String| ada.get(&format!("{LOGS}?{query}")).await.ok().json();
    assert_eq!(actions(&filtered(format!("from={after}")).await), ["five", "four"]);
    assert_eq!(
        actions(&filtered(format!("to={after}")).await),
        ["three", "two", "one", "user.created"]
    );
    assert_eq!(
        filtered(format!("actor={}&action=client.entry", ada.id()))
            .await
            .as_array()
            .unwrap()
            .len(),
        5
    );
    for nothing in ["actor=nobody", "subject=nothing", "action=user.deleted"] {
        assert_eq!(filtered(nothing.to_owned()).await, json!([]), "{nothing}");
    }
    assert_eq!(ada.get(&format!("{LOGS}?from=yesterday")).await.invalid(), ["/from"]);
}

#[tokio::test]
async fn what_a_client_wrote_is_sealed_and_gone_with_the_salt_of_its_user() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let entry = json!({"action": "marker-7291", "details": {"marker-7291": "marker-7291"}});
    let id = ada.post(LOGS, entry).await.created().text("log_id");
    let stored = format!("{:?}", t.items("parlance-audit").await);
    assert!(stored.contains(&id) && !stored.contains("marker-7291"));
    let before = verify(&t).await;
    let salt = db(&t)
        .delete_item()
        .table_name("parlance-identity")
        .key("pk", AttributeValue::S(format!("U#{}", ada.id())))
        .key("sk", AttributeValue::S("AUDITSALT".to_owned()))
        .return_values(ReturnValue::AllOld);
    assert!(salt.send().await.unwrap().attributes.is_some());
    let erased = ada.get(&format!("{LOGS}/{id}")).await.ok().json();
    assert_eq!(
        (&erased["action"], &erased["details"]),
        (&json!("client.entry"), &Value::Null)
    );
    let after = verify(&t).await;
    assert_eq!(
        (after.entries, after.faults),
        (before.entries, vec![]),
        "the chain stands"
    );
}

#[tokio::test]
async fn of_64_entries_at_once_all_are_in_one_unbroken_chain() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let before = verify(&t).await.entries;
    let made: BTreeSet<String> = join_all((0..64).map(|number| {
        let ada = ada.clone();
        async move { note(&ada, &format!("entry {number}")).await }
    }))
    .await
    .into_iter()
    .collect();
    assert_eq!(made.len(), 64);
    let verified = verify(&t).await;
    assert_eq!((verified.entries - before, verified.faults), (64, vec![]));
    let chains: BTreeSet<String> = t
        .items("parlance-audit")
        .await
        .into_keys()
        .map(|(pk, _)| pk)
        .filter(|pk| pk.contains(ada.org()))
        .collect();
    assert_eq!(chains.len(), 1, "{chains:?}");
    let salts = t.items("parlance-identity").await;
    assert_eq!(salts.keys().filter(|(_, sk)| sk == "AUDITSALT").count(), 1);
}

#[tokio::test]
async fn a_changed_a_removed_and_a_moved_entry_are_found() {
    let t = Test::new().await;
    for (name, expected) in [
        ("changed", (2, "does not match its hash")),
        ("removed", (2, "is missing, or not at its place")),
        ("swapped", (2, "does not match its hash")),
        ("misfiled", (2, "has attributes that contradict its text")),
    ] {
        let user = t.user(name).await;
        for action in ["one", "two", "three", "four"] {
            note(&user, action).await;
        }
        let before = verify(&t).await.faults.len();
        tamper(&t, &user, name).await;
        let faults = verify(&t).await.faults;
        let own: Vec<_> = faults.iter().filter(|fault| fault.chain.contains(user.org())).collect();
        assert_eq!((faults.len() - before, own.len()), (1, 1), "{name}: {faults:?}");
        assert_eq!((own[0].number, own[0].fault), expected, "{name}");
    }
    assert!(
        local::audit::report(&verify(&t).await)
            .unwrap_err()
            .contains("4 broken")
    );
}

#[tokio::test]
async fn entries_cut_off_at_the_end_are_found_and_stay_found() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    for action in ["one", "two", "three", "four"] {
        note(&ada, action).await;
    }
    let entries = verify(&t).await;
    assert_eq!(entries.faults, vec![]);
    let cut = |user: &Caller, number: u64| {
        let delete = db(&t).delete_item().table_name("parlance-audit");
        let delete = delete.key("pk", AttributeValue::S(chain(&t, user)));
        delete.key("sk", AttributeValue::S(format!("{number:012}"))).send()
    };
    // Of ada's five entries the last two; all that bob has.
    for number in [5, 4] {
        cut(&ada, number).await.unwrap();
    }
    cut(&bob, 1).await.unwrap();
    let found = |verified: Verified| {
        let faults = verified.faults.into_iter();
        faults
            .map(|fault| (fault.chain, fault.number, fault.fault))
            .collect::<BTreeSet<_>>()
    };
    let cut_off = "is missing, or not the last one that was written";
    let expected = BTreeSet::from([(chain(&t, &ada), 4, cut_off), (chain(&t, &bob), 1, cut_off)]);
    assert_eq!(found(verify(&t).await), expected);
    // What is written afterwards does not close the gap.
    note(&ada, "five").await;
    let gap = "is missing, or not at its place";
    let expected = BTreeSet::from([(chain(&t, &ada), 4, gap), (chain(&t, &bob), 1, cut_off)]);
    assert_eq!(found(verify(&t).await), expected);
}

#[tokio::test]
async fn of_64_audited_changes_of_one_tenant_at_once_all_succeed() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let before = verify(&t).await.entries;
    let made = join_all((0..64).map(|number| {
        let ada = ada.clone();
        async move {
            ada.post("/api/v1/apikeys", json!({"name": format!("Key {number}")}))
                .await
        }
    }));
    for answer in made.await {
        answer.created();
    }
    let verified = verify(&t).await;
    assert_eq!((verified.entries - before, verified.faults), (64, vec![]));
}

/// What an intruder with rights on the table would do.
async fn tamper(t: &Test, user: &Caller, how: &str) {
    let db = db(t);
    let found = db
        .query()
        .table_name("parlance-audit")
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(chain(t, user)))
        .send()
        .await
        .unwrap();
    let entries = found.items.unwrap();
    let (mut second, mut third) = (entries[1].clone(), entries[2].clone());
    let text = |value: &str| AttributeValue::S(value.to_owned());
    match how {
        "changed" => {
            let body = second["body"].as_s().unwrap().replace("client.entry", "client.other");
            second.insert("body".to_owned(), text(&body));
        }
        "swapped" => {
            for name in ["body", "hash"] {
                let (of_second, of_third) = (second[name].clone(), third[name].clone());
                second.insert(name.to_owned(), of_third);
                third.insert(name.to_owned(), of_second);
            }
        }
        "misfiled" => {
            second.insert("actor".to_owned(), text("somebody-else"));
        }
        _ => {
            let delete = db.delete_item().table_name("parlance-audit");
            let delete = delete.key("pk", second["pk"].clone()).key("sk", second["sk"].clone());
            delete.send().await.unwrap();
            return;
        }
    }
    for item in [second, third] {
        let put = db.put_item().table_name("parlance-audit").set_item(Some(item));
        put.send().await.unwrap();
    }
}

fn chain(t: &Test, user: &Caller) -> String {
    format!("A#{}#{}", user.org(), &t.stack.app().clock.now().to_string()[..7])
}

fn db(t: &Test) -> Client {
    Client::new(t.stack.sdk())
}

async fn verify(t: &Test) -> Verified {
    let store = store::Store::new(t.stack.sdk(), store::Tables::with_prefix("parlance"));
    store.audit_log().verify(t.stack.app().clock.now()).await.unwrap()
}
