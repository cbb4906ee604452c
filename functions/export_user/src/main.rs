//! The `export_user` function on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::consume::<export_user::ExportUser>().await
}
