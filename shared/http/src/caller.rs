//! Permission as a type: a handler that takes one of these cannot be reached without it.

use std::{ops::Deref, sync::Arc};

use app::Identity;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{StatusCode, request::Parts};
use model::{Membership, PlatformRole};

use crate::{Describe, Problem, Result, describe::OperationDoc, scope::Scope};

/// Any signed-in user. `Option<Caller>` lets anonymous requests in too: there, credentials that are not valid
/// count as none.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who calls.
    pub identity: Arc<Identity>,
}

/// A member of the current organization (`X-Current-Org`, else the personal one); 404 for everybody else.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who calls.
    pub identity: Arc<Identity>,
    /// Their place in the current organization.
    pub org: Membership,
}

/// A member who is owner or admin of the current organization; 403 for other members.
#[derive(Debug, Clone)]
pub struct OrgAdmin(Member);

/// A user with the platform role `admin`; 403 for other users.
#[derive(Debug, Clone)]
pub struct PlatformAdmin {
    /// Who calls.
    pub identity: Arc<Identity>,
}

impl Deref for OrgAdmin {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self {
            identity: Scope::of(parts)?.caller().await?,
        })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>> {
        match Scope::of(parts)?.identity().await {
            Ok(identity) => Ok(identity.map(|identity| Self { identity })),
            Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let (identity, org) = Scope::of(parts)?.member().await?;
        Ok(Self { identity, org })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OrgAdmin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let member = Member::from_request_parts(parts, state).await?;
        if member.org.role.administers() {
            Ok(Self(member))
        } else {
            Err(role_required(
                "Only an owner or admin of this organization may do this.",
            ))
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PlatformAdmin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let identity = Scope::of(parts)?.caller().await?;
        if identity.user.role == PlatformRole::Admin {
            Ok(Self { identity })
        } else {
            Err(role_required("Only a platform admin may do this."))
        }
    }
}

fn role_required(detail: &'static str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "role_required", detail)
}

impl Describe for Caller {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_bearer();
    }
}

impl Describe for Option<Caller> {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.allow_bearer();
    }
}

impl Describe for Member {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_bearer();
        let text = "Id or slug of the organization to act in; the caller's personal one when it is left out.";
        doc.header_parameter("X-Current-Org", text);
        doc.problem(404);
    }
}

impl Describe for OrgAdmin {
    fn describe(doc: &mut OperationDoc<'_>) {
        Member::describe(doc);
        doc.problem(403);
    }
}

impl Describe for PlatformAdmin {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_bearer();
        doc.problem(403);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;

    use super::*;
    use crate::{
        Api, Json,
        testing::{Answer, Server},
    };

    async fn caller(caller: Caller) -> Json<String> {
        Json(caller.identity.user.id.0.clone())
    }

    async fn visitor(caller: Option<Caller>) -> Json<Option<String>> {
        Json(caller.map(|caller| caller.identity.user.id.0.clone()))
    }

    async fn member(again: Caller, member: Member) -> Json<(String, String)> {
        Json((again.identity.user.id.0.clone(), member.org.org.0))
    }

    async fn org_admin(admin: OrgAdmin) -> Json<String> {
        Json(admin.org.org.0.clone())
    }

    async fn platform_admin(admin: PlatformAdmin) -> Json<String> {
        Json(admin.identity.user.id.0.clone())
    }

    fn server() -> Server {
        let api = Api::new("Test")
            .get("/caller", caller, "")
            .get("/visitor", visitor, "")
            .get("/member", member, "");
        Server::new(
            api.get("/org_admin", org_admin, "")
                .get("/platform_admin", platform_admin, ""),
        )
    }

    async fn call(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = headers.iter().fold(Request::get(path), |request, (name, value)| {
            request.header(*name, *value)
        });
        server.call(request, Body::empty()).await
    }

    #[tokio::test]
    async fn only_a_valid_bearer_token_is_let_in() {
        let server = server();
        for header in ["Bearer ada", "bearer ada", "BEARER  ada "] {
            assert_eq!(
                call(&server, "/caller", &[("authorization", header)]).await.text(),
                "\"user-ada\""
            );
        }
        for header in ["", "ada", "Bearer", "Bearer ", "Basic YWRhOmFkYQ==", "Bearer,ada"] {
            let answer = call(&server, "/caller", &[("authorization", header)]).await;
            answer.problem(401, "credentials_required");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
        call(&server, "/caller", &[]).await.problem(401, "credentials_required");
        call(&server, "/caller", &[("authorization", "Bearer forged")])
            .await
            .problem(401, "token_invalid");
        let twice = [("authorization", "Bearer ada"), ("authorization", "Bearer root")];
        call(&server, "/caller", &twice).await.problem(400, "repeated_header");
    }

    #[tokio::test]
    async fn where_anonymous_is_allowed_a_bad_token_is_anonymous_and_an_outage_is_not() {
        let server = server();
        assert_eq!(call(&server, "/visitor", &[]).await.text(), "null");
        assert_eq!(
            call(&server, "/visitor", &[("authorization", "Bearer forged")])
                .await
                .text(),
            "null"
        );
        assert_eq!(
            call(&server, "/visitor", &[("authorization", "Bearer ada")])
                .await
                .text(),
            "\"user-ada\""
        );
        server.host.go_down();
        let answer = call(&server, "/visitor", &[("authorization", "Bearer ada")]).await;
        answer.problem(503, "unavailable");
        assert_eq!(answer.header("retry-after"), "1");
        assert!(!answer.text().contains("table"), "the body names what is down");
    }

    #[tokio::test]
    async fn the_current_organization_is_the_personal_one_unless_named() {
        let server = server();
        let ada = ("authorization", "Bearer ada");
        assert_eq!(
            call(&server, "/member", &[ada]).await.text(),
            r#"["user-ada","personal-ada"]"#
        );
        assert_eq!(
            call(&server, "/member", &[ada, ("x-current-org", "acme")]).await.text(),
            r#"["user-ada","org-acme"]"#
        );
        call(&server, "/member", &[ada, ("x-current-org", "other")])
            .await
            .problem(404, "not_found");
        let twice = [ada, ("x-current-org", "acme"), ("x-current-org", "other")];
        call(&server, "/member", &twice).await.problem(400, "repeated_header");
        call(&server, "/member", &[("x-current-org", "acme")])
            .await
            .problem(401, "credentials_required");
    }

    #[tokio::test]
    async fn a_token_is_looked_up_once_however_many_extractors_ask() {
        let server = server();
        call(&server, "/member", &[("authorization", "Bearer ada")]).await;
        assert_eq!(server.host.authenticated(), 1);
    }

    #[tokio::test]
    async fn admins_are_told_from_others() {
        let server = server();
        for path in ["/org_admin", "/platform_admin"] {
            let ask = |token: &'static str| [("authorization", token), ("x-current-org", "acme")];
            call(&server, path, &ask("Bearer ada"))
                .await
                .problem(403, "role_required");
            assert_eq!(call(&server, path, &ask("Bearer root")).await.status, 200);
            call(&server, path, &[]).await.problem(401, "credentials_required");
        }
    }
}
