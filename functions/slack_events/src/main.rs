//! The `slack_events` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(slack_events::api()).await
}
