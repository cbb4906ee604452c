//! Finds the owner of a resource of which only the ID is known, for callers that act for every user.

use domain::{OrgId, Result, UserId};

use crate::{
    Store, keys,
    table::item::{self, s},
};

impl Store {
    /// Returns the organization and the user that own the resource with this ID, by the index `by_id`. `prefix`: that
    /// of the sort keys of its kind.
    pub(crate) async fn owner_by_id(&self, id: &str, prefix: &str) -> Result<Option<(OrgId, UserId)>> {
        let query = self
            .db
            .query()
            .table_name(&self.tables().app)
            .index_name("by_id")
            .key_condition_expression("id = :id")
            .expression_attribute_values(":id", s(id));
        let text = |item: &item::Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let owner = |item: &item::Item| {
            let sk = text(item, "sk")?;
            sk.starts_with(prefix)
                .then(|| keys::parse_member(&text(item, "pk")?))
                .flatten()
        };
        let mut found = query.into_paginator().items().send();
        while let Some(item) = found.next().await {
            if let Some(owner) = owner(&item.map_err(item::failed)?) {
                return Ok(Some(owner));
            }
        }
        Ok(None)
    }
}
