//! The queries that a user asked in an organization.

use domain::{OrgId, Page, PageRequest, QueryId, QueryRecord, Result, Timestamp, UserId};

use crate::{
    Store, keys,
    table::item::{ListFilter, from_item, n, to_item},
    tables::TTL,
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
    /// Stores a query until it expires.
    pub async fn put(&self, query: &QueryRecord) -> Result<()> {
        let mut item = to_item(&keys::query(&self.org, &self.user, &query.id), query)?;
        item.insert(TTL.to_owned(), n(query.expires_at().as_second()));
        self.store.app().put(item).await
    }

    /// Returns one query that is listed at `now`.
    pub async fn get(&self, id: &QueryId, now: Timestamp) -> Result<Option<QueryRecord>> {
        let found: Option<QueryRecord> = self.store.app().get(keys::query(&self.org, &self.user, id)).await?;
        Ok(found.filter(|query| query.is_listed(now)))
    }

    /// Lists the queries that are listed at `now`, newest first.
    pub async fn list(&self, page: &PageRequest, now: Timestamp) -> Result<Page<QueryRecord>> {
        let partition = keys::member(&self.org, &self.user);
        let table = self.store.app();
        let found = table
            .list(partition, keys::QUERIES, page, ListFilter::default())
            .await?;
        let mut items: Vec<QueryRecord> = found.items.into_iter().map(from_item).collect::<Result<_>>()?;
        let count = items.len();
        // The table removes them a while after they have expired. All later ones have, too.
        items.retain(|query| query.is_listed(now));
        let next = found.next.filter(|_| items.len() == count);
        Ok(Page { items, next })
    }

    /// Deletes a query. Returns whether it existed.
    pub async fn delete(&self, id: &QueryId) -> Result<bool> {
        let key = keys::query(&self.org, &self.user, id);
        self.store.app().delete_first(&key).await
    }
}
