//! Reads one document or executes one query as a child process, see the crates `reading` and `sql_engine`.

use std::process::ExitCode;

fn main() -> ExitCode {
    reading::run_if_child()
        .or_else(sql_engine::run_if_child)
        .unwrap_or(ExitCode::FAILURE)
}
