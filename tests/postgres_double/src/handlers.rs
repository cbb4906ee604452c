//! How one connection is answered.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream;
use pgwire::{
    api::{
        ClientInfo, PgWireServerHandlers, Type,
        auth::{
            AuthSource, DefaultServerParameterProvider, LoginInfo, Password, StartupHandler,
            md5pass::{Md5PasswordAuthStartupHandler, hash_md5_password},
        },
        portal::Portal,
        query::{ExtendedQueryHandler, SimpleQueryHandler},
        results::{
            DataRowEncoder, DescribePortalResponse, DescribeStatementResponse, FieldFormat, FieldInfo, QueryResponse,
            Response, Tag,
        },
        stmt::{NoopQueryParser, StoredStatement},
    },
    error::{ErrorInfo, PgWireError, PgWireResult},
    messages::response::TransactionStatus,
};
use rusqlite::types::ValueRef;

use crate::{DATABASE, PASSWORD, STRANGER, State, catalog};

/// What every password is hashed with. SCRAM would need a library that is not licensed permissively; the real server
/// that `make test-postgres` starts asks for it.
const SALT: [u8; 4] = *b"salt";
const BEGIN: &str = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ";

/// A value of a row.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Oid(u32),
    Real(f64),
    Text(String),
    Texts(Vec<String>),
}

/// Columns with their types, and rows.
pub(crate) type Table = (Vec<(String, Type)>, Vec<Vec<Cell>>);

pub(crate) struct Handlers {
    state: Arc<State>,
    parser: Arc<NoopQueryParser>,
}

impl Handlers {
    pub(crate) fn new(state: Arc<State>) -> Self {
        Self {
            state,
            parser: Arc::new(NoopQueryParser::new()),
        }
    }

    fn violation<T>(&self, what: &str) -> PgWireResult<T> {
        self.state.log.lock().unwrap().violations.push(what.to_owned());
        Err(error("ERROR", "XX000", what))
    }

    /// Returns the columns and rows of a statement, or the error of the server.
    fn answer<C: ClientInfo>(&self, client: &C, sql: &str) -> PgWireResult<Table> {
        if client.transaction_status() != TransactionStatus::Transaction {
            return self.violation(&format!("outside of a transaction: {sql}"));
        }
        let role = client.metadata().get("user").map_or("", String::as_str);
        if let Some(table) = catalog::answer(role, sql) {
            return Ok(table);
        }
        self.execute(sql)
    }

    fn execute(&self, sql: &str) -> PgWireResult<Table> {
        self.state.log.lock().unwrap().queries.push(sql.to_owned());
        // The few words that SQLite writes otherwise.
        let sql = sql
            .replace("pg_catalog.left(", "substr(")
            .replace("::text, 61)", ", 1, 61)");
        let sql = sql.replace("NULL::text", "NULL");
        let database = self.state.database.lock().unwrap();
        let syntax = |failed: rusqlite::Error| {
            let text = failed.to_string();
            let code = if text.contains("no such table") {
                "42P01"
            } else {
                "42601"
            };
            error("ERROR", code, &text)
        };
        let mut statement = database.prepare(&sql).map_err(syntax)?;
        if !statement.readonly() {
            return Err(error(
                "ERROR",
                "25006",
                "cannot execute this in a read-only transaction",
            ));
        }
        let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let mut found = statement.query([]).map_err(syntax)?;
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        while let Some(row) = found.next().map_err(syntax)? {
            let cell = |index| match row.get_ref_unwrap(index) {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(number) => Cell::Int(number),
                ValueRef::Real(number) => Cell::Real(number),
                ValueRef::Text(text) | ValueRef::Blob(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
            };
            rows.push((0..names.len()).map(cell).collect());
        }
        let typed = names.into_iter().enumerate().map(|(index, name)| {
            let first = rows
                .iter()
                .map(|row| &row[index])
                .find(|cell| !matches!(cell, Cell::Null));
            let of = match first {
                Some(Cell::Int(_)) => Type::INT8,
                Some(Cell::Real(_)) => Type::FLOAT8,
                _ => Type::TEXT,
            };
            (name, of)
        });
        Ok((typed.collect(), rows))
    }
}

pub(crate) fn error(severity: &str, code: &str, message: &str) -> PgWireError {
    let info = ErrorInfo::new(severity.to_owned(), code.to_owned(), message.to_owned());
    PgWireError::UserError(Box::new(info))
}

fn fields(columns: &[(String, Type)], format: impl Fn(usize) -> FieldFormat) -> Vec<FieldInfo> {
    let columns = columns.iter().enumerate();
    columns
        .map(|(index, (name, of))| FieldInfo::new(name.clone(), None, None, of.clone(), format(index)))
        .collect()
}

fn encoded(table: Table, format: impl Fn(usize) -> FieldFormat) -> PgWireResult<QueryResponse> {
    let (columns, rows) = table;
    let header = Arc::new(fields(&columns, format));
    let mut encoder = DataRowEncoder::new(Arc::clone(&header));
    let mut sent = Vec::with_capacity(rows.len());
    for row in rows {
        for (cell, (_, of)) in row.iter().zip(&columns) {
            match cell {
                Cell::Null => encoder.encode_field(&None::<String>)?,
                Cell::Bool(value) => encoder.encode_field(value)?,
                Cell::Int(number) if *of == Type::FLOAT8 => {
                    #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
                    let number = *number as f64;
                    encoder.encode_field(&number)?;
                }
                Cell::Int(number) => encoder.encode_field(number)?,
                Cell::Oid(oid) => encoder.encode_field(oid)?,
                Cell::Real(number) => encoder.encode_field(number)?,
                Cell::Text(text) => encoder.encode_field(text)?,
                Cell::Texts(texts) => encoder.encode_field(texts)?,
            }
        }
        sent.push(Ok(encoder.take_row()));
    }
    Ok(QueryResponse::new(header, stream::iter(sent)))
}

#[async_trait]
impl SimpleQueryHandler for Handlers {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        if query == "ROLLBACK" {
            return Ok(vec![Response::TransactionEnd(Tag::new("ROLLBACK"))]);
        }
        let is_begin = query.starts_with(BEGIN)
            && query.split("; ").skip(1).all(|part| part.starts_with("SET LOCAL "))
            && query.contains("; SET LOCAL search_path = pg_catalog, ")
            && query.contains("; SET LOCAL standard_conforming_strings = on");
        if !is_begin || client.transaction_status() != TransactionStatus::Idle {
            return self.violation(&format!("by the simple protocol: {query}"));
        }
        Ok(vec![Response::TransactionStart(Tag::new("BEGIN"))])
    }
}

#[async_trait]
impl ExtendedQueryHandler for Handlers {
    type Statement = String;
    type QueryParser = NoopQueryParser;

    fn query_parser(&self) -> Arc<Self::QueryParser> {
        Arc::clone(&self.parser)
    }

    async fn do_query<C>(&self, client: &mut C, portal: &Portal<String>, _: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let table = self.answer(client, &portal.statement.statement)?;
        Ok(Response::Query(encoded(table, |index| {
            portal.result_column_format.format_for(index)
        })?))
    }

    async fn do_describe_statement<C>(
        &self,
        client: &mut C,
        statement: &StoredStatement<String>,
    ) -> PgWireResult<DescribeStatementResponse>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let (columns, _) = self.answer(client, &statement.statement)?;
        let parameters = statement.parameter_types.iter();
        let parameters = parameters.map(|of| of.clone().unwrap_or(Type::UNKNOWN)).collect();
        let described = fields(&columns, |_| FieldFormat::Binary);
        Ok(DescribeStatementResponse::new(parameters, described))
    }

    async fn do_describe_portal<C>(
        &self,
        client: &mut C,
        portal: &Portal<String>,
    ) -> PgWireResult<DescribePortalResponse>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let (columns, _) = self.answer(client, &portal.statement.statement)?;
        let format = |index| portal.result_column_format.format_for(index);
        Ok(DescribePortalResponse::new(fields(&columns, format)))
    }
}

/// Who may sign in.
#[derive(Debug)]
struct Accounts;

#[async_trait]
impl AuthSource for Accounts {
    async fn get_password(&self, login: &LoginInfo) -> PgWireResult<Password> {
        if login.user() == Some(STRANGER) {
            return Err(error("FATAL", "28000", "pg_hba.conf rejects connection for this user"));
        }
        // A real server says this after the password was proved.
        if login.database() != Some(DATABASE) {
            return Err(error("FATAL", "3D000", "the database does not exist"));
        }
        let hash = hash_md5_password(login.user().unwrap_or_default(), PASSWORD, &SALT);
        Ok(Password::new(Some(SALT.to_vec()), hash.into_bytes()))
    }
}

impl PgWireServerHandlers for Handlers {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::new(Self::new(Arc::clone(&self.state)))
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::new(Self::new(Arc::clone(&self.state)))
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        self.state.log.lock().unwrap().connections += 1;
        let parameters = Arc::new(DefaultServerParameterProvider::default());
        Arc::new(Md5PasswordAuthStartupHandler::new(Arc::new(Accounts), parameters))
    }
}
