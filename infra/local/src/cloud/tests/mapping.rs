//! The event-source mapping.

mod calls;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use futures::FutureExt as _;
use serde_json::Value;
use tokio::sync::Barrier;

use super::Fixture;
use super::sqs::{send, with_queue};
use crate::cloud::mapping::{Drained, EventSourceMapping, Handler, Settings};

/// A handler that remembers what it was given and fails what `fails` says.
struct Recorder {
    seen: Mutex<Vec<SqsEvent>>,
    fails: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

impl Recorder {
    fn new(fails: impl Fn(&str) -> bool + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::default(),
            fails: Box::new(fails),
        })
    }

    fn handler(self: &Arc<Self>) -> Handler {
        let recorder = Arc::clone(self);
        Arc::new(move |event: SqsEvent, _| {
            let recorder = Arc::clone(&recorder);
            async move {
                let mut response = SqsBatchResponse::default();
                for record in &event.records {
                    if (recorder.fails)(record.body.as_deref().unwrap()) {
                        let mut failure = BatchItemFailure::default();
                        failure.item_identifier = record.message_id.clone().unwrap();
                        response.batch_item_failures.push(failure);
                    }
                }
                recorder.seen.lock().unwrap().push(event);
                Ok(serde_json::to_value(response).unwrap())
            }
            .boxed()
        })
    }

    /// How often each body was delivered.
    fn deliveries(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for record in self.seen.lock().unwrap().iter().flat_map(|event| &event.records) {
            *counts.entry(record.body.clone().unwrap()).or_default() += 1;
        }
        counts
    }
}

/// Those of our workers that take batches.
const SETTINGS: Settings = Settings {
    batch_size: 10,
    concurrency: 2,
    partial_failures: true,
    time_limit: Duration::from_secs(30),
};

fn mapping(fixture: &Fixture, handler: Handler) -> EventSourceMapping {
    mapping_with(fixture, SETTINGS, handler).unwrap()
}

fn mapping_with(fixture: &Fixture, settings: Settings, handler: Handler) -> Result<EventSourceMapping, String> {
    EventSourceMapping::new(Arc::clone(fixture.cloud.sqs()), "jobs", settings, handler)
}

#[tokio::test]
async fn an_event_looks_like_one_of_lambda() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let recorder = Recorder::new(|_| false);
    let mapping = mapping(&fixture, recorder.handler());
    let id = send(&client, &url, "hello").await;
    assert_eq!(mapping.drain().await.unwrap(), Drained { waiting: 0, delayed: 0 });

    let event = serde_json::to_value(&recorder.seen.lock().unwrap()[0]).unwrap();
    let record = &event["Records"][0];
    assert_eq!(record["messageId"], id);
    assert_eq!(record["body"], "hello");
    assert_eq!(record["md5OfBody"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(record["eventSourceARN"], "arn:aws:sqs:us-east-1:000000000000:jobs");
    assert_eq!(record["awsRegion"], "us-east-1");
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    for attribute in ["SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"] {
        assert!(record["attributes"][attribute].is_string(), "{attribute}");
    }
    mapping.stop().await;
}

#[tokio::test]
async fn what_fails_comes_again_and_what_succeeds_does_not() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let recorder = Recorder::new(|body| body.parse::<u32>().unwrap() % 10 == 3);
    let mapping = mapping(&fixture, recorder.handler());
    for number in 0..200 {
        send(&client, &url, &number.to_string()).await;
    }
    assert_eq!(
        mapping.drain().await.unwrap(),
        Drained {
            waiting: 20,
            delayed: 0
        }
    );
    assert_eq!(recorder.deliveries().len(), 200);
    assert!(recorder.deliveries().values().all(|count| *count == 1));

    // The second attempt is the last one that the queue's policy grants.
    fixture.advance(Duration::from_secs(30));
    assert_eq!(mapping.drain().await.unwrap().waiting, 20);
    fixture.advance(Duration::from_secs(30));
    assert_eq!(mapping.drain().await.unwrap().waiting, 0);
    for (body, count) in recorder.deliveries() {
        assert_eq!(count, if body.ends_with('3') { 2 } else { 1 }, "{body}");
    }
    let dead = mapping.dlq().unwrap();
    assert_eq!(dead.len(), 20);
    assert!(
        dead.iter()
            .all(|letter| letter.receive_count == 2 && letter.body.ends_with('3'))
    );
    mapping.stop().await;
}

#[tokio::test]
async fn a_redriven_message_gets_all_its_attempts_again() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let recorder = Recorder::new(|_| true);
    let mapping = mapping(&fixture, recorder.handler());
    send(&client, &url, "poison").await;
    let exhaust = async || {
        for _ in 0..3 {
            mapping.drain().await.unwrap();
            fixture.advance(Duration::from_secs(30));
        }
        mapping.drain().await.unwrap();
    };
    exhaust().await;
    assert_eq!(recorder.deliveries()["poison"], 2);
    assert_eq!(mapping.redrive().unwrap(), 1);
    exhaust().await;
    assert_eq!(recorder.deliveries()["poison"], 4);
    assert_eq!(mapping.dlq().unwrap().len(), 1);
    mapping.stop().await;
}

#[tokio::test]
async fn two_batches_of_at_most_ten_are_with_the_handler_at_the_same_time() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    for number in 0..25 {
        send(&client, &url, &number.to_string()).await;
    }
    // Nobody passes before two are there: with one batch at a time, this would wait for ever.
    let (barrier, sizes) = (Arc::new(Barrier::new(2)), Arc::new(Mutex::new(Vec::new())));
    let handler: Handler = {
        let sizes = Arc::clone(&sizes);
        Arc::new(move |event: SqsEvent, _| {
            let count = {
                let mut sizes = sizes.lock().unwrap();
                sizes.push(event.records.len());
                sizes.len()
            };
            let barrier = Arc::clone(&barrier);
            async move {
                if count <= 2 {
                    barrier.wait().await;
                }
                Ok(Value::Null)
            }
            .boxed()
        })
    };
    let mapping = mapping(&fixture, handler);
    let drained = tokio::time::timeout(Duration::from_secs(10), mapping.drain()).await;
    assert_eq!(
        drained.expect("one at a time").unwrap(),
        Drained { waiting: 0, delayed: 0 }
    );
    assert_eq!(*sizes.lock().unwrap(), [10, 10, 5]);
    mapping.stop().await;
}

#[tokio::test]
async fn stopping_waits_for_the_batch_under_way_and_takes_no_other() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let (entered, mut wait_entered) = tokio::sync::mpsc::unbounded_channel();
    let gate = Arc::new(tokio::sync::Notify::new());
    let handler: Handler = {
        let gate = Arc::clone(&gate);
        Arc::new(move |_, _| {
            let (entered, gate) = (entered.clone(), Arc::clone(&gate));
            async move {
                entered.send(()).unwrap();
                gate.notified().await;
                Ok(Value::Null)
            }
            .boxed()
        })
    };
    let mapping = mapping(&fixture, handler);
    send(&client, &url, "first").await;
    wait_entered.recv().await.unwrap();
    let mut stopping = std::pin::pin!(mapping.stop());
    assert!(futures::poll!(&mut stopping).is_pending());
    send(&client, &url, "second").await;
    gate.notify_one();
    stopping.await;
    let counts = fixture.cloud.sqs().counts("jobs").unwrap();
    assert_eq!((counts.visible, counts.in_flight), (1, 0));
}

#[tokio::test]
async fn a_delayed_message_is_reported_and_delivered_when_the_clock_gets_there() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let recorder = Recorder::new(|_| false);
    let mapping = mapping(&fixture, recorder.handler());
    client
        .send_message()
        .queue_url(&url)
        .message_body("later")
        .delay_seconds(60)
        .send()
        .await
        .unwrap();
    assert_eq!(mapping.drain().await.unwrap(), Drained { waiting: 0, delayed: 1 });
    assert!(recorder.deliveries().is_empty());
    fixture.advance(Duration::from_mins(1));
    assert_eq!(mapping.drain().await.unwrap(), Drained { waiting: 0, delayed: 0 });
    assert_eq!(recorder.deliveries()["later"], 1);
    mapping.stop().await;
}
