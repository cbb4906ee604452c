//! Clerk's public keys (RFC 7517), fetched on demand and no more often than they may change.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::{Error, Result};
use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use tokio::sync::Mutex;

/// How long a key is used before it is checked again, in milliseconds.
const FRESH_MS: i64 = 3_600_000;
/// Minimum interval between fetches, in milliseconds: a client that sends unknown key IDs causes at most one per
/// minute.
const PAUSE_MS: i64 = 60_000;
/// The same while no key is known.
const FIRST_PAUSE_MS: i64 = 5_000;
/// Timeout of a fetch.
const FETCH_LIMIT: Duration = Duration::from_secs(5);
/// Maximum size of a key set, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// The keys at one URL.
pub(crate) struct Jwks {
    url: String,
    http: reqwest::Client,
    known: RwLock<Arc<CachedKeys>>,
    /// Held during a fetch, so that concurrent callers share it.
    fetching: Mutex<()>,
}

#[derive(Default)]
struct CachedKeys {
    keys: HashMap<String, DecodingKey>,
    fetched_ms: Option<i64>,
    tried_ms: Option<i64>,
}

impl CachedKeys {
    fn is_fresh(&self, now_ms: i64) -> bool {
        self.fetched_ms.is_some_and(|at| now_ms.saturating_sub(at) < FRESH_MS)
    }

    fn may_fetch(&self, now_ms: i64) -> bool {
        let pause = if self.keys.is_empty() { FIRST_PAUSE_MS } else { PAUSE_MS };
        self.tried_ms.is_none_or(|at| now_ms.saturating_sub(at) >= pause)
    }
}

impl Jwks {
    pub(crate) fn new(url: &str, http: reqwest::Client) -> Self {
        Self {
            url: url.to_owned(),
            http,
            known: RwLock::default(),
            fetching: Mutex::default(),
        }
    }

    /// Returns the key with this ID, or `None` if Clerk has no such key.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] if no key is known and Clerk does not respond.
    pub(crate) async fn key(&self, id: &str, now_ms: i64) -> Result<Option<DecodingKey>> {
        let known = self.known();
        match known.keys.get(id) {
            Some(key) if known.is_fresh(now_ms) => return Ok(Some(key.clone())),
            // The first caller fetches; the others, and everyone if Clerk does not respond, continue with the cached
            // keys.
            Some(key) => {
                let Ok(_fetching) = self.fetching.try_lock() else {
                    return Ok(Some(key.clone()));
                };
                if let Err(error) = self.refresh(now_ms).await {
                    tracing::warn!(%error, "clerk.keys_stale");
                }
            }
            None => {
                let _fetching = self.fetching.lock().await;
                if self.known().keys.contains_key(id) {
                    return Ok(self.known().keys.get(id).cloned());
                }
                let refreshed = self.refresh(now_ms).await;
                if self.known().keys.is_empty() {
                    refreshed?;
                    return Err(Error::unavailable("no Clerk keys are cached"));
                }
            }
        }
        Ok(self.known().keys.get(id).cloned())
    }

    /// Expires the cached keys without removing them: they are needed if Clerk does not respond.
    pub(crate) async fn expire(&self) {
        let _fetching = self.fetching.lock().await;
        self.set(CachedKeys {
            keys: self.known().keys.clone(),
            ..CachedKeys::default()
        });
    }

    /// Fetches the keys unless a fetch was just attempted. The caller must hold `fetching`.
    async fn refresh(&self, now_ms: i64) -> Result<()> {
        let known = self.known();
        if !known.may_fetch(now_ms) {
            return Ok(());
        }
        let fetched = self.fetch().await;
        let next = match &fetched {
            Ok(keys) => CachedKeys {
                keys: keys.clone(),
                fetched_ms: Some(now_ms),
                tried_ms: Some(now_ms),
            },
            Err(_) => CachedKeys {
                keys: known.keys.clone(),
                fetched_ms: known.fetched_ms,
                tried_ms: Some(now_ms),
            },
        };
        self.set(next);
        fetched.map(|_| ())
    }

    async fn fetch(&self) -> Result<HashMap<String, DecodingKey>> {
        let answer = self.http.get(&self.url).timeout(FETCH_LIMIT).send().await;
        let mut answer = answer
            .and_then(reqwest::Response::error_for_status)
            .map_err(Error::unavailable)?;
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(Error::unavailable)? {
            body.extend_from_slice(&piece);
            if body.len() > MAX_BYTES {
                return Err(Error::unavailable("the key set is too large"));
            }
        }
        let set: JwkSet = serde_json::from_slice(&body).map_err(Error::unavailable)?;
        let keys: HashMap<_, _> = set.keys.iter().filter_map(signing_key).collect();
        if keys.is_empty() {
            return Err(Error::unavailable("the key set contains no key for RS256"));
        }
        Ok(keys)
    }

    fn known(&self) -> Arc<CachedKeys> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, known: CachedKeys) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
    }
}

/// Returns an RSA key intended for RS256 signatures, with its ID.
fn signing_key(jwk: &Jwk) -> Option<(String, DecodingKey)> {
    let common = &jwk.common;
    let is_for_rs256 = common
        .key_algorithm
        .is_none_or(|algorithm| algorithm == KeyAlgorithm::RS256);
    let is_for_signing = common
        .public_key_use
        .as_ref()
        .is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let AlgorithmParameters::RSA(_) = jwk.algorithm else {
        return None;
    };
    if !is_for_rs256 || !is_for_signing {
        return None;
    }
    Some((common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?))
}
