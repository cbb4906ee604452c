//! Operations by their names, from and to JSON, as dynoxide's own server has them.

use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};

/// What an operation returns as JSON, or why it fails.
pub(super) type Outcome = Result<String, DynoxideError>;

/// Whether an operation is one of DynamoDB, or of its streams.
pub(super) fn is_known(operation: &str) -> bool {
    OPERATIONS.iter().any(|(name, _)| *name == operation)
}

/// Carries out an operation; blocks on SQLite.
pub(super) fn dispatch(database: &Database, operation: &str, body: &str) -> Outcome {
    let found = OPERATIONS.iter().find(|(name, _)| *name == operation);
    match found {
        Some((_, run)) => run(database, body),
        None => Err(DynoxideError::SerializationException("unknown operation".to_owned())),
    }
}

type Operation = fn(&Database, &str) -> Outcome;

macro_rules! operations {
    ($($name:literal => $method:ident),* $(,)?) => {
        &[$(($name, |database, body| written(&database.$method(read(body)?)?))),*]
    };
}

const OPERATIONS: &[(&str, Operation)] = operations![
    "BatchExecuteStatement" => batch_execute_statement,
    "BatchGetItem" => batch_get_item,
    "BatchWriteItem" => batch_write_item,
    "CreateTable" => create_table,
    "DeleteItem" => delete_item,
    "DeleteTable" => delete_table,
    "DescribeStream" => describe_stream,
    "DescribeTable" => describe_table,
    "DescribeTimeToLive" => describe_time_to_live,
    "ExecuteStatement" => execute_statement,
    "ExecuteTransaction" => execute_transaction,
    "GetItem" => get_item,
    "GetRecords" => get_records,
    "GetShardIterator" => get_shard_iterator,
    "ListStreams" => list_streams,
    "ListTables" => list_tables,
    "ListTagsOfResource" => list_tags_of_resource,
    "PutItem" => put_item,
    "Query" => query,
    "Scan" => scan,
    "SearchVectors" => search_vectors,
    "TagResource" => tag_resource,
    "TransactGetItems" => transact_get_items,
    "TransactWriteItems" => transact_write_items,
    "UntagResource" => untag_resource,
    "UpdateItem" => update_item,
    "UpdateTable" => update_table,
    "UpdateTimeToLive" => update_time_to_live,
];

fn written<T: Serialize>(answer: &T) -> Outcome {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T, DynoxideError> {
    serde_json::from_str(body).map_err(|error| unreadable(&error.to_string()))
}

/// Returns the error of DynamoDB for a body that is not a request. dynoxide puts its own classification before the
/// message of serde.
fn unreadable(message: &str) -> DynoxideError {
    // DynamoDB does not include the position that serde_json reports.
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if message.contains("recursion limit exceeded") {
        let nesting = "Nesting Levels have exceeded supported limits";
        return DynoxideError::ValidationException(nesting.to_owned());
    }
    for marker in ["VALIDATION:", "VALIDATION_REQUEST:", "VALIDATION_AS_READ:"] {
        if let Some(message) = message.strip_prefix(marker) {
            return DynoxideError::ValidationException(message.to_owned());
        }
    }
    for marker in ["SERIALIZATION:", "SERIALIZATION_AS_READ:"] {
        if let Some(message) = message.strip_prefix(marker) {
            return DynoxideError::SerializationException(message.to_owned());
        }
    }
    let is_invalid = [
        "missing field",
        "unknown variant",
        "invalid type: null",
        "AttributeValue",
    ];
    if is_invalid.iter().any(|part| message.contains(part)) {
        DynoxideError::ValidationException(message.to_owned())
    } else {
        DynoxideError::SerializationException(message.to_owned())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_no_request_is_refused_with_dynamodbs_error() {
        let database = Database::memory().unwrap();
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for (operation, body, code) in [
            ("ListTables", "", "SerializationException"),
            ("ListTables", "[", "SerializationException"),
            ("ListTables", r#"{"Limit":"a"}"#, "SerializationException"),
            (
                "PutItem",
                r#"{"TableName":"t","Item":{"pk":{}}}"#,
                "ValidationException",
            ),
            (
                "PutItem",
                r#"{"TableName":"t","Item":{"pk":{"S":null}}}"#,
                "ValidationException",
            ),
            (
                "PutItem",
                &format!(r#"{{"TableName":"t","Item":{{"pk":{{"L":{deep}}}}}}}"#),
                "ValidationException",
            ),
            (
                "GetItem",
                r#"{"TableName":"none","Key":{"pk":{"S":"a"}}}"#,
                "ResourceNotFoundException",
            ),
            ("DropTable", "{}", "SerializationException"),
        ] {
            let refused = dispatch(&database, operation, body).unwrap_err().to_json();
            assert!(refused.contains(code), "{operation} {body}: {refused}");
            assert!(
                !refused.contains("VALIDATION") && !refused.contains(" at line "),
                "{refused}"
            );
        }
        assert_eq!(dispatch(&database, "ListTables", "{}").unwrap(), r#"{"TableNames":[]}"#);
    }
}
