//! The function `purge` on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::consume::<purge::PurgeDeleted>().await
}
