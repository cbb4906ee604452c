//! Email verification, and the way back to the previous address.

use domain::Secret;
use garde::Validate;
use http_api::{Body, Caller, Ctx, Message, Origin, Result};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct EmailVerification {
    /// From the link in the email; valid once, for two days.
    token: Secret,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct AddressRestore {
    /// From the link in the email to the previous address; valid once, for 72 hours.
    token: Secret,
}

pub(crate) async fn request_email_verification(app: Ctx, caller: Caller) -> Result<Message> {
    app.request_verification(&caller.identity.user).await?;
    Ok(Message("Verification email sent"))
}

pub(crate) async fn verify_email(
    app: Ctx,
    caller: Option<Caller>,
    origin: Origin,
    Body(verification): Body<EmailVerification>,
) -> Result<Message> {
    let signed_in = caller.as_ref().map(|caller| &*caller.identity);
    app.verify_email(&verification.token, signed_in, &origin).await?;
    Ok(Message("Email verified successfully"))
}

pub(crate) async fn restore_email(app: Ctx, origin: Origin, Body(restore): Body<AddressRestore>) -> Result<Message> {
    app.restore_address(&restore.token, &origin).await?;
    Ok(Message("Email address restored"))
}
