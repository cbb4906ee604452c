//! The `deliver_webhooks` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::consume::<deliver_webhooks::DeliverWebhooks>().await
}
