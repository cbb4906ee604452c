//! Conversations of one person inside one organization. Their turns are in `turns.rs`.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{Conversation, ConversationId, OrgId, Page, PageRequest, Result, Timestamp, TurnId, UserId};

use crate::{
    Objects, Partition, Store, TableName, keys,
    table::item::{self, Item, ListFilter, conditional, conditional_or_own, from_item, n, s, starting_with, to_item},
};

/// The conversations of one person inside one organization. Nobody else can address them.
#[derive(Debug, Clone)]
pub struct Conversations {
    pub(crate) store: Store,
    pub(crate) objects: Objects,
    pub(crate) org: OrgId,
    pub(crate) user: UserId,
}

/// A conversation that is being deleted is invisible and takes no turns.
const ALIVE: &str = "attribute_exists(pk) AND attribute_not_exists(deleted_at)";
/// The same, and nobody did anything to its path since it was read.
pub(crate) const UNMOVED: &str = "attribute_exists(pk) AND attribute_not_exists(deleted_at) AND (rev = :rev OR (attribute_not_exists(rev) AND :rev = :zero))";

/// What is changed of a conversation; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ConversationChange {
    /// Its title.
    pub title: Option<String>,
    /// Whether it is kept at hand.
    pub pinned: Option<bool>,
    /// The model or alias that answers.
    pub model: Option<String>,
}

impl Store {
    /// The conversations of `user` in `org`; what is too large of them is among `objects`.
    pub fn conversations(&self, objects: &Objects, org: &OrgId, user: &UserId) -> Conversations {
        Conversations {
            store: self.clone(),
            objects: objects.clone(),
            org: org.clone(),
            user: user.clone(),
        }
    }
}

impl Store {
    /// Where a conversation is, whoever's it is: for a caller that may act for everybody.
    pub async fn owner_of_conversation(&self, id: &ConversationId) -> Result<Option<(OrgId, UserId)>> {
        self.owner_by_id(id.as_str(), keys::CONVERSATIONS).await
    }
}

impl Conversations {
    /// Stores a new conversation.
    pub async fn create(&self, conversation: &Conversation) -> Result<bool> {
        let key = keys::conversation(&self.org, &self.user, &conversation.id);
        let mut item = to_item(&key, conversation)?;
        // With it the index `by_id` has the conversation: callers for whom the owner is not known beforehand.
        item.insert("owner".to_owned(), s(&key.pk));
        self.store.app().put_new(item).await
    }

    /// One conversation.
    pub async fn get(&self, id: &ConversationId) -> Result<Option<Conversation>> {
        let item = self
            .store
            .app()
            .get_raw(keys::conversation(&self.org, &self.user, id), true)
            .await?;
        alive(item)
    }

    /// Conversations, newest first; `pinned`: only those that are, or are not.
    pub async fn list(&self, page: &PageRequest, pinned: Option<bool>) -> Result<Page<Conversation>> {
        let narrow = ListFilter {
            expression: Some(match pinned {
                None => "attribute_not_exists(deleted_at)",
                Some(true) => "attribute_not_exists(deleted_at) AND pinned = :yes",
                Some(false) => "attribute_not_exists(deleted_at) AND (attribute_not_exists(pinned) OR pinned <> :yes)",
            }),
            values: pinned
                .map(|_| (":yes", AttributeValue::Bool(true)))
                .into_iter()
                .collect(),
        };
        let own = keys::member(&self.org, &self.user);
        let found = self.store.app().list(own, keys::CONVERSATIONS, page, narrow).await?;
        let items = found.items.into_iter().map(from_item).collect::<Result<_>>()?;
        Ok(Page {
            items,
            next: found.next,
        })
    }

    /// The conversation of this person that has a turn, found by the turn's id alone.
    pub async fn with_turn(&self, turn: &TurnId) -> Result<Option<(Conversation, domain::Turn)>> {
        let Some(prefix) = turn.conversation_prefix() else {
            return Ok(None);
        };
        let query = self.store.db.query().table_name(&self.store.tables().app);
        let (own, prefix) = (
            keys::member(&self.org, &self.user),
            keys::conversations_of_turn(&prefix),
        );
        let query = starting_with(query.consistent_read(true), &own, &prefix);
        // Conversations of one person that were made in the same millisecond: one, as good as always.
        let mut found = query.into_paginator().items().send();
        while let Some(item) = found.next().await {
            let Some(conversation) = alive(Some(item.map_err(item::failed)?))? else {
                continue;
            };
            if let Some(turn) = self.turn(&conversation.id, turn).await? {
                return Ok(Some((conversation, turn)));
            }
        }
        Ok(None)
    }

    /// Changes a conversation; answers it, or none when there is none.
    pub async fn change(
        &self,
        id: &ConversationId,
        change: &ConversationChange,
        now: Timestamp,
    ) -> Result<Option<Conversation>> {
        let mut parts = vec!["updated_at = :now"];
        let mut update = self
            .store
            .app()
            .update(&keys::conversation(&self.org, &self.user, id))
            .expression_attribute_values(":now", s(now.to_string()));
        if let Some(title) = &change.title {
            parts.push("title = :title");
            update = update.expression_attribute_values(":title", s(title));
        }
        if let Some(pinned) = change.pinned {
            parts.push("pinned = :pinned");
            update = update.expression_attribute_values(":pinned", AttributeValue::Bool(pinned));
        }
        if let Some(model) = &change.model {
            parts.push("#model = :model");
            update = update
                .expression_attribute_names("#model", "model")
                .expression_attribute_values(":model", s(model));
        }
        let update = update
            .update_expression(format!("SET {}", parts.join(", ")))
            .condition_expression(ALIVE)
            .return_values(ReturnValue::AllNew);
        conditional(update).await?.map(from_item).transpose()
    }

    /// Gives a conversation a better title, if it still has the one that was made for it.
    pub async fn retitle(&self, id: &ConversationId, old: &str, new: &str) -> Result<bool> {
        let update = self
            .store
            .app()
            .update(&keys::conversation(&self.org, &self.user, id))
            .update_expression("SET title = :new")
            .condition_expression("attribute_not_exists(deleted_at) AND title = :old")
            .expression_attribute_values(":old", s(old))
            .expression_attribute_values(":new", s(new));
        let is_own = |item: &Item| item.get("title") == Some(&s(new));
        Ok(conditional_or_own(update, is_own).await?.is_some())
    }

    /// Shows another path; `false` when somebody did something to the path since the conversation was read.
    pub async fn set_head(&self, read: &Conversation, head: &TurnId, now: Timestamp) -> Result<bool> {
        let update = self
            .store
            .app()
            .update(&keys::conversation(&self.org, &self.user, &read.id))
            .update_expression("SET head = :head, updated_at = :now, rev = :next")
            .condition_expression(UNMOVED)
            .expression_attribute_values(":head", s(head.as_str()))
            .expression_attribute_values(":now", s(now.to_string()))
            .expression_attribute_values(":rev", n(read.rev))
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":next", n(read.rev + 1));
        let is_own =
            |item: &Item| item.get("rev") == Some(&n(read.rev + 1)) && item.get("head") == Some(&s(head.as_str()));
        Ok(conditional_or_own(update, is_own).await?.is_some())
    }

    /// Deletes a conversation with its turns; answers whether it was there. It is invisible from the first write
    /// on, and a call that repeats a broken off one finishes the work.
    pub async fn delete(&self, id: &ConversationId, now: Timestamp) -> Result<bool> {
        let key = keys::conversation(&self.org, &self.user, id);
        let table = self.store.app();
        let tombstone = table
            .update(&key)
            .update_expression("SET deleted_at = :now")
            .condition_expression(item::ITEM_EXISTS)
            .expression_attribute_values(":now", s(now.to_string()));
        if conditional(tombstone).await?.is_none() {
            return Ok(false);
        }
        let turns = Partition::whole(TableName::App, keys::turns(&self.org, &self.user, id));
        self.store.erase(&turns).await?;
        self.objects
            .delete_below(&keys::large_turns(&self.org, &self.user, id))
            .await?;
        table.delete(&key).await?;
        Ok(true)
    }
}

/// The conversation in an item, unless it is being deleted.
fn alive(item: Option<Item>) -> Result<Option<Conversation>> {
    item.filter(|item| !item.contains_key("deleted_at"))
        .map(from_item)
        .transpose()
}
