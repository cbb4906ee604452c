//! The `reconcile_billing` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::on_schedule::<reconcile_billing::ReconcileBilling>().await
}
