//! People who sign in through Clerk: session tokens against a double of its key server, and its webhooks.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use aws_lc_rs::{
    encoding::AsDer as _,
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
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, PASSWORD, Test};

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
struct Clerk {
    t: Test,
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
    async fn start() -> Self {
        let (server, key) = (KeyServer::default(), KeyPair::generate(KeySize::Rsa2048).unwrap());
        server.keys.lock().unwrap().push(jwk("one", &key));
        let url = server.clone().start().await;
        let t = Test::with(&[
            ("CLERK_ISSUER", ISSUER),
            ("CLERK_JWKS_URL", &url),
            ("CLERK_AUTHORIZED_PARTIES", &format!("https://other.example.com, {PARTY}")),
            ("CLERK_WEBHOOK_SECRET", WEBHOOK_SECRET),
            ("INTERNAL_API_KEY", "a-service-key"),
        ])
        .await;
        Self { t, server, key }
    }

    fn now(&self) -> i64 {
        self.t.stack.app().clock.now().as_second()
    }

    fn claims(&self, person: &str) -> Value {
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

    fn with(&self, token: &str) -> Caller {
        self.t.anonymous().with_token(token)
    }

    fn person(&self, person: &str) -> Caller {
        self.with(&self.token(&self.claims(person)))
    }

    /// A person whose tokens tell an address that Clerk has verified.
    fn verified(&self, person: &str, email: &str) -> Caller {
        let mut claims = self.claims(person);
        claims["email"] = email.into();
        claims["email_verified"] = true.into();
        claims["name"] = "Ada at Clerk".into();
        self.with(&self.token(&claims))
    }

    async fn deliver(&self, id: &str, event: &Value) -> Answer {
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

/// As Clerk's documentation shows the event.
fn event(kind: &str, person: &str, email: &str, first_name: &str, updated_at: i64) -> Value {
    json!({
        "type": kind, "object": "event",
        "data": {
            "id": person, "object": "user", "first_name": first_name, "last_name": "Example", "username": null,
            "primary_email_address_id": "idn_1",
            "email_addresses": [
                {"id": "idn_0", "email_address": "second@example.com", "object": "email_address",
                 "verification": {"status": "verified", "strategy": "ticket"}},
                {"id": "idn_1", "email_address": email, "object": "email_address",
                 "verification": {"status": "verified", "strategy": "email_code"}},
            ],
            "created_at": 1_654_012_591_514_i64, "updated_at": updated_at,
        },
    })
}

fn deletion(person: &str) -> Value {
    json!({"type": "user.deleted", "object": "event", "data": {"id": person, "object": "user", "deleted": true}})
}

#[tokio::test]
async fn the_first_session_of_a_person_makes_their_account_and_later_ones_find_it() {
    let clerk = Clerk::start().await;
    let ada = clerk.verified("user_ada", "ada@example.com");
    let me = ada.get(ME).await.ok().json();
    assert_eq!((&me["email"], &me["name"]), (&json!("ada@example.com"), &json!("Ada at Clerk")));
    assert_eq!(me["role"], "user");
    assert_eq!(clerk.person("user_ada").get(ME).await.ok().json(), me);
    ada.get("/api/v1/documents").await.ok();
    let bare = clerk.person("user_bob").get(ME).await.ok().json();
    assert!(bare["email"].as_str().unwrap().ends_with("@clerk.invalid"), "{bare}");
    let log = ada.get("/api/v1/audit_logs/user/me").await.ok().json();
    assert_eq!(log[0]["action"], "user.created");
    assert_eq!(clerk.server.asked(), 1);
}

#[tokio::test]
async fn of_64_first_sessions_at_once_one_makes_the_account() {
    let clerk = Clerk::start().await;
    for round in 0..5 {
        let ada = clerk.verified(&format!("user_{round}"), &format!("ada{round}@example.com"));
        let answers = join_all((0..64).map(|_| ada.get(ME))).await;
        let first = answers[0].json();
        for answer in answers {
            assert_eq!(answer.ok().json(), first);
        }
    }
    let items = clerk.t.items("parlance-identity").await;
    let of_kind = |kind: &str| items.keys().filter(|(_, sk)| sk.starts_with(kind)).count();
    assert_eq!((of_kind("PROFILE"), of_kind("ORG"), of_kind("M#")), (5, 5, 5));
    assert_eq!(clerk.server.asked(), 1, "320 requests at once ask for the keys once");
}

#[tokio::test]
async fn only_an_address_that_clerk_has_verified_finds_an_account_that_exists() {
    let clerk = Clerk::start().await;
    let ada = clerk.t.user("ada").await;
    let mut claims = clerk.claims("user_eve");
    for unverified in [Value::Null, false.into(), "true".into()] {
        claims["email"] = "ada@example.com".into();
        claims["email_verified"] = unverified;
        let eve = clerk.with(&clerk.token(&claims)).get(ME).await.ok().json();
        assert_ne!(eve["id"], ada.account["id"]);
    }
    let linked = clerk.verified("user_ada", "ADA@example.com").get(ME).await.ok().json();
    assert_eq!(linked["id"], ada.account["id"]);
    // Whoever had signed up with the address never showed that it is theirs.
    ada.get(ME).await.problem(401, "session_ended");
    let credentials = json!({"email": "ada@example.com", "password": PASSWORD});
    let login = clerk.t.anonymous().post("/api/v1/auth/login", credentials).await;
    login.problem(401, "invalid_credentials");
    // The account has its person: another one with the same address does not get it.
    clerk.verified("user_other", "ada@example.com").get(ME).await.problem(409, "email_taken");
}

#[tokio::test]
async fn signing_out_ends_the_session_here_and_only_this_one() {
    let clerk = Clerk::start().await;
    let ada = clerk.person("user_ada");
    ada.post("/api/v1/auth/logout", json!({})).await.ok();
    ada.get(ME).await.problem(401, "session_ended");
    clerk.person("user_ada").get(ME).await.problem(401, "session_ended");
    let mut claims = clerk.claims("user_ada");
    claims["sid"] = "sess_other".into();
    clerk.with(&clerk.token(&claims)).get(ME).await.ok();
}

#[tokio::test]
async fn a_session_counts_within_its_time_by_our_clock() {
    let clerk = Clerk::start().await;
    let ada = clerk.person("user_ada");
    clerk.t.advance_seconds(55);
    ada.get(ME).await.ok();
    clerk.t.advance_seconds(6);
    ada.get(ME).await.problem(401, "token_expired");
    let mut early = clerk.claims("user_ada");
    early["nbf"] = (clerk.now() + 30).into();
    clerk.with(&clerk.token(&early)).get(ME).await.problem(401, "token_invalid");
}

#[tokio::test]
async fn no_forged_session_is_accepted() {
    let clerk = Clerk::start().await;
    clerk.person("user_ada").get(ME).await.ok();
    let items = clerk.t.items("parlance-identity").await;
    let good = clerk.claims("user_ada");
    let changed = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        clerk.token(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        clerk.token(&claims)
    };
    let head = |fields: Value| clerk.sign(&fields, &good);
    let unsigned = |alg: &str| format!("{}.{}.", part(&json!({"alg": alg, "kid": "one"})), part(&good));
    // HS256 keyed with what everybody knows: the modulus, the DER and the PEM of the public key.
    let public = clerk.key.public_key();
    let spki = public.as_der().unwrap();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(spki.as_ref()));
    let keyed = |key: &[u8]| {
        let text = format!("{}.{}", part(&json!({"alg": "HS256", "kid": "one"})), part(&good));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let stranger = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let body = format!("{}.{}", part(&json!({"alg": "RS256", "kid": "one"})), part(&good));
    let own_key = part(&json!({"alg": "RS256", "kid": "one", "jwk": jwk("one", &stranger)}));
    let twice = part(&good).replace('=', "");
    let doubled = good.to_string().replacen('{', "{\"sub\":\"user_root\",", 1);
    let real = clerk.token(&good);
    let (text, signature) = real.rsplit_once('.').unwrap();
    let forged = [
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("alg NONE", unsigned("NONE")),
        ("no signature", format!("{text}.")),
        ("signature of zeros", format!("{text}.{}", URL_SAFE_NO_PAD.encode([0; 256]))),
        ("hs256 with the modulus", keyed(&modulus(&clerk.key))),
        ("hs256 with the der", keyed(public.as_ref())),
        ("hs256 with the spki", keyed(spki.as_ref())),
        ("hs256 with the pem", keyed(pem.as_bytes())),
        ("hs256 with nothing", keyed(b"")),
        ("another key", signed(&stranger, &body)),
        ("a key in the header", signed(&stranger, &format!("{own_key}.{}", part(&good)))),
        ("rs384 in the header", head(json!({"alg": "RS384", "kid": "one"}))),
        ("ps256 in the header", head(json!({"alg": "PS256", "kid": "one"}))),
        ("es256 in the header", head(json!({"alg": "ES256", "kid": "one"}))),
        ("no key id", head(json!({"alg": "RS256"}))),
        ("an unknown key id", head(json!({"alg": "RS256", "kid": "two"}))),
        ("a path as key id", head(json!({"alg": "RS256", "kid": "../../one"}))),
        ("another issuer", changed("iss", "https://clerk.evil.example".into())),
        ("an issuer with a slash", changed("iss", format!("{ISSUER}/").into())),
        ("issuers", changed("iss", json!([ISSUER, "x"]))),
        ("our own issuer", changed("iss", "parlance".into())),
        ("no issuer", without("iss")),
        ("no subject", without("sub")),
        ("no session", without("sid")),
        ("no end", without("exp")),
        ("an end as text", changed("exp", "9999999999".into())),
        ("an end before", changed("exp", (clerk.now() - 1).into())),
        ("another party", changed("azp", "https://evil.example.com".into())),
        ("a pending session", changed("sts", "pending".into())),
        ("an empty subject", changed("sub", "".into())),
        ("a subject that is a key", changed("sub", "user_1#U".into())),
        ("a subject twice", signed(&clerk.key, &format!("{}.{}", part(&json!({"alg": "RS256", "kid": "one"})), URL_SAFE_NO_PAD.encode(doubled)))),
        ("four parts", format!("{real}.x")),
        ("bytes behind", format!("{real}AA")),
        ("another text", format!("{}.{twice}x.{signature}", text.split('.').next().unwrap())),
    ];
    for (what, token) in &forged {
        let answer = clerk.with(token).get(ME).await;
        assert_eq!(answer.status, 401, "{what}: {}", String::from_utf8_lossy(&answer.body));
    }
    assert_eq!(clerk.t.items("parlance-identity").await, items, "of {} nothing was written", forged.len());
    clerk.person("user_ada").get(ME).await.ok();
}

#[tokio::test]
async fn unknown_key_ids_make_us_ask_once_a_minute_and_a_new_key_is_found() {
    let clerk = Clerk::start().await;
    clerk.person("user_ada").get(ME).await.ok();
    let unknown = |id: usize| clerk.sign(&json!({"alg": "RS256", "kid": format!("x{id}")}), &clerk.claims("user_ada"));
    clerk.t.advance_seconds(61);
    let flood = join_all((0..32).map(|id| {
        let caller = clerk.with(&unknown(id));
        async move { caller.get(ME).await.status.as_u16() }
    }));
    assert!(flood.await.iter().all(|status| *status == 401));
    assert_eq!(clerk.server.asked(), 2);
    let next = KeyPair::generate(KeySize::Rsa2048).unwrap();
    clerk.server.keys.lock().unwrap().push(jwk("next", &next));
    let token = |clerk: &Clerk| {
        let head = part(&json!({"alg": "RS256", "kid": "next"}));
        signed(&next, &format!("{head}.{}", part(&clerk.claims("user_ada"))))
    };
    clerk.with(&token(&clerk)).get(ME).await.problem(401, "token_invalid");
    clerk.t.advance_seconds(60);
    clerk.with(&token(&clerk)).get(ME).await.ok();
    assert_eq!(clerk.server.asked(), 3);
}

#[tokio::test]
async fn known_keys_outlast_an_outage_and_a_withdrawn_key_does_not_outlast_the_hour() {
    let clerk = Clerk::start().await;
    clerk.person("user_ada").get(ME).await.ok();
    clerk.server.down.store(true, Ordering::SeqCst);
    clerk.t.advance_seconds(3601);
    clerk.person("user_ada").get(ME).await.ok();
    clerk.person("user_ada").get(ME).await.ok();
    assert_eq!(clerk.server.asked(), 2, "an outage is not asked about with every request");
    clerk.server.down.store(false, Ordering::SeqCst);
    let other = KeyPair::generate(KeySize::Rsa2048).unwrap();
    *clerk.server.keys.lock().unwrap() = vec![jwk("other", &other)];
    clerk.t.advance_seconds(61);
    clerk.person("user_ada").get(ME).await.problem(401, "token_invalid");
}

#[tokio::test]
async fn while_no_key_can_be_had_the_answer_is_an_outage_and_our_own_sessions_count() {
    let clerk = Clerk::start().await;
    clerk.server.down.store(true, Ordering::SeqCst);
    let ada = clerk.t.user("ada").await;
    clerk.person("user_ada").get(ME).await.problem(503, "unavailable");
    ada.get(ME).await.ok();
    clerk.server.down.store(false, Ordering::SeqCst);
    clerk.t.advance_seconds(6);
    clerk.person("user_bob").get(ME).await.ok();
}

#[tokio::test]
async fn a_stack_without_clerk_takes_none_of_its_sessions() {
    let clerk = Clerk::start().await;
    let t = Test::new().await;
    let token = clerk.token(&clerk.claims("user_ada"));
    t.anonymous().with_token(&token).get(ME).await.problem(401, "token_invalid");
    let body = deletion("user_ada").to_string();
    let request = t.anonymous().request(Method::POST, "/api/v1/webhooks/clerk");
    let request = request
        .header("svix-id", "msg_1")
        .header("svix-timestamp", clerk.now().to_string())
        .header("svix-signature", sign_webhook("msg_1", clerk.now(), &body))
        .body(body);
    t.anonymous().send(request).await.problem(401, "signature_invalid");
}

#[tokio::test]
async fn an_event_is_applied_once_in_the_order_of_its_changes() {
    let clerk = Clerk::start().await;
    let created = event("user.created", "user_ada", "ada@example.com", "Ada", 1000);
    let answer = clerk.deliver("msg_1", &created).await.ok().json();
    assert_eq!(answer, json!({"message": "Event received"}));
    let me = async || clerk.person("user_ada").get(ME).await.ok().json();
    let first = me().await;
    assert_eq!((&first["name"], &first["email"]), (&json!("Ada Example"), &json!("ada@example.com")));
    let newer = event("user.updated", "user_ada", "lovelace@example.com", "Augusta", 3000);
    clerk.deliver("msg_3", &newer).await.ok();
    let older = event("user.updated", "user_ada", "old@example.com", "Old", 2000);
    clerk.deliver("msg_2", &older).await.ok();
    let now = me().await;
    assert_eq!((&now["name"], &now["email"]), (&json!("Augusta Example"), &json!("lovelace@example.com")));
    assert_eq!(now["id"], first["id"]);
    let (identity, audit) = (clerk.t.items("parlance-identity").await, clerk.t.items("parlance-audit").await);
    for id in ["msg_1", "msg_2", "msg_3"] {
        let replayed = if id == "msg_1" { &created } else { &newer };
        join_all((0..8).map(|_| clerk.deliver(id, replayed))).await;
    }
    assert_eq!(clerk.t.items("parlance-identity").await, identity);
    assert_eq!(clerk.t.items("parlance-audit").await, audit);
    // The old address is free again.
    clerk.t.user("ada").await;
}

#[tokio::test]
async fn of_deliveries_at_once_one_makes_the_account() {
    let clerk = Clerk::start().await;
    let created = event("user.created", "user_ada", "ada@example.com", "Ada", 1000);
    let ids: Vec<String> = (0..16).map(|id| format!("msg_{}", id % 4)).collect();
    for answer in join_all(ids.iter().map(|id| clerk.deliver(id, &created))).await {
        answer.ok();
    }
    let items = clerk.t.items("parlance-identity").await;
    assert_eq!(items.keys().filter(|(_, sk)| sk == "PROFILE").count(), 1);
    let audit = clerk.t.items("parlance-audit").await;
    assert_eq!(audit.values().filter(|entry| entry.contains("user.created")).count(), 1);
}

#[tokio::test]
async fn a_late_update_after_a_deletion_stays_deleted() {
    let clerk = Clerk::start().await;
    clerk.verified("user_ada", "ada@example.com").get(ME).await.ok();
    let deleted = deletion("user_ada");
    clerk.deliver("msg_2", &deleted).await.ok();
    clerk.person("user_ada").get(ME).await.problem(401, "session_ended");
    let late = event("user.updated", "user_ada", "ada@example.com", "Ada", i64::MAX);
    clerk.deliver("msg_1", &late).await.ok();
    clerk.deliver("msg_3", &deleted).await.ok();
    clerk.person("user_ada").get(ME).await.problem(401, "session_ended");
    // Somebody who was deleted before we ever heard of them.
    clerk.deliver("msg_4", &deletion("user_bob")).await.ok();
    clerk.deliver("msg_5", &event("user.created", "user_bob", "bob@example.com", "Bob", 1)).await.ok();
    clerk.person("user_bob").get(ME).await.problem(401, "session_ended");
    let service = clerk.t.anonymous().with_header("x-api-key", "a-service-key");
    service.get("/api/v1/internal/users/by-clerk-id/user_bob").await.problem(404, "not_found");
    let items = clerk.t.items("parlance-identity").await;
    assert_eq!(items.keys().filter(|(_, sk)| sk == "PROFILE").count(), 1);
}

#[tokio::test]
async fn an_address_that_somebody_else_has_is_left_to_them() {
    let clerk = Clerk::start().await;
    let ada = clerk.verified("user_ada", "ada@example.com");
    ada.get(ME).await.ok();
    let bob = clerk.t.user("bob").await;
    let wants = event("user.updated", "user_ada", "bob@example.com", "Ada", 5);
    clerk.deliver("msg_1", &wants).await.ok();
    let me = ada.get(ME).await.ok().json();
    assert_eq!((&me["email"], &me["name"]), (&json!("ada@example.com"), &json!("Ada Example")));
    assert_eq!(bob.get(ME).await.ok().json()["email"], "bob@example.com");
}

#[tokio::test]
async fn a_forged_or_old_event_changes_nothing() {
    let clerk = Clerk::start().await;
    clerk.person("user_ada").get(ME).await.ok();
    let (at, body) = (clerk.now(), deletion("user_ada").to_string());
    let right = sign_webhook("msg_1", at, &body);
    let other = body.replace("user_ada", "user_bob");
    let before = clerk.t.items("parlance-identity").await;
    for (id, at, body, signature) in [
        ("msg_2", at, &body, right.as_str()),
        ("msg_1", at + 1, &body, right.as_str()),
        ("msg_1", at, &other, right.as_str()),
        ("msg_1", at, &body, "v1,AAAA"),
        ("msg_1", at, &body, ""),
        ("msg_1", at - 301, &body, sign_webhook("msg_1", at - 301, &body).as_str()),
        ("msg_1", at + 330, &body, sign_webhook("msg_1", at + 330, &body).as_str()),
    ] {
        let answer = clerk.deliver_as(id, at, body, signature).await;
        answer.problem(401, "signature_invalid");
    }
    assert_eq!(clerk.t.items("parlance-identity").await, before);
    let several = format!("v1,AAAA {right}");
    clerk.deliver_as("msg_1", at, &body, &several).await.ok();
    clerk.person("user_ada").get(ME).await.problem(401, "session_ended");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_told_and_one_that_is_not_ours_is_taken() {
    let clerk = Clerk::start().await;
    let broken = json!({"type": "user.updated", "data": {"id": 7}});
    clerk.deliver("msg_1", &broken).await.problem(400, "invalid_event");
    clerk.deliver("msg_2", &json!([])).await.problem(400, "invalid_event");
    clerk.deliver("msg_3", &json!({"type": "session.created", "data": {}})).await.ok();
}
