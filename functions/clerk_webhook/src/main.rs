//! The function `clerk_webhook` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(clerk_webhook::api()).await
}
