//! The child process: does one piece of work and writes one line.

use std::{
    io::{self, BufRead as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use sandbox::ResourceLimits;
use serde::{Deserialize, Serialize};

use crate::{
    Catalog, Description, ImportFile, QueryLimits, Refusal, ResultSet, import,
    query::{describe, execute, reader},
};

/// The first argument of a child. Hidden, because users have no use for it.
pub const SUBCOMMAND: &str = "run-sql";
/// Open files: three pipes, the files of an import, those of the runtime.
const OPEN_FILES: u64 = 32;

/// Does the work of a child if this process was started for that, and returns its exit code. Call it before anything
/// else in `main`: what was allocated or opened before escapes the limits.
pub fn run_if_child() -> Option<ExitCode> {
    sandbox::run_if_child(SUBCOMMAND, run)
}

/// The parent's request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    /// Execute a query.
    Query {
        file: PathBuf,
        sql: String,
        tables: Vec<String>,
        limits: QueryLimits,
    },
    /// Compile a query.
    Describe {
        file: PathBuf,
        sql: String,
        tables: Vec<String>,
        deadline: Duration,
    },
    /// Create a file.
    Import { files: Vec<ImportFile>, target: PathBuf },
}

/// The child's answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Done {
    Rows(ResultSet),
    Described(Description),
    Imported(Catalog),
    Refused(Refusal),
}

fn run(arguments: &[String]) -> io::Result<()> {
    let numbers: Option<Vec<u64>> = arguments.iter().map(|argument| argument.parse().ok()).collect();
    let Some([memory_bytes, cpu_seconds, file_bytes]) = numbers.as_deref() else {
        return Err(io::Error::other("MEMORY_BYTES CPU_SECONDS FILE_BYTES are missing"));
    };
    sandbox::apply(&ResourceLimits {
        memory_bytes: *memory_bytes,
        cpu_seconds: *cpu_seconds,
        max_cpu_seconds: cpu_seconds.saturating_add(1),
        file_bytes: *file_bytes,
        open_files: OPEN_FILES,
    })?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let work: Work = serde_json::from_str(&line).map_err(io::Error::other)?;
    sandbox::exit_with_parent()?;
    // What the library may use of it: its values are also held as JSON.
    let done = work.run(memory_bytes / 2);
    let mut line = serde_json::to_vec(&done).map_err(io::Error::other)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

impl Work {
    #[expect(
        clippy::disallowed_methods,
        reason = "the deadline of this process begins when it does"
    )]
    fn run(self, heap_bytes: u64) -> Done {
        let began = Instant::now();
        let with = |file: PathBuf, tables, deadline| reader(&file, tables, heap_bytes, began + deadline);
        let done = match self {
            Self::Query {
                file,
                sql,
                tables,
                limits,
            } => with(file, tables, limits.deadline)
                .and_then(|database: Connection| execute(&database, &sql, &limits))
                .map(Done::Rows),
            Self::Describe {
                file,
                sql,
                tables,
                deadline,
            } => with(file, tables, deadline)
                .and_then(|database: Connection| describe(&database, &sql))
                .map(Done::Described),
            Self::Import { files, target } => import::import(&files, &target, heap_bytes).map(Done::Imported),
        };
        done.unwrap_or_else(Done::Refused)
    }
}
