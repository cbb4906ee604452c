//! Accounts that document 003's front end makes by nothing but an id at Clerk, and who completes them.

use futures::future::join_all;
use serde_json::{Value, json};

use super::{Clerk, ME};
use crate::support::Caller;

const PERSON: &str = "user_ada";

fn service(clerk: &Clerk) -> Caller {
    clerk.t.anonymous().with_header("x-api-key", "a-service-key")
}

/// Document 003's call, with this query.
async fn by_clerk_id(clerk: &Clerk, query: &str) -> Value {
    let path = format!("/api/v1/internal/users/by-clerk-id/{PERSON}{query}");
    service(clerk).get(&path).await.ok().json()
}

/// Clerk's webhook about the person.
async fn webhook(clerk: &Clerk, id: &str, email: &str, first_name: &str) {
    let event = json!({
        "type": "user.updated",
        "data": {
            "id": PERSON, "first_name": first_name, "last_name": null, "updated_at": clerk.now() * 1000,
            "primary_email_address_id": "idn_1",
            "email_addresses": [{"id": "idn_1", "email_address": email, "verification": {"status": "verified"}}],
        },
    });
    clerk.deliver(id, &event).await.ok();
}

/// Name, address, and whether that is verified, as the person sees them.
async fn shown(clerk: &Clerk) -> (String, String, bool) {
    let me = clerk.person(PERSON).get(ME).await.ok();
    (me.text("name"), me.text("email"), me.json()["email_verified"] == true)
}

fn of(name: &str, email: &str, verified: bool) -> (String, String, bool) {
    (name.to_owned(), email.to_owned(), verified)
}

#[tokio::test]
async fn an_address_that_nobody_has_is_never_verified() {
    let clerk = Clerk::start().await;
    let me = clerk.person(PERSON).get(ME).await.ok();
    assert!(me.text("email").ends_with("@clerk.invalid"));
    assert_eq!(me.json()["email_verified"], false);
}

#[tokio::test]
async fn a_later_call_with_address_and_name_completes_the_account_and_only_once() {
    let clerk = Clerk::start().await;
    let made = by_clerk_id(&clerk, "").await;
    assert_eq!(made["name"], "New user");
    let completed = by_clerk_id(&clerk, "?email=ada%40example.com&name=Ada").await;
    assert_eq!(completed["user_id"], made["user_id"]);
    assert_eq!(
        (&completed["name"], &completed["email"]),
        (&json!("Ada"), &json!("ada@example.com"))
    );
    assert_eq!(shown(&clerk).await, of("Ada", "ada@example.com", false));
    // What is known by now is not replaced by what a front end says later.
    assert_eq!(
        by_clerk_id(&clerk, "?email=eve%40example.com&name=Eve").await,
        completed
    );
    assert_eq!(by_clerk_id(&clerk, "").await, completed);
    // The address is the account's from now on.
    let taken = json!({"email": "ada@example.com", "password": "correct horse battery"});
    let taken = clerk.t.anonymous().post("/api/v1/auth/register", taken).await;
    taken.problem(409, "email_taken");
}

#[tokio::test]
async fn an_address_and_a_name_may_come_one_after_the_other() {
    let clerk = Clerk::start().await;
    by_clerk_id(&clerk, "").await;
    by_clerk_id(&clerk, "?email=ada%40example.com").await;
    assert_eq!(shown(&clerk).await, of("New user", "ada@example.com", false));
    by_clerk_id(&clerk, "?name=Ada").await;
    assert_eq!(shown(&clerk).await, of("Ada", "ada@example.com", false));
}

#[tokio::test]
async fn a_name_that_was_made_of_the_address_is_completed_too() {
    let clerk = Clerk::start().await;
    assert_eq!(by_clerk_id(&clerk, "?email=ada%40example.com").await["name"], "ada");
    assert_eq!(by_clerk_id(&clerk, "?name=Ada").await["name"], "Ada");
    assert_eq!(by_clerk_id(&clerk, "?name=Eve").await["name"], "Ada");
}

#[tokio::test]
async fn a_session_of_the_person_completes_the_account_and_verifies_its_address() {
    let clerk = Clerk::start().await;
    let made = by_clerk_id(&clerk, "").await;
    let me = clerk.verified(PERSON, "ada@example.com").get(ME).await.ok().json();
    assert_eq!(me["id"], made["user_id"]);
    assert_eq!(shown(&clerk).await, of("Ada at Clerk", "ada@example.com", true));
    assert_eq!(by_clerk_id(&clerk, "?name=Eve").await["name"], "Ada at Clerk");
}

#[tokio::test]
async fn an_address_that_a_front_end_named_is_verified_by_the_session_that_has_it() {
    let clerk = Clerk::start().await;
    by_clerk_id(&clerk, "?email=ada%40example.com&name=Ada").await;
    clerk.verified(PERSON, "other@example.com").get(ME).await.ok();
    assert_eq!(shown(&clerk).await, of("Ada", "ada@example.com", false));
    clerk.verified(PERSON, "Ada@Example.com").get(ME).await.ok();
    assert_eq!(shown(&clerk).await, of("Ada", "ada@example.com", true));
}

#[tokio::test]
async fn the_webhook_completes_the_account_and_verifies_its_address() {
    let clerk = Clerk::start().await;
    by_clerk_id(&clerk, "").await;
    webhook(&clerk, "msg_1", "ada@example.com", "Ada").await;
    assert_eq!(shown(&clerk).await, of("Ada", "ada@example.com", true));
    by_clerk_id(&clerk, "?email=eve%40example.com&name=Eve").await;
    assert_eq!(shown(&clerk).await, of("Ada", "ada@example.com", true));
}

#[tokio::test]
async fn the_name_that_the_person_gave_themselves_stays_whoever_comes_later() {
    let clerk = Clerk::start().await;
    by_clerk_id(&clerk, "").await;
    let own = json!({"name": "Countess"});
    clerk.person(PERSON).put("/api/v1/users/me", own).await.ok();
    by_clerk_id(&clerk, "?email=ada%40example.com&name=Ada").await;
    assert_eq!(shown(&clerk).await, of("Countess", "ada@example.com", false));
    clerk.verified(PERSON, "ada@example.com").get(ME).await.ok();
    assert_eq!(shown(&clerk).await, of("Countess", "ada@example.com", true));
    webhook(&clerk, "msg_1", "ada@example.com", "Augusta").await;
    assert_eq!(shown(&clerk).await, of("Countess", "ada@example.com", true));
}

#[tokio::test]
async fn an_address_that_somebody_else_has_stays_theirs_and_the_name_is_completed() {
    let clerk = Clerk::start().await;
    let eve = clerk.t.user("eve").await;
    let made = by_clerk_id(&clerk, "").await;
    let named = by_clerk_id(&clerk, "?email=eve%40example.com&name=Ada").await;
    assert_eq!((&named["name"], &named["email"]), (&json!("Ada"), &made["email"]));
    clerk.verified(PERSON, "eve@example.com").get(ME).await.ok();
    webhook(&clerk, "msg_1", "eve@example.com", "Ada").await;
    let (name, email, verified) = shown(&clerk).await;
    assert_eq!(
        (name.as_str(), json!(email), verified),
        ("Ada", made["email"].clone(), false)
    );
    assert_eq!(eve.get(ME).await.ok().json()["email"], "eve@example.com");
    // One that is free completes it after all.
    by_clerk_id(&clerk, "?email=ada%40example.com").await;
    assert_eq!(shown(&clerk).await, of("Ada", "ada@example.com", false));
}

#[tokio::test]
async fn of_many_who_complete_an_account_at_once_one_does_and_all_see_it() {
    let clerk = Clerk::start().await;
    for round in 0..3 {
        let person = format!("user_{round}");
        let path = |query: String| format!("/api/v1/internal/users/by-clerk-id/{person}{query}");
        let caller = service(&clerk);
        caller.get(&path(String::new())).await.ok();
        let calls = (0..16).map(|n| {
            let (caller, path) = (
                caller.clone(),
                path(format!("?email=p{n}r{round}%40example.com&name=P{n}")),
            );
            async move { caller.get(&path).await }
        });
        let session = clerk.verified(&person, &format!("own{round}@example.com"));
        let (answers, of_session) = futures::join!(join_all(calls), session.get(ME));
        of_session.ok();
        for answer in answers {
            answer.ok();
        }
        let settled = caller.get(&path(String::new())).await.ok().json();
        let email = settled["email"].as_str().unwrap();
        assert!(email.ends_with("@example.com"), "{settled}");
        assert_ne!(settled["name"], "New user");
        // Addresses that lost are free.
        let items = clerk.t.items("parlance-identity").await;
        let held = items
            .values()
            .filter(|item| item.contains(settled["user_id"].as_str().unwrap()));
        let held = held.filter(|item| item.contains("EMAIL#")).count();
        assert_eq!(held, 1, "one address for one account");
    }
}

#[tokio::test]
async fn an_address_that_is_kept_for_another_account_is_left_to_it_and_the_name_taken() {
    let clerk = Clerk::start().await;
    let bob = clerk.t.user("bob").await;
    bob.verify().await;
    bob.move_to("bob-new@example.com").await;
    clerk.verified(PERSON, "ada@example.com").get(ME).await.ok();
    webhook(&clerk, "msg_1", "bob@example.com", "Augusta").await;
    assert_eq!(shown(&clerk).await, of("Augusta", "ada@example.com", true));
}
