//! The authorization matrix: every operation, every kind of caller, compared with `policy.tsv`.
//!
//! An operation without a row there fails, and so does a row without an operation.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use http_api::Operation;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Caller, PASSWORD, Test};

/// How often a sign-in was tried.
static GUESSES: AtomicUsize = AtomicUsize::new(0);

/// What the victim owns.
struct Things {
    document: String,
    chatbot: String,
    session: String,
    message: String,
    prompt: String,
    user: String,
    org: String,
    invitation: String,
    invitation_token: String,
    api_key: String,
    log: String,
}

/// Path with the victim's ids, and a body that is valid but for them.
fn request(caller: &Caller, operation: &Operation, things: &Things) -> reqwest::RequestBuilder {
    let path = operation
        .path
        .replace("{document_id}", &things.document)
        .replace("{chatbot_id}", &things.chatbot)
        .replace("{session_id}", &things.session)
        .replace("{message_id}", &things.message)
        .replace("{prompt_id}", &things.prompt)
        .replace("{user_id}", &things.user)
        .replace("{org_id}", &things.org)
        .replace("{invitation_id}", &things.invitation)
        .replace("{key_id}", &things.api_key)
        .replace("{log_id}", &things.log)
        .replace("{clerk_user_id}", "user_victim");
    assert!(!path.contains('{'), "the matrix has no id for {path}");
    let request = caller.request(Method::from_bytes(operation.method.as_bytes()).unwrap(), &path);
    if operation.path.ends_with("/upload") {
        let file = reqwest::multipart::Part::bytes(b"text".to_vec()).file_name("a.txt");
        return request.multipart(reqwest::multipart::Form::new().part("file", file));
    }
    match body(operation, things) {
        Value::Null => request,
        body => request.json(&body),
    }
}

fn body(operation: &Operation, things: &Things) -> Value {
    match (operation.method.as_str(), operation.path.as_str()) {
        ("GET" | "DELETE", _) => Value::Null,
        (_, path) if path.ends_with("/auth/register") => json!({"email": "new@example.com", "password": PASSWORD}),
        (_, path) if path.ends_with("/auth/login") => {
            // Another account each time: guesses at one are limited.
            let number = GUESSES.fetch_add(1, Ordering::Relaxed);
            json!({"email": format!("nobody-{number}@example.com"), "password": "not theirs"})
        }
        (_, path) if path.ends_with("/change-password") => {
            json!({"current_password": "not theirs", "new_password": PASSWORD})
        }
        (_, path) if path.ends_with("/reset-password") => json!({"email": "victim@example.com"}),
        (_, path) if path.ends_with("/reset-password/confirm") => json!({"token": "x", "new_password": PASSWORD}),
        (_, path) if path.ends_with("/verify-email/confirm") => json!({"token": "x"}),
        (_, path) if path.ends_with("/auth/refresh") => json!({"refresh_token": "x"}),
        (_, path) if path.ends_with("/messages") => json!({"content": "Hello?"}),
        (_, path) if path.contains("/messages/") => json!({"content": "Hello?", "rating": "up"}),
        (_, path) if path.contains("/chat_sessions") => json!({"title": "Changed", "user_id": things.user}),
        (_, path) if path.contains("/prompts") => {
            json!({"prompt_text": "Hello?", "session_id": things.session, "user_id": things.user})
        }
        (_, path) if path.ends_with("/chat/sessions") => json!({"chatbot_id": things.chatbot}),
        (_, path) if path.ends_with("/users") => json!({"email": "new@example.com", "password": PASSWORD}),
        (_, path) if path.ends_with("/quota") => json!({"daily_limit": 1}),
        (_, path) if path.ends_with("/audit_logs") => json!({"action": "seen"}),
        (_, path) if path.ends_with("/role") => json!({"role": "admin"}),
        (_, path) if path.ends_with("/status") => json!({"status": "disabled"}),
        (_, path) if path.contains("/internal/sessions") => json!({"user_id": things.user, "title": "Changed"}),
        (_, path) if path.ends_with("/documents") => json!({"document_ids": [things.document]}),
        (_, path) if path.contains("/members/") => json!({"role": "admin"}),
        (_, path) if path.ends_with("/invite") => json!({"email": "thief@example.com"}),
        (_, path) if path.ends_with("/transfer") => json!({"user_id": things.user}),
        (_, path) if path.contains("/invitations/") => json!({"token": things.invitation_token}),
        _ => json!({"name": "Changed"}),
    }
}

#[tokio::test]
async fn every_operation_lets_in_whom_the_policy_names_and_nobody_else() {
    let policy: BTreeMap<(String, String), Vec<u16>> = include_str!("policy.tsv")
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split('\t');
            let mut next = || {
                cells
                    .next()
                    .unwrap_or_else(|| panic!("a cell is missing: {line}"))
                    .to_owned()
            };
            let key = (next(), next());
            (key, cells.map(|status| status.parse().unwrap()).collect())
        })
        .collect();
    let operations: Vec<Operation> = local::functions::groups()
        .into_iter()
        .flat_map(|(_, api)| api.operations())
        .filter(|operation| operation.documented)
        .collect();
    let (mut cells, mut deviations) = (0, Vec::new());

    let t = Test::new().await;
    let victim = t.user("victim").await;
    let document = victim.upload("faq.txt", samples::faq_txt()).await.created().text("id");
    t.drain().await;
    let chatbot = victim.chatbot(&[&document]).await;
    let session = victim
        .post("/api/chat/sessions", json!({"chatbotId": chatbot}))
        .await
        .created()
        .text("id");
    let message = victim.ask(&session, "Can I pause my subscription?").await.ok();
    let (org, invitation, invitation_token) = shared_org(&t, &victim).await;
    let api_key = victim.api_key(json!({"name": "Victim"})).await.text("id");
    let log = victim
        .post("/api/v1/audit_logs", json!({"action": "seen"}))
        .await
        .created();
    let things = Things {
        user: victim.id().to_owned(),
        log: log.text("log_id"),
        message: message.text("id"),
        prompt: message.text("parentId"),
        document,
        chatbot,
        session,
        org,
        invitation,
        invitation_token,
        api_key,
    };

    let signed_out = t.user("gone").await;
    signed_out.post("/api/auth/logout", json!({})).await.ok();
    let expired = t.user("late").await;
    t.advance_seconds(901);
    let victim = victim.sign_in_again().await;
    let before = victims(&t, &victim, &things).await;

    for operation in &operations {
        let row = policy.get(&(operation.method.clone(), operation.path.clone()));
        let row = row.unwrap_or_else(|| panic!("{} {} has no row in policy.tsv", operation.method, operation.path));
        // A stranger of its own for each row, since a row may end the session.
        let stranger = t.user(&format!("stranger-{}", operation.id.replace('_', "-"))).await;
        let trespasser = stranger.with_header("x-current-org", victim.org());
        let callers = [
            t.anonymous(),
            expired.clone(),
            signed_out.clone(),
            t.anonymous().with_token("x"),
            stranger,
            trespasser,
        ];
        assert_eq!(
            row.len(),
            callers.len(),
            "the row of {} {}",
            operation.method,
            operation.path
        );
        for (caller, expected) in callers.iter().zip(row) {
            let status = caller.send(request(caller, operation, &things)).await.status.as_u16();
            cells += 1;
            if status != *expected {
                deviations.push(format!(
                    "{} {}: {status} instead of {expected}",
                    operation.method, operation.path
                ));
            }
        }
    }
    assert_eq!(deviations, Vec::<String>::new(), "of {cells} cells");
    assert_eq!(
        policy.len(),
        operations.len(),
        "policy.tsv has rows without an operation"
    );
    assert_eq!(
        victims(&t, &victim, &things).await,
        before,
        "what belongs to the victim is untouched"
    );
    victim.get(&format!("/api/chat/sessions/{}", things.session)).await.ok();
}

/// An organization of the victim's, and somebody invited into it with the token they got.
async fn shared_org(t: &Test, victim: &Caller) -> (String, String, String) {
    let new = json!({"name": "Victims"});
    let org = victim.post("/api/v1/orgs", new).await.created().text("id");
    let friend = json!({"email": "friend@example.com"});
    let invited = victim.post(&format!("/api/v1/orgs/{org}/invite"), friend).await;
    let token = t.invitation_token("friend@example.com").await;
    (org, invited.created().text("id"), token)
}

/// Everything in the tables that belongs to the victim's organization or account.
async fn victims(t: &Test, victim: &Caller, things: &Things) -> Vec<String> {
    let mut items = Vec::new();
    for table in ["parlance-identity", "parlance-app", "parlance-usage", "parlance-audit"] {
        let all = t.items(table).await;
        // Anybody may have a link mailed to an address; only who reads the mail can use it.
        let all = all.into_iter().filter(|((_, sk), _)| !sk.starts_with("LINK#"));
        let of_victim = all.filter(|((pk, _), _)| {
            [victim.org(), victim.id(), &things.org]
                .iter()
                .any(|id| pk.contains(id))
        });
        items.extend(of_victim.map(|(_, item)| item));
    }
    assert!(items.len() > 5, "the victim owns something");
    items
}
