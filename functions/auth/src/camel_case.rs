//! `/api/auth`, whose responses are exactly `uid, email, displayName, token`. It has no refresh, so its access tokens
//! are valid as long as their sessions.

use app::AccessLifetime;
use domain::{Secret, User, auth::permission::ReadAccount};
use http_api::{Body, Created, Ctx, FormOrJson, Json, Origin, Result, SelfOrAdmin};
use schemars::JsonSchema;
use serde::Serialize;

use crate::snake_case::{Credentials, NewAccount, RefreshRequest, TokensView};

/// An account with an access token.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SphereUser {
    uid: String,
    email: String,
    display_name: String,
    /// For the `Authorization` header. Valid for 30 days, unless its session ends before.
    token: String,
}

fn view(user: &User, token: &Secret) -> SphereUser {
    SphereUser {
        uid: user.id.0.clone(),
        email: user.email.to_string(),
        display_name: user.name.clone(),
        token: token.expose().to_owned(),
    }
}

pub(crate) async fn register(app: Ctx, origin: Origin, Body(new): Body<NewAccount>) -> Result<Created<SphereUser>> {
    let made = app
        .register(new.into_sign_up()?, &origin, AccessLifetime::Session)
        .await?;
    Ok(Created(view(&made.user, &made.tokens.access)))
}

pub(crate) async fn login(
    app: Ctx,
    origin: Origin,
    FormOrJson(credentials): FormOrJson<Credentials>,
) -> Result<Json<SphereUser>> {
    let signed_in = credentials.sign_in(&app, &origin, AccessLifetime::Session).await?;
    Ok(Json(view(&signed_in.user, &signed_in.tokens.access)))
}

pub(crate) async fn refresh(app: Ctx, Body(request): Body<RefreshRequest>) -> Result<Json<TokensView>> {
    let tokens = app.refresh(&request.refresh_token, AccessLifetime::Session).await?;
    Ok(Json(tokens.into()))
}

/// Returns the token of the request: it issues none that is valid longer than the caller's own.
pub(crate) async fn get_me(caller: SelfOrAdmin<ReadAccount>) -> Result<Json<SphereUser>> {
    Ok(Json(view(&caller.identity.user, &caller.identity.token)))
}
