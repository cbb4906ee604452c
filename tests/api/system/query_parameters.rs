//! Query parameters that an operation does not know, and those that people try first.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::matrix::operations;
use crate::support::{ADMIN, Test};

/// Pages and what pages load may be opened with anything behind their paths; a sender of webhooks decides on its URL.
fn takes_others(operation: &http_api::Operation) -> bool {
    const SIGNED: [&str; 5] = [
        "/webhooks/clerk",
        "/webhook/stripe",
        "/slack/events",
        "/slack/interactivity",
        "/slack/commands",
    ];
    SIGNED.iter().any(|end| operation.path.ends_with(end))
        || ["/docs", "/redoc", "/openapi.json"].contains(&operation.path.as_str())
}

/// A path of the operation, with something for each parameter.
fn path_of(template: &str) -> String {
    let parts = template
        .split('/')
        .map(|part| if part.starts_with('{') { "x" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// What an answer says of a query parameter, if it is about one.
fn said_of(body: &Value, pointer: &str) -> Option<String> {
    let listed = body["errors"].as_array().into_iter().flatten();
    let listed = listed
        .filter(|error| error["pointer"] == pointer)
        .map(|error| &error["detail"]);
    let openai = (body["error"]["param"] == pointer[1..]).then(|| &body["error"]["message"]);
    listed.chain(openai).find_map(|said| said.as_str().map(str::to_owned))
}

#[tokio::test]
async fn no_operation_takes_a_parameter_that_it_does_not_know() {
    let t = Test::new().await;
    let anyone = t.anonymous();
    let (mut tried, mut wrong) = (0, Vec::new());
    for operation in operations() {
        let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
        let path = path_of(&operation.path);
        let asked = anyone.request(method.clone(), &format!("{path}?nosuchthing=1&_=17&utm_source=x"));
        let refused = anyone.send(asked).await;
        let body: Value = serde_json::from_slice(&refused.body).unwrap_or_default();
        let status = if path.starts_with("/v1/") { 400 } else { 422 };
        let said = said_of(&body, "/nosuchthing");
        let is_told = refused.status == status && said.is_some_and(|said| said.contains("is unknown; "));
        if is_told == takes_others(&operation) {
            wrong.push(format!("{method} {path}: {} {body}", refused.status));
        }
        let ignored = anyone.request(method.clone(), &format!("{path}?_=17&utm_source=x&utm_medium=y"));
        let body: Value = serde_json::from_slice(&anyone.send(ignored).await.body).unwrap_or_default();
        if body.to_string().contains("is unknown; ") {
            wrong.push(format!("{method} {path} with what is ignored: {body}"));
        }
        tried += 1;
    }
    assert!(tried > 150, "{tried}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_parameters_that_are_known_are_named_in_the_spelling_of_the_surface() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for (path, named) in [
        ("/api/v1/chat/sessions?page=2", "`cursor`, `limit`, `pinned`, `q`"),
        ("/api/chat/sessions?pageSize=2", "`cursor`, `limit`, `pinned`, `q`"),
        ("/api/v1/analytics/usage?period=7d", "`days`, `from`, `group_by`, `to`"),
        ("/api/analytics/usage?period=7d", "`groupBy`"),
    ] {
        let answer = ada.get(path).await;
        if answer.status == 404 {
            // Document 004 has no statistics.
            continue;
        }
        let problem = answer.problem(422, "invalid");
        let said = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(said.contains(named), "{path}: {said}");
    }
}

#[tokio::test]
async fn what_people_try_first_for_a_period_is_understood() {
    let t = Test::with(&ADMIN).await;
    let ada = t.user("ada").await;
    let today = ada.get("/api/v1/analytics/usage").await.ok().text("to");
    let of = async |query: &str| {
        let report = ada.get(&format!("/api/v1/analytics/usage?{query}")).await.ok();
        (report.text("from"), report.text("to"))
    };
    let to = "2026-11-24".to_owned();
    assert_eq!(
        of("start_date=2026-11-20&end_date=2026-11-24").await,
        ("2026-11-20".to_owned(), to.clone())
    );
    assert_eq!(
        of("startDate=2026-11-20&endDate=2026-11-24").await,
        ("2026-11-20".to_owned(), to.clone())
    );
    assert_eq!(of("days=5&end_date=2026-11-24").await, ("2026-11-20".to_owned(), to));
    assert_eq!(of("days=1").await, (today.clone(), today.clone()));
    let refused = async |query: &str| ada.get(&format!("/api/v1/analytics/usage?{query}")).await.invalid();
    assert_eq!(refused("days=0").await, ["/days"]);
    assert_eq!(refused("days=soon").await, ["/days"]);
    assert_eq!(refused("days=2&from=2026-11-01&to=2026-11-02").await, ["/days"]);
    assert_eq!(refused("from=2026-11-01&start_date=2026-11-02").await, ["/from"]);

    let admin = t.admin().await;
    let count = async |query: &str| {
        let found = admin.get(&format!("/api/v1/admin/users?{query}")).await.ok().json();
        found.as_array().unwrap().len()
    };
    assert_eq!(count("search=ada").await, 1);
    assert_eq!(count("q=ada&days=1").await, 1);
    assert_eq!(count("search=ada&start_date=2000-01-01&end_date=2000-12-31").await, 0);
    assert_eq!(count("search=ada&start_date=2000-01-01").await, 1);
    for path in ["/api/v1/admin/logs", "/api/v1/audit_logs"] {
        let all = admin.get(&format!("{path}?days=2")).await.ok().json();
        assert!(!all.as_array().unwrap().is_empty(), "{path}");
        let none = admin.get(&format!("{path}?end_date=2000-01-01")).await.ok().json();
        assert_eq!(none, json!([]), "{path}");
        assert_eq!(admin.get(&format!("{path}?start_date=soon")).await.invalid(), ["/from"]);
    }
}

#[tokio::test]
async fn an_empty_cursor_and_an_empty_limit_are_left_out() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for path in [
        "/api/v1/chat/sessions",
        "/api/documents",
        "/api/v1/orgs",
        "/api/v1/auth/sessions",
    ] {
        let all = ada.get(path).await.ok().json();
        assert_eq!(
            ada.get(&format!("{path}?cursor=&limit=")).await.ok().json(),
            all,
            "{path}"
        );
    }
}

#[tokio::test]
async fn settings_that_are_not_known_are_refused_by_their_names() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let unknown = json!({"theme": "dark", "colour": "red", "notifications": {"sms": true}});
    let problem = ada.put("/api/settings", unknown).await.problem(422, "invalid");
    let said: Vec<(&str, &str)> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["pointer"].as_str().unwrap(), error["detail"].as_str().unwrap()))
        .collect();
    let known = "is unknown; known fields are `language`, `notifications`, `preferences`, `theme`";
    let of_notifications = "is unknown; known fields are `email`, `productNews`";
    assert_eq!(said, [("/colour", known), ("/notifications/sms", of_notifications)]);
    assert_eq!(
        ada.get("/api/settings").await.ok().json()["theme"],
        "system",
        "nothing was changed"
    );
    // What was read may be sent back, and a client's own data has a place.
    let mut read = ada.get("/api/settings").await.ok().json();
    read["preferences"] = json!({"colour": "red"});
    ada.put("/api/settings", read).await.ok();
    let bot = json!({"name": "Helper", "settings": {"max_token": 5}});
    assert_eq!(
        ada.post("/api/v1/chatbots", bot).await.invalid(),
        ["/settings/max_token"]
    );
}
