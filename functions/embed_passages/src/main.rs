//! The `embed_passages` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::consume::<embed_passages::EmbedPassages>().await
}
