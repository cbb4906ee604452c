//! Many callers at the same moment want one address, or one new pair of tokens: one wins, and nothing half-written
//! stays. Races for a place in an organization are in `org_races`, for a reset link in `passwords`, for a person at
//! Clerk in `clerk`.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::json;

use crate::support::{PASSWORD, RACERS, Test, rounds, statuses};

#[tokio::test]
async fn of_64_who_sign_up_with_one_address_one_gets_the_account() {
    let t = Test::new().await;
    for round in 0..rounds() {
        let account = |number: usize| {
            let name = format!("racer {number}");
            json!({"email": format!("wanted-{round}@example.com"), "password": PASSWORD, "name": name})
        };
        let racers = (0..RACERS).map(|number| {
            let (nobody, body) = (t.anonymous(), account(number));
            async move { nobody.post("/api/v1/auth/register", body).await }
        });
        let answers = join_all(racers).await;
        assert_eq!(statuses(&answers), BTreeMap::from([(201, 1), (409, RACERS - 1)]));
        let won = answers.iter().find(|answer| answer.status == 201).unwrap();
        let me = t.anonymous().with_token(&won.text("access_token"));
        assert_eq!(me.get("/api/v1/auth/me").await.ok().text("name"), won.text("name"));
    }
    // The losers leave nothing: of every kind of item there is one for each account, the link in the mail included.
    t.drain().await;
    let items = t.items("parlance-identity").await;
    let mut kinds = BTreeMap::new();
    for (pk, sk) in items.keys() {
        let kind = |key: &str| key.split('#').next().unwrap_or_default().to_owned();
        *kinds.entry((kind(pk), kind(sk))).or_insert(0) += 1;
    }
    assert!(kinds.len() >= 5, "{kinds:?}");
    for (kind, count) in kinds {
        assert_eq!(count, rounds(), "{kind:?}");
    }
}

#[tokio::test]
async fn of_64_refreshes_at_once_all_get_one_new_pair() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let mut token = ada.refresh.clone();
    for round in 0..rounds() {
        let body = json!({"refresh_token": token});
        let nobody = t.anonymous();
        let pairs = join_all((0..RACERS).map(|_| nobody.post("/api/v1/auth/refresh", body.clone()))).await;
        let first = pairs[0].body.clone();
        let next = pairs[0].text("refresh_token");
        assert!(pairs.into_iter().all(|pair| pair.ok().body == first), "round {round}");
        let sessions = t.items("parlance-identity").await;
        let sessions = sessions.keys().filter(|(_, sk)| sk.starts_with("SESS#")).count();
        assert_eq!(sessions, 1, "no session but the first");
        token = next;
    }
    // Later use of a replaced token ends all of it.
    t.advance_seconds(11);
    let reused = json!({"refresh_token": ada.refresh});
    t.anonymous().post("/api/v1/auth/refresh", reused).await.expect(401);
    let last = json!({"refresh_token": token});
    t.anonymous()
        .post("/api/v1/auth/refresh", last)
        .await
        .problem(401, "session_ended");
}
