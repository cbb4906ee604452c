//! Each bench in a short form, so that none rots. Figures come from `make bench`.

use std::path::PathBuf;

use local::bench::{self, Extent};

fn reader() -> PathBuf {
    env!("CARGO_BIN_EXE_document_reader").into()
}

#[tokio::test]
async fn the_bench_of_the_api_runs() {
    bench::run(Extent::Short, Some(reader())).await.unwrap();
}

#[tokio::test]
async fn the_bench_of_reading_runs() {
    bench::reading(Extent::Short, Some(reader())).await.unwrap();
}

#[tokio::test]
async fn the_bench_of_timing_runs() {
    bench::timing(Extent::Short).await.unwrap();
}
