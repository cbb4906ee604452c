//! Accounts and sign-in sessions, on both surfaces: `/api/v1/auth` (documents 000 to 002) and `/api/auth` (004).

mod access_reset;
mod camel_case;
mod passwords;
mod sessions;
mod snake_case;
mod verification;

use http_api::{Api, Caller, Ctx, Message, Result};

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Authentication")
        .at("/api/v1/auth")
        .post("/register", snake_case::register, "Create an account. The answer signs it in.")
        .post(
            "/login",
            snake_case::login,
            "Sign in. With e-mail address and password, as JSON or as a form of OAuth 2 (`username`, `password`).",
        )
        .non_idempotent()
        .post(
            "/refresh",
            snake_case::refresh,
            "Refresh the tokens of a session. The refresh token is replaced too, and is valid once.",
        )
        .non_idempotent()
        .get(
            "/me",
            snake_case::get_me,
            "Get the signed-in account. With the role that it has on the platform.",
        )
        .at("/api/auth")
        .post(
            "/register",
            camel_case::register,
            "Create an account. The answer signs it in.",
        )
        .post(
            "/login",
            camel_case::login,
            "Sign in. With e-mail address and password, as JSON or as a form of OAuth 2 (`username`, `password`).",
        )
        .non_idempotent()
        .post(
            "/refresh",
            camel_case::refresh,
            "Refresh the tokens of a session. The refresh token is replaced too, and is valid once.",
        )
        .non_idempotent()
        .get(
            "/me",
            camel_case::get_me,
            "Get the signed-in account. With the role that it has on the platform.",
        )
        .on_both_prefixes()
        .post(
            "/auth/logout",
            logout,
            "Sign out. The session of this token ends; it is refused from the next request on.",
        )
        .post(
            "/auth/logout-all",
            sessions::logout_all,
            "Sign out everywhere. All sessions of the caller end, this one too, and their API keys, mailed links and \
             exports. Keys in shared organizations that were created with a verified address stay valid: \
             `kept_api_keys` lists them, `revoke_org_keys` revokes them too. A mail lists what was revoked.",
        )
        .get(
            "/auth/sessions",
            sessions::list_sign_in_sessions,
            "List the caller's sign-in sessions. With the device and network of each.",
        )
        .delete(
            "/auth/sessions/{session_id}",
            sessions::end_sign_in_session,
            "End a sign-in session. One of the caller's own; its tokens are refused from the next request on.",
        )
        .post(
            "/auth/change-password",
            passwords::change_password,
            "Change the caller's password. All other sessions end.",
        )
        .post(
            "/auth/reset-password",
            passwords::request_password_reset,
            "Request a mail to reset a password. The answer is the same for every address.",
        )
        .post(
            "/auth/reset-password/confirm",
            passwords::reset_password,
            "Reset a password. With the token of the mail, valid once for 30 minutes; it verifies the address. All \
             sessions, API keys, mailed links and exports of the account end, except for keys as after signing out \
             everywhere if the address was verified before. A mail lists what was revoked.",
        )
        .post(
            "/auth/verify-email/request",
            verification::request_email_verification,
            "Request a mail to verify the caller's address. It replaces those that were sent before.",
        )
        .post(
            "/auth/verify-email/confirm",
            verification::verify_email,
            "Verify an e-mail address. With the token of the mail. A new address takes the account's session too; where \
             a first one is verified without it, a later reset or link to Clerk ends all older credentials.",
        )
        .post(
            "/auth/restore-email/confirm",
            verification::restore_email,
            "Restore an earlier e-mail address. With the token of the mail to it, valid once for 72 hours. All \
             sessions, API keys, links and exports of the account end, and its password: a mail to set one is sent.",
        )
}

async fn logout(app: Ctx, caller: Caller) -> Result<Message> {
    app.sign_out(&caller.identity).await?;
    Ok(Message("Logout successful"))
}
