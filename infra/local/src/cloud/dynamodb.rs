//! DynamoDB: dynoxide on a thread of its own, called in this process.
//!
//! dynoxide has a server, but that listens on a TCP port, lets pages of every origin read its answers and checks no
//! signature: any web page could reach it, whatever stands in front. So nothing listens here. Calls run SQLite
//! synchronously and one after the other, hence the thread.

mod dispatch;
pub(super) mod faults;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
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

/// How often expired items are removed. AWS takes up to a few days, so nobody may rely on it.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How long changes stay in the stream of a table, as on AWS.
const STREAM_SECONDS: i64 = 24 * 3600;

/// What the thread of the database is told.
enum Command {
    Call {
        operation: String,
        body: Bytes,
        answer: oneshot::Sender<dispatch::Outcome>,
    },
    Stop,
}

/// The running database. Dropping it tells its threads to end.
pub(super) struct DynamoDb {
    database: Database,
    calls: mpsc::Sender<Command>,
    sweeper: Option<mpsc::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl DynamoDb {
    /// Opens the file, or an empty database in memory that follows `clock`, and begins to answer calls.
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
            index_streams(path).map_err(|error| not_opened(Some(path), &error))?;
        }
        let (calls, called) = mpsc::channel();
        let (sweeper, swept) = mpsc::channel();
        let threads = [
            thread::Builder::new().name("dynamodb".into()).spawn({
                let (database, lock) = (database.clone(), folder.lock());
                move || answer_calls(&database, &called, lock)
            }),
            thread::Builder::new().name("dynamodb-ttl".into()).spawn({
                let (database, lock) = (database.clone(), folder.lock());
                move || sweep(&database, &swept, lock)
            }),
        ];
        let threads = threads.into_iter().collect::<Result<_, _>>();
        let threads = threads.map_err(|error| damaged(error.to_string()))?;
        Ok(Self {
            database,
            calls,
            sweeper: Some(sweeper),
            threads,
        })
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// Makes the database what it was when [`DynamoDb::image`] was taken of one.
    pub(super) fn restore(&self, image: &[u8]) -> Result<(), String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let file = folder.path().join("image.sqlite");
        std::fs::write(&file, image).map_err(|error| error.to_string())?;
        let restored = self.database.restore_from(&file.to_string_lossy());
        restored.map_err(|error| error.to_string())
    }

    /// All that the database holds, with the index that dynoxide lacks.
    pub(super) fn image(&self) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let file = folder.path().join("image.sqlite");
        let saved = self.database.vacuum_into(&file.to_string_lossy());
        saved.map_err(|error| error.to_string())?;
        index_streams(&file).map_err(|error| error.to_string())?;
        std::fs::read(&file).map_err(|error| error.to_string())
    }

    /// Passes requests on to the database.
    pub(super) fn proxy(&self, faults: Arc<Faults>) -> Proxy {
        Proxy {
            calls: self.calls.clone(),
            faults,
        }
    }

    fn end(&mut self) {
        // A thread that has ended already needs no telling.
        let _ = self.calls.send(Command::Stop);
        self.sweeper.take();
    }

    /// Ends the threads and waits for them. Calls that come later fail.
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
    /// Only calls of functions meet faults: what a developer or a test looks at is as it is.
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
            _ => Err(DynoxideError::InternalServerError("the database has stopped".to_owned())),
        }
    }
}

/// Answers one call after the other until it is told to stop. The lock is held for as long as files may be open.
fn answer_calls(database: &Database, called: &mpsc::Receiver<Command>, _lock: Option<Lock>) {
    while let Ok(Command::Call {
        operation,
        body,
        answer,
    }) = called.recv()
    {
        let outcome = catch_unwind(AssertUnwindSafe(|| match std::str::from_utf8(&body) {
            Ok(body) => dispatch::dispatch(database, &operation, body),
            Err(error) => Err(DynoxideError::SerializationException(error.to_string())),
        }));
        let outcome = outcome.unwrap_or_else(|_| {
            let reason = format!("{operation} panicked in the embedded database");
            Err(DynoxideError::InternalServerError(reason))
        });
        // Whoever is gone does not wait for the answer.
        let _ = answer.send(outcome);
    }
}

/// dynoxide looks for the last change of a table with every write, and for those behind a place with every read of the
/// stream, both in a table without an index, and never removes one.
fn index_streams(path: &std::path::Path) -> rusqlite::Result<()> {
    let database = rusqlite::Connection::open(path)?;
    database.busy_timeout(Duration::from_secs(5))?;
    database.execute(
        "DELETE FROM _stream_records WHERE created_at < unixepoch() - ?1",
        [STREAM_SECONDS],
    )?;
    database.execute_batch(
        "CREATE INDEX IF NOT EXISTS parlance_streams
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )
}

fn sweep(database: &Database, stopped: &mpsc::Receiver<()>, _lock: Option<Lock>) {
    while let Err(mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(SWEEP_EVERY) {
        if let Err(error) = database.sweep_ttl() {
            tracing::warn!(%error, "expired items were not removed");
        }
    }
}

/// The clock of TTL and streams, as dynoxide wants it.
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
