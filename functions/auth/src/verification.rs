//! Whether an address is its account's own.

use garde::Validate;
use http_api::{Body, Caller, Ctx, Message, Origin, Result};
use model::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct EmailVerification {
    /// From the link in the mail; valid once, for two days.
    token: Secret,
}

pub(crate) async fn request_email_verification(app: Ctx, caller: Caller) -> Result<Message> {
    app.request_verification(&caller.identity.user).await?;
    Ok(Message("Verification email sent"))
}

pub(crate) async fn verify_email(
    app: Ctx,
    origin: Origin,
    Body(verification): Body<EmailVerification>,
) -> Result<Message> {
    app.verify_email(&verification.token, &origin).await?;
    Ok(Message("Email verified successfully"))
}
