//! SQS: how long a received message is hidden.

use std::time::Duration;

use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName};

use super::Fixture;
use super::sqs::{bodies, count, receive, send, with_queue};

#[tokio::test]
async fn a_received_message_is_hidden_until_its_visibility_timeout_ends() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    send(&client, &url, "job").await;
    assert_eq!(bodies(&receive(&client, &url).await), ["job"]);
    assert!(receive(&client, &url).await.is_empty());
    assert_eq!(
        count(&client, &url, QueueAttributeName::ApproximateNumberOfMessagesNotVisible).await,
        1
    );

    fixture.advance(Duration::from_millis(29_999));
    assert!(receive(&client, &url).await.is_empty());
    fixture.advance(Duration::from_millis(1));
    let again = receive(&client, &url).await;
    assert_eq!(
        again[0].attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount],
        "2"
    );
}

#[tokio::test]
async fn the_visibility_timeout_of_a_message_in_flight_can_change() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    send(&client, &url, "job").await;
    let received = receive(&client, &url).await;
    let handle = received[0].receipt_handle().unwrap();
    let change = |seconds| {
        let change = client
            .change_message_visibility()
            .queue_url(&url)
            .receipt_handle(handle);
        change.visibility_timeout(seconds).send()
    };
    change(60).await.unwrap();
    fixture.advance(Duration::from_secs(59));
    assert!(receive(&client, &url).await.is_empty());
    change(0).await.unwrap();
    assert_eq!(receive(&client, &url).await.len(), 1);
    let late = change(60).await.unwrap_err().into_service_error();
    assert!(late.is_message_not_inflight(), "{late:?}");
}

#[tokio::test]
async fn a_message_is_in_flight_for_twelve_hours_at_most() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    send(&client, &url, "job").await;
    let received = receive(&client, &url).await;
    let change = |seconds| {
        let change = client.change_message_visibility().queue_url(&url);
        let change = change.receipt_handle(received[0].receipt_handle().unwrap());
        change.visibility_timeout(seconds).send()
    };
    change(43_200).await.unwrap();
    fixture.advance(Duration::from_hours(1));
    let late = change(43_200).await.unwrap_err();
    assert_eq!(late.code(), Some("InvalidParameterValue"));
    assert!(
        late.message().unwrap().contains("beyond the limit [43200 seconds]"),
        "{late:?}"
    );
    assert_eq!(change(43_201).await.unwrap_err().code(), Some("InvalidParameterValue"));
    change(39_600).await.unwrap();
    fixture.advance(Duration::from_hours(11) - Duration::from_millis(1));
    assert!(receive(&client, &url).await.is_empty());
    fixture.advance(Duration::from_millis(1));
    assert_eq!(receive(&client, &url).await.len(), 1);
}

#[tokio::test]
async fn a_handle_of_an_earlier_receive_changes_nothing() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    send(&client, &url, "job").await;
    let first = receive(&client, &url).await;
    fixture.advance(Duration::from_secs(30));
    receive(&client, &url).await;
    let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
        .id("a")
        .visibility_timeout(0);
    let entry = entry.receipt_handle(first[0].receipt_handle().unwrap());
    let batch = client.change_message_visibility_batch().queue_url(&url);
    let changed = batch.entries(entry.build().unwrap()).send().await.unwrap();
    assert_eq!(changed.failed()[0].code(), "AWS.SimpleQueueService.MessageNotInflight");
    assert!(receive(&client, &url).await.is_empty());
}
