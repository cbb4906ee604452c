//! How Lambda interprets the response of a function to a batch. See
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>.

use std::collections::HashSet;

use serde_json::Value;

use crate::cloud::sqs::Message;

/// Returns the IDs that a function reports as failed. An empty response, object or list means that none failed.
///
/// # Errors
/// If the whole batch counts as failed: the response is not an object, or names an ID that is not in the batch.
pub(super) fn failures(response: &Value, batch: &[Message]) -> Result<HashSet<String>, String> {
    let list = match response {
        Value::Null => return Ok(HashSet::new()),
        Value::Object(members) => members.get("batchItemFailures").unwrap_or(&Value::Null),
        other => return Err(format!("the handler returned no object: {other}")),
    };
    let list = match list {
        Value::Null => return Ok(HashSet::new()),
        Value::Array(list) => list,
        other => return Err(format!("`batchItemFailures` is no list: {other}")),
    };
    let id = |failure: &Value| {
        let id = failure["itemIdentifier"].as_str();
        let id = id.filter(|id| batch.iter().any(|message| message.id == *id));
        id.map(str::to_owned)
            .ok_or_else(|| format!("the handler reports a message that it was not given: {failure}"))
    };
    list.iter().map(id).collect()
}
