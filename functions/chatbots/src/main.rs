//! The function `chatbots` on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(chatbots::api()).await
}
