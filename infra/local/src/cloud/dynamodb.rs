//! DynamoDB: dynoxide on a separate thread, called in this process.
//!
//! dynoxide has a server, but that listens on a TCP port, lets pages of every origin read its responses and checks no
//! signature: any web page could reach it directly. So it is not used. Calls run SQLite synchronously and one after the
//! other, hence the thread.

mod dispatch;
pub(super) mod faults;
pub(super) mod stream_records;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use serde_json::json;
use tokio::sync::oneshot;

use super::folder::{Folder, Lock, not_opened};
use super::wire::{Protocol, read, reply, reply_json, target};
use super::{Clock, StartError};
use faults::{ConnectionBroken, Faults};
use stream_records::StreamPosition;

/// How often expired items are removed. AWS takes up to a few days, so no caller may rely on it.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// A command for the database thread.
enum Command {
    Call {
        operation: String,
        body: Bytes,
        answer: oneshot::Sender<dispatch::Outcome>,
    },
    /// Remove the changes that were processed.
    TrimStreams,
    Stop,
}

/// The running database. Dropping it stops its threads.
pub(super) struct DynamoDb {
    database: Database,
    calls: mpsc::Sender<Command>,
    followed: Arc<OnceLock<Vec<Arc<StreamPosition>>>>,
    sweeper: Option<mpsc::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl DynamoDb {
    /// Opens the file, or an empty database in memory that follows `clock`, and starts to process calls.
    pub(super) fn start(folder: &Folder, clock: Clock) -> Result<Self, StartError> {
        let path = folder.file("dynamodb.sqlite");
        let database = match &path {
            Some(path) => Database::new(&path.to_string_lossy()),
            None => Database::memory_with_clock(Arc::new(TtlClock(clock))),
        };
        let damaged = |reason: String| StartError::Damaged {
            path: path.clone().unwrap_or_else(|| PathBuf::from("DynamoDB")),
            reason,
        };
        let database = database.map_err(|error| damaged(error.to_string()))?;
        if let Some(path) = &path {
            stream_records::prepare(path).map_err(|error| not_opened(Some(path), &error))?;
        }
        let (calls, called) = mpsc::channel();
        let (sweeper, swept) = mpsc::channel();
        let followed = Arc::default();
        let threads = [
            thread::Builder::new().name("dynamodb".into()).spawn({
                let worker = Worker {
                    database: database.clone(),
                    path: path.clone(),
                    followed: Arc::clone(&followed),
                    _lock: folder.lock(),
                };
                move || worker.answer_calls(&called)
            }),
            thread::Builder::new().name("dynamodb-ttl".into()).spawn({
                let (database, calls, lock) = (database.clone(), calls.clone(), folder.lock());
                move || sweep(&database, &calls, &swept, lock)
            }),
        ];
        let threads = threads.into_iter().collect::<Result<_, _>>();
        let threads = threads.map_err(|error| damaged(error.to_string()))?;
        Ok(Self {
            database,
            calls,
            followed,
            sweeper: Some(sweeper),
            threads,
        })
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// Restores the database from a [`DynamoDb::image`].
    pub(super) fn restore(&self, image: &[u8]) -> Result<(), String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let file = folder.path().join("image.sqlite");
        std::fs::write(&file, image).map_err(|error| error.to_string())?;
        let restored = self.database.restore_from(&file.to_string_lossy());
        restored.map_err(|error| error.to_string())
    }

    /// Returns an image of the database, with the index that dynoxide lacks.
    pub(super) fn image(&self) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let file = folder.path().join("image.sqlite");
        let saved = self.database.vacuum_into(&file.to_string_lossy());
        saved.map_err(|error| error.to_string())?;
        stream_records::prepare(&file).map_err(|error| error.to_string())?;
        std::fs::read(&file).map_err(|error| error.to_string())
    }

    /// Removes processed changes of tables from here on. `followed`: all tables with a stream function.
    pub(super) fn trim_streams(&self, followed: Vec<Arc<StreamPosition>>) {
        // The stream functions are fixed before anything is served.
        let _ = self.followed.set(followed);
    }

    /// Returns a proxy that passes requests on to the database.
    pub(super) fn proxy(&self, faults: Arc<Faults>) -> Proxy {
        Proxy {
            calls: self.calls.clone(),
            faults,
        }
    }

    fn end(&mut self) {
        // A thread that has already ended needs no command.
        let _ = self.calls.send(Command::Stop);
        self.sweeper.take();
    }

    /// Stops the threads and waits for them. Later calls fail.
    pub(super) async fn stop(&mut self) {
        self.end();
        let threads = std::mem::take(&mut self.threads);
        let joined =
            tokio::task::spawn_blocking(move || threads.into_iter().filter_map(|thread| thread.join().err()).count());
        if !matches!(joined.await, Ok(0)) {
            tracing::error!("a thread of the embedded DynamoDB panicked");
        }
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        self.end();
    }
}

/// Passes requests on to the database.
pub(super) struct Proxy {
    calls: mpsc::Sender<Command>,
    faults: Arc<Faults>,
}

impl Proxy {
    /// Only calls of functions are subject to faults: developers and tests see the actual data.
    pub(super) async fn forward(
        &self,
        request: Request<Body>,
        is_function: bool,
    ) -> Result<Response<Body>, ConnectionBroken> {
        self.faults.pass(request, is_function, self).await
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        let operation = target(&request).1.to_owned();
        if !dispatch::is_known(&operation) {
            let body = json!({ "__type": "com.amazon.coral.service#UnknownOperationException" });
            return reply(Protocol::Json10, StatusCode::BAD_REQUEST, &body);
        }
        let outcome = match read(request.into_body()).await {
            Ok(body) => self.call(operation, body).await,
            Err(reason) => Err(DynoxideError::SerializationException(reason)),
        };
        let (status, body) = match outcome {
            Ok(body) => (StatusCode::OK, body),
            Err(error) => {
                let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                if status.is_server_error() {
                    tracing::error!(
                        %error,
                        "dynamodb.sqlite in the data folder cannot be used: is its disk full, or it damaged?"
                    );
                }
                (status, error.to_json())
            }
        };
        reply_json(Protocol::Json10, status, body)
    }

    async fn call(&self, operation: String, body: Bytes) -> dispatch::Outcome {
        let (answer, answered) = oneshot::channel();
        let call = Command::Call {
            operation,
            body,
            answer,
        };
        let sent = self.calls.send(call).is_ok();
        match answered.await {
            Ok(outcome) if sent => outcome,
            _ => Err(DynoxideError::InternalServerError(
                "the database has stopped".to_owned(),
            )),
        }
    }
}

/// Processes one call after the other. The lock is held as long as files may be open.
struct Worker {
    database: Database,
    path: Option<PathBuf>,
    followed: Arc<OnceLock<Vec<Arc<StreamPosition>>>>,
    _lock: Option<Lock>,
}

impl Worker {
    /// Runs until it receives a stop command.
    fn answer_calls(&self, called: &mpsc::Receiver<Command>) {
        loop {
            match called.recv() {
                Ok(Command::Call {
                    operation,
                    body,
                    answer,
                }) => {
                    // A caller that has left does not wait for the response.
                    let _ = answer.send(self.answer(&operation, &body));
                }
                Ok(Command::TrimStreams) => self.trim_streams(),
                Ok(Command::Stop) | Err(_) => break,
            }
        }
        self.trim_streams();
        // Deleted data is still in unused pages of the file.
        if let Some(path) = &self.path
            && let Err(error) = stream_records::compact(path)
        {
            tracing::warn!(%error, "what was deleted is still in dynamodb.sqlite");
        }
    }

    fn answer(&self, operation: &str, body: &[u8]) -> dispatch::Outcome {
        let outcome = catch_unwind(AssertUnwindSafe(|| match std::str::from_utf8(body) {
            Ok(body) => dispatch::dispatch(&self.database, operation, body),
            Err(error) => Err(DynoxideError::SerializationException(error.to_string())),
        }));
        outcome.unwrap_or_else(|_| {
            let reason = format!("{operation} panicked in the embedded database");
            Err(DynoxideError::InternalServerError(reason))
        })
    }

    fn trim_streams(&self) {
        let (Some(path), Some(followed)) = (&self.path, self.followed.get()) else {
            return;
        };
        if let Err(error) = stream_records::trim(path, followed) {
            tracing::warn!(%error, "changes of tables were not forgotten");
        }
    }
}

fn sweep(database: &Database, calls: &mpsc::Sender<Command>, stopped: &mpsc::Receiver<()>, _lock: Option<Lock>) {
    while let Err(mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(SWEEP_EVERY) {
        if let Err(error) = database.sweep_ttl() {
            tracing::warn!(%error, "expired items were not removed");
        }
        // If the other thread has stopped there is nothing to do.
        let _ = calls.send(Command::TrimStreams);
    }
}

/// The clock of TTL and streams, in the form that dynoxide requires.
struct TtlClock(Clock);

impl dynoxide::storage_backend::Clock for TtlClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from((self.0)() / 1000).unwrap_or(0)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 fit into 53 bits for 280,000 years"
    )]
    fn now_unix_secs_f64(&self) -> f64 {
        (self.0)() as f64 / 1000.0
    }
}
