//! Sums of the whole platform: each use once, however the changes of the ledger are delivered.

use std::collections::BTreeMap;

use aws_lambda_events::dynamodb::Event;
use futures::future::join_all;
use local::{Options, Stack, cloud::Data, deployment::Deployment, functions};
use model_double::{ModelDouble, Script, Step};
use serde_json::{Value, json};

use crate::api::orgs::join;
use crate::{
    api::usage::ledger::spend,
    support::{ADMIN, Caller, Metered, Test, environment},
};

const USAGE: &str = "parlance-usage";
const STATS: [&str; 3] = [
    "/api/v1/auth/admin/stats",
    "/api/v1/analytics/system/usage",
    "/api/v1/analytics/system/performance",
];

/// All records of the ledger's stream, as Lambda gives them to the function.
pub(crate) fn records(t: &Test) -> Vec<Value> {
    let database = t.stack.cloud().dynamodb();
    let streams = database.list_streams(serde_json::from_value(json!({"TableName": USAGE})).unwrap());
    let arn = streams.unwrap().streams[0].stream_arn.clone();
    let described = database.describe_stream(serde_json::from_value(json!({"StreamArn": arn})).unwrap());
    let shard = described.unwrap().stream_description.shards[0].shard_id.clone();
    let from = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let mut next = database
        .get_shard_iterator(serde_json::from_value(from).unwrap())
        .unwrap()
        .shard_iterator;
    let mut found = Vec::new();
    loop {
        let wanted = json!({"ShardIterator": next, "Limit": 1000});
        let page = database.get_records(serde_json::from_value(wanted).unwrap()).unwrap();
        if page.records.is_empty() {
            return found;
        }
        found.extend(page.records.iter().map(|record| serde_json::to_value(record).unwrap()));
        next = page.next_shard_iterator;
    }
}

fn event(records: &[Value]) -> Event {
    serde_json::from_value(json!({"Records": records})).unwrap()
}

/// Gives a batch to the function, and answers from which record on it has to come again.
pub(crate) async fn deliver(app: &app::App, batch: &[Value]) -> Option<usize> {
    let mut followers = functions::followers(&Deployment::sharing(app), &app.config.tables).into_iter();
    let follower = followers.find(|follower| follower.name == "roll_up_usage").unwrap();
    let answer = (follower.handler)(event(batch)).await.unwrap();
    let failed = answer.batch_item_failures.first()?.item_identifier.clone()?;
    let place = batch.iter().position(|it| it["dynamodb"]["SequenceNumber"] == failed);
    Some(place.expect("a record of the batch"))
}

/// The sums.
async fn sums(t: &Test) -> BTreeMap<(String, String), String> {
    let mut sums = t.items(USAGE).await;
    sums.retain(|(pk, _), _| pk.starts_with("R#sys#"));
    sums
}

/// Makes as if nothing was ever summed up.
async fn forget(t: &Test) {
    for (pk, sk) in t.items(USAGE).await.into_keys().filter(|(pk, _)| pk.starts_with('R')) {
        let delete = t.db().delete_item().table_name(USAGE);
        let delete = delete.key("pk", aws_sdk_dynamodb::types::AttributeValue::S(pk));
        let delete = delete.key("sk", aws_sdk_dynamodb::types::AttributeValue::S(sk));
        delete.send().await.unwrap();
    }
    assert!(sums(t).await.is_empty());
}

async fn total(root: &Caller) -> (u64, u64) {
    let totals = root.get(STATS[1]).await.ok().json()["totals"].clone();
    let number = |name: &str| totals[name].as_u64().unwrap();
    (number("requests"), number("total_tokens"))
}

/// Three people in two places each, a few calls of each.
async fn busy() -> (Test, Caller) {
    let t = Test::with(&ADMIN).await;
    let root = t.admin().await;
    let (ada, bob, eve) = (t.user("ada").await, t.user("bob").await, t.user("eve").await);
    let org = t
        .shared_org("lovelace", &[(&ada, "owner"), (&bob, "member"), (&eve, "member")])
        .await;
    for _ in 0..3 {
        for user in [&ada, &bob, &eve] {
            spend(&t, user, None).await;
            spend(&t, user, Some(&org)).await;
        }
    }
    t.drain().await;
    (t, root)
}

/// Numbers that look random and are the same in every run.
fn shuffled(mut records: Vec<Value>, seed: u64) -> Vec<Value> {
    let mut state = seed;
    for place in (1..records.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap() % (place + 1);
        records.swap(place, other);
    }
    records
}

#[tokio::test]
async fn every_use_counts_once_however_often_and_in_whatever_order_its_changes_come() {
    let (t, root) = busy().await;
    let expected = sums(&t).await;
    assert_eq!(total(&root).await.0, 18);
    let all = records(&t);
    let days = all.iter().filter(|it| {
        let day = it["dynamodb"]["Keys"]["sk"]["S"].as_str().unwrap().starts_with("D#");
        day && !it["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().starts_with("R#")
    });
    let days: Vec<Value> = days.cloned().collect();
    assert!(days.len() >= 36, "{}", days.len());
    let app = t.stack.app();

    assert_eq!(deliver(app, &all).await, None);
    assert_eq!(sums(&t).await, expected, "all of it once more");
    let backwards: Vec<Value> = days.iter().rev().cloned().collect();
    for (way, batches) in [
        ("as it was", vec![days.clone()]),
        ("twice", vec![days.clone(), days.clone()]),
        ("one by one", days.chunks(1).map(<[_]>::to_vec).collect()),
        (
            "in pieces, from behind",
            days.chunks(7).rev().map(<[_]>::to_vec).collect(),
        ),
        ("backwards", backwards.chunks(5).map(<[_]>::to_vec).collect()),
        ("shuffled", vec![shuffled(days.clone(), 7), shuffled(days.clone(), 11)]),
        (
            "overlapping",
            (0..days.len())
                .step_by(5)
                .map(|at| days[at.saturating_sub(9)..days.len().min(at + 5)].to_vec())
                .collect(),
        ),
    ] {
        forget(&t).await;
        for batch in batches {
            assert_eq!(deliver(app, &batch).await, None, "{way}");
        }
        assert_eq!(sums(&t).await, expected, "{way}");
    }
    // Two at a time, as when a batch is taken for lost that is not.
    forget(&t).await;
    let pieces: Vec<&[Value]> = days.chunks(9).collect();
    let twice = pieces.iter().chain(&pieces).map(|batch| deliver(app, batch));
    assert!(join_all(twice).await.iter().all(Option::is_none));
    assert_eq!(sums(&t).await, expected, "at the same time");
    // What was lost is made good by the next use. Reservations, and use elsewhere, change no number that counts.
    forget(&t).await;
    let used = |image: &Value| -> BTreeMap<String, String> {
        let numbers = image.as_object().into_iter().flatten();
        let numbers = numbers.filter(|(name, _)| name.starts_with("s~"));
        numbers
            .map(|(name, number)| (name.clone(), number.to_string()))
            .collect()
    };
    let mut last = BTreeMap::new();
    for record in &days {
        let change = &record["dynamodb"];
        if used(&change["NewImage"]) != used(&change["OldImage"]) {
            last.insert(
                ["pk", "sk"].map(|name| change["Keys"][name].to_string()),
                record.clone(),
            );
        }
    }
    let last: Vec<Value> = last.into_values().collect();
    assert_eq!(last.len(), 6, "a day of each person in each place");
    assert_eq!(deliver(app, &last).await, None);
    assert_eq!(sums(&t).await, expected, "only the last use of each day");
}

#[tokio::test]
async fn a_batch_that_fails_half_way_or_is_cut_off_comes_again_from_there() {
    let (t, _) = busy().await;
    let expected = sums(&t).await;
    let days: Vec<Value> = records(&t);
    let metered = Metered::new(&t).await;
    for every in [2, 3, 5] {
        forget(&t).await;
        metered.refuse_transactions(every);
        let (mut from, mut failures) = (0, 0);
        while let Some(failed) = deliver(&metered.app, &days[from..]).await {
            from += failed;
            failures += 1;
            assert!(failures < 100, "it does not come to an end");
        }
        metered.refuse_transactions(0);
        assert!(failures > 0, "nothing failed");
        assert_eq!(sums(&t).await, expected, "of {every} transactions one fails");
    }
    let mut partial = 0;
    for calls in 1..=40 {
        forget(&t).await;
        metered.calls();
        let cut_off = async {
            let mut made = 0;
            while made < calls {
                tokio::task::yield_now().await;
                made += metered.calls();
            }
        };
        let cut = tokio::select! {
            biased;
            () = cut_off => true,
            _ = deliver(&metered.app, &days) => false,
        };
        let begun = sums(&t).await;
        partial += usize::from(cut && !begun.is_empty() && begun != expected);
        // What was on its way when the process ended still arrives.
        assert_eq!(deliver(t.stack.app(), &days).await, None);
        assert_eq!(deliver(t.stack.app(), &days).await, None);
        assert_eq!(sums(&t).await, expected, "cut off at call {calls}");
    }
    assert!(partial > 0, "none of 40 was cut off half way");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_turns_at_once_are_in_the_sums_to_the_token() {
    let double = ModelDouble::start().await.unwrap();
    let environment = double.environment();
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .chain(ADMIN)
        .collect();
    let t = Test::with(&environment).await;
    double.always(Script::of(vec![Step::Text("abc ".to_owned()); 9]));
    let root = t.admin().await;
    let users = join_all((0..64).map(|number| {
        let (t, name) = (&t, format!("user{number}"));
        async move { t.user(&name).await }
    }))
    .await;
    join_all(users.iter().map(|user| async {
        let title = json!({"title": "Hello", "model": "gpt-4o-mini"});
        let chat = user.post("/api/v1/chat/sessions", title).await.created().text("id");
        let message = json!({"content": "What is the best?", "generate": true});
        let path = format!("/api/v1/chat/sessions/{chat}/messages");
        user.post(&path, message).await.created();
    }))
    .await;
    t.drain().await;
    let sold = double.totals();
    let told = total(&root).await;
    assert_eq!(told.1, sold.prompt_tokens + sold.completion_tokens);
    assert!(told.0 >= 64, "{told:?}");
    let report = root.get(STATS[0]).await.ok().json();
    assert_eq!(report["new_users"], 65, "and the admin");
}

#[tokio::test]
async fn what_was_used_stays_in_the_sums_whoever_leaves_or_comes_back() {
    let t = Test::with(&ADMIN).await;
    let root = t.admin().await;
    let (ada, bob, eve) = (t.user("ada").await, t.user("bob").await, t.user("eve").await);
    let org = ada.found_org("Lovelace").await;
    join(&t, &ada, &format!("/api/v1/orgs/{org}"), &bob, "member").await;
    join(&t, &ada, &format!("/api/v1/orgs/{org}"), &eve, "member").await;
    for user in [&ada, &bob, &eve] {
        spend(&t, user, None).await;
        spend(&t, user, Some(&org)).await;
    }
    t.drain().await;
    let before = total(&root).await;
    assert_eq!(before.0, 6);
    let purge = async || {
        t.advance_seconds(1);
        t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
        t.drain().await;
    };
    // One is removed, and one leaves for good.
    ada.delete(&format!("/api/v1/orgs/{org}/members/{}", bob.id()))
        .await
        .expect(204);
    eve.delete("/api/v1/users/me").await.ok();
    purge().await;
    assert_eq!(total(&root).await, before);
    // The first comes back, and begins a new item of the same day at 0.
    join(&t, &ada, &format!("/api/v1/orgs/{org}"), &bob, "member").await;
    spend(&t, &bob, Some(&org)).await;
    t.drain().await;
    let after = total(&root).await;
    assert_eq!((after.0, after.1 > before.1), (7, true));
    ada.delete(&format!("/api/v1/orgs/{org}")).await.expect(204);
    purge().await;
    assert_eq!(total(&root).await, after);
}

#[tokio::test]
async fn the_sums_say_how_far_they_have_come() {
    let t = Test::with(&ADMIN).await;
    let (root, ada) = (t.admin().await, t.user("ada").await);
    for path in STATS {
        let empty = root.get(path).await.ok().json();
        assert_eq!((&empty["as_of"], &empty["lag_seconds"]), (&Value::Null, &Value::Null));
        ada.get(path).await.problem(403, "role_required");
    }
    spend(&t, &ada, None).await;
    let used_at = t.stack.app().clock.now().as_second();
    assert_eq!(total(&root).await.0, 0, "nobody has looked at the stream");
    t.advance_seconds(40);
    t.drain().await;
    for path in STATS {
        let found = root.get(path).await.ok().json();
        let as_of: domain::Timestamp = found["as_of"].as_str().unwrap().parse().unwrap();
        assert!((used_at - 2..=used_at).contains(&as_of.as_second()), "{as_of}");
        let lag = found["lag_seconds"].as_u64().unwrap();
        assert!((40..=44).contains(&lag), "{lag}");
    }
    for (query, pointer) in [
        ("from=yesterday", "/from"),
        ("group_by=user", "/group_by"),
        ("from=2001-01-01", "/from"),
    ] {
        let refused = root.get(&format!("{}?{query}", STATS[1])).await;
        assert_eq!(refused.invalid(), [pointer]);
    }
    assert_eq!(
        root.get(&format!("{}?to=2020-01-01", STATS[0])).await.ok().json()["new_users"],
        0
    );
}

#[tokio::test]
async fn what_was_used_before_a_restart_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || {
        let environment = environment(&ADMIN);
        let data = Data::Folder(folder.path().to_owned());
        let options = Options {
            environment,
            data,
            ..crate::support::options()
        };
        Test::of(Stack::start(options).await.unwrap())
    };
    let t = start().await;
    let ada = t.user("ada").await;
    spend(&t, &ada, None).await;
    t.drain().await;
    spend(&t, &ada, None).await;
    t.stack.stop().await;
    for start_over in [false, true] {
        let t = start().await;
        let root = t.admin().await;
        assert_eq!(t.drain().await.waiting, 0);
        assert_eq!(total(&root).await.0, 2, "{start_over}");
        t.stack.stop().await;
        let file = folder.path().join("roll_up_usage.position");
        assert!(file.is_file());
        // Without it, everything comes again.
        std::fs::remove_file(file).unwrap();
    }
}

#[tokio::test]
async fn a_batch_of_twenty_people_is_a_transaction_for_each_partition_of_the_sums() {
    let t = Test::new().await;
    for number in 0..20 {
        spend(&t, &t.user(&format!("user{number}")).await, None).await;
    }
    let metered = Metered::new(&t).await;
    let days = records(&t);
    metered.units();
    assert_eq!(deliver(&metered.app, &days).await, None);
    // Twice for a transaction: a watermark each, and the items of the sums once for all; and how far they have come.
    let items = f64::from(u32::try_from(sums(&t).await.len()).unwrap());
    assert!((1.0..=4.0).contains(&items), "one model on one day: {items}");
    assert_eq!(metered.units(), (20.0, 2.0 * (20.0 + items) + 1.0));
    assert_eq!(deliver(&metered.app, &days).await, None);
    assert_eq!(metered.units(), (20.0, 0.0), "what came before is read and not written");
}
