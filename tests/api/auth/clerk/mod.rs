//! People who sign in through Clerk: session tokens against a double of its key server, and its webhooks.

mod completion;
mod first_sign_in;
mod sessions;
mod webhook;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use axum::{Router, extract::State, http::StatusCode, response::IntoResponse as _, routing::get};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Test};

const ISSUER: &str = "https://clerk.example.com";
const PARTY: &str = "https://app.example.com";
const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ME: &str = "/api/v1/auth/me";

/// What Clerk's key server answers, and how often it was asked.
#[derive(Clone, Default)]
struct KeyServer {
    keys: Arc<std::sync::Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

/// A stack that accepts sessions of Clerk.
pub(crate) struct Clerk {
    pub(crate) t: Test,
    server: KeyServer,
    key: KeyPair,
}

/// The modulus of an RSA key of 2048 bits: `RSAPublicKey` (RFC 8017, A.1.1) has it after nine bytes of headers.
fn modulus(key: &KeyPair) -> Vec<u8> {
    key.public_key().as_ref()[9..265].to_vec()
}

fn jwk(id: &str, key: &KeyPair) -> Value {
    let n = URL_SAFE_NO_PAD.encode(modulus(key));
    json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": n, "e": "AQAB"})
}

async fn serve_keys(State(server): State<KeyServer>) -> axum::response::Response {
    server.asked.fetch_add(1, Ordering::SeqCst);
    if server.down.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let keys = server.keys.lock().unwrap().clone();
    axum::Json(json!({"keys": keys})).into_response()
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

impl KeyServer {
    async fn start(self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let router = Router::new().route("/jwks.json", get(serve_keys)).with_state(self);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let listener = listener.into_std().unwrap();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        url
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Clerk {
    pub(crate) async fn start() -> Self {
        let (server, key) = (KeyServer::default(), KeyPair::generate(KeySize::Rsa2048).unwrap());
        server.keys.lock().unwrap().push(jwk("one", &key));
        let url = server.clone().start().await;
        let t = Test::with(&[
            ("CLERK_ISSUER", ISSUER),
            ("CLERK_JWKS_URL", &url),
            (
                "CLERK_AUTHORIZED_PARTIES",
                &format!("https://other.example.com, {PARTY}"),
            ),
            ("CLERK_WEBHOOK_SECRET", WEBHOOK_SECRET),
            ("INTERNAL_API_KEY", "a-service-key"),
        ])
        .await;
        Self { t, server, key }
    }

    fn now(&self) -> i64 {
        self.t.stack.app().clock.now().as_second()
    }

    pub(crate) fn claims(&self, person: &str) -> Value {
        let now = self.now();
        json!({"iss": ISSUER, "sub": person, "sid": format!("sess_{person}"), "azp": PARTY, "iat": now,
               "nbf": now - 10, "exp": now + 60})
    }

    fn sign(&self, head: &Value, claims: &Value) -> String {
        signed(&self.key, &format!("{}.{}", part(head), part(claims)))
    }

    fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "RS256", "typ": "JWT", "kid": "one"}), claims)
    }

    /// A token of Clerk's that says this.
    pub(crate) fn signed_token(&self, claims: &Value) -> String {
        self.token(claims)
    }

    fn with(&self, token: &str) -> Caller {
        self.t.anonymous().with_token(token)
    }

    pub(crate) fn person(&self, person: &str) -> Caller {
        self.with(&self.token(&self.claims(person)))
    }

    /// A person whose tokens tell an address that Clerk has verified.
    pub(crate) fn verified(&self, person: &str, email: &str) -> Caller {
        let mut claims = self.claims(person);
        claims["email"] = email.into();
        claims["email_verified"] = true.into();
        claims["name"] = "Ada at Clerk".into();
        self.with(&self.token(&claims))
    }

    pub(crate) async fn deliver(&self, id: &str, event: &Value) -> Answer {
        let (at, body) = (self.now(), event.to_string());
        self.deliver_as(id, at, &body, &sign_webhook(id, at, &body)).await
    }

    async fn deliver_as(&self, id: &str, at: i64, body: &str, signature: &str) -> Answer {
        let caller = self.t.anonymous();
        let request = caller
            .request(Method::POST, "/api/v1/webhooks/clerk")
            .header("content-type", "application/json")
            .header("svix-id", id)
            .header("svix-timestamp", at.to_string())
            .header("svix-signature", signature)
            .body(body.to_owned());
        caller.send(request).await
    }
}

fn signed(key: &KeyPair, text: &str) -> String {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn sign_webhook(id: &str, at: i64, body: &str) -> String {
    let key = STANDARD.decode(WEBHOOK_SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}
