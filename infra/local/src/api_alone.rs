//! `parlance-api`: the API alone on a free port of 127.0.0.1, with its services wherever the environment says, for
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
