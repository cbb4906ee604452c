//! The queries that a user asked in an organization.

use domain::{OrgId, Page, PageRequest, QueryId, QueryRecord, Result, UserId};

use crate::{
    Store, keys,
    table::item::{ListFilter, from_item, to_item},
};

/// The queries of one user in one organization.
#[derive(Debug, Clone)]
pub struct Queries {
    store: Store,
    org: OrgId,
    user: UserId,
}

impl Store {
    /// Returns access to the queries of `user` in `org`.
    pub fn queries(&self, org: &OrgId, user: &UserId) -> Queries {
        Queries {
            store: self.clone(),
            org: org.clone(),
            user: user.clone(),
        }
    }
}

impl Queries {
    /// Stores a query.
    pub async fn put(&self, query: &QueryRecord) -> Result<()> {
        let item = to_item(&keys::query(&self.org, &self.user, &query.id), query)?;
        self.store.app().put(item).await
    }

    /// Returns one query.
    pub async fn get(&self, id: &QueryId) -> Result<Option<QueryRecord>> {
        self.store.app().get(keys::query(&self.org, &self.user, id)).await
    }

    /// Lists queries, newest first.
    pub async fn list(&self, page: &PageRequest) -> Result<Page<QueryRecord>> {
        let partition = keys::member(&self.org, &self.user);
        let table = self.store.app();
        let found = table
            .list(partition, keys::QUERIES, page, ListFilter::default())
            .await?;
        let items = found.items.into_iter().map(from_item).collect::<Result<_>>()?;
        Ok(Page {
            items,
            next: found.next,
        })
    }

    /// Deletes a query. Returns whether it existed.
    pub async fn delete(&self, id: &QueryId) -> Result<bool> {
        let key = keys::query(&self.org, &self.user, id);
        self.store.app().delete_first(&key).await
    }
}
