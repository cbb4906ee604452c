//! The function `orgs` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(orgs::api()).await
}
