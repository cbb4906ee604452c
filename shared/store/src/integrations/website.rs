//! What leads from a chatbot to the integrations through which it is on web sites.

use domain::{ChatbotId, Integration, Result};

use super::{Pointer, website_of};
use crate::{
    Store, keys,
    table::item::{from_item, starting_with},
};

/// Most integrations of one chatbot that are looked at.
const MOST: i32 = 50;

impl Store {
    /// Returns the integrations through which a chatbot is on web sites, whoever owns it: visitors know its ID alone.
    pub async fn websites_of(&self, chatbot: &ChatbotId) -> Result<Vec<Integration>> {
        let query = self
            .db
            .query()
            .table_name(self.app().name)
            .limit(MOST)
            .consistent_read(true);
        let query = starting_with(query, &keys::websites_of(chatbot), keys::INTEGRATIONS);
        let found = query.send().await.map_err(crate::table::item::failed)?;
        let mut integrations = Vec::new();
        for item in found.items.unwrap_or_default() {
            let Pointer { org, integration } = from_item(item)?;
            let read = self.integrations(&org).get(&integration).await?;
            integrations.extend(
                read.map(|read| read.integration)
                    .filter(|it| website_of(it) == Some(chatbot)),
            );
        }
        Ok(integrations)
    }
}
