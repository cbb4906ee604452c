//! The `roll_up_usage` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::follow::<roll_up_usage::RollUpUsage>().await
}
