//! The function `chatbots` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(chatbots::api()).await
}
