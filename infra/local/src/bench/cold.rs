//! `parlance bench cold`: the work of a function between its start and its first request for work to Lambda.
//!
//! Each start is a separate process under a Runtime API that never returns work
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>). Lambda gives a function of 256 MB a seventh of a
//! core, so processor time is what counts; it does not depend on the load of the machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::{Extent, Result, figures::milliseconds, now};
use crate::{Options, Stack};

/// Counted starts of each function. One before them loads the binary into memory.
const STARTS: usize = 10;
/// Longest start.
const AT_MOST: Duration = Duration::from_secs(30);
/// Functions that are measured by default: an ordinary one, and the one with the most cryptography.
const FUNCTIONS: [&str; 2] = ["users", "auth"];

/// The cost of a cold start.
#[derive(Debug, Clone, Copy)]
pub struct ColdStart {
    /// Processor time of all threads, including system time.
    pub processor: Duration,
    /// Elapsed time.
    pub wall: Duration,
    /// Resident memory at the end, bytes.
    pub resident: u64,
    /// Bytes read from files and sockets.
    pub read: u64,
}

/// Measures, and prints a table of medians. `functions`: the binaries; by default those of `FUNCTIONS` beside this
/// program.
///
/// # Errors
/// If a function does not start.
pub async fn run(extent: Extent, mut functions: Vec<PathBuf>) -> Result<()> {
    if functions.is_empty() {
        let this = std::env::current_exe()?;
        functions.extend(FUNCTIONS.map(|name| this.with_file_name(name)));
    }
    let environment = environment().await?;
    let mut starts = vec![Vec::new(); functions.len()];
    for round in 0..=extent.of(STARTS) {
        for (function, starts) in functions.iter().zip(&mut starts) {
            let start = start(function, &environment).await?;
            if round > 0 {
                starts.push(start);
            }
        }
    }
    println!(
        "{:<44} {:>4} {:>8} {:>8} {:>8} {:>8} {:>10}",
        "from exec to the first poll, medians", "n", "CPU ms", "wall ms", "RSS MB", "read kB", "binary MB"
    );
    for (function, starts) in functions.iter().zip(&starts) {
        println!(
            "{:<44} {:>4} {:>8.1} {:>8.1} {:>8.1} {:>8.0} {:>10.1}",
            function.display(),
            starts.len(),
            milliseconds(median(starts, |start| start.processor)),
            milliseconds(median(starts, |start| start.wall)),
            thousands(median(starts, |start| start.resident)) / 1e3,
            thousands(median(starts, |start| start.read)),
            thousands(fs::metadata(function)?.len()) / 1e3,
        );
    }
    Ok(())
}

/// Returns the environment of functions on AWS, which does not contain the endpoints of services.
async fn environment() -> Result<Vec<(String, String)>> {
    let stack = Stack::start(Options::ephemeral()).await?;
    let mut environment = stack.function_environment();
    environment.retain(|(name, _)| name != "AWS_ENDPOINT_URL");
    stack.stop().await;
    Ok(environment)
}

/// Starts a function with the environment of [`run`], and ends it when it requests work.
///
/// # Errors
/// If it does not.
pub async fn cold_start(function: &Path) -> Result<ColdStart> {
    start(function, &environment().await?).await
}

async fn start(function: &Path, environment: &[(String, String)]) -> Result<ColdStart> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?.to_string();
    let started = now();
    let mut process = Process::start(function, environment, address)?;
    let asked = async {
        let (stream, _) = listener.accept().await?;
        first_call(stream).await
    };
    let Ok(asked) = timeout(AT_MOST, asked).await else {
        let ended = process.0.try_wait()?.map(|status| format!(": {status}"));
        let name = function.display();
        return Err(format!("`{name}` did not ask for work{}", ended.unwrap_or_default()).into());
    };
    let wall = started.elapsed();
    // A function ends when the connection does.
    let _open = asked?;
    Ok(ColdStart {
        processor: process.processor_time()?,
        wall,
        resident: 1024 * process.number("status", "VmRSS:")?,
        read: process.number("io", "rchar:")?,
    })
}

/// Waits for a request for work, which is not answered. Returns its connection.
async fn first_call(stream: TcpStream) -> Result<BufReader<TcpStream>> {
    let mut stream = BufReader::new(stream);
    let (mut request, mut line) = (String::new(), String::new());
    stream.read_line(&mut request).await?;
    let mut length = 0;
    while stream.read_line(&mut line).await? > 0 && !line.trim().is_empty() {
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        line.clear();
    }
    if request.starts_with("GET /2018-06-01/runtime/invocation/next ") {
        return Ok(stream);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Err(format!("{}: {}", request.trim(), String::from_utf8_lossy(&body)).into())
}

/// A running function. Dropping it kills it.
struct Process(Child);

impl Process {
    fn start(function: &Path, environment: &[(String, String)], runtime_api: String) -> Result<Self> {
        let name = function.file_name().unwrap_or_default();
        let process = Command::new(function)
            .env_clear()
            .env("PARLANCE_LOG", "error")
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", name)
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .spawn();
        Ok(Self(process.map_err(|error| {
            format!("{}: {error}; build it first", function.display())
        })?))
    }

    /// Returns the processor time of all threads as soon as they wait.
    fn processor_time(&self) -> Result<Duration> {
        let mut before = None;
        loop {
            let mut sum = Duration::ZERO;
            for task in fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
                // Nanoseconds on a processor, nanoseconds in its queue, time slices.
                let times = fs::read_to_string(task?.path().join("schedstat"))?;
                let running = times.split_whitespace().next().unwrap_or_default();
                sum += Duration::from_nanos(running.parse()?);
            }
            if before.replace(sum) == Some(sum) {
                return Ok(sum);
            }
        }
    }

    /// Returns a number from a file of `proc(5)`.
    fn number(&self, file: &str, name: &str) -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.0.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or_else(|| format!("no {name} in {file}"))?.parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only if it has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn median<T: Ord + Copy>(starts: &[ColdStart], of: impl Fn(&ColdStart) -> T) -> T {
    let mut values: Vec<T> = starts.iter().map(of).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

fn thousands(bytes: u64) -> f64 {
    u32::try_from(bytes).map_or(f64::INFINITY, f64::from) / 1e3
}
