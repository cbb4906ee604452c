//! The keys of an organization, for a caller who may view or change them.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use domain::{
    Actor, ApiKey, ApiKeyId, Error, KeyState, Membership, Page, PageRequest, Permission, Result, Secret, Timestamp,
    auth::api_key_token::ApiKeyToken,
};
use futures::future::BoxFuture;
use store::{KeyCreated, OptimisticRetry};

use super::KEY_NOT_FOUND;
use crate::{App, Credential, Identity, auth::sign_in::ENDED, orgs::NO_ORG};

/// A request for a new key.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// Display name.
    pub name: String,
    /// Its permissions; those of the caller if `None`.
    pub scopes: Option<BTreeSet<Permission>>,
    /// Models it may use; all if `None`.
    pub models: Option<Vec<String>>,
    /// LLM tokens it may use in total.
    pub token_budget: Option<u64>,
    /// Model requests it may send per minute.
    pub requests_per_minute: Option<u32>,
    /// It is rejected from this time on.
    pub expires_at: Option<Timestamp>,
}

/// A change of a key; absent fields stay unchanged, an inner `None` removes a limit.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    /// New name.
    pub name: Option<String>,
    /// Whether it is enabled.
    pub enabled: Option<bool>,
    /// New permissions.
    pub scopes: Option<BTreeSet<Permission>>,
    /// Models it may use.
    pub models: Option<Option<Vec<String>>>,
    /// LLM tokens it may use in total.
    pub token_budget: Option<Option<u64>>,
    /// Model requests it may send per minute.
    pub requests_per_minute: Option<Option<u32>>,
    /// Its expiry.
    pub expires_at: Option<Option<Timestamp>>,
}

/// A key as listed.
#[derive(Debug)]
pub struct KeyFound {
    /// The key.
    pub key: ApiKey,
    /// Whether it is accepted, considering its own state and its ancestors'.
    pub state: KeyState,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A key with its secret, which cannot be read again.
#[derive(Debug)]
pub struct KeyWithSecret {
    /// The key.
    pub key: ApiKey,
    /// The secret to be sent with requests.
    pub secret: Secret,
}

/// The keys of an organization, for a caller who may view or change them.
pub struct ApiKeyService<'a> {
    app: &'a App,
    pub(super) identity: &'a Identity,
    pub(super) membership: &'a Membership,
    actor: Actor,
}

impl App {
    /// Returns the keys of the organization of `membership`.
    pub fn api_keys_for<'a>(
        &'a self,
        identity: &'a Identity,
        membership: &'a Membership,
        actor: Actor,
    ) -> ApiKeyService<'a> {
        ApiKeyService {
            app: self,
            identity,
            membership,
            actor,
        }
    }
}

impl ApiKeyService<'_> {
    /// Returns one key.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn get<'a>(&'a self, id: &'a ApiKeyId) -> BoxFuture<'a, Result<KeyFound>> {
        Box::pin(async move {
            let keys = self.store();
            let key = keys.get(id).await?.ok_or(KEY_NOT_FOUND)?;
            let last_used_at = keys.last_uses(std::slice::from_ref(id)).await?.remove(id);
            let above = keys.get_many(&key.ancestors).await?;
            let state = key.state_below(|id| above.iter().find(|key| key.id == *id), self.app.clock.now());
            Ok(KeyFound {
                key,
                state,
                last_used_at,
            })
        })
    }

    /// Returns keys with their last uses, newest first.
    pub fn list<'a>(&'a self, page: &'a PageRequest) -> BoxFuture<'a, Result<Page<KeyFound>>> {
        Box::pin(async move {
            let keys = self.store();
            let found = keys.list(page).await?;
            let ids: Vec<_> = found.items.iter().map(|key| key.id.clone()).collect();
            let mut uses: HashMap<_, _> = keys.last_uses(&ids).await?;
            let mut above: Vec<_> = found.items.iter().flat_map(|key| key.ancestors.clone()).collect();
            above.sort_unstable();
            above.dedup();
            let above = keys.get_many(&above).await?;
            let above: HashMap<_, _> = above.iter().map(|key| (&key.id, key)).collect();
            let now = self.app.clock.now();
            Ok(found.map(|key| KeyFound {
                last_used_at: uses.remove(&key.id),
                state: key.state_below(|id| above.get(id).copied(), now),
                key,
            }))
        })
    }

    /// Creates a key that acts for the caller.
    ///
    /// # Errors
    /// Returns [`Error::Forbidden`] if it would exceed the caller's permissions, [`Error::Conflict`] `key_limit`, or
    /// `key_depth` if it would have too many ancestors.
    pub fn create(&self, mut new: NewKey) -> BoxFuture<'_, Result<KeyWithSecret>> {
        Box::pin(async move {
            let verified = self.identity.user.email_verified;
            let all = Permission::ALL
                .iter()
                .copied()
                .filter(|scope| self.holds(*scope) && (verified || !scope.needs_verified_address()));
            let scopes = new.scopes.take().unwrap_or_else(|| all.collect());
            new.scopes = Some(scopes);
            if let Credential::Key(grant) = &self.identity.credential {
                // Unspecified settings are inherited from the key that creates it.
                new.models = new.models.or_else(|| grant.models.clone());
                new.token_budget = new.token_budget.or(grant.least_budget());
                new.requests_per_minute = new.requests_per_minute.or(grant.least_requests());
                new.expires_at = new.expires_at.or(grant.expires_at);
                if grant.above.len() >= ApiKey::MAX_ANCESTORS {
                    let detail = format!(
                        "A key with {} ancestors cannot create further keys. Use one of its ancestors instead.",
                        ApiKey::MAX_ANCESTORS
                    );
                    return Err(Error::conflict("key_depth", detail));
                }
            }
            let maker = &self.identity.credential;
            let made = self.app.draft_key(&self.identity.user, self.membership, maker, new)?;
            self.check_within_permissions(&made.key)?;
            let entry = self
                .app
                .key_entry(&self.actor, "api_key.created", None, Some(&made.key))
                .await?;
            match self.store().create(&made.key, self.membership, None, &entry).await? {
                KeyCreated::Done => Ok(made),
                KeyCreated::Full | KeyCreated::Changed => Err(key_limit()),
                KeyCreated::Ended => Err(ENDED),
                KeyCreated::Left => Err(NO_ORG),
            }
        })
    }

    /// Changes a key.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`] if it would exceed the caller's permissions,
    /// [`Error::Conflict`] `key_revoked`.
    pub fn change<'a>(&'a self, id: &'a ApiKeyId, change: KeyChange) -> BoxFuture<'a, Result<ApiKey>> {
        Box::pin(async move {
            self.check_not_ancestor(id)?;
            let mut retry = OptimisticRetry::to_change("an API key");
            loop {
                retry.next().await?;
                let old = self.usable(id).await?;
                let change = change.clone();
                let new = ApiKey {
                    name: change.name.unwrap_or_else(|| old.name.clone()),
                    enabled: change.enabled.unwrap_or(old.enabled),
                    scopes: change.scopes.unwrap_or_else(|| old.scopes.clone()),
                    models: change.models.unwrap_or_else(|| old.models.clone()),
                    token_budget: change.token_budget.unwrap_or(old.token_budget),
                    requests_per_minute: change.requests_per_minute.unwrap_or(old.requests_per_minute),
                    expires_at: change.expires_at.unwrap_or(old.expires_at),
                    ..old.changed(self.app.clock.now())
                };
                self.check_not_widened(&old, &new)?;
                let entry = self
                    .app
                    .key_entry(&self.actor, "api_key.changed", Some(&old), Some(&new))
                    .await?;
                if self.store().replace(&old, &new, &entry).await? {
                    return Ok(new);
                }
            }
        })
    }

    /// Replaces a key's secret; the old one stays accepted for `overlap`. Only the user the key acts for may do this,
    /// because the holder of the secret acts as that user.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Forbidden`], [`Error::Conflict`] `key_revoked`, or `key_rotated` if a
    /// concurrent rotation won.
    pub fn rotate<'a>(&'a self, id: &'a ApiKeyId, overlap: Duration) -> BoxFuture<'a, Result<KeyWithSecret>> {
        Box::pin(async move {
            let first = self.usable(id).await?;
            if first.created_by != self.identity.user.id {
                return Err(Error::Forbidden {
                    code: "not_yours",
                    detail: "Only the user that a key acts for can see its secret. Revoke or disable the key instead.",
                });
            }
            self.check_within_permissions(&first)?;
            self.check_own_or_descendant(&first)?;
            let text = ApiKeyToken::make(self.app.config.key_mode)?;
            let mut old = first.clone();
            let mut retry = OptimisticRetry::to_change("an API key");
            loop {
                retry.next().await?;
                let new = old.rotated(&text, overlap, self.app.clock.now());
                let entry = self
                    .app
                    .key_entry(&self.actor, "api_key.rotated", Some(&old), Some(&new))
                    .await?;
                if self.store().replace(&old, &new, &entry).await? {
                    return Ok(KeyWithSecret {
                        key: new,
                        secret: text.secret().clone(),
                    });
                }
                old = self.usable(id).await?;
                if old.secret_hash != first.secret_hash {
                    return Err(Error::conflict(
                        "key_rotated",
                        "This key was just rotated by another request.",
                    ));
                }
            }
        })
    }

    /// Revokes a key permanently: it is rejected from the next request on. Its row stays. Idempotent.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], or [`Error::Forbidden`] `not_yours` for an ancestor of the key in use.
    pub fn revoke<'a>(&'a self, id: &'a ApiKeyId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.check_not_ancestor(id)?;
            let now = self.app.clock.now();
            self.app.revoke_key(&self.store(), id, now, &self.actor).await
        })
    }

    /// Deletes a key and its row.
    ///
    /// # Errors
    /// Returns the errors of [`ApiKeyService::revoke`].
    pub fn erase<'a>(&'a self, id: &'a ApiKeyId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.check_not_ancestor(id)?;
            let mut retry = OptimisticRetry::to_change("an API key");
            loop {
                retry.next().await?;
                let old = self.store().get(id).await?.ok_or(KEY_NOT_FOUND)?;
                let entry = self
                    .app
                    .key_entry(&self.actor, "api_key.erased", Some(&old), None)
                    .await?;
                if self.store().erase(&old, &entry).await? {
                    return Ok(());
                }
            }
        })
    }

    fn store(&self) -> store::ApiKeys {
        self.app.store.api_keys(&self.membership.org)
    }

    /// Returns a key that was not revoked.
    async fn usable(&self, id: &ApiKeyId) -> Result<ApiKey> {
        let key = self.store().get(id).await?.ok_or(KEY_NOT_FOUND)?;
        let user = &self.identity.user;
        let has_ended = key.created_by == user.id && !user.accepts_key(&key);
        if key.revoked_at.is_none() && !has_ended {
            Ok(key)
        } else {
            let detail = "This key is permanently revoked. Create a new one.";
            Err(Error::conflict("key_revoked", detail))
        }
    }
}

pub(crate) fn key_limit() -> Error {
    let detail = format!(
        "An organization can have at most {} API keys. Revoke one first.",
        ApiKey::MAX_PER_ORG
    );
    Error::conflict("key_limit", detail)
}
