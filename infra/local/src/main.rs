//! `parlance`: the whole product on this machine.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand, ValueEnum};
use local::{Options, Stack, bench::Extent, cloud::Data};

/// The whole product on this machine: the API on one port, embedded AWS services on another.
#[derive(Parser)]
#[command(name = "parlance", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Port of the API on 127.0.0.1
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// Serve the API below this name, as API Gateway does: `--stage live` for `http://localhost:8000/live`
    #[arg(long, value_parser = local::parse_stage)]
    stage: Option<String>,
    /// Port of the embedded AWS services on 127.0.0.1
    #[arg(long, default_value_t = 4566)]
    aws_port: u16,
    /// Folder for the data
    #[arg(long, default_value = ".parlance")]
    data_dir: PathBuf,
    /// Store nothing
    #[arg(long)]
    ephemeral: bool,
    /// Seconds by which all clocks are ahead, as if the process had started that much later
    #[arg(long, default_value_t = 0, hide = true)]
    clock_ahead: u64,
}

/// What a demo is about.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Topic {
    /// Documents and their answers.
    Documents,
    /// Questions to a database.
    Sql,
}

#[derive(Subcommand)]
enum Command {
    /// Upload sample documents to a running server and ask three questions, or ask about the sample store
    Demo {
        /// What to ask about
        #[arg(default_value = "documents")]
        topic: Topic,
        /// The server
        #[arg(long, default_value = "http://localhost:8000")]
        url: String,
    },
    /// Manage the audit log
    #[command(subcommand)]
    Audit(Audit),
    /// Print the OpenAPI document of all functions
    Openapi,
    /// Measure the API of an ephemeral stack in this process
    Bench {
        /// What to measure
        #[arg(value_enum, default_value = "api")]
        what: Measure,
        /// Binaries of functions whose cold start is measured; by default `users` and `auth` beside this program
        functions: Vec<PathBuf>,
    },
    /// Operate an installation, on AWS or here
    #[command(subcommand)]
    Admin(Admin),
    /// Respond as model vendors do, for measurements; `GET /ledger` reports what was sold
    #[command(hide = true)]
    ModelDouble {
        /// Port on 127.0.0.1
        #[arg(long, default_value_t = 8100)]
        port: u16,
        /// Tokens per answer
        #[arg(long, default_value_t = 64)]
        tokens: usize,
        /// Milliseconds before each token
        #[arg(long, default_value_t = 0)]
        pause_ms: u64,
    },
    /// Write the sample documents into a folder
    #[command(hide = true)]
    Samples {
        /// The folder
        folder: PathBuf,
        /// Write hostile files that attack their reader instead
        #[arg(long)]
        hostile: bool,
    },
}

#[derive(Subcommand)]
enum Audit {
    /// Recompute every hash chain, and report the first broken link of each
    Verify {
        /// Table of the AWS account in the environment; by default that of a running local stack
        #[arg(long)]
        table: Option<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Measure {
    /// Latency of operations
    Api,
    /// What functions do between their start and their first request for work
    Cold,
    /// Whether response times reveal that an account exists
    Timing,
    /// Overhead of a model call through the API
    Overhead,
    /// How many pages a second are read, in this process and in a child
    Reading,
}

#[derive(Subcommand)]
enum Admin {
    /// Make an account a platform admin; AWS credentials and region as for the AWS CLI
    Grant {
        /// The verified address of the account
        email: String,
        /// Name of the table of accounts (stack output `IdentityTableName`)
        #[arg(long, env = "TABLE_IDENTITY")]
        identity_table: String,
        /// Name of the audit log (stack output `AuditTableName`)
        #[arg(long, env = "TABLE_AUDIT")]
        audit_table: String,
    },
    /// Recount the chatbots, documents and bytes of an organization, if its counters are wrong
    RecountResources {
        /// ID of the organization
        org: String,
        /// Name of the table of documents and chatbots (stack output `AppTableName`)
        #[arg(long, env = "TABLE_APP")]
        app_table: String,
    },
    /// Rotate a key: no user is signed out, and all data stays readable
    RotateSecret {
        /// Which key
        #[arg(value_enum)]
        key: Key,
        /// Stack in the AWS account of the environment; by default a running local stack
        #[arg(long)]
        stack: Option<String>,
        /// Rotate the signing key although tokens of the previous one are still valid: their owners are signed out
        #[arg(long)]
        force: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Key {
    /// The key that signs tokens
    Signing,
    /// The key that encrypts data in tables and at clients
    Encryption,
}

/// Longest wait for threads that are no longer needed, such as one that hashes a password.
const LAST_THREADS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    if let Some(code) = reading::run_if_child().or_else(sql_engine::run_if_child) {
        return code;
    }
    run_to_end(run()).unwrap_or_else(|error| {
        eprintln!("parlance: {error}");
        ExitCode::FAILURE
    })
}

/// Runs `work` on a runtime that ends soon after it.
fn run_to_end<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_THREADS);
    Ok(done)
}

async fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        None => serve(arguments).await,
        Some(Command::Demo { topic, url }) => {
            let shown = match topic {
                Topic::Documents => local::demo::run(&url).await,
                Topic::Sql => local::demo::run_sql(&url).await,
            };
            shown.map_err(|error| error.to_string())
        }
        Some(Command::Audit(Audit::Verify { table })) => verify(table, arguments.aws_port).await,
        Some(Command::Openapi) => print_openapi(),
        Some(Command::Bench { what, functions }) => bench(what, functions).await,
        Some(Command::Admin(Admin::Grant {
            email,
            identity_table,
            audit_table,
        })) => grant(&email, identity_table, audit_table).await,
        Some(Command::Admin(Admin::RecountResources { org, app_table })) => recount_resources(org, app_table).await,
        Some(Command::Admin(Admin::RotateSecret { key, stack, force })) => {
            rotate_secret(key, stack, force, arguments.aws_port).await
        }
        Some(Command::ModelDouble { port, tokens, pause_ms }) => model_double(port, tokens, pause_ms).await,
        Some(Command::Samples { folder, hostile }) => {
            local::sample_files::write(&folder, hostile).map_err(|error| error.to_string())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("parlance: {sentence}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> Result<(), String> {
    runtime::log::init_text();
    let options = Options {
        port: arguments.port,
        stage: arguments.stage,
        aws_port: arguments.aws_port,
        data: if arguments.ephemeral {
            Data::Ephemeral
        } else {
            Data::Folder(arguments.data_dir)
        },
        timers: true,
        clock_ahead: Duration::from_secs(arguments.clock_ahead),
        environment: with_fetched_model(std::env::vars().collect()),
        reader: None,
        reader_limits: None,
        payments: true,
        timeouts: local::RequestTimeouts::default(),
    };
    let data = options.data.clone();
    let stack = Stack::start(options).await.map_err(|error| error.to_string())?;
    // Programs that start this wait for this line; the rest is for users and may stay unread.
    println!("listening on {}", stack.url());
    let _ = write!(std::io::stderr(), "{}", stack.guide(&data));
    ended().await.map_err(|error| error.to_string())?;
    // A second request to stop does not wait for running work, which resumes at the next start.
    tokio::select! {
        () = stack.stop() => Ok(()),
        again = ended() => again.map_err(|error| error.to_string()),
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn ended() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

async fn bench(what: Measure, functions: Vec<PathBuf>) -> Result<(), String> {
    let done = match what {
        Measure::Api => local::bench::run(Extent::Full, None).await,
        Measure::Cold => Box::pin(local::bench::cold(Extent::Full, functions)).await,
        Measure::Timing => Box::pin(local::bench::timing(Extent::Full)).await,
        Measure::Overhead => Box::pin(local::bench::overhead()).await,
        Measure::Reading => local::bench::reading(Extent::Full, None).await,
    };
    done.map_err(|error| error.to_string())
}

async fn grant(email: &str, identity_table: String, audit_table: String) -> Result<(), String> {
    let sdk = local::aws_sdk().await;
    let tables = local::admin::tables(identity_table, audit_table);
    let granted = Box::pin(local::admin::grant(&sdk, tables, email, &domain::Clock::default())).await;
    let user = granted.map_err(|error| told(&error))?;
    println!("{} ({}) is a platform admin", user.email, user.id);
    Ok(())
}

async fn recount_resources(org: String, app_table: String) -> Result<(), String> {
    let sdk = local::aws_sdk().await;
    let recounted = local::admin::recount_resources(&sdk, app_table, &domain::OrgId(org)).await;
    recounted.map_err(|error| told(&error))?;
    println!("they are counted by the next request that changes them");
    Ok(())
}

async fn rotate_secret(key: Key, stack: Option<String>, force: bool, aws_port: u16) -> Result<(), String> {
    let (sdk, prefix) = match stack {
        Some(stack) => {
            let sdk = local::aws_sdk().await;
            (sdk, format!("{stack}/"))
        }
        None => (local::local_sdk(aws_port).await, String::new()),
    };
    let keys = match key {
        Key::Signing => local::keys::Keys::Signing,
        Key::Encryption => local::keys::Keys::Encryption,
    };
    let rotated = Box::pin(local::keys::rotate(
        &sdk,
        &prefix,
        keys,
        force,
        &domain::Clock::default(),
    ))
    .await;
    println!("{}", rotated.map_err(|error| told(&error))?);
    Ok(())
}

/// Returns the response of an AWS service, for the operator, who can act on it.
fn told(error: &domain::Error) -> String {
    match error {
        domain::Error::Unavailable(source) | domain::Error::Internal(source) => source.to_string(),
        error => error.to_string(),
    }
}

async fn verify(table: Option<String>, aws_port: u16) -> Result<(), String> {
    let place = table.map_or(
        local::audit::AuditSource::Local(aws_port),
        local::audit::AuditSource::Aws,
    );
    let verified = local::audit::verify(place).await;
    let verified = verified.map_err(|error| format!("the audit log cannot be read: {error}"))?;
    println!("{}", local::audit::report(&verified)?);
    Ok(())
}

async fn model_double(port: u16, tokens: usize, pause_ms: u64) -> Result<(), String> {
    let double = model_double::ModelDouble::start_on(port, 0).await;
    let double = double.map_err(|error| error.to_string())?;
    double.always(match pause_ms {
        0 => model_double::Script::tokens(tokens),
        _ => model_double::Script::slow(tokens, Duration::from_millis(pause_ms)),
    });
    println!("listening on {}", double.url());
    double.join().await;
    Ok(())
}

fn print_openapi() -> Result<(), String> {
    let document = serde_json::to_string_pretty(&local::functions::openapi()).map_err(|error| error.to_string())?;
    println!("{document}");
    Ok(())
}

/// Adds the embedding model that `make model` has fetched, unless the environment names one, or none.
fn with_fetched_model(mut environment: Vec<(String, String)>) -> Vec<(String, String)> {
    let get = |name: &str| {
        let found = environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    let is_decided = environment.iter().any(|(name, _)| name == MODEL_VARIABLE);
    if !is_decided && get("EMBEDDING_MODEL_KEY").is_none() {
        let cache = match (get("XDG_CACHE_HOME"), get("HOME")) {
            (Some(cache), _) => PathBuf::from(cache),
            (None, Some(home)) => PathBuf::from(home).join(".cache"),
            (None, None) => return environment,
        };
        let pinned = embedding::MULTILINGUAL_E5_SMALL;
        let name = format!("{}-{:.8}.bin", pinned.name, pinned.sha256);
        let path = cache.join("parlance").join(name);
        if let Some(path) = path.to_str().filter(|path| Path::new(path).exists()) {
            environment.push((MODEL_VARIABLE.to_owned(), path.to_owned()));
        }
    }
    environment
}

/// The path of the embedding model.
const MODEL_VARIABLE: &str = "EMBEDDING_MODEL";

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    #[test]
    fn a_thread_that_does_not_end_does_not_keep_the_process() {
        let (sender, receiver) = mpsc::channel::<()>();
        let done = super::run_to_end(async move {
            drop(tokio::task::spawn_blocking(move || receiver.recv()));
            7
        });
        assert_eq!(done.ok(), Some(7));
        assert!(sender.send(()).is_ok(), "the thread still waits");
    }
}
