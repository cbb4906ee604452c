//! New passwords: with the current password, or by email.

use app::NewCredentials;
use domain::{Email, NewPassword, Secret};
use garde::Validate;
use http_api::{Body, Caller, Ctx, Json, Message, Origin, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::access_reset::AccessReset;

#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct PasswordChange {
    /// The current password.
    current_password: Secret,
    /// 8 to 128 characters; commonly leaked passwords are rejected.
    #[schemars(length(min = NewPassword::MIN, max = NewPassword::MAX))]
    new_password: Secret,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct PasswordResetRequest {
    /// The email address of the account.
    #[schemars(email, length(max = Email::MAX_BYTES))]
    email: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct PasswordReset {
    /// From the link in the email; valid once, for 30 minutes.
    token: Secret,
    /// 8 to 128 characters; commonly leaked passwords are rejected.
    #[schemars(length(min = NewPassword::MIN, max = NewPassword::MAX))]
    new_password: Secret,
    /// Also revoke the API keys of shared organizations, which otherwise stay valid.
    #[serde(default)]
    revoke_org_keys: bool,
}

pub(crate) async fn change_password(
    app: Ctx,
    caller: Caller,
    _origin: Origin,
    Body(change): Body<PasswordChange>,
) -> Result<Message> {
    let change = NewCredentials {
        current: change.current_password,
        new: NewPassword::parse(change.new_password, "/new_password")?,
    };
    app.change_password(&caller.identity, caller.actor(), change).await?;
    Ok(Message("Password changed successfully"))
}

pub(crate) async fn request_password_reset(app: Ctx, Body(request): Body<PasswordResetRequest>) -> Result<Message> {
    // An invalid address has no account, and receives the same response as every address.
    if let Ok(email) = Email::parse(&request.email) {
        app.request_password_reset(email).await?;
    }
    Ok(Message("Password reset email sent"))
}

pub(crate) async fn reset_password(
    app: Ctx,
    origin: Origin,
    Body(reset): Body<PasswordReset>,
) -> Result<Json<AccessReset>> {
    let new = NewPassword::parse(reset.new_password, "/new_password")?;
    let kept = app
        .reset_password(&reset.token, &new, reset.revoke_org_keys, &origin)
        .await?;
    Ok(Json(AccessReset::new("Password reset successfully", kept)))
}
