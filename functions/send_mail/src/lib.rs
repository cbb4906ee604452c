//! Worker: renders and sends the emails that requests queued.

use app::{App, BoxFuture, Delivery};
use domain::{MailMessage, Result};
use runtime::Job;

/// Consumes the queue `send_mail`.
#[derive(Debug)]
pub struct SendMail;

impl Job for SendMail {
    type Message = MailMessage;

    fn run(app: App, message: MailMessage, _: Delivery) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { app.send_mail(&message).await })
    }
}
