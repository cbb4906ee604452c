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
    /// The question could mean several things, and was answered with a question.
    Unclear,
}

/// A question back: what a question could mean equally.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Clarification {
    /// The question back, in a sentence.
    pub question: String,
    /// What it could mean: two to five things.
    pub choices: Vec<QueryChoice>,
}

/// Something that a question could mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct QueryChoice {
    /// What to send to choose it.
    pub value: String,
    /// How people call it.
    pub label: String,
}

impl Clarification {
    /// Maximum number of choices.
    pub const MAX_CHOICES: usize = 5;

    /// Returns the choice that a reply means: by its value, its label or its number.
    pub fn chosen(&self, reply: &str) -> Option<&QueryChoice> {
        let reply = reply.trim().trim_end_matches(['.', '!', '?']);
        let is_named = |choice: &&QueryChoice| {
            [&choice.value, &choice.label]
                .iter()
                .any(|name| name.to_lowercase() == reply.to_lowercase())
        };
        self.choices.iter().find(is_named).or_else(|| {
            let number: usize = reply.parse().ok()?;
            self.choices.get(number.checked_sub(1)?)
        })
    }
}

/// A query that an answer of a chat session tells of, with the first of its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerQuery {
    /// Its ID in the history.
    pub id: QueryId,
    /// The database that was queried.
    pub data_source: DataSourceId,
    /// The question that was asked. A reply to a question back asks the one before it again.
    pub question: String,
    /// What was chosen where it was unclear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// The query that was executed; `None` if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// How the question was understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// The question back, if it was unclear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clarification: Option<Clarification>,
    /// The columns and the first rows, as JSON. They are data of the database, whoever wrote it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Number of rows that there were.
    pub row_count: u64,
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
    /// What was chosen where the question was unclear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// The question back, if it was unclear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clarification: Option<Clarification>,
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
    /// What they cost, in millionths of a US dollar; `None` if a price is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
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
            && self.choices.is_empty()
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
    use super::{Clarification, QueryChoice, normalized};

    #[test]
    fn a_choice_is_known_by_its_value_label_and_number() {
        let choice = |value: &str, label: &str| QueryChoice {
            value: value.to_owned(),
            label: label.to_owned(),
        };
        let asked = Clarification {
            question: "Which?".to_owned(),
            choices: vec![choice("a.x", "x of a"), choice("b.x", "x of b")],
        };
        for reply in ["b.x", " X of B.", "2"] {
            assert_eq!(asked.chosen(reply), asked.choices.last(), "{reply}");
        }
        for reply in ["0", "3", "", "x"] {
            assert_eq!(asked.chosen(reply), None, "{reply}");
        }
    }

    #[test]
    fn a_question_is_the_same_whatever_its_case_and_punctuation() {
        assert_eq!(normalized(" How many  orders? "), normalized("how many orders"));
        assert_ne!(normalized("orders over 1.5"), normalized("orders over 15"));
    }
}
