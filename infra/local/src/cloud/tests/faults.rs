//! The faults of tables, as the AWS SDK sees them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, DeleteRequest, KeysAndAttributes, Put, TransactWriteItem, WriteRequest,
};

use super::dynamodb::{text, with_table};
use super::{Fixture, SECRET_ACCESS_KEY};
use crate::cloud::{APPLICATION_ACCESS_KEY_ID, Fault, FaultCounts, Faults};

/// How often a fault is met to see all that it may look like.
const TIMES: usize = 24;

/// A table, and a client that tries nothing a second time.
async fn table(fixture: &Fixture) -> Client {
    with_table(fixture).await;
    let config = aws_sdk_dynamodb::config::Builder::from(&fixture.sdk).retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

fn faults(fixture: &Fixture) -> &Faults {
    fixture.cloud.faults()
}

async fn put(client: &Client, sk: &str) -> Result<(), String> {
    let put = client.put_item().table_name("items").item("pk", text("a"));
    named(put.item("sk", text(sk)).send().await)
}

/// The code of an error, or that there was none to read.
fn named<T, E: ProvideErrorMetadata, R>(answer: Result<T, SdkError<E, R>>) -> Result<(), String> {
    match answer {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(error)) => Err(error.err().code().unwrap_or_default().to_owned()),
        Err(SdkError::DispatchFailure(_)) => Err("no answer".to_owned()),
        Err(_) => Err("something else".to_owned()),
    }
}

async fn keys(client: &Client) -> Vec<String> {
    let query = client.query().table_name("items").key_condition_expression("pk = :pk");
    let query = query.expression_attribute_values(":pk", text("a"));
    let mut items = query.into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(item) = items.next().await {
        found.push(item.unwrap()["sk"].as_s().unwrap().clone());
    }
    found
}

fn transaction(
    client: &Client,
    sks: &[&str],
) -> aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsFluentBuilder {
    let parts = sks.iter().map(|sk| {
        let put = Put::builder()
            .table_name("items")
            .item("pk", text("a"))
            .item("sk", text(sk));
        let put = put.condition_expression("attribute_not_exists(pk)").build().unwrap();
        TransactWriteItem::builder().put(put).build()
    });
    client.transact_write_items().set_transact_items(Some(parts.collect()))
}

fn reasons(error: &SdkError<TransactWriteItemsError, impl Sized>) -> Vec<CancellationReason> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            canceled.cancellation_reasons().to_vec()
        }
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn a_throttled_write_of_one_item_is_refused_and_not_carried_out() {
    let fixture = Fixture::new().await;
    let client = table(&fixture).await;
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..TIMES {
        faults(&fixture).plan("PutItem", Fault::Throttled);
        seen.insert(put(&client, &number.to_string()).await.unwrap_err());
    }
    let seen: Vec<_> = seen.into_iter().collect();
    assert_eq!(seen, ["ProvisionedThroughputExceededException", "ThrottlingException"]);
    assert!(keys(&client).await.is_empty());
    put(&client, "x").await.unwrap();
}

#[tokio::test]
async fn a_plain_write_meets_a_transaction() {
    let fixture = Fixture::new().await;
    let client = table(&fixture).await;
    faults(&fixture).plan("PutItem", Fault::Conflict);
    assert_eq!(put(&client, "x").await.unwrap_err(), "TransactionConflictException");
    faults(&fixture).plan("UpdateItem", Fault::Conflict);
    let update = client
        .update_item()
        .table_name("items")
        .key("pk", text("a"))
        .key("sk", text("x"));
    let refused = update.send().await.unwrap_err().into_service_error();
    assert!(refused.is_transaction_conflict_exception(), "{refused:?}");
    faults(&fixture).plan("DeleteItem", Fault::Conflict);
    let delete = client
        .delete_item()
        .table_name("items")
        .key("pk", text("a"))
        .key("sk", text("x"));
    let refused = delete.send().await.unwrap_err().into_service_error();
    assert!(refused.is_transaction_conflict_exception(), "{refused:?}");
    assert!(keys(&client).await.is_empty());
}

#[tokio::test]
async fn a_transaction_is_canceled_for_one_of_its_parts() {
    let fixture = Fixture::new().await;
    let client = table(&fixture).await;
    let mut seen = std::collections::BTreeSet::new();
    for fault in [Fault::Throttled, Fault::Conflict].repeat(TIMES) {
        faults(&fixture).plan("TransactWriteItems", fault);
        let error = transaction(&client, &["x", "y", "z"]).send().await.unwrap_err();
        let reasons = reasons(&error);
        let codes = reasons.iter().filter_map(CancellationReason::code);
        let mut codes: Vec<_> = codes.filter(|code| *code != "None").map(str::to_owned).collect();
        if reasons.is_empty() {
            codes.push(error.code().unwrap().to_owned());
        } else {
            assert_eq!((reasons.len(), codes.len()), (3, 1), "{reasons:?}");
        }
        seen.insert((format!("{fault:?}"), codes.remove(0)));
    }
    let seen: Vec<_> = seen
        .iter()
        .map(|(fault, code)| (fault.as_str(), code.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("Conflict", "TransactionConflict"),
            ("Conflict", "TransactionInProgressException"),
            ("Throttled", "ProvisionedThroughputExceeded"),
            ("Throttled", "ProvisionedThroughputExceededException"),
            ("Throttled", "ThrottlingError"),
            ("Throttled", "ThrottlingException"),
        ]
    );
    assert!(keys(&client).await.is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_that_of_a_write_that_was_carried_out() {
    let fixture = Fixture::new().await;
    let client = table(&fixture).await;
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..TIMES {
        let sk = format!("{number:02}");
        faults(&fixture).plan("PutItem", Fault::AnswerLost);
        seen.insert(put(&client, &sk).await.unwrap_err());
        faults(&fixture).plan("PutItem", Fault::RequestLost);
        seen.insert(put(&client, "lost on its way").await.unwrap_err());
    }
    let seen: Vec<_> = seen.into_iter().collect();
    assert_eq!(seen, ["InternalServerError", "no answer"]);
    let expected: Vec<_> = (0..TIMES).map(|number| format!("{number:02}")).collect();
    assert_eq!(keys(&client).await, expected);
}

#[tokio::test]
async fn a_transaction_whose_answer_was_lost_is_carried_out_once_under_its_token() {
    let fixture = Fixture::new().await;
    let client = table(&fixture).await;
    faults(&fixture).plan("TransactWriteItems", Fault::AnswerLost);
    let once = transaction(&client, &["x"]).client_request_token("one token");
    once.clone().send().await.unwrap_err();
    assert_eq!(keys(&client).await, ["x"]);
    once.send().await.unwrap();
    let other = transaction(&client, &["y"])
        .client_request_token("one token")
        .send()
        .await;
    let other = other.unwrap_err().into_service_error();
    assert!(other.is_idempotent_parameter_mismatch_exception(), "{other:?}");
    let without = transaction(&client, &["x"]).send().await.unwrap_err();
    assert_eq!(reasons(&without)[0].code(), Some("ConditionalCheckFailed"));
}

#[tokio::test]
async fn a_batch_is_carried_out_in_part() {
    let fixture = Fixture::new().await;
    let client = table(&fixture).await;
    let sks = ["0", "1", "2", "3"];
    for sk in sks {
        put(&client, sk).await.unwrap();
    }
    let key = |sk: &str| [("pk".to_owned(), text("a")), ("sk".to_owned(), text(sk))].into();
    let read = |sks: &[&str]| {
        let keys = KeysAndAttributes::builder().set_keys(Some(sks.iter().map(|sk| key(sk)).collect()));
        client
            .batch_get_item()
            .request_items("items", keys.consistent_read(true).build().unwrap())
    };
    for _ in 0..TIMES {
        faults(&fixture).plan("BatchGetItem", Fault::Throttled);
        let answer = read(&sks).send().await.unwrap();
        let found = answer.responses.unwrap()["items"].len();
        let left = &answer.unprocessed_keys.unwrap()["items"];
        assert!(found > 0 && !left.keys.is_empty(), "{found} {left:?}");
        assert_eq!((found + left.keys.len(), left.consistent_read), (4, Some(true)));
    }
    // With nothing done, all of it is an error.
    faults(&fixture).plan("BatchGetItem", Fault::Throttled);
    read(&["0"]).send().await.unwrap_err();

    let deletes = sks.map(|sk| {
        let delete = DeleteRequest::builder().set_key(Some(key(sk))).build().unwrap();
        WriteRequest::builder().delete_request(delete).build()
    });
    faults(&fixture).plan("BatchWriteItem", Fault::Conflict);
    client
        .batch_write_item()
        .request_items("items", deletes.to_vec())
        .send()
        .await
        .unwrap_err();
    faults(&fixture).plan("BatchWriteItem", Fault::Throttled);
    let answer = client
        .batch_write_item()
        .request_items("items", deletes.to_vec())
        .send()
        .await
        .unwrap();
    let left = answer.unprocessed_items.unwrap()["items"].len();
    assert_eq!(keys(&client).await.len(), left);
    assert!((1..4).contains(&left), "{left}");
}

#[tokio::test]
async fn a_page_of_a_query_ends_early() {
    let fixture = Fixture::new().await;
    let client = table(&fixture).await;
    for sk in ["0", "1", "2"] {
        put(&client, sk).await.unwrap();
    }
    let (mut short, mut refused) = (0, 0);
    for _ in 0..TIMES {
        faults(&fixture).plan("Query", Fault::Throttled);
        let query = client.query().table_name("items").key_condition_expression("pk = :pk");
        match query.expression_attribute_values(":pk", text("a")).send().await {
            Ok(page) => {
                assert_eq!(page.count, 1);
                assert!(page.last_evaluated_key.is_some());
                short += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(short > 0 && refused > 0, "{short} {refused}");
}

#[tokio::test]
async fn only_calls_of_functions_meet_faults_that_are_not_planned() {
    let fixture = Fixture::with_faults("throttle=40,conflict=30,lost=30,seed=3").await;
    let developer = table(&fixture).await;
    for number in 0..TIMES {
        put(&developer, &number.to_string()).await.unwrap();
    }
    assert_eq!(faults(&fixture).counts(), FaultCounts::default());
    let credentials = Credentials::new(APPLICATION_ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "tests");
    let config = developer.config().to_builder();
    let config = config.credentials_provider(SharedCredentialsProvider::new(credentials));
    let function = Client::from_conf(config.build());
    for number in 0..TIMES {
        put(&function, &number.to_string()).await.unwrap_err();
    }
    let counts = faults(&fixture).counts();
    assert_eq!(counts.calls, 24);
    assert_eq!(counts.throttled + counts.conflicts + counts.lost, 24);
    assert!(
        counts.throttled > 0 && counts.conflicts > 0 && counts.lost > 0,
        "{counts:?}"
    );
}
