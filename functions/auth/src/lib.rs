//! Accounts and sign-in sessions, on both surfaces: `/api/v1/auth` (documents 000 to 002) and `/api/auth` (004).

mod sphere;
mod v1;

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
        .get("/me", v1::get_me, "Get the signed-in account.")
        .at("/api/auth")
        .post("/register", sphere::register, "Create an account and sign it in.")
        .post(
            "/login",
            sphere::login,
            "Sign in with e-mail address and password (form or JSON).",
        )
        .unrepeatable()
        .get("/me", sphere::get_me, "Get the signed-in account.")
        .both()
        .post(
            "/auth/refresh",
            v1::refresh,
            "Replace a refresh token by a new pair of tokens.",
        )
        .unrepeatable()
        .post(
            "/auth/logout",
            logout,
            "End the session of this token; it is refused from the next request on.",
        )
}

async fn logout(app: Ctx, caller: Caller) -> Result<Message> {
    app.sign_out(&caller.identity).await?;
    Ok(Message("Logout successful"))
}
