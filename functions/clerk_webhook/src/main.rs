//! The `clerk_webhook` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(clerk_webhook::api()).await
}
