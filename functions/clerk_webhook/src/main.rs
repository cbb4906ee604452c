//! The function `clerk_webhook` on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(clerk_webhook::api()).await
}
