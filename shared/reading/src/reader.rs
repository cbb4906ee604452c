//! The parent process: starts a child, sends it the file, and waits for its result up to the deadline.

use std::{
    io,
    path::PathBuf,
    pin::pin,
    process::{ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use retrieval::Kind;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::{Limits, ReadOutcome, answer, child::Job, death};

/// The segment of 20 MB of text has about 40 MB; this bounds what a faulty child may send. Bytes.
const MAX_ANSWER_BYTES: u64 = 256 * 1024 * 1024;
/// How much of the end of the standard error is retained. Bytes.
const KEPT_ERROR_BYTES: usize = 8 * 1024;
/// Decompression limit of one stream of a PDF, in MB. The parser reads it from its environment only.
const PDF_STREAM_LIMIT: (&str, &str) = ("PDF_OXIDE_MAX_DECOMPRESS_MB", "64");

/// How documents are read.
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
            program: this_program(),
            limits: Limits::for_function(memory_bytes),
            parallel: 2,
        }
    }
}

/// On Linux a path that stays valid even if the file is replaced meanwhile, as a build does.
fn this_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe().unwrap_or_default()
    }
}

/// Why a file was not read although the file is not known to be the cause: the caller should retry.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The child could not be started.
    #[error("the document reader ({program}) cannot be started: {source}")]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file did not arrive completely.
    #[error("the file cannot be read: {0}")]
    File(#[source] io::Error),
    /// The child ended without a result, and the file is not the cause.
    #[error("the document reader ended with {status}: {errors}")]
    Child {
        /// Its exit status.
        status: ExitStatus,
        /// Its standard error.
        errors: String,
    },
    /// A pipe to the child broke.
    #[error("the pipe to the document reader failed: {0}")]
    Pipe(#[source] io::Error),
}

/// Reads files, each in a child of its own. Dropping a read kills its child.
#[derive(Debug)]
pub struct Reader {
    settings: Settings,
    slots: Semaphore,
}

/// The permission to run one child.
#[derive(Debug)]
pub struct Slot<'a> {
    reader: &'a Reader,
    _permit: Option<SemaphorePermit<'a>>,
}

/// The output and the status of a child.
struct Ended {
    status: ExitStatus,
    answer: Vec<u8>,
    errors: String,
}

impl Reader {
    /// Creates a reader with these settings.
    pub fn new(settings: Settings) -> Self {
        let slots = Semaphore::new(settings.parallel.max(1));
        Self { settings, slots }
    }

    /// Waits until another child may run.
    pub async fn slot(&self) -> Slot<'_> {
        Slot {
            reader: self,
            // The semaphore is never closed.
            _permit: self.slots.acquire().await.ok(),
        }
    }

    /// Reads a file in the next slot, see [`Slot::read`].
    ///
    /// # Errors
    /// See [`Slot::read`].
    pub async fn read(&self, kind: Kind, size: u64, file: impl AsyncRead) -> Result<ReadOutcome, ReadError> {
        self.slot().await.read(kind, size, file).await
    }
}

impl Slot<'_> {
    /// Reads a file of `size` bytes.
    ///
    /// # Errors
    /// If the file was not read for a reason other than the file itself.
    pub async fn read(self, kind: Kind, size: u64, file: impl AsyncRead) -> Result<ReadOutcome, ReadError> {
        let limits = &self.reader.settings.limits;
        let mut child = self.reader.start(kind, size)?;
        let is_handed_over = AtomicBool::new(false);
        let work = timeout(limits.deadline, converse(&mut child, size, file, &is_handed_over));
        let ended = match work.await {
            Ok(ended) => ended,
            Err(_) if is_handed_over.load(Ordering::Relaxed) => {
                kill(&mut child).await;
                return Ok(death::at_deadline());
            }
            Err(_) => Err(ReadError::File(io::ErrorKind::TimedOut.into())),
        };
        let Ended { status, answer, errors } = match ended {
            Ok(ended) => ended,
            Err(error) => {
                kill(&mut child).await;
                return Err(error);
            }
        };
        let reading = if status.success() {
            answer::decode(answer)
        } else {
            death::judge(status, &errors)
        };
        reading.ok_or(ReadError::Child { status, errors })
    }
}

impl Reader {
    fn start(&self, kind: Kind, size: u64) -> Result<Child, ReadError> {
        let Settings { program, limits, .. } = &self.settings;
        let job = Job {
            kind,
            size,
            memory_bytes: limits.memory_bytes,
            cpu_seconds: limits.cpu.as_secs(),
        };
        let mut command = Command::new(program);
        command
            .args(job.arguments())
            // Without credentials, which are in the environment of a function.
            .env_clear()
            .env(PDF_STREAM_LIMIT.0, PDF_STREAM_LIMIT.1)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // Ctrl-C in a terminal is meant for the parent, which shuts down in order.
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().map_err(|source| ReadError::Start {
            program: program.clone(),
            source,
        })
    }
}

/// Sends the file and waits for the end of the child.
async fn converse(
    child: &mut Child,
    size: u64,
    file: impl AsyncRead,
    is_handed_over: &AtomicBool,
) -> Result<Ended, ReadError> {
    let broken = || ReadError::Pipe(io::ErrorKind::BrokenPipe.into());
    let stdin = child.stdin.take().ok_or_else(broken)?;
    let stdout = child.stdout.take().ok_or_else(broken)?;
    let stderr = child.stderr.take().ok_or_else(broken)?;
    let listen = async { tokio::try_join!(all_of(stdout), end_of(stderr)) };
    let mut listen = pin!(listen);
    let mut feed = pin!(feed(stdin, size, file));
    let (said, _held) = tokio::select! {
        stdin = &mut feed => {
            is_handed_over.store(true, Ordering::Relaxed);
            // Held to the end: if its standard input ends, the child knows that its parent has died.
            let stdin = stdin?;
            (listen.await, Some(stdin))
        }
        // The child ended before it had the whole file.
        said = &mut listen => (said, None),
    };
    let (answer, errors) = said.map_err(ReadError::Pipe)?;
    let status = child.wait().await.map_err(ReadError::Pipe)?;
    Ok(Ended { status, answer, errors })
}

/// Writes the file. A child that reads no more of it is about to end, and its status says why.
async fn feed(mut stdin: ChildStdin, size: u64, file: impl AsyncRead) -> Result<ChildStdin, ReadError> {
    let mut file = pin!(file);
    let mut buffer = vec![0; 64 * 1024];
    let mut sent = 0;
    loop {
        let count = file.read(&mut buffer).await.map_err(ReadError::File)?;
        sent += count as u64;
        if sent > size || (count == 0 && sent < size) {
            let sentence = format!("it has {sent} bytes where {size} were expected");
            return Err(ReadError::File(io::Error::other(sentence)));
        }
        if count == 0 || stdin.write_all(&buffer[..count]).await.is_err() {
            return Ok(stdin);
        }
    }
}

async fn all_of(stdout: ChildStdout) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    stdout.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Reads to the end and returns the last bytes.
async fn end_of(mut stream: impl AsyncRead + Unpin) -> io::Result<String> {
    let mut kept = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        kept.extend_from_slice(&buffer[..count]);
        kept.drain(..kept.len().saturating_sub(KEPT_ERROR_BYTES));
    }
}

async fn kill(child: &mut Child) {
    // This fails only if the child has already ended.
    child.kill().await.ok();
}

#[cfg(all(test, unix))]
mod tests;
