//! SQS: what it refuses, typed as the SDK expects it.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};

use super::Fixture;
use super::sqs::with_queue;

fn entries(ids: impl IntoIterator<Item = String>, body: &str) -> Vec<SendMessageBatchRequestEntry> {
    let entry = |id| {
        SendMessageBatchRequestEntry::builder()
            .id(id)
            .message_body(body)
            .build()
            .unwrap()
    };
    ids.into_iter().map(entry).collect()
}

#[tokio::test]
async fn an_unknown_queue_does_not_exist() {
    let fixture = Fixture::new().await;
    let client = fixture.sqs();
    let url = format!("{}/000000000000/nope", fixture.cloud.endpoint());
    let get = client
        .get_queue_url()
        .queue_name("nope")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(get.is_queue_does_not_exist());
    let send = client
        .send_message()
        .queue_url(&url)
        .message_body("x")
        .send()
        .await
        .unwrap_err();
    let send = send.into_service_error();
    assert!(send.is_queue_does_not_exist());
    assert_eq!(send.code(), Some("AWS.SimpleQueueService.NonExistentQueue"));
    let receive = client.receive_message().queue_url(&url).send().await.unwrap_err();
    assert!(receive.into_service_error().is_queue_does_not_exist());
}

#[tokio::test]
async fn a_queue_is_created_once_and_only_with_the_same_attributes_again() {
    let fixture = Fixture::new().await;
    let client = fixture.sqs();
    let create = |timeout: &str| {
        let create = client.create_queue().queue_name("q");
        create.attributes(QueueAttributeName::VisibilityTimeout, timeout).send()
    };
    let first = create("60").await.unwrap();
    assert_eq!(create("60").await.unwrap().queue_url, first.queue_url);
    let refused = create("61").await.unwrap_err().into_service_error();
    assert!(refused.is_queue_name_exists(), "{refused:?}");
}

#[tokio::test]
async fn a_redrive_policy_is_the_same_however_it_is_written() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let create = |count: &str| {
        let dead = "arn:aws:sqs:us-east-1:000000000000:jobs-dlq";
        let policy = format!(r#"{{ "maxReceiveCount": "{count}", "deadLetterTargetArn": "{dead}" }}"#);
        client
            .create_queue()
            .queue_name("jobs")
            .attributes(QueueAttributeName::RedrivePolicy, policy)
            .send()
    };
    assert_eq!(create("2").await.unwrap().queue_url, Some(url));
    assert!(
        create("3")
            .await
            .unwrap_err()
            .into_service_error()
            .is_queue_name_exists()
    );
}

#[tokio::test]
async fn a_batch_is_refused_as_a_whole_when_it_is_no_batch() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let send = async |entries| {
        let batch = client.send_message_batch().queue_url(&url).set_entries(Some(entries));
        batch.send().await.unwrap_err().into_service_error()
    };
    let numbered = |count: usize| (0..count).map(|number| number.to_string());
    assert!(send(vec![]).await.is_empty_batch_request());
    assert!(
        send(entries(numbered(11), "x"))
            .await
            .is_too_many_entries_in_batch_request()
    );
    assert!(
        send(entries(["a".into(), "a".into()], "x"))
            .await
            .is_batch_entry_ids_not_distinct()
    );
    assert!(send(entries(["a b".into()], "x")).await.is_invalid_batch_entry_id());
    assert!(
        send(entries(numbered(2), &"x".repeat(600_000)))
            .await
            .is_batch_request_too_long()
    );
    assert_eq!(fixture.cloud.sqs().counts("jobs").unwrap().visible, 0);
}

#[tokio::test]
async fn a_message_of_wrong_content_length_or_delay_is_refused() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let send = |body: &str| client.send_message().queue_url(&url).message_body(body);
    let contents = send("a\u{0}b").send().await.unwrap_err().into_service_error();
    assert!(contents.is_invalid_message_contents());
    let long = send(&"x".repeat(1_048_577)).send().await.unwrap_err();
    assert_eq!(long.code(), Some("InvalidParameterValue"));
    send(&"x".repeat(1_048_576)).send().await.unwrap();
    let empty = send("").send().await.unwrap_err();
    assert_eq!(empty.code(), Some("MissingParameter"));
    let late = send("x").delay_seconds(901).send().await.unwrap_err();
    assert_eq!(late.code(), Some("InvalidParameterValue"));
}

#[tokio::test]
async fn a_receive_beyond_the_limits_is_refused() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let receive = || client.receive_message().queue_url(&url);
    for refused in [
        receive().max_number_of_messages(11).send().await,
        receive().max_number_of_messages(0).send().await,
        receive().wait_time_seconds(21).send().await,
        receive().visibility_timeout(43_201).send().await,
    ] {
        assert_eq!(refused.unwrap_err().code(), Some("InvalidParameterValue"));
    }
}

#[tokio::test]
async fn a_made_up_receipt_handle_is_invalid() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let delete = client
        .delete_message()
        .queue_url(&url)
        .receipt_handle("made up")
        .send()
        .await
        .unwrap_err();
    assert!(delete.into_service_error().is_receipt_handle_is_invalid());
}

async fn create(client: &Client, name: &str, attribute: QueueAttributeName, value: &str) -> String {
    let create = client.create_queue().queue_name(name).attributes(attribute, value);
    create.send().await.unwrap_err().code().unwrap().to_owned()
}

#[tokio::test]
async fn a_queue_of_wrong_name_or_attributes_is_refused() {
    use QueueAttributeName as Name;
    let fixture = Fixture::new().await;
    let client = fixture.sqs();
    let name = create(&client, "not a name", Name::DelaySeconds, "0").await;
    assert_eq!(name, "InvalidParameterValue");
    let fifo = create(&client, "q.fifo", Name::DelaySeconds, "0").await;
    assert_eq!(fifo, "AWS.SimpleQueueService.UnsupportedOperation");
    assert_eq!(
        create(&client, "q", Name::VisibilityTimeout, "43201").await,
        "InvalidAttributeValue"
    );
    assert_eq!(
        create(&client, "q", Name::VisibilityTimeout, "soon").await,
        "InvalidAttributeValue"
    );
    assert_eq!(
        create(&client, "q", Name::from("Nope"), "1").await,
        "InvalidAttributeName"
    );
    let policy = crate::cloud::sqs::redrive_policy("nobody", 3);
    assert_eq!(
        create(&client, "q", Name::RedrivePolicy, &policy).await,
        "InvalidParameterValue"
    );
    assert!(client.list_queues().send().await.unwrap().queue_urls().is_empty());
}
