//! The function `prompts` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(prompts::api()).await
}
