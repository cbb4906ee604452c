//! The function `chats` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve_streaming(chats::api()).await
}
