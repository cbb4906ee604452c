//! The `import_data_source` function on Lambda, and the child process in which it reads uploaded tables.

use std::process::ExitCode;

fn main() -> Result<ExitCode, runtime::Error> {
    match sql_engine::run_if_child() {
        Some(code) => Ok(code),
        None => work().map(|()| ExitCode::SUCCESS),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn work() -> Result<(), runtime::Error> {
    runtime::consume::<import_data_source::ImportDataSource>().await
}
