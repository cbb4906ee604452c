//! Who is admitted, and who is rejected.

use axum::body::Body;
use http::Request;

use domain::auth::permission::{ReadAccount, ReadDocuments, WriteDocuments, WriteMembers};

use super::*;
use crate::{
    Api, Json, SelfOrAdmin,
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
async fn only_a_valid_bearer_token_is_accepted() {
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
    server.backend.go_down();
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
    assert_eq!(server.backend.authenticated(), 1);
}

#[tokio::test]
async fn admins_are_distinguished_from_others() {
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
async fn an_api_key_is_limited_to_its_scopes_and_is_not_a_signed_in_user() {
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
