//! The function `purge` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::consume::<purge::PurgeDeleted>().await
}
