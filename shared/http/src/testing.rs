//! A small application to test routers with: one user, one organization, responses stored in memory.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failing helper is the test's failure"
)]

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use app::{Begun, Cipher, Credential, EncryptionKeys, IdempotencyKey, Identity, KeyGrant, KeyRing, StoredAnswer};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use domain::{
    ApiKeyId, CredentialEpochs, Email, Error, Membership, Org, OrgId, OrgRole, Permission, Plan, PlatformRole, Result,
    Secret, SessionId, Timestamp, User, UserId, UserStatus,
};
use futures::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode, request::Builder};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::{Api, Backend};

/// The application. The token `ada` is a user, `root` an admin; both are members of `acme`, `ada` not as admin.
#[derive(Clone, Default)]
pub(crate) struct TestBackend(Arc<State>);

#[derive(Default)]
struct State {
    kept: Mutex<HashMap<String, (String, Option<StoredAnswer>)>>,
    authenticated: AtomicUsize,
    extended: AtomicUsize,
    down: AtomicBool,
}

impl TestBackend {
    /// Returns how many times a token was looked up.
    pub(crate) fn authenticated(&self) -> usize {
        self.0.authenticated.load(Ordering::SeqCst)
    }

    /// Returns how many times a lease was extended.
    pub(crate) fn extended(&self) -> usize {
        self.0.extended.load(Ordering::SeqCst)
    }

    /// Returns how many keys are claimed or have a response.
    pub(crate) fn keys(&self) -> usize {
        self.0.kept.lock().unwrap().len()
    }

    /// Returns everything stored, as text.
    pub(crate) fn kept_text(&self) -> String {
        format!("{:?}", self.0.kept.lock().unwrap())
    }

    /// Makes the tables unavailable from now on.
    pub(crate) fn go_down(&self) {
        self.0.down.store(true, Ordering::SeqCst);
    }
}

fn acme() -> Org {
    Org {
        id: OrgId("org-acme".into()),
        name: "Acme".into(),
        slug: "acme".into(),
        personal: false,
        plan: Plan::Free,
        overrides: None,
        overage: None,
        time_zone: "UTC".into(),
        pinned_day: None,
        downgrade_model: None,
        transcription_model: None,
        embedding_model: None,
        fallback_models: Vec::new(),
        webhooks: domain::WantedEvents::default(),
        created_at: Timestamp::UNIX_EPOCH,
    }
}

fn user(name: &str, role: PlatformRole) -> User {
    User {
        id: UserId(format!("user-{name}")),
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        name: name.to_owned(),
        role,
        status: UserStatus::Active,
        personal_org: OrgId(format!("personal-{name}")),
        stripe_customer_id: None,
        email_verified: false,
        pending_email: None,
        session_epoch: 0,
        credentials: CredentialEpochs::default(),
        clerk_name: None,
        daily_limit: None,
        granted_daily_limit: None,
        created_at: Timestamp::UNIX_EPOCH,
    }
}

fn text(key: &IdempotencyKey) -> String {
    format!("{}|{}|{}", key.scope, key.route, key.key)
}

impl Backend for TestBackend {
    fn authenticate<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<Identity>> {
        self.0.authenticated.fetch_add(1, Ordering::SeqCst);
        let role = match token.expose() {
            _ if self.0.down.load(Ordering::SeqCst) => Err(Error::unavailable("table identity is down")),
            "ada" | "eve" | "key" => Ok(PlatformRole::User),
            "root" => Ok(PlatformRole::Admin),
            _ => Err(Error::Unauthorized {
                code: "token_invalid",
                detail: "sign in again",
            }),
        };
        let identity = role.map(|role| Identity {
            user: user(token.expose().replace("key", "ada").as_str(), role),
            credential: match token.expose() {
                "key" => Credential::Key(KeyGrant {
                    id: ApiKeyId("key-1".into()),
                    org: Arc::new(acme()),
                    membership: Membership {
                        org: OrgId("org-acme".into()),
                        member: UserId("user-ada".into()),
                        role: OrgRole::Member,
                        joined_at: Timestamp::UNIX_EPOCH,
                    },
                    scopes: [Permission::WriteDocuments].into(),
                    models: None,
                    token_budget: None,
                    requests_per_minute: None,
                    expires_at: None,
                    above: Vec::new(),
                }),
                _ => Credential::Session(SessionId("s".into())),
            },
            token: token.clone(),
        });
        Box::pin(async { identity })
    }

    fn membership_of<'a>(&'a self, identity: &'a Identity, org: Option<&'a str>) -> BoxFuture<'a, Result<Membership>> {
        let org = match org {
            None if !identity.is_person() => Ok(OrgId("org-acme".into())),
            None => Ok(identity.user.personal_org.clone()),
            Some("acme") => Ok(OrgId("org-acme".into())),
            Some(_) => Err(Error::NotFound("organization")),
        };
        let role = if identity.user.role == PlatformRole::Admin {
            OrgRole::Owner
        } else {
            OrgRole::Member
        };
        let member = identity.user.id.clone();
        let joined_at = Timestamp::UNIX_EPOCH;
        Box::pin(async move {
            Ok(Membership {
                org: org?,
                member,
                role,
                joined_at,
            })
        })
    }

    fn begin<'a>(&'a self, key: &'a IdempotencyKey, fingerprint: &'a str) -> BoxFuture<'a, Result<Begun>> {
        let mut kept = self.0.kept.lock().unwrap();
        let begun = match kept.get(&text(key)) {
            Some((other, _)) if other != fingerprint => Begun::Mismatch,
            Some((_, Some(answer))) => Begun::Replay(answer.clone()),
            Some((_, None)) => Begun::Running,
            None => {
                kept.insert(text(key), (fingerprint.to_owned(), None));
                Begun::Fresh
            }
        };
        Box::pin(async { Ok(begun) })
    }

    fn finish<'a>(&'a self, key: &'a IdempotencyKey, answer: &'a StoredAnswer) -> BoxFuture<'a, Result<()>> {
        self.0.kept.lock().unwrap().get_mut(&text(key)).expect("claimed").1 = Some(answer.clone());
        Box::pin(async { Ok(()) })
    }

    fn abandon<'a>(&'a self, key: &'a IdempotencyKey) -> BoxFuture<'a, Result<()>> {
        self.0.kept.lock().unwrap().remove(&text(key));
        Box::pin(async { Ok(()) })
    }

    fn extend<'a>(&'a self, _: &'a IdempotencyKey) -> BoxFuture<'a, Result<()>> {
        self.0.extended.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    }

    fn cipher<'a>(&'a self, salt: &'a [u8], purpose: &'static str) -> BoxFuture<'a, Result<Cipher>> {
        let ring = KeyRing::new(Secret::new("a key for tests, and for nothing else"));
        let keys = EncryptionKeys::new(&ring).map(Arc::new);
        Box::pin(async move { Ok(keys?.cipher(salt, purpose)) })
    }

    fn now_ms(&self) -> i64 {
        0
    }

    fn request_id(&self) -> String {
        "request-1".to_owned()
    }
}

/// A served route table.
pub(crate) struct Server {
    router: axum::Router,
    pub(crate) backend: TestBackend,
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Server {
    pub(crate) fn new(api: Api<TestBackend>) -> Self {
        let backend = TestBackend::default();
        Self {
            router: api.finish(backend.clone()),
            backend,
        }
    }

    /// The response before its body is read.
    pub(crate) async fn open(&self, request: Builder, body: impl Into<Body>) -> Response {
        let request = request.body(body.into()).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn call(&self, request: Builder, body: impl Into<Body>) -> Answer {
        let (parts, body) = self.open(request, body).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Request::get(path), Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, json: &str) -> Answer {
        let request = Request::post(path).header("content-type", "application/json");
        self.call(request, json.to_owned()).await
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a problem with all its members, and returns it.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!(
            (self.status.as_u16(), body["code"].as_str()),
            (status, Some(code)),
            "{body}"
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], "about:blank");
        assert_eq!(body["request_id"], self.header("x-request-id"));
        let detail = body["detail"].as_str().unwrap();
        assert!(
            detail.starts_with(|c: char| !c.is_lowercase()) && detail.len() > 10,
            "{detail:?} is not a sentence"
        );
        body
    }
}
