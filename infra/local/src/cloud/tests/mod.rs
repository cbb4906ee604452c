//! The embedded cloud as the AWS SDKs see it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that meets the unexpected has to fail"
)]

mod callers;
mod dynamodb;
mod faults;
mod lifecycle;
mod mapping;
mod s3;
mod s3_browsers;
mod s3_traps;
mod secrets;
mod sqs;
mod sqs_queues;
mod sqs_refusals;
mod sqs_visibility;
mod streams;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};

use super::iam::Iam;
use super::{ACCESS_KEY_ID, Cloud, Data, FaultRates, Options, REGION, SECRET_ACCESS_KEY};
use crate::listener::RequestTimeouts;

/// Noon on a day in 2026: the clock of the tests stands still unless it is moved.
const START_MS: i64 = 1_790_000_000_000;

/// A running cloud with clients and a clock.
struct Fixture {
    cloud: Cloud,
    sdk: SdkConfig,
    clock: Arc<AtomicI64>,
}

impl Fixture {
    async fn new() -> Self {
        Self::start(Data::Ephemeral, vec![]).await
    }

    async fn on(folder: &Path) -> Self {
        Self::start(Data::Folder(folder.to_owned()), vec![]).await
    }

    async fn with_faults(rates: &str) -> Self {
        let clock = Arc::new(AtomicI64::new(START_MS));
        let faults = rates.parse().unwrap();
        let options = Options {
            faults,
            ..options(Data::Ephemeral, vec![], &clock)
        };
        Self::with(options, clock).await
    }

    async fn start(data: Data, secrets: Vec<(String, String)>) -> Self {
        let clock = Arc::new(AtomicI64::new(START_MS));
        let options = options(data, secrets, &clock);
        Self::with(options, clock).await
    }

    async fn with(options: Options, clock: Arc<AtomicI64>) -> Self {
        let cloud = Cloud::start(options).await.unwrap();
        let sdk = sdk(&cloud.endpoint()).await;
        Self { cloud, sdk, clock }
    }

    /// Moves the clock and notifies the queues.
    fn advance(&self, by: Duration) {
        self.clock
            .fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
        self.cloud.sqs().wake();
    }

    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.sdk)
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk)
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk)
    }

    fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.sdk)
    }
}

fn options(data: Data, secrets: Vec<(String, String)>, clock: &Arc<AtomicI64>) -> Options {
    let clock = Arc::clone(clock);
    Options {
        port: 0,
        data,
        clock: Arc::new(move || clock.load(Ordering::SeqCst)),
        secrets,
        faults: FaultRates::default(),
        iam: Iam::default(),
        bedrock: None,
        browser_origins: vec!["http://localhost:3000".to_owned()],
        timeouts: RequestTimeouts::default(),
    }
}

async fn sdk(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "tests");
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::from_static(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client::SdkHttpClient::default())
        .load()
        .await
}
