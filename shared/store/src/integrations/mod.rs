//! Integrations of an organization. Each write replaces an integration as it was read, in a transaction with what leads
//! to it, so that of two callers who change it at once one reads again.

pub(crate) mod slack;
mod website;

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{
    AuditEntry, ChatbotId, Error, Integration, IntegrationId, IntegrationType, OrgId, Page, PageRequest, Purge, Result,
    Timestamp, UserId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, keys,
    table::item::{ITEM_EXISTS, ITEM_MISSING, Item, ListFilter, Transaction, from_item, n, part, s, to_item, transact},
};

/// Condition on a row that leads to this integration.
const LEADS_HERE: &str = "integration = :integration";

/// The integrations of one organization.
#[derive(Debug, Clone)]
pub struct Integrations {
    store: Store,
    org: OrgId,
}

/// An integration as it was read. Only this state can be replaced.
#[derive(Debug, Clone)]
pub struct ReadIntegration {
    /// The integration.
    pub integration: Integration,
    rev: u64,
}

/// An integration as stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    integration: Integration,
    rev: u64,
}

/// The row that leads from a workspace of Slack to its integration.
#[derive(Serialize, Deserialize)]
struct Pointer {
    org: OrgId,
    integration: IntegrationId,
}

/// The outcome of a write of an integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SavedIntegration {
    /// It is written.
    Done,
    /// It was changed or deleted since it was read.
    Overtaken,
    /// Its workspace belongs to another integration.
    TeamTaken,
}

impl Store {
    /// Returns access to the integrations of `org`.
    pub fn integrations(&self, org: &OrgId) -> Integrations {
        Integrations {
            store: self.clone(),
            org: org.clone(),
        }
    }

    /// Returns the integration that a workspace of Slack belongs to.
    pub async fn integration_of_team(&self, team: &str) -> Result<Option<Integration>> {
        let pointer = self.app().get_raw(keys::slack_team(team), true).await?;
        let Some(Pointer { org, integration }) = pointer.map(from_item).transpose()? else {
            return Ok(None);
        };
        let found = self.integrations(&org).get(&integration).await?;
        Ok(found.map(|read| read.integration).filter(|integration| {
            let connection = integration.connection.as_ref();
            connection.is_some_and(|connection| connection.team_id == team)
        }))
    }
}

impl Integrations {
    fn item(&self, integration: &Integration, rev: u64) -> Result<Item> {
        let stored = Stored {
            integration: integration.clone(),
            rev,
        };
        to_item(&keys::integration(&self.org, &integration.id), &stored)
    }

    /// Stores a new integration. Returns `false` if the organization has [`Integration::MAX`].
    pub async fn create(&self, integration: &Integration, entry: &AuditEntry) -> Result<bool> {
        let table = self.store.app();
        let one_more = table
            .part_update(&keys::integration_count(&self.org))
            .update_expression("ADD integrations :one")
            .condition_expression("attribute_not_exists(integrations) OR integrations < :most")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":most", n(Integration::MAX));
        let mut parts = vec![part(one_more)?, table.part_put_new(self.item(integration, 0)?)?];
        if let Some(chatbot) = website_of(integration) {
            parts.push(self.part_lead_from(chatbot, &integration.id)?);
        }
        match self.store.transact_audited(entry, parts).await? {
            Transaction::Done => Ok(true),
            Transaction::Refused(0) => Ok(false),
            Transaction::Refused(_) => Err(Error::internal("the ID of a new integration is already in use")),
        }
    }

    /// Returns one integration.
    pub async fn get(&self, id: &IntegrationId) -> Result<Option<ReadIntegration>> {
        let item = self.store.app().get_raw(keys::integration(&self.org, id), true).await?;
        let stored: Option<Stored> = item.map(from_item).transpose()?;
        Ok(stored.map(|Stored { integration, rev }| ReadIntegration { integration, rev }))
    }

    /// Lists integrations, newest first; with `creator`, only those of this user.
    pub async fn list(&self, page: &PageRequest, creator: Option<&UserId>) -> Result<Page<Integration>> {
        let narrow = creator.map_or_else(ListFilter::default, |user| {
            ListFilter::of("created_by = :user", vec![(":user", s(user.as_str()))])
        });
        let table = self.store.app();
        let found = table
            .list(keys::tenant(&self.org), keys::INTEGRATIONS, page, narrow)
            .await?;
        let items = found.items.into_iter().map(from_item).collect::<Result<_>>()?;
        Ok(Page {
            items,
            next: found.next,
        })
    }

    /// Replaces an integration by `changed`, and what leads from its workspace to it.
    pub async fn save(
        &self,
        read: &ReadIntegration,
        changed: &Integration,
        entry: Option<&AuditEntry>,
    ) -> Result<SavedIntegration> {
        let table = self.store.app();
        let item = self.item(changed, read.rev + 1)?;
        let mut parts = vec![table.part_put_if(item, "rev = :rev", [(":rev", n(read.rev))])?];
        let team = |integration: &Integration| integration.connection.as_ref().map(|it| it.team_id.clone());
        let (before, after) = (team(&read.integration), team(changed));
        if let Some(team) = &after {
            let pointer = Pointer {
                org: self.org.clone(),
                integration: changed.id.clone(),
            };
            let condition = format!("{ITEM_MISSING} OR {LEADS_HERE}");
            let values = [(":integration", s(changed.id.as_str()))];
            parts.push(table.part_put_if(to_item(&keys::slack_team(team), &pointer)?, &condition, values)?);
        }
        if let Some(team) = before.filter(|team| Some(team) != after.as_ref()) {
            parts.push(self.part_forget_team(&team, &changed.id)?);
        }
        let (before, new) = (website_of(&read.integration), website_of(changed));
        if before != new {
            if let Some(chatbot) = before {
                parts.push(table.part_delete_any(&keys::website(chatbot, &changed.id))?);
            }
            if let Some(chatbot) = new {
                parts.push(self.part_lead_from(chatbot, &changed.id)?);
            }
        }
        let written = match entry {
            Some(entry) => self.store.transact_audited(entry, parts).await?,
            None => transact(&self.store.db, parts).await?,
        };
        Ok(match written {
            Transaction::Done => SavedIntegration::Done,
            Transaction::Refused(1) if after.is_some() => SavedIntegration::TeamTaken,
            Transaction::Refused(_) => SavedIntegration::Overtaken,
        })
    }

    /// Deletes an integration as it was read, with an entry that has what was stored for it removed. Returns `false` if
    /// it was changed or deleted since.
    pub async fn delete(&self, read: &ReadIntegration, entry: &AuditEntry, now: Timestamp) -> Result<bool> {
        let table = self.store.app();
        let integration = &read.integration;
        let key = keys::integration(&self.org, &integration.id);
        let one_less = table
            .part_update(&keys::integration_count(&self.org))
            .update_expression("ADD integrations :less")
            .condition_expression(ITEM_EXISTS)
            .expression_attribute_values(":less", n(-1));
        let purge = Purge::Integration {
            org_id: self.org.clone(),
            integration_id: integration.id.clone(),
        };
        let mut parts = vec![
            table.part_delete_where(&key, "rev = :rev", [(":rev", n(read.rev))])?,
            part(one_less)?,
            self.store.part_purge_entry(&purge, now.as_millisecond())?,
        ];
        if let Some(connection) = &integration.connection {
            parts.push(self.part_forget_team(&connection.team_id, &integration.id)?);
        }
        if let Some(chatbot) = website_of(integration) {
            parts.push(table.part_delete_any(&keys::website(chatbot, &integration.id))?);
        }
        Ok(self.store.transact_audited(entry, parts).await? == Transaction::Done)
    }

    /// Writes the row that leads from a chatbot here. It is that of this integration alone.
    fn part_lead_from(&self, chatbot: &ChatbotId, id: &IntegrationId) -> Result<TransactWriteItem> {
        let pointer = Pointer {
            org: self.org.clone(),
            integration: id.clone(),
        };
        self.store
            .app()
            .part_put(to_item(&keys::website(chatbot, id), &pointer)?)
    }

    /// Removes the row that leads from a workspace here. It may be missing, but never lead elsewhere.
    fn part_forget_team(&self, team: &str, id: &IntegrationId) -> Result<TransactWriteItem> {
        let condition = format!("{ITEM_MISSING} OR {LEADS_HERE}");
        let values = [(":integration", s(id.as_str()))];
        self.store
            .app()
            .part_delete_where(&keys::slack_team(team), &condition, values)
    }
}

/// Returns the chatbot of an integration with web sites.
fn website_of(integration: &Integration) -> Option<&ChatbotId> {
    integration
        .chatbot_id
        .as_ref()
        .filter(|_| integration.kind == IntegrationType::Website)
}
