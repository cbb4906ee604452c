//! Creates in the embedded cloud what `template.yaml` creates on AWS.

use std::{fs, io, path::PathBuf, sync::OnceLock};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use domain::{Error, Queue, Result};
use store::{Objects, Tables};

use crate::{
    Options,
    cloud::{
        ACCESS_KEY_ID, ACCOUNT, APPLICATION_ACCESS_KEY_ID, Cloud, Data, FileError, REGION, SECRET_ACCESS_KEY,
        iam::{self, Iam},
    },
    keys,
    template::TemplateError,
};

/// Prefix of the table names.
const PREFIX: &str = "parlance";
/// Name of the bucket.
pub(crate) const BUCKET: &str = "parlance";

/// Returns an SDK configuration for embedded services at this endpoint, with the developer's credentials.
/// Configurations derived from it share its connections, which do not use TLS.
pub(crate) async fn sdk(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::from_static(REGION))
        .credentials_provider(credentials(ACCESS_KEY_ID))
        .http_client(http_client::SdkHttpClient::default())
        .load()
        .await
}

/// Returns an SDK configuration for AWS from the environment: region, credentials and any custom endpoints.
pub async fn aws_sdk() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client::SdkHttpClient::default())
        .load()
        .await
}

/// Returns an SDK configuration for the embedded services of a process on this machine.
pub async fn sdk_at(port: u16) -> SdkConfig {
    sdk(&format!("http://127.0.0.1:{port}")).await
}

/// Returns the same with the credentials of a function.
pub(crate) fn sdk_of(sdk: &SdkConfig, function: &str) -> SdkConfig {
    with_credentials(sdk, &iam::access_key_id_of(function))
}

/// Returns the same with the credentials of an application that is not a function.
pub(crate) fn sdk_of_application(sdk: &SdkConfig) -> SdkConfig {
    with_credentials(sdk, APPLICATION_ACCESS_KEY_ID)
}

fn with_credentials(sdk: &SdkConfig, access_key_id: &str) -> SdkConfig {
    let provider = SharedCredentialsProvider::new(credentials(access_key_id));
    sdk.clone().into_builder().credentials_provider(provider).build()
}

fn credentials(access_key_id: &str) -> Credentials {
    Credentials::new(access_key_id, SECRET_ACCESS_KEY, None, None, "embedded")
}

/// The sender of emails, which are never sent.
const MAIL_FROM: &str = "Parlance <no-reply@example.com>";

/// Returns the names of the tables.
pub(crate) fn tables() -> Tables {
    Tables::with_prefix(PREFIX)
}

/// Returns the environment variables that name the tables and the bucket for functions.
pub(crate) fn resource_names() -> Vec<(&'static str, String)> {
    let tables = tables();
    vec![
        ("TABLE_IDENTITY", tables.identity),
        ("TABLE_APP", tables.app),
        ("TABLE_USAGE", tables.usage),
        ("TABLE_EPHEMERAL", tables.ephemeral),
        ("TABLE_AUDIT", tables.audit),
        ("BUCKET", BUCKET.to_owned()),
    ]
}

/// Returns the permissions of functions with these options.
pub(crate) fn iam(options: &Options) -> std::result::Result<Iam, TemplateError> {
    let names = resource_names().into_iter();
    let names = names.map(|(name, value)| (name.to_owned(), value)).collect();
    let mut parameters = vec![("MailIdentity", sender(options))];
    if let Some(region) = options.variable("BEDROCK_REGION") {
        parameters.push(("BedrockRegion", region.to_owned()));
    }
    Iam::of_template(&names, &parameters)
}

/// Returns the domain from which emails are sent: that of `MAIL_FROM`.
pub(crate) fn sender(options: &Options) -> String {
    let from = options.variable("MAIL_FROM").unwrap_or(MAIL_FROM);
    let domain = from.rsplit('@').next().unwrap_or_default();
    domain.trim_end_matches('>').to_owned()
}

/// Returns the URL of a queue.
pub(crate) fn queue_url(cloud: &Cloud, queue: Queue) -> String {
    format!("{}/{ACCOUNT}/{}", cloud.endpoint(), queue.name())
}

/// The empty tables of the first ephemeral stack of this process. The others copy them: tests start hundreds of stacks.
static EMPTY_TABLES: OnceLock<Vec<u8>> = OnceLock::new();

/// Creates tables, bucket and secrets. `data`: where the embedded services store them.
pub(crate) async fn create(cloud: &Cloud, sdk: &SdkConfig, data: &Data) -> Result<()> {
    let bucket = Objects::new(sdk, BUCKET, domain::Clock::default());
    futures::try_join!(
        create_tables(cloud, sdk, data),
        bucket.create_bucket(),
        keys::create(sdk)
    )?;
    Ok(())
}

async fn create_tables(cloud: &Cloud, sdk: &SdkConfig, data: &Data) -> Result<()> {
    let (db, tables) = (aws_sdk_dynamodb::Client::new(sdk), tables());
    match data {
        Data::Folder(_) => {
            let new_tables = NewTables::begin(&db, &tables, data).await?;
            store::tables::create(&db, &tables).await?;
            new_tables.done()
        }
        Data::Ephemeral => {
            let empty = if let Some(empty) = EMPTY_TABLES.get() {
                empty
            } else {
                store::tables::create(&db, &tables).await?;
                let image = cloud.tables_image().map_err(Error::internal)?;
                EMPTY_TABLES.get_or_init(|| image)
            };
            cloud.restore_tables(empty).map_err(Error::internal)
        }
    }
}

/// A file in the data folder that names the tables being created.
///
/// The embedded `DynamoDB` creates a table, its indexes and its TTL one after the other, and a table without its
/// index looks complete until something is written to it. So tables that a killed process left incomplete are
/// recreated: nothing is served before they are complete, so they contain nothing.
struct NewTables(Option<PathBuf>);

impl NewTables {
    async fn begin(db: &aws_sdk_dynamodb::Client, tables: &Tables, data: &Data) -> Result<Self> {
        let Data::Folder(folder) = data else {
            return Ok(Self(None));
        };
        let file = folder.join("new-tables");
        let left = match fs::read_to_string(&file) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::unavailable(FileError::reading(&file)(error))),
        };
        let exist = db.list_tables().send().await.map_err(Error::unavailable)?;
        let mut exist = exist.table_names.unwrap_or_default();
        for name in left.lines() {
            if let Some(at) = exist.iter().position(|exists| exists == name) {
                let half_made = exist.swap_remove(at);
                let delete = db.delete_table().table_name(half_made);
                delete.send().await.map_err(Error::unavailable)?;
            }
        }
        let all = tables.all();
        let new: Vec<&str> = all
            .into_iter()
            .filter(|name| !exist.iter().any(|exists| exists == name))
            .collect();
        if !new.is_empty() {
            // Replaced atomically, while its names still match what an earlier process left behind.
            let draft = file.with_extension("draft");
            let written = fs::write(&draft, new.join("\n")).and_then(|()| fs::rename(&draft, &file));
            let written = written.map_err(FileError::writing(&file));
            written.map_err(Error::unavailable)?;
        }
        Ok(Self(Some(file)))
    }

    fn done(self) -> Result<()> {
        let Some(file) = self.0 else { return Ok(()) };
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::unavailable(FileError::writing(&file)(error)))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use aws_sdk_dynamodb::types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    };

    use super::*;
    use crate::cloud;

    async fn create_without_indexes(db: &aws_sdk_dynamodb::Client, table: &str) {
        let mut create = db
            .create_table()
            .table_name(table)
            .billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            let attribute = attribute.attribute_type(ScalarAttributeType::S).build().unwrap();
            let key = KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(kind)
                .build()
                .unwrap();
            create = create.attribute_definitions(attribute).key_schema(key);
        }
        create.send().await.unwrap();
    }

    async fn start(data: &Data) -> Cloud {
        let options = cloud::Options {
            port: 0,
            data: data.clone(),
            clock: Arc::new(|| 0),
            secrets: Vec::new(),
            faults: cloud::FaultRates::default(),
            iam: Iam::default(),
            bedrock: None,
            browser_origins: Vec::new(),
            timeouts: crate::RequestTimeouts::default(),
        };
        Cloud::start(options).await.unwrap()
    }

    async fn index_count(db: &aws_sdk_dynamodb::Client, table: &str) -> usize {
        let answer = db.describe_table().table_name(table).send().await.unwrap();
        answer.table.unwrap().global_secondary_indexes().len()
    }

    /// Linux has a file that behaves like a full disk.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn on_a_full_disk_no_table_is_begun_and_the_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::Folder(folder.path().to_owned());
        let cloud = start(&data).await;
        let sdk = sdk(&cloud.endpoint()).await;
        std::os::unix::fs::symlink("/dev/full", folder.path().join("new-tables.draft")).unwrap();
        let Err(Error::Unavailable(refused)) = Box::pin(create_tables(&cloud, &sdk, &data)).await else {
            panic!("it began")
        };
        let refused = refused.to_string();
        assert!(
            refused.contains("new-tables") && refused.contains("Free some space"),
            "{refused}"
        );
        let tables = aws_sdk_dynamodb::Client::new(&sdk).list_tables().send().await.unwrap();
        assert!(tables.table_names().is_empty());
    }

    #[tokio::test]
    async fn only_tables_that_were_left_half_made_are_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::Folder(folder.path().to_owned());
        let cloud = start(&data).await;
        let (sdk, tables) = (sdk(&cloud.endpoint()).await, tables());
        let db = aws_sdk_dynamodb::Client::new(&sdk);
        for table in [&tables.identity, &tables.audit] {
            create_without_indexes(&db, table).await;
        }
        let key = || AttributeValue::S("kept".into());
        let put = db
            .put_item()
            .table_name(&tables.audit)
            .item("pk", key())
            .item("sk", key());
        put.send().await.unwrap();
        fs::write(folder.path().join("new-tables"), &tables.identity).unwrap();

        Box::pin(create(&cloud, &sdk, &data)).await.unwrap();
        assert_eq!(index_count(&db, &tables.identity).await, 2);
        let get = db
            .get_item()
            .table_name(&tables.audit)
            .key("pk", key())
            .key("sk", key());
        assert!(get.send().await.unwrap().item.is_some());
        assert!(!folder.path().join("new-tables").exists());
        cloud.shutdown().await;
    }
}
