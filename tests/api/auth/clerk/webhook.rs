//! What Clerk tells of its people.

use futures::future::join_all;
use serde_json::{Value, json};

use super::{Clerk, ME, sign_webhook};

/// As Clerk's documentation shows the event.
fn event(kind: &str, person: &str, email: &str, first_name: &str, updated_at: i64) -> Value {
    json!({
        "type": kind, "object": "event",
        "data": {
            "id": person, "object": "user", "first_name": first_name, "last_name": "Example", "username": null,
            "primary_email_address_id": "idn_1",
            "email_addresses": [
                {"id": "idn_0", "email_address": "second@example.com", "object": "email_address",
                 "verification": {"status": "verified", "strategy": "ticket"}},
                {"id": "idn_1", "email_address": email, "object": "email_address",
                 "verification": {"status": "verified", "strategy": "email_code"}},
            ],
            "created_at": 1_654_012_591_514_i64, "updated_at": updated_at,
        },
    })
}

fn deletion(person: &str) -> Value {
    json!({"type": "user.deleted", "object": "event", "data": {"id": person, "object": "user", "deleted": true}})
}

#[tokio::test]
async fn an_event_is_applied_once_in_the_order_of_its_changes() {
    let clerk = Clerk::start().await;
    let created = event("user.created", "user_ada", "ada@example.com", "Ada", 1000);
    let answer = clerk.deliver("msg_1", &created).await.ok().json();
    assert_eq!(answer, json!({"message": "Event received"}));
    let me = async || clerk.person("user_ada").get(ME).await.ok().json();
    let first = me().await;
    assert_eq!(
        (&first["name"], &first["email"]),
        (&json!("Ada Example"), &json!("ada@example.com"))
    );
    let newer = event("user.updated", "user_ada", "lovelace@example.com", "Augusta", 3000);
    clerk.deliver("msg_3", &newer).await.ok();
    let older = event("user.updated", "user_ada", "old@example.com", "Old", 2000);
    clerk.deliver("msg_2", &older).await.ok();
    let now = me().await;
    assert_eq!(
        (&now["name"], &now["email"]),
        (&json!("Augusta Example"), &json!("lovelace@example.com"))
    );
    assert_eq!(now["id"], first["id"]);
    let (identity, audit) = (
        clerk.t.items("parlance-identity").await,
        clerk.t.items("parlance-audit").await,
    );
    for id in ["msg_1", "msg_2", "msg_3"] {
        let replayed = if id == "msg_1" { &created } else { &newer };
        join_all((0..8).map(|_| clerk.deliver(id, replayed))).await;
    }
    assert_eq!(clerk.t.items("parlance-identity").await, identity);
    assert_eq!(clerk.t.items("parlance-audit").await, audit);
    // The old address is free again.
    clerk.t.user("ada").await;
}

#[tokio::test]
async fn of_deliveries_at_once_one_makes_the_account() {
    let clerk = Clerk::start().await;
    let created = event("user.created", "user_ada", "ada@example.com", "Ada", 1000);
    let ids: Vec<String> = (0..16).map(|id| format!("msg_{}", id % 4)).collect();
    for answer in join_all(ids.iter().map(|id| clerk.deliver(id, &created))).await {
        answer.ok();
    }
    let items = clerk.t.items("parlance-identity").await;
    assert_eq!(items.keys().filter(|(_, sk)| sk == "PROFILE").count(), 1);
    let audit = clerk.t.items("parlance-audit").await;
    assert_eq!(audit.values().filter(|entry| entry.contains("user.created")).count(), 1);
}

#[tokio::test]
async fn a_late_update_after_a_deletion_stays_deleted() {
    let clerk = Clerk::start().await;
    clerk.verified("user_ada", "ada@example.com").get(ME).await.ok();
    let deleted = deletion("user_ada");
    clerk.deliver("msg_2", &deleted).await.ok();
    clerk.person("user_ada").get(ME).await.problem(401, "session_ended");
    let late = event("user.updated", "user_ada", "ada@example.com", "Ada", i64::MAX);
    clerk.deliver("msg_1", &late).await.ok();
    clerk.deliver("msg_3", &deleted).await.ok();
    clerk.person("user_ada").get(ME).await.problem(401, "session_ended");
    // Somebody who was deleted before we ever heard of them.
    clerk.deliver("msg_4", &deletion("user_bob")).await.ok();
    clerk
        .deliver("msg_5", &event("user.created", "user_bob", "bob@example.com", "Bob", 1))
        .await
        .ok();
    clerk.person("user_bob").get(ME).await.problem(401, "session_ended");
    let service = clerk.t.anonymous().with_header("x-api-key", "a-service-key");
    service
        .get("/api/v1/internal/users/by-clerk-id/user_bob")
        .await
        .problem(404, "not_found");
    clerk.t.drain().await;
    let items = clerk.t.items("parlance-identity").await;
    assert_eq!(
        items.keys().filter(|(_, sk)| sk == "PROFILE").count(),
        0,
        "erased, and none made"
    );
}

#[tokio::test]
async fn an_address_that_somebody_else_has_is_left_to_them() {
    let clerk = Clerk::start().await;
    let ada = clerk.verified("user_ada", "ada@example.com");
    ada.get(ME).await.ok();
    let bob = clerk.t.user("bob").await;
    let wants = event("user.updated", "user_ada", "bob@example.com", "Ada", 5);
    clerk.deliver("msg_1", &wants).await.ok();
    let me = ada.get(ME).await.ok().json();
    assert_eq!(
        (&me["email"], &me["name"]),
        (&json!("ada@example.com"), &json!("Ada Example"))
    );
    assert_eq!(bob.get(ME).await.ok().json()["email"], "bob@example.com");
}

#[tokio::test]
async fn a_forged_or_old_event_changes_nothing() {
    let clerk = Clerk::start().await;
    clerk.person("user_ada").get(ME).await.ok();
    let (at, body) = (clerk.now(), deletion("user_ada").to_string());
    let right = sign_webhook("msg_1", at, &body);
    let other = body.replace("user_ada", "user_bob");
    let before = clerk.t.items("parlance-identity").await;
    for (id, at, body, signature) in [
        ("msg_2", at, &body, right.as_str()),
        ("msg_1", at + 1, &body, right.as_str()),
        ("msg_1", at, &other, right.as_str()),
        ("msg_1", at, &body, "v1,AAAA"),
        ("msg_1", at, &body, ""),
        (
            "msg_1",
            at - 301,
            &body,
            sign_webhook("msg_1", at - 301, &body).as_str(),
        ),
        (
            "msg_1",
            at + 330,
            &body,
            sign_webhook("msg_1", at + 330, &body).as_str(),
        ),
    ] {
        let answer = clerk.deliver_as(id, at, body, signature).await;
        answer.problem(401, "signature_invalid");
    }
    assert_eq!(clerk.t.items("parlance-identity").await, before);
    let several = format!("v1,AAAA {right}");
    clerk.deliver_as("msg_1", at, &body, &several).await.ok();
    clerk.person("user_ada").get(ME).await.problem(401, "session_ended");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_told_and_one_that_is_not_ours_is_taken() {
    let clerk = Clerk::start().await;
    let broken = json!({"type": "user.updated", "data": {"id": 7}});
    clerk.deliver("msg_1", &broken).await.problem(400, "invalid_event");
    clerk.deliver("msg_2", &json!([])).await.problem(400, "invalid_event");
    clerk
        .deliver("msg_3", &json!({"type": "session.created", "data": {}}))
        .await
        .ok();
}
