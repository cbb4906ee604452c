//! The function `audit` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(audit::api()).await
}
