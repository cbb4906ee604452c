//! Integrations: settings, credentials, and chatbots in Slack.

mod replies;
mod signatures;
mod slack;

use serde_json::{Value, json};

use crate::support::{Caller, SlackWorkspace, Test};

const PATH: &str = "/api/v1/integrations";

#[tokio::test]
async fn an_integration_is_created_listed_changed_and_deleted() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let bot = ada.chatbot(&[]).await;
    let new = json!({"type": "website", "name": " Shop ", "chatbot_id": bot, "config": {
        "allowed_origins": ["https://Shop.example/", "https://shop.example"],
        "appearance": {"title": "Ask us", "color": "#123456", "position": "start"},
    }});
    let created = ada.post(&format!("{PATH}/website"), new).await.created().json();
    assert_eq!(
        (&created["status"], &created["name"]),
        (&json!("active"), &json!("Shop"))
    );
    assert_eq!(created["config"]["allowed_origins"], json!(["https://shop.example"]));
    assert_eq!(created["config"]["appearance"]["position"], "start");
    let slack = ada
        .post(&format!("{PATH}/slack"), json!({"name": "Slack"}))
        .await
        .created()
        .json();
    assert_eq!(slack["status"], "disconnected");
    assert!(slack["slack_urls"]["events"].as_str().unwrap().contains("integration="));

    let listed = ada.get(PATH).await.ok().json();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["Slack", "Shop"]);
    let camel = ada.get("/api/integrations").await.ok().json();
    assert_eq!(camel[1]["config"]["allowedOrigins"], json!(["https://shop.example"]));

    let one = format!("{PATH}/{}", created["id"].as_str().unwrap());
    let changed = ada
        .put(&one, json!({"status": "paused", "name": "Store"}))
        .await
        .ok()
        .json();
    assert_eq!(
        (&changed["status"], &changed["name"], &changed["chatbot_id"]),
        (&json!("paused"), &json!("Store"), &json!(bot))
    );
    assert_eq!(changed["config"], created["config"], "what is left out stays");
    let changed = ada
        .put(&one, json!({"chatbot_id": null, "status": "active"}))
        .await
        .ok()
        .json();
    assert_eq!(
        (&changed["status"], &changed["chatbot_id"]),
        (&json!("active"), &Value::Null)
    );
    ada.delete(&one).await.expect(204);
    ada.get(&one).await.problem(404, "not_found");
    ada.delete(&one).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_is_not_possible_is_refused() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let foreign = bob.chatbot(&[]).await;
    for (path, body, pointer) in [
        ("website", json!({"type": "slack", "name": "x"}), "/type"),
        ("website", json!({"name": " "}), "/name"),
        (
            "website",
            json!({"name": "x", "config": {"allowed_origins": ["*"]}}),
            "/config/allowed_origins/0",
        ),
        (
            "website",
            json!({"name": "x", "config": {"appearance": {"color": "red"}}}),
            "/config/appearance/color",
        ),
        (
            "slack",
            json!({"name": "x", "config": {"daily_questions": 0}}),
            "/config/daily_questions",
        ),
        (
            "slack",
            json!({"name": "x", "config": {"channels": [{"channel": "#general", "chatbot_id": "b"}]}}),
            "/config/channels/#general",
        ),
    ] {
        let errors = ada.post(&format!("{PATH}/{path}"), body.clone()).await.invalid();
        assert_eq!(errors, [pointer], "{body}");
    }
    let of_foreign = json!({"name": "x", "chatbot_id": foreign});
    ada.post(&format!("{PATH}/slack"), of_foreign)
        .await
        .problem(404, "not_found");
    let of_channel = json!({"name": "x", "config": {"channels": [{"channel": "C1", "chatbot_id": foreign}]}});
    ada.post(&format!("{PATH}/slack"), of_channel)
        .await
        .problem(404, "not_found");
    let one = ada
        .post(&format!("{PATH}/slack"), json!({"name": "x"}))
        .await
        .created()
        .text("id");
    let one = format!("{PATH}/{one}");
    ada.put(&one, json!({"status": "active"}))
        .await
        .problem(409, "not_connected");
    assert_eq!(ada.put(&one, json!({"status": "error"})).await.invalid(), ["/status"]);
    ada.put(&one, json!({"status": "disconnected"})).await.ok();
}

#[tokio::test]
async fn members_read_and_only_the_creator_and_administrators_change() {
    let t = Test::new().await;
    let (bob, admin) = (t.user("bob").await, t.user("cleo").await);
    let org = t.shared_org("works", &[(&bob, "member"), (&admin, "admin")]).await;
    let in_org = |caller: &Caller| caller.with_header("x-current-org", &org);
    let (bob, admin) = (&in_org(&bob), &in_org(&admin));
    let new = json!({"name": "Slack"});
    let own = bob
        .post(&format!("{PATH}/slack"), new.clone())
        .await
        .created()
        .text("id");
    let of_admin = admin.post(&format!("{PATH}/slack"), new).await.created().text("id");
    let names = |listed: Value| listed.as_array().unwrap().len();
    assert_eq!(names(bob.get(PATH).await.ok().json()), 1);
    assert_eq!(names(bob.get(&format!("{PATH}?scope=org")).await.ok().json()), 2);
    let foreign = format!("{PATH}/{of_admin}");
    bob.get(&foreign).await.ok();
    bob.put(&foreign, json!({"name": "x"})).await.problem(403, "not_yours");
    bob.delete(&foreign).await.problem(403, "not_yours");
    let credentials = format!("{PATH}/slack/{of_admin}/credentials");
    bob.post(&credentials, json!({"bot_token": "xoxb-1"}))
        .await
        .problem(403, "not_yours");
    bob.post(&format!("{PATH}/slack/{of_admin}/install"), json!({}))
        .await
        .problem(403, "not_yours");
    admin.put(&format!("{PATH}/{own}"), json!({"name": "x"})).await.ok();
    let stranger = t.user("eve").await;
    stranger.get(&foreign).await.problem(404, "not_found");
    stranger
        .post(&credentials, json!({"bot_token": "xoxb-1"}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn an_organization_never_has_more_integrations_than_allowed() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let path = format!("{PATH}/slack");
    let created = futures::future::join_all((0..60).map(|_| ada.post(&path, json!({"name": "x"})))).await;
    let made = created.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 50);
    let full = ada.post(&path, json!({"name": "x"})).await;
    full.problem(409, "too_many_integrations");
    let listed = ada.get(PATH).await.ok().json();
    ada.delete(&format!("{PATH}/{}", listed[0]["id"].as_str().unwrap()))
        .await
        .expect(204);
    ada.post(&path, json!({"name": "x"})).await.created();
}

#[tokio::test]
async fn pasted_credentials_are_checked_at_slack_and_never_shown() {
    let world = SlackWorkspace::without_installation("local").await;
    let (ada, path) = (&world.ada, format!("{PATH}/slack/{}/credentials", world.integration));
    let (token, secret) = ("xoxb-planted-token-0123", "0123456789abcdef0123456789abcdef");
    world.slack.workspace().install("T9", token);
    let unknown = ada.post(&path, json!({"bot_token": "xoxb-unknown"})).await;
    unknown.problem(422, "slack_refused");
    for (body, pointer) in [
        (json!({}), "/bot_token"),
        (json!({"bot_token": "xoxp-user"}), "/bot_token"),
        (json!({"signing_secret": "short"}), "/signing_secret"),
    ] {
        assert_eq!(ada.post(&path, body).await.invalid(), [pointer]);
    }
    let half = ada.post(&path, json!({"signing_secret": secret})).await.ok().json();
    assert_eq!(
        (&half["status"], &half["has_signing_secret"]),
        (&json!("disconnected"), &json!(true))
    );
    let set = ada
        .post(&path, json!({"bot_token": token, "signing_secret": secret}))
        .await
        .ok();
    let view = set.json();
    assert_eq!(
        (&view["status"], &view["workspace"]["team_id"]),
        (&json!("active"), &json!("T9"))
    );
    assert_eq!(view["workspace"]["platform_app"], false);
    // Neither in an answer, nor in any table, log entry of the audit, or export.
    let audit = ada.get("/api/v1/audit_logs").await.ok();
    let all = [set.body, audit.body].concat();
    let mut all = String::from_utf8(all).unwrap();
    for table in [
        "parlance-app",
        "parlance-identity",
        "parlance-audit",
        "parlance-ephemeral",
        "parlance-usage",
    ] {
        let items: Vec<_> = world.t.items(table).await.into_values().collect();
        all.push_str(&items.concat());
    }
    assert!(all.contains("integration.credentials_set"));
    for planted in [token, secret, "planted"] {
        assert!(!all.contains(planted), "{planted}");
    }
    let second = ada
        .post(&format!("{PATH}/slack"), json!({"name": "Second"}))
        .await
        .created()
        .text("id");
    let second = format!("{PATH}/slack/{second}/credentials");
    ada.post(&second, json!({"bot_token": token}))
        .await
        .problem(409, "workspace_taken");
    ada.delete(&format!("{PATH}/{}", world.integration)).await.expect(204);
    ada.post(&second, json!({"bot_token": token})).await.ok();
}
