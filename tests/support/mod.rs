//! The harness: `let t = Test::new().await; let ada = t.user("ada").await; ada.get("/api/documents").await.ok();`

mod answer;
mod caller;
mod faults;
mod live_site;
mod meter;
mod permissions;
mod random;
mod receiver;
mod second;
mod shared_org;
mod shop;
mod site;
pub(crate) mod slack_workspace;
mod snapshot;
mod stream;
mod upload;

use std::{collections::BTreeMap, io::Read as _, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use local::{Drained, Options, Stack};
use model_double::ModelDouble;
use serde_json::{Value, json};

pub(crate) use answer::Answer;
pub(crate) use caller::{Caller, PASSWORD};
pub(crate) use faults::{FAULTS, environment};
pub(crate) use live_site::LiveSite;
pub(crate) use meter::Metered;
pub(crate) use permissions::Permissions;
pub(crate) use random::Random;
pub(crate) use receiver::{Received, Receiver};
pub(crate) use second::Second;
pub(crate) use shop::{RETURN, Shop, WEBHOOK};
pub(crate) use site::Site;
pub(crate) use slack_workspace::{CHANNEL, CLICKS, COMMANDS, EVENTS, SlackWorkspace};
pub(crate) use snapshot::{Snapshot, flatten_json};
pub(crate) use stream::{Frame, Stream};
pub(crate) use upload::BegunUpload;

/// The environment that seeds a platform admin.
pub(crate) const ADMIN: [(&str, &str); 2] = [
    ("PARLANCE_ADMIN_EMAIL", "root@example.com"),
    ("PARLANCE_ADMIN_PASSWORD", PASSWORD),
];

/// How many callers meet in a race.
pub(crate) const RACERS: usize = 64;

/// How often each race is run: `PARLANCE_ROUNDS`.
pub(crate) fn rounds() -> usize {
    let wanted = std::env::var("PARLANCE_ROUNDS").ok();
    wanted.map_or(3, |wanted| wanted.parse().unwrap())
}

/// How often each status was answered.
pub(crate) fn statuses(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer.status.as_u16()).or_default() += 1;
    }
    counts
}

/// The same text for the same value: the maps of the SDK have no order.
fn text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::M(map) => {
            let sorted: BTreeMap<_, _> = map.iter().map(|(name, value)| (name, text(value))).collect();
            format!("{sorted:?}")
        }
        AttributeValue::L(list) => format!("{:?}", list.iter().map(text).collect::<Vec<_>>()),
        AttributeValue::B(bytes) => format!("{:?}", String::from_utf8_lossy(&unpacked(bytes.as_ref()))),
        scalar => format!("{scalar:?}"),
    }
}

/// Bytes as they were before the store compressed them, if it did.
pub(crate) fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match flate2::read::DeflateDecoder::new(bytes).read_to_end(&mut plain) {
        Ok(_) if !plain.is_empty() => plain,
        _ => bytes.to_vec(),
    }
}

/// What stacks of tests are started with: nothing kept, and a small program that reads the documents.
pub(crate) fn options() -> Options {
    Options {
        reader: Some(env!("CARGO_BIN_EXE_document_reader").into()),
        ..Options::ephemeral()
    }
}

/// A running product of one test.
pub(crate) struct Test {
    pub(crate) stack: Stack,
    pub(crate) permissions: Permissions,
    http: reqwest::Client,
    _report: faults::FaultReport,
}

impl Test {
    /// A fresh stack without data.
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A fresh stack with these environment variables.
    pub(crate) async fn with(environment: &[(&str, &str)]) -> Self {
        let environment = faults::environment(environment);
        let stack = Box::pin(Stack::start(Options {
            environment,
            ..options()
        }))
        .await
        .unwrap();
        Self::of(stack)
    }

    /// A fresh stack whose tables work, whatever other tests meet. `reason`: why a fault would say nothing here.
    pub(crate) async fn without_faults(reason: &str) -> Self {
        assert!(!reason.is_empty());
        Self::with(&[(FAULTS, "")]).await
    }

    /// A stack that was started already.
    pub(crate) fn of(stack: Stack) -> Self {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            // Nothing here speaks TLS, and the system's certificates take long to read.
            .tls_certs_only([])
            // Where an answer leads is a part of it.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            permissions: Permissions::of(stack.cloud().iam()),
            _report: faults::FaultReport(stack.cloud().faults().clone()),
            stack,
            http,
        }
    }

    /// A fresh stack whose providers of models are all this double.
    pub(crate) async fn with_model(model: &ModelDouble) -> Self {
        let environment = model.environment();
        let environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Self::with(&environment).await
    }

    /// GETs a link with nothing but the link.
    pub(crate) async fn follow(&self, link: &str) -> reqwest::Response {
        self.http.get(link).send().await.unwrap()
    }

    /// Somebody without credentials.
    pub(crate) fn anonymous(&self) -> Caller {
        Caller::new(self.http.clone(), self.stack.url())
    }

    /// A new, signed-in user `name@example.com`.
    pub(crate) async fn user(&self, name: &str) -> Caller {
        self.anonymous().register(name).await
    }

    /// Lets the workers deal with everything that is queued.
    pub(crate) async fn drain(&self) -> Drained {
        self.stack.drain().await.unwrap()
    }

    /// All items of a table, as text by key: what a test compares before and after.
    pub(crate) async fn items(&self, table: &str) -> BTreeMap<(String, String), String> {
        let db = aws_sdk_dynamodb::Client::new(self.stack.sdk());
        let mut items = db.scan().table_name(table).into_paginator().items().send();
        let mut found = BTreeMap::new();
        while let Some(item) = items.next().await {
            let item = item.unwrap();
            let key = (item["pk"].as_s().unwrap().clone(), item["sk"].as_s().unwrap().clone());
            found.insert(key, text(&AttributeValue::M(item)));
        }
        found
    }

    /// The token in the invitation that was sent last to an address.
    pub(crate) async fn invitation_token(&self, address: &str) -> String {
        let mails = self.outbox().await;
        let mut mails = mails.iter().filter(|mail| mail["to"] == address);
        let text = mails
            .find_map(|mail| mail["text"].as_str().filter(|text| text.contains("inv_")))
            .expect("an invitation to this address");
        let from = text.find("inv_").expect("a token in the mail");
        text[from..].chars().take(68).collect()
    }

    /// Mail that was sent so far, newest first.
    pub(crate) async fn outbox(&self) -> Vec<Value> {
        self.drain().await;
        let mails = self.anonymous().get("/_local/outbox").await.ok().json();
        mails.as_array().unwrap().clone()
    }

    /// The token in the newest mail to an address whose subject has this text.
    pub(crate) async fn mailed_token(&self, to: &str, subject: &str) -> String {
        let mails = self.outbox().await;
        let is_it = |mail: &&Value| mail["to"] == to && mail["subject"].as_str().unwrap().contains(subject);
        let mail = mails.iter().find(is_it);
        let mail = mail.unwrap_or_else(|| panic!("no mail {subject:?} to {to} in {mails:?}"));
        token_in(mail)
    }

    /// Does something while a queue takes no messages.
    pub(crate) async fn without_queue<T>(&self, queue: &str, deed: impl Future<Output = T>) -> T {
        let sqs = self.stack.cloud().sqs();
        let attributes = sqs.attributes(queue).unwrap().into_iter();
        let redrive = attributes.filter(|(name, _)| name == "RedrivePolicy").collect();
        let delete = self.sqs().delete_queue().queue_url(self.queue_url(queue));
        delete.send().await.unwrap();
        let done = deed.await;
        sqs.create_queue(queue, &redrive).unwrap();
        done
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(self.stack.sdk()).force_path_style(true);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// The keys of all objects in the bucket.
    pub(crate) async fn object_keys(&self) -> Vec<String> {
        let listed = self.s3().list_objects_v2().bucket("parlance").send().await.unwrap();
        listed
            .contents()
            .iter()
            .map(|object| object.key().unwrap().to_owned())
            .collect()
    }

    /// A signed-in platform admin, of a stack that was started with [`ADMIN`].
    pub(crate) async fn admin(&self) -> Caller {
        let credentials = json!({"email": ADMIN[0].1, "password": PASSWORD});
        let login = self.anonymous().post("/api/v1/auth/login", credentials).await.ok();
        let mut admin = self.anonymous().with_token(&login.text("access_token"));
        admin.account = admin.get("/api/v1/auth/me").await.ok().json();
        admin
    }

    /// A client of the queues.
    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(self.stack.sdk())
    }

    /// A delivery of a message that the queue has handed out so often.
    pub(crate) fn delivery(&self, receive_count: u32) -> app::Delivery {
        app::Delivery {
            message_id: "m".to_owned(),
            receive_count,
            ends_at: domain::time::after(self.stack.app().clock.now(), Duration::from_secs(90)),
        }
    }

    /// Lets the workers deal with everything that is queued, whenever it comes back after a failure.
    pub(crate) async fn drain_all(&self) {
        while self.drain().await.waiting > 0 {
            self.advance_seconds(901);
        }
    }

    /// The URL of a queue.
    pub(crate) fn queue_url(&self, queue: &str) -> String {
        format!("{}/000000000000/{queue}", self.stack.aws_endpoint())
    }

    /// Moves the clock of everything.
    pub(crate) fn advance_seconds(&self, seconds: u64) {
        self.stack.advance(Duration::from_secs(seconds));
    }
}

/// The token of the link in a mail.
pub(crate) fn token_in(mail: &Value) -> String {
    let (_, token) = mail["text"].as_str().unwrap().split_once("token=").unwrap();
    token.lines().next().unwrap().to_owned()
}
