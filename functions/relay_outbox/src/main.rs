//! The function `relay_outbox` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::on_schedule::<relay_outbox::RelayOutbox>().await
}
