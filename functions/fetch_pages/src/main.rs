//! The `fetch_pages` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::consume::<fetch_pages::FetchPages>().await
}
