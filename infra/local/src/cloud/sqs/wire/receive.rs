//! `ReceiveMessage`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::requests::Receive;
use super::{Answer, unless_empty};
use crate::cloud::sqs::Sqs;
use crate::cloud::sqs::error::{Kind, SqsError};
use crate::cloud::sqs::message::{Message, MessageAttributes, md5_of_attributes};
use crate::cloud::sqs::queue::{MAX_VISIBILITY_S, arn, name_in_url};

/// Who sent every message: there is only one account.
const SENDER: &str = "AIDAPARLANCELOCAL0000";

/// System attributes that exist and never have a value in a standard queue without tracing.
const DEFAULT_ATTRIBUTES: [&str; 3] = ["AWSTraceHeader", "MessageDeduplicationId", "SequenceNumber"];

impl Sqs {
    pub(super) async fn receive_message(&self, request: Receive) -> Answer {
        let name = name_in_url(&request.queue_url)?;
        let max = within("MaxNumberOfMessages", request.max_number_of_messages, 1, 10)?.unwrap_or(1);
        let visibility = within("VisibilityTimeout", request.visibility_timeout, 0, MAX_VISIBILITY_S)?;
        let wait = within("WaitTimeSeconds", request.wait_time_seconds, 0, 20)?;
        let wait = match wait {
            Some(wait) => wait,
            None => self.steps(|steps, _| Ok(steps.queue(name)?.wait_s()))?,
        };
        let mut system = request.message_system_attribute_names;
        system.extend(request.attribute_names);
        check_system(&system)?;
        let received = self
            .receive_within(
                name,
                usize::try_from(max).unwrap_or(1),
                visibility.map(seconds),
                seconds(wait),
            )
            .await?;
        let messages: Vec<_> = received
            .iter()
            .map(|message| describe(message, &system, &request.message_attribute_names))
            .collect();
        Ok(unless_empty("Messages", messages.is_empty(), messages))
    }
}

impl Message {
    /// The attributes that SQS itself adds, as texts.
    pub(in crate::cloud) fn system_attributes(&self) -> BTreeMap<&'static str, String> {
        let mut all = BTreeMap::from([
            ("ApproximateFirstReceiveTimestamp", self.first_received_ms.to_string()),
            ("ApproximateReceiveCount", self.receive_count.to_string()),
            ("SenderId", SENDER.to_owned()),
            ("SentTimestamp", self.sent_ms.to_string()),
        ]);
        if let Some(group) = &self.group {
            all.insert("MessageGroupId", group.clone());
        }
        if let Some(source) = &self.source {
            all.insert("DeadLetterQueueSourceArn", arn(source));
        }
        all
    }
}

fn describe(message: &Message, system: &[String], names: &[String]) -> Value {
    let mut answer = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle,
        "Body": message.body,
        "MD5OfBody": message.md5_of_body(),
    });
    let mut attributes = message.system_attributes();
    if !system.iter().any(|name| name == "All") {
        attributes.retain(|name, _| system.iter().any(|asked| asked == name));
    }
    if !attributes.is_empty() {
        answer["Attributes"] = json!(attributes);
    }
    let asked: MessageAttributes = message
        .attributes
        .iter()
        .filter(|(name, _)| names.iter().any(|pattern| matches_name(pattern, name)))
        .map(|(name, attribute)| (name.clone(), attribute.clone()))
        .collect();
    if let Some(digest) = md5_of_attributes(&asked) {
        answer["MessageAttributes"] = json!(asked);
        answer["MD5OfMessageAttributes"] = json!(digest);
    }
    answer
}

/// A name, a prefix followed by `.*`, or everything.
fn matches_name(pattern: &str, name: &str) -> bool {
    match pattern {
        "All" | ".*" => true,
        _ => pattern
            .strip_suffix(".*")
            .map_or(pattern == name, |prefix| name.starts_with(prefix)),
    }
}

fn check_system(names: &[String]) -> Result<(), SqsError> {
    let known = |name: &str| {
        matches!(
            name,
            "All"
                | "ApproximateFirstReceiveTimestamp"
                | "ApproximateReceiveCount"
                | "DeadLetterQueueSourceArn"
                | "MessageGroupId"
                | "SenderId"
                | "SentTimestamp"
        ) || DEFAULT_ATTRIBUTES.contains(&name)
    };
    match names.iter().find(|name| !known(name)) {
        None => Ok(()),
        Some(unknown) => {
            let message = format!("Unknown Attribute {unknown}.");
            Err(SqsError::new(Kind::InvalidAttributeName, message))
        }
    }
}

fn within(parameter: &str, value: Option<i64>, lowest: i64, highest: i64) -> Result<Option<i64>, SqsError> {
    match value {
        Some(value) if !(lowest..=highest).contains(&value) => {
            let reason = format!("Must be between {lowest} and {highest}, if provided.");
            Err(SqsError::invalid(parameter, value, &reason))
        }
        value => Ok(value),
    }
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
