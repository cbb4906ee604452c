//! Queries on servers. A process keeps one connection to each data source, which rests while nobody queries.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::{DataSource, Error, QueryFailure, Result, UpstreamKind};
use futures::future::BoxFuture;
use postgres_engine::{PostgresError, Session};
use sql_engine::{Description, QueryLimits, Refusal, ResultSet};
use tokio::time::Instant;

use super::connect::ConnectionFailure;
use crate::App;

/// Number of connections that rest.
const MAX_RESTING: usize = 32;
/// A connection that rested longer may have been forgotten by a firewall, which would say so only after minutes.
const MAX_REST_MS: i64 = 60_000;

/// Connections that rest, by data source and connection.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, (Session, i64)>>);

impl Sessions {
    fn take(&self, key: &str, now_ms: i64) -> Option<Session> {
        let mut resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (session, since) = resting.remove(key)?;
        (session.is_usable() && now_ms.saturating_sub(since) < MAX_REST_MS).then_some(session)
    }

    fn keep(&self, key: String, session: Session, now_ms: i64) {
        let mut resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|_, (_, since)| now_ms.saturating_sub(*since) < MAX_REST_MS);
        if session.is_usable() && resting.len() < MAX_RESTING {
            resting.insert(key, (session, now_ms));
        }
    }
}

/// What is done on a connection.
#[derive(Clone, Copy)]
enum Work<'a> {
    Execute(&'a str, QueryLimits),
    Describe(&'a str, Duration),
}

enum Done {
    Rows(ResultSet),
    Described(Description),
}

impl App {
    /// Executes a query on the server of a data source.
    ///
    /// # Errors
    /// Returns [`Error::Upstream`] if the server cannot be used.
    pub(crate) async fn query_server(
        &self,
        source: &DataSource,
        sql: &str,
        limits: QueryLimits,
    ) -> Result<Result<ResultSet, QueryFailure>> {
        match self.on_server(source, Work::Execute(sql, limits)).await? {
            Ok(Done::Rows(rows)) => Ok(Ok(rows)),
            Ok(Done::Described(_)) => Err(Error::internal("a query was described")),
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// Connects to the server of a data source anew, and executes a query that reads nothing.
    ///
    /// # Errors
    /// Returns [`Error::Unusable`] with the reason if that fails.
    pub(crate) async fn test_connection(&self, source: &DataSource, limits: QueryLimits) -> Result<()> {
        let failed = |failure: ConnectionFailure| Error::Unusable {
            code: failure.code,
            pointer: "/connection",
            detail: failure.detail,
        };
        let mut session = self.open_session(source).await?.map_err(failed)?;
        match session.query("SELECT 1", &[], limits).await {
            Ok(_) => Ok(()),
            Err(PostgresError::Failed(failure)) => Err(failed(failure.into())),
            Err(PostgresError::Refused(refusal)) => Err(Error::Unusable {
                code: "sql_error",
                pointer: "/connection",
                detail: refusal.detail,
            }),
        }
    }

    /// Compiles a query on the server of a data source.
    ///
    /// # Errors
    /// Returns [`Error::Upstream`] if the server cannot be used.
    pub(crate) async fn describe_on_server(
        &self,
        source: &DataSource,
        sql: &str,
        deadline: Duration,
    ) -> Result<Result<Description, QueryFailure>> {
        match self.on_server(source, Work::Describe(sql, deadline)).await? {
            Ok(Done::Described(description)) => Ok(Ok(description)),
            Ok(Done::Rows(_)) => Err(Error::internal("a query was executed")),
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// Works on the connection that rests, or else on a new one. One that ended while it rested is opened again, once.
    async fn on_server(&self, source: &DataSource, work: Work<'_>) -> Result<Result<Done, QueryFailure>> {
        let connection = source.connection.as_ref();
        let version = connection.map_or("", |connection| connection.password.0.as_str());
        let key = format!("{}/{}/{version}", source.org, source.id);
        let end = Instant::now()
            + match work {
                Work::Execute(_, limits) => limits.deadline,
                Work::Describe(_, deadline) => deadline,
            };
        if let Some(mut session) = self.sessions.take(&key, self.clock.now_ms()) {
            let done = worked(&mut session, source, work, end).await;
            let has_ended = matches!(done, Err(PostgresError::Failed(_)));
            self.sessions.keep(key.clone(), session, self.clock.now_ms());
            if !has_ended {
                return outcome(done);
            }
        }
        let mut session = match self.open_session(source).await? {
            Ok(session) => session,
            Err(failure) => return Err(unavailable(failure)),
        };
        let done = worked(&mut session, source, work, end).await;
        self.sessions.keep(key, session, self.clock.now_ms());
        outcome(done)
    }
}

fn worked<'a>(
    session: &'a mut Session,
    source: &'a DataSource,
    work: Work<'a>,
    end: Instant,
) -> BoxFuture<'a, Result<Done, PostgresError>> {
    Box::pin(async move {
        let left = end.saturating_duration_since(Instant::now());
        let schemas = &source.search_path;
        match work {
            Work::Execute(sql, limits) => {
                let limits = QueryLimits {
                    deadline: left,
                    ..limits
                };
                session.query(sql, schemas, limits).await.map(Done::Rows)
            }
            Work::Describe(sql, _) => session.describe(sql, schemas, left).await.map(Done::Described),
        }
    })
}

/// Separates what a query is to blame for from what it is not.
fn outcome(done: Result<Done, PostgresError>) -> Result<Result<Done, QueryFailure>> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(PostgresError::Refused(Refusal { code, detail })) => Ok(Err(QueryFailure { code, detail })),
        Err(PostgresError::Failed(failure)) => Err(unavailable(failure.into())),
    }
}

/// Returns the error for a server that cannot be used.
fn unavailable(failure: ConnectionFailure) -> Error {
    Error::Upstream {
        kind: UpstreamKind::Unavailable,
        code: failure.code,
        detail: failure.detail,
        retry_after: None,
    }
}
