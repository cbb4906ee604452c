//! Sign-in sessions.

use app::Credential;
use domain::{Network, Session, SessionId, Timestamp};
use garde::Validate;
use http_api::{Body, Caller, Ctx, Json, Listing, NoContent, Paging, Path, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access_reset::AccessReset;

/// What else to end.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct SignOutEverywhere {
    /// Also revoke the API keys of shared organizations, which otherwise stay valid.
    #[serde(default)]
    revoke_org_keys: bool,
}

/// A sign-in session.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SignInSessionView {
    id: SessionId,
    /// Whether it is the session of this request.
    current: bool,
    /// The client's `User-Agent` at sign-in.
    user_agent: Option<String>,
    /// The client's network at sign-in: an IPv4 address, or the /64 of an IPv6 address.
    network: Option<Network>,
    /// When the user signed in.
    created_at: Timestamp,
    /// When the user last signed in or refreshed.
    refreshed_at: Timestamp,
    /// When it expires unless it is refreshed.
    expires_at: Timestamp,
}

fn view(session: Session, caller: &Caller) -> SignInSessionView {
    SignInSessionView {
        current: matches!(&caller.identity.credential, Credential::Session(id) if *id == session.id),
        id: session.id,
        user_agent: session.user_agent,
        network: session.network,
        created_at: session.created_at,
        refreshed_at: session.rotated_at,
        expires_at: session.expires_at,
    }
}

pub(crate) async fn list_sign_in_sessions(
    app: Ctx,
    caller: Caller,
    paging: Paging,
) -> Result<Listing<SignInSessionView>> {
    let page = app.sessions(&caller.identity.user, &paging).await?;
    paging.answer(page.map(|session| view(session, &caller)))
}

pub(crate) async fn end_sign_in_session(app: Ctx, caller: Caller, Path(session): Path<SessionId>) -> Result<NoContent> {
    app.end_session(&caller.identity.user, &session).await?;
    Ok(NoContent)
}

pub(crate) async fn logout_all(
    app: Ctx,
    caller: Caller,
    options: Option<Body<SignOutEverywhere>>,
) -> Result<Json<AccessReset>> {
    let revoke_org_keys = options.is_some_and(|Body(options)| options.revoke_org_keys);
    let kept = app
        .sign_out_everywhere(&caller.identity.user.id, &caller.actor(), revoke_org_keys)
        .await?;
    Ok(Json(AccessReset::new("Logout successful", kept)))
}
