//! `/api/v1/schema`.

use serde_json::{Value, json};

use super::{shop, texts};
use crate::support::Test;

#[tokio::test]
async fn a_schema_has_tables_columns_and_keys() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let schema = ada.get("/api/v1/schema").await.ok().json();
    assert_eq!(
        (&schema["data_source_id"], &schema["table_count"]),
        (&json!("sample"), &json!(16))
    );
    let orders = ada.get("/api/v1/schema/tables/ORDERS").await.ok().json();
    assert_eq!(
        (&orders["name"], &orders["row_count"], &orders["primary_key"]),
        (&json!("orders"), &json!(6000), &json!(["order_id"]))
    );
    let column = |name: &str| {
        let columns = orders["columns"].as_array().unwrap();
        columns.iter().find(|column| column["name"] == name).unwrap().clone()
    };
    let status = column("status");
    assert_eq!(
        (&status["type"], status["sample_values"].as_array().unwrap().len()),
        (&json!("text"), 4)
    );
    let day = column("ordered_on");
    assert_eq!((&day["type"], &day["minimum"]), (&json!("date"), &json!("2024-01-01")));
    let customers = ada.get("/api/v1/schema/tables/customers").await.ok().json();
    let email = customers["columns"]
        .as_array()
        .unwrap()
        .iter()
        .find(|column| column["name"] == "email")
        .unwrap();
    assert_eq!(
        (&email["sensitive"], &email["sample_values"]),
        (&json!(true), &json!([]))
    );
    let relationships = ada.get("/api/v1/schema/relationships").await.ok().json();
    let of_orders = json!({
        "table": "orders", "columns": ["customer_id"], "references_table": "customers",
        "references_columns": ["customer_id"], "inferred": false
    });
    assert!(
        relationships.as_array().unwrap().contains(&of_orders),
        "{relationships}"
    );
    ada.get("/api/v1/schema/tables/secrets").await.problem(404, "not_found");
    let inferred = shop(&t, &ada).await;
    let schema = ada
        .get(&format!("/api/v1/schema?data_source_id={inferred}"))
        .await
        .ok()
        .json();
    assert_eq!(schema["relationships"][0]["inferred"], json!(true));
}

#[tokio::test]
async fn tables_are_paged_and_searched() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let mut names = Vec::new();
    let mut next = Some("/api/v1/schema/tables?limit=7".to_owned());
    while let Some(page) = next {
        let answer = ada.get(&page).await.ok();
        names.extend(texts(&answer.json(), "name"));
        next = answer.next();
    }
    assert!(names.len() == 16 && names.is_sorted(), "{names:?}");
    let found = ada.get("/api/v1/schema/tables?q=SALARY").await.ok().json();
    assert_eq!(texts(&found, "name"), ["employees"]);
    assert_eq!(ada.get("/api/v1/schema/tables?q=nothing").await.ok().json(), json!([]));
}

#[tokio::test]
async fn people_describe_tables() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let etag = async || ada.get("/api/v1/schema").await.ok().text("etag");
    let before = etag().await;
    let notes = json!({
        "description": "A purchase.", "synonyms": ["sale"],
        "columns": {"total_amount": {"synonyms": ["revenue"]}, "status": {"sensitive": true}}
    });
    let orders = ada.put("/api/v1/schema/tables/Orders", notes).await.ok().json();
    assert_eq!(
        (&orders["description"], &orders["synonyms"]),
        (&json!("A purchase."), &json!(["sale"]))
    );
    let status = orders["columns"]
        .as_array()
        .unwrap()
        .iter()
        .find(|column| column["name"] == "status")
        .unwrap();
    assert_eq!(status["sample_values"], json!([]));
    assert_ne!(etag().await, before);
    let found = ada.get("/api/v1/schema/tables?q=revenue").await.ok().json();
    assert_eq!(texts(&found, "name"), ["orders"]);
    // They replace what there was.
    let orders = ada.put("/api/v1/schema/tables/orders", json!({})).await.ok().json();
    assert_eq!(
        (&orders["description"], &orders["synonyms"]),
        (&Value::Null, &json!([]))
    );
    let wrong = json!({"columns": {"nothing": {"description": "?"}}});
    assert_eq!(
        ada.put("/api/v1/schema/tables/orders", wrong).await.invalid(),
        ["/columns"]
    );
    ada.put("/api/v1/schema/tables/secrets", json!({}))
        .await
        .problem(404, "not_found");
    let long = json!({"description": "x".repeat(501)});
    assert_eq!(
        ada.put("/api/v1/schema/tables/orders", long).await.invalid(),
        ["/description"]
    );
}
