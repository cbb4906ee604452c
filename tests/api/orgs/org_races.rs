//! Many callers at the same moment: exactly one wins, or the right number, and nothing half-written stays.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::api::orgs::{join, org, team_plan};
use crate::support::{Caller, RACERS as CALLERS, Test, rounds, statuses};

/// The keys of the identity table that `wanted` picks.
async fn keys(t: &Test, wanted: impl Fn(&str, &str) -> bool) -> Vec<(String, String)> {
    let all = t.items("parlance-identity").await.into_keys();
    all.filter(|(pk, sk)| wanted(pk, sk)).collect()
}

/// Every place is there for its organization and for its user, and the counters say how many there are.
async fn whole(t: &Test, owner: &Caller, org: &str) {
    let id = org.rsplit('/').next().unwrap();
    let members = keys(t, |pk, sk| pk == format!("O#{id}") && sk.starts_with("M#")).await;
    let places = keys(t, |pk, sk| pk.starts_with("U#") && sk == format!("ORG#{id}")).await;
    let mut of_members: Vec<String> = members.iter().map(|(_, sk)| sk.replace("M#", "U#")).collect();
    of_members.sort();
    assert_eq!(of_members, places.into_iter().map(|(pk, _)| pk).collect::<Vec<_>>());
    let invited = keys(t, |pk, sk| pk == format!("O#{id}") && sk.starts_with("INV#")).await;
    let addresses = keys(t, |pk, sk| pk.starts_with("EMAIL#") && sk == format!("INV#{id}")).await;
    let tokens = t.items("parlance-identity").await.into_iter();
    let tokens = tokens.filter(|((pk, _), item)| pk.starts_with("INVT#") && item.contains(id));
    assert_eq!((invited.len(), addresses.len()), (tokens.count(), invited.len()));
    let seats = &owner.get(org).await.ok().json()["seats"]["used"];
    assert_eq!(*seats, members.len() + invited.len());
    let listed = owner.get(&format!("{org}/members")).await.ok().json();
    let owners = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["role"] == "owner" && one["status"] == "active");
    let item = &t.items("parlance-identity").await[&(format!("O#{id}"), "ORG".to_owned())];
    assert!(
        item.contains(&format!("\"owners\": \"N(\\\"{}\\\")\"", owners.count())),
        "{item}"
    );
}

#[tokio::test]
async fn one_of_many_gets_a_slug() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    for round in 0..rounds() {
        let new = json!({"name": "Acme", "slug": format!("acme-{round}")});
        let answers = join_all((0..CALLERS).map(|_| ada.post("/api/v1/orgs", new.clone()))).await;
        assert_eq!(statuses(&answers), BTreeMap::from([(201, 1), (409, CALLERS - 1)]));
        let made = keys(&t, |pk, sk| pk.starts_with("O#") && sk == "ORG").await;
        assert_eq!(made.len(), 2 + round, "the losers leave no organization: {made:?}");
        let slugs = keys(&t, |pk, _| pk.starts_with("SLUG#")).await;
        assert_eq!(slugs.len(), 1 + round);
    }
    // Renaming to the same slug at once.
    let mut paths = Vec::new();
    for number in 0..8 {
        paths.push(org(&ada, &format!("rename-{number}")).await);
    }
    let answers = join_all(paths.iter().map(|path| ada.patch(path, json!({"slug": "wanted"})))).await;
    assert_eq!(statuses(&answers), BTreeMap::from([(200, 1), (409, 7)]));
    let slugs = keys(&t, |pk, _| pk.starts_with("SLUG#")).await;
    assert_eq!(slugs.len(), rounds() + 8, "the old slug of the winner is free");
}

#[tokio::test]
async fn an_organization_keeps_an_owner_whoever_goes_at_the_same_moment() {
    let t = Test::new().await;
    let (ada, bob) = (t.talker("ada").await, t.talker("bob").await);
    for round in 0..rounds() {
        let path = org(&ada, &format!("acme-{round}")).await;
        join(&t, &ada, &path, &bob, "owner").await;
        let member = |caller: &Caller| format!("{path}/members/{}", caller.id());
        let (ada_id, bob_id) = (member(&ada), member(&bob));
        let leave = format!("{path}/leave");
        let demote = json!({"role": "member"});
        let acts = (0..CALLERS).map(|number| {
            let (by, other) = if number % 2 == 0 {
                (&ada, &bob_id)
            } else {
                (&bob, &ada_id)
            };
            let (leave, demote) = (&leave, &demote);
            async move {
                match (round + number / 2) % 3 {
                    0 => by.patch(other, demote.clone()).await,
                    1 => by.post(leave, json!({})).await,
                    _ => by.delete(other).await,
                }
            }
        });
        let answers = join_all(acts).await;
        let won = answers.iter().filter(|answer| answer.status.is_success()).count();
        assert!(won >= 1, "{:?}", statuses(&answers));
        for answer in &answers {
            assert!(
                answer.status.as_u16() < 500,
                "{}",
                String::from_utf8_lossy(&answer.body)
            );
        }
        let mut owners = Vec::new();
        for caller in [&ada, &bob] {
            let seen = caller.get(&path).await;
            if seen.status.as_u16() == 200 && seen.text("role") == "owner" {
                owners.push(caller);
            }
        }
        assert_eq!(owners.len(), 1, "round {round}: {:?}", statuses(&answers));
        whole(&t, owners[0], &path).await;
    }
}

#[tokio::test]
async fn two_owners_who_demote_each_other_are_one_owner_and_one_admin() {
    let t = Test::new().await;
    let (ada, bob) = (t.talker("ada").await, t.talker("bob").await);
    for round in 0..rounds() {
        let path = org(&ada, &format!("acme-{round}")).await;
        join(&t, &ada, &path, &bob, "owner").await;
        let (of_ada, of_bob) = (
            format!("{path}/members/{}", ada.id()),
            format!("{path}/members/{}", bob.id()),
        );
        let admin = json!({"role": "admin"});
        let (one, two) = tokio::join!(ada.patch(&of_bob, admin.clone()), bob.patch(&of_ada, admin));
        let answers = [one, two];
        let won = answers.iter().filter(|answer| answer.status.as_u16() == 200).count();
        assert_eq!(won, 1, "{:?}", statuses(&answers));
        let owner = if answers[0].status.as_u16() == 200 { &ada } else { &bob };
        assert_eq!(owner.get(&path).await.ok().text("role"), "owner");
        whole(&t, owner, &path).await;
    }
}

#[tokio::test]
async fn of_two_owners_whose_accounts_go_at_once_one_stays() {
    let t = Test::new().await;
    let (ada, bob) = (t.talker("ada").await, t.talker("bob").await);
    let (app, system) = (t.stack.app(), domain::Actor::system());
    let account = async |caller: &Caller| {
        let token = domain::Secret::new(caller.token.clone());
        app.authenticate(&token).await.unwrap().user
    };
    let (of_ada, of_bob) = (account(&ada).await, account(&bob).await);
    for round in 0..rounds() {
        let path = org(&ada, &format!("acme-{round}")).await;
        join(&t, &ada, &path, &bob, "owner").await;
        let (one, two) = tokio::join!(
            app.leave_all_orgs(&of_ada, &system),
            app.leave_all_orgs(&of_bob, &system)
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let left = if one.is_ok() { &bob } else { &ada };
        assert_eq!(left.get(&path).await.ok().text("role"), "owner");
        whole(&t, left, &path).await;
        left.delete(&path).await.expect(204);
    }
}

#[tokio::test]
async fn a_token_is_accepted_once_however_many_present_it() {
    let t = Test::new().await;
    let (ada, bob) = (t.talker("ada").await, t.talker("bob").await);
    for round in 0..rounds() {
        let path = org(&ada, &format!("acme-{round}")).await;
        let invite = json!({"email": "bob@example.com"});
        ada.post(&format!("{path}/invite"), invite).await.created();
        let token = json!({"token": t.invitation_token("bob@example.com").await});
        let acts = (0..CALLERS).map(|number| {
            let token = token.clone();
            let bob = &bob;
            async move {
                let answer = if number % 8 == 7 { "decline" } else { "accept" };
                bob.post(&format!("/api/v1/invitations/{answer}"), token).await
            }
        });
        let answers = join_all(acts).await;
        let counts = statuses(&answers);
        let won = counts.get(&200).copied().unwrap_or(0) + counts.get(&204).copied().unwrap_or(0);
        assert_eq!((won, counts.get(&404)), (1, Some(&(CALLERS - 1))), "{counts:?}");
        let joined = bob.get(&path).await.status.as_u16();
        assert_eq!(joined, if counts.contains_key(&200) { 200 } else { 404 });
        whole(&t, &ada, &path).await;
    }
}

#[tokio::test]
async fn seats_are_never_overbooked() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    for round in 0..rounds() {
        let path = org(&ada, &format!("acme-{round}")).await;
        let invite = format!("{path}/invite");
        let acts = (0..CALLERS).map(|number| ada.post(&invite, json!({"email": format!("n{number}@example.com")})));
        let answers = join_all(acts).await;
        assert_eq!(statuses(&answers), BTreeMap::from([(201, 2), (409, CALLERS - 2)]));
        for refused in answers.into_iter().filter(|answer| answer.status.as_u16() == 409) {
            refused.problem(409, "seat_limit");
        }
        whole(&t, &ada, &path).await;
    }
}

#[tokio::test]
async fn an_address_that_many_invite_is_invited_once() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let path = org(&ada, "acme").await;
    let invite = format!("{path}/invite");
    let acts = (0..CALLERS).map(|_| ada.post(&invite, json!({"email": "bob@example.com"})));
    let answers = join_all(acts).await;
    // An address gets 50 mails at once.
    assert_eq!(statuses(&answers), BTreeMap::from([(201, 50), (429, CALLERS - 50)]));
    let listed = ada.get(&format!("{path}/invitations")).await.ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    whole(&t, &ada, &path).await;
}

#[tokio::test]
async fn a_deletion_meets_those_who_join_and_invite() {
    let t = Test::new().await;
    let (ada, bob) = (t.talker("ada").await, t.talker("bob").await);
    for round in 0..rounds() {
        let path = org(&ada, &format!("acme-{round}")).await;
        team_plan(&t, &path).await;
        ada.post(&format!("{path}/invite"), json!({"email": "bob@example.com"}))
            .await
            .created();
        let token = json!({"token": t.invitation_token("bob@example.com").await});
        let accept = bob.post("/api/v1/invitations/accept", token);
        let invites = join_all((0..6).map(|number| {
            let body = json!({"email": format!("n{number}@example.com")});
            let (ada, path) = (&ada, format!("{path}/invite"));
            async move { ada.post(&path, body).await }
        }));
        let (gone, joined, others) = tokio::join!(ada.delete(&path), accept, invites);
        gone.expect(204);
        assert!([200, 404].contains(&joined.status.as_u16()), "{}", joined.status);
        for answer in others {
            assert!([201, 404].contains(&answer.status.as_u16()), "{}", answer.status);
        }
        bob.get(&path).await.problem(404, "not_found");
        let listed: Value = bob.get("/api/v1/orgs").await.ok().json();
        assert_eq!(listed.as_array().unwrap().len(), 1);
        assert_eq!(bob.get("/api/v1/invitations").await.ok().json(), json!([]));
    }
}
