//! The six tables: their names, and the definitions that the local stack creates. `template.yaml` describes the same
//! tables for AWS; a test compares the two.

use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification,
};
use domain::{Error, Result};

/// The name of the TTL attribute, in seconds since the Unix epoch.
pub const TTL: &str = "ttl";

/// Table names.
#[derive(Debug, Clone)]
pub struct Tables {
    /// Users, sessions, organizations, members.
    pub identity: String,
    /// Documents, chatbots, conversations, outbox.
    pub app: String,
    /// Token ledger.
    pub usage: String,
    /// Ephemeral data: idempotency keys, rate limit buckets, caches.
    pub ephemeral: String,
    /// Append-only audit log.
    pub audit: String,
}

impl Tables {
    /// Returns `{prefix}-identity`, `{prefix}-app` and so on.
    pub fn with_prefix(prefix: &str) -> Self {
        let name = |suffix: &str| format!("{prefix}-{suffix}");
        Self {
            identity: name("identity"),
            app: name("app"),
            usage: name("usage"),
            ephemeral: name("ephemeral"),
            audit: name("audit"),
        }
    }

    /// Returns all names.
    pub fn all(&self) -> [&str; 5] {
        [&self.identity, &self.app, &self.usage, &self.ephemeral, &self.audit]
    }
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Name of the index.
    pub name: &'static str,
    /// Attributes that form the partition key.
    pub hash: &'static [&'static str],
    /// Attributes that form the sort key.
    pub range: &'static [&'static str],
    /// Only keys are projected.
    pub keys_only: bool,
}

/// The definition of a table. All have the string keys `pk` and `sk`.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Name of the table.
    pub name: String,
    /// Its secondary indexes.
    pub indexes: Vec<Index>,
    /// Whether items may carry [`TTL`].
    pub ttl: bool,
    /// Whether changes are streamed.
    pub stream: bool,
}

/// Returns the definitions of all tables.
pub fn definitions(tables: &Tables) -> Vec<Definition> {
    let table = |name: &str, indexes: Vec<Index>, ttl, stream| Definition {
        name: name.to_owned(),
        indexes,
        ttl,
        stream,
    };
    let by_id = Index {
        name: "by_id",
        hash: &["id"],
        range: &["owner"],
        keys_only: true,
    };
    // IDs sort by time, so these indexes list by time.
    let newest = |name, hash| Index {
        name,
        hash,
        range: &["id"],
        keys_only: false,
    };
    vec![
        table(
            &tables.identity,
            vec![
                Index {
                    name: "orgs_by_user",
                    hash: &["member"],
                    range: &["org"],
                    keys_only: false,
                },
                Index {
                    name: "admin_list",
                    hash: &["kind", "month"],
                    range: &["created_at", "id"],
                    keys_only: false,
                },
            ],
            true,
            true,
        ),
        table(&tables.app, vec![by_id.clone()], true, true),
        table(&tables.usage, vec![], true, true),
        table(&tables.ephemeral, vec![], true, false),
        table(
            &tables.audit,
            vec![
                by_id,
                newest("by_actor", &["actor"]),
                newest("by_subject", &["subject"]),
                newest("by_month", &["month"]),
            ],
            false,
            true,
        ),
    ]
}

/// Creates the tables that do not exist yet, and waits until all are active.
///
/// # Errors
/// [`Error::Unavailable`] if a table cannot be created.
pub async fn create(db: &aws_sdk_dynamodb::Client, tables: &Tables) -> Result<()> {
    for definition in definitions(tables) {
        match db.describe_table().table_name(&definition.name).send().await {
            Ok(_) => continue,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeTableError::is_resource_not_found_exception) => {}
            Err(error) => return Err(Error::unavailable(error)),
        }
        create_table(db, &definition).await?;
        if definition.ttl {
            let ttl = TimeToLiveSpecification::builder()
                .attribute_name(TTL)
                .enabled(true)
                .build();
            let ttl = ttl.map_err(Error::internal)?;
            let update = db
                .update_time_to_live()
                .table_name(&definition.name)
                .time_to_live_specification(ttl);
            update.send().await.map_err(Error::unavailable)?;
        }
    }
    Ok(())
}

async fn create_table(db: &aws_sdk_dynamodb::Client, definition: &Definition) -> Result<()> {
    let element = |name: &str, kind: KeyType| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .map_err(Error::internal)
    };
    let mut attributes = vec!["pk", "sk"];
    let mut request = db
        .create_table()
        .table_name(&definition.name)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(element("pk", KeyType::Hash)?)
        .key_schema(element("sk", KeyType::Range)?);
    for index in &definition.indexes {
        let projection = if index.keys_only {
            ProjectionType::KeysOnly
        } else {
            ProjectionType::All
        };
        let mut gsi = GlobalSecondaryIndex::builder()
            .index_name(index.name)
            .projection(Projection::builder().projection_type(projection).build());
        for (names, kind) in [(index.hash, KeyType::Hash), (index.range, KeyType::Range)] {
            for name in names {
                gsi = gsi.key_schema(element(name, kind.clone())?);
                if !attributes.contains(name) {
                    attributes.push(name);
                }
            }
        }
        request = request.global_secondary_indexes(gsi.build().map_err(Error::internal)?);
    }
    for name in attributes {
        let attribute = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S);
        request = request.attribute_definitions(attribute.build().map_err(Error::internal)?);
    }
    if definition.stream {
        let stream = StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(StreamViewType::NewAndOldImages);
        request = request.stream_specification(stream.build().map_err(Error::internal)?);
    }
    request.send().await.map_err(Error::unavailable)?;
    Ok(())
}
