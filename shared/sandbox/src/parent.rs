//! The side of the parent.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
};

/// How much of the end of the standard error is retained. Bytes.
const KEPT_ERROR_BYTES: usize = 8 * 1024;

/// `SIGKILL`, the same on all systems (`signal(7)`): the kernel's answer to a lack of memory.
pub const KILLED: i32 = 9;
/// `SIGXCPU`, the same on Linux and macOS for x86 and ARM (`signal(7)`).
pub const CPU_LIMIT: i32 = 24;
/// `SIGXFSZ`, the same on Linux and macOS for x86 and ARM (`signal(7)`).
pub const FILE_SIZE_LIMIT: i32 = 25;
/// What the standard library writes to the standard error before it aborts because of a lack of memory.
pub const OUT_OF_MEMORY: &str = "memory allocation of ";

/// Returns the running program. On Linux a path that stays valid even if the file is replaced meanwhile, as a build
/// does.
pub fn this_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe().unwrap_or_default()
    }
}

/// Returns the command that starts a child: without an environment, with pipes, and killed when it is dropped.
pub fn command<S: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        // Without credentials, which are in the environment of a function.
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // Ctrl-C in a terminal is meant for the parent, which shuts down in order.
    #[cfg(unix)]
    command.process_group(0);
    command
}

/// Kills a child and waits for its end.
pub async fn kill(child: &mut Child) {
    // This fails only if the child has already ended.
    child.kill().await.ok();
}

/// Reads a standard error to its end and returns the last of it.
///
/// # Errors
/// Returns the error of the pipe.
pub async fn tail(mut stream: impl AsyncRead + Unpin) -> io::Result<String> {
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

/// Returns the signal that ended a child.
#[cfg(unix)]
pub fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

/// Returns `None`: this system has no signals.
#[cfg(not(unix))]
pub fn signal(_status: ExitStatus) -> Option<i32> {
    None
}
