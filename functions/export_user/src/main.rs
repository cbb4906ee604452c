//! The function `export_user` on Lambda.
#[tokio::main]
async fn main() -> Result<(), runtime::Error> {
    runtime::consume::<export_user::ExportUser>().await
}
