//! The `query` function on Lambda, and the child process in which it executes a query.

use std::process::ExitCode;

fn main() -> Result<ExitCode, runtime::Error> {
    match sql_engine::run_if_child() {
        Some(code) => Ok(code),
        None => serve().map(|()| ExitCode::SUCCESS),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), runtime::Error> {
    runtime::serve_streaming(query::api()).await
}
