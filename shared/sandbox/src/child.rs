//! The side of the child.

use std::{
    io::{self, Read as _},
    process::ExitCode,
    thread,
};

/// Exit code of a child that was called incorrectly or could not limit itself: our fault, not that of its work.
pub const MISUSED: u8 = 2;
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

/// Does the work of a child if this process was started with `subcommand`, and returns its exit code.
pub fn run_if_child<E: std::fmt::Display>(
    subcommand: &str,
    run: impl FnOnce(&[String]) -> Result<(), E>,
) -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != subcommand {
        return None;
    }
    let arguments: Vec<String> = arguments.collect();
    Some(match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{subcommand}: {error}");
            ExitCode::from(MISUSED)
        }
    })
}
