//! The `apply_stripe_events` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::consume::<apply_stripe_events::ApplyStripeEvents>().await
}
