//! The `relay_outbox` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::on_schedule::<relay_outbox::RelayOutbox>().await
}
