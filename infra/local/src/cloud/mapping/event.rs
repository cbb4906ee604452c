//! The event that Lambda makes of a batch. See
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event>.

use aws_lambda_events::encodings::Base64Data;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage, SqsMessageAttribute};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cloud::REGION;
use crate::cloud::sqs::{Message, MessageAttribute, arn};

/// The event for a batch of a queue.
pub(super) fn new(queue: &str, batch: &[Message]) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = batch.iter().map(|message| record(queue, message)).collect();
    event
}

fn record(queue: &str, message: &Message) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = Some(message.id.clone());
    record.receipt_handle = Some(message.receipt_handle.clone());
    record.body = Some(message.body.clone());
    record.md5_of_body = Some(message.md5_of_body());
    record.md5_of_message_attributes = message.md5_of_attributes();
    let system = message.system_attributes().into_iter();
    record.attributes = system.map(|(name, value)| (name.to_owned(), value)).collect();
    let attributes = message.attributes.iter();
    record.message_attributes = attributes
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect();
    record.event_source_arn = Some(arn(queue));
    record.event_source = Some("aws:sqs".into());
    record.aws_region = Some(REGION.into());
    record
}

fn attribute(attribute: &MessageAttribute) -> SqsMessageAttribute {
    let mut made = SqsMessageAttribute::default();
    made.data_type = Some(attribute.data_type.clone());
    made.string_value.clone_from(&attribute.string_value);
    // Checked when it was sent.
    let binary = attribute
        .binary_value
        .as_deref()
        .and_then(|value| STANDARD.decode(value).ok());
    made.binary_value = binary.map(|bytes| {
        let mut data = Base64Data::default();
        data.0 = bytes;
        data
    });
    made
}
