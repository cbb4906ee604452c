//! The `send_mail` function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::consume::<send_mail::SendMail>().await
}
