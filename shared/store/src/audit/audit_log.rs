//! Reads the audit log by organization, by user or as a whole, and verifies that its hash chains are unbroken.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use domain::{
    AuditEntry, AuditEntryId, Error, OrgId, Page, PageRequest, Result, Timestamp, UserId, UserStatus, audit::ChainLink,
    id::made_at,
};

use crate::{
    Store,
    keys::{self, Key},
    table::item::{self, Item, Transaction, primary, s, transact, value},
    table::paginate::{FIRST_MONTH, ListPartition, by_id, id_only, month_of, months_back, paginate},
};

/// The audit log.
#[derive(Debug, Clone)]
pub struct AuditLog(Store);

/// Selects entries. Absent fields match everything.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// The action.
    pub action: Option<String>,
    /// The actor.
    pub actor: Option<String>,
    /// The subject of the action.
    pub subject: Option<String>,
    /// At or after this time.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
}

/// The result of verifying the chains.
#[derive(Debug, Default)]
pub struct Verified {
    /// Chains that were read.
    pub chains: usize,
    /// Entries in them.
    pub entries: u64,
    /// The first broken link of each broken chain.
    pub faults: Vec<ChainFault>,
}

/// A broken link of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainFault {
    /// The chain, by its partition key.
    pub chain: String,
    /// The number of the entry.
    pub number: u64,
    /// What is wrong with it.
    pub fault: &'static str,
}

impl AuditFilter {
    fn matches(&self, entry: &AuditEntry) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|w| Some(w) == found);
        is(&self.action, Some(&entry.action))
            && is(&self.actor, entry.actor.id.as_deref())
            && is(&self.subject, Some(&entry.subject))
            && self.from.is_none_or(|from| entry.created_at >= from)
            && self.to.is_none_or(|to| entry.created_at < to)
    }

    /// Returns the months that can contain matching entries, newest first.
    fn months(&self, now: Timestamp) -> Vec<String> {
        let newest = self.to.map_or(now, |to| to.min(now));
        let oldest = self.from.map_or_else(|| FIRST_MONTH.to_owned(), month_of);
        months_back(&month_of(newest), oldest.as_str().max(FIRST_MONTH))
    }
}

impl Store {
    /// Returns access to the audit log.
    pub fn audit_log(&self) -> AuditLog {
        AuditLog(self.clone())
    }
}

impl AuditLog {
    /// Returns one entry of any tenant: the caller decides who may see it.
    pub async fn get(&self, id: &AuditEntryId) -> Result<Option<AuditEntry>> {
        let query = self
            .0
            .db
            .query()
            .table_name(&self.0.tables().audit)
            .index_name("by_id")
            .key_condition_expression("id = :id")
            .expression_attribute_values(":id", s(id.as_str()));
        let answer = query.send().await.map_err(item::failed)?;
        let Some(key) = answer.items.unwrap_or_default().pop().and_then(|item| key_of(&item)) else {
            return Ok(None);
        };
        let item = self.0.audit().get_raw(key, true).await?;
        item.as_ref().map(entry_of).transpose()
    }

    /// Lists the entries of one organization, newest first.
    pub async fn of_tenant(
        &self,
        tenant: &OrgId,
        filter: &AuditFilter,
        now: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>> {
        let months = filter.months(now).into_iter();
        let partitions = months.map(|month| ListPartition {
            hash: vec![("pk", keys::audit_chain(tenant, &month))],
            shards: Vec::new(),
            name: month,
            index: None,
            range: &["sk"],
        });
        self.read(partitions.collect(), filter, page).await
    }

    /// Lists the entries of all organizations, newest first. The cursor is the ID of an entry, or any other ID created
    /// by [`domain::Ids`]; the entries before it follow.
    pub async fn of_everybody(
        &self,
        filter: &AuditFilter,
        now: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>> {
        let month = page.after.as_deref().and_then(made_at).map(month_of);
        let one = |index: &'static str, attribute, value: &String| {
            vec![ListPartition {
                name: month.clone().unwrap_or_default(),
                index: Some(index),
                hash: vec![(attribute, value.clone())],
                shards: Vec::new(),
                range: &["id"],
            }]
        };
        let partitions = match (&filter.actor, &filter.subject) {
            (Some(actor), _) => one("by_actor", "actor", actor),
            (None, Some(subject)) => one("by_subject", "subject", subject),
            (None, None) => filter.months(now).into_iter().map(of_month).collect(),
        };
        let page = by_id(page, month.as_deref());
        let found = self.read(partitions, filter, &page).await?;
        Ok(id_only(found))
    }

    /// Lists what a user did and what was done to them, newest first: in all organizations, or in `org` only.
    pub async fn of_user(&self, user: &UserId, org: Option<&OrgId>, page: &PageRequest) -> Result<Page<AuditEntry>> {
        let index = |index: &'static str, attribute| {
            let partition = ListPartition {
                name: "user".to_owned(),
                index: Some(index),
                hash: vec![(attribute, user.0.clone())],
                shards: Vec::new(),
                range: &["id"],
            };
            // One more than requested: whether there is a next page depends on both lists.
            let page = by_id(
                &PageRequest {
                    limit: page.limit + 1,
                    after: page.after.clone(),
                },
                Some("user"),
            );
            let is_wanted = move |entry: &AuditEntry| org.is_none_or(|org| entry.tenant == *org);
            let read = move |item: Item| Ok(Some(entry_of(&item)?).filter(is_wanted));
            async move { paginate(self.0.audit(), vec![partition], &page, read).await }
        };
        let (did, done) = tokio::try_join!(index("by_actor", "actor"), index("by_subject", "subject"))?;
        let (did, done) = (id_only(did), id_only(done));
        // A list that ended early says nothing about what is older than its end.
        let seen_to = did.next.max(done.next);
        let mut items: Vec<AuditEntry> = did.items.into_iter().chain(done.items).collect();
        items.retain(|entry| seen_to.as_deref().is_none_or(|end| entry.id.as_str() >= end));
        items.sort_by(|a, b| b.id.cmp(&a.id));
        items.dedup_by(|a, b| a.id == b.id);
        let limit = usize::from(page.limit);
        let last = items.get(limit.wrapping_sub(1)).filter(|_| items.len() > limit);
        let next = last.map(|last| last.id.0.clone()).or(seen_to);
        items.truncate(limit);
        Ok(Page { items, next })
    }

    async fn read(
        &self,
        partitions: Vec<ListPartition>,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>> {
        paginate(self.0.audit(), partitions, page, |item| {
            let entry = entry_of(&item)?;
            Ok(filter.matches(&entry).then_some(entry))
        })
        .await
    }

    /// Returns the salt of the keys that encrypt a user's data; `None` before the first entry and after an erasure.
    pub async fn salt(&self, user: &UserId) -> Result<Option<Vec<u8>>> {
        let item = self.0.identity().get_raw(keys::audit_salt(user), true).await?;
        let salt = item.and_then(|item| item.get("salt")?.as_b().ok().cloned());
        Ok(salt.map(Blob::into_inner))
    }

    /// Stores the salt of an active user who has none. Returns `false` if there is one already.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the account is not active: a late entry must not undo an erasure.
    pub async fn make_salt(&self, user: &UserId, salt: &[u8]) -> Result<bool> {
        let key = keys::audit_salt(user);
        let mut item = primary(&key);
        item.insert("salt".to_owned(), AttributeValue::B(Blob::new(salt)));
        let table = self.0.identity();
        let parts = vec![
            table.part_put_new(item)?,
            table.part_check(&keys::profile(user), [("status", value(&UserStatus::Active)?)])?,
        ];
        match transact(&self.0.db, parts).await? {
            Transaction::Done => Ok(true),
            Transaction::Refused(0) => Ok(false),
            Transaction::Refused(_) => Err(Error::NotFound("user")),
        }
    }

    /// Recomputes every chain up to the month of `now`. Detects entries that were changed, moved or removed, including
    /// those at the end of a chain, and missing chains.
    pub async fn verify(&self, now: Timestamp) -> Result<Verified> {
        let mut verified = Verified::default();
        for month in months_back(&month_of(now), FIRST_MONTH) {
            for chain in self.chains(&month).await? {
                verified.chains += 1;
                self.verify_chain(&chain, &mut verified).await?;
            }
        }
        Ok(verified)
    }

    /// Returns the partition keys of a month's chains.
    async fn chains(&self, month: &str) -> Result<BTreeSet<String>> {
        let mut chains = BTreeSet::new();
        for shard in 0..keys::AUDIT_MONTH_SHARDS {
            let mut query = self
                .0
                .db
                .query()
                .table_name(&self.0.tables().audit)
                .index_name("by_month")
                .key_condition_expression("#month = :month")
                .expression_attribute_names("#month", "month")
                .expression_attribute_values(":month", s(keys::audit_month(month, shard)))
                .projection_expression("pk")
                .into_paginator()
                .items()
                .send();
            while let Some(item) = query.next().await {
                chains.extend(text(&item.map_err(item::failed)?, "pk"));
            }
        }
        for shard in 0..keys::AUDIT_HEAD_SHARDS {
            let heads = self.0.audit().keys_below(&keys::audit_heads(month, shard), "").await?;
            chains.extend(heads.into_iter().map(|head| keys::audit_chain(&OrgId(head.sk), month)));
        }
        Ok(chains)
    }

    async fn verify_chain(&self, chain: &str, verified: &mut Verified) -> Result<()> {
        // Read before the entries: entries added meanwhile follow it.
        let head = self.head_of(chain).await?;
        let mut entries = self
            .0
            .db
            .query()
            .table_name(&self.0.tables().audit)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(chain))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut last: Option<ChainLink> = None;
        let mut is_head_met = false;
        let mut fault = None;
        while let Some(item) = entries.next().await {
            let item = item.map_err(item::failed)?;
            verified.entries += 1;
            match check(&item, chain, last.as_ref()) {
                Ok(link) => {
                    is_head_met |= head.as_ref() == Some(&link);
                    last = Some(link);
                }
                Err(found) => {
                    fault = Some(found);
                    break;
                }
            }
        }
        if fault.is_none() && !is_head_met {
            fault = match head {
                // Entries after the last existing one were cut off, or it was replaced.
                Some(_) => Some("is missing, or not the last one that was written"),
                // The chain began after its head was read.
                None if self.head_of(chain).await?.is_some() => None,
                None => Some("has no head"),
            };
        }
        let number = last.map_or(0, |last| last.number) + 1;
        verified.faults.extend(fault.map(|fault| ChainFault {
            chain: chain.to_owned(),
            number,
            fault,
        }));
        Ok(())
    }

    async fn head_of(&self, chain: &str) -> Result<Option<ChainLink>> {
        match keys::parse_audit_chain(chain) {
            Some((tenant, month)) => self.0.audit_head(&tenant, month).await,
            None => Ok(None),
        }
    }
}

/// Returns the link of `item` if it correctly follows `last`.
fn check(item: &Item, chain: &str, last: Option<&ChainLink>) -> Result<ChainLink, &'static str> {
    let body = text(item, "body").ok_or("has no text")?;
    let entry: AuditEntry = serde_json::from_str(&body).map_err(|_| "cannot be read")?;
    let link = ChainLink::after(last, &body);
    let month = month_of(entry.created_at);
    let key = keys::audit_entry(&entry.tenant, &month, link.number);
    let number = item.get("number").and_then(|number| number.as_n().ok());
    if text(item, "sk").as_ref() != Some(&key.sk) || number != Some(&link.number.to_string()) {
        return Err("is missing, or not at its place");
    }
    if text(item, "hash").as_ref() != Some(&link.hash) {
        return Err("does not match its hash");
    }
    // The indexed attributes must match the text.
    let indexed = key.pk == chain
        && text(item, "id").as_deref() == Some(entry.id.as_str())
        && text(item, "owner").as_deref() == Some(entry.tenant.as_str())
        && text(item, "subject").as_deref() == Some(entry.subject.as_str())
        && text(item, "actor") == entry.actor.id
        && text(item, "month") == Some(keys::audit_month_of(&month, &entry.tenant));
    if indexed {
        Ok(link)
    } else {
        Err("has attributes that contradict its text")
    }
}

fn of_month(month: String) -> ListPartition {
    let shards = 0..keys::AUDIT_MONTH_SHARDS;
    ListPartition {
        hash: Vec::new(),
        shards: shards
            .map(|shard| ("month", keys::audit_month(&month, shard)))
            .collect(),
        name: month,
        index: Some("by_month"),
        range: &["id"],
    }
}

fn text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

fn key_of(item: &Item) -> Option<Key> {
    Some(Key {
        pk: text(item, "pk")?,
        sk: text(item, "sk")?,
    })
}

fn entry_of(item: &Item) -> Result<AuditEntry> {
    let body = text(item, "body").ok_or_else(|| Error::internal("an audit entry has no text"))?;
    serde_json::from_str(&body).map_err(Error::internal)
}
