//! Prompts of users, and those of the platform.
//!
//! A prompt is stored in its owner's partition, where no other user can address it. A shared prompt has a copy in the
//! organization's partition, written in the same transaction. Versions have a partition of their own.

use domain::{
    AuditEntry, Error, OrgId, Page, PageRequest, PromptId, PromptVersion, Result, SystemPrompt, Timestamp, UserId,
    UserPrompt,
};

use crate::{
    Partition, Store, TableName, keys,
    table::item::{self, ITEM_EXISTS, Item, ListFilter, Transaction, conditional, from_item, n, s, to_item},
};

/// The prompts that one user sees in one organization: their own and the shared ones.
#[derive(Debug, Clone)]
pub struct UserPrompts {
    store: Store,
    org: OrgId,
    user: UserId,
}

/// The prompts of the platform.
#[derive(Debug, Clone)]
pub struct SystemPrompts(Store);

impl Store {
    /// Returns access to the prompts that `user` sees in `org`.
    pub fn user_prompts(&self, org: &OrgId, user: &UserId) -> UserPrompts {
        UserPrompts {
            store: self.clone(),
            org: org.clone(),
            user: user.clone(),
        }
    }

    /// Returns the owner of a prompt, for callers that may act for every user.
    pub async fn owner_of_prompt(&self, id: &PromptId) -> Result<Option<(OrgId, UserId)>> {
        self.owner_by_id(id.as_str(), keys::USER_PROMPTS).await
    }

    /// Returns access to the prompts of the platform.
    pub fn system_prompts(&self) -> SystemPrompts {
        SystemPrompts(self.clone())
    }
}

const ALIVE: &str = "attribute_not_exists(deleted_at)";

impl UserPrompts {
    /// Stores a new prompt with its first version.
    pub async fn create(&self, prompt: &UserPrompt) -> Result<()> {
        let table = self.store.app();
        let mut parts = vec![
            table.part_put_new(self.own_item(prompt)?)?,
            table.part_put_new(version_item(prompt)?)?,
        ];
        if prompt.shared {
            parts.push(table.part_put_new(to_item(&keys::shared_prompt(&self.org, &prompt.id), prompt)?)?);
        }
        match item::transact(&self.store.db, parts).await? {
            Transaction::Done => Ok(()),
            Transaction::Refused(_) => Err(Error::internal("the ID of a new prompt is already in use")),
        }
    }

    /// Returns one prompt: the user's own, or one that is shared with them.
    pub async fn get(&self, id: &PromptId) -> Result<Option<UserPrompt>> {
        let own = keys::user_prompt(&self.org, &self.user, id);
        let found = self
            .store
            .app()
            .get_many(&[own, keys::shared_prompt(&self.org, id)])
            .await?;
        let mut alive = found.into_iter().filter(is_alive);
        alive.next().map(from_item).transpose()
    }

    /// Lists the user's own prompts, newest first.
    pub async fn list(&self, page: &PageRequest) -> Result<Page<UserPrompt>> {
        self.page(keys::member(&self.org, &self.user), page).await
    }

    /// Lists the prompts that members of the organization share, newest first.
    pub async fn list_shared(&self, page: &PageRequest) -> Result<Page<UserPrompt>> {
        self.page(keys::tenant(&self.org), page).await
    }

    async fn page(&self, partition: String, page: &PageRequest) -> Result<Page<UserPrompt>> {
        let narrow = ListFilter::of(ALIVE, vec![]);
        let found = self
            .store
            .app()
            .list(partition, keys::USER_PROMPTS, page, narrow)
            .await?;
        found.try_map(from_item)
    }

    /// Replaces the prompt that was read as `before`. Returns `false` if it was changed or deleted first.
    pub async fn change(&self, before: &UserPrompt, after: &UserPrompt) -> Result<bool> {
        let table = self.store.app();
        let condition = format!("revision = :before AND {ALIVE}");
        let is_same = [(":before", n(before.revision))];
        let mut parts = vec![table.part_put_if(self.own_item(after)?, &condition, is_same)?];
        if after.version > before.version {
            parts.push(table.part_put_new(version_item(after)?)?);
        }
        let copy = keys::shared_prompt(&self.org, &after.id);
        match (before.shared, after.shared) {
            (_, true) => parts.push(table.part_put(to_item(&copy, after)?)?),
            (true, false) => parts.push(table.part_delete(&copy, None)?),
            (false, false) => {}
        }
        Ok(item::transact(&self.store.db, parts).await? == Transaction::Done)
    }

    /// Deletes one of the user's own prompts with its versions. Returns whether it existed. It is invisible from the
    /// first write on, and a repeated call completes an interrupted one.
    pub async fn delete(&self, id: &PromptId, now: Timestamp) -> Result<bool> {
        let table = self.store.app();
        let own = keys::user_prompt(&self.org, &self.user, id);
        let tombstone = table
            .update(&own)
            .update_expression("SET deleted_at = :now")
            .condition_expression(ITEM_EXISTS)
            .expression_attribute_values(":now", s(now.to_string()));
        if conditional(tombstone).await?.is_none() {
            return Ok(false);
        }
        table.delete(&keys::shared_prompt(&self.org, id)).await?;
        let versions = Partition::whole(TableName::App, keys::prompt_versions(&self.org, id));
        self.store.erase(&versions).await?;
        table.delete(&own).await?;
        Ok(true)
    }

    /// Lists the versions of a prompt that [`UserPrompts::get`] found, newest first.
    pub async fn versions(&self, id: &PromptId, page: &PageRequest) -> Result<Page<PromptVersion>> {
        let partition = keys::prompt_versions(&self.org, id);
        let all = ListFilter::default();
        let found = self
            .store
            .app()
            .list(partition, keys::PROMPT_VERSIONS, page, all)
            .await?;
        found.try_map(from_item)
    }

    /// Returns one version of a prompt that [`UserPrompts::get`] found.
    pub async fn version(&self, id: &PromptId, version: u32) -> Result<Option<PromptVersion>> {
        self.store.app().get(keys::prompt_version(&self.org, id, version)).await
    }

    fn own_item(&self, prompt: &UserPrompt) -> Result<Item> {
        let key = keys::user_prompt(&self.org, &self.user, &prompt.id);
        let mut item = to_item(&key, prompt)?;
        // Adds the prompt to the index `by_id`, for callers who do not know its owner.
        item.insert("owner".to_owned(), s(&key.pk));
        Ok(item)
    }
}

fn is_alive(item: &Item) -> bool {
    !item.contains_key("deleted_at")
}

/// Returns the latest version as an item.
fn version_item(prompt: &UserPrompt) -> Result<Item> {
    let version = PromptVersion {
        version: prompt.version,
        text: prompt.text.clone(),
        created_at: prompt.updated_at,
    };
    to_item(&keys::prompt_version(&prompt.org, &prompt.id, prompt.version), &version)
}

impl SystemPrompts {
    /// Stores a new prompt.
    pub async fn create(&self, prompt: &SystemPrompt, entry: &AuditEntry) -> Result<()> {
        let new = to_item(&keys::system_prompt(&prompt.id), prompt)?;
        let parts = vec![self.0.app().part_put_new(new)?];
        match self.0.transact_audited(entry, parts).await? {
            Transaction::Done => Ok(()),
            Transaction::Refused(_) => Err(Error::internal("the ID of a new prompt is already in use")),
        }
    }

    /// Returns one prompt.
    pub async fn get(&self, id: &PromptId) -> Result<Option<SystemPrompt>> {
        self.0.app().get(keys::system_prompt(id)).await
    }

    /// Lists all prompts, newest first.
    pub async fn list(&self, page: &PageRequest) -> Result<Page<SystemPrompt>> {
        let (partition, all) = (keys::PLATFORM.to_owned(), ListFilter::default());
        let found = self.0.app().list(partition, keys::SYSTEM_PROMPTS, page, all).await?;
        found.try_map(from_item)
    }

    /// Replaces a prompt. Returns `false` if it no longer exists.
    pub async fn change(&self, prompt: &SystemPrompt, entry: &AuditEntry) -> Result<bool> {
        let item = to_item(&keys::system_prompt(&prompt.id), prompt)?;
        let parts = vec![self.0.app().part_put_if(item, ITEM_EXISTS, [])?];
        Ok(self.0.transact_audited(entry, parts).await? == Transaction::Done)
    }

    /// Deletes a prompt. Returns whether it existed.
    pub async fn delete(&self, id: &PromptId, entry: &AuditEntry) -> Result<bool> {
        let parts = vec![self.0.app().part_delete(&keys::system_prompt(id), None)?];
        Ok(self.0.transact_audited(entry, parts).await? == Transaction::Done)
    }
}
