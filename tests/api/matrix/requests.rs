//! A valid request of every operation: whoever is refused is refused for who they are.

use http_api::Operation;
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use super::fixtures::Things;
use crate::support::{Caller, PASSWORD};

pub(super) fn request(caller: &Caller, operation: &Operation, things: &Things) -> reqwest::RequestBuilder {
    let session = if operation.path.contains("/auth/") {
        &things.sign_in_session
    } else {
        &things.chat_session
    };
    let prompt = if operation.path.contains("/system_prompts/") {
        &things.system_prompt
    } else if operation.path.starts_with("/api/v1/prompts/") {
        &things.turn
    } else {
        &things.prompt
    };
    let integration = match (operation.method.as_str(), operation.path.as_str()) {
        ("POST", "/api/v1/integrations/{integration_id}" | "/api/integrations/{integration_id}") => "website",
        _ => &things.integration,
    };
    let message = if operation.path.contains("/unanswered/") {
        &things.unanswered
    } else {
        &things.message
    };
    let path = operation
        .path
        .replace("{integration_id}", integration)
        .replace("{document_id}", &things.document)
        .replace("{upload_id}", &things.upload)
        .replace("{crawl_id}", &things.crawl)
        .replace("{chatbot_id}", &things.chatbot)
        .replace("{data_source_id}", &things.data_source)
        .replace("{query_id}", &things.query)
        .replace("{table_name}", "orders")
        .replace("{session_id}", session)
        .replace("{user_id}", &things.user)
        .replace("{org_id}", &things.org)
        .replace("{invitation_id}", &things.invitation)
        .replace("{key_id}", &things.api_key)
        .replace("{log_id}", &things.log)
        .replace("{webhook_id}", &things.webhook)
        .replace("{delivery_id}", &things.delivery)
        .replace("{prompt_id}", prompt)
        .replace("{message_id}", message)
        .replace("{model}", "local")
        .replace("{version}", "latest")
        .replace("{version_number}", "1")
        .replace("{label}", "live")
        .replace("{clerk_user_id}", "user_new?email=clerk@example.com");
    assert!(!path.contains('{'), "the matrix has no id for {path}");
    let request = caller.request(Method::from_bytes(operation.method.as_bytes()).unwrap(), &path);
    if is_upload(operation) {
        return request.multipart(file());
    }
    match body(operation, things) {
        Value::Null => request,
        body => request.json(&body),
    }
}

/// Whether the body is a form with a file.
pub(super) fn is_upload(operation: &Operation) -> bool {
    operation.method == "POST"
        && ["/documents/upload", "/versions", "/data_sources"]
            .iter()
            .any(|end| operation.path.ends_with(end))
}

/// An upload.
pub(super) fn file() -> Form {
    Form::new().part("file", Part::bytes(b"a,b\n1,2\n".to_vec()).file_name("a.csv"))
}

/// A connection to a server that does not exist.
fn connection() -> Value {
    json!({"host": "db.example.invalid", "database": "shop", "user": "reader", "password": PASSWORD})
}

pub(super) fn body(operation: &Operation, things: &Things) -> Value {
    let new_account = json!({"email": "new@example.com", "password": PASSWORD});
    // The surface does not matter.
    let path = operation.path.trim_start_matches("/api").trim_start_matches("/v1");
    match (operation.method.as_str(), path) {
        ("GET" | "DELETE", _) => Value::Null,
        (_, "/auth/register" | "/users") => new_account,
        (_, "/auth/login") => json!({"email": "bystander@example.com", "password": PASSWORD}),
        (_, "/auth/refresh") => json!({"refresh_token": things.refresh_token}),
        (_, "/auth/change-password") => json!({"current_password": PASSWORD, "new_password": "another horse battery"}),
        (_, "/auth/reset-password") => json!({"email": "bystander@example.com"}),
        (_, "/auth/reset-password/confirm") => json!({"token": things.reset_token, "new_password": PASSWORD}),
        (_, "/auth/verify-email/confirm") => json!({"token": things.verification_token}),
        (_, "/auth/restore-email/confirm") => json!({"token": things.restore_token}),
        (_, "/ai/chat" | "/ai/chat/stream" | "/chatbots/preview") => json!({"message": "Hello?"}),
        (_, "/chat/completions") => json!({"model": "local", "messages": [{"role": "user", "content": "Hello?"}]}),
        (_, "/documents/embed") => json!({"dry_run": true}),
        (_, "/embeddings") => json!({"model": "compatible/vectors", "input": "Hello?"}),
        (_, "/data_sources/connect") => json!({"connection": connection()}),
        (_, "/data_sources/{data_source_id}/connection") => connection(),
        (_, "/query" | "/query/validate") => json!({"sql": "SELECT 1"}),
        (_, "/chat/sessions/{session_id}/query") => json!({"question": "How many orders are there per status?"}),
        (_, "/schema/tables/{table_name}") => json!({"description": "Changed"}),
        (_, "/chat/sessions") => json!({"chatbot_id": things.chatbot}),
        (_, "/chatbots/{chatbot_id}/evaluate") => json!({"questions": [{"question": "Hello?"}]}),
        (_, "/integrations/slack/{integration_id}/credentials") => {
            json!({"signing_secret": "0123456789abcdef0123456789abcdef"})
        }
        (_, "/integrations/slack/{integration_id}/install/complete") => json!({"state": "s", "code": "c"}),
        (_, "/chat/widget/{chatbot_id}/message") => json!({"session_id": "none", "message": "Hello?"}),
        (_, "/chat/widget/{chatbot_id}/feedback") => json!({"session_id": "none", "message_id": "m", "rating": "up"}),
        (_, "/chat/widget/{chatbot_id}/lead") => json!({"session_id": "none", "email": "new@example.com"}),
        (_, "/chat/widget/{chatbot_id}/handover") => json!({"session_id": "none"}),
        (_, "/chatbots/{chatbot_id}/unanswered/{message_id}/answer") => json!({"answer": "Yes."}),
        (_, "/documents/url") => json!({"url": things.page}),
        (_, "/documents/crawls/{crawl_id}") => json!({"refresh": {"every": "week"}}),
        (_, "/documents/uploads") => json!({"file_name": "a.txt", "size": 4}),
        (_, "/audit_logs") => json!({"action": "seen"}),
        (_, "/user_prompts" | "/user_prompts/{prompt_id}" | "/system_prompts" | "/system_prompts/{prompt_id}") => {
            json!({"prompt_text": "Changed"})
        }
        (_, "/user_prompts/{prompt_id}/labels/{label}") => json!({"version": 1}),
        (_, "/user_prompts/{prompt_id}/render") => json!({"variables": {"text": "this"}}),
        (_, "/internal/users/{user_id}/usage") => json!({"tokens": 5}),
        (_, "/internal/user-prompts") => json!({"user_id": things.user, "prompt_text": "Changed"}),
        (_, "/chat_sessions" | "/chat_sessions/{session_id}") => json!({"title": "Changed"}),
        (_, "/prompts" | "/prompts/{prompt_id}" | "/internal/prompts") => {
            json!({"prompt_text": "Hello?", "session_id": things.chat_session})
        }
        (_, path) if path.contains("/messages/") => json!({"content": "Hello?", "rating": "up"}),
        (_, "/billing/checkout") => json!({"plan_type": "PRO", "success_url": "http://localhost:3000/"}),
        (_, "/premium/white-label") => json!({"product_name": "Desk"}),
        (_, "/billing/portal") => json!({"return_url": "http://localhost:3000/"}),
        (_, "/billing/subscription" | "/billing/subscription/preview") => json!({"plan_type": "PRO"}),
        (_, "/settings") => json!({"theme": "dark"}),
        (_, "/webhooks") => json!({"url": "https://receiver.invalid/"}),
        (_, "/webhooks/{webhook_id}") => json!({"description": "Changed"}),
        (_, "/webhooks/{webhook_id}/replay") => json!({"since": "2026-11-01T00:00:00Z"}),
        (_, "/apikeys/{key_id}/rotate") => json!({"overlap_seconds": 60}),
        (_, "/orgs/{org_id}/invite") => json!({"email": "thief@example.com"}),
        (_, "/orgs/{org_id}/transfer") => json!({"user_id": things.user}),
        (_, "/orgs/{org_id}/members/{user_id}") => json!({"role": "admin"}),
        (_, "/invitations/accept" | "/invitations/decline") => json!({"token": things.invitation_token}),
        (_, path) if path.ends_with("/messages") => json!({"content": "Hello?"}),
        (_, path) if path.ends_with("/quota") => json!({"daily_limit": 1}),
        (_, path) if path.ends_with("/search") => json!({"query": "Hello?"}),
        (_, path) if path.ends_with("/documents") => json!({"document_ids": [things.document]}),
        (_, path) if path.ends_with("/role") => json!({"role": "admin"}),
        (_, "/billing/overage") => json!({"spending_cap_cents": null}),
        (_, path) if path.ends_with("/entitlements") => json!({"limits": {"chatbots": 9}, "reason": "Pilot"}),
        (_, path) if path.ends_with("/status") => json!({"status": "disabled"}),
        (_, path) if path.starts_with("/internal/sessions") => json!({"user_id": things.user, "title": "Changed"}),
        _ => json!({"name": "Changed"}),
    }
}
