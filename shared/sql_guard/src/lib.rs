//! Decides whether a text is one query that only reads what it may read, and writes the query that is executed.
//!
//! ```text
//! text --parse--> one query --check--> rules per table --rewrite--> render --parse again, compare--> GuardedQuery
//! ```
//!
//! Everything is allowed by name, never refused by name: statements, clauses, kinds of tables and expressions, functions,
//! operators and types. Only the rendered text may be executed, never the text that was given: what a parser and a
//! database read differently is lost between them. The database has to be powerless nevertheless: a read-only
//! connection, a role without rights, limits on time and memory.
//!
//! Pure functions: no I/O, no clock.

#![cfg_attr(
    test,
    expect(clippy::expect_used, reason = "a step that fails is the test's failure")
)]

mod check;
mod functions;
mod rewrite;
mod scope;
mod size;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use sqlparser::{
    ast::{Query, SetExpr, Statement, Visit as _, Visitor},
    dialect as parsers,
    parser::{Parser, ParserError, ParserOptions},
    tokenizer::{Token, Tokenizer},
};

/// Longest text, in bytes.
pub const MAX_BYTES: usize = 20_000;
/// What the conditions on rows, and the lists of columns, may add to a text, in bytes.
const MAX_WRITTEN: usize = 200_000;
/// How deep expressions and queries may be nested.
const MAX_DEPTH: usize = 50;

/// The language of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `SQLite`.
    Sqlite,
    /// `PostgreSQL`.
    Postgres,
    /// `MySQL`.
    Mysql,
    /// `DuckDB`.
    DuckDb,
}

/// A table that a query may read, and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRule {
    /// The schema, where names may be qualified by it.
    pub schema: Option<String>,
    /// The name.
    pub name: String,
    /// The columns that may be read; `None` for all of them.
    pub columns: Option<Vec<String>>,
    /// A condition on the rows that may be read, in the database's own language; `None` for all of them. It is written
    /// by an administrator, never by a caller or a model.
    pub rows: Option<String>,
}

impl TableRule {
    /// Returns the rule for a table that may be read as a whole.
    pub fn whole(name: &str) -> Self {
        Self {
            schema: None,
            name: name.to_owned(),
            columns: None,
            rows: None,
        }
    }
}

/// What a query may do.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The language of the database.
    pub dialect: Dialect,
    /// The tables that it may read.
    pub tables: Vec<TableRule>,
    /// Maximum number of rows of the result.
    pub max_rows: u64,
}

/// A query that may be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardedQuery {
    /// The text to execute.
    pub sql: String,
    /// The tables that it reads, each once, as the rules write them.
    pub tables: Vec<String>,
}

/// Why a text is not executed. The sentences are for people and for models that try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is too long.
    #[error("The query is longer than {MAX_BYTES} bytes.")]
    TooLong,
    /// It is not a query in this language.
    #[error("The query cannot be read: {0}.")]
    Syntax(String),
    /// It is nested too deeply.
    #[error("The query is nested too deeply.")]
    TooDeep,
    /// It has too many parts.
    #[error("The query has too many operators and conditions. Ask for less at once; `IN (...)` replaces many `OR`.")]
    TooMany,
    /// It contains no statement or several.
    #[error("Exactly one query is allowed.")]
    NotOne,
    /// It does something else than read.
    #[error("Only a query that reads is allowed, not {0}.")]
    NotAQuery(String),
    /// A clause or expression is not allowed.
    #[error("`{0}` is not allowed.")]
    NotAllowed(String),
    /// A function is not allowed.
    #[error("The function `{0}` is not allowed.")]
    Function(String),
    /// A table does not exist or may not be read.
    #[error("There is no table `{0}`.")]
    Table(String),
    /// A name of a common table expression is that of a table.
    #[error("`{0}` is the name of a table; give the common table expression another name.")]
    Shadowed(String),
    /// The rendered text does not mean the same.
    #[error("The query cannot be written safely; write it more plainly.")]
    Ambiguous,
}

impl Refusal {
    /// Returns a stable code for it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Syntax(_) => "syntax",
            Self::TooDeep => "too_deep",
            Self::TooMany => "too_many_parts",
            Self::NotOne => "not_one_query",
            Self::NotAQuery(_) => "not_a_query",
            Self::NotAllowed(_) => "not_allowed",
            Self::Function(_) => "function_not_allowed",
            Self::Table(_) => "unknown_table",
            Self::Shadowed(_) => "shadowed_table",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// Checks a text and writes the query that is executed for it.
///
/// # Errors
/// Returns why it is not executed.
pub fn guard(text: &str, policy: &Policy) -> Result<GuardedQuery, Refusal> {
    if text.len() > MAX_BYTES {
        return Err(Refusal::TooLong);
    }
    let mut query = parse_one(text, policy.dialect)?;
    let tables = check::check(&query, policy)?;
    rewrite::rewrite(&mut query, policy)?;
    let sql = query.to_string();
    // What is executed must be what was checked, in the eyes of the parser at least.
    if parse_one(&sql, policy.dialect).ok().as_ref() != Some(&query) {
        return Err(Refusal::Ambiguous);
    }
    Ok(GuardedQuery { sql, tables })
}

/// Checks a condition on the rows of a table that a rule is to have: a plain expression over its columns, without
/// queries of its own.
///
/// # Errors
/// Returns why it is not used.
pub fn check_rows(table: &TableRule, rows: &str, dialect: Dialect) -> Result<(), Refusal> {
    let condition = parse_condition(rows, dialect)?;
    let mut query = parse_one("SELECT 1 WHERE NULL", dialect)?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.selection = Some(condition);
    }
    let policy = Policy {
        dialect,
        tables: Vec::new(),
        max_rows: 1,
    };
    let mut queries = 0;
    let _: ControlFlow<()> = visit_query(&query, &mut queries);
    if queries > 1 {
        return Err(Refusal::NotAllowed("a query in a condition on rows".to_owned()));
    }
    check::check(&query, &policy)?;
    let restricted = TableRule {
        rows: Some(rows.to_owned()),
        ..table.clone()
    };
    let policy = Policy {
        tables: vec![restricted],
        ..policy
    };
    let name = sqlparser::ast::Ident::with_quote(if dialect == Dialect::Mysql { '`' } else { '"' }, &table.name);
    guard(&format!("SELECT * FROM {name}"), &policy).map(|_| ())
}

fn visit_query(query: &Query, queries: &mut usize) -> ControlFlow<()> {
    struct Counter<'a>(&'a mut usize);
    impl Visitor for Counter<'_> {
        type Break = ();

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            *self.0 += 1;
            ControlFlow::Continue(())
        }
    }
    query.visit(&mut Counter(queries))
}

/// Reads a condition on the rows of a table.
fn parse_condition(text: &str, dialect: Dialect) -> Result<sqlparser::ast::Expr, Refusal> {
    let parser = parser_of(dialect);
    let mut parser = reader(text, &*parser)?;
    let condition = parser.parse_expr().map_err(refused)?;
    let is_all = parser.peek_token().token == Token::EOF;
    is_all
        .then_some(condition)
        .ok_or_else(|| Refusal::NotAllowed(text.to_owned()))
}

fn parser_of(dialect: Dialect) -> Box<dyn parsers::Dialect> {
    match dialect {
        Dialect::Sqlite => Box::new(parsers::SQLiteDialect {}),
        Dialect::Postgres => Box::new(parsers::PostgreSqlDialect {}),
        Dialect::Mysql => Box::new(parsers::MySqlDialect {}),
        Dialect::DuckDb => Box::new(parsers::DuckDbDialect {}),
    }
}

/// Divides a text into its parts, and returns what reads them unless they are too many.
fn reader<'a>(text: &str, dialect: &'a dyn parsers::Dialect) -> Result<Parser<'a>, Refusal> {
    if text.len() > MAX_BYTES + MAX_WRITTEN {
        return Err(Refusal::TooLong);
    }
    // Strings keep their escapes: unescaping and rendering them would change them.
    let tokens = Tokenizer::new(dialect, text)
        .with_unescape(false)
        .tokenize_with_location();
    let tokens = tokens.map_err(|error| refused(error.into()))?;
    size::check(&tokens)?;
    Ok(Parser::new(dialect)
        .with_options(ParserOptions::new().with_unescape(false))
        .with_recursion_limit(MAX_DEPTH)
        .with_tokens_with_locations(tokens))
}

fn refused(error: ParserError) -> Refusal {
    match error {
        ParserError::RecursionLimitExceeded => Refusal::TooDeep,
        ParserError::TokenizerError(reason) | ParserError::ParserError(reason) => {
            Refusal::Syntax(reason.trim_end_matches('.').to_owned())
        }
    }
}

fn parse_one(text: &str, dialect: Dialect) -> Result<Query, Refusal> {
    let parser = parser_of(dialect);
    let mut statements = reader(text, &*parser)?.parse_statements().map_err(refused)?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Query(query)), true) => Ok(*query),
        (Some(other), true) => Err(Refusal::NotAQuery(first_word(&other))),
        _ => Err(Refusal::NotOne),
    }
}

fn first_word(statement: &Statement) -> String {
    let text = statement.to_string();
    let word = text.split_whitespace().next().unwrap_or_default();
    format!("`{word}`")
}
