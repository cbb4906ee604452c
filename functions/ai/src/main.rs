//! The function `ai` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve_streaming(ai::api()).await
}
