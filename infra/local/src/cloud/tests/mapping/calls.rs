//! The outcome of a batch for every kind of response of its function, or none.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::*;

/// Delivers one message to a function that returns `answer` of its ID; returns the number of messages waiting for
/// another delivery.
async fn waiting_after(settings: Settings, answer: impl Fn(&str) -> Value + Send + Sync + 'static) -> u64 {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let handler: Handler = Arc::new(move |event, _| {
        let answer = answer(event.records[0].message_id.as_deref().unwrap());
        async { Ok(answer) }.boxed()
    });
    let mapping = mapping_with(&fixture, settings, handler).unwrap();
    send(&client, &url, "job").await;
    let waiting = mapping.drain().await.unwrap().waiting;
    mapping.stop().await;
    waiting
}

/// The table of <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>.
#[tokio::test]
async fn a_response_is_read_as_lambda_reads_it() {
    let all_done = [
        json!(null),
        json!({}),
        json!({"batchItemFailures": null}),
        json!({"batchItemFailures": []}),
    ];
    for answer in all_done {
        let text = answer.to_string();
        assert_eq!(waiting_after(SETTINGS, move |_| answer.clone()).await, 0, "{text}");
    }
    let all_failed = [
        json!("done"),
        json!({"batchItemFailures": "none"}),
        json!({"batchItemFailures": [{"itemIdentifier": ""}]}),
        json!({"batchItemFailures": [{"itemIdentifier": null}]}),
        json!({"batchItemFailures": [{"messageId": "x"}]}),
        json!({"batchItemFailures": [{"itemIdentifier": "of another batch"}]}),
    ];
    for answer in all_failed {
        let text = answer.to_string();
        assert_eq!(waiting_after(SETTINGS, move |_| answer.clone()).await, 1, "{text}");
    }
}

#[tokio::test]
async fn what_a_function_reports_is_not_looked_at_unless_the_mapping_says_so() {
    let failed = |id: &str| json!({"batchItemFailures": [{"itemIdentifier": id}]});
    assert_eq!(waiting_after(SETTINGS, failed).await, 1);
    let settings = Settings {
        partial_failures: false,
        ..SETTINGS
    };
    assert_eq!(waiting_after(settings, failed).await, 0, "the message is deleted");
}

#[tokio::test]
async fn a_failed_call_and_a_panic_leave_the_whole_batch() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let calls = Arc::new(Mutex::new(0));
    let handler: Handler = {
        let calls = Arc::clone(&calls);
        Arc::new(move |_, _| {
            let call = {
                let mut calls = calls.lock().unwrap();
                *calls += 1;
                *calls
            };
            match call {
                1 => panic!("before there is a future"),
                2 => async { panic!("inside the future") }.boxed(),
                3 => async { Err("a failed call".to_owned()) }.boxed(),
                _ => async { Ok(Value::Null) }.boxed(),
            }
        })
    };
    let mapping = mapping(&fixture, handler);
    let set = client.set_queue_attributes().queue_url(&url);
    let policy = crate::cloud::sqs::redrive_policy("jobs-dlq", 10);
    set.attributes(aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy, policy)
        .send()
        .await
        .unwrap();
    send(&client, &url, "job").await;
    for expected in [1, 1, 1, 0] {
        assert_eq!(mapping.drain().await.unwrap().waiting, expected);
        fixture.advance(Duration::from_secs(30));
    }
    assert_eq!(*calls.lock().unwrap(), 4);
    mapping.stop().await;
}

/// Tells when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_function_is_cut_off_at_its_timeout() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let dropped = Arc::new(AtomicBool::new(false));
    let handler: Handler = {
        let dropped = Arc::clone(&dropped);
        Arc::new(move |_, time_limit| {
            assert_eq!(time_limit, Duration::from_millis(50), "it is told");
            let dropped = Dropped(Arc::clone(&dropped));
            async move {
                let _dropped = dropped;
                std::future::pending().await
            }
            .boxed()
        })
    };
    let settings = Settings {
        time_limit: Duration::from_millis(50),
        ..SETTINGS
    };
    let mapping = mapping_with(&fixture, settings, handler).unwrap();
    send(&client, &url, "endless").await;
    assert_eq!(mapping.drain().await.unwrap().waiting, 1);
    assert!(dropped.load(Ordering::SeqCst));
    fixture.advance(Duration::from_secs(30));
    assert_eq!(
        mapping.drain().await.unwrap().waiting,
        1,
        "it comes again, and is cut off again"
    );
    mapping.stop().await;
}

#[tokio::test]
async fn a_message_that_is_reported_keeps_the_visibility_that_its_function_gave_it() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let calls = Arc::new(Mutex::new(0));
    let handler: Handler = {
        let (client, url, calls) = (client.clone(), url.clone(), Arc::clone(&calls));
        Arc::new(move |event: SqsEvent, _| {
            *calls.lock().unwrap() += 1;
            let record = &event.records[0];
            let change = client.change_message_visibility().queue_url(&url).visibility_timeout(5);
            let change = change.receipt_handle(record.receipt_handle.as_deref().unwrap());
            let failed = json!({"batchItemFailures": [{"itemIdentifier": record.message_id}]});
            async move {
                change.send().await.unwrap();
                Ok(failed)
            }
            .boxed()
        })
    };
    let mapping = mapping(&fixture, handler);
    send(&client, &url, "job").await;
    assert_eq!(mapping.drain().await.unwrap().waiting, 1);
    fixture.advance(Duration::from_secs(4));
    mapping.drain().await.unwrap();
    assert_eq!(*calls.lock().unwrap(), 1);
    fixture.advance(Duration::from_secs(1));
    mapping.drain().await.unwrap();
    assert_eq!(*calls.lock().unwrap(), 2);
    mapping.stop().await;
}

#[tokio::test]
async fn a_mapping_that_lambda_would_refuse_is_refused() {
    let fixture = Fixture::new().await;
    with_queue(&fixture).await;
    let refused = |settings| {
        let handler: Handler = Arc::new(|_, _| async { Ok(Value::Null) }.boxed());
        mapping_with(&fixture, settings, handler).err()
    };
    let slow = Settings {
        time_limit: Duration::from_secs(31),
        ..SETTINGS
    };
    let reason = "the visibility timeout of jobs, 30 s, is less than the timeout of its function, 31 s";
    assert_eq!(refused(slow).as_deref(), Some(reason));
    for batch_size in [0, 11] {
        assert!(refused(Settings { batch_size, ..SETTINGS }).is_some());
    }
    for concurrency in [0, 1, 1001] {
        assert!(
            refused(Settings {
                concurrency,
                ..SETTINGS
            })
            .is_some()
        );
    }
    assert_eq!(refused(SETTINGS), None);
}
