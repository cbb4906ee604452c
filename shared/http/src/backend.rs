//! What the border needs of the application. `App` is the one that serves; this crate's tests stand in a small one.

use app::{App, Begun, Cipher, Failed, IdempotencyKey, Identity, StoredAnswer};
use domain::{Membership, Result, Secret};
use futures::future::BoxFuture;

/// The application as the border sees it. Futures are boxed here, so that the border is compiled once.
pub trait Backend: Send + Sync + 'static {
    /// Whose access token this is.
    ///
    /// # Errors
    /// [`domain::Error::Unauthorized`] when it is not valid now.
    fn authenticate<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<Identity>>;

    /// The caller's place in the organization with this id or slug; none is their personal one.
    ///
    /// # Errors
    /// [`domain::Error::NotFound`] when there is none, or the caller is no member.
    fn membership_of<'a>(&'a self, identity: &'a Identity, org: Option<&'a str>) -> BoxFuture<'a, Result<Membership>>;

    /// Claims an `Idempotency-Key`.
    fn begin<'a>(&'a self, key: &'a IdempotencyKey, fingerprint: &'a str) -> BoxFuture<'a, Result<Begun>>;

    /// Keeps the answer under a claimed key.
    fn finish<'a>(&'a self, key: &'a IdempotencyKey, answer: &'a StoredAnswer) -> BoxFuture<'a, Result<()>>;

    /// Frees a claimed key.
    fn abandon<'a>(&'a self, key: &'a IdempotencyKey) -> BoxFuture<'a, Result<()>>;

    /// Says that the request with a key runs on.
    fn extend<'a>(&'a self, key: &'a IdempotencyKey) -> BoxFuture<'a, Result<()>>;

    /// Encrypts and decrypts for `purpose` (cursors, kept answers), with keys derived with `salt`.
    fn cipher<'a>(&'a self, salt: &'a [u8], purpose: &'static str) -> BoxFuture<'a, Result<Cipher>>;

    /// Whether this is the key of the internal operations. Without one nothing is.
    fn is_service<'a>(&'a self, key: &'a Secret) -> BoxFuture<'a, Result<bool>> {
        let _ = key;
        Box::pin(async { Ok(false) })
    }

    /// Whether this is the token with which metrics are read. Without one nothing is.
    fn is_scraper<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<bool>> {
        let _ = token;
        Box::pin(async { Ok(false) })
    }

    /// Keeps what operators may know of a request that failed by our fault. It never makes anything worse: its own
    /// failure is for the log.
    fn note_failure(&self, failed: Failed) -> BoxFuture<'_, ()> {
        let _ = failed;
        Box::pin(async {})
    }

    /// Does work that is not to end with its request.
    fn continue_in_background(&self, work: BoxFuture<'static, ()>) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(work);
        }
    }

    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;

    /// A new id for a request.
    fn request_id(&self) -> String;
}

impl Backend for App {
    fn authenticate<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<Identity>> {
        self.authenticate(token)
    }

    fn membership_of<'a>(&'a self, identity: &'a Identity, org: Option<&'a str>) -> BoxFuture<'a, Result<Membership>> {
        self.membership_of(identity, org)
    }

    fn begin<'a>(&'a self, key: &'a IdempotencyKey, fingerprint: &'a str) -> BoxFuture<'a, Result<Begun>> {
        Box::pin(async move { self.idempotency().begin(key, fingerprint).await })
    }

    fn finish<'a>(&'a self, key: &'a IdempotencyKey, answer: &'a StoredAnswer) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.idempotency().finish(key, answer).await })
    }

    fn abandon<'a>(&'a self, key: &'a IdempotencyKey) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.idempotency().abandon(key).await })
    }

    fn extend<'a>(&'a self, key: &'a IdempotencyKey) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.idempotency().extend(key).await })
    }

    fn cipher<'a>(&'a self, salt: &'a [u8], purpose: &'static str) -> BoxFuture<'a, Result<Cipher>> {
        self.cipher(salt, purpose)
    }

    fn is_service<'a>(&'a self, key: &'a Secret) -> BoxFuture<'a, Result<bool>> {
        self.is_service_key(key)
    }

    fn is_scraper<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<bool>> {
        self.is_scrape_token(token)
    }

    fn note_failure(&self, failed: Failed) -> BoxFuture<'_, ()> {
        self.note_failure(failed)
    }

    fn continue_in_background(&self, work: BoxFuture<'static, ()>) {
        self.continue_in_background(work);
    }

    fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    fn request_id(&self) -> String {
        self.ids.make().unwrap_or_default()
    }
}
