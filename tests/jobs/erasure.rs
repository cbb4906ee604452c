//! Erasure, with a marker in everything that a person can write: afterwards it is nowhere.
//!
//! What can be written is taken from the `OpenAPI` document: an operation that takes a text this test does not send
//! fails it.

use std::{
    collections::BTreeSet,
    io::Write,
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::{Method, multipart};
use serde_json::{Map, Value, json};

use crate::support::{Answer, Caller, PASSWORD, Test};

const MARKER: &str = "zyxmarker7291";
const SERVICE_KEY: &str = "a service key that only this test knows";

/// Texts that are no free ones: names of things and choices, which an operation refuses unless it knows them.
const CHOICES: [&str; 14] = [
    "/model",
    "/downgrade_model",
    "/fallback_models/*",
    "/session_id",
    "/role",
    "/version",
    "/chatbot_id",
    "/user_id",
    "/documents/*",
    "/document_ids/*",
    "/time_zone",
    "/language",
    "/settings/color",
    "/settings/avatar",
];
/// Operations whose texts are somebody else's.
const OF_OTHERS: [&str; 4] = [
    // The platform's, not a person's.
    "POST /api/v1/system_prompts",
    "PUT /api/v1/system_prompts/{prompt_id}",
    // Makes an account for another person, of what signing up makes one of.
    "POST /api/v1/users",
    // Carries what Clerk says, signed by Clerk.
    "POST /api/v1/webhooks/clerk",
];

/// Sends requests, and notes in which fields the marker was.
struct Scribe<'a> {
    t: &'a Test,
    filled: BTreeSet<String>,
}

impl Scribe<'_> {
    fn note(&mut self, operation: &str, pointer: &str, value: &Value) {
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    self.note(operation, &format!("{pointer}/{name}"), value);
                }
            }
            Value::Array(list) => {
                for value in list {
                    self.note(operation, &format!("{pointer}/*"), value);
                }
            }
            Value::String(text) if text.contains(MARKER) => {
                self.filled.insert(format!("{operation} {pointer}"));
            }
            _ => {}
        }
    }

    /// `operation`: as in `PATCH /api/v1/orgs/{org_id}`. `id`: what stands in its path, in order.
    async fn send(&mut self, caller: &Caller, operation: &str, id: &str, body: Value) -> Answer {
        self.note(operation, "", &body);
        let (method, template) = operation.split_once(' ').unwrap();
        let mut path = template.to_owned();
        for id in id.split(' ') {
            if let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
                path = format!("{}{id}{}", &path[..from], &path[to + 1..]);
            }
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        // Repeatable, so that answers are kept.
        let key = format!("{MARKER}-{}", self.filled.len());
        let request = caller.request(method, &path).header("idempotency-key", key).json(&body);
        let answer = caller.send(request).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status.is_success(), "{operation}: {} {said}", answer.status);
        answer
    }

    async fn upload(&mut self, caller: &Caller) -> String {
        let file = format!("{MARKER} says that the warranty is five years. ").into_bytes();
        let file = multipart::Part::bytes(file).file_name(format!("{MARKER}.txt"));
        let mut form = multipart::Form::new().part("file", file);
        for name in ["name", "description"] {
            self.filled.insert(format!("POST /api/v1/documents/upload /{name}"));
            form = form.text(name, format!("{MARKER} {name}"));
        }
        let request = caller.request(Method::POST, "/api/v1/documents/upload").multipart(form);
        let document = caller.send(request).await.created().text("id");
        self.t.drain().await;
        document
    }

    /// A person who wrote the marker into everything, and the organization that they own.
    async fn furnish(&mut self) -> (Caller, String) {
        let t = self.t;
        let browser = format!("Mozilla/5.0 ({MARKER})");
        let nobody = t.anonymous().with_header("user-agent", &browser);
        let email = format!("{MARKER}@example.com");
        let new =
            json!({"email": email, "password": PASSWORD, "name": MARKER, "full_name": MARKER, "display_name": MARKER});
        let account = self.send(&nobody, "POST /api/v1/auth/register", "", new).await.json();
        let mut ada = nobody.with_token(account["access_token"].as_str().unwrap());
        ada.account = account;
        for name in ["email", "username"] {
            let credentials = json!({name: email, "password": PASSWORD});
            self.send(&nobody, "POST /api/v1/auth/login", "", credentials).await;
        }
        let forgotten = json!({"email": email});
        self.send(&nobody, "POST /api/v1/auth/reset-password", "", forgotten)
            .await;
        let profile = json!({"name": MARKER, "email": email, "role": MARKER});
        self.send(&ada, "PUT /api/v1/users/{user_id}", "me", profile).await;
        let own = json!({"preferences": {"note": MARKER, MARKER: 1}});
        self.send(&ada, "PUT /api/v1/settings", "", own).await;

        let key = json!({"name": MARKER, "models": [MARKER]});
        let key = self
            .send(&ada, "POST /api/v1/apikeys", "", key.clone())
            .await
            .text("id");
        let renamed = json!({"name": format!("{MARKER} too"), "models": [MARKER]});
        self.send(&ada, "PATCH /api/v1/apikeys/{key_id}", &key, renamed).await;
        let entry = json!({"action": format!("{MARKER}.seen"), "details": {"note": MARKER}});
        self.send(&ada, "POST /api/v1/audit_logs", "", entry).await;

        let org = json!({"name": MARKER, "slug": format!("{MARKER}-first")});
        let org = self.send(&ada, "POST /api/v1/orgs", "", org).await.text("id");
        let renamed = json!({"name": format!("{MARKER} too"), "slug": MARKER});
        self.send(&ada, "PATCH /api/v1/orgs/{org_id}", &org, renamed).await;
        let friend = json!({"email": format!("friend-{MARKER}@example.com")});
        self.send(&ada, "POST /api/v1/orgs/{org_id}/invite", &org, friend).await;

        for caller in [ada.clone(), ada.with_header("x-current-org", &org)] {
            self.converse(&caller).await;
        }
        let service = t.anonymous().with_header("x-api-key", SERVICE_KEY);
        let session = json!({"user_id": ada.id(), "title": MARKER});
        let session = self
            .send(&service, "POST /api/v1/internal/sessions", "", session)
            .await
            .text("id");
        let renamed = json!({"title": format!("{MARKER} too")});
        self.send(
            &service,
            "PUT /api/v1/internal/sessions/{session_id}",
            &session,
            renamed,
        )
        .await;
        let kept = json!({"user_id": ada.id(), "prompt_text": MARKER});
        self.send(&service, "POST /api/v1/internal/user-prompts", "", kept)
            .await;
        let profile = json!({"name": MARKER, "email": email, "role": MARKER});
        self.send(&ada, "PUT /api/v1/users/me", "", profile).await;
        (ada, org)
    }

    async fn converse(&mut self, caller: &Caller) {
        let document = self.upload(caller).await;
        let settings = json!({"model": MARKER, "system_prompt": MARKER, "welcome_message": MARKER});
        let mut bot = json!({"name": MARKER, "description": MARKER, "settings": settings, "documents": [document]});
        let made = self
            .send(caller, "POST /api/v1/chatbots", "", bot.clone())
            .await
            .text("id");
        bot["name"] = json!(format!("{MARKER} too"));
        self.send(caller, "PUT /api/v1/chatbots/{chatbot_id}", &made, bot).await;
        let session = json!({"chatbot_id": made, "title": MARKER});
        let sessions = "POST /api/v1/chat/sessions";
        let session = self.send(caller, sessions, "", session).await.text("id");
        let renamed = json!({"title": format!("{MARKER} too")});
        let rename = "PATCH /api/v1/chat/sessions/{session_id}";
        self.send(caller, rename, &session, renamed.clone()).await;
        let question = json!({"content": format!("What does {MARKER} say about the warranty?")});
        let ask = "POST /api/v1/chat/sessions/{session_id}/messages";
        self.send(caller, ask, &session, question.clone()).await;
        let path = format!("/api/v1/chat/sessions/{session}/messages");
        let messages = caller.get(&path).await.ok().json();
        let of = |role: &str| {
            let mut found = messages
                .as_array()
                .unwrap()
                .iter()
                .filter(|message| message["role"] == role);
            format!("{session} {}", found.next().unwrap()["id"].as_str().unwrap())
        };
        let edit = "POST /api/v1/chat/sessions/{session_id}/messages/{message_id}/edit";
        self.send(caller, edit, &of("user"), question).await;
        let opinion = json!({"rating": "down", "reason": MARKER});
        let feedback = "PUT /api/v1/chat/sessions/{session_id}/messages/{message_id}/feedback";
        self.send(caller, feedback, &of("assistant"), opinion).await;

        let new = json!({"title": MARKER});
        let session = self
            .send(caller, "POST /api/v1/chat_sessions", "", new)
            .await
            .text("session_id");
        self.send(caller, "PUT /api/v1/chat_sessions/{session_id}", &session, renamed)
            .await;
        let mut turn = json!({"prompt_text": MARKER, "llm_responses": [MARKER], "session_id": session});
        let prompt = self
            .send(caller, "POST /api/v1/prompts", "", turn.clone())
            .await
            .text("prompt_id");
        let service = self.t.anonymous().with_header("x-api-key", SERVICE_KEY);
        self.send(&service, "POST /api/v1/internal/prompts", "", turn.clone())
            .await;
        turn.as_object_mut().unwrap().remove("session_id");
        self.send(caller, "PUT /api/v1/prompts/{prompt_id}", &prompt, turn)
            .await;

        let kept = json!({"prompt_text": format!("{MARKER} {{{{x}}}}"), "name": MARKER, "shared": true});
        let id = self
            .send(caller, "POST /api/v1/user_prompts", "", kept.clone())
            .await
            .text("prompt_id");
        self.send(caller, "PUT /api/v1/user_prompts/{prompt_id}", &id, kept)
            .await;
        let values = json!({"variables": {"x": MARKER}});
        self.send(caller, "POST /api/v1/user_prompts/{prompt_id}/render", &id, values)
            .await;
    }
}

/// Texts that clients may write as they like, by operation and pointer, from the `OpenAPI` document. Where an
/// operation is served on both surfaces it is listed once.
fn free_texts() -> BTreeSet<String> {
    let document = local::functions::openapi();
    let paths = document["paths"].as_object().unwrap();
    let mut found = BTreeSet::new();
    for (path, methods) in paths {
        let twin = path.replacen("/api/", "/api/v1/", 1);
        if !path.starts_with("/api/v1/") && paths.contains_key(&twin) {
            continue;
        }
        for (method, operation) in methods.as_object().unwrap() {
            let operation_name = format!("{} {path}", method.to_uppercase());
            if OF_OTHERS.contains(&operation_name.as_str()) {
                continue;
            }
            let contents = operation["requestBody"]["content"].as_object();
            for content in contents.into_iter().flat_map(Map::values) {
                let mut pointers = BTreeSet::new();
                texts(&document, &content["schema"], "", &mut pointers);
                found.extend(
                    pointers
                        .into_iter()
                        .map(|pointer| format!("{operation_name} {pointer}")),
                );
            }
        }
    }
    found
}

fn snake(name: &str) -> String {
    let lower = |letter: char| {
        let mark = if letter.is_uppercase() { "_" } else { "" };
        format!("{mark}{}", letter.to_ascii_lowercase())
    };
    name.chars().map(lower).collect()
}

fn texts(document: &Value, schema: &Value, pointer: &str, into: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap();
        return texts(document, target, pointer, into);
    }
    let is = |kind: &str| {
        let kinds = &schema["type"];
        kinds == kind
            || kinds
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|one| one == kind))
    };
    let is_choice = ["enum", "const", "format"].iter().any(|name| !schema[*name].is_null());
    let is_map = is("object") && schema["properties"].is_null();
    if (is("string") && !is_choice || is_map) && !CHOICES.contains(&pointer) {
        into.insert(pointer.to_owned());
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        texts(document, property, &format!("{pointer}/{}", snake(name)), into);
    }
    if schema["items"].is_object() {
        texts(document, &schema["items"], &format!("{pointer}/*"), into);
    }
    for part in ["anyOf", "oneOf", "allOf"] {
        for schema in schema[part].as_array().into_iter().flatten() {
            texts(document, schema, pointer, into);
        }
    }
}

/// Where the marker is: tables, bucket, queues with their dead letters, and mail.
async fn traces(t: &Test) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for table in ["identity", "app", "chunks", "usage", "ephemeral", "audit"] {
        let mut items = t
            .db()
            .scan()
            .table_name(format!("parlance-{table}"))
            .into_paginator()
            .items()
            .send();
        while let Some(item) = items.next().await {
            let item = item.unwrap();
            let (pk, sk) = (item["pk"].as_s().unwrap().clone(), item["sk"].as_s().unwrap().clone());
            // Bytes are sealed or packed; what they hold is below as well.
            let bytes = item.values().filter_map(|value| value.as_b().ok());
            let in_bytes = bytes.into_iter().any(|bytes| contains(bytes.as_ref()));
            if format!("{:?}", AttributeValue::M(item.clone())).contains(MARKER) || in_bytes {
                found.insert(format!("{table} {pk} {sk}"));
            }
        }
    }
    let config = aws_sdk_s3::config::Builder::from(t.stack.sdk())
        .force_path_style(true)
        .build();
    let bucket = aws_sdk_s3::Client::from_conf(config);
    for key in t.object_keys().await {
        let object = bucket.get_object().bucket("parlance").key(&key).send().await.unwrap();
        let bytes = object.body.collect().await.unwrap().into_bytes();
        if contains(&bytes) || key.contains(MARKER) {
            found.insert(format!("object {key}"));
        }
    }
    let sqs = t.stack.cloud().sqs();
    for queue in local::functions::workers(t.stack.app())
        .into_iter()
        .map(|worker| worker.name)
    {
        let waiting = sqs.receive(queue, 10, Some(std::time::Duration::ZERO)).unwrap();
        let dead = sqs.dead_letters(queue).unwrap();
        let bodies = waiting.into_iter().map(|message| message.body);
        let bodies = bodies.chain(dead.into_iter().map(|message| format!("{message:?}")));
        found.extend(
            bodies
                .filter(|body| body.contains(MARKER))
                .map(|_| format!("queue {queue}")),
        );
    }
    // An invitation that was mailed is its reader's.
    let mails = t
        .outbox()
        .await
        .into_iter()
        .filter(|mail| !mail["to"].as_str().unwrap().starts_with("friend-"));
    let mails = mails.filter(|mail| mail.to_string().contains(MARKER));
    found.extend(mails.map(|mail| format!("mail {}", mail["subject"])));
    found
}

fn contains(bytes: &[u8]) -> bool {
    bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes())
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn whatever_a_person_wrote_is_nowhere_after_their_erasure_and_never_was_in_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let filter = "debug,aws=info,hyper=info,h2=info,reqwest=info,dynoxide=error,s3s=error,s3s_fs=off";
    let recorder = tracing_subscriber::fmt().json().with_env_filter(filter);
    let recorder = tracing::Dispatch::new(recorder.with_writer(move || writer.clone()).finish());
    // While there is one recorder only, events that another test's thread comes by first are switched off for good.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let guard = tracing::dispatcher::set_default(&recorder);
    let t = Test::with(&[("INTERNAL_API_KEY", SERVICE_KEY)]).await;
    let mut scribe = Scribe {
        t: &t,
        filled: BTreeSet::new(),
    };
    let (ada, org) = scribe.furnish().await;
    let missing: Vec<_> = free_texts()
        .into_iter()
        .filter(|field| {
            !scribe.filled.contains(field)
                && !scribe
                    .filled
                    .iter()
                    .any(|filled| filled.starts_with(&format!("{field}/")))
        })
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "texts that this test does not write");

    let before = traces(&t).await;
    let kinds = ["identity U#", "identity O#", "app O#", "app S#", "object t/", "mail "];
    for kind in kinds {
        assert!(
            before.iter().any(|trace| trace.starts_with(kind)),
            "{kind} in {before:?}"
        );
    }
    ada.delete(&format!("/api/v1/orgs/{org}")).await.expect(204);
    ada.delete("/api/v1/users/me").await.ok();
    t.advance_seconds(1);
    for _ in 0..2 {
        t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
        t.drain().await;
    }
    assert_eq!(traces(&t).await, BTreeSet::new());
    drop(guard);
    let written = log.0.lock().unwrap().clone();
    let written = String::from_utf8(written).unwrap();
    assert!(
        written.contains("purge.done") && written.lines().count() > 20,
        "the log was recorded: {written}"
    );
    let leaks: Vec<&str> = written.lines().filter(|line| line.contains(MARKER)).collect();
    assert_eq!(leaks, Vec::<&str>::new());
}
