//! `parlance-api`: the API only, on a free port of 127.0.0.1, with the services that the environment names. For
//! measurements: without the embedded services this process is as large as a function.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    runtime::log::init_text();
    match local::api::serve(0).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("parlance-api: {sentence}");
            ExitCode::FAILURE
        }
    }
}
