//! Queues: their names, addresses and attributes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{Kind, SqsError};
use super::message::MAX_BYTES;
use crate::cloud::{ACCOUNT, REGION};

/// The attributes that a caller may set, as strings, as in the API of SQS. See
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>.
pub type Attributes = BTreeMap<String, String>;

/// The attributes with a number: name, default, lowest, highest.
const NUMBERS: [(&str, i64, i64, i64); 5] = [
    ("DelaySeconds", 0, 0, 900),
    ("MaximumMessageSize", 1_048_576, 1024, 1_048_576),
    ("MessageRetentionPeriod", 345_600, 60, 1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 0, 20),
    (VISIBILITY_TIMEOUT, 30, 0, MAX_VISIBILITY_S),
];

/// Attributes that are kept and answered but have no effect here.
const PASSIVE: [&str; 5] = [
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
];

/// Attributes that are computed.
pub(super) const COMPUTED: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

const VISIBILITY_TIMEOUT: &str = "VisibilityTimeout";
const REDRIVE_POLICY: &str = "RedrivePolicy";

/// The longest visibility timeout: 12 hours, in seconds.
pub(super) const MAX_VISIBILITY_S: i64 = 43_200;

/// A queue with its attributes.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub(super) name: String,
    pub(super) attributes: Attributes,
    pub(super) created_ms: i64,
    pub(super) modified_ms: i64,
}

/// When a message is given up, and where it goes then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redrive {
    pub(super) dead_letter_queue: String,
    pub(super) max_receive_count: u32,
}

impl Queue {
    /// A number of the queue, or its default.
    fn number(&self, name: &str) -> i64 {
        let default = NUMBERS
            .iter()
            .find(|(known, ..)| *known == name)
            .map_or(0, |number| number.1);
        self.attributes
            .get(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    }

    /// How long a received message stays invisible, milliseconds.
    pub(super) fn visibility_ms(&self) -> i64 {
        self.number(VISIBILITY_TIMEOUT) * 1000
    }

    /// How long a message waits before it can be received first, milliseconds.
    pub(super) fn delay_ms(&self) -> i64 {
        self.number("DelaySeconds") * 1000
    }

    /// How long a message is kept, milliseconds.
    pub(super) fn retention_ms(&self) -> i64 {
        self.number("MessageRetentionPeriod") * 1000
    }

    /// Default wait time of a receive, in seconds.
    pub(super) fn wait_s(&self) -> i64 {
        self.number("ReceiveMessageWaitTimeSeconds")
    }

    /// The largest message, bytes.
    pub(super) fn max_bytes(&self) -> usize {
        usize::try_from(self.number("MaximumMessageSize")).unwrap_or(MAX_BYTES)
    }

    pub(super) fn redrive(&self) -> Option<Redrive> {
        self.attributes
            .get(REDRIVE_POLICY)
            .and_then(|policy| read_redrive(policy).ok())
    }

    /// Whether an attribute has this value already. A redrive policy may be written in several ways.
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        let own = self.described().remove(name);
        match (name, &own) {
            (REDRIVE_POLICY, Some(policy)) => read_redrive(policy).ok() == read_redrive(value).ok(),
            _ => own.unwrap_or_default() == value,
        }
    }

    /// All attributes that are not counts: set ones, defaults, times and the ARN.
    pub(super) fn described(&self) -> Attributes {
        let mut all: Attributes = NUMBERS
            .iter()
            .map(|(name, default, ..)| ((*name).to_owned(), default.to_string()))
            .collect();
        all.insert("SqsManagedSseEnabled".into(), "true".into());
        all.extend(self.attributes.clone());
        all.insert("QueueArn".into(), arn(&self.name));
        all.insert("CreatedTimestamp".into(), (self.created_ms / 1000).to_string());
        all.insert("LastModifiedTimestamp".into(), (self.modified_ms / 1000).to_string());
        all
    }
}

/// Whether an attribute of this name can be asked for.
pub(super) fn is_attribute(name: &str) -> bool {
    name == "All"
        || name == REDRIVE_POLICY
        || COMPUTED.contains(&name)
        || PASSIVE.contains(&name)
        || NUMBERS.iter().any(|(known, ..)| *known == name)
}

/// Checks attributes that a caller wants to set. An empty text removes an attribute.
pub(super) fn check_attributes(attributes: &Attributes) -> Result<(), SqsError> {
    for (name, value) in attributes {
        let invalid = || {
            let message = format!("Invalid value for the parameter {name}.");
            SqsError::new(Kind::InvalidAttributeValue, message)
        };
        if let Some((_, _, lowest, highest)) = NUMBERS.iter().find(|(known, ..)| known == name) {
            let number = value.parse::<i64>().map_err(|_| invalid())?;
            if !(lowest..=highest).contains(&&number) {
                return Err(invalid());
            }
        } else if name == REDRIVE_POLICY {
            if !value.is_empty() {
                read_redrive(value)?;
            }
        } else if !PASSIVE.contains(&name.as_str()) {
            return Err(SqsError::new(
                Kind::InvalidAttributeName,
                format!("Unknown Attribute {name}."),
            ));
        }
    }
    Ok(())
}

/// Reads `{"deadLetterTargetArn": …, "maxReceiveCount": …}`; the count may be a number or a text.
fn read_redrive(policy: &str) -> Result<Redrive, SqsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Policy {
        dead_letter_target_arn: String,
        max_receive_count: Value,
    }
    let invalid = |reason| SqsError::invalid(REDRIVE_POLICY, policy, reason);
    let read: Policy = serde_json::from_str(policy)
        .map_err(|_| invalid("Redrive policy is not a valid JSON map or lacks a required attribute."))?;
    let count = match &read.max_receive_count {
        Value::String(text) => text.parse().ok(),
        count => count.as_u64().and_then(|count| u32::try_from(count).ok()),
    };
    let max_receive_count = count
        .filter(|count| (1..=1000).contains(count))
        .ok_or_else(|| invalid("Invalid value for maxReceiveCount: must be between 1 and 1000."))?;
    let dead_letter_queue = name_in_arn(&read.dead_letter_target_arn)
        .ok_or_else(|| invalid("deadLetterTargetArn is not the ARN of a queue."))?;
    Ok(Redrive {
        dead_letter_queue,
        max_receive_count,
    })
}

/// The redrive policy as attributes carry it.
pub fn redrive_policy(dead_letter_queue: &str, max_receive_count: u32) -> String {
    json!({ "deadLetterTargetArn": arn(dead_letter_queue), "maxReceiveCount": max_receive_count }).to_string()
}

/// A name is 1 to 80 letters, digits, hyphens and underscores.
pub(super) fn check_name(name: &str) -> Result<(), SqsError> {
    if name.strip_suffix(".fifo").is_some() {
        let message = "FIFO queues are not part of the embedded cloud.";
        return Err(SqsError::new(Kind::UnsupportedOperation, message));
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > 80 || !name.chars().all(legal) {
        let message = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
        return Err(SqsError::new(Kind::InvalidParameterValue, message));
    }
    Ok(())
}

/// The ARN of a queue here.
pub fn arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

/// The name in an ARN of any region and account: a redrive policy may have been written for another one.
pub(super) fn name_in_arn(arn: &str) -> Option<String> {
    let parts: Vec<_> = arn.split(':').collect();
    match parts[..] {
        ["arn", _, "sqs", _, _, name] if check_name(name).is_ok() => Some(name.to_owned()),
        _ => None,
    }
}

/// The name in a queue URL: its last segment, whatever the host, since the port may have changed.
pub(super) fn name_in_url(url: &str) -> Result<&str, SqsError> {
    match url.rsplit('/').next() {
        Some(name) if !name.is_empty() => Ok(name),
        _ => Err(SqsError::no_such_queue()),
    }
}
