//! Queries: questions and SQL, checked, executed and kept in the history of their user.
//!
//! A query runs within the request, in a child process of the function `query`: a caller waits for its rows anyway, and
//! the limits of the child (time, memory, a connection that only reads) hold wherever it runs. A worker would add a
//! queue and a place for the rows, and protect nothing more.

mod chart;
mod generate;
mod history;
mod in_session;
mod parse;
mod prompt;
mod sentence;

use std::time::Duration;

use domain::{
    Clarification, DataSource, DataSourceId, DataSourceKind, Error, Membership, QueryFailure, QueryRecord, QueryStatus,
    Result, UpstreamKind, Usage,
};
use futures::future::BoxFuture;
use serde_json::Value;
use sql_engine::{Description, EngineError, QueryLimits, Refusal, ResultSet};
use sql_guard::{Dialect, GuardedQuery, Policy, TableRule, guard};

use crate::{App, BillingContext, Identity, data_sources::SourceSchema};
use generate::{Asked, Written};
pub(crate) use in_session::told_to_models;
pub use in_session::{SessionAnswer, ShownQuery};

/// Maximum number of rows of a response.
pub(crate) const MAX_ROWS: usize = 1_000;
/// Maximum size of the rows of a response, in bytes: a response of Lambda has 6 MB.
const MAX_BYTES: usize = 2_000_000;
/// Time of a query.
const DEADLINE: Duration = Duration::from_secs(10);

/// What to query.
#[derive(Debug, Clone)]
pub enum Query {
    /// A question, which becomes SQL.
    Question {
        /// The question.
        text: String,
        /// The model that writes it. If omitted, the default one, and none if all of the question is understood without.
        model: Option<String>,
    },
    /// SQL.
    Sql(String),
}

/// A request for a query.
#[derive(Debug, Clone)]
pub struct NewQuery {
    /// What to query.
    pub query: Query,
    /// The data source; the default one if omitted.
    pub data_source: Option<DataSourceId>,
    /// What was chosen where the question was unclear.
    pub choices: Vec<String>,
    /// Whether to execute it, rather than only to write and check it.
    pub execute: bool,
}

/// An earlier question of a chat session, from which a later one may go on.
#[derive(Debug, Clone)]
pub(crate) struct Earlier {
    pub(crate) question: String,
    pub(crate) sql: String,
}

/// A query with its result.
#[derive(Debug, Clone)]
pub struct QueryAnswer {
    /// As the history has it.
    pub record: QueryRecord,
    /// The rows; `None` if it was not executed.
    pub result: Option<ResultSet>,
    /// What the rows say, in a sentence.
    pub answer: Option<String>,
    /// A Vega-Lite chart of the rows, if one suits them.
    pub chart: Option<Value>,
}

/// Whether a text is a query that may be executed, and what it reads.
#[derive(Debug, Clone)]
pub struct Validation {
    /// The query that would be executed; `None` if the text is refused.
    pub sql: Option<String>,
    /// Why it is refused.
    pub failure: Option<QueryFailure>,
    /// The tables that it reads.
    pub tables: Vec<String>,
    /// The names of its columns.
    pub columns: Vec<String>,
}

impl QueryAnswer {
    fn new(record: QueryRecord, result: Option<ResultSet>) -> Self {
        let asked_back = record.clarification.as_ref().map(|asked| asked.question.clone());
        Self {
            answer: result.as_ref().map(sentence::of).or(asked_back),
            chart: result.as_ref().and_then(chart::of),
            result,
            record,
        }
    }
}

/// A query that was checked.
pub(crate) struct Checked {
    /// What people see: its limit is that of a response.
    pub(crate) shown: GuardedQuery,
    /// What is executed: one row more tells whether there are more.
    executed: String,
}

impl App {
    /// Answers a question or executes SQL.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for the data source, [`Error::Conflict`] `data_source_not_ready`,
    /// [`Error::TooMany`] `too_many_queries`, [`Error::Unusable`] for SQL that is refused, a question that has no answer
    /// (`question_not_answered`) or needs a model (`needs_model`), and the errors of [`App::generate`].
    pub fn query<'a>(
        &'a self,
        identity: &'a Identity,
        member: &'a Membership,
        new: NewQuery,
    ) -> BoxFuture<'a, Result<QueryAnswer>> {
        Box::pin(async move {
            self.count_query(&member.member).await?;
            let schema = self.source_schema(&member.org, new.data_source.as_ref()).await?;
            let (record, found) = self.ask(identity, member, &schema, new, &[]).await?;
            Ok(QueryAnswer::new(record, found?))
        })
    }

    /// Answers a question or executes SQL, and keeps it in the history. `earlier`: the questions before it, oldest first.
    /// Returns what the history has, and the rows or why there are none.
    pub(crate) async fn ask(
        &self,
        identity: &Identity,
        member: &Membership,
        schema: &SourceSchema,
        new: NewQuery,
        earlier: &[Earlier],
    ) -> Result<(QueryRecord, Result<Option<ResultSet>>)> {
        let mut record = QueryRecord {
            id: self.ids.make()?,
            data_source: schema.source.id.clone(),
            question: None,
            sql: None,
            explanation: None,
            choices: new.choices,
            clarification: None,
            status: QueryStatus::Prepared,
            failure: None,
            row_count: 0,
            truncated: false,
            duration_ms: 0,
            attempts: 0,
            model: None,
            requested_model: None,
            schema_etag: None,
            usage: Usage::default(),
            cost_micro_usd: Some(0),
            created_at: self.clock.now(),
        };
        let found = match new.query {
            Query::Sql(sql) => self.run_sql(schema, &sql, new.execute, &mut record).await,
            Query::Question { text, model } => {
                let asked = Asked {
                    billing: BillingContext::of(identity, member),
                    question: text,
                    model,
                    earlier,
                };
                self.answer_question(member, schema, asked, new.execute, &mut record)
                    .await
            }
        };
        if is_kept(&record) {
            self.store.queries(&member.org, &member.member).put(&record).await?;
        }
        Ok((record, found))
    }

    /// Checks SQL without executing it.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for the data source, [`Error::Conflict`] `data_source_not_ready`, and
    /// [`Error::TooMany`] `too_many_queries`.
    pub fn validate_sql<'a>(
        &'a self,
        member: &'a Membership,
        data_source: Option<&'a DataSourceId>,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<Validation>> {
        Box::pin(async move {
            self.count_query(&member.member).await?;
            let schema = self.source_schema(&member.org, data_source).await?;
            let checked = match checked(&schema, sql) {
                Ok(checked) => checked,
                Err(failure) => return Ok(refused(failure, Vec::new())),
            };
            Ok(match self.describe(&schema.source, &checked).await? {
                Ok(description) => Validation {
                    sql: Some(checked.shown.sql),
                    failure: None,
                    tables: checked.shown.tables,
                    columns: description.columns,
                },
                Err(failure) => refused(failure, checked.shown.tables),
            })
        })
    }

    /// Executes a query that reads nothing. Returns the milliseconds that it took.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Conflict`] `data_source_not_ready`, and [`Error::TooMany`]
    /// `too_many_queries`.
    pub fn test_data_source<'a>(&'a self, member: &'a Membership, id: &'a DataSourceId) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.count_query(&member.member).await?;
            let source = self.data_source(&member.org, Some(id)).await?.source;
            let began = self.clock.now_ms();
            let limits = QueryLimits {
                max_rows: 1,
                max_bytes: MAX_BYTES,
                deadline: DEADLINE,
            };
            if source.connection.is_some() {
                self.test_connection(&source, limits).await?;
                return Ok(self.clock.now_ms().abs_diff(began));
            }
            let file = self.file_of(&source).await?;
            let found = outcome(self.engine.query(&file, "SELECT 1", &[], limits).await)?;
            found.map_err(|failure| unusable(&failure, "/data_source_id"))?;
            Ok(self.clock.now_ms().abs_diff(began))
        })
    }

    /// Checks and executes SQL that a caller wrote.
    async fn run_sql(
        &self,
        schema: &SourceSchema,
        sql: &str,
        execute: bool,
        record: &mut QueryRecord,
    ) -> Result<Option<ResultSet>> {
        let work = async {
            let checked = match checked(schema, sql) {
                Ok(checked) => checked,
                Err(failure) => return Ok(Err(failure)),
            };
            record.sql = Some(checked.shown.sql.clone());
            if execute {
                Ok(self.execute(&schema.source, &checked, record).await?.map(Some))
            } else {
                Ok(self.describe(&schema.source, &checked).await?.map(|_| None))
            }
        };
        let ended: Result<Result<_, QueryFailure>> = work.await;
        match ended? {
            Ok(result) => Ok(result),
            Err(failure) => {
                record.status = QueryStatus::Failed;
                record.failure = Some(failure.clone());
                Err(unusable(&failure, "/sql"))
            }
        }
    }

    /// Answers a question: without a model if all of it is understood, else by SQL that a model writes.
    async fn answer_question(
        &self,
        member: &Membership,
        schema: &SourceSchema,
        asked: Asked<'_>,
        execute: bool,
        record: &mut QueryRecord,
    ) -> Result<Option<ResultSet>> {
        record.question = Some(asked.question.clone());
        // Who names a model wants to hear it.
        if asked.model.is_none()
            && let Some(found) = self.parse_question(schema, &asked, execute, record).await?
        {
            return Ok(found);
        }
        record.requested_model.clone_from(&asked.model);
        // A question that goes on from others means something else after others.
        let stands_alone = asked.earlier.is_empty() && record.choices.is_empty();
        record.schema_etag = stands_alone.then(|| schema.etag());
        if execute && let Some(found) = self.answer_again(member, schema, record).await? {
            return Ok(Some(found));
        }
        let written = self.write_sql(schema, &asked, execute, record);
        let limit = self.config.answers.whole;
        let Ok(written) = tokio::time::timeout(limit, written).await else {
            return Err(Error::Upstream {
                kind: UpstreamKind::TimedOut,
                code: "answer_not_streamed",
                detail: "The model takes too long to write the query. Try a shorter question, or another model."
                    .to_owned(),
                retry_after: None,
            });
        };
        match written? {
            Written::Done(result) => Ok(result),
            Written::Unclear(clarification) => {
                ask_back(record, clarification);
                Ok(None)
            }
            Written::Failed(failure) => {
                record.status = QueryStatus::Failed;
                record.failure = Some(failure.clone());
                Err(Error::Unusable {
                    code: "question_not_answered",
                    pointer: "/question",
                    detail: format!("The question could not be answered: {}", failure.detail),
                })
            }
        }
    }

    /// Executes a query that was checked.
    ///
    /// # Errors
    /// Returns an error if the cause is not the query.
    pub(crate) async fn execute(
        &self,
        source: &DataSource,
        checked: &Checked,
        record: &mut QueryRecord,
    ) -> Result<Result<ResultSet, QueryFailure>> {
        let limits = QueryLimits {
            max_rows: MAX_ROWS,
            max_bytes: MAX_BYTES,
            deadline: DEADLINE,
        };
        let began = self.clock.now_ms();
        let found = self.run(source, checked, limits).await?;
        record.duration_ms = self.clock.now_ms().abs_diff(began);
        if let Ok(rows) = &found {
            record.status = QueryStatus::Succeeded;
            record.row_count = rows.rows.len() as u64;
            record.truncated = rows.truncated;
        }
        Ok(found)
    }

    async fn run(
        &self,
        source: &DataSource,
        checked: &Checked,
        limits: QueryLimits,
    ) -> Result<Result<ResultSet, QueryFailure>> {
        if source.connection.is_some() {
            return self.query_server(source, &checked.executed, limits).await;
        }
        let file = self.file_of(source).await?;
        let tables = &checked.shown.tables;
        outcome(self.engine.query(&file, &checked.executed, tables, limits).await)
    }

    /// Compiles a query that was checked.
    pub(crate) async fn describe(
        &self,
        source: &DataSource,
        checked: &Checked,
    ) -> Result<Result<Description, QueryFailure>> {
        if source.connection.is_some() {
            return self.describe_on_server(source, &checked.executed, DEADLINE).await;
        }
        let file = self.file_of(source).await?;
        let tables = &checked.shown.tables;
        outcome(self.engine.describe(&file, &checked.executed, tables, DEADLINE).await)
    }
}

/// Returns the language of the queries of a data source.
pub(crate) fn dialect_of(source: &DataSource) -> Dialect {
    match source.kind {
        DataSourceKind::Sample | DataSourceKind::Csv | DataSourceKind::Sqlite => Dialect::Sqlite,
        DataSourceKind::Postgres => Dialect::Postgres,
    }
}

/// Checks a text against the tables of a data source.
pub(crate) fn checked(schema: &SourceSchema, sql: &str) -> Result<Checked, QueryFailure> {
    checked_within(schema, sql, MAX_ROWS)
}

fn checked_within(schema: &SourceSchema, sql: &str, max_rows: usize) -> Result<Checked, QueryFailure> {
    let tables = schema.catalog.tables.iter().map(|table| TableRule {
        schema: table.schema.clone(),
        ..TableRule::whole(table.relation())
    });
    let mut policy = Policy {
        dialect: dialect_of(&schema.source),
        tables: tables.collect(),
        max_rows: max_rows as u64,
    };
    let failure = |refusal: sql_guard::Refusal| QueryFailure {
        code: refusal.code().to_owned(),
        detail: refusal.to_string(),
    };
    let shown = guard(sql, &policy).map_err(failure)?;
    policy.max_rows += 1;
    let executed = guard(sql, &policy).map_err(failure)?.sql;
    Ok(Checked { shown, executed })
}

/// Separates what a query is to blame for from what it is not.
fn outcome<T>(ended: Result<T, EngineError>) -> Result<Result<T, QueryFailure>> {
    match ended {
        Ok(done) => Ok(Ok(done)),
        Err(EngineError::Refused(Refusal { code, detail })) => Ok(Err(QueryFailure { code, detail })),
        Err(EngineError::Process(cause)) => Err(Error::unavailable(cause)),
    }
}

fn refused(failure: QueryFailure, tables: Vec<String>) -> Validation {
    Validation {
        sql: None,
        failure: Some(failure),
        tables,
        columns: Vec::new(),
    }
}

/// Returns whether the history has a query: what could not be asked at all is none.
pub(crate) fn is_kept(record: &QueryRecord) -> bool {
    record.attempts > 0 || record.sql.is_some() || record.failure.is_some() || record.clarification.is_some()
}

/// Records that a question was answered with a question.
fn ask_back(record: &mut QueryRecord, clarification: Clarification) {
    record.status = QueryStatus::Unclear;
    record.sql = None;
    record.clarification = Some(clarification);
}

/// Returns the error for a query that a caller wrote.
fn unusable(failure: &QueryFailure, pointer: &'static str) -> Error {
    let code = match failure.code.as_str() {
        "timed_out" => "query_timed_out",
        "too_large" => "query_too_large",
        "sql_error" => "sql_error",
        _ => "query_refused",
    };
    Error::Unusable {
        code,
        pointer,
        detail: failure.detail.clone(),
    }
}

/// Returns the error for a query that the user does not have.
pub(crate) const fn no_query() -> Error {
    Error::NotFound("query")
}

#[cfg(test)]
mod tests;
