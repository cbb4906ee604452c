//! Erasure: what was deleted is gone everywhere.

use std::collections::BTreeSet;

use serde_json::json;

use crate::{
    api::usage::ledger::spend,
    support::{Caller, Test},
};

/// In every field that a person fills.
const MARKER: &str = "zyxmarker7291";

/// Tables whose items hold the marker or the id, and objects below the organization.
async fn residue(t: &Test, ids: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for table in ["identity", "app", "usage", "ephemeral", "audit"] {
        for ((pk, sk), item) in t.items(&format!("parlance-{table}")).await {
            let holds = |text: &str| pk.contains(text) || sk.contains(text) || item.contains(text);
            if holds(MARKER) || (table != "audit" && ids.iter().any(|id| holds(id))) {
                found.insert(format!("{table} {pk} {sk}"));
            }
        }
    }
    for key in t.object_keys().await {
        if ids.iter().any(|id| key.contains(id)) {
            found.insert(format!("object {key}"));
        }
    }
    found
}

/// Everything that a person can have, with the marker in it.
async fn seed(t: &Test, ada: &Caller) {
    let text = format!("{MARKER} says that the warranty is five years. ");
    let document = ada.upload(&format!("{MARKER}.txt"), text).await.created().text("id");
    t.drain().await;
    let session = ada.session(&[&document]).await;
    ada.ask(&session, &format!("What does {MARKER} say?")).await.ok();
    ada.put("/api/v1/users/me", json!({"name": MARKER})).await.ok();
    ada.put("/api/v1/settings", json!({"preferences": {"note": MARKER}}))
        .await
        .ok();
    ada.post("/api/v1/apikeys", json!({"name": MARKER})).await.created();
    let entry = json!({"action": "seen", "details": {"note": MARKER}});
    ada.post("/api/v1/audit_logs", entry).await.created();
}

#[tokio::test]
async fn an_erased_person_leaves_no_trace_and_their_colleagues_keep_theirs() {
    let t = Test::new().await;
    let bob = t.user("bob").await;
    let ada = t.user(MARKER).await;
    seed(&t, &ada).await;
    let org = bob.found_org("Acme").await;
    let invite = json!({"email": ada.account["email"]});
    bob.post(&format!("/api/v1/orgs/{org}/invite"), invite).await.created();
    let token = t.invitation_token(ada.account["email"].as_str().unwrap()).await;
    ada.post("/api/v1/invitations/accept", json!({"token": token}))
        .await
        .ok();
    let inside = ada.with_header("x-current-org", &org);
    let chat = inside.post("/api/v1/chat/sessions", json!({"title": MARKER})).await;
    assert!([201, 404].contains(&chat.status.as_u16()));
    for place in [None, Some(&*org)] {
        spend(&t, &ada, place).await;
    }
    let before = residue(&t, &[ada.id(), ada.org()]).await;
    let usage = ["usage OPEN#", "usage U#", "usage O#"];
    for kind in ["identity U#", "identity O#", "app O#", "app S#", "object t/"]
        .into_iter()
        .chain(usage)
    {
        assert!(
            before.iter().any(|trace| trace.starts_with(kind)),
            "{kind} in {before:?}"
        );
    }

    ada.delete("/api/v1/users/me").await.ok();
    t.advance_seconds(1);
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    let after = residue(&t, &[ada.id(), ada.org()]).await;
    // Kept answers and counters of an address hold hashes and sealed text, and end by themselves.
    assert_eq!(after, BTreeSet::new());
    bob.get(&format!("/api/v1/orgs/{org}")).await.ok();
    let today = t.stack.app().clock.now().to_string()[..10].parse().unwrap();
    let used = t
        .stack
        .app()
        .usage()
        .of_org(&domain::OrgId(org), domain::Period::day(today))
        .await
        .unwrap();
    assert_eq!(
        (used.len(), &used[0].user, used[0].lines[0].counters.requests),
        (1, &None, 1),
        "nobody's, but used"
    );
}

#[tokio::test]
async fn a_deleted_organization_is_emptied() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let org = ada.found_org("Acme").await;
    let inside = ada.with_header("x-current-org", &org);
    seed(&t, &inside).await;
    spend(&t, &ada, Some(&org)).await;
    ada.put("/api/v1/users/me", json!({"name": "Ada"})).await.ok();
    ada.put("/api/v1/settings", json!({"preferences": {}})).await.ok();
    ada.delete(&format!("/api/v1/orgs/{org}")).await.expect(204);
    t.advance_seconds(1);
    for _ in 0..2 {
        t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    }
    let after = residue(&t, &[&org]).await;
    assert_eq!(after, BTreeSet::new());
    ada.get("/api/v1/users/me").await.ok();
}
