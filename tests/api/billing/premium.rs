//! Features that not all plans include.

use serde_json::{Value, json};

use crate::support::Test;

const ANALYTICS: &str = "/api/v1/premium/analytics";

#[tokio::test]
async fn analytics_agree_with_the_ledger_and_show_members_their_own_part() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("acme", &[(&ada, "owner"), (&bob, "member")]).await;
    let [ada, bob] = [&ada, &bob].map(|user| user.with_header("x-current-org", &org));
    let problem = ada.get(ANALYTICS).await.problem(403, "plan_required");
    assert!(problem["detail"].as_str().unwrap().contains("PRO or TEAM"));
    t.set_plan(&org, "PRO").await;
    for caller in [&ada, &bob, &bob] {
        caller.post("/api/v1/ai/chat", json!({"message": "Hello?"})).await.ok();
    }
    let all = ada.get(ANALYTICS).await.ok().json();
    let usage = ada.get("/api/v1/ai/usage").await.ok().json();
    for name in ["requests", "total_tokens", "cost_micro_usd"] {
        assert_eq!(all["totals"][name], usage["totals"][name], "{name}");
        for groups in ["by_day", "by_chatbot", "by_user", "by_model"] {
            let sum: u64 = all[groups]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one[name].as_u64().unwrap())
                .sum();
            assert_eq!(json!(sum), all["totals"][name], "{groups} {name}");
        }
    }
    assert_eq!(
        (&all["totals"]["requests"], &all["covers_organization"]),
        (&json!(3), &json!(true))
    );
    let own = bob.get(ANALYTICS).await.ok().json();
    assert_eq!(
        (&own["totals"]["requests"], &own["covers_organization"]),
        (&json!(2), &json!(false))
    );
    let foreign = t.user("mallory").await.with_header("x-current-org", &org);
    foreign.get(ANALYTICS).await.problem(404, "not_found");
}

#[tokio::test]
async fn every_plan_has_the_free_feature_and_it_names_what_a_larger_one_adds() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for (plan, features, locked) in [
        ("FREE", json!([]), json!(["analytics", "white_label"])),
        ("PRO", json!(["analytics"]), json!(["white_label"])),
        ("TEAM", json!(["analytics", "white_label"]), json!([])),
    ] {
        t.set_plan(ada.org(), plan).await;
        let found = ada.get("/api/v1/premium/free-feature").await.ok().json();
        assert_eq!((&found["plan_type"], &found["features"]), (&json!(plan), &features));
        let names: Vec<&Value> = found["locked_features"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["feature"])
            .collect();
        assert_eq!(json!(names), locked);
    }
    t.anonymous()
        .get("/api/v1/premium/free-feature")
        .await
        .problem(401, "credentials_required");
}

const WHITE_LABEL: &str = "/api/v1/premium/white-label";

#[tokio::test]
async fn a_team_writes_under_its_own_name_while_its_plan_includes_that() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("acme", &[(&ada, "owner"), (&bob, "member")]).await;
    let [ada, bob] = [&ada, &bob].map(|user| user.with_header("x-current-org", &org));
    let settings = json!({
        "product_name": "Acme Desk",
        "logo_url": "https://example.com/logo.svg",
        "color": "#00aaff",
        "support_email": "help@example.com",
        "hide_branding": true,
    });
    t.set_plan(&org, "PRO").await;
    ada.get(WHITE_LABEL).await.problem(403, "plan_required");
    ada.put(WHITE_LABEL, settings.clone())
        .await
        .problem(403, "plan_required");
    t.set_plan(&org, "TEAM").await;
    assert_eq!(ada.get(WHITE_LABEL).await.ok().json()["updated_at"], Value::Null);
    bob.put(WHITE_LABEL, settings.clone())
        .await
        .problem(403, "role_required");
    let stored = ada.put(WHITE_LABEL, settings.clone()).await.ok().json();
    for (name, value) in settings.as_object().unwrap() {
        assert_eq!(&stored[name], value, "{name}");
    }
    assert_eq!(bob.get(WHITE_LABEL).await.ok().json(), stored);
    let foreign = t.user("mallory").await.with_header("x-current-org", &org);
    foreign.get(WHITE_LABEL).await.problem(404, "not_found");
    for (field, value) in [
        ("logo_url", "http://example.com/a.png"),
        ("color", "blue"),
        ("support_email", "nobody"),
        ("product_name", "a\u{202e}b"),
    ] {
        assert_eq!(
            ada.put(WHITE_LABEL, json!({field: value})).await.invalid(),
            [format!("/{field}")]
        );
    }
    let invite = async |name: &str| {
        let body = json!({"email": format!("{name}@example.com")});
        ada.post(&format!("/api/v1/orgs/{org}/invite"), body).await.created();
        t.outbox().await[0]["text"].as_str().unwrap().to_owned()
    };
    assert!(
        invite("eve")
            .await
            .contains("the organization acme on Acme Desk as a member")
    );
    t.set_plan(&org, "PRO").await;
    assert!(
        invite("kim")
            .await
            .contains("the organization acme on Parlance as a member")
    );
    t.set_plan(&org, "TEAM").await;
    // The mail has the organization's look, and nothing of it becomes markup.
    invite("zoe").await;
    let mail = t.outbox().await.remove(0);
    assert_eq!(mail["branding"]["from_name"], "Acme Desk");
    let (text, html) = (
        mail["text"].as_str().unwrap(),
        mail["branding"]["html"].as_str().unwrap(),
    );
    assert!(text.contains("Questions? Write to help@example.com."), "{text}");
    for part in [
        "<img src=\"https://example.com/logo.svg\" alt=\"Acme Desk\"",
        "border-top:4px solid #00aaff",
        "mailto:help@example.com",
        "/invitations?token=",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert_eq!(ada.get(WHITE_LABEL).await.ok().json(), stored, "nothing was lost");
    assert_eq!(t.audited(&org).await[0], "org.white_label_changed");
}

#[tokio::test]
async fn every_mail_of_an_organization_to_its_members_has_its_look() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("acme", &[(&ada, "owner"), (&bob, "admin")]).await;
    t.set_plan(&org, "TEAM").await;
    let of_org = ada.with_header("x-current-org", &org);
    let look = json!({"product_name": "<b>Acme</b>", "color": "#123456", "support_email": "help@example.com"});
    of_org.put(WHITE_LABEL, look).await.ok();
    let app = t.stack.app();
    let user = domain::UserId(bob.id().to_owned());
    let id = domain::OrgId(org.clone());
    let now = app.clock.now();
    let messages = [
        domain::MailMessage::TokenAlert {
            id: app.ids.make().unwrap(),
            user: user.clone(),
            org: Some("acme".to_owned()),
            org_id: Some(id.clone()),
            percent: 80,
            used: 80,
            limit: 100,
            resets_at: now,
        },
        domain::MailMessage::TokensBack {
            id: app.ids.make().unwrap(),
            user: user.clone(),
            org: Some("acme".to_owned()),
            org_id: Some(id.clone()),
        },
        domain::MailMessage::Billing {
            id: app.ids.make().unwrap(),
            user: user.clone(),
            org: Some("acme <script>".to_owned()),
            org_id: Some(id),
            notice: domain::BillingNotice::PlanChanged {
                from: domain::Plan::Pro,
                to: domain::Plan::Team,
                exceeded: Vec::new(),
            },
        },
        // What is about the person and not the organization keeps the product's look.
        domain::MailMessage::TokensBack {
            id: app.ids.make().unwrap(),
            user,
            org: None,
            org_id: None,
        },
    ];
    for message in messages {
        app.queue_mail(&message).await.unwrap();
        t.drain().await;
        let mail = t.outbox().await.remove(0);
        assert_eq!(mail["to"], "bob@example.com");
        let is_own = matches!(message, domain::MailMessage::TokensBack { org: None, .. });
        assert_eq!(mail.get("branding").is_none(), is_own, "{mail}");
        if !is_own {
            let html = mail["branding"]["html"].as_str().unwrap();
            assert!(html.contains("#123456") && html.contains("help@example.com"), "{html}");
            assert!(!html.contains("<b>") && !html.contains("<script"), "{html}");
        }
    }
}
