//! API keys: the item that an organization sees, and the hash by which a request finds it.
//!
//! The item alone decides whether a key is accepted; the hash only leads to the item. Every change names the version
//! it is based on, so of two concurrent changes one is refused and reads again.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use domain::{
    ApiKey, ApiKeyId, AuditEntry, Error, Membership, Org, OrgId, Page, PageRequest, Result, Timestamp, User, UserId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, keys,
    table::item::{ITEM_EXISTS, ListFilter, Transaction, conditional, from_item, n, part, primary, s, to_item},
};

/// The API keys of an organization.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    store: Store,
    org: OrgId,
}

/// The outcome of creating a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCreated {
    /// The key was created.
    Done,
    /// Not created: the organization already has [`ApiKey::MAX_PER_ORG`] keys, or was deleted.
    Full,
    /// Not created: the settings that were to name the key were changed by another request.
    Changed,
    /// Not created: all credentials of its user were revoked after the request.
    Ended,
    /// Not created: its user has left the organization.
    Left,
}

/// The owner of a key, found by the key's hash. It does not change while the key exists.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyHolder {
    /// The organization that owns the key.
    pub org: OrgId,
    /// The key.
    pub key: ApiKeyId,
    /// The user that the key acts for.
    pub user: UserId,
    /// The ancestors of the key ([`ApiKey::ancestors`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ancestors: Vec<ApiKeyId>,
}

/// A key with everything needed to authorize a request.
#[derive(Debug)]
pub struct KeyInUse {
    /// The key.
    pub key: ApiKey,
    /// The ancestors of the key, nearest first.
    pub above: Vec<ApiKey>,
    /// The user that the key acts for.
    pub user: User,
    /// The membership of that user in the organization.
    pub membership: Membership,
    /// The organization that owns the key.
    pub org: Org,
}

#[derive(Deserialize)]
struct LastUse {
    key: ApiKeyId,
    used_ms: i64,
}

impl Store {
    /// Returns access to the API keys of `org`.
    pub fn api_keys(&self, org: &OrgId) -> ApiKeys {
        ApiKeys {
            store: self.clone(),
            org: org.clone(),
        }
    }

    /// Returns the owner of the key with this hash. Only the key's item says whether the key is accepted.
    pub async fn key_holder(&self, hash: &str) -> Result<Option<KeyHolder>> {
        self.identity().get(keys::api_key_hash(hash)).await
    }

    /// Returns the key with its ancestors, user, membership and organization in one round trip, or `None` if one of
    /// them no longer exists.
    pub async fn key_in_use(&self, holder: &KeyHolder) -> Result<Option<KeyInUse>> {
        let KeyHolder {
            org,
            key,
            user,
            ancestors,
        } = holder;
        let row = keys::api_key(org, key);
        let above: Vec<_> = ancestors.iter().map(|id| keys::api_key(org, id)).collect();
        let (profile, membership, org) = (keys::profile(user), keys::membership(org, user), keys::org(org));
        let mut wanted = vec![row.clone(), profile.clone(), membership.clone(), org.clone()];
        wanted.extend(above.iter().cloned());
        let items = self.identity().get_many(&wanted).await?;
        if items.iter().any(|item| item.contains_key("deleted_at")) {
            return Ok(None);
        }
        let mut by_sk: HashMap<String, _> = HashMap::with_capacity(items.len());
        for item in items {
            if let Some(Ok(sk)) = item.get("sk").map(|sk| sk.as_s()) {
                by_sk.insert(sk.clone(), item);
            }
        }
        let mut found_above = Vec::with_capacity(above.len());
        for key in &above {
            let Some(row) = by_sk.remove(&key.sk) else {
                return Ok(None);
            };
            found_above.push(from_item(row)?);
        }
        let found = [row, profile, membership, org].map(|key| by_sk.remove(&key.sk));
        let [Some(row), Some(profile), Some(membership), Some(org)] = found else {
            return Ok(None);
        };
        Ok(Some(KeyInUse {
            key: from_item(row)?,
            above: found_above,
            user: from_item(profile)?,
            membership: from_item(membership)?,
            org: from_item(org)?,
        }))
    }

    /// Records that a key was used, at most once a minute.
    pub async fn record_key_use(&self, id: &ApiKeyId, now: Timestamp) -> Result<()> {
        let resolution = i64::try_from(ApiKey::USE_RESOLUTION.as_millis()).unwrap_or(i64::MAX);
        let update = self
            .ephemeral()
            .update(&keys::api_key_use(id))
            .update_expression("SET used_ms = :now, #key = :key")
            .condition_expression("attribute_not_exists(used_ms) OR used_ms <= :before")
            .expression_attribute_names("#key", "key")
            .expression_attribute_values(":now", n(now.as_millisecond()))
            .expression_attribute_values(":before", n(now.as_millisecond() - resolution))
            .expression_attribute_values(":key", s(id.as_str()));
        conditional(update).await.map(|_| ())
    }
}

impl ApiKeys {
    /// Stores a new key for the user with this membership. `settings`: the user's settings, which from now on name this
    /// key instead of the given personal key.
    pub async fn create(
        &self,
        key: &ApiKey,
        membership: &Membership,
        personal_instead_of: Option<Option<&ApiKeyId>>,
        entry: &AuditEntry,
    ) -> Result<KeyCreated> {
        let table = self.store.identity();
        let counted = table
            .part_update(&keys::org(&self.org))
            .update_expression("ADD api_keys :one")
            .condition_expression("attribute_exists(pk) AND (attribute_not_exists(api_keys) OR api_keys < :most)")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":most", n(ApiKey::MAX_PER_ORG));
        let mut parts = vec![
            self.store.still_in_epoch(&key.created_by, key.epoch)?,
            self.store.still_member(membership)?,
            part(counted)?,
            table.part_put_new(to_item(&keys::api_key(&self.org, &key.id), key)?)?,
            self.hash_item(key, &key.secret_hash)?,
        ];
        if let Some(old) = personal_instead_of {
            let update = table
                .part_update(&keys::settings(&key.created_by))
                .update_expression("SET api_key = :new")
                .expression_attribute_values(":new", s(key.id.as_str()));
            parts.push(part(match old {
                None => update.condition_expression("attribute_exists(pk) AND attribute_not_exists(api_key)"),
                Some(old) => update
                    .condition_expression("api_key = :old")
                    .expression_attribute_values(":old", s(old.as_str())),
            })?);
        }
        Ok(match self.store.transact_audited(entry, parts).await? {
            Transaction::Done => KeyCreated::Done,
            Transaction::Refused(0) => KeyCreated::Ended,
            Transaction::Refused(1) => KeyCreated::Left,
            Transaction::Refused(2) => KeyCreated::Full,
            Transaction::Refused(_) => KeyCreated::Changed,
        })
    }

    /// Returns one key.
    pub async fn get(&self, id: &ApiKeyId) -> Result<Option<ApiKey>> {
        self.store.identity().get(keys::api_key(&self.org, id)).await
    }

    /// Returns those of these keys (at most 100) that exist, in no particular order.
    pub async fn get_many(&self, ids: &[ApiKeyId]) -> Result<Vec<ApiKey>> {
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(100) {
            let keys: Vec<_> = some.iter().map(|id| keys::api_key(&self.org, id)).collect();
            for item in self.store.identity().get_many(&keys).await? {
                found.push(from_item(item)?);
            }
        }
        Ok(found)
    }

    /// Lists keys, newest first, including revoked ones.
    pub async fn list(&self, page: &PageRequest) -> Result<Page<ApiKey>> {
        let all = ListFilter::default();
        let table = self.store.identity();
        let found = table.list(keys::tenant(&self.org), keys::API_KEYS, page, all).await?;
        let items = found.items.into_iter().map(from_item).collect::<Result<_>>()?;
        Ok(Page {
            items,
            next: found.next,
        })
    }

    /// Records that keys of a user who left the organization are still listed there, for the erasure of that user.
    pub async fn record_member_left(&self, user: &UserId) -> Result<()> {
        let none = HashMap::<String, String>::new();
        let item = to_item(&keys::left_keys(user, &self.org), &none)?;
        self.store.identity().put_new(item).await.map(|_| ())
    }

    /// Returns all keys of the organization that act for `user`, including revoked ones.
    pub async fn of_user(&self, user: &UserId) -> Result<Vec<ApiKey>> {
        let table = self.store.identity();
        let mut keys: Vec<ApiKey> = table.all_below(&keys::tenant(&self.org), keys::API_KEYS).await?;
        keys.retain(|key| key.created_by == *user);
        Ok(keys)
    }

    /// Returns when keys (at most 100) were last used.
    pub async fn last_uses(&self, ids: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, Timestamp>> {
        let keys: Vec<_> = ids.iter().map(keys::api_key_use).collect();
        let mut uses = HashMap::with_capacity(ids.len());
        for item in self.store.ephemeral().get_many(&keys).await? {
            let LastUse { key, used_ms } = from_item(item)?;
            uses.insert(key, Timestamp::from_millisecond(used_ms).unwrap_or_default());
        }
        Ok(uses)
    }

    /// Replaces `old` by `new`. Returns `false` if another request changed the key first.
    pub async fn replace(&self, old: &ApiKey, new: &ApiKey, entry: &AuditEntry) -> Result<bool> {
        let table = self.store.identity();
        let row = Put::builder()
            .table_name(table.name)
            .set_item(Some(to_item(&keys::api_key(&self.org, &new.id), new)?))
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", n(old.version))
            .build()
            .map_err(Error::internal)?;
        let mut parts = vec![TransactWriteItem::builder().put(row).build()];
        parts.extend(self.changed_hash_items(old, Some(new))?);
        if old.revoked_at.is_none() && new.revoked_at.is_some() {
            parts.push(self.one_less()?);
        }
        Ok(self.store.transact_audited(entry, parts).await? == Transaction::Done)
    }

    /// Removes a key, leaving only the audit entry. Returns `false` if another request changed the key first.
    pub async fn erase(&self, key: &ApiKey, entry: &AuditEntry) -> Result<bool> {
        let table = self.store.identity();
        let row = keys::api_key(&self.org, &key.id);
        let mut parts = vec![table.part_delete(&row, Some(("version", n(key.version))))?];
        parts.extend(self.changed_hash_items(key, None)?);
        if key.revoked_at.is_none() {
            parts.push(self.one_less()?);
        }
        let ephemeral = self.store.ephemeral();
        let last_use = Delete::builder()
            .table_name(ephemeral.name)
            .set_key(Some(primary(&keys::api_key_use(&key.id))))
            .build()
            .map_err(Error::internal)?;
        parts.push(TransactWriteItem::builder().delete(last_use).build());
        Ok(self.store.transact_audited(entry, parts).await? == Transaction::Done)
    }

    /// Adds the hashes that only `new` has, and removes those that only `old` has.
    fn changed_hash_items(&self, old: &ApiKey, new: Option<&ApiKey>) -> Result<Vec<TransactWriteItem>> {
        let (before, now) = (old.hashes(), new.map(ApiKey::hashes).unwrap_or_default());
        let gone = before.iter().filter(|hash| !now.contains(hash));
        let gone = gone.map(|hash| self.store.identity().part_delete(&keys::api_key_hash(hash), None));
        let added = now.iter().filter(|hash| !before.contains(hash));
        let added = added.map(|hash| self.hash_item(old, hash));
        gone.chain(added).collect()
    }

    fn hash_item(&self, key: &ApiKey, hash: &str) -> Result<TransactWriteItem> {
        let holder = KeyHolder {
            org: self.org.clone(),
            key: key.id.clone(),
            user: key.created_by.clone(),
            ancestors: key.ancestors.clone(),
        };
        self.store
            .identity()
            .part_put_new(to_item(&keys::api_key_hash(hash), &holder)?)
    }

    fn one_less(&self) -> Result<TransactWriteItem> {
        let counted = self
            .store
            .identity()
            .part_update(&keys::org(&self.org))
            .update_expression("ADD api_keys :less")
            .condition_expression(ITEM_EXISTS)
            .expression_attribute_values(":less", n(-1));
        part(counted)
    }
}
