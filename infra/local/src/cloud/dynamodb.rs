//! DynamoDB: dynoxide on a thread of its own, behind a reverse proxy.
//!
//! dynoxide's router is private and its server wants a `TcpListener`, so it listens on a hidden port and
//! requests are forwarded to it. Its handlers run SQLite synchronously, hence the thread.

pub(super) mod faults;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, Uri, uri::PathAndQuery};
use dynoxide::Database;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio::sync::oneshot;

use super::folder::{Folder, Lock, not_opened};
use super::wire::{Protocol, reply};
use super::{Clock, StartError};
use faults::{ConnectionBroken, Faults};

/// How often expired items are removed. AWS takes up to a few days, so nobody may rely on it.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How long changes stay in the stream of a table, as on AWS.
const STREAM_SECONDS: i64 = 24 * 3600;

/// The running database. Dropping it tells its threads to end.
pub(super) struct DynamoDb {
    database: Database,
    address: SocketAddr,
    server: Option<oneshot::Sender<()>>,
    sweeper: Option<mpsc::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl DynamoDb {
    /// Opens the file, or an empty database in memory that follows `clock`, and serves it.
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
        let listener = hidden_listener().map_err(|error| StartError::Listen(0, error))?;
        let address = listener.local_addr().map_err(|error| StartError::Listen(0, error))?;

        let (server, stopped) = oneshot::channel();
        let (sweeper, swept) = mpsc::channel();
        let threads = [
            thread::Builder::new().name("dynamodb".into()).spawn({
                let (database, lock) = (database.clone(), folder.lock());
                move || serve(listener, database, stopped, lock)
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
            address,
            server: Some(server),
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

    /// The hidden listener.
    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of the hidden listener.
    pub(super) fn proxy(&self, faults: Arc<Faults>) -> Proxy {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Proxy {
            address: self.address,
            faults,
            client: Client::builder(TokioExecutor::new()).build(connector),
        }
    }

    /// Ends the threads and waits for them. The proxies must be gone, or idle, by now.
    pub(super) async fn stop(&mut self) {
        self.server.take();
        self.sweeper.take();
        let threads = std::mem::take(&mut self.threads);
        let joined =
            tokio::task::spawn_blocking(move || threads.into_iter().filter_map(|thread| thread.join().err()).count());
        if !matches!(joined.await, Ok(0)) {
            tracing::error!("a thread of the embedded DynamoDB panicked");
        }
    }
}

/// Forwards requests to dynoxide.
pub(super) struct Proxy {
    address: SocketAddr,
    faults: Arc<Faults>,
    client: Client<HttpConnector, Body>,
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

    /// The `Host` header stays as it came, which is what the request was signed with.
    async fn send(&self, mut request: Request<Body>) -> Response<Body> {
        let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.address.to_string())
            .path_and_query(path);
        let failure = match uri.build() {
            Ok(uri) => {
                *request.uri_mut() = uri;
                match self.client.request(request).await {
                    Ok(response) => {
                        if response.status().is_server_error() {
                            tracing::error!(
                                "dynamodb.sqlite in the data folder cannot be used: is its disk full, or it damaged?"
                            );
                        }
                        return response.map(Body::new);
                    }
                    Err(error) => error.to_string(),
                }
            }
            Err(error) => error.to_string(),
        };
        tracing::warn!(error = failure, "dynamodb did not answer");
        let body = json!({ "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": failure });
        reply(Protocol::Json10, StatusCode::INTERNAL_SERVER_ERROR, &body)
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

fn hidden_listener() -> std::io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until the other end of `stopped` is gone. The lock is held for as long as files may be open.
fn serve(listener: std::net::TcpListener, database: Database, stopped: oneshot::Receiver<()>, _lock: Option<Lock>) {
    let served = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
                let stopped = async {
                    // Either end of the channel going away means the same: stop.
                    let _ = stopped.await;
                };
                dynoxide::server::serve_with_shutdown(listener, database, stopped).await
            })
        });
    if let Err(error) = served {
        tracing::error!(error, "the embedded DynamoDB stopped");
    }
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
