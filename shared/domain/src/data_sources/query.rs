//! A query that a member asked, as the history shows it. The rows are not stored.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{DataSourceId, QueryId, Timestamp, Usage, time::after};

/// How a query ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum QueryStatus {
    /// It returned rows.
    Succeeded,
    /// It was checked and not executed, as requested.
    Prepared,
    /// It was refused, or ended without rows.
    Failed,
}

/// Why a query failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct QueryFailure {
    /// Stable `snake_case` word, such as `unknown_table`, `sql_error` or `timed_out`.
    pub code: String,
    /// A sentence.
    pub detail: String,
}

/// A query in the history of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryRecord {
    /// Its ID.
    pub id: QueryId,
    /// The database that was queried.
    pub data_source: DataSourceId,
    /// The question, unless SQL was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// The query that was executed; `None` if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// How the question was understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// How it ended.
    pub status: QueryStatus,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<QueryFailure>,
    /// Number of rows that were returned.
    pub row_count: u64,
    /// Whether there were more.
    pub truncated: bool,
    /// Milliseconds that the database took.
    pub duration_ms: u64,
    /// Number of calls of a model.
    pub attempts: u32,
    /// The model that wrote the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The model that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_model: Option<String>,
    /// The version of the schema that a model was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_etag: Option<String>,
    /// Tokens of all attempts.
    pub usage: Usage,
    /// When it was asked.
    pub created_at: Timestamp,
}

impl QueryRecord {
    /// Maximum length of a question, in characters.
    pub const MAX_QUESTION: usize = 1_000;

    /// How long it is in the history.
    pub const LISTED: Duration = Duration::from_hours(90 * 24);

    /// Returns when it is no longer in the history.
    pub fn expires_at(&self) -> Timestamp {
        after(self.created_at, Self::LISTED)
    }

    /// Returns whether it is in the history at `now`.
    pub fn is_listed(&self, now: Timestamp) -> bool {
        now < self.expires_at()
    }

    /// Returns whether this is the answer to the same question, about the same tables, by the same choice of model.
    pub fn answers(&self, question: &str, data_source: &DataSourceId, schema_etag: &str, model: Option<&str>) -> bool {
        let is_same = |own: &String| normalized(own) == normalized(question);
        self.status == QueryStatus::Succeeded
            && self.question.as_ref().is_some_and(is_same)
            && self.data_source == *data_source
            && self.schema_etag.as_deref() == Some(schema_etag)
            && self.requested_model.as_deref() == model
    }
}

/// Returns a question without what makes no difference: case, spaces, punctuation at its end.
fn normalized(question: &str) -> String {
    let words: Vec<String> = question.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ").trim_end_matches(['?', '.', '!', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::normalized;

    #[test]
    fn a_question_is_the_same_whatever_its_case_and_punctuation() {
        assert_eq!(normalized(" How many  orders? "), normalized("how many orders"));
        assert_ne!(normalized("orders over 1.5"), normalized("orders over 15"));
    }
}
