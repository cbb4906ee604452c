//! What a plan allows is what one gets: never more, never less, however many come at once.
//!
//! `PARLANCE_ROUNDS` says how often each race is run.

mod documents;
mod every_limit;
mod organizations;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::api::orgs::team_plan;
use crate::support::{Answer, RACERS, Test, rounds, statuses};

const CHATBOTS: &str = "/api/v1/chatbots";
const APP: &str = "parlance-app";

/// What was created, and how many were refused because this is used of this limit.
#[track_caller]
fn outcome(answers: Vec<Answer>, kind: &str, limit: u64) -> Vec<Value> {
    let counts = statuses(&answers);
    let (created, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status.as_u16() == 201);
    for answer in refused {
        assert_eq!(
            answer.status.as_u16(),
            409,
            "{counts:?} {}",
            String::from_utf8_lossy(&answer.body)
        );
        let problem = answer.problem(409, "limit_reached");
        let found = &problem["limit"];
        assert_eq!(
            (&found["kind"], &found["limit"]),
            (&json!(kind), &json!(limit)),
            "{problem}"
        );
        let used = found["used"].as_u64().unwrap();
        assert!(
            used <= limit && used + found["needed"].as_u64().unwrap() > limit,
            "{problem}"
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("plan"), "{detail}");
    }
    created.iter().map(Answer::json).collect()
}

fn id(created: &Value) -> &str {
    created["id"].as_str().unwrap()
}

/// Takes the counters of an organization away: they are counted anew.
async fn forget_counters(t: &Test, org: &str) {
    let delete = t.db().delete_item().table_name(APP);
    let delete = delete.key("pk", AttributeValue::S(format!("O#{org}")));
    let delete = delete.key("sk", AttributeValue::S("COUNTS".to_owned()));
    delete.send().await.unwrap();
}

/// A counter of an organization; none when there is none.
pub(crate) async fn counter(t: &Test, org: &str, name: &str) -> Option<u64> {
    let get = t.db().get_item().table_name(APP).consistent_read(true);
    let get = get.key("pk", AttributeValue::S(format!("O#{org}")));
    let get = get.key("sk", AttributeValue::S("COUNTS".to_owned()));
    let item = get.send().await.unwrap().item?;
    Some(item.get(name)?.as_n().unwrap().parse().unwrap())
}

#[tokio::test]
async fn of_many_chatbots_at_once_as_many_are_created_as_the_plan_allows() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for _ in 0..rounds() {
        let new = |number: usize| ada.post(CHATBOTS, json!({"name": format!("Helper {number}")}));
        let created = outcome(join_all((0..RACERS).map(new)).await, "chatbots", 3);
        assert_eq!(created.len(), 3);
        // Whoever deletes one makes room for one, however often it is said.
        let path = format!("{CHATBOTS}/{}", id(&created[0]));
        let gone = join_all((0..8).map(|_| ada.delete(&path))).await;
        assert_eq!(statuses(&gone), BTreeMap::from([(204, 1), (404, 7)]));
        assert_eq!(outcome(join_all((0..RACERS).map(new)).await, "chatbots", 3).len(), 1);
        // Those who delete and those who create at the same moment.
        let listed = ada.get(CHATBOTS).await.ok().json();
        let paths: Vec<String> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|bot| format!("{CHATBOTS}/{}", id(bot)))
            .collect();
        let deletes = join_all(paths.iter().map(|path| ada.delete(path)));
        let (gone, created) = tokio::join!(deletes, join_all((0..RACERS).map(new)));
        assert_eq!(statuses(&gone), BTreeMap::from([(204, 3)]));
        let created = outcome(created, "chatbots", 3);
        assert!(created.len() <= 3);
        let listed = ada.get(CHATBOTS).await.ok().json();
        assert_eq!(listed.as_array().unwrap().len(), created.len());
        assert_eq!(
            outcome(join_all((0..RACERS).map(new)).await, "chatbots", 3).len(),
            3 - created.len()
        );
        for bot in ada.get(CHATBOTS).await.ok().json().as_array().unwrap() {
            ada.delete(&format!("{CHATBOTS}/{}", id(bot))).await.expect(204);
        }
        assert_eq!(counter(&t, ada.org(), "chatbots").await, Some(0));
    }
}

#[tokio::test]
async fn a_larger_plan_allows_more_and_a_smaller_one_takes_nothing_away() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    team_plan(&t, ada.org()).await;
    for number in 0..5 {
        ada.post(CHATBOTS, json!({"name": format!("Helper {number}")}))
            .await
            .created();
    }
    t.set_plan(ada.org(), "FREE").await;
    let refused = ada
        .post(CHATBOTS, json!({"name": "One more"}))
        .await
        .problem(409, "limit_reached");
    assert_eq!(
        refused["limit"],
        json!({"kind": "chatbots", "scope": "org", "limit": 3, "used": 5, "needed": 1, "remaining": 0})
    );
    assert_eq!(
        refused["detail"],
        "The FREE plan allows 3 chatbots, and this organization has 5. Delete some, or change to the PRO plan, \
         which allows 25."
    );
    let listed = ada.get(CHATBOTS).await.ok().json();
    assert_eq!(
        listed.as_array().unwrap().len(),
        5,
        "what exceeds the smaller plan stays"
    );
    ada.put(&format!("{CHATBOTS}/{}", id(&listed[0])), json!({"name": "Renamed"}))
        .await
        .ok();
}

#[tokio::test]
async fn chatbots_of_an_earlier_release_count() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for round in 0..rounds() {
        let made = ada
            .post(CHATBOTS, json!({"name": "Earlier"}))
            .await
            .created()
            .text("id");
        forget_counters(&t, ada.org()).await;
        let new = |number: usize| ada.post(CHATBOTS, json!({"name": format!("Helper {number}")}));
        let (gone, answers) = tokio::join!(
            async {
                if round % 2 == 0 {
                    Some(ada.delete(&format!("{CHATBOTS}/{made}")).await)
                } else {
                    None
                }
            },
            join_all((0..RACERS).map(new))
        );
        let created = outcome(answers, "chatbots", 3).len();
        let listed = ada.get(CHATBOTS).await.ok().json();
        let listed = listed.as_array().unwrap();
        assert_eq!(listed.len(), created + usize::from(gone.is_none()));
        assert!((2..=3).contains(&created), "{created}");
        assert_eq!(counter(&t, ada.org(), "chatbots").await, Some(listed.len() as u64));
        for bot in listed {
            ada.delete(&format!("{CHATBOTS}/{}", id(bot))).await.expect(204);
        }
    }
}

#[tokio::test]
async fn counters_that_are_wrong_are_counted_anew() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    ada.chatbot(&[]).await;
    ada.upload("a.txt", "text").await.created();
    ada.begin_upload("b.txt", 6).await;
    let store = store::Store::new(t.stack.sdk(), store::Tables::with_prefix("parlance"));
    for wrong in [0, 99] {
        let update = t.db().update_item().table_name(APP);
        let update = update.key("pk", AttributeValue::S(format!("O#{}", ada.org())));
        let update = update.key("sk", AttributeValue::S("COUNTS".to_owned()));
        let update = update.update_expression("SET chatbots = :n, documents = :n, storage_bytes = :n");
        let wrong = AttributeValue::N(wrong.to_string());
        update.expression_attribute_values(":n", wrong).send().await.unwrap();
        store
            .recount_resources(&domain::OrgId(ada.org().to_owned()))
            .await
            .unwrap();
        let bot = ada.chatbot(&[]).await;
        assert_eq!(counter(&t, ada.org(), "chatbots").await, Some(2));
        ada.delete(&format!("{CHATBOTS}/{bot}")).await.expect(204);
        let made = ada.upload("c.txt", "ten bytes.").await.created().text("id");
        assert_eq!(counter(&t, ada.org(), "documents").await, Some(3));
        assert_eq!(counter(&t, ada.org(), "storage_bytes").await, Some(4 + 6 + 10));
        ada.delete(&format!("/api/v1/documents/{made}")).await.expect(204);
    }
}
