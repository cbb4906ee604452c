//! What the HTTP layer needs of the application. `App` implements it; this crate's tests use a small fake.

use app::{App, Begun, Cipher, Failed, IdempotencyKey, Identity, StoredAnswer};
use domain::{Membership, Result, Secret};
use futures::future::BoxFuture;

/// The application as the HTTP layer sees it. Futures are boxed so that the middleware is compiled once.
pub trait Backend: Send + Sync + 'static {
    /// Returns the identity of this access token or API key.
    ///
    /// # Errors
    /// [`domain::Error::Unauthorized`] if it is not currently valid.
    fn authenticate<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<Identity>>;

    /// Returns the caller's membership in the organization with this ID or slug; `None` selects the personal one.
    ///
    /// # Errors
    /// [`domain::Error::NotFound`] if the organization does not exist, or the caller is not a member.
    fn membership_of<'a>(&'a self, identity: &'a Identity, org: Option<&'a str>) -> BoxFuture<'a, Result<Membership>>;

    /// Claims an `Idempotency-Key`.
    fn begin<'a>(&'a self, key: &'a IdempotencyKey, fingerprint: &'a str) -> BoxFuture<'a, Result<Begun>>;

    /// Stores the response under a claimed key.
    fn finish<'a>(&'a self, key: &'a IdempotencyKey, answer: &'a StoredAnswer) -> BoxFuture<'a, Result<()>>;

    /// Releases a claimed key.
    fn abandon<'a>(&'a self, key: &'a IdempotencyKey) -> BoxFuture<'a, Result<()>>;

    /// Extends the lease of a claimed key while its request is running.
    fn extend<'a>(&'a self, key: &'a IdempotencyKey) -> BoxFuture<'a, Result<()>>;

    /// Returns a cipher for `purpose` (cursors, stored responses), with keys derived with `salt`.
    fn cipher<'a>(&'a self, salt: &'a [u8], purpose: &'static str) -> BoxFuture<'a, Result<Cipher>>;

    /// Returns whether this is the service key of the internal operations; `false` if none is configured.
    fn is_service<'a>(&'a self, key: &'a Secret) -> BoxFuture<'a, Result<bool>> {
        let _ = key;
        Box::pin(async { Ok(false) })
    }

    /// Returns whether this is the scrape token for metrics; `false` if none is configured.
    fn is_scraper<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<bool>> {
        let _ = token;
        Box::pin(async { Ok(false) })
    }

    /// Records a request that failed with a server error, for operators. Only logs its own failure.
    fn record_failure(&self, failed: Failed) -> BoxFuture<'_, ()> {
        let _ = failed;
        Box::pin(async {})
    }

    /// Runs work that may outlive its request.
    fn continue_in_background(&self, work: BoxFuture<'static, ()>) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(work);
        }
    }

    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;

    /// Returns a new request ID.
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

    fn record_failure(&self, failed: Failed) -> BoxFuture<'_, ()> {
        self.record_failure(failed)
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
