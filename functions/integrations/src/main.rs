//! The `integrations` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(integrations::api()).await
}
