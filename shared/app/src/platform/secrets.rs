//! Secrets Manager: a per-process cache of secrets, refreshed on use when an entry is a minute old.
//!
//! Nothing is refreshed by a timer: calls cost money, and Lambda freezes a process between requests. If Secrets Manager
//! does not respond, the process continues with the cached values.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_secretsmanager::Client;
use domain::{Clock, Error, Result, Secret};
use tokio::time::timeout;

/// Signs tokens.
pub(crate) const JWT_SECRET: &str = "JWT_SECRET";
/// The key ring that encrypts stored data and values held by clients.
pub(crate) const ENCRYPTION_KEYS: &str = "ENCRYPTION_KEYS";

/// The keys of the model providers, in a JSON object.
pub(crate) const PROVIDER_KEYS: &str = "PROVIDER_KEYS";

/// How long a value is used without checking it, in milliseconds. Including the time to read it again, a new value
/// takes effect within a minute.
const MAX_AGE_MS: i64 = 55_000;
/// Minimum age of a key before it is used, in milliseconds, by when every process knows it. More than a minute, to
/// allow for clock differences between AWS and processes.
pub const ACTIVATION_MS: i64 = 90_000;
/// Minimum interval between reads of a secret after a failed one, or after one for an unknown key ID, in milliseconds.
const PAUSE_MS: i64 = 10_000;
/// The same while no value is cached, in milliseconds.
const FIRST_PAUSE_MS: i64 = 1_000;
/// Maximum wait for a newer value while an older one is cached.
const PATIENCE: Duration = Duration::from_secs(2);

/// One value of a secret.
#[derive(Debug)]
pub(crate) struct SecretVersion {
    /// Its version ID in Secrets Manager.
    id: String,
    /// The value.
    pub(crate) text: Secret,
    /// When it was stored, milliseconds since the Unix epoch.
    pub(crate) created_ms: i64,
}

/// A secret as last read.
#[derive(Debug)]
pub(crate) struct SecretVersions {
    /// `AWSCURRENT`.
    pub(crate) current: SecretVersion,
    /// `AWSPREVIOUS`, for secrets whose previous value is still valid.
    pub(crate) previous: Option<SecretVersion>,
}

#[cfg(test)]
impl SecretVersion {
    pub(crate) fn new(text: &str, created_ms: i64) -> Self {
        Self {
            id: text.to_owned(),
            text: Secret::new(text),
            created_ms,
        }
    }
}

/// Secrets by name.
pub(crate) struct Secrets {
    client: Client,
    prefix: String,
    clock: Clock,
    entries: Mutex<HashMap<&'static str, Arc<Entry>>>,
}

/// The cache entry of a secret.
#[derive(Default)]
struct Entry {
    /// Held during a read, so that concurrent callers share it.
    reading: tokio::sync::Mutex<()>,
    known: Mutex<CachedSecret>,
}

#[derive(Clone, Default)]
struct CachedSecret {
    /// `None` if the secret does not exist.
    versions: Option<Arc<SecretVersions>>,
    /// When it was last read; `None` before the first read.
    read_ms: Option<i64>,
    /// When a read was last attempted, successful or not.
    asked_ms: Option<i64>,
    /// Whether to read it again regardless of its age.
    expired: bool,
}

impl CachedSecret {
    fn is_fresh(&self, now_ms: i64) -> bool {
        let age = self.read_ms.map(|at| now_ms.saturating_sub(at));
        !self.expired && age.is_some_and(|age| age < MAX_AGE_MS)
    }

    fn may_ask(&self, now_ms: i64) -> bool {
        let pause = if self.read_ms.is_some() {
            PAUSE_MS
        } else {
            FIRST_PAUSE_MS
        };
        self.asked_ms.is_none_or(|at| now_ms.saturating_sub(at) >= pause)
    }

    fn has_failed(&self) -> bool {
        self.asked_ms.is_some() && self.asked_ms != self.read_ms
    }
}

impl Entry {
    fn known(&self) -> CachedSecret {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut CachedSecret)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Secrets {
    pub(crate) fn new(sdk: &aws_types::SdkConfig, prefix: &str, clock: &Clock) -> Self {
        Self {
            client: Client::new(sdk),
            prefix: prefix.to_owned(),
            clock: clock.clone(),
            entries: Mutex::default(),
        }
    }

    /// Returns the secret called `name`, or `None` if it does not exist or is empty.
    pub(crate) async fn get(&self, name: &'static str) -> Result<Option<Secret>> {
        let versions = self.versions(name).await?;
        Ok(versions.map(|versions| versions.current.text.clone()))
    }

    /// Returns the secret called `name`, which is required.
    pub(crate) async fn require(&self, name: &'static str) -> Result<Arc<SecretVersions>> {
        self.versions(name).await?.ok_or_else(|| missing(name))
    }

    /// Returns the secret called `name`, at most a minute old unless Secrets Manager does not respond; `None` if it
    /// does not exist or is empty. Returns the same [`Arc`] until it changes.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] if nothing is cached and Secrets Manager does not respond.
    async fn versions(&self, name: &'static str) -> Result<Option<Arc<SecretVersions>>> {
        let entry = self.entry(name);
        let known = entry.known();
        let now = self.clock.now_ms();
        if known.is_fresh(now) {
            return Ok(known.versions);
        }
        if known.read_ms.is_none() {
            let _reading = entry.reading.lock().await;
            let known = entry.known();
            if known.read_ms.is_some() {
                return Ok(known.versions);
            }
            if !known.may_ask(now) {
                return Err(silent(name));
            }
            return self.read(name, &entry).await;
        }
        // The first caller reads; the others, and everyone if there is no response, continue with the cached value.
        if let Ok(_reading) = entry.reading.try_lock() {
            let known = entry.known();
            if !known.is_fresh(now) && known.may_ask(now) {
                self.renew(name, &entry).await;
            }
        }
        Ok(entry.known().versions)
    }

    /// Returns the secret called `name`, read again immediately because something names a key that is not in `seen`.
    /// Invented key IDs cause at most one read every ten seconds.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] if Secrets Manager did not respond, because then it is unknown whether the key
    /// exists.
    pub(crate) async fn newer_than(
        &self,
        name: &'static str,
        seen: &Arc<SecretVersions>,
    ) -> Result<Arc<SecretVersions>> {
        let entry = self.entry(name);
        let _reading = entry.reading.lock().await;
        let known = entry.known();
        let is_seen = known.versions.as_ref().is_some_and(|known| Arc::ptr_eq(known, seen));
        if is_seen && known.may_ask(self.clock.now_ms()) {
            // Reads the previous value as well, in case the cached pair is inconsistent.
            entry.change(|known| known.expired = true);
            self.renew(name, &entry).await;
        }
        let known = entry.known();
        if known.has_failed() {
            return Err(silent(name));
        }
        known.versions.ok_or_else(|| missing(name))
    }

    /// Expires every secret, so that the next use reads it again. Cached values stay available until then.
    pub(crate) fn expire(&self) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in entries.values() {
            entry.change(|known| {
                known.expired = true;
                known.asked_ms = None;
            });
        }
    }

    fn entry(&self, name: &'static str) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.entry(name).or_default())
    }

    /// Refreshes a cached secret. The caller must hold `reading`.
    async fn renew(&self, name: &'static str, entry: &Entry) {
        match timeout(PATIENCE, self.read(name, entry)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(name, %error, "secret.not_renewed"),
            Err(_) => tracing::warn!(name, "secret.not_renewed_in_time"),
        }
    }

    /// Reads a secret. The caller must hold `reading`.
    async fn read(&self, name: &'static str, entry: &Entry) -> Result<Option<Arc<SecretVersions>>> {
        let now = self.clock.now_ms();
        entry.change(|known| known.asked_ms = Some(now));
        let known = entry.known();
        let unchanged = known.versions.filter(|_| !known.expired);
        let versions = self.fetch(name, unchanged).await?;
        entry.change(|known| {
            *known = CachedSecret {
                versions: versions.clone(),
                read_ms: Some(now),
                asked_ms: Some(now),
                expired: false,
            };
        });
        Ok(versions)
    }

    /// One call if the secret has not changed. The previous value of a signing key still verifies.
    async fn fetch(
        &self,
        name: &'static str,
        unchanged: Option<Arc<SecretVersions>>,
    ) -> Result<Option<Arc<SecretVersions>>> {
        let previous = async {
            match name {
                JWT_SECRET => self.version(name, "AWSPREVIOUS").await,
                _ => Ok(None),
            }
        };
        let current = self.version(name, "AWSCURRENT");
        let (current, previous) = if let Some(unchanged) = unchanged {
            let current = current.await?;
            if current
                .as_ref()
                .is_some_and(|current| current.id == unchanged.current.id)
            {
                return Ok(Some(unchanged));
            }
            (current, previous.await?)
        } else {
            // A cold start waits only once.
            futures::try_join!(current, previous)?
        };
        Ok(current.map(|current| Arc::new(SecretVersions { current, previous })))
    }

    async fn version(&self, name: &str, stage: &str) -> Result<Option<SecretVersion>> {
        let get = self.client.get_secret_value();
        let get = get.secret_id(format!("{}{name}", self.prefix)).version_stage(stage);
        let found = match Box::pin(get.send()).await {
            Ok(found) => found,
            // Never created, empty, or (invalid for its state) marked for deletion.
            Err(error)
                if error.as_service_error().is_some_and(|error| {
                    error.is_resource_not_found_exception() || error.is_invalid_request_exception()
                }) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(Error::unavailable(error)),
        };
        let created_ms = found
            .created_date
            .and_then(|date| date.to_millis().ok())
            .unwrap_or_default();
        let text = found.secret_string.filter(|text| !text.trim().is_empty());
        Ok(text.map(|text| SecretVersion {
            id: found.version_id.unwrap_or_default(),
            text: Secret::new(text.trim()),
            created_ms,
        }))
    }
}

fn missing(name: &str) -> Error {
    Error::internal(format!("the secret {name} does not exist"))
}

fn silent(name: &str) -> Error {
    Error::unavailable(format!("the secret {name} could not be read"))
}

/// A value derived from secrets, recomputed when one of them changes.
pub(crate) struct Derived<T>(Mutex<Option<(Sources, Arc<T>)>>);

type Sources = Vec<Arc<SecretVersions>>;

impl<T> Default for Derived<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Derived<T> {
    /// Returns the value that `derive` computes from the secrets in `sources`.
    pub(crate) fn of(&self, sources: &[&Arc<SecretVersions>], derive: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
        let mut derived = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, value)) = derived.as_ref()
            && known
                .iter()
                .zip(sources)
                .all(|(known, source)| Arc::ptr_eq(known, source))
        {
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(derive()?);
        let sources = sources.iter().map(|source| Arc::clone(source)).collect();
        *derived = Some((sources, Arc::clone(&value)));
        Ok(value)
    }
}
