//! The user that a path names, for themselves and for platform admins.

use std::{marker::PhantomData, sync::Arc};

use app::Identity;
use axum::extract::FromRequestParts;
use domain::{Actor, Error, Grant, PlatformRole, UserId};
use http::request::Parts;

use crate::{
    Describe, Problem, Result,
    caller::in_scope,
    describe::{Authorize, OperationDoc, authorize},
    params::named_in_path,
    request_context::RequestContext,
};

/// The user that `{user_id}` names: the caller (`me` or their own ID), or any user if a platform admin calls. For
/// other callers the user does not exist: 404. An API key needs the scope `P`, and can name its own user only.
#[derive(Debug)]
pub struct SelfOrAdmin<P> {
    /// The identity of the caller.
    pub identity: Arc<Identity>,
    /// The named user.
    pub user: UserId,
    request_id: String,
    permission: PhantomData<fn() -> P>,
}

impl<P> SelfOrAdmin<P> {
    /// Returns the caller as an actor of the audit log.
    pub fn actor(&self) -> Actor {
        self.identity.actor(&self.request_id)
    }

    /// Returns whether a platform admin calls.
    pub fn is_admin(&self) -> bool {
        self.identity.user.role == PlatformRole::Admin && self.identity.is_person()
    }

    /// Returns whether the named user is the caller.
    pub fn is_self(&self) -> bool {
        self.identity.user.id == self.user
    }
}

impl<S: Send + Sync, P: Grant> FromRequestParts<S> for SelfOrAdmin<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let context = RequestContext::of(parts)?;
        let identity = context.caller().await?;
        in_scope::<P>(&identity)?;
        let user = match named_in_path(parts, state, "user_id").await.as_deref() {
            None | Some("me") => identity.user.id.clone(),
            Some(id) => UserId(id.to_ascii_lowercase()),
        };
        let about = Self {
            user,
            identity,
            request_id: context.request_id.clone(),
            permission: PhantomData,
        };
        if about.is_self() || about.is_admin() {
            Ok(about)
        } else {
            Err(Error::NotFound("user").into())
        }
    }
}

impl<P: Grant> Describe for SelfOrAdmin<P> {
    fn authorize() -> Option<Authorize> {
        Some(authorize::<Self>)
    }

    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_permission(P::PERMISSION);
        doc.path_parameter("user_id", "ID of a user, or `me`.");
        doc.problem(403);
        doc.problem(404);
    }
}
