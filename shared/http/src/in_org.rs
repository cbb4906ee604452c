//! A member of the organization named in the path.

use std::{marker::PhantomData, ops::Deref};

use axum::extract::FromRequestParts;
use domain::{Error, Grant};
use http::request::Parts;

use crate::{
    Describe, Member, Problem, Result,
    describe::{Authorize, OperationDoc, authorize},
    params::named_in_path,
    request_context::RequestContext,
};

/// As [`crate::May`], in the organization that `{org_id}` of the path names by ID or slug. `X-Current-Org`, which
/// clients send with every request, is ignored.
#[derive(Debug)]
pub struct InOrg<P> {
    member: Member,
    permission: PhantomData<fn() -> P>,
}

impl<P> Deref for InOrg<P> {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.member
    }
}

impl<S: Send + Sync, P: Grant> FromRequestParts<S> for InOrg<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let context = RequestContext::of(parts)?;
        context.caller().await?;
        // An empty name would be the personal one.
        let named = named_in_path(parts, state, "org_id")
            .await
            .filter(|name| !name.is_empty())
            .ok_or(Error::NotFound("organization"))?;
        Ok(Self {
            member: Member::permitted::<P>(&context, context.member_of(named).await?)?,
            permission: PhantomData,
        })
    }
}

impl<P: Grant> Describe for InOrg<P> {
    fn authorize() -> Option<Authorize> {
        Some(authorize::<Self>)
    }

    fn describe(doc: &mut OperationDoc<'_>) {
        doc.require_permission(P::PERMISSION);
        doc.path_parameter("org_id", "ID or slug of an organization.");
        doc.problem(403);
        doc.problem(404);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use domain::auth::permission::{WriteDocuments, WriteMembers};
    use http::Request;

    use super::*;
    use crate::{Api, Json, testing::Server};

    async fn documents(member: InOrg<WriteDocuments>) -> Json<String> {
        Json(member.org.org.0.clone())
    }

    async fn members(member: InOrg<WriteMembers>) -> Json<String> {
        Json(member.org.org.0.clone())
    }

    fn server() -> Server {
        let api = Api::new("Test").get("/orgs/{org_id}/documents", documents, "");
        Server::new(api.get("/orgs/{org_id}/members", members, ""))
    }

    async fn call(path: &str, headers: &[(&str, &str)]) -> crate::testing::Answer {
        let request = headers.iter().fold(Request::get(path), |request, (name, value)| {
            request.header(*name, *value)
        });
        server().call(request, Body::empty()).await
    }

    #[tokio::test]
    async fn the_path_decides_on_the_organization_and_not_the_header() {
        let ada = ("authorization", "Bearer ada");
        for header in ["acme", "other", ""] {
            let answer = call("/orgs/acme/documents", &[ada, ("x-current-org", header)]).await;
            assert_eq!(answer.text(), "\"org-acme\"", "{header:?}");
        }
        let answer = call("/orgs/other/documents", &[ada, ("x-current-org", "acme")]).await;
        answer.problem(404, "not_found");
        let endless = format!("/orgs/{}/documents", "x".repeat(65));
        call(&endless, &[ada]).await.problem(404, "not_found");
    }

    #[tokio::test]
    async fn role_and_scope_are_checked_as_in_the_current_organization() {
        let of = |token| [("authorization", token)];
        call("/orgs/acme/members", &of("Bearer ada"))
            .await
            .problem(403, "role_required");
        assert_eq!(call("/orgs/acme/members", &of("Bearer root")).await.status, 200);
        call("/orgs/acme/members", &of("Bearer key"))
            .await
            .problem(403, "scope_required");
        assert_eq!(call("/orgs/acme/documents", &of("Bearer key")).await.status, 200);
        call("/orgs/other/documents", &of("Bearer key"))
            .await
            .problem(404, "not_found");
        call("/orgs/acme/documents", &[])
            .await
            .problem(401, "credentials_required");
    }
}
