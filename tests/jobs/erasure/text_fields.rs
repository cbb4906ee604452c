//! Somebody who writes the marker into everything.

use std::collections::BTreeSet;

use reqwest::{Method, multipart};
use serde_json::{Value, json};

use super::{MARKER, SERVICE_KEY};
use crate::support::{Answer, Caller, PASSWORD, Test};

/// A certificate of an authority.
const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\n\
    MIIBfjCCASWgAwIBAgIUe+DlDHK1ArlC6//jPegrSHocEbkwCgYIKoZIzj0EAwIw\n\
    FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEzMDIyMzk0OFoYDzIxMjYxMTA2\n\
    MjIzOTQ4WjAUMRIwEAYDVQQDDAlhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjO\n\
    PQMBBwNCAARBJYTUoHAFccDsSmflASL9OxFPmBH7vKbtwL4gC1pJPwk/qTs20n6f\n\
    4jmq/84/gc4lLWrvljI+Iq+naGAf4kIvo1MwUTAdBgNVHQ4EFgQUIraeTRZxYRet\n\
    AnUBKP5yB1qXh5kwHwYDVR0jBBgwFoAUIraeTRZxYRetAnUBKP5yB1qXh5kwDwYD\n\
    VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiA0lMXEIfKxp16/QP57amNp\n\
    3T0hoGMvtoOtQIq4xjmV5gIgUFJ38+h9eXGTKpxle+rv8ar03hEeIznu+pwTPdHl\n\
    0io=\n\
    -----END CERTIFICATE-----\n";

/// Sends requests, and notes in which fields the marker was.
pub(super) struct TextFieldWriter<'a> {
    pub(super) t: &'a Test,
    pub(super) filled: BTreeSet<String>,
    /// Requests so far.
    pub(super) sent: usize,
    /// The address of a web page.
    pub(super) page: String,
}

impl TextFieldWriter<'_> {
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
        self.sent += 1;
        let key = format!("{MARKER}-{}", self.sent);
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
        for name in ["name", "description", "tags"] {
            self.filled.insert(format!("POST /api/v1/documents/upload /{name}"));
            form = form.text(name, format!("{MARKER} {name}"));
        }
        let request = caller.request(Method::POST, "/api/v1/documents/upload").multipart(form);
        let document = caller.send(request).await.created().text("id");
        self.t.drain().await;
        document
    }

    /// An upload that is never completed.
    async fn announce(&mut self, caller: &Caller) {
        let file = json!({
            "file_name": format!("{MARKER}.txt"),
            "size": 4,
            "content_type": format!("text/{MARKER}"),
            "name": MARKER,
            "description": MARKER,
            "tags": [MARKER],
        });
        self.send(caller, "POST /api/v1/documents/uploads", "", file).await;
    }

    /// Opens pages of the payment provider.
    async fn pay(&mut self, caller: &Caller) {
        let url = format!("http://localhost:3000/?{MARKER}");
        let checkout = json!({"plan_type": "PRO", "success_url": url, "cancel_url": url});
        self.send(caller, "POST /api/v1/billing/checkout", "", checkout).await;
        let portal = json!({"return_url": url});
        self.send(caller, "POST /api/v1/billing/portal", "", portal).await;
    }

    /// A document from a page whose address and text have the marker.
    async fn add_page(&mut self, caller: &Caller) {
        let page = json!({
            "url": format!("{}?{MARKER}", self.page),
            "name": MARKER,
            "description": MARKER,
            "tags": [MARKER],
        });
        self.send(caller, "POST /api/v1/documents/url", "", page).await;
        let site = json!({
            "url": format!("{}?crawl={MARKER}", self.page),
            "tags": [MARKER],
            "crawl": {
                "depth": 2,
                "hosts": [format!("{}.example", MARKER.to_lowercase())],
                "include": [format!("/{MARKER}/")],
                "exclude": [format!("/{MARKER}/private/")],
            },
            "refresh": {"every": "day"},
        });
        self.send(caller, "POST /api/v1/documents/url", "", site).await;
        for _ in 0..3 {
            self.t.drain().await;
            self.t.advance_seconds(1);
        }
    }

    /// A person who wrote the marker into everything, and the organization that they own.
    pub(super) async fn seed(&mut self) -> (Caller, String) {
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
            self.pay(&caller).await;
        }
        t.set_plan(&org, "TEAM").await;
        let own_name = json!({"product_name": MARKER, "logo_url": format!("https://example.com/{MARKER}.svg")});
        let of_org = ada.with_header("x-current-org", &org);
        self.connect(&of_org).await;
        self.send(&of_org, "PUT /api/v1/premium/white-label", "", own_name)
            .await;
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

    /// A chatbot that was published, copied, previewed and searched.
    /// A database, what is said of its tables, and queries.
    async fn query(&mut self, caller: &Caller) {
        let table = format!("id,{MARKER}\n1,{MARKER}\n").into_bytes();
        let file = multipart::Part::bytes(table).file_name(format!("{MARKER}.csv"));
        let mut form = multipart::Form::new().part("file", file);
        for name in ["name", "description"] {
            self.filled.insert(format!("POST /api/v1/data_sources /{name}"));
            form = form.text(name, format!("{MARKER} {name}"));
        }
        let request = caller
            .request(Method::POST, "/api/v1/data_sources")
            .multipart(form.text("default", "true"));
        let source = caller.send(request).await.created().text("id");
        self.t.drain().await;
        let change = json!({"name": format!("{MARKER} too"), "description": MARKER});
        self.send(caller, "PATCH /api/v1/data_sources/{data_source_id}", &source, change)
            .await;
        let column = MARKER.replace(|character: char| !character.is_alphanumeric(), "_");
        let said = json!({"description": MARKER, "synonyms": [MARKER]});
        let mut notes = said.clone();
        notes["columns"] = json!({column.as_str(): said});
        self.send(caller, "PUT /api/v1/schema/tables/{table_name}", &column, notes)
            .await;
        let sql = json!({"sql": format!("SELECT '{MARKER}' AS \"{MARKER}\"")});
        self.send(caller, "POST /api/v1/query", "", sql.clone()).await;
        self.send(caller, "POST /api/v1/query/validate", "", sql).await;
        // The double writes no query, which the history has nevertheless.
        let question = json!({"question": MARKER, "model": "compatible/any", "choices": [MARKER]});
        self.note("POST /api/v1/query", "", &question);
        caller
            .post("/api/v1/query", question.clone())
            .await
            .problem(422, "question_not_answered");
        let session = caller
            .post("/api/v1/chat/sessions", json!({}))
            .await
            .created()
            .text("id");
        self.note("POST /api/v1/chat/sessions/{session_id}/query", "", &question);
        caller
            .post(&format!("/api/v1/chat/sessions/{session}/query"), question)
            .await
            .problem(422, "question_not_answered");
    }

    /// A database on a server that does not exist.
    async fn connect(&mut self, caller: &Caller) {
        let connection = json!({
            "url": format!("postgresql://{MARKER}:{MARKER}@{MARKER}.example.invalid/{MARKER}"),
            "host": format!("{MARKER}.example.invalid"),
            "database": MARKER,
            "user": MARKER,
            "password": MARKER,
            "ca_certificate": format!("{MARKER}\n{AUTHORITY}"),
            "schemas": [MARKER],
        });
        let new = json!({"name": MARKER, "description": MARKER, "connection": connection});
        let connected = self.send(caller, "POST /api/v1/data_sources/connect", "", new).await;
        let id = connected.text("id");
        self.send(
            caller,
            "PUT /api/v1/data_sources/{data_source_id}/connection",
            &id,
            connection,
        )
        .await;
        self.t.drain().await;
    }

    async fn make_chatbot(&mut self, caller: &Caller, document: &str) -> String {
        let settings = json!({
            "model": MARKER,
            "system_prompt": MARKER,
            "welcome_message": MARKER,
            "suggested_questions": [MARKER],
            "refusal_text": MARKER,
            "fixed_answers": [{"question": MARKER, "answer": MARKER}],
        });
        let mut bot =
            json!({"name": MARKER, "description": MARKER, "settings": settings.clone(), "documents": [document]});
        let made = self
            .send(caller, "POST /api/v1/chatbots", "", bot.clone())
            .await
            .text("id");
        bot["name"] = json!(format!("{MARKER} too"));
        self.send(caller, "PUT /api/v1/chatbots/{chatbot_id}", &made, bot).await;
        for operation in ["publish", "unpublish", "publish"] {
            let operation = format!("POST /api/v1/chatbots/{{chatbot_id}}/{operation}");
            self.send(caller, &operation, &made, json!({})).await;
        }
        let copy = json!({"name": format!("{MARKER} copy")});
        self.send(caller, "POST /api/v1/chatbots/{chatbot_id}/clone", &made, copy)
            .await;
        let tried = json!({
            "chatbot_id": made,
            "message": MARKER,
            "settings": settings,
            "chat_history": [{"role": "user", "content": MARKER}],
        });
        self.send(caller, "POST /api/v1/chatbots/preview", "", tried).await;
        let questions = json!({"questions": [{"question": MARKER, "expected_answer": MARKER}]});
        let evaluate = "POST /api/v1/chatbots/{chatbot_id}/evaluate";
        self.send(caller, evaluate, &made, questions).await;
        let asked = json!({"query": MARKER});
        self.send(caller, "POST /api/v1/chatbots/{chatbot_id}/search", &made, asked)
            .await;
        self.integrate(caller, &made).await;
        made
    }

    /// An integration with web sites.
    async fn integrate(&mut self, caller: &Caller, chatbot: &str) {
        let site = format!("https://{}.example", MARKER.to_lowercase());
        let config =
            json!({"allowed_origins": [site], "appearance": {"title": MARKER}, "lead_form": true, "handover": true});
        // Origins are stored in lower case.
        let mut new = json!({"name": MARKER, "chatbot_id": chatbot, "config": config});
        let create = "POST /api/v1/integrations/{integration_id}";
        let made = self.send(caller, create, "website", new.clone()).await.text("id");
        self.filled.insert(format!("{create} /config/allowed_origins/*"));
        new["name"] = json!(format!("{MARKER} too"));
        let update = "PUT /api/v1/integrations/{integration_id}";
        self.send(caller, update, &made, new).await;
        self.filled.insert(format!("{update} /config/allowed_origins/*"));
        self.visit(&site, chatbot).await;
    }

    /// A visitor of a web site of the erased user, with whose conversation all they wrote disappears.
    async fn visit(&mut self, site: &str, chatbot: &str) {
        let page = self.t.anonymous().with_header("origin", site);
        let widget = |what: &str| format!("POST /api/chat/widget/{{chatbot_id}}/{what}");
        let begun = self.send(&page, &widget("session"), chatbot, json!({})).await;
        let session = begun.text("sessionId");
        let asked = json!({"session_id": session, "message": MARKER});
        let answer = self
            .send(&page, &widget("message"), chatbot, asked)
            .await
            .text("messageId");
        let rated = json!({"session_id": session, "message_id": answer, "rating": "up", "comment": MARKER});
        self.send(&page, &widget("feedback"), chatbot, rated).await;
        let lead = json!({"session_id": session, "email": "visitor@example.com", "name": MARKER, "message": MARKER});
        self.send(&page, &widget("lead"), chatbot, lead).await;
        let handover = json!({"session_id": session, "message": MARKER});
        self.send(&page, &widget("handover"), chatbot, handover).await;
    }

    /// Questions that a chatbot did not answer, one of which an editor answers.
    async fn answer_for_good(&mut self, caller: &Caller, chatbot: &str) {
        for question in [
            "Who painted the ceiling of the chapel?",
            "Which river flows through Cologne?",
        ] {
            let new = json!({"chatbot_id": chatbot});
            let session = caller.post("/api/v1/chat/sessions", new).await.created().text("id");
            caller.ask(&session, question).await.ok();
        }
        let list = caller.get(&format!("/api/v1/chatbots/{chatbot}/unanswered")).await.ok();
        let id = format!("{chatbot} {}", list.json()[0]["id"].as_str().unwrap());
        let answer = json!({"question": format!("{MARKER} again"), "answer": MARKER});
        let operation = "POST /api/v1/chatbots/{chatbot_id}/unanswered/{message_id}/answer";
        self.send(caller, operation, &id, answer).await;
    }

    async fn converse(&mut self, caller: &Caller) {
        let document = self.upload(caller).await;
        self.announce(caller).await;
        self.add_page(caller).await;
        for method in ["PATCH", "PUT"] {
            let change = json!({"name": format!("{MARKER} name"), "description": format!("{MARKER} {method}"), "tags": [MARKER, method]});
            let update = format!("{method} /api/v1/documents/{{document_id}}");
            self.send(caller, &update, &document, change).await;
        }
        self.query(caller).await;
        let made = self.make_chatbot(caller, &document).await;
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

        self.answer_for_good(caller, &made).await;
        let asked = json!({"message": MARKER, "system_prompt": MARKER});
        self.send(caller, "POST /api/v1/ai/chat", "", asked.clone()).await;
        self.send(caller, "POST /api/v1/ai/chat/stream", "", asked).await;
        let parts = json!([{"type": "text", "text": MARKER}]);
        for content in [json!(MARKER), parts] {
            let asked = json!({"model": "local", "messages": [{"role": "user", "content": content}]});
            self.send(caller, "POST /v1/chat/completions", "", asked).await;
        }
        for input in [json!(MARKER), json!([MARKER])] {
            let asked = json!({"model": "compatible/vectors", "input": input});
            self.send(caller, "POST /v1/embeddings", "", asked).await;
        }

        let url = format!("https://receiver.invalid/{MARKER}");
        let receiver = json!({"url": url, "description": MARKER, "include_content": true});
        let webhook = self
            .send(caller, "POST /api/v1/webhooks", "", receiver.clone())
            .await
            .text("id");
        self.send(caller, "PATCH /api/v1/webhooks/{webhook_id}", &webhook, receiver)
            .await;
        self.send(caller, "POST /api/v1/webhooks/{webhook_id}/test", &webhook, json!({}))
            .await;
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
        let file = multipart::Part::bytes(format!("{MARKER} says six years.").into_bytes());
        let form = multipart::Form::new().part("file", file.file_name(format!("{MARKER}-2.txt")));
        let versions = caller.request(Method::POST, &format!("/api/v1/documents/{document}/versions"));
        caller.send(versions.multipart(form)).await.created();
    }
}
