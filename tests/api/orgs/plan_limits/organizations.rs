//! Organizations that one person owns, and what they may do in all of them.

use futures::future::join_all;
use serde_json::json;

use super::outcome;
use crate::api::orgs::join;
use crate::support::{Caller, RACERS, Test, rounds, statuses};

const ORGS: &str = "/api/v1/orgs";

/// The organizations that the caller owns, the personal one left out.
async fn owned(caller: &Caller) -> Vec<String> {
    let listed = caller.get(ORGS).await.ok().json();
    let shared = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|org| org["personal"] == false && org["role"] == "owner");
    shared.map(|org| org["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn of_many_organizations_at_once_a_person_gets_as_many_as_their_plan_allows() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for _ in 0..rounds() {
        let new = |number: usize| ada.post(ORGS, json!({"name": format!("Acme {number}")}));
        assert_eq!(
            outcome(join_all((0..RACERS).map(new)).await, "organizations", 3).len(),
            3
        );
        assert_eq!(owned(&ada).await.len(), 3);
        let paths: Vec<String> = owned(&ada).await.iter().map(|id| format!("{ORGS}/{id}")).collect();
        ada.delete(&paths[0]).await.expect(204);
        assert_eq!(
            outcome(join_all((0..RACERS).map(new)).await, "organizations", 3).len(),
            1
        );
        for id in owned(&ada).await {
            ada.delete(&format!("{ORGS}/{id}")).await.expect(204);
        }
    }
    // The largest plan that they own counts.
    ada.found_org("acme").await;
    let ids = owned(&ada).await;
    t.set_plan(&ids[0], "PRO").await;
    let new = |number: usize| ada.post(ORGS, json!({"name": format!("Acme {number}")}));
    assert_eq!(
        outcome(join_all((0..RACERS).map(new)).await, "organizations", 10).len(),
        9
    );
}

#[tokio::test]
async fn nobody_is_made_the_owner_of_more_organizations_than_their_plan_allows() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    for number in 0..3 {
        bob.found_org(&format!("own {number}")).await;
    }
    let acme = format!("{ORGS}/{}", ada.found_org("acme").await);
    join(&t, &ada, &acme, &bob, "admin").await;
    let of_bob = format!("{acme}/members/{}", bob.id());
    let promoted = ada.patch(&of_bob, json!({"role": "owner"})).await;
    assert_eq!(promoted.problem(409, "limit_reached")["limit"]["kind"], "organizations");
    let handed = ada
        .post(&format!("{acme}/transfer"), json!({"user_id": bob.id()}))
        .await;
    assert_eq!(handed.problem(409, "limit_reached")["limit"]["used"], 3);
    bob.post(&format!("{acme}/leave"), json!({})).await.expect(204);
    ada.post(
        &format!("{acme}/invite"),
        json!({"email": "bob@example.com", "role": "owner"}),
    )
    .await
    .created();
    let token = json!({"token": t.invitation_token("bob@example.com").await});
    bob.post("/api/v1/invitations/accept", token.clone())
        .await
        .problem(409, "limit_reached");
    let first = owned(&bob).await.remove(0);
    bob.delete(&format!("{ORGS}/{first}")).await.expect(204);
    bob.post("/api/v1/invitations/accept", token).await.ok();
    assert_eq!(owned(&bob).await.len(), 3);
}

#[tokio::test]
async fn nobody_whose_account_is_disabled_becomes_an_owner() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let acme = format!(
        "{ORGS}/{}",
        t.shared_org("acme", &[(&ada, "owner"), (&bob, "member")]).await
    );
    t.set_status(&bob, "disabled").await;
    let of_bob = format!("{acme}/members/{}", bob.id());
    ada.patch(&of_bob, json!({"role": "owner"}))
        .await
        .problem(409, "account_disabled");
    let handed = ada
        .post(&format!("{acme}/transfer"), json!({"user_id": bob.id()}))
        .await;
    handed.problem(409, "account_disabled");
    ada.patch(&of_bob, json!({"role": "admin"})).await.ok();
}

#[tokio::test]
async fn whoever_is_handed_many_organizations_at_once_gets_as_many_as_their_plan_allows() {
    let t = Test::new().await;
    let bob = t.user("bob").await;
    let mut offers = Vec::new();
    for number in 0..8 {
        let ada = t.user(&format!("ada{number}")).await;
        let acme = format!("{ORGS}/{}", ada.found_org("acme").await);
        join(&t, &ada, &acme, &bob, "member").await;
        offers.push((ada, acme));
    }
    let acts = offers.iter().enumerate().map(|(number, (ada, acme))| {
        let bob = bob.id();
        async move {
            if number % 2 == 0 {
                ada.patch(&format!("{acme}/members/{bob}"), json!({"role": "owner"}))
                    .await
            } else {
                ada.post(&format!("{acme}/transfer"), json!({ "user_id": bob })).await
            }
        }
    });
    let founding = join_all((0..8).map(|number| bob.post(ORGS, json!({"name": format!("own {number}")}))));
    let (handed, founded) = tokio::join!(join_all(acts), founding);
    for answer in handed.iter().chain(&founded) {
        assert!(
            [200, 201, 204, 409].contains(&answer.status.as_u16()),
            "{}",
            answer.status
        );
    }
    assert_eq!(owned(&bob).await.len(), 3);
}

#[tokio::test]
async fn requests_a_minute_are_a_persons_own_however_many_organizations_they_make() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let mut places = vec![ada.clone()];
    for number in 0..3 {
        let org = ada.found_org(&format!("acme {number}")).await;
        places.push(ada.with_header("x-current-org", &org));
    }
    let question = json!({"model": "local", "max_tokens": 1, "messages": [{"role": "user", "content": "Hello?"}]});
    let clock = &t.stack.app().clock;
    let began = clock.now();
    let answers = join_all((0..160).map(|number| {
        let (place, question) = (&places[number % places.len()], question.clone());
        async move { place.post("/v1/chat/completions", question).await }
    }))
    .await;
    let seconds = usize::try_from(clock.now().duration_since(began).as_secs()).unwrap() + 1;
    let counts = statuses(&answers);
    let passed = counts[&200];
    assert!((60..=60 + seconds).contains(&passed), "{counts:?} in {seconds} s");
    assert_eq!(passed + counts[&429], 160, "{counts:?}");
    // Somebody else is not in the way.
    bob.post("/v1/chat/completions", question.clone()).await.ok();
    t.advance_seconds(60);
    for place in &places {
        place.post("/v1/chat/completions", question.clone()).await.ok();
    }
}
