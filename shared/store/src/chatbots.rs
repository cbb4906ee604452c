//! Chatbots of an organization.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{
    AuditEntry, Chatbot, ChatbotId, ChatbotSettings, DocumentId, Entitlements, Error, OrgId, Page, PageRequest,
    PlanLimit, PublishedChatbot, Purge, Result, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, keys,
    orgs::resource_counts::{Counted, ResourceChange},
    table::changes::Changes,
    table::item::{
        ITEM_EXISTS, Item, ListFilter, Transaction, conditional, conditional_or_own, failed, from_item, n, part, s,
        starting_with, to_item, value,
    },
};

/// The chatbots of one organization.
#[derive(Debug, Clone)]
pub struct Chatbots {
    store: Store,
    org: OrgId,
}

/// A change of a chatbot. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct ChatbotChange {
    /// New name.
    pub name: Option<String>,
    /// New description; an empty one removes it.
    pub description: Option<String>,
    /// Settings to change, by their paths, as in `settings.model`; [`serde_json::Value::Null`] clears one.
    pub settings: Vec<(&'static str, serde_json::Value)>,
    /// New set of documents; replaces the old one.
    pub documents: Option<Vec<DocumentId>>,
}

/// Where a published chatbot is.
#[derive(Serialize, Deserialize)]
struct Pointer {
    org: OrgId,
}

/// What visitors see: copies of the attributes `name` and `settings`, made by the table in the write that publishes.
#[derive(Deserialize)]
struct Published {
    #[serde(rename = "published_name")]
    name: String,
    #[serde(rename = "published_settings")]
    settings: ChatbotSettings,
    #[serde(rename = "published_at")]
    at: Timestamp,
}

impl Store {
    /// Returns a chatbot that is published, by its ID alone.
    pub async fn published_chatbot(&self, id: &ChatbotId) -> Result<Option<Chatbot>> {
        let pointer = self.app().get_raw(keys::published_chatbot(id), true).await?;
        let Some(Pointer { org }) = pointer.map(from_item).transpose()? else {
            return Ok(None);
        };
        let found = self.chatbots(&org).get(id).await?;
        Ok(found.filter(|bot| bot.published.is_some()))
    }

    /// Returns access to the chatbots of `org`.
    pub fn chatbots(&self, org: &OrgId) -> Chatbots {
        Chatbots {
            store: self.clone(),
            org: org.clone(),
        }
    }
}

/// Documents are stored as a string set: assigning and removing commute, so callers cannot overwrite each other.
/// DynamoDB has no empty sets; an empty set is an absent attribute.
fn set(documents: &[DocumentId]) -> Option<AttributeValue> {
    (!documents.is_empty()).then(|| AttributeValue::Ss(documents.iter().map(|id| id.0.clone()).collect()))
}

fn has(item: &Item, document: &DocumentId) -> bool {
    let documents = item.get("documents").and_then(|documents| documents.as_ss().ok());
    documents.is_some_and(|documents| documents.contains(&document.0))
}

fn parse(item: Item) -> Result<Chatbot> {
    let published = item.contains_key("published_at").then(|| from_item(item.clone()));
    let mut bot: Chatbot = from_item(item)?;
    bot.published = published.transpose()?.map(|published: Published| PublishedChatbot {
        name: published.name,
        settings: published.settings,
        published_at: published.at,
    });
    bot.documents.sort_unstable();
    Ok(bot)
}

impl Chatbots {
    /// Stores a new chatbot if `plan` allows one more. Returns the exceeded limit otherwise.
    pub async fn create(&self, bot: &Chatbot, own: &Entitlements) -> Result<Result<(), PlanLimit>> {
        let mut item = to_item(&keys::chatbot(&self.org, &bot.id), bot)?;
        item.remove("documents");
        item.extend(set(&bot.documents).map(|documents| ("documents".to_owned(), documents)));
        let parts = vec![self.store.app().part_put_new(item)?];
        let one_more = ResourceChange::chatbot(1);
        match self
            .store
            .transact_counted(&self.org, parts, &one_more, Some(own))
            .await?
        {
            Counted::Done => Ok(Ok(())),
            Counted::Full(limit) => Ok(Err(limit)),
            Counted::Refused(_) => Err(Error::internal("the ID of a new chatbot is already in use")),
        }
    }

    /// Returns one chatbot.
    pub async fn get(&self, id: &ChatbotId) -> Result<Option<Chatbot>> {
        self.store
            .app()
            .get_raw(keys::chatbot(&self.org, id), true)
            .await?
            .map(parse)
            .transpose()
    }

    /// Lists chatbots, newest first; with `creator`, only those of this user.
    pub async fn list(&self, page: &PageRequest, creator: Option<&UserId>) -> Result<Page<Chatbot>> {
        let narrow = creator.map_or_else(ListFilter::default, |user| {
            ListFilter::of("created_by = :user", vec![(":user", s(user.as_str()))])
        });
        let found = self
            .store
            .app()
            .list(keys::tenant(&self.org), keys::CHATBOTS, page, narrow)
            .await?;
        let items = found.items.into_iter().map(parse).collect::<Result<_>>()?;
        Ok(Page {
            items,
            next: found.next,
        })
    }

    /// Returns the chatbots that use this document; the plan bounds their number.
    pub async fn with_document(&self, document: &DocumentId) -> Result<Vec<ChatbotId>> {
        let query = self.store.db.query().table_name(&self.store.tables().app);
        let query = starting_with(query, &keys::tenant(&self.org), keys::CHATBOTS)
            .consistent_read(true)
            .filter_expression("contains(documents, :document)")
            .expression_attribute_values(":document", s(document.as_str()));
        let mut pages = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            found.push(parse(item.map_err(failed)?)?.id);
        }
        Ok(found)
    }

    /// Changes a chatbot. Returns `None` if it does not exist.
    pub async fn update(&self, id: &ChatbotId, change: &ChatbotChange, now: Timestamp) -> Result<Option<Chatbot>> {
        let update = self
            .store
            .app()
            .update(&keys::chatbot(&self.org, id))
            .condition_expression(ITEM_EXISTS)
            .return_values(ReturnValue::AllNew);
        let mut changes = Changes::default()
            .set("updated_at", s(now.to_string()))
            .set_if("name", change.name.as_ref().map(s));
        changes = match change.description.as_deref() {
            Some("") => changes.remove("description"),
            description => changes.set_if("description", description.map(s)),
        };
        for (path, setting) in &change.settings {
            changes = changes.set(path, value(setting)?);
        }
        changes = match change.documents.as_deref() {
            Some(documents) => match set(documents) {
                Some(documents) => changes.set("documents", documents),
                None => changes.remove("documents"),
            },
            None => changes,
        };
        let update = changes.on(update);
        conditional(update).await?.map(parse).transpose()
    }

    /// Adds documents. Returns the chatbot, or `None` if it does not exist or would have more than
    /// [`Chatbot::MAX_DOCUMENTS`].
    pub async fn assign(&self, id: &ChatbotId, documents: &[DocumentId], now: Timestamp) -> Result<Option<Chatbot>> {
        let Some(added) = set(documents) else {
            return self.get(id).await;
        };
        let is_own = |item: &Item| documents.iter().all(|document| has(item, document));
        // The condition counts a document that is already assigned twice: callers leave those out.
        let room = Chatbot::MAX_DOCUMENTS.saturating_sub(documents.len());
        let update = self
            .store
            .app()
            .update(&keys::chatbot(&self.org, id))
            .update_expression("ADD documents :added SET updated_at = :now")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(documents) OR size(documents) <= :room)",
            )
            .expression_attribute_values(":added", added)
            .expression_attribute_values(":room", n(room))
            .expression_attribute_values(":now", s(now.to_string()))
            .return_values(ReturnValue::AllNew);
        conditional_or_own(update, is_own).await?.map(parse).transpose()
    }

    /// Removes one document. Returns `None` if the chatbot does not exist or does not have the document.
    pub async fn unassign(&self, id: &ChatbotId, document: &DocumentId, now: Timestamp) -> Result<Option<Chatbot>> {
        let update = self
            .store
            .app()
            .update(&keys::chatbot(&self.org, id))
            .update_expression("DELETE documents :removed SET updated_at = :now")
            .condition_expression("contains(documents, :document)")
            .expression_attribute_values(":removed", AttributeValue::Ss(vec![document.0.clone()]))
            .expression_attribute_values(":document", s(document.as_str()))
            .expression_attribute_values(":now", s(now.to_string()))
            .return_values(ReturnValue::AllNew);
        let is_own = |item: &Item| item.get("updated_at") == Some(&s(now.to_string())) && !has(item, document);
        conditional_or_own(update, is_own).await?.map(parse).transpose()
    }

    /// Publishes a chatbot as it is at the moment of the write. Returns `false` if it does not exist.
    pub async fn publish(&self, id: &ChatbotId, now: Timestamp, entry: &AuditEntry) -> Result<bool> {
        let table = self.store.app();
        let update = table
            .part_update(&keys::chatbot(&self.org, id))
            .update_expression("SET published_name = #name, published_settings = settings, published_at = :now")
            .condition_expression(ITEM_EXISTS)
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":now", s(now.to_string()));
        let pointer = Pointer { org: self.org.clone() };
        let parts = vec![
            part(update)?,
            table.part_put(to_item(&keys::published_chatbot(id), &pointer)?)?,
        ];
        Ok(self.store.transact_audited(entry, parts).await? == Transaction::Done)
    }

    /// Ends the publication of a chatbot. Returns `false` if it does not exist or is not published.
    pub async fn unpublish(&self, id: &ChatbotId, entry: &AuditEntry) -> Result<bool> {
        let table = self.store.app();
        let update = table
            .part_update(&keys::chatbot(&self.org, id))
            .update_expression("REMOVE published_name, published_settings, published_at")
            .condition_expression("attribute_exists(published_at)");
        let parts = vec![part(update)?, table.part_delete_any(&keys::published_chatbot(id))?];
        Ok(self.store.transact_audited(entry, parts).await? == Transaction::Done)
    }

    /// Deletes a chatbot, with an entry that has its objects removed. Returns whether it existed.
    pub async fn delete(&self, id: &ChatbotId, now: Timestamp) -> Result<bool> {
        let purge = Purge::Chatbot {
            org_id: self.org.clone(),
            chatbot_id: id.clone(),
        };
        let parts = vec![
            self.store.app().part_delete(&keys::chatbot(&self.org, id), None)?,
            self.store.app().part_delete_any(&keys::published_chatbot(id))?,
            self.store.part_purge_entry(&purge, now.as_millisecond())?,
        ];
        let one_less = ResourceChange::chatbot(-1);
        let deleted = self.store.transact_counted(&self.org, parts, &one_less, None).await?;
        Ok(deleted == Counted::Done)
    }
}
