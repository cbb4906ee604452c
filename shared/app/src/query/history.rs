//! The history of a user's queries. It has the queries and not their rows: those are read again.

use std::time::Duration;

use domain::{Error, Membership, Page, PageRequest, QueryFailure, QueryId, QueryRecord, Result};
use futures::future::BoxFuture;
use serde_json::Value;
use sql_engine::{QueryLimits, ResultSet};

use super::{NewQuery, Query, QueryAnswer, checked_within, no_query, unusable};
use crate::{App, Identity, data_sources::SourceSchema};

/// How long the same question has the same SQL, in milliseconds.
const SAME_ANSWER_MS: i64 = 6 * 60 * 60 * 1_000;
/// Maximum number of rows of a file.
const MAX_FILE_ROWS: usize = 50_000;
/// Maximum size of a file, in bytes of JSON: the file is smaller.
const MAX_FILE_BYTES: usize = 4_000_000;
/// Time of the query of a file.
const FILE_DEADLINE: Duration = Duration::from_secs(20);

impl App {
    /// Returns the queries of a user in an organization, newest first.
    pub fn query_history<'a>(
        &'a self,
        member: &'a Membership,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<QueryRecord>>> {
        Box::pin(async move {
            self.store
                .queries(&member.org, &member.member)
                .list(page, self.clock.now())
                .await
        })
    }

    /// Returns a query of a user.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn query_record<'a>(&'a self, member: &'a Membership, id: &'a QueryId) -> BoxFuture<'a, Result<QueryRecord>> {
        Box::pin(async move {
            let found = self
                .store
                .queries(&member.org, &member.member)
                .get(id, self.clock.now())
                .await?;
            found.ok_or(no_query())
        })
    }

    /// Deletes a query of a user.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn delete_query<'a>(&'a self, member: &'a Membership, id: &'a QueryId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let is_deleted = self.store.queries(&member.org, &member.member).delete(id).await?;
            is_deleted.then_some(()).ok_or(no_query())
        })
    }

    /// Answers a question with the SQL that it was answered with before, today and about the same tables. Returns `None`
    /// if there is none that still works.
    ///
    /// # Errors
    /// Returns an error if the cause is not the query.
    pub(super) async fn answer_again(
        &self,
        member: &Membership,
        schema: &SourceSchema,
        record: &mut QueryRecord,
    ) -> Result<Option<ResultSet>> {
        let (Some(question), Some(etag)) = (record.question.clone(), record.schema_etag.clone()) else {
            return Ok(None);
        };
        let page = PageRequest::default();
        let queries = self.store.queries(&member.org, &member.member);
        let history = queries.list(&page, record.created_at).await?;
        let model = record.requested_model.as_deref();
        // A query may contain the day of its question.
        let is_recent = |age_ms: i64| age_ms < SAME_ANSWER_MS;
        let now = record.created_at.as_millisecond();
        let found = history.items.into_iter().find(|earlier| {
            is_recent(now - earlier.created_at.as_millisecond())
                && earlier.answers(&question, &record.data_source, &etag, model)
        });
        let Some(QueryRecord {
            sql: Some(sql),
            explanation,
            model,
            ..
        }) = found
        else {
            return Ok(None);
        };
        let Ok(checked) = super::checked(schema, &sql) else {
            return Ok(None);
        };
        let Ok(rows) = self.execute(&schema.source, &checked, record).await? else {
            return Ok(None);
        };
        (record.sql, record.explanation, record.model) = (Some(sql), explanation, model);
        Ok(Some(rows))
    }

    /// Executes the SQL of an earlier query again, as a query of its own. No model is called.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Conflict`] `query_without_sql`, and the errors of [`App::query`].
    pub fn rerun_query<'a>(
        &'a self,
        identity: &'a Identity,
        member: &'a Membership,
        id: &'a QueryId,
    ) -> BoxFuture<'a, Result<QueryAnswer>> {
        Box::pin(async move {
            let earlier = self.query_record(member, id).await?;
            let again = NewQuery {
                query: Query::Sql(sql_of(&earlier)?),
                data_source: Some(earlier.data_source),
                choices: Vec::new(),
                execute: true,
            };
            self.query(identity, member, again).await
        })
    }

    /// Returns the rows of an earlier query as comma-separated values (RFC 4180), read again, and whether there were
    /// more.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Conflict`] `query_without_sql`, and [`Error::Unusable`] if the query can no
    /// longer be executed.
    pub fn query_as_csv<'a>(&'a self, member: &'a Membership, id: &'a QueryId) -> BoxFuture<'a, Result<Vec<u8>>> {
        Box::pin(async move {
            let earlier = self.query_record(member, id).await?;
            self.count_query(&member.member).await?;
            let schema = self.source_schema(&member.org, Some(&earlier.data_source)).await?;
            let failed = |failure: &QueryFailure| unusable(failure, "/query_id");
            let checked =
                checked_within(&schema, &sql_of(&earlier)?, MAX_FILE_ROWS).map_err(|failure| failed(&failure))?;
            let limits = QueryLimits {
                max_rows: MAX_FILE_ROWS,
                max_bytes: MAX_FILE_BYTES,
                deadline: FILE_DEADLINE,
            };
            let rows = self.run(&schema.source, &checked, limits).await?;
            csv_of(&rows.map_err(|failure| failed(&failure))?)
        })
    }
}

fn sql_of(query: &QueryRecord) -> Result<String> {
    query.sql.clone().ok_or_else(|| {
        let detail = "This query failed before there was any SQL. Ask its question again.";
        Error::conflict("query_without_sql", detail)
    })
}

fn csv_of(result: &ResultSet) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let names = result.columns.iter().map(|column| plain(&column.name));
    writer.write_record(names).map_err(Error::internal)?;
    for row in &result.rows {
        let values = row.iter().map(|value| match value {
            Value::Null => String::new(),
            Value::String(text) => plain(text),
            other => other.to_string(),
        });
        writer.write_record(values).map_err(Error::internal)?;
    }
    writer.into_inner().map_err(|error| Error::internal(error.to_string()))
}

/// Spreadsheets execute text that begins like a formula
/// (<https://owasp.org/www-community/attacks/CSV_Injection>); a quotation mark makes it text.
fn plain(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sql_engine::{ColumnType, ResultColumn};

    use super::*;

    #[test]
    fn a_file_quotes_what_would_be_read_otherwise() {
        let result = ResultSet {
            columns: vec![ResultColumn {
                name: "a,b".to_owned(),
                column_type: ColumnType::Text,
            }],
            rows: vec![
                vec![json!("=1+1")],
                vec![json!(-2.5)],
                vec![json!(null)],
                vec![json!("x\"y")],
            ],
            truncated: false,
        };
        let text = String::from_utf8(csv_of(&result).unwrap_or_default()).unwrap_or_default();
        assert_eq!(text, "\"a,b\"\r\n'=1+1\r\n-2.5\r\n\"\"\r\n\"x\"\"y\"\r\n");
    }
}
