//! The function `roll_up_usage` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::follow::<roll_up_usage::RollUpUsage>().await
}
