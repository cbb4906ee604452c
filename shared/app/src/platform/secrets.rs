//! Secrets Manager: what a process knows of each secret, read again by whoever needs it when it is a minute old.
//!
//! Nothing is read by a timer: a call costs money, and Lambda freezes a process between requests. When Secrets Manager
//! does not answer, the process goes on with what it knows.

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
/// The key ring that encrypts what tables and clients keep for us.
pub(crate) const ENCRYPTION_KEYS: &str = "ENCRYPTION_KEYS";

/// The keys of the providers of models, in an object of JSON.
pub(crate) const PROVIDER_KEYS: &str = "PROVIDER_KEYS";

/// So long is a value used without asking whether it still counts, milliseconds: with the time of reading it again, a
/// new value counts within a minute.
const MAX_AGE_MS: i64 = 55_000;
/// A new key is used by no one before it is so old, milliseconds: until then every process has learned of it. Longer
/// than a minute by what the clocks of AWS and of processes may differ.
pub const ACTIVATION_MS: i64 = 90_000;
/// Least time between two readings of a secret when the last one failed, or was asked for by a key ID that no one
/// knows, milliseconds.
const PAUSE_MS: i64 = 10_000;
/// The same while nothing is known, milliseconds.
const FIRST_PAUSE_MS: i64 = 1_000;
/// Longest wait for a newer value while an older one is known.
const PATIENCE: Duration = Duration::from_secs(2);

/// One value of a secret.
#[derive(Debug)]
pub(crate) struct SecretVersion {
    /// Its ID at Secrets Manager.
    id: String,
    /// The value.
    pub(crate) text: Secret,
    /// When it was stored, milliseconds since the Unix epoch.
    pub(crate) created_ms: i64,
}

/// A secret as it was last read.
#[derive(Debug)]
pub(crate) struct SecretVersions {
    /// `AWSCURRENT`.
    pub(crate) current: SecretVersion,
    /// `AWSPREVIOUS`, of secrets whose previous value still counts.
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

/// What is known of one secret.
#[derive(Default)]
struct Entry {
    /// Held while the secret is read, so that those who need it at once ask once.
    reading: tokio::sync::Mutex<()>,
    known: Mutex<CachedSecret>,
}

#[derive(Clone, Default)]
struct CachedSecret {
    /// None when it does not exist.
    versions: Option<Arc<SecretVersions>>,
    /// When it was last read; none before the first time.
    read_ms: Option<i64>,
    /// When it was last asked for, however that ended.
    asked_ms: Option<i64>,
    /// Whether it is to be read again whatever its age.
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

    /// The value of the secret called `name`; none when it does not exist or is empty.
    pub(crate) async fn get(&self, name: &'static str) -> Result<Option<Secret>> {
        let versions = self.versions(name).await?;
        Ok(versions.map(|versions| versions.current.text.clone()))
    }

    /// The secret called `name`, without which nothing works.
    pub(crate) async fn require(&self, name: &'static str) -> Result<Arc<SecretVersions>> {
        self.versions(name).await?.ok_or_else(|| missing(name))
    }

    /// The secret called `name`, at most a minute old unless Secrets Manager does not answer; none when it does not
    /// exist or is empty. The same [`Arc`] as long as it does not change.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when nothing is known and Secrets Manager does not answer.
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
        // Whoever comes first asks; the others, and everyone when there is no answer, go on with what is known.
        if let Ok(_reading) = entry.reading.try_lock() {
            let known = entry.known();
            if !known.is_fresh(now) && known.may_ask(now) {
                self.renew(name, &entry).await;
            }
        }
        Ok(entry.known().versions)
    }

    /// The secret called `name`, read again at once because something names a key that is not in `seen`. Made-up key
    /// IDs make us ask every ten seconds at most.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Secrets Manager did not answer: whether there is such a key is not known then.
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
            // The value before as well, should the two that are known not belong together.
            entry.change(|known| known.expired = true);
            self.renew(name, &entry).await;
        }
        let known = entry.known();
        if known.has_failed() {
            return Err(silent(name));
        }
        known.versions.ok_or_else(|| missing(name))
    }

    /// Makes every secret be read again when it is next needed. What is known stays until then.
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

    /// Reads a secret of which something is known. Only to be called with `reading` held.
    async fn renew(&self, name: &'static str, entry: &Entry) {
        match timeout(PATIENCE, self.read(name, entry)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(name, %error, "secret.not_renewed"),
            Err(_) => tracing::warn!(name, "secret.not_renewed_in_time"),
        }
    }

    /// Reads a secret. Only to be called with `reading` held.
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

    /// One call while the secret does not change. The previous value of a signing key still verifies.
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
            // A cold start waits once.
            futures::try_join!(current, previous)?
        };
        Ok(current.map(|current| Arc::new(SecretVersions { current, previous })))
    }

    async fn version(&self, name: &str, stage: &str) -> Result<Option<SecretVersion>> {
        let get = self.client.get_secret_value();
        let get = get.secret_id(format!("{}{name}", self.prefix)).version_stage(stage);
        let found = match Box::pin(get.send()).await {
            Ok(found) => found,
            // Never made, left empty, or (invalid for the state it is in) marked for deletion.
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

/// What is derived from secrets, derived again when one of them changes.
pub(crate) struct Derived<T>(Mutex<Option<(Sources, Arc<T>)>>);

type Sources = Vec<Arc<SecretVersions>>;

impl<T> Default for Derived<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Derived<T> {
    /// What `derive` makes of the secrets in `sources`.
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
