//! Classifies the death of a child.

use std::process::ExitStatus;

use sandbox::{CPU_LIMIT, KILLED, MISUSED, OUT_OF_MEMORY, signal};

use crate::{Failure, ReadOutcome};

const TOO_LARGE: &str = "this file needs too much memory to read; divide it into smaller files, or save it again \
                         in its program, and upload those";
const TOO_SLOW: &str = "a part of this file takes longer than a minute to read; divide it into smaller files, or save it \
                        again in its program, and upload those";
const DAMAGED: &str = "this file cannot be read and may be damaged; open it in its program, save it again and upload \
                       the new file";

fn failure(code: &str, detail: &str) -> Failure {
    Failure {
        code: code.to_owned(),
        detail: detail.to_owned(),
    }
}

/// Returns the outcome of a child that ended without a result; `None` if the file is not the cause.
pub(crate) fn judge(status: ExitStatus, errors: &str) -> Option<ReadOutcome> {
    if status.code() == Some(i32::from(MISUSED)) {
        return None;
    }
    let failure = match signal(status) {
        // CPU time does not depend on the load of the machine: a second attempt would end in the same way.
        Some(CPU_LIMIT) => return Some(ReadOutcome::Refused(failure("too_slow", TOO_SLOW))),
        // Killed by the kernel because of a lack of memory.
        Some(KILLED) => failure("too_large", TOO_LARGE),
        _ if errors.contains(OUT_OF_MEMORY) => failure("too_large", TOO_LARGE),
        _ => failure("damaged", DAMAGED),
    };
    Some(ReadOutcome::Died {
        failure,
        cause: cause(status, errors),
    })
}

/// Returns the status and the location of a panic. Omits the panic's message, which may quote the file.
fn cause(status: ExitStatus, errors: &str) -> String {
    let known = |line: &&str| line.contains(" panicked at ") || line.contains(OUT_OF_MEMORY) || line.contains("stack");
    match errors.lines().find(known) {
        Some(line) => format!("{status}, {}", line.trim()),
        None => status.to_string(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    /// Returns the code of the failure, and whether another attempt is allowed.
    fn judged(wait_status: i32, errors: &str) -> Option<(String, bool)> {
        match judge(ExitStatus::from_raw(wait_status), errors)? {
            ReadOutcome::Refused(failure) => Some((failure.code, false)),
            ReadOutcome::Died { failure, .. } => Some((failure.code, true)),
            other => unreachable!("a dead child has no result: {other:?}"),
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
