//! The parent process: starts a child for each piece of work, and waits for its result up to the deadline.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Child,
    sync::Semaphore,
    time::timeout,
};

use crate::{
    Catalog, Description, ImportFile, QueryLimits, Refusal, ResultSet, SUBCOMMAND,
    child::{Done, Work},
};

/// How long after its deadline a child that has not ended by itself is killed: it starts, and looks at the clock once in
/// a while.
const GRACE: Duration = Duration::from_millis(150);
/// What a faulty child may send at most, in bytes.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// Limits of each child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Address space in addition to that of the program itself, bytes.
    pub memory_bytes: u64,
    /// Time to create a file from those that were uploaded.
    pub import: Duration,
    /// Size of that file, bytes.
    pub file_bytes: u64,
}

impl Limits {
    /// Returns the limits of a child of a function with this much memory, in bytes: half of it, because the parent
    /// holds the result too.
    pub fn for_function(memory_bytes: u64) -> Self {
        Self {
            memory_bytes: memory_bytes / 2,
            import: Duration::from_mins(2),
            file_bytes: 200 * 1024 * 1024,
        }
    }
}

/// How queries are executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The program to start as a child; it must begin with [`crate::run_if_child`].
    pub program: PathBuf,
    /// Resource limits of each child.
    pub limits: Limits,
    /// How many children may run at the same time.
    pub parallel: usize,
}

impl Settings {
    /// Returns settings with the limits for a function with this much memory, in bytes, and the running program.
    pub fn for_function(memory_bytes: u64) -> Self {
        Self {
            program: sandbox::this_program(),
            limits: Limits::for_function(memory_bytes),
            parallel: 4,
        }
    }
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The query or the file is the cause.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The child could not be started, or ended without a result, and its work is not the cause.
    #[error("the query process failed: {0}")]
    Process(String),
}

/// Executes queries, each in a child of its own. Dropping one kills its child.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    slots: Semaphore,
}

impl Engine {
    /// Creates an engine with these settings.
    pub fn new(settings: Settings) -> Self {
        let slots = Semaphore::new(settings.parallel.max(1));
        Self { settings, slots }
    }

    /// Executes a query that may read these tables of a file. The file must not change meanwhile.
    ///
    /// # Errors
    /// Returns [`EngineError::Refused`] `sql_error`, `timed_out`, `too_large` or `damaged`.
    pub async fn query(
        &self,
        file: &Path,
        sql: &str,
        tables: &[String],
        limits: QueryLimits,
    ) -> Result<ResultSet, EngineError> {
        let work = Work::Query {
            file: file.to_owned(),
            sql: sql.to_owned(),
            tables: tables.to_vec(),
            limits,
        };
        match self.run(&work, limits.deadline, 0).await? {
            Done::Rows(rows) => Ok(rows),
            other => Err(unexpected(&other)),
        }
    }

    /// Compiles a query without executing it.
    ///
    /// # Errors
    /// See [`Engine::query`].
    pub async fn describe(
        &self,
        file: &Path,
        sql: &str,
        tables: &[String],
        deadline: Duration,
    ) -> Result<Description, EngineError> {
        let work = Work::Describe {
            file: file.to_owned(),
            sql: sql.to_owned(),
            tables: tables.to_vec(),
            deadline,
        };
        match self.run(&work, deadline, 0).await? {
            Done::Described(description) => Ok(description),
            other => Err(unexpected(&other)),
        }
    }

    /// Creates a file with the tables of all files, and returns what it contains.
    ///
    /// # Errors
    /// Returns [`EngineError::Refused`] `damaged`, `empty`, `too_large` or `timed_out`.
    pub async fn import(&self, files: Vec<ImportFile>, target: &Path) -> Result<Catalog, EngineError> {
        let limits = self.settings.limits;
        let work = Work::Import {
            files,
            target: target.to_owned(),
        };
        match self.run(&work, limits.import, limits.file_bytes).await? {
            Done::Imported(catalog) => Ok(catalog),
            other => Err(unexpected(&other)),
        }
    }

    async fn run(&self, work: &Work, deadline: Duration, file_bytes: u64) -> Result<Done, EngineError> {
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await.ok();
        let mut line = serde_json::to_vec(work).map_err(|error| EngineError::Process(error.to_string()))?;
        line.push(b'\n');
        let arguments = [
            SUBCOMMAND.to_owned(),
            self.settings.limits.memory_bytes.to_string(),
            // A progress handler ends it before; this ends what the handler does not see.
            (deadline.as_secs() + 1).to_string(),
            file_bytes.to_string(),
        ];
        let mut command = sandbox::command(&self.settings.program, arguments);
        let mut child = command
            .spawn()
            .map_err(|error| EngineError::Process(format!("{}: {error}", self.settings.program.display())))?;
        let Ok(ended) = timeout(deadline + GRACE, converse(&mut child, &line)).await else {
            sandbox::kill(&mut child).await;
            return Err(too_slow().into());
        };
        match ended {
            Ok((status, answer, errors)) if status.success() => {
                serde_json::from_slice(&answer).map_err(|error| EngineError::Process(format!("{error}: {errors}")))
            }
            Ok((status, _, errors)) => Err(judged(status, &errors)),
            Err(error) => {
                sandbox::kill(&mut child).await;
                Err(EngineError::Process(error.to_string()))
            }
        }
    }
}

/// Sends the work and waits for the end of the child. Returns its status, output and errors.
async fn converse(child: &mut Child, line: &[u8]) -> io::Result<(ExitStatus, Vec<u8>, String)> {
    let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
    let mut stdin = child.stdin.take().ok_or_else(broken)?;
    let stdout = child.stdout.take().ok_or_else(broken)?;
    let stderr = child.stderr.take().ok_or_else(broken)?;
    let mut answer = Vec::new();
    let feed = async {
        // A child that ends before it has read all says why by its status.
        stdin.write_all(line).await.ok();
        // Held to the end: if its standard input ends, the child knows that its parent has died.
        Ok(stdin)
    };
    let mut stdout = stdout.take(MAX_ANSWER_BYTES);
    let (_held, _, errors) = tokio::try_join!(feed, stdout.read_to_end(&mut answer), sandbox::tail(stderr))?;
    Ok((child.wait().await?, answer, errors))
}

fn too_slow() -> Refusal {
    Refusal::new(
        "timed_out",
        "The query took too long. Limit it to fewer rows, or join fewer tables.",
    )
}

/// Returns why a child ended without a result.
fn judged(status: ExitStatus, errors: &str) -> EngineError {
    if status.code() == Some(i32::from(sandbox::MISUSED)) {
        return EngineError::Process(errors.to_owned());
    }
    let too_large = || {
        Refusal::new(
            "too_large",
            "It needs too much memory. Limit it to fewer rows or columns.",
        )
    };
    match sandbox::signal(status) {
        Some(sandbox::CPU_LIMIT) => too_slow().into(),
        Some(sandbox::KILLED | sandbox::FILE_SIZE_LIMIT) => too_large().into(),
        _ if errors.contains(sandbox::OUT_OF_MEMORY) => too_large().into(),
        // Its message may quote the data.
        _ => EngineError::Process(format!("it ended with {status}")),
    }
}

fn unexpected(done: &Done) -> EngineError {
    match done {
        Done::Refused(refusal) => EngineError::Refused(refusal.clone()),
        _ => EngineError::Process("it did other work than it was given".to_owned()),
    }
}
