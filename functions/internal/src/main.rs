//! The function `internal` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(internal::api()).await
}
