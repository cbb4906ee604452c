//! What the death of a child says about the file.

use std::process::ExitStatus;

use crate::{Failure, ReadOutcome, child::MISUSED};

/// What the standard library says on the standard error before it aborts for want of memory.
const OUT_OF_MEMORY: &str = "memory allocation of ";

const TOO_LARGE: &str = "this file takes more memory to read than it may; divide it into smaller files, or save it anew \
                         in its program, and upload those";
const TOO_SLOW: &str = "this file takes longer than a minute to read; divide it into smaller files, or save it anew in \
                        its program, and upload those";
const DAMAGED: &str = "this file cannot be read, it may be damaged; open it in its program, save it again and upload \
                       the new file";

fn failure(code: &str, detail: &str) -> Failure {
    Failure {
        code: code.to_owned(),
        detail: detail.to_owned(),
    }
}

/// A child that was killed because its time was over.
pub(crate) fn at_deadline() -> ReadOutcome {
    ReadOutcome::Died {
        failure: failure("too_slow", TOO_SLOW),
        cause: "killed at its deadline".to_owned(),
    }
}

/// What to say of a child that ended without an answer; `None` when that was no fault of the file.
pub(crate) fn judge(status: ExitStatus, errors: &str) -> Option<ReadOutcome> {
    if status.code() == Some(i32::from(MISUSED)) {
        return None;
    }
    let failure = match signal(status) {
        // Time on the CPU does not depend on what else the machine does: a second attempt would end the same way.
        Some(CPU_LIMIT) => return Some(ReadOutcome::Refused(failure("too_slow", TOO_SLOW))),
        // The kernel, for want of memory.
        Some(KILLED) => failure("too_large", TOO_LARGE),
        _ if errors.contains(OUT_OF_MEMORY) => failure("too_large", TOO_LARGE),
        _ => failure("damaged", DAMAGED),
    };
    Some(ReadOutcome::Died {
        failure,
        cause: cause(status, errors),
    })
}

/// The status, and where a panic happened. The message of a panic is left out: it may quote the file.
fn cause(status: ExitStatus, errors: &str) -> String {
    let known = |line: &&str| line.contains(" panicked at ") || line.contains(OUT_OF_MEMORY) || line.contains("stack");
    match errors.lines().find(known) {
        Some(line) => format!("{status}, {}", line.trim()),
        None => status.to_string(),
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_status: ExitStatus) -> Option<i32> {
    None
}

/// `SIGKILL`, the same everywhere (`signal(7)`).
const KILLED: i32 = 9;
/// `SIGXCPU`, the same on Linux and macOS for x86 and ARM (`signal(7)`).
const CPU_LIMIT: i32 = 24;

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    /// The code of the failure, and whether another attempt is due.
    fn judged(wait_status: i32, errors: &str) -> Option<(String, bool)> {
        match judge(ExitStatus::from_raw(wait_status), errors)? {
            ReadOutcome::Refused(failure) => Some((failure.code, false)),
            ReadOutcome::Died { failure, .. } => Some((failure.code, true)),
            ReadOutcome::Indexed(_) => unreachable!("a dead child answers nothing"),
        }
    }

    #[test]
    fn each_death_has_its_reason() {
        let (abort, fault, panic) = (6, 11, 101 << 8);
        assert_eq!(judged(CPU_LIMIT, ""), Some(("too_slow".to_owned(), false)));
        assert_eq!(judged(KILLED, ""), Some(("too_large".to_owned(), true)));
        let no_memory = "memory allocation of 4294967296 bytes failed\n";
        assert_eq!(judged(abort, no_memory), Some(("too_large".to_owned(), true)));
        assert_eq!(
            judged(abort, "thread 'main' has overflowed its stack"),
            Some(("damaged".to_owned(), true))
        );
        assert_eq!(judged(fault, ""), Some(("damaged".to_owned(), true)));
        assert_eq!(judged(panic, ""), Some(("damaged".to_owned(), true)));
        assert_eq!(judged(i32::from(MISUSED) << 8, ""), None);
    }

    #[test]
    fn the_log_does_not_quote_the_file() {
        let errors = "\nthread 'main' (7) panicked at lexer.rs:7:9:\nbyte index 3 is inside of 'é' of `a secret`\n";
        let status = ExitStatus::from_raw(101 << 8);
        let cause = cause(status, errors);
        assert!(cause.contains("lexer.rs:7:9") && !cause.contains("secret"), "{cause}");
    }
}
