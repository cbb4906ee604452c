//! Permission as a type: a handler that takes one of these cannot be reached without the permission.

use std::{marker::PhantomData, ops::Deref, sync::Arc};

use app::Identity;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use domain::{Actor, Grant, Membership, PlatformRole};
use http::{StatusCode, request::Parts};

use crate::{
    Describe, Problem, Result,
    describe::{Authorize, OperationDoc, authorize},
    request_context::{RequestContext, named_org_schema},
};

/// A signed-in user: API keys are rejected with 403. For operations on passwords, sessions and the user's own
/// keys. `Option<Caller>` also accepts anonymous requests and API keys: there, invalid credentials
/// count as none.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The identity of the caller.
    pub identity: Arc<Identity>,
    request_id: String,
}

/// A caller in the current organization; [`May`] derefs to it.
#[derive(Debug, Clone)]
pub struct Member {
    /// The identity of the caller.
    pub identity: Arc<Identity>,
    /// The caller's membership in the current organization.
    pub org: Membership,
    request_id: String,
}

/// A member of the current organization (`X-Current-Org`, else the personal one) whose role, and whose API key if
/// one is used, has the permission `P`; 404 for callers who are not members, 403 for members without the permission. `Option<May<P>>` is `None` for requests without credentials; invalid ones are rejected.
#[derive(Debug)]
pub struct May<P> {
    member: Member,
    permission: PhantomData<fn() -> P>,
}

/// A signed-in user with the platform role `admin`; 403 for all others, and for API keys.
#[derive(Debug, Clone)]
pub struct PlatformAdmin {
    /// The identity of the caller.
    pub identity: Arc<Identity>,
    request_id: String,
}

impl Caller {
    /// Returns the caller as an actor of the audit log.
    pub fn actor(&self) -> Actor {
        self.identity.actor(&self.request_id)
    }
}

impl Member {
    /// Returns the caller as an actor of the audit log.
    pub fn actor(&self) -> Actor {
        self.identity.actor(&self.request_id)
    }

    /// Returns the caller in `org` if the role there, and the API key if one is used, has the permission `P`.
    pub(crate) fn permitted<P: Grant>(
        context: &RequestContext,
        (identity, org): (Arc<Identity>, Membership),
    ) -> Result<Self> {
        in_scope::<P>(&identity)?;
        if !P::PERMISSION.is_granted_to(org.role) {
            return Err(role_required(format!(
                "Your role in this organization lacks the permission `{}`.",
                P::PERMISSION
            )));
        }
        let request_id = context.request_id.clone();
        Ok(Self {
            identity,
            org,
            request_id,
        })
    }
}

impl PlatformAdmin {
    /// Returns the caller as an actor of the audit log.
    pub fn actor(&self) -> Actor {
        self.identity.actor(&self.request_id)
    }
}

impl<P> Deref for May<P> {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.member
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let context = RequestContext::of(parts)?;
        Ok(Self {
            identity: person(&context).await?,
            request_id: context.request_id.clone(),
        })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>> {
        let context = RequestContext::of(parts)?;
        match context.identity().await {
            Ok(identity) => Ok(identity.map(|identity| Self {
                identity,
                request_id: context.request_id.clone(),
            })),
            Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

impl<S: Send + Sync, P: Grant> FromRequestParts<S> for May<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let context = RequestContext::of(parts)?;
        Ok(Self {
            member: Member::permitted::<P>(&context, context.member().await?)?,
            permission: PhantomData,
        })
    }
}

impl<S: Send + Sync, P: Grant> OptionalFromRequestParts<S> for May<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>> {
        if RequestContext::of(parts)?.identity().await?.is_none() {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state)
            .await
            .map(Some)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PlatformAdmin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let context = RequestContext::of(parts)?;
        let identity = person(&context).await?;
        if identity.user.role == PlatformRole::Admin {
            Ok(Self {
                identity,
                request_id: context.request_id.clone(),
            })
        } else {
            Err(role_required("Only platform admins can do this."))
        }
    }
}

/// Returns the caller, unless an API key is used.
async fn person(context: &RequestContext) -> Result<Arc<Identity>> {
    let identity = context.caller().await?;
    if identity.is_person() {
        Ok(identity)
    } else {
        let detail = "API keys cannot do this; sign in as a user.";
        Err(Problem::new(StatusCode::FORBIDDEN, "person_required", detail))
    }
}

/// Rejects an API key without the scope `P`.
pub(crate) fn in_scope<P: Grant>(identity: &Identity) -> Result<()> {
    if identity.reaches(P::PERMISSION) {
        Ok(())
    } else {
        let detail = format!("This API key lacks the scope `{}`.", P::PERMISSION);
        Err(Problem::new(StatusCode::FORBIDDEN, "scope_required", detail))
    }
}

fn role_required(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "role_required", detail)
}

impl Describe for Caller {
    fn authorize() -> Option<Authorize> {
        Some(authorize::<Self>)
    }

    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_bearer();
        doc.problem(403);
    }
}

impl Describe for Option<Caller> {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.allow_bearer();
    }
}

impl<P: Grant> Describe for May<P> {
    fn authorize() -> Option<Authorize> {
        Some(authorize::<Self>)
    }

    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_permission(P::PERMISSION);
        let text = "ID or slug of the organization to act in; the caller's personal one if omitted.";
        doc.header_parameter("X-Current-Org", text, &named_org_schema());
        doc.problem(403);
        doc.problem(404);
    }
}

impl<P: Grant> Describe for Option<May<P>> {
    fn authorize() -> Option<Authorize> {
        Some(authorize::<Self>)
    }

    fn describe(doc: &mut OperationDoc<'_>) {
        May::<P>::describe(doc);
        doc.allow_anonymous();
    }
}

impl Describe for PlatformAdmin {
    fn authorize() -> Option<Authorize> {
        Some(authorize::<Self>)
    }

    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_platform_admin();
    }
}

#[cfg(test)]
mod tests;
