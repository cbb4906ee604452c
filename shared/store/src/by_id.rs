//! Whose a thing is of which only the id is known: for callers that act for everybody.

use model::{OrgId, Result, UserId};

use crate::{
    Store,
    item::{self, s},
    keys,
};

impl Store {
    /// The organization and the person whose thing has this id, by the index `by_id`. `prefix`: that of the sort keys
    /// of its kind.
    pub(crate) async fn owner_by_id(&self, id: &str, prefix: &str) -> Result<Option<(OrgId, UserId)>> {
        let query = self
            .db
            .query()
            .table_name(&self.tables().app)
            .index_name("by_id")
            .key_condition_expression("id = :id")
            .expression_attribute_values(":id", s(id));
        let found = query.send().await.map_err(item::failed)?.items.unwrap_or_default();
        let text = |item: &item::Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let mut owners = found.iter().filter_map(|item| {
            let sk = text(item, "sk")?;
            sk.starts_with(prefix)
                .then(|| keys::parse_member(&text(item, "pk")?))
                .flatten()
        });
        Ok(owners.next())
    }
}
