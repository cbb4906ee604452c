//! Tables, queues and secrets.

use serde_json::Value;

use super::cloudformation::{list, logical_id, text};
use super::name_in_stack;

/// An `AWS::DynamoDB::Table`.
#[derive(Debug)]
pub struct Table {
    /// The logical id.
    pub id: String,
    /// Its own keys.
    pub keys: Keys,
    /// Its global secondary indexes.
    pub indexes: Vec<Index>,
    /// The TTL attribute.
    pub ttl: Option<String>,
    /// The view type of the change stream.
    pub stream: Option<String>,
    /// Whether it can be restored to any second of the last 35 days.
    pub point_in_time_recovery: bool,
    /// Whether it cannot be deleted.
    pub deletion_protection: bool,
}

/// A global secondary index.
#[derive(Debug, PartialEq, Eq)]
pub struct Index {
    /// Such as `by_id`.
    pub name: String,
    /// The keys of the index.
    pub keys: Keys,
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub projection: String,
}

/// Attributes that form the partition key and the sort key.
#[derive(Debug, PartialEq, Eq)]
pub struct Keys {
    /// Attributes of the partition key.
    pub hash: Vec<String>,
    /// Attributes of the sort key.
    pub range: Vec<String>,
}

/// An `AWS::SQS::Queue`.
#[derive(Debug)]
pub struct Queue {
    /// The logical id.
    pub id: String,
    /// Its name within the stack, such as `index_documents`.
    pub name: String,
    /// The visibility timeout of a received message.
    pub visibility_timeout_seconds: u64,
    /// The retention period of a message.
    pub retention_seconds: u64,
    /// The logical ID of its dead-letter queue, and the number of deliveries before a message is moved there.
    pub dead_letters: Option<(String, u64)>,
}

/// An `AWS::SecretsManager::Secret`.
#[derive(Debug)]
pub struct Secret {
    /// The logical id.
    pub id: String,
    /// Its name within the stack, such as `JWT_SECRET`.
    pub name: String,
    /// Whether AWS generates its value.
    pub generated: bool,
    /// The JSON object and the key for the generated value.
    pub generated_into: Option<(String, String)>,
    /// Whether it is retained when the stack is deleted.
    pub retained: bool,
}

impl Table {
    pub(super) fn read(id: &str, properties: &Value) -> Self {
        Self {
            id: id.to_owned(),
            keys: keys(&properties["KeySchema"]),
            indexes: list(&properties["GlobalSecondaryIndexes"])
                .into_iter()
                .map(|index| Index {
                    name: text(&index["IndexName"]),
                    keys: keys(&index["KeySchema"]),
                    projection: text(&index["Projection"]["ProjectionType"]),
                })
                .collect(),
            ttl: Some(&properties["TimeToLiveSpecification"])
                .filter(|ttl| ttl["Enabled"] == true)
                .map(|ttl| text(&ttl["AttributeName"])),
            stream: properties["StreamSpecification"]["StreamViewType"]
                .as_str()
                .map(str::to_owned),
            point_in_time_recovery: properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
                == true,
            deletion_protection: properties["DeletionProtectionEnabled"] == true,
        }
    }
}

fn keys(schema: &Value) -> Keys {
    let of = |kind: &str| {
        let elements = list(schema).into_iter().filter(|element| element["KeyType"] == kind);
        elements.map(|element| text(&element["AttributeName"])).collect()
    };
    Keys {
        hash: of("HASH"),
        range: of("RANGE"),
    }
}

impl Queue {
    pub(super) fn read(id: &str, properties: &Value) -> Self {
        let redrive = &properties["RedrivePolicy"];
        Self {
            id: id.to_owned(),
            name: name_in_stack(&properties["QueueName"]),
            // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html
            visibility_timeout_seconds: properties["VisibilityTimeout"].as_u64().unwrap_or(30),
            retention_seconds: properties["MessageRetentionPeriod"].as_u64().unwrap_or(345_600),
            dead_letters: redrive["maxReceiveCount"]
                .as_u64()
                .map(|attempts| (logical_id(&redrive["deadLetterTargetArn"]), attempts)),
        }
    }
}

impl Secret {
    pub(super) fn read(id: &str, resource: &Value) -> Self {
        let properties = &resource["Properties"];
        let generate = &properties["GenerateSecretString"];
        Self {
            id: id.to_owned(),
            name: name_in_stack(&properties["Name"]),
            generated: generate.is_object(),
            generated_into: generate["GenerateStringKey"].is_string().then(|| {
                (
                    text(&generate["SecretStringTemplate"]),
                    text(&generate["GenerateStringKey"]),
                )
            }),
            retained: resource["DeletionPolicy"] == "RetainExceptOnCreate"
                && resource["UpdateReplacePolicy"] == "Retain",
        }
    }
}
