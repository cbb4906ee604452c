//! Messages and what SQS demands of them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use s3s::crypto::{Checksum as _, Md5};
use serde::{Deserialize, Serialize};

use super::error::{Kind, SqsError};

/// The largest message, and the largest batch, bytes of bodies and attributes. See
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>.
pub(super) const MAX_BYTES: usize = 1_048_576;

/// An attribute of a message, next to its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageAttribute {
    /// `String`, `Number` or `Binary`, with an optional label after a dot.
    pub data_type: String,
    /// The value of a string or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// The value of a binary, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<String>,
}

/// Attributes by name, in the order in which their digest takes them.
pub type MessageAttributes = BTreeMap<String, MessageAttribute>;

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id, which stays when it is received again.
    pub id: String,
    /// What deletes it; another one each time it is received.
    pub receipt_handle: String,
    /// The body as sent.
    pub body: String,
    /// The attributes as sent.
    pub attributes: MessageAttributes,
    /// The tenant that it belongs to, for fairness between tenants.
    pub group: Option<String>,
    /// When it was sent, milliseconds since the epoch.
    pub sent_ms: i64,
    /// When it was received first, milliseconds since the epoch.
    pub first_received_ms: i64,
    /// How often it has been received, this time included.
    pub receive_count: u32,
    /// The queue it came from, when it was moved to a dead-letter queue.
    pub source: Option<String>,
}

impl Message {
    /// The MD5 of the body, in hex.
    pub(in crate::cloud) fn md5_of_body(&self) -> String {
        md5(self.body.as_bytes())
    }

    /// The MD5 of all attributes, in hex; none without attributes.
    pub(in crate::cloud) fn md5_of_attributes(&self) -> Option<String> {
        md5_of_attributes(&self.attributes)
    }
}

/// A message that its consumer gave up on, as a person looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// The id it was sent with.
    pub id: String,
    /// The body as sent.
    pub body: String,
    /// How often it was received in vain.
    pub receive_count: u32,
    /// When it was sent, milliseconds since the epoch.
    pub sent_ms: i64,
    /// When it was received first, milliseconds since the epoch.
    pub first_received_ms: Option<i64>,
    /// When it was received last, milliseconds since the epoch.
    pub last_received_ms: Option<i64>,
}

/// A message to send, checked.
pub(super) struct Draft {
    pub(super) body: String,
    pub(super) attributes: MessageAttributes,
    /// Seconds; none takes the queue's own.
    pub(super) delay_s: Option<i64>,
    /// The tenant that it belongs to.
    pub(super) group: Option<String>,
}

impl Draft {
    pub(super) fn new(
        body: Option<String>,
        attributes: MessageAttributes,
        delay_s: Option<i64>,
    ) -> Result<Self, SqsError> {
        let body = body
            .filter(|body| !body.is_empty())
            .ok_or_else(|| SqsError::missing("MessageBody"))?;
        if !body.chars().all(is_allowed) {
            let message = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";
            return Err(SqsError::new(Kind::InvalidMessageContents, message));
        }
        check_attributes(&attributes)?;
        if let Some(delay) = delay_s.filter(|delay| !(0..=900).contains(delay)) {
            return Err(SqsError::invalid(
                "DelaySeconds",
                delay,
                "DelaySeconds must be >= 0 and <= 900.",
            ));
        }
        Ok(Self {
            body,
            attributes,
            delay_s,
            group: None,
        })
    }

    /// Adds the tenant that it belongs to: 1 to 128 letters, digits and punctuation.
    pub(super) fn in_group(self, group: Option<String>) -> Result<Self, SqsError> {
        let is_legal = |group: &str| (1..=128).contains(&group.len()) && group.chars().all(|c| c.is_ascii_graphic());
        if let Some(group) = group.as_deref().filter(|group| !is_legal(group)) {
            let reason = "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.";
            return Err(SqsError::invalid("MessageGroupId", group, reason));
        }
        Ok(Self { group, ..self })
    }

    /// What counts against the largest size: the body and, of each attribute, name, type and value.
    pub(super) fn bytes(&self) -> usize {
        let attributes = self.attributes.iter().map(|(name, attribute)| {
            name.len() + attribute.data_type.len() + attribute.value().map_or(0, |value| value.len())
        });
        self.body.len() + attributes.sum::<usize>()
    }
}

/// The characters of XML 1.0, which is what SQS accepts.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

impl MessageAttribute {
    /// The bytes of the value; none when it has none of its type, or no base64.
    fn value(&self) -> Option<Vec<u8>> {
        if self.is_binary() {
            self.binary_value
                .as_deref()
                .and_then(|value| STANDARD.decode(value).ok())
        } else {
            self.string_value.as_ref().map(|value| value.clone().into_bytes())
        }
    }

    fn is_binary(&self) -> bool {
        self.data_type.split('.').next() == Some("Binary")
    }
}

fn check_attributes(attributes: &MessageAttributes) -> Result<(), SqsError> {
    let refuse = |message: String| Err(SqsError::new(Kind::InvalidParameterValue, message));
    if attributes.len() > 10 {
        let count = attributes.len();
        return refuse(format!(
            "Number of message attributes [{count}] exceeds the allowed maximum [10]."
        ));
    }
    for (name, attribute) in attributes {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || name.len() > 256 || !name.chars().all(legal) {
            return refuse(format!(
                "The message attribute name '{name}' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.) characters."
            ));
        }
        if !matches!(
            attribute.data_type.split('.').next(),
            Some("String" | "Number" | "Binary")
        ) {
            return refuse(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
            ));
        }
        if attribute.value().is_none_or(|value| value.is_empty()) {
            let kind = attribute.data_type.split('.').next().unwrap_or_default();
            return refuse(format!(
                "The message attribute '{name}' must contain a non-empty message attribute value for message attribute type '{kind}'."
            ));
        }
    }
    Ok(())
}

/// The MD5 of a body, in hex.
pub(super) fn md5(bytes: &[u8]) -> String {
    hex::encode(Md5::checksum(bytes))
}

/// The MD5 of attributes, in hex; none without attributes. See
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>.
pub(super) fn md5_of_attributes(attributes: &MessageAttributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut encoded = Vec::new();
    for (name, attribute) in attributes {
        put_part(&mut encoded, name.as_bytes());
        put_part(&mut encoded, attribute.data_type.as_bytes());
        encoded.push(if attribute.is_binary() { 2 } else { 1 });
        put_part(&mut encoded, &attribute.value().unwrap_or_default());
    }
    Some(md5(&encoded))
}

fn put_part(encoded: &mut Vec<u8>, part: &[u8]) {
    encoded.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    encoded.extend(part);
}

/// Packs what a receipt handle has to find again: the message and the one receive that it stands for.
pub(super) fn receipt_handle(id: &str, receipt: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{id}/{receipt}"))
}

/// The message id and the receipt of a handle.
pub(super) fn read_handle(handle: &str) -> Result<(String, String), SqsError> {
    let parts = URL_SAFE_NO_PAD
        .decode(handle)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    parts
        .as_deref()
        .and_then(|parts| parts.split_once('/'))
        .filter(|(id, receipt)| [id, receipt].iter().all(|part| uuid::Uuid::try_parse(part).is_ok()))
        .map(|(id, receipt)| (id.to_owned(), receipt.to_owned()))
        .ok_or_else(|| {
            let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
            SqsError::new(Kind::ReceiptHandleIsInvalid, message)
        })
}
