//! The `stripe_webhook` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(stripe_webhook::api()).await
}
