//! Running the platform: accounts, the state of the system, caches and logs.

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, PASSWORD, Test};

const ADMIN: &str = "/api/v1/admin";

/// A stack with a platform admin.
pub(super) struct Root {
    pub(super) test: Test,
    pub(super) admin: Caller,
    id: String,
}

impl Root {
    pub(super) fn admin_id(&self) -> &str {
        &self.id
    }

    async fn sign_in(&self) -> Caller {
        let credentials = json!({"email": "root@example.com", "password": PASSWORD});
        let anonymous = self.test.anonymous();
        let login = anonymous.post("/api/v1/auth/login", credentials).await.ok();
        anonymous.with_token(&login.text("access_token"))
    }

    async fn change(&self, by: &Caller, user: &str, what: &str, value: &str) -> Answer {
        let body = json!({what: value});
        by.put(&format!("{ADMIN}/users/{user}/{what}"), body).await
    }

    async fn another_admin(&self, name: &str) -> Caller {
        let user = self.test.user(name).await;
        self.change(&self.admin, user.id(), "role", "admin").await.ok();
        user
    }
}

pub(super) async fn root() -> Root {
    root_with(&[]).await
}

async fn root_with(environment: &[(&str, &str)]) -> Root {
    let seed = [
        ("PARLANCE_ADMIN_EMAIL", "root@example.com"),
        ("PARLANCE_ADMIN_PASSWORD", PASSWORD),
    ];
    let test = Test::with(&[&seed[..], environment].concat()).await;
    let mut root = Root {
        admin: test.anonymous(),
        id: String::new(),
        test,
    };
    root.admin = root.sign_in().await;
    root.id = root.admin.get("/api/v1/auth/me").await.ok().text("id");
    root
}

fn names(list: &Value) -> Vec<&str> {
    let users = list.as_array().unwrap().iter();
    users.map(|user| user["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn accounts_are_listed_newest_first_over_months_filtered_and_paged() {
    let root = root().await;
    for name in ["ada", "bob"] {
        root.test.user(name).await;
    }
    root.test.advance_seconds(40 * 24 * 3600);
    let eve = root.test.user("eve").await;
    let admin = root.sign_in().await;
    root.change(&admin, eve.id(), "status", "disabled").await.ok();
    let list = |query: &'static str| {
        let admin = admin.clone();
        async move { admin.get(&format!("{ADMIN}/users{query}")).await.ok().json() }
    };
    let all = list("").await;
    assert_eq!(names(&all), ["eve", "bob", "ada", "root"]);
    assert_eq!(all[0]["email"], "eve@example.com");
    assert!(!all.to_string().contains("argon2"), "no hash leaves the table");
    assert_eq!(names(&list("?role=admin").await), ["root"]);
    assert_eq!(names(&list("?status=disabled").await), ["eve"]);
    assert_eq!(names(&list("?email=BOB@").await), ["bob"]);
    assert_eq!(names(&list("?q=D").await), ["ada"]);
    assert_eq!(names(&list("?role=user&status=active&q=example").await), ["bob", "ada"]);
    assert_eq!(
        admin.get(&format!("{ADMIN}/users?role=owner")).await.invalid(),
        ["/role"]
    );
    let (mut url, mut read) = (format!("{ADMIN}/users?limit=1"), Vec::new());
    loop {
        let page = admin.get(&url).await.ok();
        read.extend(names(&page.json()).into_iter().map(str::to_owned));
        let Some(next) = page.next() else { break };
        url = next;
    }
    assert_eq!(read, ["eve", "bob", "ada", "root"]);
}

#[tokio::test]
async fn a_role_and_a_status_count_from_the_next_request_on() {
    let root = root().await;
    let ada = root.test.user("ada").await;
    ada.get(&format!("{ADMIN}/users")).await.problem(403, "role_required");
    let changed = root.change(&root.admin, ada.id(), "role", "admin").await.ok().json();
    assert_eq!(
        (&changed["role"], &changed["status"]),
        (&json!("admin"), &json!("active"))
    );
    ada.get(&format!("{ADMIN}/users")).await.ok();
    root.change(&root.admin, ada.id(), "role", "user").await.ok();
    ada.get(&format!("{ADMIN}/users")).await.problem(403, "role_required");
    let off = json!({"is_active": false});
    let path = format!("{ADMIN}/users/{}/status", ada.id());
    assert_eq!(root.admin.put(&path, off).await.ok().json()["status"], "disabled");
    ada.get("/api/v1/auth/me").await.problem(401, "session_ended");
    let refresh = json!({"refresh_token": ada.refresh});
    ada.post("/api/v1/auth/refresh", refresh)
        .await
        .problem(401, "session_ended");
    root.change(&root.admin, ada.id(), "status", "active").await.ok();
    ada.get("/api/v1/auth/me").await.ok();
}

#[tokio::test]
async fn a_change_that_makes_no_sense_is_refused() {
    let root = root().await;
    let ada = root.test.user("ada").await;
    let put = |what: &'static str, body: Value| {
        let (admin, path) = (root.admin.clone(), format!("{ADMIN}/users/{}/{what}", ada.id()));
        async move { admin.put(&path, body).await.invalid() }
    };
    assert_eq!(put("role", json!({"role": "owner"})).await, ["/role"]);
    assert_eq!(put("role", json!({})).await, ["/role"]);
    assert_eq!(put("status", json!({})).await, ["/status"]);
    assert_eq!(put("status", json!({"status": "deleted"})).await, ["/status"]);
    let both = json!({"status": "active", "is_active": false});
    assert_eq!(put("status", both).await, ["/is_active"]);
    let nobody = root.change(&root.admin, "nobody", "role", "admin").await;
    nobody.problem(404, "not_found");
}

#[tokio::test]
async fn no_admin_takes_away_their_own_power() {
    let root = root().await;
    let own = root.admin_id();
    for (what, value) in [("role", "user"), ("status", "disabled")] {
        let answer = root.change(&root.admin, own, what, value).await;
        answer.problem(403, "own_account");
    }
    let delete = root.admin.delete(&format!("{ADMIN}/users/{own}")).await;
    delete.problem(403, "own_account");
    root.admin.get(&format!("{ADMIN}/users")).await.ok();
}

#[tokio::test]
async fn of_admins_who_demote_each_other_at_once_one_stays() {
    let root = root().await;
    for round in 0..5 {
        let ada = root.another_admin(&format!("ada-{round}")).await;
        let bob = root.another_admin(&format!("bob-{round}")).await;
        let attempts = join_all((0..16).map(|number| {
            let (by, whom) = if number % 2 == 0 { (&ada, &bob) } else { (&bob, &ada) };
            root.change(by, whom.id(), "role", "user")
        }));
        let won = attempts.await.iter().filter(|answer| answer.status == 200).count();
        assert!(won >= 1, "round {round}");
        let mut admins = 0;
        for user in [&ada, &bob] {
            admins += usize::from(user.get(&format!("{ADMIN}/users")).await.status == 200);
        }
        assert_eq!(admins, 1, "round {round}");
    }
}

#[tokio::test]
async fn a_deleted_account_is_refused_everywhere_and_not_found() {
    let root = root().await;
    let ada = root.test.user("ada").await;
    let path = format!("{ADMIN}/users/{}", ada.id());
    let deleted = root.admin.delete(&path).await.ok().json();
    assert_eq!(deleted, json!({"message": "User deleted successfully"}));
    ada.get("/api/v1/auth/me").await.problem(401, "session_ended");
    root.admin.delete(&path).await.problem(404, "not_found");
    root.change(&root.admin, ada.id(), "status", "active")
        .await
        .problem(404, "not_found");
    let log = root
        .admin
        .get(&format!("{ADMIN}/logs?action=user.deleted"))
        .await
        .ok()
        .json();
    assert_eq!(log[0]["subject_id"], ada.id());
}

#[tokio::test]
async fn the_system_status_names_everything_and_how_it_is() {
    let root = root().await;
    root.test
        .anonymous()
        .post("/_local/run/relay_outbox", json!({}))
        .await
        .ok();
    let status = root.admin.get(&format!("{ADMIN}/system/status")).await.ok().json();
    assert_eq!(status["status"], "healthy", "{status}");
    let dependencies = status["dependencies"].as_array().unwrap();
    assert!(
        dependencies.len() >= 8 && dependencies.iter().all(|each| each["ok"] == true),
        "{status}"
    );
    let index = json!({"name": "index_documents", "waiting": 0, "in_flight": 0, "dead_letters": 0});
    assert_eq!(status["queues"][0], index);
    let models: Vec<_> = [
        "openai",
        "anthropic",
        "gemini",
        "bedrock",
        "cohere",
        "azure",
        "compatible",
    ]
    .into_iter()
    .map(|provider| json!({"provider": provider, "configured": false}))
    .collect();
    let models = [vec![json!({"provider": "local", "configured": true})], models].concat();
    assert_eq!(status["models"], json!(models));
    let run = &status["schedules"][0];
    assert_eq!(
        (&run["name"], &run["ok"]),
        (&json!("relay_outbox"), &json!(true)),
        "{status}"
    );
    assert!(run["began_at"].is_string() && status["versions"]["parlance"].is_string());
    root.test
        .sqs()
        .send_message()
        .queue_url(root.test.queue_url("index_documents-dlq"))
        .message_body("{}")
        .send()
        .await
        .unwrap();
    let status = root.admin.get(&format!("{ADMIN}/system/status")).await.ok().json();
    assert_eq!(
        (&status["status"], &status["queues"][0]["dead_letters"]),
        (&json!("degraded"), &json!(1))
    );
}

#[tokio::test]
async fn clearing_the_caches_makes_this_process_and_all_others_look_again() {
    let root = root_with(&[("INTERNAL_API_KEY", "first")]).await;
    let call = |key: &str| {
        let service = root.test.anonymous().with_header("x-api-key", key);
        async move { service.get("/api/v1/internal/sessions/none").await.status.as_u16() }
    };
    let exchange = |value: &'static str| {
        let secrets = aws_sdk_secretsmanager::Client::new(root.test.stack.sdk());
        let put = secrets
            .put_secret_value()
            .secret_id("INTERNAL_API_KEY")
            .secret_string(value);
        async move { put.send().await.map(|_| ()).unwrap() }
    };
    assert_eq!((call("first").await, call("second").await), (404, 401));
    exchange("second").await;
    assert_eq!(
        (call("first").await, call("second").await),
        (404, 401),
        "a secret is cached"
    );
    // Once for each key, however often it is asked for.
    let once = root.admin.with_header("idempotency-key", "clear-1");
    for replayed in ["", "true"] {
        let cleared = once.post(&format!("{ADMIN}/system/cache/clear"), json!({})).await.ok();
        assert_eq!(cleared.header("idempotent-replayed"), replayed);
    }
    let cleared = root
        .admin
        .post(&format!("{ADMIN}/system/cache/clear"), json!({}))
        .await
        .ok();
    assert_eq!(cleared.json(), json!({"message": "Cache cleared successfully"}));
    // The function that keeps it is another process than the one that was asked: it learns of it within 30 seconds.
    root.test.advance_seconds(31);
    assert_eq!((call("first").await, call("second").await), (401, 404));

    // So it does when somebody else begins the next epoch.
    exchange("third").await;
    let epoch = Client::new(root.test.stack.sdk())
        .update_item()
        .table_name("parlance-ephemeral");
    let epoch = epoch
        .key("pk", AttributeValue::S("CACHE#EPOCH".to_owned()))
        .key("sk", AttributeValue::S("E".to_owned()))
        .update_expression("ADD epoch :one")
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
    epoch.send().await.unwrap();
    root.test.advance_seconds(31);
    assert_eq!((call("second").await, call("third").await), (401, 404));
}

#[tokio::test]
async fn the_logs_hold_audit_entries_and_failures_newest_first() {
    let root = root().await;
    let ada = root.test.user("ada").await;
    root.change(&root.admin, ada.id(), "role", "admin").await.ok();
    root.test.advance_seconds(1);
    // An item that cannot be read stands for any fault of ours.
    break_slug(&root).await;
    let failed = ada
        .with_header("x-current-org", "broken-org")
        .get("/api/v1/documents?_secret=hunter2")
        .await;
    let request_id = failed.header("x-request-id").to_owned();
    failed.problem(500, "internal");
    root.test.advance_seconds(1);
    root.change(&root.admin, ada.id(), "role", "user").await.ok();
    let logs = |query: &'static str| {
        let admin = root.admin.clone();
        async move { admin.get(&format!("{ADMIN}/logs{query}")).await.ok() }
    };
    let all = logs("").await.json();
    let messages: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["message"].as_str().unwrap())
        .collect();
    let expected = [
        "user.role_changed",
        "GET /api/v1/documents: internal",
        "user.role_changed",
        "user.created",
        "user.created",
    ];
    assert_eq!(messages, expected);
    for (whose, number) in [("actor", 1), ("subject", 3)] {
        let theirs = format!("{ADMIN}/logs?source=audit&{whose}={}", ada.id());
        let theirs = root.admin.get(&theirs).await.ok().json();
        assert_eq!(theirs.as_array().unwrap().len(), number, "{whose}");
    }
    let failure = &logs("?source=error").await.json()[0];
    assert_eq!(
        (&failure["status"], &failure["code"]),
        (&json!(500), &json!("internal"))
    );
    assert_eq!(
        (&failure["level"], &failure["request_id"]),
        (&json!("error"), &json!(request_id))
    );
    assert!(!all.to_string().contains("hunter2"), "{all}");
    for (query, count) in [
        ("?source=audit", 4),
        ("?source=error&code=internal", 1),
        ("?source=error&code=unavailable", 0),
        ("?source=error&route=/api/v1/documents", 1),
        ("?source=audit&action=user.role_changed", 2),
        ("?source=audit&action=user.deleted", 0),
        ("?to=2026-01-02T00:00:00Z", 0),
    ] {
        assert_eq!(logs(query).await.json().as_array().unwrap().len(), count, "{query}");
    }
    let (mut url, mut read) = (format!("{ADMIN}/logs?limit=1"), Vec::new());
    loop {
        let page = root.admin.get(&url).await.ok();
        read.extend(
            page.json()
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| entry["message"].clone()),
        );
        let Some(next) = page.next() else { break };
        url = next;
    }
    assert_eq!(read, expected.map(Value::from));
    root.test.advance_seconds(8 * 24 * 3600);
    let admin = root.sign_in().await;
    let later = admin.get(&format!("{ADMIN}/logs?source=error")).await.ok().json();
    assert_eq!(later, json!([]), "failures are kept for a week");
}

/// Makes the slug `broken-org` lead nowhere readable, as a fault of ours would.
async fn break_slug(root: &Root) {
    let put = Client::new(root.test.stack.sdk())
        .put_item()
        .table_name("parlance-identity");
    let put = put
        .item("pk", AttributeValue::S("SLUG#broken-org".to_owned()))
        .item("sk", AttributeValue::S("O".to_owned()));
    put.send().await.unwrap();
}
