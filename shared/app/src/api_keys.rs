//! API keys: authenticating requests with them, and their content.

mod delegation;
mod service;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use domain::{
    Actor, ApiKey, ApiKeyId, Error, EventData, KeyState, Membership, OrgId, Result, Secret, Timestamp, User, UserId,
    UserStatus, auth::api_key_token::ApiKeyToken, webhooks::data::ApiKeyEvent,
};
use futures::future::BoxFuture;
use llm::catalog;
use serde_json::{Value, json};
pub(crate) use service::key_limit;
pub use service::{ApiKeyService, KeyChange, KeyFound, KeyWithSecret, NewKey};
use store::{KeyHolder, KeyInUse, OptimisticRetry};
use tokio::time::timeout;

use crate::{
    App, Credential, Identity, KeyAbove, KeyGrant, audit::audit_event::AuditEvent, platform::cache::BoundedCache,
};

/// The same response for every invalid key: someone with half a key learns nothing.
const REFUSED: Error = Error::Unauthorized {
    code: "api_key_invalid",
    detail: "The API key is invalid: it is mistyped, expired, disabled or revoked.",
};
const KEY_NOT_FOUND: Error = Error::NotFound("API key");
/// Replaces the name of a key whose user was erased.
const FORGOTTEN: &str = "Key of a deleted account";
/// Maximum time for recording a use. It runs in parallel with the reads that the request needs anyway.
const NOTE_WITHIN: Duration = Duration::from_millis(200);
/// Number of keys that a process caches.
const KNOWN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// When this process last recorded a use of each key: most uses need no write.
pub(crate) struct KeyUses(BoundedCache<ApiKeyId, i64>);

impl Default for KeyUses {
    fn default() -> Self {
        Self(BoundedCache::with_capacity(KNOWN))
    }
}

/// Maps hashes of keys to their holders, which never change; whether a key is accepted is read from its row each time.
pub(crate) struct KeyHolders(BoundedCache<String, KeyHolder>);

impl Default for KeyHolders {
    fn default() -> Self {
        Self(BoundedCache::with_capacity(KNOWN))
    }
}

impl KeyUses {
    /// Returns whether a use at `now` must be recorded; `true` once a minute.
    fn is_due(&self, key: &ApiKeyId, now: Timestamp) -> bool {
        let mut uses = self.0.lock();
        let now = now.as_millisecond();
        let resolution = i64::try_from(ApiKey::USE_RESOLUTION.as_millis()).unwrap_or(i64::MAX);
        let due = uses.get(key).is_none_or(|last| now - last >= resolution);
        if due {
            uses.put(key.clone(), now);
        }
        due
    }
}

impl App {
    /// Returns the caller who presents this API key. It takes two round trips, or one for a key that this process has
    /// seen; a mistyped key takes none.
    pub(crate) fn authenticate_key<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<Identity>> {
        Box::pin(async move {
            let hash = ApiKeyToken::parse(token, self.config.key_mode).ok_or(REFUSED)?.hash();
            let holder = self.holder(&hash).await?;
            let now = self.clock.now();
            let (found, ()) = futures::join!(self.store.key_in_use(&holder), self.record_use(&holder.key, now));
            let found = found?.filter(|found| {
                let above = |id: &ApiKeyId| found.above.iter().find(|key| key.id == *id);
                let is_active = found.key.state_below(above, now) == KeyState::Active;
                // A user who left the organization and rejoined does not get earlier keys back.
                let is_of_member = found.key.created_at >= found.membership.joined_at;
                let is_accepted = found.key.accepts(&hash, now) && found.user.accepts_key(&found.key) && is_of_member;
                is_active && is_accepted && found.user.is_active()
            });
            let found = found.ok_or(REFUSED)?;
            Ok(Identity {
                user: found.user.clone(),
                credential: Credential::Key(granted(found)),
                token: token.clone(),
            })
        })
    }

    async fn holder(&self, hash: &str) -> Result<KeyHolder> {
        if let Some(holder) = self.key_holders.0.get(hash) {
            return Ok(holder);
        }
        let holder = self.store.key_holder(hash).await?.ok_or(REFUSED)?;
        self.key_holders.0.note(hash.to_owned(), holder.clone());
        Ok(holder)
    }

    /// Recording the last use must neither fail nor delay a request.
    async fn record_use(&self, key: &ApiKeyId, now: Timestamp) {
        if !self.key_uses.is_due(key, now) {
            return;
        }
        match timeout(NOTE_WITHIN, self.store.record_key_use(key, now)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "api_key.use_not_noted"),
            Err(_) => tracing::warn!("api_key.use_not_noted_in_time"),
        }
    }

    /// Returns a row for a new key of `user` with its secret. A key created with a key becomes its descendant.
    pub(crate) fn draft_key(
        &self,
        user: &User,
        membership: &Membership,
        maker: &Credential,
        new: NewKey,
    ) -> Result<KeyWithSecret> {
        let text = ApiKeyToken::make(self.config.key_mode)?;
        let now = self.clock.now();
        let key = ApiKey {
            id: self.ids.make()?,
            org: membership.org.clone(),
            created_by: user.id.clone(),
            ancestors: match maker {
                Credential::Key(grant) => grant.chain().map(|(id, ..)| id.clone()).collect(),
                Credential::Session(_) | Credential::Clerk(_) => Vec::new(),
            },
            name: new.name,
            prefix: text.shown_prefix().to_owned(),
            last_four: text.last_four().to_owned(),
            scopes: new.scopes.unwrap_or_default(),
            models: new.models,
            token_budget: new.token_budget,
            requests_per_minute: new.requests_per_minute,
            enabled: true,
            personal: false,
            expires_at: new.expires_at,
            revoked_at: None,
            secret_hash: text.hash(),
            previous: None,
            epoch: user.credentials.current,
            user_verified: user.email_verified,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        Ok(KeyWithSecret {
            key,
            secret: text.secret().clone(),
        })
    }

    /// Revokes a key permanently, as of `now`. Idempotent.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub(crate) async fn revoke_key(
        &self,
        keys: &store::ApiKeys,
        id: &ApiKeyId,
        now: Timestamp,
        actor: &Actor,
    ) -> Result<()> {
        let mut retry = OptimisticRetry::to_change("an API key");
        loop {
            retry.next().await?;
            let old = keys.get(id).await?.ok_or(KEY_NOT_FOUND)?;
            if old.revoked_at.is_some() {
                return Ok(());
            }
            let new = ApiKey {
                revoked_at: Some(now),
                previous: None,
                ..old.changed(now)
            };
            let entry = self.key_entry(actor, "api_key.revoked", Some(&old), Some(&new)).await?;
            if keys.replace(&old, &new, &entry).await? {
                return Ok(());
            }
        }
    }

    /// Revokes the keys that a user created in an organization before `since`, when they joined; all of them if they
    /// left. Their rows stay as long as the account exists.
    pub(crate) async fn revoke_keys_of_member(
        &self,
        org: &OrgId,
        user: &UserId,
        since: Option<Timestamp>,
    ) -> Result<()> {
        let (keys, now) = (self.store.api_keys(org), self.clock.now());
        let own = keys.of_user(user).await?;
        if !own.is_empty() {
            keys.record_member_left(user).await?;
        }
        for key in own {
            if since.is_none_or(|since| key.created_at < since) {
                match self.revoke_key(&keys, &key.id, now, &Actor::system()).await {
                    Ok(()) | Err(Error::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        // An erasure that ran before does not run again.
        let account = self.store.accounts().get(user).await?;
        if account.is_none_or(|user| user.status == UserStatus::Deleted) {
            self.forget_keys_of_member(org, user).await?;
        }
        Ok(())
    }

    /// Removes an erased user's names from their keys in an organization, and revokes the keys.
    pub(crate) async fn forget_keys_of_member(&self, org: &OrgId, user: &UserId) -> Result<()> {
        let keys = self.store.api_keys(org);
        for old in keys.of_user(user).await? {
            let now = self.clock.now();
            let new = ApiKey {
                name: FORGOTTEN.to_owned(),
                models: None,
                revoked_at: old.revoked_at.or(Some(now)),
                previous: None,
                ..old.changed(now)
            };
            let is_forgotten = old.name == new.name && old.models.is_none() && old.revoked_at.is_some();
            let entry = self
                .key_entry(&Actor::system(), "api_key.revoked", Some(&old), Some(&new))
                .await?;
            if !is_forgotten && !keys.replace(&old, &new, &entry).await? {
                return Err(Error::unavailable("an API key was changed at the same time"));
            }
        }
        Ok(())
    }

    /// Returns the audit entry for a change of a key, with the event that webhooks get.
    pub(crate) async fn key_entry(
        &self,
        actor: &Actor,
        action: &'static str,
        before: Option<&ApiKey>,
        after: Option<&ApiKey>,
    ) -> Result<domain::AuditEntry> {
        let key = after.or(before).ok_or(KEY_NOT_FOUND)?;
        let event = AuditEvent::new(action, "api_key", key.id.as_str())
            .before(before.map_or(Value::Null, rules_of))
            .after(after.map_or(Value::Null, rules_of));
        let is_usable = |key: Option<&ApiKey>| key.is_some_and(|key| key.revoked_at.is_none());
        let data = match (is_usable(before), is_usable(after)) {
            (false, true) => EventData::ApiKeyCreated(ApiKeyEvent::of(key)),
            (true, false) => EventData::ApiKeyRevoked(ApiKeyEvent::of(key)),
            _ => return self.entry(actor, &key.org, event),
        };
        let promised = self.event(&key.org, data, key.id.as_str()).await?;
        self.entry(actor, &key.org, event.promise(promised))
    }
}

/// Returns what a key may do: the intersection of its permissions and those of its ancestors.
fn granted(found: KeyInUse) -> KeyGrant {
    let KeyInUse {
        key,
        above,
        membership,
        org,
        ..
    } = found;
    let (mut scopes, mut models, mut expires_at) = (key.scopes, key.models, key.expires_at);
    for one in &above {
        scopes.retain(|scope| one.scopes.contains(scope));
        models = intersect_models(models, one.models.as_deref());
        expires_at = expires_at.into_iter().chain(one.expires_at).min();
    }
    let above = above.into_iter().map(|key| KeyAbove {
        id: key.id,
        token_budget: key.token_budget,
        requests_per_minute: key.requests_per_minute,
    });
    KeyGrant {
        id: key.id,
        org: Arc::new(org),
        membership,
        scopes,
        models,
        token_budget: key.token_budget,
        requests_per_minute: key.requests_per_minute,
        expires_at,
        above: above.collect(),
    }
}

/// Returns the models in both lists, by any of their names; `None` means all models.
fn intersect_models(one: Option<Vec<String>>, other: Option<&[String]>) -> Option<Vec<String>> {
    let Some(other) = other else { return one };
    let Some(mut both) = one else {
        return Some(other.to_vec());
    };
    let named: Vec<_> = other.iter().map(|model| catalog::resolve(model)).collect();
    both.retain(|model| named.contains(&catalog::resolve(model)));
    Some(both)
}

impl KeyGrant {
    /// Returns the key and its ancestors, nearest first, each with its own budget and requests per minute.
    pub(crate) fn chain(&self) -> impl Iterator<Item = (&ApiKeyId, Option<u64>, Option<u32>)> {
        let own = (&self.id, self.token_budget, self.requests_per_minute);
        let above = self.above.iter();
        std::iter::once(own).chain(above.map(|key| (&key.id, key.token_budget, key.requests_per_minute)))
    }

    /// Returns the smallest budget among them, or `None` if there is none.
    fn least_budget(&self) -> Option<u64> {
        self.chain().filter_map(|(_, budget, _)| budget).min()
    }

    /// Returns the lowest number of requests per minute among them, or `None` if there is none.
    fn least_requests(&self) -> Option<u32> {
        self.chain().filter_map(|(.., per_minute)| per_minute).min()
    }
}

/// Returns what the audit log may contain of a key: neither secrets nor its user's words, who may be erased. Model
/// names are free text, so only their number is included.
fn rules_of(key: &ApiKey) -> Value {
    let models = key.models.as_ref().map(Vec::len);
    json!({
        "user_id": key.created_by, "scopes": key.scopes, "models": models, "token_budget": key.token_budget,
        "requests_per_minute": key.requests_per_minute,
        "enabled": key.enabled, "expires_at": key.expires_at, "revoked_at": key.revoked_at, "prefix": key.prefix,
    })
}
