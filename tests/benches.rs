//! Each bench in a short form, so that none rots. Figures come from `make bench`.

use std::path::PathBuf;

use local::bench::{self, Extent};

fn reader() -> PathBuf {
    env!("CARGO_BIN_EXE_document_reader").into()
}

#[cfg(target_os = "linux")]
fn function() -> PathBuf {
    env!("CARGO_BIN_EXE_function").into()
}

#[tokio::test]
async fn the_bench_of_the_api_runs() {
    bench::run(Extent::Short, Some(reader())).await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_bench_of_cold_starts_runs() {
    bench::cold(Extent::Short, vec![function()]).await.unwrap();
}

/// On the system of the tests these are half a megabyte. Nothing else is read at a start.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_function_starts_without_the_certificates_of_the_system() {
    let start = bench::cold_start(&function()).await.unwrap();
    assert!(start.read < 64 * 1024, "{start:?}");
}

#[tokio::test]
async fn the_bench_of_reading_runs() {
    bench::reading(Extent::Short, Some(reader())).await.unwrap();
}

#[tokio::test]
async fn the_bench_of_timing_runs() {
    bench::timing(Extent::Short).await.unwrap();
}
