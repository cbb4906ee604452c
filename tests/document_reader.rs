//! Reads one document as a child process, see the crate `reading`.

use std::process::ExitCode;

fn main() -> ExitCode {
    reading::run_if_child().unwrap_or(ExitCode::FAILURE)
}
