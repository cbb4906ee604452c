//! Conversations of one person inside one organization, and their turns.

use aws_sdk_dynamodb::types::{DeleteRequest, Put, ReturnValue, TransactWriteItem, Update, WriteRequest};
use model::{Conversation, ConversationId, Error, OrgId, Page, PageRequest, Result, Timestamp, Turn, UserId};

use crate::{
    Store,
    item::{self, ABSENT, Narrow, Transaction, conditional, from_item, primary, s, to_item, transact, value},
    keys,
};

/// The conversations of one person inside one organization. Nobody else can address them.
#[derive(Debug, Clone)]
pub struct Conversations {
    store: Store,
    org: OrgId,
    user: UserId,
}

/// A conversation that is being deleted is invisible and takes no turns.
const ALIVE: &str = "attribute_exists(pk) AND attribute_not_exists(deleted_at)";

impl Store {
    /// The conversations of `user` in `org`.
    pub fn conversations(&self, org: &OrgId, user: &UserId) -> Conversations {
        Conversations {
            store: self.clone(),
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
        item.filter(|item| !item.contains_key("deleted_at"))
            .map(from_item)
            .transpose()
    }

    /// Conversations, newest first.
    pub async fn list(&self, page: &PageRequest) -> Result<Page<Conversation>> {
        let alive = Narrow {
            expression: Some("attribute_not_exists(deleted_at)"),
            values: vec![],
        };
        let found = self
            .store
            .app()
            .list(keys::member(&self.org, &self.user), keys::CONVERSATIONS, page, alive)
            .await?;
        let items = found.items.into_iter().map(from_item).collect::<Result<_>>()?;
        Ok(Page {
            items,
            next: found.next,
        })
    }

    /// Gives a conversation another title; answers it, or none when there is none.
    pub async fn rename(&self, id: &ConversationId, title: &str, now: Timestamp) -> Result<Option<Conversation>> {
        let update = self
            .store
            .app()
            .update(&keys::conversation(&self.org, &self.user, id))
            .update_expression("SET title = :title, updated_at = :now")
            .condition_expression(ALIVE)
            .expression_attribute_values(":title", s(title))
            .expression_attribute_values(":now", s(now.to_string()))
            .return_values(ReturnValue::AllNew);
        conditional(update).await?.map(from_item).transpose()
    }

    /// Deletes a conversation with its turns; answers whether it was there. It is invisible from the first write
    /// on, and a call that repeats a broken off one finishes the work.
    pub async fn delete(&self, id: &ConversationId, now: Timestamp) -> Result<bool> {
        let key = keys::conversation(&self.org, &self.user, id);
        let table = self.store.app();
        let tombstone = table
            .update(&key)
            .update_expression("SET deleted_at = :now")
            .condition_expression(item::PRESENT)
            .expression_attribute_values(":now", s(now.to_string()));
        if conditional(tombstone).await?.is_none() {
            return Ok(false);
        }
        let turns = table
            .keys_below(&keys::turns(&self.org, &self.user, id), keys::TURNS)
            .await?;
        for batch in turns.chunks(25) {
            let requests = batch.iter().map(|key| {
                let delete = DeleteRequest::builder()
                    .set_key(Some(primary(key)))
                    .build()
                    .map_err(Error::internal)?;
                Ok(WriteRequest::builder().delete_request(delete).build())
            });
            let mut left = Some(requests.collect::<Result<Vec<_>>>()?);
            while let Some(requests) = left.take().filter(|requests| !requests.is_empty()) {
                let write = self
                    .store
                    .db
                    .batch_write_item()
                    .request_items(&self.store.tables().app, requests);
                let answer = write.send().await.map_err(item::failed)?;
                left = answer
                    .unprocessed_items
                    .and_then(|mut tables| tables.remove(&self.store.tables().app));
            }
        }
        table.delete(&key).await?;
        Ok(true)
    }

    /// Begins a turn and touches its conversation, which gets `title` when it has none. Answers `false` when the
    /// conversation does not exist any more.
    pub async fn begin_turn(&self, turn: &Turn, title: &str) -> Result<bool> {
        let table = &self.store.tables().app;
        let key = keys::turn(&self.org, &self.user, &turn.conversation, &turn.id);
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(to_item(&key, turn)?))
            .condition_expression(ABSENT)
            .build();
        let touch = Update::builder()
            .table_name(table)
            .set_key(Some(primary(&keys::conversation(
                &self.org,
                &self.user,
                &turn.conversation,
            ))))
            .update_expression("SET updated_at = :now, title = if_not_exists(title, :title)")
            .condition_expression(ALIVE)
            .expression_attribute_values(":now", s(turn.created_at.to_string()))
            .expression_attribute_values(":title", s(title))
            .build();
        let parts = vec![
            TransactWriteItem::builder().put(put.map_err(Error::internal)?).build(),
            TransactWriteItem::builder()
                .update(touch.map_err(Error::internal)?)
                .build(),
        ];
        Ok(transact(&self.store.db, parts).await? == Transaction::Done)
    }

    /// Writes how a turn ended. Answers `false` when it was deleted meanwhile: nothing comes back to life.
    pub async fn end_turn(&self, turn: &Turn) -> Result<bool> {
        let update = self
            .store
            .app()
            .update(&keys::turn(&self.org, &self.user, &turn.conversation, &turn.id))
            .update_expression(
                "SET answer = :answer, citations = :citations, notice = :notice, model = :model, requested_model = :requested, \
                 #usage = :usage, finish_reason = :reason, #status = :status, completed_at = :at",
            )
            .condition_expression(item::PRESENT)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#usage", "usage")
            .expression_attribute_values(":answer", s(&turn.answer))
            .expression_attribute_values(":citations", value(&turn.citations)?)
            .expression_attribute_values(":notice", value(&turn.notice)?)
            .expression_attribute_values(":model", s(&turn.model))
            .expression_attribute_values(":requested", value(&turn.requested_model)?)
            .expression_attribute_values(":usage", value(&turn.usage)?)
            .expression_attribute_values(":reason", value(&turn.finish_reason)?)
            .expression_attribute_values(":status", value(&turn.status)?)
            .expression_attribute_values(":at", value(&turn.completed_at)?);
        Ok(conditional(update).await?.is_some())
    }

    /// Turns, newest first.
    pub async fn turns(&self, conversation: &ConversationId, page: &PageRequest) -> Result<Page<Turn>> {
        let partition = keys::turns(&self.org, &self.user, conversation);
        let found = self
            .store
            .app()
            .list(partition, keys::TURNS, page, Narrow::default())
            .await?;
        let items = found.items.into_iter().map(from_item).collect::<Result<_>>()?;
        Ok(Page {
            items,
            next: found.next,
        })
    }
}
