//! Permission as a type: a handler that takes one of these cannot be reached without it.

use std::{marker::PhantomData, ops::Deref, sync::Arc};

use app::Identity;
use axum::extract::{FromRequestParts, OptionalFromRequestParts, RawPathParams};
use http::{StatusCode, request::Parts};
use model::{Actor, Error, Grant, Membership, PlatformRole, UserId};

use crate::{Describe, Problem, Result, describe::OperationDoc, scope::Scope};

/// A signed-in person: API keys are refused with 403. For what only a person may do: passwords, sessions, keys of
/// their own. `Option<Caller>` lets anonymous requests in too, and API keys: there, credentials that are not valid
/// count as none.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who calls.
    pub identity: Arc<Identity>,
    request_id: String,
}

/// A caller in the current organization: what [`May`] derefs to.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who calls.
    pub identity: Arc<Identity>,
    /// Their place in the current organization.
    pub org: Membership,
    request_id: String,
}

/// A member of the current organization (`X-Current-Org`, else the personal one) whose role, and whose API key if
/// they use one, has the permission `P`; 404 for those who are no members, 403 for members without the permission.
#[derive(Debug)]
pub struct May<P> {
    member: Member,
    permission: PhantomData<fn() -> P>,
}

/// A person with the platform role `admin`; 403 for everybody else, and for API keys.
#[derive(Debug, Clone)]
pub struct PlatformAdmin {
    /// Who calls.
    pub identity: Arc<Identity>,
    request_id: String,
}

/// The user that `{user_id}` names: the caller (`me` or the own id), or anybody when a platform admin calls. For
/// everybody else that user does not exist: 404. An API key needs the scope `P`, and names its own user only.
#[derive(Debug)]
pub struct SelfOrAdmin<P> {
    /// Who calls.
    pub identity: Arc<Identity>,
    /// Whom it is about.
    pub user: UserId,
    request_id: String,
    permission: PhantomData<fn() -> P>,
}

impl Caller {
    /// The caller, as the audit log names them.
    pub fn actor(&self) -> Actor {
        self.identity.actor(&self.request_id)
    }
}

impl Member {
    /// The caller, as the audit log names them.
    pub fn actor(&self) -> Actor {
        self.identity.actor(&self.request_id)
    }

    /// The caller in `org`, if the role there, and the API key if one is used, has the permission `P`.
    pub(crate) fn permitted<P: Grant>(scope: &Scope, (identity, org): (Arc<Identity>, Membership)) -> Result<Self> {
        in_scope::<P>(&identity)?;
        if !P::PERMISSION.is_granted_to(org.role) {
            return Err(role_required(format!(
                "Your role in this organization lacks the permission `{}`.",
                P::PERMISSION
            )));
        }
        let request_id = scope.request_id.clone();
        Ok(Self {
            identity,
            org,
            request_id,
        })
    }
}

impl PlatformAdmin {
    /// The caller, as the audit log names them.
    pub fn actor(&self) -> Actor {
        self.identity.actor(&self.request_id)
    }
}

impl<P> SelfOrAdmin<P> {
    /// The caller, as the audit log names them.
    pub fn actor(&self) -> Actor {
        self.identity.actor(&self.request_id)
    }

    /// Whether a platform admin calls.
    pub fn is_admin(&self) -> bool {
        self.identity.user.role == PlatformRole::Admin && self.identity.is_person()
    }

    /// Whether it is about the caller.
    pub fn is_self(&self) -> bool {
        self.identity.user.id == self.user
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
        let scope = Scope::of(parts)?;
        Ok(Self {
            identity: person(&scope).await?,
            request_id: scope.request_id.clone(),
        })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>> {
        let scope = Scope::of(parts)?;
        match scope.identity().await {
            Ok(identity) => Ok(identity.map(|identity| Self {
                identity,
                request_id: scope.request_id.clone(),
            })),
            Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

impl<S: Send + Sync, P: Grant> FromRequestParts<S> for May<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let scope = Scope::of(parts)?;
        Ok(Self {
            member: Member::permitted::<P>(&scope, scope.member().await?)?,
            permission: PhantomData,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PlatformAdmin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let scope = Scope::of(parts)?;
        let identity = person(&scope).await?;
        if identity.user.role == PlatformRole::Admin {
            Ok(Self {
                identity,
                request_id: scope.request_id.clone(),
            })
        } else {
            Err(role_required("Only a platform admin may do this."))
        }
    }
}

impl<S: Send + Sync, P: Grant> FromRequestParts<S> for SelfOrAdmin<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let scope = Scope::of(parts)?;
        let identity = scope.caller().await?;
        in_scope::<P>(&identity)?;
        let params = RawPathParams::from_request_parts(parts, state).await;
        let named = params.ok().and_then(|params| {
            let mut found = params.iter().filter(|(name, _)| *name == "user_id");
            found.next().map(|(_, value)| value.to_owned())
        });
        let user = match named.as_deref() {
            None | Some("me") => identity.user.id.clone(),
            Some(id) => UserId(id.to_ascii_lowercase()),
        };
        let about = Self {
            user,
            identity,
            request_id: scope.request_id.clone(),
            permission: PhantomData,
        };
        if about.is_self() || about.is_admin() {
            Ok(about)
        } else {
            Err(Error::NotFound("user").into())
        }
    }
}

/// The caller, if it is a person.
async fn person(scope: &Scope) -> Result<Arc<Identity>> {
    let identity = scope.caller().await?;
    if identity.is_person() {
        Ok(identity)
    } else {
        let detail = "An API key cannot do this; sign in as a person.";
        Err(Problem::new(StatusCode::FORBIDDEN, "person_required", detail))
    }
}

fn in_scope<P: Grant>(identity: &Identity) -> Result<()> {
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
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_permission(P::PERMISSION);
        let text = "Id or slug of the organization to act in; the caller's personal one when it is left out.";
        doc.header_parameter("X-Current-Org", text);
        doc.problem(403);
        doc.problem(404);
    }
}

impl Describe for PlatformAdmin {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_bearer();
        doc.problem(403);
    }
}

impl<P: Grant> Describe for SelfOrAdmin<P> {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_permission(P::PERMISSION);
        doc.path_parameter("user_id", "Id of a user, or `me`.");
        doc.problem(403);
        doc.problem(404);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;

    use model::permission::{ReadAccount, ReadDocuments, WriteDocuments, WriteMembers};

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

    async fn member(again: Caller, member: May<ReadDocuments>) -> Json<(String, String)> {
        Json((again.identity.user.id.0.clone(), member.org.org.0.clone()))
    }

    async fn org_admin(admin: May<WriteMembers>) -> Json<String> {
        Json(admin.org.org.0.clone())
    }

    async fn platform_admin(admin: PlatformAdmin) -> Json<String> {
        Json(admin.identity.user.id.0.clone())
    }

    async fn documents(member: May<WriteDocuments>) -> Json<(String, Actor)> {
        Json((member.org.org.0.clone(), member.actor()))
    }

    async fn account(about: SelfOrAdmin<ReadAccount>) -> Json<String> {
        Json(about.user.0.clone())
    }

    fn server() -> Server {
        let api = Api::new("Test")
            .get("/caller", caller, "")
            .get("/visitor", visitor, "")
            .get("/member", member, "")
            .get("/documents", documents, "")
            .get("/users/me", account, "")
            .get("/users/{user_id}", account, "");
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

    #[tokio::test]
    async fn an_api_key_reaches_as_far_as_its_scopes_and_is_no_person() {
        let server = server();
        for header in [("authorization", "Bearer key"), ("x-api-key", "key")] {
            let answer = call(&server, "/documents", &[header]).await.json();
            assert_eq!(answer[0], "org-acme", "a key works in its own organization");
            assert_eq!(answer[1]["kind"], "api_key");
            assert_eq!(answer[1]["id"], "user-ada");
            let foreign = [header, ("x-current-org", "other")];
            call(&server, "/documents", &foreign).await.problem(404, "not_found");
            call(&server, "/org_admin", &[header])
                .await
                .problem(403, "scope_required");
            call(&server, "/users/me", &[header])
                .await
                .problem(403, "scope_required");
            for path in ["/caller", "/platform_admin"] {
                call(&server, path, &[header]).await.problem(403, "person_required");
            }
        }
        let both = [("authorization", "Bearer ada"), ("x-api-key", "key")];
        call(&server, "/documents", &both)
            .await
            .problem(400, "ambiguous_credentials");
    }

    #[tokio::test]
    async fn a_user_finds_themselves_and_an_admin_finds_everybody() {
        let server = server();
        let (ada, root) = ([("authorization", "Bearer ada")], [("authorization", "Bearer root")]);
        for path in ["/users/me", "/users/user-ada", "/users/USER-ADA"] {
            assert_eq!(call(&server, path, &ada).await.text(), "\"user-ada\"", "{path}");
        }
        call(&server, "/users/user-eve", &ada).await.problem(404, "not_found");
        assert_eq!(call(&server, "/users/user-eve", &root).await.text(), "\"user-eve\"");
        call(&server, "/users/me", &[])
            .await
            .problem(401, "credentials_required");
    }
}
