//! API keys: making and changing them, and who a request with one comes from.

use std::{
    collections::{BTreeSet, HashMap},
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use lru::LruCache;
use model::{
    Actor, ApiKey, ApiKeyId, Error, Membership, Page, PageRequest, Permission, Result, Secret, Timestamp,
    api_key::KeyText,
};
use serde_json::{Value, json};
use store::Made;
use tokio::time::timeout;

use crate::{App, Credential, Identity, KeyGrant, audited::Deed};

/// One answer whatever is wrong with a key: a finder of half a key learns nothing.
const REFUSED: Error = Error::Unauthorized {
    code: "api_key_invalid",
    detail: "The API key is not valid: it is mistyped, expired, switched off or revoked.",
};
const ABSENT: Error = Error::NotFound("API key");
/// How long noting a use may take at most. It runs beside the reads that the request needs anyway.
const NOTE_WITHIN: Duration = Duration::from_millis(200);
/// How often a change is tried again that somebody else's change overtook.
const MAX_ATTEMPTS: usize = 20;

/// When this process last noted a use of a key, by the key: most uses need no write.
pub(crate) struct KeyUses(Mutex<LruCache<ApiKeyId, i64>>);

impl Default for KeyUses {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(
            NonZeroUsize::new(10_000).unwrap_or(NonZeroUsize::MIN),
        )))
    }
}

impl KeyUses {
    /// Whether a use at `now` has to be noted; the answer `true` is given once a minute.
    fn is_due(&self, key: &ApiKeyId, now: Timestamp) -> bool {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now.as_millisecond();
        let resolution = i64::try_from(ApiKey::USE_RESOLUTION.as_millis()).unwrap_or(i64::MAX);
        let due = uses.get(key).is_none_or(|last| now - last >= resolution);
        if due {
            uses.put(key.clone(), now);
        }
        due
    }
}

/// A new key, as it is asked for.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// Name shown to people.
    pub name: String,
    /// What it may do; all that its maker may do when absent.
    pub scopes: Option<BTreeSet<Permission>>,
    /// Models it may ask; all when absent.
    pub models: Option<Vec<String>>,
    /// LLM tokens it may use in all.
    pub token_budget: Option<u64>,
    /// It is refused from here on.
    pub expires_at: Option<Timestamp>,
}

/// A change of a key; what is absent stays as it is, an inner none removes a limit.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    /// New name.
    pub name: Option<String>,
    /// Switched on or off.
    pub enabled: Option<bool>,
    /// What it may do.
    pub scopes: Option<BTreeSet<Permission>>,
    /// Models it may ask.
    pub models: Option<Option<Vec<String>>>,
    /// LLM tokens it may use in all.
    pub token_budget: Option<Option<u64>>,
    /// Its end.
    pub expires_at: Option<Option<Timestamp>>,
}

/// A key, as it is listed.
#[derive(Debug)]
pub struct KeyFound {
    /// The key.
    pub key: ApiKey,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A key with its secret, which nobody can read again.
#[derive(Debug)]
pub struct ShownOnce {
    /// The key.
    pub key: ApiKey,
    /// What requests send.
    pub secret: Secret,
}

/// The keys of an organization, in the hands of somebody who may see or change them.
pub struct Keyring<'a> {
    app: &'a App,
    identity: &'a Identity,
    place: &'a Membership,
    actor: Actor,
}

impl App {
    /// The keys of the organization of `place`.
    pub fn keyring<'a>(&'a self, identity: &'a Identity, place: &'a Membership, actor: Actor) -> Keyring<'a> {
        Keyring {
            app: self,
            identity,
            place,
            actor,
        }
    }

    /// Who presents this API key. Two round trips; a mistyped key costs none.
    pub(crate) fn authenticate_key<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<Identity>> {
        Box::pin(async move {
            let hash = KeyText::parse(token, self.config.key_mode).ok_or(REFUSED)?.hash();
            let holder = self.store.key_holder(&hash).await?.ok_or(REFUSED)?;
            let now = self.clock.now();
            let (found, ()) = futures::join!(self.store.key_with_user(&holder), self.note_use(&holder.key, now));
            let (key, user, place) = found?
                .filter(|(key, user, _)| key.accepts(&hash, now) && user.is_active())
                .ok_or(REFUSED)?;
            Ok(Identity {
                user,
                credential: Credential::Key(KeyGrant {
                    id: key.id,
                    org: key.org,
                    place,
                    scopes: key.scopes,
                    models: key.models,
                    token_budget: key.token_budget,
                    expires_at: key.expires_at,
                }),
                token: token.clone(),
            })
        })
    }

    /// The time of the last use is worth no failure and no delay.
    async fn note_use(&self, key: &ApiKeyId, now: Timestamp) {
        if !self.key_uses.is_due(key, now) {
            return;
        }
        match timeout(NOTE_WITHIN, self.store.note_key_use(key, now)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "api_key.use_not_noted"),
            Err(_) => tracing::warn!("api_key.use_not_noted_in_time"),
        }
    }

    /// A row for a new key with its secret.
    pub(crate) fn draft_key(&self, place: &Membership, new: NewKey) -> Result<ShownOnce> {
        let text = KeyText::make(self.config.key_mode)?;
        let now = self.clock.now();
        let key = ApiKey {
            id: self.ids.make()?,
            org: place.org.clone(),
            created_by: place.member.clone(),
            name: new.name,
            prefix: text.shown_prefix().to_owned(),
            last_four: text.last_four().to_owned(),
            scopes: new.scopes.unwrap_or_default(),
            models: new.models,
            token_budget: new.token_budget,
            enabled: true,
            personal: false,
            expires_at: new.expires_at,
            revoked_at: None,
            secret_hash: text.hash(),
            previous: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        Ok(ShownOnce {
            key,
            secret: text.secret().clone(),
        })
    }

    /// The entry for a change of a key.
    pub(crate) fn key_entry(
        &self,
        actor: &Actor,
        action: &'static str,
        before: Option<&ApiKey>,
        after: Option<&ApiKey>,
    ) -> Result<model::AuditEntry> {
        let key = after.or(before).ok_or(ABSENT)?;
        let deed = Deed {
            action,
            kind: "api_key",
            subject: key.id.as_str(),
            before: before.map_or(Value::Null, rules_of),
            after: after.map_or(Value::Null, rules_of),
        };
        self.entry(actor, &key.org, deed)
    }
}

/// What the audit log may hold of a key: no name, no secret.
fn rules_of(key: &ApiKey) -> Value {
    json!({
        "user_id": key.created_by, "scopes": key.scopes, "models": key.models, "token_budget": key.token_budget,
        "enabled": key.enabled, "expires_at": key.expires_at, "revoked_at": key.revoked_at, "prefix": key.prefix,
    })
}

impl Keyring<'_> {
    /// One key.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn get<'a>(&'a self, id: &'a ApiKeyId) -> BoxFuture<'a, Result<KeyFound>> {
        Box::pin(async move {
            let keys = self.store();
            let key = keys.get(id).await?.ok_or(ABSENT)?;
            let last_used_at = keys.last_uses(std::slice::from_ref(id)).await?.remove(id);
            Ok(KeyFound { key, last_used_at })
        })
    }

    /// Keys, newest first, with their last uses.
    pub fn list<'a>(&'a self, page: &'a PageRequest) -> BoxFuture<'a, Result<Page<KeyFound>>> {
        Box::pin(async move {
            let keys = self.store();
            let found = keys.list(page).await?;
            let ids: Vec<_> = found.items.iter().map(|key| key.id.clone()).collect();
            let mut uses: HashMap<_, _> = keys.last_uses(&ids).await?;
            Ok(found.map(|key| {
                let last_used_at = uses.remove(&key.id);
                KeyFound { key, last_used_at }
            }))
        })
    }

    /// Makes a key that acts for the caller.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when it would reach further than the caller, [`Error::Conflict`] `key_limit`.
    pub fn make(&self, mut new: NewKey) -> BoxFuture<'_, Result<ShownOnce>> {
        Box::pin(async move {
            let all = Permission::ALL
                .iter()
                .copied()
                .filter(|permission| self.holds(*permission));
            let scopes = new.scopes.take().unwrap_or_else(|| all.collect());
            new.scopes = Some(scopes);
            if let Credential::Key(grant) = &self.identity.credential {
                // What it was not asked for, it has from the key that makes it.
                new.models = new.models.or_else(|| grant.models.clone());
                new.token_budget = new.token_budget.or(grant.token_budget);
                new.expires_at = new.expires_at.or(grant.expires_at);
            }
            let made = self.app.draft_key(self.place, new)?;
            self.within_reach(&made.key)?;
            let entry = self
                .app
                .key_entry(&self.actor, "api_key.created", None, Some(&made.key))?;
            match self.store().create(&made.key, None, &entry).await? {
                Made::Created => Ok(made),
                Made::Full | Made::Changed => Err(key_limit()),
            }
        })
    }

    /// Changes a key.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`] when it would reach further than the caller, [`Error::Conflict`]
    /// `key_revoked`.
    pub fn change<'a>(&'a self, id: &'a ApiKeyId, change: KeyChange) -> BoxFuture<'a, Result<ApiKey>> {
        Box::pin(async move {
            for _ in 0..MAX_ATTEMPTS {
                let old = self.usable(id).await?;
                let change = change.clone();
                let new = ApiKey {
                    name: change.name.unwrap_or_else(|| old.name.clone()),
                    enabled: change.enabled.unwrap_or(old.enabled),
                    scopes: change.scopes.unwrap_or_else(|| old.scopes.clone()),
                    models: change.models.unwrap_or_else(|| old.models.clone()),
                    token_budget: change.token_budget.unwrap_or(old.token_budget),
                    expires_at: change.expires_at.unwrap_or(old.expires_at),
                    ..old.changed(self.app.clock.now())
                };
                self.no_further(&old, &new)?;
                let entry = self
                    .app
                    .key_entry(&self.actor, "api_key.changed", Some(&old), Some(&new))?;
                if self.store().replace(&old, &new, &entry).await? {
                    return Ok(new);
                }
            }
            Err(busy())
        })
    }

    /// Gives a key a new secret; the old one is accepted for `overlap`. Only whom the key acts for may do it: who
    /// has the secret acts for them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Conflict`] `key_revoked`, and `key_rotated` when somebody
    /// else's rotation won.
    pub fn rotate<'a>(&'a self, id: &'a ApiKeyId, overlap: Duration) -> BoxFuture<'a, Result<ShownOnce>> {
        Box::pin(async move {
            let first = self.usable(id).await?;
            if first.created_by != self.identity.user.id {
                return Err(Error::Forbidden {
                    code: "not_yours",
                    detail: "Only the user a key acts for may see a secret of it; revoke it or switch it off instead.",
                });
            }
            self.within_reach(&first)?;
            let text = KeyText::make(self.app.config.key_mode)?;
            let mut old = first.clone();
            for _ in 0..MAX_ATTEMPTS {
                let new = old.rotated(&text, overlap, self.app.clock.now());
                let entry = self
                    .app
                    .key_entry(&self.actor, "api_key.rotated", Some(&old), Some(&new))?;
                if self.store().replace(&old, &new, &entry).await? {
                    return Ok(ShownOnce {
                        key: new,
                        secret: text.secret().clone(),
                    });
                }
                old = self.usable(id).await?;
                if old.secret_hash != first.secret_hash {
                    return Err(Error::conflict(
                        "key_rotated",
                        "Somebody else rotated this key just now.",
                    ));
                }
            }
            Err(busy())
        })
    }

    /// Revokes a key for good: it is refused from the next request on. Its row stays. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn revoke<'a>(&'a self, id: &'a ApiKeyId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for _ in 0..MAX_ATTEMPTS {
                let old = self.store().get(id).await?.ok_or(ABSENT)?;
                if old.revoked_at.is_some() {
                    return Ok(());
                }
                let now = self.app.clock.now();
                let new = ApiKey {
                    revoked_at: Some(now),
                    previous: None,
                    ..old.changed(now)
                };
                let entry = self
                    .app
                    .key_entry(&self.actor, "api_key.revoked", Some(&old), Some(&new))?;
                if self.store().replace(&old, &new, &entry).await? {
                    return Ok(());
                }
            }
            Err(busy())
        })
    }

    /// Removes a key with its row.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn erase<'a>(&'a self, id: &'a ApiKeyId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for _ in 0..MAX_ATTEMPTS {
                let old = self.store().get(id).await?.ok_or(ABSENT)?;
                let entry = self.app.key_entry(&self.actor, "api_key.erased", Some(&old), None)?;
                if self.store().erase(&old, &entry).await? {
                    return Ok(());
                }
            }
            Err(busy())
        })
    }

    fn store(&self) -> store::ApiKeys {
        self.app.store.api_keys(&self.place.org)
    }

    /// A key that was not revoked.
    async fn usable(&self, id: &ApiKeyId) -> Result<ApiKey> {
        let key = self.store().get(id).await?.ok_or(ABSENT)?;
        if key.revoked_at.is_none() {
            Ok(key)
        } else {
            let detail = "This key is revoked for good; make a new one.";
            Err(Error::conflict("key_revoked", detail))
        }
    }

    fn holds(&self, permission: Permission) -> bool {
        permission.is_granted_to(self.place.role) && self.identity.reaches(permission)
    }

    /// A key reaches no further than who has its secret.
    fn within_reach(&self, key: &ApiKey) -> Result<()> {
        if !key.scopes.iter().all(|scope| self.holds(*scope)) {
            return Err(Error::Forbidden {
                code: "scope_not_held",
                detail: "A key cannot have a scope that you, or the key you use, do not have.",
            });
        }
        let Credential::Key(grant) = &self.identity.credential else {
            return Ok(());
        };
        let models = match (&grant.models, &key.models) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(asked)) => asked.iter().all(|model| own.contains(model)),
        };
        let within = |own: Option<u64>, asked: Option<u64>| own.is_none_or(|own| asked.is_some_and(|it| it <= own));
        let end = grant
            .expires_at
            .is_none_or(|own| key.expires_at.is_some_and(|end| end <= own));
        if models && end && within(grant.token_budget, key.token_budget) {
            Ok(())
        } else {
            Err(Error::Forbidden {
                code: "limit_not_held",
                detail: "A key cannot have wider limits (models, budget, expiry) than the key you use.",
            })
        }
    }

    /// A change may narrow any key; what it widens has to be within reach.
    fn no_further(&self, old: &ApiKey, new: &ApiKey) -> Result<()> {
        let widened = ApiKey {
            scopes: new.scopes.difference(&old.scopes).copied().collect(),
            ..new.clone()
        };
        let limits = (&old.models, old.token_budget, old.expires_at) == (&new.models, new.token_budget, new.expires_at);
        if widened.scopes.is_empty() && limits {
            Ok(())
        } else {
            self.within_reach(&widened)
        }
    }
}

pub(crate) fn key_limit() -> Error {
    let detail = format!(
        "An organization has at most {} API keys; revoke one first.",
        ApiKey::MAX_PER_ORG
    );
    Error::conflict("key_limit", detail)
}

fn busy() -> Error {
    Error::unavailable("an API key is changed by too many at once")
}
