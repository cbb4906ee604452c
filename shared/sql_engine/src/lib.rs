//! Executes queries on `SQLite` files, and creates such files from tables that people upload. Each piece of work is a
//! child process with limits on memory and time, because the queries, and the files, are hostile until they have ended.
//!
//! ```text
//! parent                                           child: run-sql MEMORY_BYTES CPU_SECONDS FILE_BYTES
//!   a line of JSON with the work ----- stdin --->  opens the file read-only and immutable, executes, reads the rows
//!   (stdin stays open: its end is the end of the parent)
//!   a line of JSON with the result <- stdout ----
//! ```
//!
//! The child is the same program started with [`SUBCOMMAND`]: every binary that executes queries calls
//! [`run_if_child`] first. A query sees a connection that can do nothing but read the tables it names
//! ([`query`](self)): the authorizer denies everything else, extensions and `ATTACH` included, double-quoted strings
//! are off, and a progress handler ends it at its deadline. What the query may say is decided before, by
//! [`sql_guard`](../sql_guard/index.html).
//!
//! A file that is uploaded is never queried. Its tables are copied into a file whose schema was written here
//! ([`import`](self)), so that its views, triggers, virtual tables and damaged pages stay behind.

#![cfg_attr(
    test,
    expect(clippy::expect_used, reason = "a step that fails is the test's failure")
)]

mod catalog;
mod child;
mod connection;
mod engine;
mod import;
mod inspect;
mod keys;
mod query;
mod sample;
#[cfg(all(test, unix))]
mod tests;

pub use catalog::{Catalog, Column, ColumnType, ForeignKey, Table};
pub use child::{SUBCOMMAND, run_if_child};
pub use engine::{Engine, EngineError, Limits, Settings};
pub use import::{FileKind, ImportFile};
pub use inspect::is_sensitive;
pub use query::{Description, QueryLimits, ResultColumn, ResultSet};
pub use sample::{SAMPLE_VERSION, create_sample};

/// Why work ended without a result. The sentence is for people, and for models that try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("{detail}")]
pub struct Refusal {
    /// Stable `snake_case` code: `sql_error`, `timed_out`, `too_large`, `damaged`, `empty`, `unsupported`.
    pub code: String,
    /// A sentence.
    pub detail: String,
}

impl Refusal {
    pub(crate) fn new(code: &str, detail: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            detail: detail.into(),
        }
    }
}
