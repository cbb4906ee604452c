//! Somebody who calls the API.

use domain::Permission;
use reqwest::{Client, Method, RequestBuilder, multipart};
use serde_json::{Value, json};

use super::{Answer, token_in};

/// The password of every user of the tests.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Somebody who calls the API: a signed-in user, or nobody in particular.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(super) http: Client,
    url: String,
    /// What registering answered; null for somebody without an account.
    pub(crate) account: Value,
    pub(crate) token: String,
    pub(crate) refresh: String,
    headers: Vec<(&'static str, String)>,
}

impl Caller {
    pub(crate) fn new(http: Client, url: String) -> Self {
        Self {
            http,
            url,
            account: Value::Null,
            token: String::new(),
            refresh: String::new(),
            headers: Vec::new(),
        }
    }

    pub(crate) async fn register(mut self, name: &str) -> Self {
        let body = json!({"email": format!("{name}@example.com"), "password": PASSWORD, "name": name});
        self.account = self.post("/api/v1/auth/register", body).await.created().json();
        self.token = self.account["access_token"].as_str().unwrap().to_owned();
        self.refresh = self.account["refresh_token"].as_str().unwrap().to_owned();
        self
    }

    /// The same user in a new session, after the clock was moved past the life of the token.
    pub(crate) async fn sign_in_again(&self) -> Self {
        let credentials = json!({"email": self.account["email"], "password": PASSWORD});
        let anonymous = self.with_token("");
        self.with_token(
            &anonymous
                .post("/api/v1/auth/login", credentials)
                .await
                .ok()
                .text("access_token"),
        )
    }

    /// The same caller with another access token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// The same caller, at another server.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ..self.clone()
        }
    }

    /// The same caller, sending a header with everything.
    pub(crate) fn with_header(&self, name: &'static str, value: &str) -> Self {
        let mut caller = self.clone();
        caller.headers.push((name, value.to_owned()));
        caller
    }

    pub(crate) fn id(&self) -> &str {
        self.account["id"].as_str().unwrap()
    }

    pub(crate) fn org(&self) -> &str {
        self.account["default_org_id"].as_str().unwrap()
    }

    /// A request of this caller, to be completed. `path`: below the API, or the URL that an answer told.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else if path.starts_with("/_local/") {
            // Of this process, not of the API.
            format!("{}{path}", self.url.trim_end_matches("/live"))
        } else {
            format!("{}{path}", self.url)
        };
        let mut request = self.http.request(method, url);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::of(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// A new organization of this caller; its id.
    pub(crate) async fn found_org(&self, name: &str) -> String {
        self.post("/api/v1/orgs", json!({"name": name}))
            .await
            .created()
            .text("id")
    }

    /// Opens the link in the mail of the sign-up, so that the address counts as this user's own.
    pub(crate) async fn verify(&self) {
        let token = self.mailed_token(&self.account["email"], "Confirm your address").await;
        let confirmed = self.post("/api/v1/auth/verify-email/confirm", json!({"token": token}));
        confirmed.await.ok();
    }

    /// The token of the newest mail to an address with this subject.
    async fn mailed_token(&self, to: &Value, subject: &str) -> String {
        let anonymous = self.with_token("");
        anonymous.post("/_local/drain", json!({})).await.ok();
        let mails = anonymous.get("/_local/outbox").await.ok().json();
        let mut mails = mails.as_array().unwrap().iter();
        let mail = mails.find(|mail| mail["to"] == *to && mail["subject"] == subject);
        let mail = mail.unwrap_or_else(|| panic!("a mail to {to}: {subject}"));
        token_in(mail)
    }

    /// Gives the account, whose address is verified, another one, whose mail is answered too.
    pub(crate) async fn move_to(&self, email: &str) {
        let change = json!({"email": email, "current_password": PASSWORD});
        self.put("/api/v1/users/me", change).await.ok();
        let token = self.mailed_token(&json!(email), "Confirm your new address").await;
        let confirmed = self.post("/api/v1/auth/verify-email/confirm", json!({"token": token}));
        confirmed.await.ok();
    }

    /// A new API key of this caller, whose address is verified first if the key is to administer.
    pub(crate) async fn api_key(&self, key: Value) -> Answer {
        let needs_verified = |scope: &Permission| {
            let named = key["scopes"].as_array();
            scope.needs_verified_address() && named.is_none_or(|named| named.contains(&scope.name().into()))
        };
        let is_person = !self.token.starts_with("pk_");
        if is_person && Permission::ALL.iter().any(needs_verified) {
            let me = self.get("/api/v1/auth/me").await.ok().json();
            if me["email_verified"] == false {
                self.verify().await;
            }
        }
        self.post("/api/v1/apikeys", key).await.created()
    }

    /// Uploads a file under its name.
    pub(crate) async fn upload(&self, file_name: &str, bytes: impl Into<Vec<u8>>) -> Answer {
        let part = multipart::Part::bytes(bytes.into()).file_name(file_name.to_owned());
        let form = multipart::Form::new().part("file", part);
        self.send(self.request(Method::POST, "/api/v1/documents/upload").multipart(form))
            .await
    }

    /// A chatbot over documents.
    pub(crate) async fn chatbot(&self, documents: &[&str]) -> String {
        let bot = json!({"name": "Helper", "documents": documents});
        self.post("/api/v1/chatbots", bot).await.created().text("id")
    }

    /// A chat session with a new chatbot over documents.
    pub(crate) async fn session(&self, documents: &[&str]) -> String {
        let bot = self.chatbot(documents).await;
        self.post("/api/chat/sessions", json!({"chatbotId": bot}))
            .await
            .created()
            .text("id")
    }

    /// Sends a message to a chat session.
    pub(crate) async fn ask(&self, session: &str, question: &str) -> Answer {
        self.post(
            &format!("/api/chat/sessions/{session}/messages"),
            json!({"content": question}),
        )
        .await
    }
}
