//! Queries, and the history of a user.

use app::{NewQuery, Query as Wanted, QueryAnswer, ResultColumn, SessionAnswer, Validation};
use domain::{
    Clarification, ConversationId, DataSourceId, Error, MessageId, Permission, QueryFailure, QueryId, QueryRecord,
    QueryStatus, Timestamp, Usage, auth::permission::QueryDataSources,
};
use garde::Validate;
use http_api::{Body, CsvFile, Ctx, Json, Listing, May, NoContent, Paging, Path, Result, not_blank, readable_name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A question, or SQL.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct QueryRequest {
    /// A question about the data. `query` is an alias.
    #[garde(length(chars, max = QueryRecord::MAX_QUESTION), inner(custom(not_blank)))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    #[serde(alias = "query")]
    question: Option<String>,
    /// SQL in place of a question: one SELECT statement.
    #[garde(length(bytes, max = 20_000), inner(custom(not_blank)))]
    #[schemars(length(max = 20_000), regex(pattern = http_api::NOT_BLANK))]
    sql: Option<String>,
    /// ID of the data source; the default one if omitted.
    #[garde(skip)]
    data_source_id: Option<DataSourceId>,
    /// What was chosen of the `choices` of a question back, by their `value`: send the question again with it.
    #[garde(length(max = Clarification::MAX_CHOICES), inner(inner(length(chars, max = 300))))]
    #[schemars(inner(length(max = 300)))]
    choices: Option<Vec<String>>,
    /// Whether to execute the query. If false, it is only written and checked.
    #[garde(skip)]
    execute: Option<bool>,
    /// Model or alias that writes the SQL.
    #[garde(length(chars, max = 100), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    model: Option<String>,
}

/// A question in a chat session.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct SessionQuestion {
    /// A question about the data, which may go on from the ones before it, or the reply to a question back. `query` is an
    /// alias.
    #[garde(length(chars, max = QueryRecord::MAX_QUESTION), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    #[serde(alias = "query")]
    question: String,
    /// ID of the data source; that of the question before if omitted, else the default one.
    #[garde(skip)]
    data_source_id: Option<DataSourceId>,
    /// What was chosen of the `choices` of a question back, by their `value`.
    #[garde(length(max = Clarification::MAX_CHOICES), inner(inner(length(chars, max = 300))))]
    #[schemars(inner(length(max = 300)))]
    choices: Option<Vec<String>>,
    /// Model or alias that writes the SQL.
    #[garde(length(chars, max = 100), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    model: Option<String>,
}

/// The parameter `{session_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SessionPath {
    session_id: ConversationId,
}

/// A query of a chat session with its rows.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SessionQueryResult {
    session_id: ConversationId,
    /// ID of the question as a message of the chat session.
    message_id: MessageId,
    /// ID of its answer, which keeps the first 100 rows.
    answer_id: MessageId,
    #[serde(flatten)]
    query: QueryView,
}

/// SQL to validate.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct ValidationRequest {
    /// One SELECT statement.
    #[garde(length(bytes, max = 20_000), custom(not_blank))]
    #[schemars(length(max = 20_000), regex(pattern = http_api::NOT_BLANK))]
    sql: String,
    /// ID of the data source; the default one if omitted.
    #[garde(skip)]
    data_source_id: Option<DataSourceId>,
}

/// The parameter `{query_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct QueryPath {
    query_id: QueryId,
}

/// A query with its rows.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "QueryResult")]
pub(crate) struct QueryView {
    query_id: QueryId,
    data_source_id: DataSourceId,
    /// Null if SQL was sent.
    question: Option<String>,
    /// The query that was executed, with its limit.
    sql: Option<String>,
    /// Empty if it was not executed.
    columns: Vec<ResultColumn>,
    /// Each has a value for each column. Empty if it was not executed.
    rows: Vec<Vec<Value>>,
    row_count: u64,
    /// Whether there are more rows than are returned.
    truncated: bool,
    /// Milliseconds that the database took.
    duration_ms: u64,
    /// How the question was understood.
    explanation: Option<String>,
    /// What the rows say, in a sentence.
    answer: Option<String>,
    /// The question back, if the question could mean several things equally. Nothing was executed then.
    clarification: Option<Clarification>,
    /// A Vega-Lite specification of a chart, if one suits the rows.
    chart: Option<Value>,
    /// Number of calls of a model.
    attempts: u32,
    /// The model that wrote the query.
    model: Option<String>,
    usage: Usage,
    created_at: Timestamp,
}

impl From<QueryAnswer> for QueryView {
    fn from(answered: QueryAnswer) -> Self {
        let QueryAnswer {
            record,
            result,
            answer,
            chart,
        } = answered;
        let (columns, rows) = result.map(|result| (result.columns, result.rows)).unwrap_or_default();
        Self {
            query_id: record.id,
            data_source_id: record.data_source,
            question: record.question,
            sql: record.sql,
            columns,
            rows,
            row_count: record.row_count,
            truncated: record.truncated,
            duration_ms: record.duration_ms,
            explanation: record.explanation,
            answer,
            clarification: record.clarification,
            chart,
            attempts: record.attempts,
            model: record.model,
            usage: record.usage,
            created_at: record.created_at,
        }
    }
}

/// A query in the history.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "QueryHistoryEntry")]
pub(crate) struct HistoryView {
    query_id: QueryId,
    data_source_id: DataSourceId,
    /// Null if SQL was sent.
    question: Option<String>,
    /// Null if there was none.
    sql: Option<String>,
    explanation: Option<String>,
    /// The question back, if the status is `unclear`.
    clarification: Option<Clarification>,
    status: QueryStatus,
    /// Why it failed.
    error: Option<QueryFailure>,
    row_count: u64,
    truncated: bool,
    duration_ms: u64,
    attempts: u32,
    model: Option<String>,
    usage: Usage,
    created_at: Timestamp,
}

impl From<QueryRecord> for HistoryView {
    fn from(record: QueryRecord) -> Self {
        Self {
            query_id: record.id,
            data_source_id: record.data_source,
            question: record.question,
            sql: record.sql,
            explanation: record.explanation,
            clarification: record.clarification,
            status: record.status,
            error: record.failure,
            row_count: record.row_count,
            truncated: record.truncated,
            duration_ms: record.duration_ms,
            attempts: record.attempts,
            model: record.model,
            usage: record.usage,
            created_at: record.created_at,
        }
    }
}

/// Whether SQL can be executed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SqlValidation")]
pub(crate) struct ValidationView {
    valid: bool,
    /// The query that would be executed, with its limit; null if it is not valid.
    sql: Option<String>,
    errors: Vec<QueryFailure>,
    /// The tables that it reads.
    tables: Vec<String>,
    /// The names of its columns.
    columns: Vec<String>,
}

impl From<Validation> for ValidationView {
    fn from(validation: Validation) -> Self {
        Self {
            valid: validation.failure.is_none(),
            sql: validation.sql,
            errors: validation.failure.into_iter().collect(),
            tables: validation.tables,
            columns: validation.columns,
        }
    }
}

impl QueryRequest {
    fn into_query(self) -> Result<NewQuery, Error> {
        let query = match (self.question, self.sql) {
            (Some(text), None) => Wanted::Question {
                text,
                model: self.model,
            },
            (None, Some(sql)) => Wanted::Sql(sql),
            (Some(_), Some(_)) => return Err(Error::invalid("/sql", "must be left out if there is a question")),
            (None, None) => return Err(Error::invalid("/question", "is required, or `sql` in place of it")),
        };
        Ok(NewQuery {
            query,
            data_source: self.data_source_id,
            choices: self.choices.unwrap_or_default(),
            execute: self.execute.unwrap_or(true),
        })
    }
}

pub(crate) async fn create_query(
    app: Ctx,
    member: May<QueryDataSources>,
    Body(body): Body<QueryRequest>,
) -> Result<Json<QueryView>> {
    let answered = app.query(&member.identity, &member.org, body.into_query()?).await?;
    Ok(Json(answered.into()))
}

pub(crate) async fn query_chat_session(
    app: Ctx,
    member: May<QueryDataSources>,
    Path(path): Path<SessionPath>,
    Body(body): Body<SessionQuestion>,
) -> Result<Json<SessionQueryResult>> {
    // It also adds to the chat session, which a key may not do that can only query.
    if !member.identity.reaches(Permission::WriteChats) {
        return Err(Error::Forbidden {
            code: "scope_required",
            detail: "This API key lacks the scope `chats:write`.",
        }
        .into());
    }
    let new = NewQuery {
        query: Wanted::Question {
            text: body.question,
            model: body.model,
        },
        data_source: body.data_source_id,
        choices: body.choices.unwrap_or_default(),
        execute: true,
    };
    let SessionAnswer { turn, answer, query } = app
        .query_in_session(&member.identity, &member.org, &path.session_id, new)
        .await?;
    Ok(Json(SessionQueryResult {
        session_id: turn.conversation.clone(),
        message_id: turn.id.question(),
        answer_id: answer,
        query: query.into(),
    }))
}

pub(crate) async fn validate_query(
    app: Ctx,
    member: May<QueryDataSources>,
    Body(body): Body<ValidationRequest>,
) -> Result<Json<ValidationView>> {
    let validation = app.validate_sql(&member.org, body.data_source_id.as_ref(), &body.sql);
    Ok(Json(validation.await?.into()))
}

pub(crate) async fn list_queries(
    app: Ctx,
    member: May<QueryDataSources>,
    page: Paging,
) -> Result<Listing<HistoryView>> {
    let found = app.query_history(&member.org, &page).await?;
    page.answer(found.map(HistoryView::from))
}

pub(crate) async fn get_query(
    app: Ctx,
    member: May<QueryDataSources>,
    Path(path): Path<QueryPath>,
) -> Result<Json<HistoryView>> {
    Ok(Json(app.query_record(&member.org, &path.query_id).await?.into()))
}

pub(crate) async fn delete_query(
    app: Ctx,
    member: May<QueryDataSources>,
    Path(path): Path<QueryPath>,
) -> Result<NoContent> {
    app.delete_query(&member.org, &path.query_id).await?;
    Ok(NoContent)
}

pub(crate) async fn rerun_query(
    app: Ctx,
    member: May<QueryDataSources>,
    Path(path): Path<QueryPath>,
) -> Result<Json<QueryView>> {
    let answered = app.rerun_query(&member.identity, &member.org, &path.query_id).await?;
    Ok(Json(answered.into()))
}

pub(crate) async fn download_query(
    app: Ctx,
    member: May<QueryDataSources>,
    Path(path): Path<QueryPath>,
) -> Result<CsvFile> {
    let content = app.query_as_csv(&member.org, &path.query_id).await?;
    Ok(CsvFile::new(format!("query-{}.csv", path.query_id), content))
}
