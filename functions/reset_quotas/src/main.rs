//! The function `reset_quotas` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::on_schedule::<reset_quotas::ResetQuotas>().await
}
