//! What SQS refuses, with both names that a client may look at.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// A refusal of SQS: a kind for programs and a sentence for people.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SqsError {
    kind: Kind,
    message: String,
}

/// The kinds of refusals, as in the service's model. See
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html> and the errors
/// listed with each operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No queue has this name.
    QueueDoesNotExist,
    /// A queue of this name has other attributes.
    QueueNameExists,
    /// The receipt handle was not made by this service.
    ReceiptHandleIsInvalid,
    /// The message is not in flight, so its visibility timeout cannot change.
    MessageNotInflight,
    /// The queue has as many messages in flight as it may.
    OverLimit,
    /// A batch without entries.
    EmptyBatchRequest,
    /// A batch of more than ten entries.
    TooManyEntriesInBatchRequest,
    /// Two entries of a batch share an id.
    BatchEntryIdsNotDistinct,
    /// The id of an entry has a wrong character or length.
    InvalidBatchEntryId,
    /// The messages of a batch are too long together.
    BatchRequestTooLong,
    /// The body holds a character that XML 1.0 does not know.
    InvalidMessageContents,
    /// An attribute that does not exist.
    InvalidAttributeName,
    /// An attribute with a value it cannot have.
    InvalidAttributeValue,
    /// A parameter with a value it cannot have.
    InvalidParameterValue,
    /// A parameter that is required and absent.
    MissingParameter,
    /// The resource of a move task does not exist.
    ResourceNotFound,
    /// The operation is not one of ours.
    UnsupportedOperation,
    /// The request is not the JSON of its operation.
    Serialization,
    /// SQLite failed.
    Internal,
}

impl Kind {
    /// The shape in the JSON protocol and the code of the older query protocol, which the SDKs report.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::QueueDoesNotExist => (
                "com.amazonaws.sqs#QueueDoesNotExist",
                "AWS.SimpleQueueService.NonExistentQueue",
            ),
            Self::QueueNameExists => ("com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists"),
            Self::ReceiptHandleIsInvalid => ("com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
            Self::MessageNotInflight => (
                "com.amazonaws.sqs#MessageNotInflight",
                "AWS.SimpleQueueService.MessageNotInflight",
            ),
            Self::OverLimit => ("com.amazonaws.sqs#OverLimit", "OverLimit"),
            Self::EmptyBatchRequest => (
                "com.amazonaws.sqs#EmptyBatchRequest",
                "AWS.SimpleQueueService.EmptyBatchRequest",
            ),
            Self::TooManyEntriesInBatchRequest => (
                "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            ),
            Self::BatchEntryIdsNotDistinct => (
                "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            ),
            Self::InvalidBatchEntryId => (
                "com.amazonaws.sqs#InvalidBatchEntryId",
                "AWS.SimpleQueueService.InvalidBatchEntryId",
            ),
            Self::BatchRequestTooLong => (
                "com.amazonaws.sqs#BatchRequestTooLong",
                "AWS.SimpleQueueService.BatchRequestTooLong",
            ),
            Self::InvalidMessageContents => ("com.amazonaws.sqs#InvalidMessageContents", "InvalidMessageContents"),
            Self::InvalidAttributeName => ("com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName"),
            Self::InvalidAttributeValue => ("com.amazonaws.sqs#InvalidAttributeValue", "InvalidAttributeValue"),
            Self::InvalidParameterValue => (
                "com.amazon.coral.service#InvalidParameterValueException",
                "InvalidParameterValue",
            ),
            Self::MissingParameter => (
                "com.amazon.coral.service#MissingRequiredParameterException",
                "MissingParameter",
            ),
            Self::ResourceNotFound => (
                "com.amazonaws.sqs#ResourceNotFoundException",
                "ResourceNotFoundException",
            ),
            Self::UnsupportedOperation => (
                "com.amazonaws.sqs#UnsupportedOperation",
                "AWS.SimpleQueueService.UnsupportedOperation",
            ),
            Self::Serialization => ("com.amazon.coral.service#SerializationException", "MalformedInput"),
            Self::Internal => ("com.amazon.coral.service#InternalFailure", "InternalFailure"),
        }
    }
}

impl SqsError {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    pub(super) fn no_such_queue() -> Self {
        Self::new(Kind::QueueDoesNotExist, "The specified queue does not exist.")
    }

    pub(super) fn invalid(parameter: &str, value: impl std::fmt::Display, reason: &str) -> Self {
        let message = format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}");
        Self::new(Kind::InvalidParameterValue, message)
    }

    pub(super) fn missing(parameter: &str) -> Self {
        let message = format!("The request must contain the parameter {parameter}.");
        Self::new(Kind::MissingParameter, message)
    }

    /// Which refusal this is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    fn is_internal(&self) -> bool {
        self.kind == Kind::Internal
    }

    pub(super) fn status(&self) -> StatusCode {
        if self.is_internal() {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::BAD_REQUEST
        }
    }

    /// The body of an error answer.
    pub(super) fn body(&self) -> Value {
        json!({ "__type": self.kind.names().0, "message": self.message })
    }

    /// The header `x-amzn-query-error`: the SDKs take their error code from it.
    pub(super) fn query_header(&self) -> String {
        let fault = if self.is_internal() { "Receiver" } else { "Sender" };
        format!("{};{fault}", self.kind.names().1)
    }

    /// An entry of `Failed` in the answer to a batch.
    pub(super) fn entry(&self, id: &str) -> Value {
        json!({
            "Id": id,
            "SenderFault": !self.is_internal(),
            "Code": self.kind.names().1,
            "Message": self.message,
        })
    }
}

impl From<rusqlite::Error> for SqsError {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(Kind::Internal, format!("sqs.sqlite in the data folder: {error}"))
    }
}
