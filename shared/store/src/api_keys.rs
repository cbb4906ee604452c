//! API keys: the row an organization sees, and the hash by which a request finds it.
//!
//! The row alone decides whether a key is accepted; what the hash leads to says where the row is. Every change names
//! the version it was made of, so that of two changes at once one is refused and looks again.

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

/// What became of a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It exists.
    Created,
    /// It does not: the organization has [`ApiKey::MAX_PER_ORG`] already, or is gone.
    Full,
    /// It does not: the settings that were to name it were changed by somebody else.
    Changed,
    /// It does not: all credentials of its user ended since it was asked for.
    Ended,
    /// It does not: its user has left the organization since.
    Left,
}

/// What a hash leads to. It leads there for as long as it leads anywhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyHolder {
    /// The organization that has the key.
    pub org: OrgId,
    /// The key.
    pub key: ApiKeyId,
    /// Whom it acts for.
    pub user: UserId,
    /// The keys above it ([`ApiKey::ancestors`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ancestors: Vec<ApiKeyId>,
}

/// A key with all that a request with it needs to know.
#[derive(Debug)]
pub struct KeyInUse {
    /// The key.
    pub key: ApiKey,
    /// The keys above it, the nearest first.
    pub above: Vec<ApiKey>,
    /// Whom it acts for.
    pub user: User,
    /// Their place in its organization.
    pub membership: Membership,
    /// Its organization.
    pub org: Org,
}

#[derive(Deserialize)]
struct LastUse {
    key: ApiKeyId,
    used_ms: i64,
}

impl Store {
    /// The API keys of `org`.
    pub fn api_keys(&self, org: &OrgId) -> ApiKeys {
        ApiKeys {
            store: self.clone(),
            org: org.clone(),
        }
    }

    /// What the hash of a key leads to. Whether the key is accepted, only its row says.
    pub async fn key_holder(&self, hash: &str) -> Result<Option<KeyHolder>> {
        self.identity().get(keys::api_key_hash(hash)).await
    }

    /// The key with the keys above it, the account, the place and the organization that it acts with, in one round trip;
    /// none when one of them is gone.
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

    /// Notes that a key was used, unless that was noted within the last minute.
    pub async fn note_key_use(&self, id: &ApiKeyId, now: Timestamp) -> Result<()> {
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
    /// Stores a new key of somebody with this place in the organization. `settings`: the user's settings that name it from now on instead of the personal key given.
    pub async fn create(
        &self,
        key: &ApiKey,
        membership: &Membership,
        personal_instead_of: Option<Option<&ApiKeyId>>,
        entry: &AuditEntry,
    ) -> Result<Made> {
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
            self.lead(key, &key.secret_hash)?,
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
            Transaction::Done => Made::Created,
            Transaction::Refused(0) => Made::Ended,
            Transaction::Refused(1) => Made::Left,
            Transaction::Refused(2) => Made::Full,
            Transaction::Refused(_) => Made::Changed,
        })
    }

    /// One key.
    pub async fn get(&self, id: &ApiKeyId) -> Result<Option<ApiKey>> {
        self.store.identity().get(keys::api_key(&self.org, id)).await
    }

    /// Those of these keys that there are, in no order; at most 100 at a time are asked for.
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

    /// Keys, newest first, revoked ones too.
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

    /// Notes that keys of somebody who left the organization are still listed there, for the erasure of that person.
    pub async fn note_left(&self, user: &UserId) -> Result<()> {
        let none = HashMap::<String, String>::new();
        let item = to_item(&keys::left_keys(user, &self.org), &none)?;
        self.store.identity().put_new(item).await.map(|_| ())
    }

    /// All keys of the organization that act for `user`, revoked ones too.
    pub async fn of_user(&self, user: &UserId) -> Result<Vec<ApiKey>> {
        let table = self.store.identity();
        let mut keys: Vec<ApiKey> = table.all_below(&keys::tenant(&self.org), keys::API_KEYS).await?;
        keys.retain(|key| key.created_by == *user);
        Ok(keys)
    }

    /// When keys were last used; at most 100.
    pub async fn last_uses(&self, ids: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, Timestamp>> {
        let keys: Vec<_> = ids.iter().map(keys::api_key_use).collect();
        let mut uses = HashMap::with_capacity(ids.len());
        for item in self.store.ephemeral().get_many(&keys).await? {
            let LastUse { key, used_ms } = from_item(item)?;
            uses.insert(key, Timestamp::from_millisecond(used_ms).unwrap_or_default());
        }
        Ok(uses)
    }

    /// Replaces `old` by `new`; answers `false` when somebody changed it first.
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
        parts.extend(self.changed_leads(old, Some(new))?);
        if old.revoked_at.is_none() && new.revoked_at.is_some() {
            parts.push(self.one_less()?);
        }
        Ok(self.store.transact_audited(entry, parts).await? == Transaction::Done)
    }

    /// Removes a key without a trace but the audit entry; answers `false` when somebody changed it first.
    pub async fn erase(&self, key: &ApiKey, entry: &AuditEntry) -> Result<bool> {
        let table = self.store.identity();
        let row = keys::api_key(&self.org, &key.id);
        let mut parts = vec![table.part_delete(&row, Some(("version", n(key.version))))?];
        parts.extend(self.changed_leads(key, None)?);
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

    /// Adds the hashes that `new` has and `old` had not, and removes those of the reverse.
    fn changed_leads(&self, old: &ApiKey, new: Option<&ApiKey>) -> Result<Vec<TransactWriteItem>> {
        let (before, now) = (old.hashes(), new.map(ApiKey::hashes).unwrap_or_default());
        let gone = before.iter().filter(|hash| !now.contains(hash));
        let gone = gone.map(|hash| self.store.identity().part_delete(&keys::api_key_hash(hash), None));
        let added = now.iter().filter(|hash| !before.contains(hash));
        let added = added.map(|hash| self.lead(old, hash));
        gone.chain(added).collect()
    }

    fn lead(&self, key: &ApiKey, hash: &str) -> Result<TransactWriteItem> {
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
