//! Mail, with the deliveries that queues really make.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use app::{App, BoxFuture, Mailer};
use domain::{Error, Mail, MailMessage};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::Test;

/// Puts a message into the queue of mail.
async fn queue(t: &Test, message: &Value) {
    t.sqs()
        .send_message()
        .queue_url(t.queue_url("send_mail"))
        .message_body(message.to_string())
        .send()
        .await
        .unwrap();
}

fn note(id: &str, subject: &str) -> Value {
    json!({"kind": "mail", "id": id, "to": "ada@example.com", "subject": subject, "text": "Hello.\n"})
}

/// Fails as often as wanted, then counts what it is given.
#[derive(Default)]
struct Shaky {
    failures: AtomicUsize,
    sent: AtomicUsize,
}

impl Mailer for Shaky {
    fn send<'a>(&'a self, _: &'a Mail) -> BoxFuture<'a, domain::Result<()>> {
        let fails = self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok();
        if !fails {
            self.sent.fetch_add(1, Ordering::SeqCst);
        }
        Box::pin(async move {
            if fails {
                Err(Error::unavailable("SES is away"))
            } else {
                Ok(())
            }
        })
    }
}

/// An application over the tables of `t` whose mail goes to `mailer`.
fn app_with(t: &Test, mailer: &Arc<Shaky>) -> App {
    let app = t.stack.app();
    App::with_mailer(t.stack.sdk(), app.config.clone(), app.clock.clone(), mailer.clone()).unwrap()
}

#[tokio::test]
async fn a_mail_reaches_the_outbox_newest_first() {
    let t = Test::new().await;
    queue(&t, &note("m-1", "First")).await;
    t.drain().await;
    queue(&t, &note("m-2", "Second")).await;
    let mails = t.outbox().await;
    assert_eq!(
        (&mails[0]["subject"], &mails[1]["subject"]),
        (&"Second".into(), &"First".into())
    );
    assert_eq!(mails[0]["to"], "ada@example.com");
    assert_eq!(mails[0]["text"], "Hello.\n");
    assert!(mails[0]["created_at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn a_message_that_comes_ten_times_is_one_mail() {
    let t = Test::new().await;
    t.user("ada").await;
    let before = t.outbox().await.len();
    let reset = json!({"kind": "password_reset", "id": "m-3", "email": "ada@example.com"});
    for _ in 0..5 {
        queue(&t, &note("m-1", "Once")).await;
        queue(&t, &reset).await;
    }
    assert_eq!(t.outbox().await.len(), before + 2);
}

#[tokio::test]
async fn of_16_deliveries_at_once_one_sends() {
    let t = Test::new().await;
    let mailer = Arc::new(Shaky::default());
    let app = app_with(&t, &mailer);
    let message: MailMessage = serde_json::from_value(note("m-1", "Once")).unwrap();
    let outcomes = join_all((0..16).map(|_| app.send_mail(&message))).await;
    assert_eq!(mailer.sent.load(Ordering::SeqCst), 1);
    let held = outcomes.iter().filter(|outcome| outcome.is_err());
    assert!(
        held.clone()
            .all(|outcome| matches!(outcome, Err(Error::InProgress { .. }))),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_mail_that_could_not_be_sent_is_sent_by_the_next_delivery() {
    let t = Test::new().await;
    t.user("ada").await;
    t.drain().await;
    let mailer = Arc::new(Shaky {
        failures: AtomicUsize::new(4),
        ..Shaky::default()
    });
    let app = app_with(&t, &mailer);
    let reset = json!({"kind": "password_reset", "id": "m-1", "email": "ada@example.com"});
    let message: MailMessage = serde_json::from_value(reset).unwrap();
    for _ in 0..4 {
        app.send_mail(&message).await.unwrap_err();
    }
    app.send_mail(&message).await.unwrap();
    app.send_mail(&message).await.unwrap();
    assert_eq!(
        mailer.sent.load(Ordering::SeqCst),
        1,
        "what failed does not count against the address"
    );
}

#[tokio::test]
async fn a_worker_that_died_while_sending_is_replaced_after_its_lease() {
    let t = Test::new().await;
    let mailer = Arc::new(Shaky::default());
    let app = app_with(&t, &mailer);
    let message: MailMessage = serde_json::from_value(note("m-1", "Once")).unwrap();
    let db = aws_sdk_dynamodb::Client::new(t.stack.sdk());
    let text = |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned());
    let lease = t.stack.app().clock.now_ms() + 120_000;
    let claim = db.put_item().table_name("parlance-ephemeral");
    let claim = claim.item("pk", text("MAIL#m-1")).item("sk", text("M"));
    let claim = claim.item(
        "lease_ms",
        aws_sdk_dynamodb::types::AttributeValue::N(lease.to_string()),
    );
    claim.send().await.unwrap();
    app.send_mail(&message).await.unwrap_err();
    t.advance_seconds(121);
    app.send_mail(&message).await.unwrap();
    assert_eq!(mailer.sent.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_goes_to_the_dead_letters() {
    let t = Test::new().await;
    queue(&t, &json!({"kind": "unknown"})).await;
    t.drain_all().await;
    let dead = t.anonymous().get("/_local/dlq").await.ok().json();
    assert_eq!(dead["send_mail"].as_array().unwrap().len(), 1, "{dead}");
}

#[tokio::test]
async fn of_ten_messages_in_a_batch_nine_are_sent_when_one_cannot_be_read() {
    let t = Test::new().await;
    let attributes = t.stack.cloud().sqs().attributes("send_mail").unwrap();
    assert_eq!(attributes["VisibilityTimeout"], "360", "as in template.yaml");
    queue(&t, &json!({"kind": "unknown"})).await;
    for number in 0..9 {
        queue(&t, &note(&format!("m-{number}"), "News")).await;
    }
    assert_eq!(t.drain().await.waiting, 1);
    assert_eq!(t.outbox().await.len(), 9);
}
