//! What was deleted a moment ago is not there, for every operation.

use reqwest::Method;
use serde_json::json;

use crate::support::{Caller, Test};

/// Method and path of the operations that answer `status` to this kind of caller, by the policy.
fn operations(caller: &str, status: &str) -> Vec<(Method, String)> {
    let mut access = include_str!("../access.tsv").lines();
    let column = access
        .next()
        .unwrap()
        .split('\t')
        .position(|name| name == caller)
        .unwrap();
    let answers = access.filter(|row| row.split('\t').nth(column) == Some(status));
    let refusing: Vec<&str> = answers.map(|row| row.split('\t').next().unwrap()).collect();
    let rows = include_str!("../policy.tsv").lines().skip(1);
    let rows = rows.map(|row| row.split('\t').collect::<Vec<_>>());
    let wanted = rows.filter(|row| refusing.contains(&row[2]) && !row[1].contains("/internal/"));
    wanted.map(|row| (row[0].parse().unwrap(), row[1].to_owned())).collect()
}

/// The path with an id in place of each parameter: `org` for organizations, one that nothing has for all else.
fn named(path: &str, org: &str) -> String {
    let part = |part: &str| match part {
        "{org_id}" => org.to_owned(),
        part if part.starts_with('{') => "01a2017d-6c1d-7a53-8f5e-2b64c1d7e999".to_owned(),
        part => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

async fn call(caller: &Caller, method: &Method, path: &str) -> u16 {
    let request = caller.request(method.clone(), path);
    let request = if *method == Method::GET {
        request
    } else {
        request.json(&json!({}))
    };
    caller.send(request).await.status.as_u16()
}

#[tokio::test]
async fn no_operation_takes_a_credential_of_an_account_that_was_just_deleted() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let key = ada.with_token(&ada.api_key(json!({"name": "Kiosk"})).await.text("key"));
    ada.delete("/api/v1/users/me").await.ok();
    let operations = operations("anonymous", "401");
    assert!(operations.len() > 100, "{}", operations.len());
    // What a sign-in or a refresh presents is in its body.
    let own = |path: &str| path.contains("/auth/login") || path.contains("/auth/refresh");
    for (method, path) in operations.into_iter().filter(|(_, path)| !own(path)) {
        let path = named(&path, ada.org());
        for caller in [&ada, &key] {
            assert_eq!(call(caller, &method, &path).await, 401, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn no_operation_finds_an_organization_that_was_just_deleted() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let org = ada.found_org("Acme").await;
    let inside = ada.with_header("x-current-org", &org);
    inside.get("/api/v1/documents").await.ok();
    ada.delete(&format!("/api/v1/orgs/{org}")).await.expect(204);
    // A stranger who names somebody's organization gets the same.
    let operations = operations("outsider", "404");
    assert!(operations.len() > 60, "{}", operations.len());
    for (method, path) in operations {
        let path = named(&path, &org);
        assert_eq!(call(&inside, &method, &path).await, 404, "{method} {path}");
    }
    let orgs = ada.get("/api/v1/orgs").await.ok().json();
    assert_eq!(orgs.as_array().unwrap().len(), 1, "{orgs}");
}

#[tokio::test]
async fn a_place_that_is_left_of_an_organization_opens_nothing() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let org = ada.found_org("Acme").await;
    let inside = ada.with_header("x-current-org", &org);
    inside.get("/api/v1/documents").await.ok();
    // An erasure removes the items one after the other, and tables read several items in any order.
    let key = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
    let delete = t.db().delete_item().table_name("parlance-identity");
    let delete = delete
        .key("pk", key(format!("O#{org}")))
        .key("sk", key("ORG".to_owned()));
    delete.send().await.unwrap();
    inside.get("/api/v1/documents").await.problem(404, "not_found");
}
