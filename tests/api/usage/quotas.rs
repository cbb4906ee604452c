//! Daily limits.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use serde_json::json;

use crate::api::usage::ledger::spend;
use crate::support::{ADMIN, Caller, Test};

const QUOTA: &str = "/api/v1/users/me/quota";

fn of(user: &Caller) -> String {
    format!("/api/v1/users/{}", user.id())
}

#[tokio::test]
async fn a_quota_is_10000_tokens_a_day_and_its_user_sets_it_no_higher() {
    let t = Test::with(&ADMIN).await;
    let (ada, eve, root) = (t.user("ada").await, t.user("eve").await, t.admin().await);
    let quota = ada.get(QUOTA).await.ok().json();
    assert_eq!(
        (&quota["user_id"], &quota["daily_limit"], &quota["used_today"]),
        (&json!(ada.id()), &json!(10000), &json!(0))
    );
    assert!(
        quota["last_reset"].as_str().unwrap().ends_with("T00:00:00.000Z"),
        "{quota}"
    );
    let own = format!("{}/quota", of(&ada));
    eve.get(&own).await.problem(404, "not_found");
    eve.put(&own, json!({"daily_limit": 1})).await.problem(404, "not_found");
    let lowered = ada.put(
        QUOTA,
        json!({"daily_limit": 500, "used_today": 7, "last_reset": "2020-01-01T00:00:00Z"}),
    );
    let lowered = lowered.await.ok().json();
    assert_eq!(
        (&lowered["daily_limit"], &lowered["used_today"]),
        (&json!(500), &json!(0))
    );
    assert_eq!(lowered["last_reset"], quota["last_reset"]);
    ada.put(QUOTA, json!({"daily_limit": 10_001}))
        .await
        .problem(403, "quota_raise");
    let raised = root
        .put(&own, json!({"daily_limit": 90_000, "used_today": 40}))
        .await
        .ok()
        .json();
    assert_eq!(
        (&raised["daily_limit"], &raised["used_today"]),
        (&json!(90_000), &json!(40))
    );
    assert_eq!(ada.get(QUOTA).await.ok().json(), raised);
    assert_eq!(
        root.put(QUOTA, json!({"daily_limit": 20_000})).await.ok().json()["daily_limit"],
        20_000
    );
    for (wrong, pointer) in [
        (json!({"daily_limit": -1}), "/daily_limit"),
        (json!({"daily_limit": 1_000_000_000_001_u64}), "/daily_limit"),
        (json!({"used_today": "many"}), "/used_today"),
    ] {
        assert_eq!(root.put(&own, wrong).await.invalid(), [pointer]);
    }
    assert_eq!(
        t.audited(ada.org()).await,
        ["user.created", "quota.changed", "quota.changed"]
    );
    t.advance_seconds(24 * 3600);
    let tomorrow = ada.sign_in_again().await.get(QUOTA).await.ok().json();
    assert_eq!(
        (&tomorrow["daily_limit"], &tomorrow["used_today"]),
        (&json!(90_000), &json!(0))
    );
    assert_ne!(
        tomorrow["last_reset"], quota["last_reset"],
        "a new day begins by itself"
    );
}

#[tokio::test]
async fn a_key_does_not_change_the_limit_of_its_person() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    ada.verify().await;
    let key = ada.api_key(json!({"name": "All"})).await;
    let key = t.anonymous().with_token(&key.text("key"));
    let limit = json!({"daily_limit": 1});
    key.put(QUOTA, limit.clone()).await.problem(403, "person_required");
    key.put(&format!("{}/quota", of(&ada)), limit)
        .await
        .problem(403, "person_required");
    key.put("/api/v1/settings", json!({"notifications": {"email": false}}))
        .await
        .problem(403, "person_required");
    assert_eq!(key.get(QUOTA).await.ok().json()["daily_limit"], 10_000);
}

#[tokio::test]
async fn a_person_goes_back_up_to_what_the_plan_or_an_admin_gave() {
    let t = Test::with(&ADMIN).await;
    let (ada, root) = (t.user("ada").await, t.admin().await);
    let set = async |limit: u64| ada.put(QUOTA, json!({"daily_limit": limit})).await;
    set(1).await.ok();
    set(10_001).await.problem(403, "quota_raise");
    assert_eq!(set(10_000).await.ok().json()["daily_limit"], 10_000);
    // What an admin sets is the most, whether it is more or less than the plan gives.
    let own = format!("{}/quota", of(&ada));
    for granted in [90_000, 300] {
        root.put(&own, json!({"daily_limit": granted})).await.ok();
        set(1).await.ok();
        set(granted + 1).await.problem(403, "quota_raise");
        assert_eq!(set(granted).await.ok().json()["daily_limit"], granted);
    }
}

#[tokio::test]
async fn a_changed_limit_changes_no_counter_and_what_counts_as_used_moves_what_is_committed() {
    let t = Test::with(&ADMIN).await;
    let (ada, root) = (t.user("ada").await, t.admin().await);
    let began = ada.get(QUOTA).await.ok().text("last_reset");
    let key = || {
        let sort = format!("D#{}", &began[..10]);
        [("pk", format!("U#{}", ada.id())), ("sk", sort)].map(|(name, value)| (name, AttributeValue::S(value)))
    };
    // As the ledger leaves the day: 300 used, 200 reserved.
    let mut put = t.db().put_item().table_name("parlance-usage");
    for (name, value) in key() {
        put = put.item(name, value);
    }
    for (name, value) in [("used", "300"), ("reserved", "200"), ("committed", "500")] {
        put = put.item(name, AttributeValue::N(value.to_owned()));
    }
    put.send().await.unwrap();
    assert_eq!(ada.get(QUOTA).await.ok().json()["used_today"], 300);
    let counters = async || {
        let mut get = t.db().get_item().table_name("parlance-usage").consistent_read(true);
        for (name, value) in key() {
            get = get.key(name, value);
        }
        let item = get.send().await.unwrap().item.unwrap();
        ["used", "reserved", "committed"].map(|name| item[name].as_n().unwrap().clone())
    };
    for limit in [9_000, 100] {
        ada.put(QUOTA, json!({ "daily_limit": limit })).await.ok();
        assert_eq!(counters().await, ["300", "200", "500"], "what is used stays used");
    }
    let forgiven = json!({"daily_limit": 100, "used_today": 0});
    root.put(&format!("{}/quota", of(&ada)), forgiven).await.ok();
    assert_eq!(counters().await, ["0", "200", "200"]);
}

#[tokio::test]
async fn of_limits_that_are_set_at_once_one_stays_and_none_above_the_plan() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let limits: Vec<u64> = (1..=16).map(|step| 9_200 + step * 100).collect();
    let answers = join_all(limits.iter().map(|limit| ada.put(QUOTA, json!({"daily_limit": limit})))).await;
    for (limit, answer) in limits.iter().zip(answers) {
        if *limit <= 10_000 {
            answer.ok();
        } else {
            answer.problem(403, "quota_raise");
        }
    }
    let last = ada.get(QUOTA).await.ok().json()["daily_limit"].as_u64().unwrap();
    assert!(limits.contains(&last) && last <= 10_000, "{last}");
}

#[tokio::test]
async fn the_day_follows_the_time_zone_of_the_personal_organization() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let update = t.db().update_item().table_name("parlance-identity");
    let update = update.key("pk", AttributeValue::S(format!("O#{}", ada.org())));
    let update = update.key("sk", AttributeValue::S("ORG".to_owned()));
    let update = update.update_expression("SET time_zone = :zone");
    let zone = AttributeValue::S("Asia/Tokyo".to_owned());
    update.expression_attribute_values(":zone", zone).send().await.unwrap();
    assert!(ada.get(QUOTA).await.ok().text("last_reset").ends_with("T15:00:00.000Z"));
}

/// The limits on tokens where `caller` asks, by what they cover.
async fn limits(caller: &Caller) -> Vec<(String, u64, String)> {
    let found = caller.get("/api/v1/tokens/limits").await.ok().json();
    let limits = found["limits"].as_array().unwrap().iter().map(|limit| {
        let text = |name: &str| limit[name].as_str().unwrap().to_owned();
        (text("scope"), limit["used"].as_u64().unwrap(), text("resets_at"))
    });
    limits.collect()
}

#[tokio::test]
async fn moving_to_another_time_zone_gives_no_second_day() {
    let t = Test::with(&ADMIN).await;
    let (root, ada) = (t.admin().await, t.user("ada").await);
    let acme = t.shared_org("acme", &[(&ada, "owner")]).await;
    let inside = ada.with_header("x-current-org", &acme);
    spend(&t, &ada, Some(&acme)).await;
    let used = ada.get(QUOTA).await.ok().json()["used_today"].as_u64().unwrap();
    assert!(used > 0);
    let before = (
        limits(&inside).await,
        limits(&ada).await,
        ada.get(QUOTA).await.ok().json(),
    );
    // Somewhere it is tomorrow, and somewhere it is yesterday.
    for zone in [
        "Pacific/Kiritimati",
        "Etc/GMT+12",
        "Asia/Tokyo",
        "America/Los_Angeles",
        "Pacific/Auckland",
    ] {
        for org in [ada.org(), &acme] {
            let changed = ada
                .patch(&format!("/api/v1/orgs/{org}"), json!({"time_zone": zone}))
                .await
                .ok()
                .json();
            assert_eq!(
                (&changed["time_zone"], &changed["time_zone_since"]),
                (&json!(zone), &json!(before.1[0].2))
            );
        }
        let after = (
            limits(&inside).await,
            limits(&ada).await,
            ada.get(QUOTA).await.ok().json(),
        );
        assert_eq!(after, before, "in {zone}");
    }
    // The account that administers the platform sees the same day.
    let seen = root.get(&format!("/api/v1/users/{}/quota", ada.id())).await.ok().json();
    assert_eq!(seen["used_today"], used);
    // From the next reset on the days of the new zone count.
    let now = t.stack.app().clock.now();
    let reset: domain::Timestamp = before.1[0].2.parse().unwrap();
    t.advance_seconds(u64::try_from(reset.duration_since(now).as_secs()).unwrap() + 2);
    let (ada, inside) = (ada.sign_in_again().await, inside.sign_in_again().await);
    let quota = ada.get(QUOTA).await.ok().json();
    assert_eq!(
        (&quota["used_today"], &quota["last_reset"]),
        (&json!(0), &json!(before.1[0].2))
    );
    for found in [limits(&inside).await, limits(&ada).await] {
        for (scope, used, resets_at) in found {
            assert_eq!(used, 0, "{scope}");
            let offset = resets_at[11..].to_owned();
            assert!(
                ["11:00:00.000Z", "12:00:00.000Z"].contains(&offset.as_str()),
                "midnight in Auckland: {offset}"
            );
        }
    }
}
