//! The function `send_mail` on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::consume::<send_mail::SendMail>().await
}
