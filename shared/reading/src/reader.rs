//! The parent process: starts a child, sends it the file, and waits for its result up to the deadline.

use std::{
    io,
    path::PathBuf,
    pin::pin,
    process::ExitStatus,
    sync::atomic::{AtomicBool, Ordering},
};

use retrieval::Kind;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, ChildStdout},
    sync::{Semaphore, SemaphorePermit, watch},
    time::timeout,
};

use crate::{Limits, ReadOutcome, Reading, answer::Output, child::Job, death};

/// The segment of 20 MB of text has about 40 MB; this bounds what a faulty child may send. Bytes.
const MAX_ANSWER_BYTES: u64 = 256 * 1024 * 1024;
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
            program: sandbox::this_program(),
            limits: Limits::for_function(memory_bytes),
            parallel: 2,
        }
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
    /// The child did nothing until its deadline, and had CPU time left: the machine is busy.
    #[error("the document reader did not get far enough before its deadline")]
    Late,
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

/// A file to read.
pub struct File<'a, F> {
    /// Its type.
    pub kind: Kind,
    /// Its size in bytes.
    pub size: u64,
    /// Its content.
    pub content: F,
    /// The pages that earlier runs read, see [`Reading::pages`].
    pub pages: &'a [u8],
    /// Pages of which the images are requested, in place of the text of all.
    pub images: &'a [u32],
}

impl<F> File<'_, F> {
    /// Creates a file of which nothing is read yet.
    pub fn new(kind: Kind, size: u64, content: F) -> Self {
        Self {
            kind,
            size,
            content,
            pages: &[],
            images: &[],
        }
    }
}

/// How far a run is: the last page that was read, and the number of pages.
pub type Progress = watch::Sender<(u32, u32)>;

/// The status of a child and the end of its standard error.
struct Ended {
    status: ExitStatus,
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

    /// Reads a file from its beginning in the next slot, see [`Slot::read`].
    ///
    /// # Errors
    /// See [`Slot::read`].
    pub async fn read(&self, kind: Kind, size: u64, file: impl AsyncRead) -> Result<ReadOutcome, ReadError> {
        let slot = self.slot().await;
        let reading = slot.read(File::new(kind, size, file), &Progress::default()).await?;
        Ok(reading.outcome)
    }
}

impl Slot<'_> {
    /// Reads a file, or as much of it as one run can.
    ///
    /// # Errors
    /// If the file was not read for a reason other than the file itself.
    pub async fn read(self, file: File<'_, impl AsyncRead>, progress: &Progress) -> Result<Reading, ReadError> {
        let limits = &self.reader.settings.limits;
        let mut child = self.reader.start(&file)?;
        let (is_handed_over, mut output) = (AtomicBool::new(false), Output::default());
        let work = converse(&mut child, file, &is_handed_over, &mut output, progress);
        let ended = timeout(limits.deadline, work).await;
        let outcome = match ended {
            Ok(Ok(Ended { status, errors })) => {
                let outcome = if status.success() {
                    output.outcome()
                } else {
                    death::judge(status, &errors)
                };
                outcome.ok_or(ReadError::Child { status, errors })?
            }
            Ok(Err(error)) => {
                sandbox::kill(&mut child).await;
                return Err(error);
            }
            // A loop would have ended at the CPU limit.
            Err(_) => {
                sandbox::kill(&mut child).await;
                if !is_handed_over.load(Ordering::Relaxed) {
                    return Err(ReadError::File(io::ErrorKind::TimedOut.into()));
                }
                if output.pages.is_empty() && output.images.is_empty() {
                    return Err(ReadError::Late);
                }
                ReadOutcome::Unfinished
            }
        };
        let Output { pages, images, .. } = output;
        Ok(Reading { outcome, pages, images })
    }
}

impl Reader {
    fn start<F>(&self, file: &File<'_, F>) -> Result<Child, ReadError> {
        let Settings { program, limits, .. } = &self.settings;
        let job = Job {
            kind: file.kind,
            pages_size: file.pages.len() as u64,
            size: file.size,
            memory_bytes: limits.memory_bytes,
            cpu_seconds: limits.cpu.as_secs(),
            run_ms: u64::try_from(limits.run.as_millis()).unwrap_or(u64::MAX),
            images: file.images.to_vec(),
        };
        let mut command = sandbox::command(program, job.arguments());
        command.env(PDF_STREAM_LIMIT.0, PDF_STREAM_LIMIT.1);
        command.spawn().map_err(|source| ReadError::Start {
            program: program.clone(),
            source,
        })
    }
}

/// Sends the file and waits for the end of the child.
async fn converse(
    child: &mut Child,
    file: File<'_, impl AsyncRead>,
    is_handed_over: &AtomicBool,
    output: &mut Output,
    progress: &Progress,
) -> Result<Ended, ReadError> {
    let broken = || ReadError::Pipe(io::ErrorKind::BrokenPipe.into());
    let stdin = child.stdin.take().ok_or_else(broken)?;
    let stdout = child.stdout.take().ok_or_else(broken)?;
    let stderr = child.stderr.take().ok_or_else(broken)?;
    let listen = async { tokio::try_join!(listen_to(stdout, output, progress), sandbox::tail(stderr)) };
    let mut listen = pin!(listen);
    let mut feed = pin!(feed(stdin, file));
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
    let ((), errors) = said.map_err(ReadError::Pipe)?;
    let status = child.wait().await.map_err(ReadError::Pipe)?;
    Ok(Ended { status, errors })
}

/// Writes the file. A child that reads no more of it is about to end, and its status says why.
async fn feed(mut stdin: ChildStdin, file: File<'_, impl AsyncRead>) -> Result<ChildStdin, ReadError> {
    let (size, pages) = (file.size, file.pages);
    let mut file = pin!(file.content);
    if stdin.write_all(pages).await.is_err() {
        return Ok(stdin);
    }
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

/// Reads what the child says, to the end.
async fn listen_to(stdout: ChildStdout, output: &mut Output, progress: &Progress) -> io::Result<()> {
    let mut stdout = stdout.take(MAX_ANSWER_BYTES);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = stdout.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        if let Some(reached) = output.push(&buffer[..count]) {
            progress.send_replace(reached);
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
