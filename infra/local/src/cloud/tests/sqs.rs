//! SQS: the life of a message.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry, SendMessageBatchResultEntry,
};

use super::{Fixture, START_MS};
use crate::cloud::sqs::{Counts, redrive_policy};

/// A queue `jobs` with the dead-letter queue `jobs-dlq` after two receives.
pub(super) async fn with_queue(fixture: &Fixture) -> (Client, String) {
    let client = fixture.sqs();
    client.create_queue().queue_name("jobs-dlq").send().await.unwrap();
    let create = client.create_queue().queue_name("jobs");
    let create = create.attributes(QueueAttributeName::RedrivePolicy, redrive_policy("jobs-dlq", 2));
    let url = create.send().await.unwrap().queue_url.unwrap();
    (client, url)
}

pub(super) async fn send(client: &Client, url: &str, body: &str) -> String {
    client
        .send_message()
        .queue_url(url)
        .message_body(body)
        .send()
        .await
        .unwrap()
        .message_id
        .unwrap()
}

pub(super) async fn receive(client: &Client, url: &str) -> Vec<Message> {
    let receive = client.receive_message().queue_url(url).max_number_of_messages(10);
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
    receive
        .message_attribute_names("All")
        .send()
        .await
        .unwrap()
        .messages
        .unwrap_or_default()
}

pub(super) fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body().unwrap()).collect()
}

pub(super) async fn count(client: &Client, url: &str, name: QueueAttributeName) -> u32 {
    let get = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(name.clone());
    get.send().await.unwrap().attributes.unwrap()[&name].parse().unwrap()
}

#[tokio::test]
async fn a_message_is_received_as_it_was_sent_and_gone_once_deleted() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let text = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("acme")
        .build()
        .unwrap();
    let bytes = MessageAttributeValue::builder()
        .data_type("Binary")
        .binary_value(Blob::new([1, 2, 3]));
    let request = client
        .send_message()
        .queue_url(&url)
        .message_body("hello")
        .message_attributes("org", text);
    let sent = request
        .message_attributes("raw", bytes.build().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(sent.md5_of_message_body(), Some("5d41402abc4b2a76b9719d911017c592"));

    let received = receive(&client, &url).await;
    assert_eq!(bodies(&received), ["hello"]);
    let message = &received[0];
    assert_eq!(message.message_id, sent.message_id);
    assert_eq!(message.md5_of_body, sent.md5_of_message_body);
    assert_eq!(message.md5_of_message_attributes, sent.md5_of_message_attributes);
    let attributes = message.message_attributes().unwrap();
    assert_eq!(attributes["org"].string_value(), Some("acme"));
    assert_eq!(attributes["raw"].binary_value().unwrap().as_ref(), [1, 2, 3]);
    let system = message.attributes().unwrap();
    assert_eq!(system[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    assert_eq!(system[&MessageSystemAttributeName::SentTimestamp], START_MS.to_string());

    let delete = client
        .delete_message()
        .queue_url(&url)
        .receipt_handle(message.receipt_handle().unwrap());
    delete.send().await.unwrap();
    fixture.advance(Duration::from_hours(13));
    assert!(receive(&client, &url).await.is_empty());
}

/// The digest that the documentation of AWS's own example SDKs checks: name, type, kind and value, each with
/// its length.
#[tokio::test]
async fn the_digest_of_attributes_is_that_of_aws() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let number = MessageAttributeValue::builder()
        .data_type("Number")
        .string_value("123")
        .build()
        .unwrap();
    let request = client
        .send_message()
        .queue_url(&url)
        .message_body("x")
        .message_attributes("n", number);
    let sent = request.send().await.unwrap();
    // printf '\0\0\0\1n\0\0\0\6Number\1\0\0\0\003123' | md5sum
    assert_eq!(sent.md5_of_message_attributes(), Some(NUMBER_DIGEST));
}

const NUMBER_DIGEST: &str = "88adb92934d55e74aae08136b0e1633c";

#[tokio::test]
async fn a_handle_of_an_earlier_receive_deletes_nothing() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    send(&client, &url, "job").await;
    let first = receive(&client, &url).await;
    fixture.advance(Duration::from_secs(30));
    let second = receive(&client, &url).await;
    let delete = |handle: &str| client.delete_message().queue_url(&url).receipt_handle(handle).send();
    delete(first[0].receipt_handle().unwrap()).await.unwrap();
    assert_eq!(fixture.cloud.sqs().counts("jobs").unwrap().in_flight, 1);
    delete(second[0].receipt_handle().unwrap()).await.unwrap();
    assert_eq!(fixture.cloud.sqs().counts("jobs").unwrap().in_flight, 0);
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue_and_back() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let id = send(&client, &url, "poison").await;
    for _ in 0..2 {
        assert_eq!(bodies(&receive(&client, &url).await), ["poison"]);
        fixture.advance(Duration::from_secs(30));
    }
    assert!(receive(&client, &url).await.is_empty());

    let dead = fixture.cloud.sqs().dead_letters("jobs").unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(
        (dead[0].id.as_str(), dead[0].body.as_str(), dead[0].receive_count),
        (id.as_str(), "poison", 2)
    );
    assert_eq!(dead[0].first_received_ms, Some(START_MS));
    assert_eq!(dead[0].last_received_ms, Some(START_MS + 30_000));

    assert_eq!(fixture.cloud.sqs().redrive("jobs").unwrap(), 1);
    assert!(fixture.cloud.sqs().dead_letters("jobs").unwrap().is_empty());
    let back = receive(&client, &url).await;
    assert_eq!(bodies(&back), ["poison"]);
    assert_eq!(
        back[0].attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount],
        "1"
    );
}

#[tokio::test]
async fn dead_letters_name_their_source_and_the_api_moves_them_back() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    send(&client, &url, "poison").await;
    for _ in 0..3 {
        receive(&client, &url).await;
        fixture.advance(Duration::from_secs(30));
    }
    let dlq = client
        .get_queue_url()
        .queue_name("jobs-dlq")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    let dead = receive(&client, &dlq).await;
    let source = &dead[0].attributes().unwrap()[&MessageSystemAttributeName::DeadLetterQueueSourceArn];
    assert_eq!(source, "arn:aws:sqs:us-east-1:000000000000:jobs");
    let sources = client
        .list_dead_letter_source_queues()
        .queue_url(&dlq)
        .send()
        .await
        .unwrap();
    assert_eq!(sources.queue_urls(), std::slice::from_ref(&url));

    fixture.advance(Duration::from_secs(30));
    let arn = "arn:aws:sqs:us-east-1:000000000000:jobs-dlq";
    client.start_message_move_task().source_arn(arn).send().await.unwrap();
    assert_eq!(bodies(&receive(&client, &url).await), ["poison"]);
}

#[tokio::test]
async fn a_delayed_message_waits_for_its_time() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    client
        .send_message()
        .queue_url(&url)
        .message_body("later")
        .delay_seconds(5)
        .send()
        .await
        .unwrap();
    assert!(receive(&client, &url).await.is_empty());
    assert_eq!(
        count(&client, &url, QueueAttributeName::ApproximateNumberOfMessagesDelayed).await,
        1
    );
    fixture.advance(Duration::from_secs(5));
    assert_eq!(bodies(&receive(&client, &url).await), ["later"]);
}

#[tokio::test]
async fn a_queue_delays_and_hides_as_its_attributes_say() {
    let fixture = Fixture::new().await;
    let client = fixture.sqs();
    let create = client
        .create_queue()
        .queue_name("slow")
        .attributes(QueueAttributeName::DelaySeconds, "7");
    let create = create.attributes(QueueAttributeName::VisibilityTimeout, "2");
    let url = create.send().await.unwrap().queue_url.unwrap();
    send(&client, &url, "job").await;
    assert!(receive(&client, &url).await.is_empty());
    fixture.advance(Duration::from_secs(7));
    assert_eq!(receive(&client, &url).await.len(), 1);
    fixture.advance(Duration::from_secs(2));
    assert_eq!(receive(&client, &url).await.len(), 1);
}

#[tokio::test]
async fn a_long_poll_ends_as_soon_as_a_message_is_sent() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let poll = client.receive_message().queue_url(&url).wait_time_seconds(20).send();
    let poll = tokio::time::timeout(Duration::from_secs(10), poll);
    let (polled, _) = tokio::join!(poll, send(&client, &url, "now"));
    let messages = polled.expect("it waited on").unwrap().messages.unwrap();
    assert_eq!(bodies(&messages), ["now"]);
}

#[tokio::test]
async fn a_long_poll_ends_as_soon_as_the_clock_makes_a_message_visible() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    client
        .send_message()
        .queue_url(&url)
        .message_body("later")
        .delay_seconds(900)
        .send()
        .await
        .unwrap();
    let poll = client.receive_message().queue_url(&url).wait_time_seconds(20).send();
    let poll = tokio::time::timeout(Duration::from_secs(10), poll);
    let (polled, ()) = tokio::join!(poll, async { fixture.advance(Duration::from_mins(15)) });
    assert_eq!(
        bodies(&polled.expect("it waited on").unwrap().messages.unwrap()),
        ["later"]
    );
}

#[tokio::test]
async fn a_batch_reports_each_entry() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let entry = |id: &str, body: &str| {
        SendMessageBatchRequestEntry::builder()
            .id(id)
            .message_body(body)
            .build()
            .unwrap()
    };
    let batch = client
        .send_message_batch()
        .queue_url(&url)
        .entries(entry("a", "1"))
        .entries(entry("b", "\u{1}"));
    let sent = batch.entries(entry("c", "3")).send().await.unwrap();
    let ids: Vec<_> = sent.successful().iter().map(SendMessageBatchResultEntry::id).collect();
    assert_eq!(ids, ["a", "c"]);
    assert_eq!(sent.failed()[0].id(), "b");
    assert_eq!(sent.failed()[0].code(), "InvalidMessageContents");
    assert!(sent.failed()[0].sender_fault());

    let received = receive(&client, &url).await;
    assert_eq!(bodies(&received), ["1", "3"]);
    let handles = received
        .iter()
        .map(|message| message.receipt_handle().unwrap())
        .chain(["nonsense"]);
    let entries = handles.enumerate().map(|(index, handle)| {
        let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
        entry.receipt_handle(handle).build().unwrap()
    });
    let delete = client
        .delete_message_batch()
        .queue_url(&url)
        .set_entries(Some(entries.collect()));
    let deleted = delete.send().await.unwrap();
    assert_eq!((deleted.successful().len(), deleted.failed()[0].id()), (2, "2"));
    assert_eq!(deleted.failed()[0].code(), "ReceiptHandleIsInvalid");
    assert_eq!(fixture.cloud.sqs().counts("jobs").unwrap(), Counts::default());
}

#[tokio::test]
async fn messages_older_than_the_retention_are_gone() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    send(&client, &url, "old").await;
    fixture.advance(Duration::from_hours(4 * 24));
    send(&client, &url, "new").await;
    fixture.advance(Duration::from_secs(1));
    assert_eq!(bodies(&receive(&client, &url).await), ["new"]);
}
