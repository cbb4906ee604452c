//! Daily limits.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use serde_json::json;

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
