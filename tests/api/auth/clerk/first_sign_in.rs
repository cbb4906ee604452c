//! The first session of a person at Clerk may arrive at any function that takes sessions.

use serde_json::json;

use super::Clerk;

/// A path of each function that takes sessions.
const PATHS: [&str; 15] = [
    "/api/v1/admin/users",
    "/api/v1/ai/models",
    "/api/v1/apikeys",
    "/api/v1/audit_logs/user/me",
    "/api/v1/auth/me",
    "/api/v1/chat/sessions",
    "/api/v1/chatbots",
    "/api/v1/data_sources",
    "/api/v1/documents",
    "/api/v1/integrations",
    "/api/v1/orgs",
    "/api/v1/tokens/limits",
    "/api/v1/user_prompts/none",
    "/api/v1/users/me",
    "/api/v1/webhooks",
];

#[tokio::test]
async fn whichever_function_a_person_meets_first_makes_their_account() {
    let clerk = Clerk::start().await;
    for (number, path) in PATHS.into_iter().enumerate() {
        let ada = clerk.verified(&format!("user_{number}"), &format!("ada{number}@example.com"));
        let status = ada.get(path).await.status.as_u16();
        assert!([200, 403, 404].contains(&status), "{path}: {status}");
    }
    let items = clerk.t.items("parlance-identity").await;
    assert_eq!(items.keys().filter(|(_, sk)| sk == "PROFILE").count(), PATHS.len());
}

#[tokio::test]
async fn whichever_function_a_person_meets_first_links_the_account_that_has_their_address() {
    let clerk = Clerk::start().await;
    for (number, path) in PATHS.into_iter().enumerate() {
        let name = format!("ada{number}");
        let before = clerk.t.user(&name).await;
        let ada = clerk.verified(&format!("user_{number}"), &format!("{name}@example.com"));
        let status = ada.get(path).await.status.as_u16();
        assert!([200, 403, 404].contains(&status), "{path}: {status}");
        assert_eq!(
            ada.get("/api/v1/auth/me").await.ok().json()["id"],
            before.account["id"],
            "{path}"
        );
        // Nobody had shown that the address is theirs, so what was begun with it has ended.
        before.get("/api/v1/auth/me").await.problem(401, "session_ended");
    }
}

#[tokio::test]
async fn whichever_function_a_person_meets_completes_the_account_that_lacks_an_address() {
    let clerk = Clerk::start().await;
    for (number, path) in PATHS.into_iter().enumerate() {
        let (person, email) = (format!("user_{number}"), format!("ada{number}@example.com"));
        let before = clerk.person(&person).get("/api/v1/auth/me").await.ok().json();
        let status = clerk.verified(&person, &email).get(path).await.status.as_u16();
        assert!([200, 403, 404].contains(&status), "{path}: {status}");
        let after = clerk.person(&person).get("/api/v1/auth/me").await.ok().json();
        assert_eq!(
            (&after["id"], &after["email"]),
            (&before["id"], &json!(email)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_service_makes_accounts_of_people_at_clerk() {
    let clerk = Clerk::start().await;
    let service = clerk.t.anonymous().with_header("x-api-key", "a-service-key");
    let path = "/api/v1/internal/users/by-clerk-id/user_ada?email=ada%40example.com";
    let made = service.get(path).await.ok().json();
    assert_eq!(service.get(path).await.ok().json(), made);
    assert_eq!(made["email"], json!("ada@example.com"));
}
