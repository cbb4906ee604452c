//! The child process: reads one file and writes one result.

use std::{
    io::{self, Read as _, Write as _},
    process::ExitCode,
    thread,
};

use retrieval::Kind;

use crate::{answer, limits};

/// The first argument of a child. Hidden, because users have no use for it.
pub const SUBCOMMAND: &str = "read-document";

/// Exit code of a child that was called incorrectly or could not limit itself: our fault, not the file's.
pub(crate) const MISUSED: u8 = 2;
/// Exit code of a child whose parent has died.
const ORPHANED: i32 = 3;

/// Reads a document if this process was started for that, and returns its exit code. Call it before anything else in
/// `main`: what was allocated or opened before escapes the limits.
pub fn run_if_child() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != SUBCOMMAND {
        return None;
    }
    let arguments: Vec<String> = arguments.collect();
    Some(match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{SUBCOMMAND}: {error}");
            ExitCode::from(MISUSED)
        }
    })
}

/// The parent's request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) kind: Kind,
    /// Size of the file in bytes.
    pub(crate) size: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) cpu_seconds: u64,
}

impl Job {
    pub(crate) fn arguments(&self) -> [String; 5] {
        [
            SUBCOMMAND.to_owned(),
            self.kind.to_string(),
            self.size.to_string(),
            self.memory_bytes.to_string(),
            self.cpu_seconds.to_string(),
        ]
    }

    fn parse(arguments: &[String]) -> Option<Self> {
        let [kind, size, memory_bytes, cpu_seconds] = arguments else {
            return None;
        };
        Some(Self {
            kind: Kind::from_name(kind)?,
            size: size.parse().ok()?,
            memory_bytes: memory_bytes.parse().ok()?,
            cpu_seconds: cpu_seconds.parse().ok()?,
        })
    }
}

fn run(arguments: &[String]) -> io::Result<()> {
    let job =
        Job::parse(arguments).ok_or_else(|| io::Error::other("KIND SIZE MEMORY_BYTES CPU_SECONDS are missing"))?;
    limits::apply(job.memory_bytes, job.cpu_seconds)?;
    let mut file = vec![0; usize::try_from(job.size).map_err(io::Error::other)?];
    io::stdin().lock().read_exact(&mut file)?;
    thread::Builder::new().stack_size(64 * 1024).spawn(end_with_parent)?;
    let (header, segment) = answer::encode(retrieval::index_file(&file, job.kind)).map_err(io::Error::other)?;
    let mut out = io::stdout().lock();
    out.write_all(&header)?;
    out.write_all(&segment)?;
    out.flush()
}

/// Ends this process when its parent dies: only the parent holds the other end of the standard input, and it writes
/// nothing more to it.
fn end_with_parent() {
    if !matches!(io::stdin().lock().read(&mut [0]), Ok(1)) {
        std::process::exit(ORPHANED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_what_its_arguments_say() {
        let job = Job {
            kind: Kind::Docx,
            size: 17,
            memory_bytes: 1_000_000,
            cpu_seconds: 60,
        };
        let [command, arguments @ ..] = job.arguments();
        assert_eq!(command, SUBCOMMAND);
        assert_eq!(Job::parse(&arguments), Some(job));
        assert_eq!(Job::parse(&arguments[1..]), None);
    }
}
