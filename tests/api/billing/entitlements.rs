//! What platform admins set for an organization beside its plan.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{ADMIN, Caller, RACERS, Shop, Test, statuses};

const CHATBOTS: &str = "/api/v1/chatbots";

fn path(org: &str) -> String {
    format!("/api/v1/admin/orgs/{org}/entitlements")
}

/// Sets limits and features of an organization without an end.
async fn set(admin: &Caller, org: &str, limits: Value, features: Value) -> Value {
    let body = json!({"limits": limits, "features": features, "reason": "Pilot of the spring"});
    admin.put(&path(org), body).await.ok().json()
}

async fn subscription(caller: &Caller) -> Value {
    caller.get("/api/v1/billing/subscription").await.ok().json()
}

#[tokio::test]
async fn limits_set_for_an_organization_count_beside_its_plan_and_are_audited() {
    let t = Test::with(&ADMIN).await;
    let (admin, ada) = (t.admin().await, t.user("ada").await);
    let before = admin.get(&path(ada.org())).await.ok().json();
    assert_eq!(
        (
            &before["plan_type"],
            &before["limits"]["chatbots"],
            &before["overrides"]
        ),
        (&json!("FREE"), &json!(3), &Value::Null)
    );
    let after = set(
        &admin,
        ada.org(),
        json!({"chatbots": 5, "seats": 7}),
        json!({"analytics": true}),
    )
    .await;
    assert_eq!(after["limits"]["chatbots"], 5);
    assert_eq!(after["limits"]["documents"], 100);
    assert_eq!(
        after["overrides"]["limits"],
        json!({"chatbots": 5, "seats": 7}),
        "the others are the plan's"
    );
    assert_eq!(after["overrides"]["reason"], "Pilot of the spring");

    // Its members see what applies, and where it comes from.
    let found = subscription(&ada).await;
    assert_eq!(
        (
            &found["plan_type"],
            &found["limits"]["chatbots"],
            &found["seats"]["limit"]
        ),
        (&json!("FREE"), &json!(5), &json!(7))
    );
    let sources = &found["limit_sources"];
    assert_eq!(
        (&sources["chatbots"], &sources["documents"]),
        (&json!("override"), &json!("plan"))
    );
    assert_eq!(found["features"], json!(["analytics"]));
    assert_eq!(found["overridden_features"], json!(["analytics"]));
    assert!(!found.to_string().contains("Pilot"), "the reason is not for members");
    ada.get("/api/v1/premium/analytics").await.ok();
    let org = ada.get(&format!("/api/v1/orgs/{}", ada.org())).await.ok().json();
    assert_eq!(org["seats"]["limit"], 7);

    // The new limit holds in a race, and the error says how to get more.
    let new = |number: usize| ada.post(CHATBOTS, json!({"name": format!("Helper {number}")}));
    let answers = join_all((0..RACERS).map(new)).await;
    assert_eq!(statuses(&answers), [(201, 5), (409, RACERS - 5)].into());
    let refused = new(99).await.problem(409, "limit_reached");
    assert_eq!(
        refused["limit"],
        json!({"kind": "chatbots", "scope": "org", "limit": 5, "used": 5, "needed": 1, "remaining": 0})
    );
    assert_eq!(
        refused["detail"],
        "The limit set for this organization is 5 chatbots, and this organization has 5. Delete some, or ask the \
         operator for a higher limit."
    );

    // Without any, the plan applies alone; what exceeds it stays.
    let cleared = set(&admin, ada.org(), json!({}), json!({})).await;
    assert_eq!(
        (&cleared["overrides"], &cleared["limits"]["chatbots"]),
        (&Value::Null, &json!(3))
    );
    ada.get("/api/v1/premium/analytics").await.problem(403, "plan_required");
    let found = subscription(&ada).await;
    assert_eq!(
        found["exceeded_limits"],
        json!([{"resource": "chatbots", "used": 5, "limit": 3}])
    );
    let actions = t.audited(ada.org()).await;
    let changes = actions.iter().filter(|action| *action == "org.entitlements_changed");
    assert_eq!(changes.count(), 2);
    let entries = ada.get("/api/v1/audit_logs").await.ok().json().to_string();
    assert!(entries.contains("Pilot of the spring"), "{entries}");
}

#[tokio::test]
async fn an_override_ends_by_itself() {
    let t = Test::with(&ADMIN).await;
    let (admin, ada) = (t.admin().await, t.user("ada").await);
    let end = t.stack.app().clock.now().as_second() + 3600;
    let end = domain::Timestamp::from_second(end).unwrap().to_string();
    let body =
        json!({"limits": {"chatbots": 4}, "features": {"white_label": true}, "reason": "Trial", "expires_at": end});
    admin.put(&path(ada.org()), body).await.ok();
    assert_eq!(subscription(&ada).await["overridden_until"], end.as_str());
    for _ in 0..4 {
        ada.chatbot(&[]).await;
    }
    ada.get("/api/v1/premium/white-label").await.ok();
    t.advance_seconds(3601);
    let (ada, admin) = (ada.sign_in_again().await, t.admin().await);
    ada.get("/api/v1/premium/white-label")
        .await
        .problem(403, "plan_required");
    let found = subscription(&ada).await;
    assert_eq!(
        (&found["limits"]["chatbots"], &found["limit_sources"]["chatbots"]),
        (&json!(3), &json!("plan"))
    );
    assert_eq!(found["overridden_until"], Value::Null);
    ada.post(CHATBOTS, json!({"name": "One more"}))
        .await
        .problem(409, "limit_reached");
    // Admins see what was set.
    let seen = admin.get(&path(ada.org())).await.ok().json();
    assert_eq!(seen["overrides"]["expires_at"], end.as_str());
}

#[tokio::test]
async fn a_change_of_plan_keeps_what_was_set() {
    let shop = Shop::with(&ADMIN).await;
    let (admin, ada) = (shop.t.admin().await, shop.t.user("ada").await);
    let limits = json!({"chatbots": 4, "tokens_per_day": 77_000, "requests_per_minute": 7});
    set(
        &admin,
        ada.org(),
        limits,
        json!({"analytics": false, "white_label": true}),
    )
    .await;
    let check = async |plan: &str| {
        let found = shop.subscription(&ada).await;
        assert_eq!(found["plan_type"], plan);
        assert_eq!(found["features"], json!(["white_label"]), "{plan}");
        let limits = &found["limits"];
        assert_eq!(
            (
                &limits["chatbots"],
                &limits["tokens_per_day"],
                &limits["requests_per_minute"]
            ),
            (&json!(4), &json!(77_000), &json!(7)),
            "{plan}"
        );
        let tokens = ada.get("/api/v1/tokens/limits").await.ok().json();
        assert_eq!(tokens["requests_per_minute"], 7);
        assert_eq!(tokens["limits"][0]["limit"], 77_000, "{tokens}");
    };
    check("FREE").await;
    let subscription = shop.subscribe(&ada, "PRO").await;
    check("PRO").await;
    let refused = ada.get("/api/v1/premium/analytics").await.problem(403, "plan_required");
    assert!(refused["detail"].as_str().unwrap().contains("operator"), "{refused}");
    ada.put("/api/v1/billing/subscription", json!({"plan_type": "TEAM"}))
        .await
        .ok();
    check("TEAM").await;
    shop.stripe.set_status(&subscription, "canceled");
    shop.settle().await;
    check("FREE").await;
    let mails = shop.t.outbox().await;
    assert!(
        !mails[0]["text"].as_str().unwrap().contains("chatbots"),
        "nothing exceeds the limits that apply"
    );
}

#[tokio::test]
async fn every_group_obeys_a_smaller_limit() {
    let t = Test::with(&ADMIN).await;
    let (admin, ada) = (t.admin().await, t.talker("ada").await);
    let shared = t.shared_org("acme", &[(&ada, "owner")]).await;
    let of_org = ada.with_header("x-current-org", &shared);
    let limits = json!({
        "tokens_per_day": 300, "requests_per_minute": 2, "seats": 1, "chatbots": 0, "documents": 1, "file_bytes": 20,
        "storage_bytes": 30, "organizations": 1,
    });
    set(&admin, &shared, limits, json!({})).await;
    of_org
        .post(CHATBOTS, json!({"name": "None"}))
        .await
        .problem(409, "limit_reached");
    let announce = |size: usize| of_org.post("/api/v1/documents/uploads", json!({"file_name": "a.txt", "size": size}));
    assert_eq!(announce(21).await.invalid(), ["/size"]);
    of_org.upload("a.txt", "twenty bytes of text").await.created();
    let refused = announce(20).await.problem(409, "limit_reached");
    assert!(["documents", "storage_bytes"].contains(&refused["limit"]["kind"].as_str().unwrap()));
    let invite = json!({"email": "bob@example.com"});
    let refused = of_org
        .post(&format!("/api/v1/orgs/{shared}/invite"), invite)
        .await
        .problem(409, "seat_limit");
    assert!(refused["detail"].as_str().unwrap().contains("operator"), "{refused}");
    let question = |tokens: u32| {
        let body = json!({"model": "local", "max_tokens": tokens, "messages": [{"role": "user", "content": "Hello?"}]});
        of_org.post("/v1/chat/completions", body)
    };
    let refused = question(400).await;
    // 300 tokens are less than the prompt and a useful answer need together only if little is left.
    assert_eq!(refused.status.as_u16(), 200);
    question(1).await.ok();
    question(1).await.expect(429);
    // The personal organization is another one.
    ada.post(CHATBOTS, json!({"name": "One"})).await.created();
}

#[tokio::test]
async fn seats_of_an_override_are_never_exceeded_while_it_changes() {
    let t = Test::with(&ADMIN).await;
    let (admin, ada) = (t.admin().await, t.user("ada").await);
    let org = ada.found_org("acme").await;
    let invite = |number: usize| {
        let body = json!({"email": format!("guest{number}@example.com")});
        let (ada, path) = (ada.clone(), format!("/api/v1/orgs/{org}/invite"));
        async move { ada.post(&path, body).await }
    };
    set(&admin, &org, json!({"seats": 6}), json!({})).await;
    let (answers, _) = tokio::join!(
        join_all((0..RACERS).map(invite)),
        set(&admin, &org, json!({"seats": 4}), json!({}))
    );
    let invited = answers.iter().filter(|answer| answer.status.as_u16() == 201).count();
    assert!((3..=5).contains(&invited), "{:?}", statuses(&answers));
    let seats = ada.get(&format!("/api/v1/orgs/{org}")).await.ok().json();
    assert_eq!(seats["seats"], json!({"used": invited + 1, "limit": 4}));
    invite(99).await.problem(409, "seat_limit");
}

#[tokio::test]
async fn only_platform_admins_set_limits_and_only_sensible_ones() {
    let t = Test::with(&ADMIN).await;
    let (admin, ada) = (t.admin().await, t.user("ada").await);
    let body = json!({"limits": {"chatbots": 9}, "reason": "Please"});
    ada.get(&path(ada.org())).await.problem(403, "role_required");
    ada.put(&path(ada.org()), body.clone())
        .await
        .problem(403, "role_required");
    let nobody = "00000000-0000-7000-8000-000000000000";
    for unknown in [nobody, "x"] {
        admin.get(&path(unknown)).await.problem(404, "not_found");
        admin.put(&path(unknown), body.clone()).await.problem(404, "not_found");
    }
    for (limits, pointer) in [
        (json!({"seats": 0}), "/limits/seats"),
        (json!({"seats": 1_001}), "/limits/seats"),
        (json!({"requests_per_minute": 0}), "/limits/requests_per_minute"),
        (json!({"file_bytes": 1_000_000_000}), "/limits/file_bytes"),
        (json!({"tokens_per_day": u64::MAX}), "/limits/tokens_per_day"),
        (json!({"documents": u32::MAX}), "/limits/documents"),
    ] {
        let answer = admin
            .put(&path(ada.org()), json!({"limits": limits, "reason": "x"}))
            .await;
        assert_eq!(answer.invalid(), [pointer]);
    }
    for (body, pointer) in [
        (json!({"reason": " "}), "/reason"),
        (json!({"limits": {"chatbots": -1}, "reason": "x"}), "/limits/chatbots"),
        (
            json!({"reason": "x", "expires_at": "2020-01-01T00:00:00Z"}),
            "/expires_at",
        ),
    ] {
        assert_eq!(admin.put(&path(ada.org()), body).await.invalid(), [pointer]);
    }
    let unknown = json!({"features": {"flying": true}, "reason": "x"});
    assert_eq!(admin.put(&path(ada.org()), unknown).await.status.as_u16(), 422);
    assert_eq!(admin.get(&path(ada.org())).await.ok().json()["overrides"], Value::Null);
    // Admins who meet: one of them is last, and each change is audited.
    let changes = (0..16).map(|number| {
        let body = json!({"limits": {"chatbots": number}, "reason": format!("change {number}")});
        let (admin, path) = (admin.clone(), path(ada.org()));
        async move { admin.put(&path, body).await }
    });
    assert_eq!(statuses(&join_all(changes).await), [(200, 16)].into());
    let actions = t.audited(ada.org()).await;
    let entries = actions.iter().filter(|action| *action == "org.entitlements_changed");
    assert_eq!(entries.count(), 16);
}
