//! The side of the child.

use std::{
    io::{self, Read as _},
    thread,
};

/// Exit code of a child whose parent has died.
const ORPHANED: i32 = 3;

/// Ends this process when its parent dies: only the parent holds the other end of the standard input, and it writes
/// nothing more to it. Call it when the input is read.
///
/// # Errors
/// Returns an error if the system starts no thread.
pub fn exit_with_parent() -> io::Result<()> {
    let watch = || {
        if !matches!(io::stdin().lock().read(&mut [0]), Ok(1)) {
            std::process::exit(ORPHANED);
        }
    };
    thread::Builder::new().stack_size(64 * 1024).spawn(watch).map(|_| ())
}
