//! `/api/auth`: document 004, whose answers are exactly `uid, email, displayName, token`.

use http_api::{Body, Created, Ctx, FormOrJson, Json, Origin, Result, SelfOrAdmin};
use model::{Secret, User, permission::ReadAccount};
use schemars::JsonSchema;
use serde::Serialize;

use crate::v1::{Credentials, NewAccount};

/// An account with an access token.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SphereUser {
    uid: String,
    email: String,
    display_name: String,
    /// For the `Authorization` header.
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
    let made = app.register(new.into_sign_up()?, &origin).await?;
    Ok(Created(view(&made.user, &made.tokens.access)))
}

pub(crate) async fn login(
    app: Ctx,
    origin: Origin,
    FormOrJson(credentials): FormOrJson<Credentials>,
) -> Result<Json<SphereUser>> {
    let signed_in = credentials.sign_in(&app, &origin).await?;
    Ok(Json(view(&signed_in.user, &signed_in.tokens.access)))
}

pub(crate) async fn get_me(caller: SelfOrAdmin<ReadAccount>) -> Result<Json<SphereUser>> {
    Ok(Json(view(&caller.identity.user, &caller.identity.token)))
}
