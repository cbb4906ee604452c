//! The function `index_documents` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::consume::<index_documents::IndexDocuments>().await
}
