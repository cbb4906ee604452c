//! DynamoDB: what the stores rely on most.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put, ScalarAttributeType,
    TimeToLiveSpecification, TransactWriteItem,
};

use super::{Fixture, START_MS};

pub(super) async fn with_table(fixture: &Fixture) -> Client {
    let client = fixture.dynamodb();
    let attribute = |name| {
        let definition = AttributeDefinition::builder().attribute_name(name);
        definition.attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let key = |name, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .unwrap()
    };
    client
        .create_table()
        .table_name("items")
        .attribute_definitions(attribute("pk"))
        .attribute_definitions(attribute("sk"))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
    client
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

#[tokio::test]
async fn a_conditional_put_tells_what_is_already_there() {
    let fixture = Fixture::new().await;
    let client = with_table(&fixture).await;
    let put = |value| {
        let put = client
            .put_item()
            .table_name("items")
            .item("pk", text("a"))
            .item("sk", text("b"));
        put.item("v", text(value))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(
                aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld,
            )
    };
    put("first").send().await.unwrap();
    let refused = put("second").send().await.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(failed.item().unwrap()["v"], text("first"));
}

#[tokio::test]
async fn a_cancelled_transaction_names_the_reason_of_each_part_and_writes_none() {
    let fixture = Fixture::new().await;
    let client = with_table(&fixture).await;
    let put = |pk| {
        let put = Put::builder()
            .table_name("items")
            .item("pk", text(pk))
            .item("sk", text("x"));
        let put = put.condition_expression("attribute_not_exists(pk)").build().unwrap();
        TransactWriteItem::builder().put(put).build()
    };
    client
        .transact_write_items()
        .transact_items(put("taken"))
        .send()
        .await
        .unwrap();
    let refused = client
        .transact_write_items()
        .transact_items(put("free"))
        .transact_items(put("taken"))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        cancelled,
    ) = refused
    else {
        panic!("{refused:?}");
    };
    let codes: Vec<_> = cancelled
        .cancellation_reasons()
        .iter()
        .map(|reason| reason.code().unwrap())
        .collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    let free = client
        .get_item()
        .table_name("items")
        .key("pk", text("free"))
        .key("sk", text("x"));
    assert!(free.send().await.unwrap().item.is_none());
}

#[tokio::test]
async fn time_to_live_follows_the_clock_of_an_ephemeral_cloud() {
    let fixture = Fixture::new().await;
    let client = with_table(&fixture).await;
    let ttl = TimeToLiveSpecification::builder()
        .attribute_name("ttl")
        .enabled(true)
        .build()
        .unwrap();
    client
        .update_time_to_live()
        .table_name("items")
        .time_to_live_specification(ttl)
        .send()
        .await
        .unwrap();
    let expires = START_MS / 1000 + 60;
    let put = client
        .put_item()
        .table_name("items")
        .item("pk", text("a"))
        .item("sk", text("b"));
    put.item("ttl", AttributeValue::N(expires.to_string()))
        .send()
        .await
        .unwrap();

    fixture.cloud.dynamodb().sweep_ttl().unwrap();
    let get = || {
        client
            .get_item()
            .table_name("items")
            .key("pk", text("a"))
            .key("sk", text("b"))
            .send()
    };
    assert!(get().await.unwrap().item.is_some());

    fixture.advance(Duration::from_mins(2));
    fixture.cloud.dynamodb().sweep_ttl().unwrap();
    assert!(get().await.unwrap().item.is_none());
}

#[tokio::test]
async fn tables_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::on(folder.path()).await;
    let client = with_table(&fixture).await;
    client
        .put_item()
        .table_name("items")
        .item("pk", text("a"))
        .item("sk", text("b"))
        .send()
        .await
        .unwrap();
    fixture.cloud.shutdown().await;

    let fixture = Fixture::on(folder.path()).await;
    let get = fixture
        .dynamodb()
        .get_item()
        .table_name("items")
        .key("pk", text("a"))
        .key("sk", text("b"));
    assert!(get.send().await.unwrap().item.is_some());
}
