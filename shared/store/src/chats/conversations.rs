//! Conversations of one user in one organization. Their turns are in `turns.rs`.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{
    Conversation, ConversationChannel, ConversationId, DocumentId, MailMessage, OrgId, Page, PageRequest, Result,
    Timestamp, TurnId, UserId, integrations::visitor::Visitor,
};

use crate::{
    Objects, OptimisticRetry, Partition, Store, TableName, keys,
    table::changes::Changes,
    table::item::{
        self, Item, ListFilter, Transaction, conditional, conditional_or_own, from_item, n, part, s, starting_with,
        to_item, transact, value,
    },
};

/// The conversations of one user in one organization. No other user can address them.
#[derive(Debug, Clone)]
pub struct Conversations {
    pub(crate) store: Store,
    pub(crate) objects: Objects,
    pub(crate) org: OrgId,
    pub(crate) user: UserId,
}

/// A conversation that is being deleted is invisible and accepts no turns.
const ALIVE: &str = "attribute_exists(pk) AND attribute_not_exists(deleted_at)";
/// The same, and its path has not changed since it was read.
pub(crate) const UNMOVED: &str = "attribute_exists(pk) AND attribute_not_exists(deleted_at) AND (rev = :rev OR (attribute_not_exists(rev) AND :rev = :zero))";

/// Which conversations a list contains, by where they take place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ChannelFilter {
    /// Those that the user holds.
    #[default]
    Own,
    /// Those that others hold with an integration of the user, of one kind.
    Of(ConversationChannel),
    /// All.
    All,
}

/// Which conversations a list contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConversationFilter {
    /// Only those that are pinned, or that are not.
    pub pinned: Option<bool>,
    /// By where they take place.
    pub channel: ChannelFilter,
}

/// A change of a conversation. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct ConversationChange {
    /// Its title.
    pub title: Option<String>,
    /// Whether it is pinned.
    pub pinned: Option<bool>,
    /// The model or alias that generates answers.
    pub model: Option<String>,
}

impl Store {
    /// Returns access to the conversations of `user` in `org`; data too large for an item is stored in `objects`.
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
    /// Returns the owner of a conversation, for callers that may act for every user.
    pub async fn owner_of_conversation(&self, id: &ConversationId) -> Result<Option<(OrgId, UserId)>> {
        self.owner_by_id(id.as_str(), keys::CONVERSATIONS).await
    }
}

/// Returns the item of a new conversation.
pub(crate) fn new_conversation(conversation: &Conversation) -> Result<Item> {
    let key = keys::conversation(&conversation.org, &conversation.user, &conversation.id);
    let mut item = to_item(&key, conversation)?;
    // Adds the conversation to the index `by_id`, for callers who do not know its owner.
    item.insert("owner".to_owned(), s(&key.pk));
    Ok(item)
}

impl Conversations {
    /// Stores a new conversation. Returns whether its ID was free.
    pub async fn create(&self, conversation: &Conversation) -> Result<bool> {
        self.store.app().put_new(new_conversation(conversation)?).await
    }

    /// Adds documents that were shared in a conversation; those that it has already may be among them. Returns `false`
    /// if it does not exist or would have too many.
    pub async fn add_documents(&self, id: &ConversationId, documents: &[DocumentId]) -> Result<bool> {
        let mut retry = OptimisticRetry::to_change("a conversation");
        loop {
            retry.next().await?;
            let Some(read) = self.get(id).await? else {
                return Ok(false);
            };
            let mut all = read.documents.clone();
            all.extend(documents.iter().filter(|id| !read.documents.contains(id)).cloned());
            if all.len() > Conversation::MAX_DOCUMENTS {
                return Ok(false);
            }
            if all.len() == read.documents.len() {
                return Ok(true);
            }
            let unchanged = if read.documents.is_empty() {
                "attribute_not_exists(documents)"
            } else {
                "documents = :before"
            };
            let mut update = self
                .store
                .app()
                .update(&keys::conversation(&self.org, &self.user, id))
                .update_expression("SET documents = :all")
                .condition_expression(format!("{ALIVE} AND {unchanged}"))
                .expression_attribute_values(":all", value(&all)?);
            if !read.documents.is_empty() {
                update = update.expression_attribute_values(":before", value(&read.documents)?);
            }
            let written = value(&all)?;
            let is_own = |item: &Item| item.get("documents") == Some(&written);
            if conditional_or_own(update, is_own).await?.is_some() {
                return Ok(true);
            }
        }
    }

    /// Records what a visitor said about themselves, and promises these emails about it to their receivers. Returns
    /// `false` if the conversation does not exist or was changed since it was read.
    pub async fn set_visitor(
        &self,
        read: &Conversation,
        visitor: &Visitor,
        mails: &[(UserId, MailMessage)],
        now: Timestamp,
    ) -> Result<bool> {
        let update = self
            .store
            .app()
            .part_update(&keys::conversation(&self.org, &self.user, &read.id))
            .update_expression("SET visitor = :visitor")
            .expression_attribute_values(":visitor", value(visitor)?);
        let update = match &read.visitor {
            Some(before) => update
                .condition_expression(format!("{ALIVE} AND visitor = :before"))
                .expression_attribute_values(":before", value(before)?),
            None => update.condition_expression(format!("{ALIVE} AND attribute_not_exists(visitor)")),
        };
        let mut parts = vec![part(update)?];
        for (user, mail) in mails {
            parts.push(self.store.part_email_entry(user, mail, now)?);
        }
        Ok(transact(&self.store.db, parts).await? == Transaction::Done)
    }

    /// Returns one conversation.
    pub async fn get(&self, id: &ConversationId) -> Result<Option<Conversation>> {
        let item = self
            .store
            .app()
            .get_raw(keys::conversation(&self.org, &self.user, id), true)
            .await?;
        alive(item)
    }

    /// Lists conversations, newest first, as `filter` selects.
    pub async fn list(&self, page: &PageRequest, filter: ConversationFilter) -> Result<Page<Conversation>> {
        let condition = match filter.pinned {
            None => "attribute_not_exists(deleted_at)",
            Some(true) => "attribute_not_exists(deleted_at) AND pinned = :yes",
            Some(false) => "attribute_not_exists(deleted_at) AND (attribute_not_exists(pinned) OR pinned <> :yes)",
        };
        let yes = filter.pinned.map(|_| (":yes", AttributeValue::Bool(true)));
        let mut narrow = ListFilter::of(condition, yes.into_iter().collect());
        match filter.channel {
            ChannelFilter::Own => narrow.conditions.push("attribute_not_exists(channel)"),
            ChannelFilter::Of(channel) => {
                narrow = narrow.and(
                    "#channel = :channel",
                    ("#channel", "channel"),
                    (":channel", value(&channel)?),
                );
            }
            ChannelFilter::All => {}
        }
        let own = keys::member(&self.org, &self.user);
        let found = self.store.app().list(own, keys::CONVERSATIONS, page, narrow).await?;
        let items = found.items.into_iter().map(from_item).collect::<Result<_>>()?;
        Ok(Page {
            items,
            next: found.next,
        })
    }

    /// Returns this user's conversation that contains a turn, by the turn's ID alone.
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
        // Conversations that one user created in the same millisecond: almost always one.
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

    /// Changes a conversation. Returns it, or `None` if it does not exist.
    pub async fn change(
        &self,
        id: &ConversationId,
        change: &ConversationChange,
        now: Timestamp,
    ) -> Result<Option<Conversation>> {
        let update = self
            .store
            .app()
            .update(&keys::conversation(&self.org, &self.user, id))
            .condition_expression(ALIVE)
            .return_values(ReturnValue::AllNew);
        let changes = Changes::default()
            .set("updated_at", s(now.to_string()))
            .set_if("title", change.title.as_ref().map(s))
            .set_if("pinned", change.pinned.map(AttributeValue::Bool))
            .set_if("model", change.model.as_ref().map(s));
        let update = changes.on(update);
        conditional(update).await?.map(from_item).transpose()
    }

    /// Replaces the generated title of a conversation, if it is still `old`.
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

    /// Selects another path. Returns `false` if the path was changed since the conversation was read.
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

    /// Deletes a conversation with its turns. Returns whether it existed. It is invisible from the first write on, and
    /// a repeated call completes an interrupted one.
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

/// Returns the conversation in an item, unless it is being deleted.
fn alive(item: Option<Item>) -> Result<Option<Conversation>> {
    item.filter(|item| !item.contains_key("deleted_at"))
        .map(from_item)
        .transpose()
}
