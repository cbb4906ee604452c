//! The SQS API: JSON in, JSON out. See
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html>.
#![expect(
    clippy::needless_pass_by_value,
    reason = "a request belongs to its handler, whatever it needs of it"
)]

mod batch;
mod receive;
mod requests;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::requests::{
    ByName, ByUrl, ChangeVisibility, CreateQueue, DeleteMessage, GetAttributes, ListQueues, SendMessage, SetAttributes,
    StartMove,
};
use super::error::{Kind, SqsError};
use super::message::{md5, md5_of_attributes, read_handle};
use super::queue::{MAX_VISIBILITY_S, is_attribute, name_in_arn, name_in_url};
use super::{Draft, Sqs};
use crate::cloud::wire::{Protocol, read, reply};
use crate::cloud::{ACCOUNT, new_id};

type Answer = Result<Value, SqsError>;

impl Sqs {
    /// Answers one request.
    pub(in crate::cloud) async fn serve(&self, operation: &str, body: Body) -> Response<Body> {
        let answer = match read(body).await {
            Ok(body) => self.answer(operation, &body).await,
            Err(reason) => Err(SqsError::new(Kind::Serialization, reason)),
        };
        match answer {
            Ok(value) => reply(Protocol::Json10, StatusCode::OK, &value),
            Err(error) => {
                let status = error.status();
                let mut response = reply(Protocol::Json10, status, &error.body());
                if let Ok(code) = HeaderValue::from_str(&error.query_header()) {
                    response.headers_mut().insert("x-amzn-query-error", code);
                }
                response
            }
        }
    }

    async fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        match operation {
            "ChangeMessageVisibility" => self.change_visibility(parse(body)?),
            "ChangeMessageVisibilityBatch" => self.change_visibility_batch(parse(body)?),
            "CreateQueue" => self.create(parse(body)?),
            "DeleteMessage" => self.delete_message(parse(body)?),
            "DeleteMessageBatch" => self.delete_message_batch(parse(body)?),
            "DeleteQueue" => self.delete_queue(parse(body)?),
            "GetQueueAttributes" => self.get_attributes(parse(body)?),
            "GetQueueUrl" => self.get_url(parse(body)?),
            "ListDeadLetterSourceQueues" => self.list_sources(parse(body)?),
            "ListQueues" => self.list(parse(body)?),
            "PurgeQueue" => self.purge(parse(body)?),
            "ReceiveMessage" => self.receive_message(parse(body)?).await,
            "SendMessage" => self.send_message(parse(body)?),
            "SendMessageBatch" => self.send_message_batch(parse(body)?),
            "SetQueueAttributes" => self.put_attributes(parse(body)?),
            "StartMessageMoveTask" => self.start_move(parse(body)?),
            _ => {
                let message = format!("The operation {operation} is not part of the embedded cloud.");
                Err(SqsError::new(Kind::UnsupportedOperation, message))
            }
        }
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.endpoint)
    }

    fn create(&self, request: CreateQueue) -> Answer {
        self.create_queue(&request.queue_name, &request.attributes)?;
        Ok(json!({ "QueueUrl": self.url(&request.queue_name) }))
    }

    fn get_url(&self, request: ByName) -> Answer {
        let name = self.steps(|steps, _| Ok(steps.queue(&request.queue_name)?.name))?;
        Ok(json!({ "QueueUrl": self.url(&name) }))
    }

    fn list(&self, request: ListQueues) -> Answer {
        let prefix = request.queue_name_prefix.unwrap_or_default();
        let queues = self.steps(|steps, _| steps.queues())?;
        let urls = queues.iter().filter(|queue| queue.name.starts_with(&prefix));
        let urls: Vec<_> = urls.map(|queue| self.url(&queue.name)).collect();
        Ok(unless_empty("QueueUrls", urls.is_empty(), urls))
    }

    fn list_sources(&self, request: ByUrl) -> Answer {
        let name = name_in_url(&request.queue_url)?;
        let queues = self.steps(|steps, _| {
            steps.queue(name)?;
            steps.queues()
        })?;
        let sources = queues
            .iter()
            .filter(|queue| queue.redrive().is_some_and(|redrive| redrive.dead_letter_queue == name));
        let urls: Vec<_> = sources.map(|queue| self.url(&queue.name)).collect();
        Ok(json!({ "queueUrls": urls }))
    }

    fn delete_queue(&self, request: ByUrl) -> Answer {
        let name = name_in_url(&request.queue_url)?;
        self.steps(|steps, _| {
            steps.queue(name)?;
            steps.delete_queue(name)
        })?;
        self.wake();
        Ok(json!({}))
    }

    fn purge(&self, request: ByUrl) -> Answer {
        let name = name_in_url(&request.queue_url)?;
        self.steps(|steps, _| {
            steps.queue(name)?;
            steps.purge(name)
        })?;
        self.wake();
        Ok(json!({}))
    }

    fn get_attributes(&self, request: GetAttributes) -> Answer {
        let mut attributes = self.attributes(name_in_url(&request.queue_url)?)?;
        let asked = request.attribute_names;
        if let Some(unknown) = asked.iter().find(|name| !is_attribute(name)) {
            let message = format!("Unknown Attribute {unknown}.");
            return Err(SqsError::new(Kind::InvalidAttributeName, message));
        }
        if !asked.iter().any(|name| name == "All") {
            attributes.retain(|name, _| asked.contains(name));
        }
        Ok(unless_empty("Attributes", attributes.is_empty(), attributes))
    }

    fn put_attributes(&self, request: SetAttributes) -> Answer {
        self.set_attributes(name_in_url(&request.queue_url)?, &request.attributes)?;
        Ok(json!({}))
    }

    fn send_message(&self, request: SendMessage) -> Answer {
        let name = name_in_url(&request.queue_url)?;
        let draft = Draft::new(request.message_body, request.message_attributes, request.delay_seconds)?
            .in_group(request.message_group_id)?;
        let id = self.send(name, &draft)?;
        Ok(sent(&id, &draft))
    }

    fn delete_message(&self, request: DeleteMessage) -> Answer {
        self.delete(name_in_url(&request.queue_url)?, &request.receipt_handle)?;
        Ok(json!({}))
    }

    fn change_visibility(&self, request: ChangeVisibility) -> Answer {
        let name = name_in_url(&request.queue_url)?;
        self.hide(name, &request.receipt_handle, request.visibility_timeout)?;
        Ok(json!({}))
    }

    /// Makes a message in flight visible in `timeout` seconds.
    fn hide(&self, name: &str, handle: &str, timeout: i64) -> Result<(), SqsError> {
        if !(0..=MAX_VISIBILITY_S).contains(&timeout) {
            let reason = "Must be between 0 and 43200.";
            return Err(SqsError::invalid("VisibilityTimeout", timeout, reason));
        }
        self.steps(|steps, now| {
            steps.queue(name)?;
            let (id, receipt) = read_handle(handle)?;
            let since = steps.in_flight_since(name, (&id, &receipt), now)?.ok_or_else(|| {
                let message = format!(
                    "Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."
                );
                SqsError::new(Kind::MessageNotInflight, message)
            })?;
            let visible = now + timeout * 1000;
            if visible - since > MAX_VISIBILITY_S * 1000 {
                let reason = format!(
                    "Total VisibilityTimeout for the message is beyond the limit [{MAX_VISIBILITY_S} seconds]"
                );
                return Err(SqsError::invalid("VisibilityTimeout", timeout, &reason));
            }
            steps.change_visibility(&id, visible)
        })?;
        self.wake();
        Ok(())
    }

    /// Moves all dead letters, at once, to the queue they came from or to another one.
    fn start_move(&self, request: StartMove) -> Answer {
        let no_source = || {
            let message = "The resource that you specified for the SourceArn parameter doesn't exist.";
            SqsError::new(Kind::ResourceNotFound, message)
        };
        let from = name_in_arn(&request.source_arn).ok_or_else(no_source)?;
        let to = request
            .destination_arn
            .as_deref()
            .map(|arn| name_in_arn(arn).ok_or_else(no_source));
        let to = to.transpose()?;
        self.steps(|steps, now| {
            steps.find_queue(&from)?.ok_or_else(no_source)?;
            if let Some(to) = &to {
                steps.find_queue(to)?.ok_or_else(no_source)?;
            }
            let sources = steps
                .queues()?
                .into_iter()
                .filter(|queue| queue.redrive().is_some_and(|redrive| redrive.dead_letter_queue == from));
            let mut known = false;
            for source in sources {
                known = true;
                steps.redrive(&from, to.as_ref().unwrap_or(&source.name), &source.name, now)?;
            }
            if known {
                return Ok(());
            }
            let message = "Source queue must be configured as a Dead Letter Queue.";
            Err(SqsError::new(Kind::InvalidParameterValue, message))
        })?;
        self.wake();
        Ok(json!({ "TaskHandle": new_id() }))
    }
}

/// The answer to a message sent.
fn sent(id: &str, draft: &Draft) -> Value {
    let mut answer = json!({ "MessageId": id, "MD5OfMessageBody": md5(draft.body.as_bytes()) });
    if let Some(digest) = md5_of_attributes(&draft.attributes) {
        answer["MD5OfMessageAttributes"] = json!(digest);
    }
    answer
}

/// An answer with one member, which AWS leaves out when it is empty.
fn unless_empty(member: &str, is_empty: bool, value: impl serde::Serialize) -> Value {
    if is_empty { json!({}) } else { json!({ member: value }) }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        match text
            .strip_prefix("missing field `")
            .and_then(|text| text.split_once('`'))
        {
            Some((field, _)) => SqsError::missing(field),
            None => SqsError::new(Kind::Serialization, text),
        }
    })
}
