//! The `reset_quotas` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::on_schedule::<reset_quotas::ResetQuotas>().await
}
