//! SQS: queues themselves, and what of them outlives the process.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};

use super::sqs::{bodies, receive, send, with_queue};
use super::{Fixture, START_MS};

#[tokio::test]
async fn queues_are_listed_described_purged_and_deleted() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let all = client.list_queues().send().await.unwrap();
    let names: Vec<_> = all
        .queue_urls()
        .iter()
        .map(|url| url.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(names, ["jobs", "jobs-dlq"]);
    let some = client.list_queues().queue_name_prefix("jobs-").send().await.unwrap();
    assert_eq!(some.queue_urls().len(), 1);

    let set = client.set_queue_attributes().queue_url(&url);
    set.attributes(QueueAttributeName::VisibilityTimeout, "90")
        .send()
        .await
        .unwrap();
    let get = client
        .get_queue_attributes()
        .queue_url(&url)
        .attribute_names(QueueAttributeName::All);
    let attributes: HashMap<_, _> = get.send().await.unwrap().attributes.unwrap();
    assert_eq!(attributes[&QueueAttributeName::VisibilityTimeout], "90");
    assert_eq!(
        attributes[&QueueAttributeName::QueueArn],
        "arn:aws:sqs:us-east-1:000000000000:jobs"
    );
    assert!(attributes[&QueueAttributeName::RedrivePolicy].contains("jobs-dlq"));

    send(&client, &url, "x").await;
    client.purge_queue().queue_url(&url).send().await.unwrap();
    assert!(receive(&client, &url).await.is_empty());
    client.delete_queue().queue_url(&url).send().await.unwrap();
    assert!(client.get_queue_url().queue_name("jobs").send().await.is_err());
}

#[tokio::test]
async fn messages_survive_a_restart_and_those_in_flight_stay_so() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::on(folder.path()).await;
    let (client, url) = with_queue(&fixture).await;
    send(&client, &url, "in flight").await;
    assert_eq!(bodies(&receive(&client, &url).await), ["in flight"]);
    send(&client, &url, "waiting").await;
    client
        .send_message()
        .queue_url(&url)
        .message_body("delayed")
        .delay_seconds(60)
        .send()
        .await
        .unwrap();
    // Not shut down: as after a kill, nothing had a chance to tidy up.
    drop(fixture);

    let fixture = loop {
        let clock = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(START_MS));
        let data = crate::cloud::Data::Folder(folder.path().into());
        match crate::cloud::Cloud::start(super::options(data, vec![], &clock)).await {
            Ok(cloud) => {
                break Fixture {
                    sdk: super::sdk(&cloud.endpoint()).await,
                    cloud,
                    clock,
                };
            }
            // The threads of the one that was dropped still hold the folder.
            Err(crate::cloud::StartError::InUse(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    // The port is another one: the queue is found by its name in the old address.
    let client = fixture.sqs();
    let received = receive(&client, &url).await;
    assert_eq!(bodies(&received), ["waiting"]);
    fixture.advance(Duration::from_secs(30));
    let received = receive(&client, &url).await;
    assert_eq!(bodies(&received), ["in flight", "waiting"]);
    assert_eq!(
        received[0].attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount],
        "2"
    );
    fixture.advance(Duration::from_secs(30));
    assert!(bodies(&receive(&client, &url).await).contains(&"delayed"));
}

#[tokio::test]
async fn a_tenant_with_much_in_flight_waits_for_the_others() {
    let fixture = Fixture::new().await;
    let (client, url) = with_queue(&fixture).await;
    let send_for = async |tenant: &str, body: &str| {
        let send = client.send_message().queue_url(&url).message_body(body);
        send.message_group_id(tenant).send().await.unwrap();
    };
    let next = async || {
        let receive = client.receive_message().queue_url(&url).max_number_of_messages(1);
        let received = receive.send().await.unwrap();
        received.messages()[0].body().unwrap().to_owned()
    };
    for _ in 0..32 {
        send_for("noisy", "noisy").await;
    }
    send_for("quiet", "quiet").await;
    send(&client, &url, "alone").await;
    // Until 30 are in flight, a queue delivers in order.
    for _ in 0..30 {
        assert_eq!(next().await, "noisy");
    }
    let rest = [next().await, next().await, next().await, next().await];
    assert_eq!(rest, ["quiet", "alone", "noisy", "noisy"]);
    let refused = client
        .send_message()
        .queue_url(&url)
        .message_body("x")
        .message_group_id("a b");
    assert!(refused.send().await.is_err(), "a group has no blanks");
}
