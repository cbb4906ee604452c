//! The function `admin` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve(admin::api()).await
}
