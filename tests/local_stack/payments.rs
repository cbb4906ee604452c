//! The upgrade of a developer without an account at Stripe: the stand-in takes test payments through the same client
//! and webhook.

use local::{Options, Stack, cloud::Data};
use serde_json::{Value, json};

use crate::support::{self, Caller, Test};

async fn start(data: Data) -> Test {
    let stack = Stack::start(Options {
        environment: support::environment(&[]),
        payments: true,
        data,
        ..support::options()
    });
    Test::of(stack.await.unwrap())
}

async fn plan(caller: &Caller) -> String {
    caller.get("/api/v1/billing/subscription").await.ok().text("plan_type")
}

/// The ID of the session whose page a URL names.
fn session(url: &str) -> String {
    url.split_once('=').unwrap().1.to_owned()
}

async fn act(t: &Test, session: &str, action: &str) -> Value {
    let path = format!("/_local/payments/{session}");
    let acted = t.anonymous().post(&path, json!({"action": action})).await.ok().json();
    t.drain().await;
    acted
}

#[tokio::test]
async fn a_developer_upgrades_pays_and_cancels_without_an_account() {
    let t = start(Data::Ephemeral).await;
    let ada = t.user("ada").await;
    ada.get("/api/v1/premium/analytics").await.problem(403, "plan_required");
    let new = json!({"plan_type": "PRO", "success_url": "http://localhost:3000/?session={CHECKOUT_SESSION_ID}"});
    let page = ada.post("/api/v1/billing/checkout", new).await.created().json();
    let url = page["url"].as_str().unwrap();
    assert!(
        url.starts_with("http://localhost:") && url.contains("/_local/pay?session="),
        "{url}"
    );
    let html = t.anonymous().get("/_local/pay?session=x").await.ok();
    assert!(html.header("content-type").starts_with("text/html"));
    t.anonymous().get("/_local/pay.js").await.ok();

    let session_id = session(url);
    let declined = act(&t, &session_id, "decline").await;
    assert!(declined["problem"].as_str().unwrap().contains("declined"));
    assert_eq!(plan(&ada).await, "FREE");
    let paid = act(&t, &session_id, "pay").await;
    assert_eq!(paid["next_url"], format!("http://localhost:3000/?session={session_id}"));
    assert_eq!(plan(&ada).await, "PRO");
    ada.get("/api/v1/premium/analytics").await.ok();
    assert!(
        act(&t, &session_id, "pay").await["problem"].is_string(),
        "nobody pays twice"
    );

    let back = json!({"return_url": "http://localhost:3000/billing"});
    let portal = ada.post("/api/v1/billing/portal", back).await.created().text("url");
    let portal = session(&portal);
    let shown = t
        .anonymous()
        .get(&format!("/_local/payments/{portal}"))
        .await
        .ok()
        .json();
    assert_eq!(
        (&shown["kind"], &shown["object"][0]["status"]),
        (&json!("portal"), &json!("active"))
    );
    act(&t, &portal, "fail_payment").await;
    assert_eq!(
        ada.get("/api/v1/billing/subscription").await.ok().text("status"),
        "past_due"
    );
    act(&t, &portal, "pay_overdue").await;
    act(&t, &portal, "cancel").await;
    let found = ada.get("/api/v1/billing/subscription").await.ok().json();
    assert_eq!(
        (&found["cancel_at_period_end"], &found["plan_type"]),
        (&json!(true), &json!("PRO"))
    );
    t.advance_seconds(31 * 24 * 3600);
    t.drain().await;
    assert_eq!(plan(&ada.sign_in_again().await).await, "FREE");
}

#[tokio::test]
async fn payments_outlive_the_process_in_the_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = || Data::Folder(folder.path().to_owned());
    let t = start(data()).await;
    let ada = t.user("ada").await;
    let new = json!({"plan_type": "TEAM", "success_url": "http://localhost:3000/"});
    let url = ada.post("/api/v1/billing/checkout", new).await.created().text("url");
    act(&t, &session(&url), "pay").await;
    let credentials = ada.account.clone();
    t.stack.stop().await;
    let t = start(data()).await;
    let mut ada = t.anonymous();
    ada.account = credentials;
    let ada = ada.sign_in_again().await;
    let changed = ada
        .put("/api/v1/billing/subscription", json!({"plan_type": "PRO"}))
        .await
        .ok();
    assert_eq!(changed.text("plan_type"), "PRO");
}

#[tokio::test]
async fn there_are_no_payments_without_the_stand_in() {
    let t = Test::new().await;
    t.anonymous().get("/_local/payments/cs_test_1").await.expect(404);
}
