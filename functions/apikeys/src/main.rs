//! The function `apikeys` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(apikeys::api()).await
}
