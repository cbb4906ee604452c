//! The `dispatch_webhooks` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::follow::<dispatch_webhooks::DispatchWebhooks>().await
}
