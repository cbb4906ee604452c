//! Erasure by its own queue: what was deleted goes at once, however often and late its message comes.

use domain::Purge;
use futures::future::join;
use serde_json::json;

use crate::support::Test;

/// Items whose key or content names `id`, by table, and objects.
async fn residue(t: &Test, id: &str) -> Vec<String> {
    let mut found = t.object_keys().await;
    found.retain(|key| key.contains(id));
    for table in ["identity", "app", "usage"] {
        let items = t.items(&format!("parlance-{table}")).await.into_iter();
        let named = items.filter(|((pk, sk), item)| [pk, sk, item].iter().any(|text| text.contains(id)));
        found.extend(named.map(|((pk, sk), _)| format!("{table} {pk} {sk}")));
    }
    found
}

#[tokio::test]
async fn a_deleted_account_is_gone_without_any_schedule() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    ada.upload("a.txt", "Ada's words. ".repeat(20)).await.created();
    t.drain().await;
    assert!(!residue(&t, ada.id()).await.is_empty());
    ada.delete("/api/v1/users/me").await.ok();
    t.drain().await;
    assert_eq!(residue(&t, ada.id()).await, Vec::<String>::new());
    assert_eq!(residue(&t, ada.org()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_message_about_what_was_not_deleted_removes_nothing() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let org = ada.found_org("Acme").await;
    t.drain().await;
    let (before, user_id) = (t.items("parlance-identity").await, domain::UserId(ada.id().to_owned()));
    let orgs = vec![domain::OrgId(org.clone())];
    let org_id = domain::OrgId(org.clone());
    for purge in [
        Purge::User {
            user_id: user_id.clone(),
            orgs,
        },
        Purge::Org { org_id: org_id.clone() },
        Purge::Member { org_id, user_id },
    ] {
        t.stack.app().purge(&purge).await.unwrap();
    }
    assert_eq!(t.items("parlance-identity").await, before);
    ada.delete(&format!("/api/v1/orgs/{org}")).await.expect(204);
    t.drain().await;
    let deleted = Purge::Org {
        org_id: domain::OrgId(org.clone()),
    };
    for _ in 0..10 {
        t.stack.app().purge(&deleted).await.unwrap();
    }
    assert_eq!(residue(&t, &org).await, Vec::<String>::new());
    ada.get("/api/v1/users/me").await.ok();
}

#[tokio::test]
async fn an_organization_made_while_its_owner_is_deleted_is_not_orphaned() {
    let t = Test::new().await;
    let (mut with, mut without) = (0, 0);
    for round in 0..20 {
        let ada = t.user(&format!("ada{round}")).await;
        let made = ada.post("/api/v1/orgs", json!({"name": format!("Acme {round}")}));
        let (made, ended) = join(made, ada.delete("/api/v1/users/me")).await;
        t.drain().await;
        let alive = ada.get("/api/v1/users/me").await.status == 200;
        match ended.status.as_u16() {
            200 => assert!(!alive),
            409 => assert!(alive),
            _ => panic!("{ended:?}"),
        }
        if made.status == 201 {
            assert!(alive, "an organization whose owner is gone");
            with += 1;
        } else {
            assert!(!alive, "{made:?}");
            without += 1;
        }
    }
    assert_eq!(with + without, 20);
    let items = t.items("parlance-identity").await;
    let orgs = items
        .keys()
        .filter(|(pk, sk)| pk.starts_with("O#") && sk == "ORG")
        .count();
    assert_eq!(orgs, 2 * with, "personal ones included");
}
