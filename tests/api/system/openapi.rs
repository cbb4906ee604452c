//! The `OpenAPI` document: what is served is what the code says, and changes are reviewed.

use std::collections::BTreeSet;

use crate::support::Test;

#[tokio::test]
async fn the_served_document_is_the_one_the_route_tables_make() {
    let t = Test::new().await;
    let served = t.anonymous().get("/openapi.json").await.ok().json();
    let made = local::functions::openapi();
    assert!(
        served == made,
        "functions/system/openapi.json is out of date: run `make openapi`"
    );
}

#[test]
fn operation_ids_are_unique_and_every_reference_leads_somewhere() {
    let document = local::functions::openapi();
    let mut ids = BTreeSet::new();
    for operation in document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
    {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} is there twice");
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
}
