//! The `index_documents` function on Lambda, and the child process in which it parses a document.

use std::process::ExitCode;

fn main() -> Result<ExitCode, runtime::Error> {
    match reading::run_if_child() {
        Some(code) => Ok(code),
        None => work().map(|()| ExitCode::SUCCESS),
    }
}

#[tokio::main]
async fn work() -> Result<(), runtime::Error> {
    runtime::consume::<index_documents::IndexDocuments>().await
}
