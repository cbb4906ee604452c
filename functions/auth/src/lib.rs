//! Accounts and sign-in sessions, on both surfaces: `/api/v1/auth` (documents 000 to 002) and `/api/auth` (004).

mod passwords;
mod sessions;
mod sphere;
mod v1;
mod verification;

use http_api::{Api, Caller, Ctx, Message, Result};

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Authentication")
        .at("/api/v1/auth")
        .post("/register", v1::register, "Create an account and sign it in.")
        .post(
            "/login",
            v1::login,
            "Sign in with e-mail address and password (form or JSON).",
        )
        .unrepeatable()
        .post(
            "/refresh",
            v1::refresh,
            "Replace a refresh token by a new pair of tokens.",
        )
        .unrepeatable()
        .get("/me", v1::get_me, "Get the signed-in account.")
        .at("/api/auth")
        .post("/register", sphere::register, "Create an account and sign it in.")
        .post(
            "/login",
            sphere::login,
            "Sign in with e-mail address and password (form or JSON).",
        )
        .unrepeatable()
        .post(
            "/refresh",
            sphere::refresh,
            "Replace a refresh token by a new pair of tokens.",
        )
        .unrepeatable()
        .get("/me", sphere::get_me, "Get the signed-in account.")
        .both()
        .post(
            "/auth/logout",
            logout,
            "End the session of this token; it is refused from the next request on.",
        )
        .post(
            "/auth/logout-all",
            sessions::logout_all,
            "End all sessions of the caller, this one too.",
        )
        .get(
            "/auth/sessions",
            sessions::list_sign_in_sessions,
            "List where the caller is signed in.",
        )
        .delete(
            "/auth/sessions/{session_id}",
            sessions::end_sign_in_session,
            "End one of the caller's sessions.",
        )
        .post(
            "/auth/change-password",
            passwords::change_password,
            "Replace the own password; all other sessions end.",
        )
        .post(
            "/auth/reset-password",
            passwords::request_password_reset,
            "Ask for a mail with a link to set a new password; the answer is the same for every address.",
        )
        .post(
            "/auth/reset-password/confirm",
            passwords::reset_password,
            "Set a new password with the token of the mail; all sessions end.",
        )
        .post(
            "/auth/verify-email/request",
            verification::request_email_verification,
            "Ask for another mail with a link that verifies the own address.",
        )
        .post(
            "/auth/verify-email/confirm",
            verification::verify_email,
            "Verify an address with the token of the mail.",
        )
}

async fn logout(app: Ctx, caller: Caller) -> Result<Message> {
    app.sign_out(&caller.identity).await?;
    Ok(Message("Logout successful"))
}
