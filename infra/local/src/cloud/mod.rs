//! The embedded cloud: DynamoDB, S3, SQS and Secrets Manager for the AWS SDKs, on one local port.
//!
//! The application calls these services exactly as it calls AWS; only the endpoint differs. A request is routed by its
//! `X-Amz-Target` header, and a request without one is for S3, so that
//! `aws --endpoint-url http://127.0.0.1:PORT` works too. All data is in one data folder and survives a `SIGKILL`, or in
//! memory (objects: in a temporary folder) with [`Data::Ephemeral`].
//!
//! Functions may do what their roles in `template.yaml` allow ([`iam`]), and tables inject [faults](Faults) on request.
//! Deliberately absent: FIFO queues, object versions.

mod bedrock;
mod dynamodb;
mod folder;
pub mod iam;
pub mod mapping;
mod s3;
mod secrets;
mod server;
mod signature;
pub mod sqs;
#[cfg(test)]
mod tests;
mod wire;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use bedrock::Bedrock;
use dynamodb::DynamoDb;
pub use dynamodb::faults::{Fault, FaultCounts, FaultRates, Faults};
pub use folder::FileError;
use folder::Folder;
use iam::Iam;
use mapping::stream::StreamMapping;
use s3::S3;
use s3::cors::Cors;
use secrets::Secrets;
use server::Services;
use sqs::Sqs;

use crate::listener::RequestTimeouts;
use crate::template::{Template, TemplateError};

/// The access key of developers, tests and tools: `AWS_ACCESS_KEY_ID` of `aws --endpoint-url`.
pub const ACCESS_KEY_ID: &str = "test";
/// The access key of an application that is not a function: it has all permissions, and is subject to injected faults.
pub const APPLICATION_ACCESS_KEY_ID: &str = "application";
/// The secret of every access key.
pub const SECRET_ACCESS_KEY: &str = "test";
/// The region in ARNs and events. Clients may use another one, which is ignored.
pub const REGION: &str = "us-east-1";
/// The account in ARNs and queue URLs.
pub const ACCOUNT: &str = "000000000000";

/// How long running requests may take to finish at a shutdown before they are aborted.
const GRACE: Duration = Duration::from_secs(1);

/// A clock: milliseconds since the Unix epoch. Visibility timeouts, delays and retention follow it, and so
/// does DynamoDB's TTL when the data is [ephemeral](Data::Ephemeral). After moving it, call [`Sqs::wake`].
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Where the data is stored.
#[derive(Debug, Clone)]
pub enum Data {
    /// In this folder, which is created if it does not exist and used by one process at a time.
    Folder(PathBuf),
    /// In memory; objects in a temporary folder that is removed with the [`Cloud`].
    Ephemeral,
}

/// The options of [`Cloud::start`].
pub struct Options {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Where the data is stored.
    pub data: Data,
    /// The clock of the queues.
    pub clock: Clock,
    /// Secrets by name that override stored ones during the life of this process and are never written to disk.
    pub secrets: Vec<(String, String)>,
    /// How often calls of functions to the tables fail; [`FaultRates::default`] for never.
    pub faults: FaultRates,
    /// The permissions of functions.
    pub iam: Iam,
    /// The URL of a server in place of Amazon Bedrock.
    pub bedrock: Option<String>,
    /// Origins whose pages may upload to the bucket, as in the template.
    pub browser_origins: Vec<String>,
    /// How long a client may take to send a request.
    pub timeouts: RequestTimeouts,
}

/// Why the embedded cloud did not start, as one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process listens on the port.
    #[error("port {0} on 127.0.0.1 is already in use")]
    PortInUse(u16),
    /// The port cannot be opened for another reason, such as a missing privilege.
    #[error("cannot listen on port {0} of 127.0.0.1: {1}")]
    Listen(u16, #[source] io::Error),
    /// The folder cannot be created or written.
    #[error("the data folder {} is not writable: {source}", path.display())]
    NotWritable {
        /// The data folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The folder was written by a later release.
    #[error(
        "the data folder {} was written by a newer parlance (data version {found}, this one knows {})",
        path.display(), folder::VERSION
    )]
    Newer {
        /// The data folder.
        path: PathBuf,
        /// The version found in it.
        found: u32,
    },
    /// `template.yaml` is invalid.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Another process holds the folder.
    #[error("the data folder {} is in use by another parlance process", .0.display())]
    InUse(PathBuf),
    /// A file in the folder cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file in the folder has invalid content.
    #[error(
        "cannot read {} in the data folder: {reason}. Restore the file from a copy, or begin anew with another --data-dir \
         (`make clean-data` forgets .parlance)",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The running services. Dropping it ends them without waiting; [`Cloud::shutdown`] waits.
pub struct Cloud {
    endpoint: String,
    iam: Arc<Iam>,
    sqs: Arc<Sqs>,
    dynamodb: DynamoDb,
    faults: Arc<Faults>,
    objects: PathBuf,
    stop: CancellationToken,
    server: JoinSet<()>,
}

impl Cloud {
    /// Opens the data and serves it on 127.0.0.1.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running then.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let listener = listen(options.port).await?;
        let port = listener
            .local_addr()
            .map_err(|error| StartError::Listen(options.port, error))?
            .port();
        let endpoint = format!("http://127.0.0.1:{port}");

        let folder = Folder::open(&options.data)?;
        let sqs = Arc::new(Sqs::open(
            folder.file("sqs.sqlite").as_deref(),
            Arc::clone(&options.clock),
            &endpoint,
        )?);
        let secrets = Secrets::open(folder.file("secrets.json"), options.secrets, Arc::clone(&options.clock))?;
        let objects = folder.objects()?;
        let iam = Arc::new(options.iam);
        let rules = Template::embedded()?.bucket_cors.clone();
        let cors = Cors::new(options.browser_origins, rules);
        let s3 = S3::open(&objects, Arc::clone(&iam), cors, Arc::clone(&options.clock))?;
        let dynamodb = DynamoDb::start(&folder, options.clock)?;

        let faults = Arc::new(Faults::new(options.faults));

        let services = Services {
            iam: Arc::clone(&iam),
            bedrock: Bedrock::new(options.bedrock),
            sqs: Arc::clone(&sqs),
            secrets,
            s3,
            dynamodb: dynamodb.proxy(Arc::clone(&faults)),
            _folder: folder,
        };
        let stop = CancellationToken::new();
        let mut server = JoinSet::new();
        server.spawn(server::serve(
            listener,
            Arc::new(services),
            options.timeouts,
            stop.clone(),
        ));
        Ok(Self {
            endpoint,
            iam,
            sqs,
            dynamodb,
            faults,
            objects,
            stop,
            server,
        })
    }

    /// Returns the endpoint of all services, `http://127.0.0.1:PORT`: `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Returns the permissions of functions, and what they were denied.
    pub fn iam(&self) -> &Arc<Iam> {
        &self.iam
    }

    /// Returns the queues, without HTTP in between.
    pub fn sqs(&self) -> &Arc<Sqs> {
        &self.sqs
    }

    /// Returns the tables, without HTTP in between (streams, sizes). Calls block on SQLite.
    pub fn dynamodb(&self) -> &dynoxide::Database {
        self.dynamodb.database()
    }

    /// Removes changes of tables once they were processed; `followers` are all that process some. Until this is called,
    /// all changes are retained.
    pub fn trim_streams<'a>(&self, followers: impl IntoIterator<Item = &'a StreamMapping>) {
        let positions = followers.into_iter().map(StreamMapping::position);
        self.dynamodb.trim_streams(positions.collect());
    }

    /// Returns an image of the tables' content.
    ///
    /// # Errors
    /// A sentence, if it cannot be read.
    pub fn tables_image(&self) -> Result<Vec<u8>, String> {
        self.dynamodb.image()
    }

    /// Restores the tables from an [image](Cloud::tables_image) of this or another cloud.
    ///
    /// # Errors
    /// A sentence, if the image is invalid.
    pub fn restore_tables(&self, image: &[u8]) -> Result<(), String> {
        self.dynamodb.restore(image)
    }

    /// Returns the fault injection of the tables.
    pub fn faults(&self) -> &Arc<Faults> {
        &self.faults
    }

    /// Returns the folder of the objects, for inspection only.
    pub fn objects_folder(&self) -> PathBuf {
        self.objects.clone()
    }

    /// Stops accepting requests, lets running ones finish for a second, and closes the data files.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(GRACE, self.server.join_next()).await.is_err() {
            self.server.shutdown().await;
        }
        self.dynamodb.stop().await;
    }
}

/// Generates an ID for a message, a request or a version.
#[expect(
    clippy::disallowed_methods,
    reason = "AWS draws its ids itself; no test of ours depends on them"
)]
pub(crate) fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

async fn listen(port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => StartError::PortInUse(port),
            _ => StartError::Listen(port, error),
        })
}
