//! The `purge` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::consume::<purge::PurgeDeleted>().await
}
