//! Creates in the embedded cloud what `template.yaml` creates in the real one.

use std::collections::BTreeMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use model::{Error, Result};
use store::{Objects, Tables};

use crate::cloud::{ACCESS_KEY_ID, ACCOUNT, Cloud, REGION, SECRET_ACCESS_KEY};

/// Prefix of the table names.
const PREFIX: &str = "parlance";
/// Name of the bucket.
pub(crate) const BUCKET: &str = "parlance";
/// How long a message stays invisible, in seconds: as long as a worker may run.
const VISIBILITY_SECONDS: u32 = 900;

/// An SDK configuration for the embedded services.
pub(crate) async fn sdk(cloud: &Cloud) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(cloud.endpoint())
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new(
            ACCESS_KEY_ID,
            SECRET_ACCESS_KEY,
            None,
            None,
            "embedded",
        ))
        .load()
        .await
}

/// The names of the tables.
pub(crate) fn tables() -> Tables {
    Tables::with_prefix(PREFIX)
}

/// The URL of a queue.
pub(crate) fn queue_url(cloud: &Cloud, queue: &str) -> String {
    format!("{}/{ACCOUNT}/{queue}", cloud.endpoint())
}

/// Tables, bucket and secrets.
pub(crate) async fn create(sdk: &SdkConfig) -> Result<()> {
    let db = aws_sdk_dynamodb::Client::new(sdk);
    let (bucket, tables) = (Objects::new(sdk, BUCKET), tables());
    futures::try_join!(
        store::tables::create(&db, &tables),
        bucket.create_bucket(),
        create_signing_secret(sdk)
    )?;
    Ok(())
}

/// A queue with its dead-letter queue.
pub(crate) fn create_queue(cloud: &Cloud, queue: &str) -> Result<()> {
    let dead_letters = format!("{queue}-dlq");
    let redrive = serde_json::json!({
        "deadLetterTargetArn": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{dead_letters}"),
        "maxReceiveCount": app::Delivery::MAX,
    });
    let attributes = BTreeMap::from([
        ("VisibilityTimeout".to_owned(), VISIBILITY_SECONDS.to_string()),
        ("RedrivePolicy".to_owned(), redrive.to_string()),
    ]);
    for (name, attributes) in [(dead_letters.as_str(), &BTreeMap::new()), (queue, &attributes)] {
        // A queue of an earlier release may have other attributes; it keeps its messages and gets ours.
        let created = cloud
            .sqs()
            .create_queue(name, attributes)
            .or_else(|_| cloud.sqs().set_attributes(name, attributes));
        created.map_err(|error| Error::internal(error.to_string()))?;
    }
    Ok(())
}

/// The secret that signs tokens, made once and kept with the data.
async fn create_signing_secret(sdk: &SdkConfig) -> Result<()> {
    let secrets = aws_sdk_secretsmanager::Client::new(sdk);
    match secrets.get_secret_value().secret_id("JWT_SECRET").send().await {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
        {
            let secret = hex::encode(model::id::random_bytes::<32>()?);
            secrets
                .create_secret()
                .name("JWT_SECRET")
                .secret_string(secret)
                .send()
                .await
                .map_err(Error::unavailable)?;
            Ok(())
        }
        Err(error) => Err(Error::unavailable(error)),
    }
}
