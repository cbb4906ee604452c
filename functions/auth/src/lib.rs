//! Accounts and sign-in sessions, in both API styles: `/api/v1/auth` and `/api/auth`.

mod access_reset;
mod camel_case;
mod passwords;
mod sessions;
mod snake_case;
mod verification;

use http_api::{Api, Caller, Ctx, Message, Result};

/// The operations of this function.
pub fn api() -> Api {
    let api = Api::new("Authentication")
        .at("/api/v1/auth")
        .post(
            "/register",
            snake_case::register,
            "Create an account. Returns tokens. At most 50 at once from a network and one more a minute.",
        )
        .post(
            "/login",
            snake_case::login,
            "Sign in. With email address and password, as JSON or as an OAuth 2 form (`username`, `password`). \
             Failed attempts on one account: ten without delay, then 1, 2, 4 ... seconds apart up to an hour, never \
             a lock; networks that signed in before are counted separately. In addition 30 failures per network and \
             one more every 30 seconds, and, from unknown networks, 2,000 accounts on the platform and one more a \
             second. Beyond that 429 with `Retry-After`; addresses without an account behave the same.",
        )
        .non_idempotent()
        .post(
            "/refresh",
            snake_case::refresh,
            "Refresh the tokens of a session. Returns a new refresh token too; each is valid once. For ten seconds \
             the same replacement is returned again, byte for byte; later use of a refresh token ends the session.",
        )
        .non_idempotent()
        .get(
            "/me",
            snake_case::get_me,
            "Get the signed-in account. With its platform role.",
        )
        .at("/api/auth")
        .post(
            "/register",
            camel_case::register,
            "Create an account. Returns tokens. At most 50 at once from a network and one more a minute.",
        )
        .post(
            "/login",
            camel_case::login,
            "Sign in. With email address and password, as JSON or as an OAuth 2 form (`username`, `password`). \
             Failed attempts on one account: ten without delay, then 1, 2, 4 ... seconds apart up to an hour, never \
             a lock; networks that signed in before are counted separately. In addition 30 failures per network and \
             one more every 30 seconds, and, from unknown networks, 2,000 accounts on the platform and one more a \
             second. Beyond that 429 with `Retry-After`; addresses without an account behave the same.",
        )
        .non_idempotent()
        .post(
            "/refresh",
            camel_case::refresh,
            "Refresh the tokens of a session. Returns a new refresh token too; each is valid once. For ten seconds \
             the same replacement is returned again, byte for byte; later use of a refresh token ends the session.",
        )
        .non_idempotent()
        .get(
            "/me",
            camel_case::get_me,
            "Get the signed-in account. With its platform role.",
        )
        .on_both_prefixes();
    account_routes(api)
}

fn account_routes(api: Api) -> Api {
    api.post(
        "/auth/logout",
        logout,
        "Sign out. The session of this token ends; the token is rejected from the next request on.",
    )
    .post(
        "/auth/logout-all",
        sessions::logout_all,
        "Sign out everywhere. All sessions of the caller end, this one too, and their API keys, emailed links \
         and exports. Keys in shared organizations that were created with a verified address stay valid: \
         `kept_api_keys` lists them, `revoke_org_keys` revokes them too. An email lists what was revoked. \
         Emailed links of the account are voided at most five times in 20 hours, so that a stranger with a \
         session cannot keep the owner out.",
    )
    .get(
        "/auth/sessions",
        sessions::list_sign_in_sessions,
        "List the caller's sign-in sessions. With the device and network of each.",
    )
    .delete(
        "/auth/sessions/{session_id}",
        sessions::end_sign_in_session,
        "End a sign-in session. One of the caller's own; its tokens are rejected from the next request on.",
    )
    .post(
        "/auth/change-password",
        passwords::change_password,
        "Change the caller's password. All other sessions end.",
    )
    .post(
        "/auth/reset-password",
        passwords::request_password_reset,
        "Request an email to reset a password. The response is the same for every address.",
    )
    .post(
        "/auth/reset-password/confirm",
        passwords::reset_password,
        "Reset a password. With the token of the email, valid once for 30 minutes; it verifies the address. All \
         sessions, API keys, emailed links and exports of the account end, except for keys as after signing out \
         everywhere if the address was verified before. An email lists what was revoked.",
    )
    .post(
        "/auth/verify-email/request",
        verification::request_email_verification,
        "Request an email to verify the caller's address. It replaces those that were sent before. At most 5, \
         and one more in ten minutes.",
    )
    .post(
        "/auth/verify-email/confirm",
        verification::verify_email,
        "Verify an email address. With the token of the email. A new address takes the account's session too; \
         where a first one is verified without it, a later reset or link to Clerk ends all older credentials. \
         After a change of address, a link to the former one undoes it for 72 hours, during which nobody else \
         gets it.",
    )
    .post(
        "/auth/restore-email/confirm",
        verification::restore_email,
        "Restore an earlier email address. With the token of the email to it, valid once for 72 hours. All \
         sessions, API keys, links and exports of the account end, and its password: an email to set one is sent.",
    )
}

async fn logout(app: Ctx, caller: Caller) -> Result<Message> {
    app.sign_out(&caller.identity).await?;
    Ok(Message("Logout successful"))
}
