//! The event-source mapping of a table's stream.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};
use futures::FutureExt as _;

use super::Fixture;
use crate::cloud::mapping::stream::{Handler, StreamMapping};

const TABLE: &str = "books";

/// A handler that remembers what it was given, and reports the first record that `fails` names.
struct Recorder {
    seen: Mutex<Vec<Event>>,
    fails: Mutex<Option<&'static str>>,
}

impl Recorder {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::default(),
            fails: Mutex::default(),
        })
    }

    fn fail(&self, name: Option<&'static str>) {
        *self.fails.lock().unwrap() = name;
    }

    fn handler(self: &Arc<Self>) -> Handler {
        let recorder = Arc::clone(self);
        Arc::new(move |event: Event| {
            let recorder = Arc::clone(&recorder);
            async move {
                let mut response = DynamoDbEventResponse::default();
                let fails = *recorder.fails.lock().unwrap();
                let failed = event.records.iter().find(|record| Some(&*name_of(record)) == fails);
                if let Some(failed) = failed {
                    let mut failure = DynamoDbBatchItemFailure::default();
                    failure.item_identifier = failed.change.sequence_number.clone();
                    response.batch_item_failures.push(failure);
                }
                recorder.seen.lock().unwrap().push(event);
                match fails {
                    Some("everything") => Err("it fell over".to_owned()),
                    _ => Ok(response),
                }
            }
            .boxed()
        })
    }

    /// The names of all records so far, which are forgotten.
    fn names(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.iter().flat_map(|event| &event.records).map(name_of).collect()
    }
}

fn name_of(record: &EventRecord) -> String {
    let key: std::collections::HashMap<String, AttributeValue> = record.change.keys.clone().into();
    key["pk"].as_s().unwrap().clone()
}

async fn create_table(fixture: &Fixture) {
    let attribute = AttributeDefinition::builder().attribute_name("pk");
    let attribute = attribute.attribute_type(ScalarAttributeType::S).build().unwrap();
    let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash);
    let stream = StreamSpecification::builder().stream_enabled(true);
    let stream = stream
        .stream_view_type(StreamViewType::NewAndOldImages)
        .build()
        .unwrap();
    let create = fixture.dynamodb().create_table().table_name(TABLE);
    let create = create.attribute_definitions(attribute).key_schema(key.build().unwrap());
    let create = create
        .billing_mode(BillingMode::PayPerRequest)
        .stream_specification(stream);
    create.send().await.unwrap();
}

async fn put(fixture: &Fixture, name: &str, pages: u32) {
    let put = fixture.dynamodb().put_item().table_name(TABLE);
    let put = put.item("pk", AttributeValue::S(name.to_owned()));
    let put = put.item("pages", AttributeValue::N(pages.to_string()));
    put.send().await.unwrap();
}

fn follow(fixture: &Fixture, folder: Option<&Path>, polls: bool, recorder: &Arc<Recorder>) -> StreamMapping {
    let file: Option<PathBuf> = folder.map(|folder| folder.join("books.position"));
    StreamMapping::new(fixture.cloud.dynamodb().clone(), TABLE, file, polls, recorder.handler())
}

#[tokio::test]
async fn an_event_looks_like_one_of_lambda() {
    let (fixture, recorder) = (Fixture::new().await, Recorder::new());
    create_table(&fixture).await;
    let mapping = follow(&fixture, None, false, &recorder);
    put(&fixture, "emma", 400).await;
    put(&fixture, "emma", 474).await;
    assert_eq!(mapping.drain().await, Ok(0));
    let event = serde_json::to_value(&recorder.seen.lock().unwrap()[0]).unwrap();
    let records = event["Records"].as_array().unwrap();
    assert_eq!(
        (&records[0]["eventName"], &records[1]["eventName"]),
        (&"INSERT".into(), &"MODIFY".into())
    );
    assert_eq!(records[1]["eventSource"], "aws:dynamodb");
    assert!(
        records[1]["eventSourceARN"]
            .as_str()
            .unwrap()
            .contains(":table/books/stream/")
    );
    let change = &records[1]["dynamodb"];
    assert_eq!(change["Keys"]["pk"]["S"], "emma");
    assert_eq!(
        (&change["OldImage"]["pages"]["N"], &change["NewImage"]["pages"]["N"]),
        (&"400".into(), &"474".into())
    );
    assert_eq!(change["StreamViewType"], "NEW_AND_OLD_IMAGES");
    assert!(change["SequenceNumber"].as_str().unwrap().len() >= 21);
    mapping.stop().await;
}

#[tokio::test]
async fn records_come_in_their_order_and_again_from_the_first_that_failed() {
    let (fixture, recorder) = (Fixture::new().await, Recorder::new());
    create_table(&fixture).await;
    let mapping = follow(&fixture, None, false, &recorder);
    assert_eq!(mapping.drain().await, Ok(0));
    for name in ["a", "b", "c", "d"] {
        put(&fixture, name, 1).await;
    }
    recorder.fail(Some("c"));
    assert_eq!(mapping.drain().await, Ok(2));
    assert_eq!(recorder.names(), ["a", "b", "c", "d"]);
    assert_eq!(mapping.drain().await, Ok(2));
    assert_eq!(recorder.names(), ["c", "d"]);
    recorder.fail(Some("everything"));
    assert_eq!(mapping.drain().await, Ok(2));
    assert_eq!(recorder.names(), ["c", "d"]);
    recorder.fail(None);
    assert_eq!(mapping.drain().await, Ok(0));
    assert_eq!(recorder.names(), ["c", "d"]);
    for number in 0..250 {
        put(&fixture, &number.to_string(), 1).await;
    }
    assert_eq!(mapping.drain().await, Ok(0));
    assert_eq!(
        recorder.names(),
        (0..250).map(|number| number.to_string()).collect::<Vec<_>>()
    );
    mapping.stop().await;
}

#[tokio::test]
async fn who_polls_is_given_changes_without_being_asked() {
    let (fixture, recorder) = (Fixture::new().await, Recorder::new());
    create_table(&fixture).await;
    let mapping = follow(&fixture, None, true, &recorder);
    put(&fixture, "emma", 400).await;
    let given = async {
        while recorder.seen.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), given)
        .await
        .unwrap();
    assert_eq!(recorder.names(), ["emma"]);
    mapping.stop().await;
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was_and_a_lost_position_begins_anew() {
    let (folder, recorder) = (tempfile::tempdir().unwrap(), Recorder::new());
    let fixture = Fixture::on(folder.path()).await;
    create_table(&fixture).await;
    let mapping = follow(&fixture, Some(folder.path()), false, &recorder);
    put(&fixture, "emma", 400).await;
    assert_eq!(mapping.drain().await, Ok(0));
    assert_eq!(recorder.names(), ["emma"]);
    mapping.stop().await;
    put(&fixture, "persuasion", 250).await;
    fixture.cloud.shutdown().await;

    let fixture = Fixture::on(folder.path()).await;
    let mapping = follow(&fixture, Some(folder.path()), false, &recorder);
    assert_eq!(mapping.drain().await, Ok(0));
    assert_eq!(recorder.names(), ["persuasion"]);
    mapping.stop().await;
    for damaged in ["", "nonsense"] {
        std::fs::write(folder.path().join("books.position"), damaged).unwrap();
        let mapping = follow(&fixture, Some(folder.path()), false, &recorder);
        assert_eq!(mapping.drain().await, Ok(0), "{damaged:?}");
        assert_eq!(recorder.names(), ["emma", "persuasion"]);
        mapping.stop().await;
    }
}

/// Linux has a file for whose writers the disk is always full.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn on_a_full_disk_the_place_is_not_noted_and_its_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (fixture, recorder) = (Fixture::on(folder.path()).await, Recorder::new());
    create_table(&fixture).await;
    put(&fixture, "emma", 1).await;
    let draft = folder.path().join("books.draft");
    std::os::unix::fs::symlink("/dev/full", &draft).unwrap();
    let mapping = follow(&fixture, Some(folder.path()), false, &recorder);
    let refused = mapping.drain().await.unwrap_err();
    assert!(
        refused.contains("books.position") && refused.contains("Free some space"),
        "{refused}"
    );
    std::fs::remove_file(draft).unwrap();
    assert_eq!(mapping.drain().await, Ok(0));
    assert_eq!(recorder.names(), ["emma", "emma"], "what was not noted comes again");
    mapping.stop().await;
}

#[tokio::test]
async fn with_a_damaged_place_everything_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let (fixture, recorder) = (Fixture::on(folder.path()).await, Recorder::new());
    create_table(&fixture).await;
    put(&fixture, "emma", 1).await;
    std::fs::write(folder.path().join("books.position"), "damaged").unwrap();
    let mapping = follow(&fixture, Some(folder.path()), false, &recorder);
    assert_eq!(mapping.drain().await, Ok(0));
    assert_eq!(recorder.names(), ["emma"]);
    mapping.stop().await;
}
