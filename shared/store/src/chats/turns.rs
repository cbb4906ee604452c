//! Turns of a conversation: one item each, whose texts are compressed above a kilobyte ([`crate::chats::packed`]) and
//! stored as an object in the bucket if they are too large for an item.
//!
//! A writer replaces the whole turn and names the revision it read, so no concurrent change is lost. A conversation's
//! messages are the path from its head back to its first turn.

use aws_sdk_dynamodb::types::{Put, ReturnValue, TransactWriteItem};
use bytes::Bytes;
use domain::{
    Answer, Conversation, ConversationId, Error, MessageId, Page, PageRequest, Result, Turn, TurnId,
    UnansweredQuestion, WebhookEvent,
};
use serde::{Deserialize, Serialize};

use crate::{
    AnswerCount, Conversations,
    chats::conversations::UNMOVED,
    chats::packed::{pack, unpack},
    keys,
    table::item::{
        self, Conditional, ITEM_MISSING, Item, Transaction, from_item, n, part, s, send_put, starting_with, to_item,
        transact, value,
    },
};

/// Largest texts of a turn that are stored in its item, in bytes of JSON: an item holds 400 KB, and citations,
/// attribute names and keys count too.
const LARGEST: usize = 300 * 1024;
/// The attribute that names the object with the texts of a large turn.
const BODY: &str = "body";
/// Turns read per call while following a path.
const PORTION: i32 = 25;

/// The part of a turn that goes to the bucket if it is large.
#[derive(Serialize, Deserialize)]
struct Words {
    question: String,
    answers: Vec<Answer>,
}

/// The outcome of beginning a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// The turn was begun.
    Done,
    /// The path was changed since it was read, or the conversation was deleted.
    Overtaken,
}

/// The outcome of writing a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// The turn was written.
    Done,
    /// The turn was changed or deleted since it was read.
    Overtaken,
}

impl Conversations {
    /// Returns one turn, or `None` if it does not exist or was deleted.
    pub async fn turn(&self, conversation: &ConversationId, id: &TurnId) -> Result<Option<Turn>> {
        let key = keys::turn(&self.org, &self.user, conversation, id);
        let Some(item) = self.store.app().get_raw(key, true).await? else {
            return Ok(None);
        };
        Ok(Some(self.read(item).await?).filter(|turn| !turn.deleted))
    }

    /// Writes a turn and makes it the head of its conversation, in one transaction that fails if either was changed
    /// since it was read. A new turn has `rev` 0, and its earlier versions link to it; the conversation gets `title` if
    /// it has none. Afterwards `turn.rev` is the revision written.
    pub async fn begin(&self, read: &Conversation, turn: &mut Turn, title: Option<&str>) -> Result<Begun> {
        let table = self.store.app();
        let written = Turn {
            rev: turn.rev + 1,
            ..turn.clone()
        };
        let put = Put::builder()
            .table_name(table.name)
            .set_item(Some(self.item(&written).await?));
        let put = if turn.rev == 0 {
            put.condition_expression(ITEM_MISSING)
        } else {
            put.condition_expression("rev = :rev")
                .expression_attribute_values(":rev", n(turn.rev))
        };
        let mut touch = table
            .part_update(&keys::conversation(&self.org, &self.user, &read.id))
            .condition_expression(UNMOVED)
            .expression_attribute_values(":rev", n(read.rev))
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":next", n(read.rev + 1))
            .expression_attribute_values(":head", s(turn.id.as_str()))
            .expression_attribute_values(":now", s(turn.touched_at().to_string()));
        let mut set = "SET updated_at = :now, head = :head, rev = :next".to_owned();
        if let Some(title) = title.filter(|_| read.title.is_none()) {
            set.push_str(", title = if_not_exists(title, :title)");
            touch = touch.expression_attribute_values(":title", s(title));
        }
        let put = put.build().map_err(Error::internal)?;
        let mut parts = vec![
            TransactWriteItem::builder().put(put).build(),
            part(touch.update_expression(set))?,
        ];
        for version in turn.versions.iter().filter(|id| turn.rev == 0 && **id != turn.id) {
            let learn = table
                .part_update(&keys::turn(&self.org, &self.user, &read.id, version))
                .update_expression("SET versions = :all, rev = rev + :one")
                .condition_expression(item::ITEM_EXISTS)
                .expression_attribute_values(":all", value(&turn.versions)?)
                .expression_attribute_values(":one", n(1));
            parts.push(part(learn)?);
        }
        let done = transact(&self.store.db, parts).await?;
        if done != Transaction::Done {
            self.forget(&written).await;
            return Ok(Begun::Overtaken);
        }
        if turn.rev > 0 {
            // The turn still contains its earlier content, so the earlier turn was large only if this one is.
            self.forget(&Turn {
                rev: turn.rev,
                ..written.clone()
            })
            .await;
        }
        *turn = written;
        Ok(Begun::Done)
    }

    /// Writes a turn that was read or begun before. Afterwards `turn.rev` is the revision written.
    pub async fn save(&self, turn: &mut Turn) -> Result<Saved> {
        let written = Turn {
            rev: turn.rev + 1,
            ..turn.clone()
        };
        let put = self
            .store
            .db
            .put_item()
            .table_name(&self.store.tables().app)
            .set_item(Some(self.item(&written).await?))
            .condition_expression("rev = :rev")
            .expression_attribute_values(":rev", n(turn.rev))
            .return_values(ReturnValue::AllOld);
        match send_put(put).await? {
            Conditional::Held(old) => {
                if let Some(body) = old.get(BODY).and_then(|body| body.as_s().ok()) {
                    self.remove_object(turn, body).await;
                }
            }
            // A revision is written once, so its content identifies it.
            Conditional::Failed { item, in_doubt } => {
                let there = item.filter(|item| in_doubt && item.get("rev") == Some(&n(written.rev)));
                let is_own = match there {
                    Some(item) => self.read(item).await? == written,
                    None => false,
                };
                if !is_own {
                    return Ok(Saved::Overtaken);
                }
                // The turn still contains its earlier content, so the earlier turn was large only if this one is.
                self.forget(turn).await;
            }
        }
        *turn = written;
        Ok(Saved::Done)
    }

    /// Like [`Conversations::save`], and promises an event to webhooks in the same transaction, if there is one.
    pub async fn save_promising(&self, turn: &mut Turn, event: Option<&WebhookEvent>) -> Result<Saved> {
        let Some(promise) = self.store.part_promise_event(event)? else {
            return self.save(turn).await;
        };
        let written = Turn {
            rev: turn.rev + 1,
            ..turn.clone()
        };
        let parts = vec![self.part_save(turn, &written).await?, promise];
        if transact(&self.store.db, parts).await? == Transaction::Done {
            // The turn still contains its earlier content, so the earlier turn was large only if this one is.
            self.forget(turn).await;
            *turn = written;
            return Ok(Saved::Done);
        }
        self.forget(&written).await;
        Ok(Saved::Overtaken)
    }

    /// Returns the write of a turn that replaces the revision that was read.
    async fn part_save(&self, turn: &Turn, written: &Turn) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(&self.store.tables().app)
            .set_item(Some(self.item(written).await?))
            .condition_expression("rev = :rev")
            .expression_attribute_values(":rev", n(turn.rev))
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Like [`Conversations::save`]; counts what changed about an answer, promises its event to webhooks and lists its
    /// question as unanswered in the same transaction.
    pub async fn save_counted(
        &self,
        turn: &mut Turn,
        count: &AnswerCount,
        (event, unanswered): (Option<&WebhookEvent>, Option<&UnansweredQuestion>),
    ) -> Result<Saved> {
        let written = Turn {
            rev: turn.rev + 1,
            ..turn.clone()
        };
        let put = self.part_save(turn, &written).await?;
        let promise = self.store.part_promise_event(event)?;
        for count in [count, &count.unnamed()] {
            let mut parts = vec![put.clone(), count.part(&self.store)?];
            parts.extend(promise.clone());
            if let Some(question) = unanswered {
                parts.push(self.store.part_put_unanswered(&self.org, question)?);
            }
            match transact(&self.store.db, parts).await? {
                Transaction::Done => {
                    // The turn still contains its earlier content, so the earlier turn was large only if this one is.
                    self.forget(turn).await;
                    *turn = written;
                    return Ok(Saved::Done);
                }
                Transaction::Refused(1) => {}
                Transaction::Refused(_) => break,
            }
        }
        self.forget(&written).await;
        Ok(Saved::Overtaken)
    }

    /// Returns the turns that lead to `page.after`, which is a message, or to `head`, newest first, each with the
    /// answer that the next turn follows. The page's `next` is the message before its last question.
    pub async fn path(&self, id: &ConversationId, head: Option<&MessageId>, page: &PageRequest) -> Result<Page<Turn>> {
        let mut wanted = page.after.clone().map(MessageId).or_else(|| head.cloned());
        let limit = usize::from(page.limit);
        let (mut found, mut start) = (Vec::new(), None);
        let first = wanted.as_ref().map(MessageId::turn);
        let last = format!("{}{}", keys::TURNS, first.as_ref().map_or("", TurnId::as_str));
        // Parents are older than their children, so one pass back in time finds the whole path.
        while wanted.is_some() && found.len() < limit {
            let query = self.store.db.query().table_name(&self.store.tables().app);
            let answer = query
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":pk", s(keys::turns(&self.org, &self.user, id)))
                .expression_attribute_values(":first", s(keys::TURNS))
                .expression_attribute_values(":last", s(&last))
                .set_exclusive_start_key(start)
                .scan_index_forward(false)
                .consistent_read(true)
                .limit(PORTION.min(i32::from(page.limit)))
                .send()
                .await
                .map_err(item::failed)?;
            for item in answer.items.unwrap_or_default() {
                let name = item.get("id").and_then(|id| id.as_s().ok());
                let Some(message) = wanted.as_ref().filter(|_| found.len() < limit) else {
                    break;
                };
                if name == Some(&message.turn().0) {
                    let mut turn = self.read(item).await?;
                    turn.show(message);
                    wanted = turn.before();
                    if !turn.deleted {
                        found.push(turn);
                    }
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none()
                && found.len() < limit
                && let Some(missing) = wanted.take()
            {
                tracing::error!(message_id = %missing, "turn.missing");
            }
        }
        Ok(Page {
            items: found,
            next: wanted.map(|id| id.0),
        })
    }

    /// Returns all turns of a conversation, oldest first, on every path.
    pub async fn all_turns(&self, id: &ConversationId) -> Result<Vec<Turn>> {
        let query = self.store.db.query().table_name(&self.store.tables().app);
        let pk = keys::turns(&self.org, &self.user, id);
        let mut items = starting_with(query.consistent_read(true), &pk, keys::TURNS)
            .into_paginator()
            .items()
            .send();
        let mut turns = Vec::new();
        while let Some(item) = items.next().await {
            let turn = self.read(item.map_err(item::failed)?).await?;
            if !turn.deleted {
                turns.push(turn);
            }
        }
        Ok(turns)
    }

    /// Returns a turn as its item, after storing its texts in the bucket if they are large.
    async fn item(&self, turn: &Turn) -> Result<Item> {
        let key = keys::turn(&self.org, &self.user, &turn.conversation, &turn.id);
        if !is_large(turn) {
            return pack(to_item(&key, turn)?, &["question", "answers"]);
        }
        let words = Words {
            question: turn.question.clone(),
            answers: turn.answers.clone(),
        };
        let words = serde_json::to_vec(&words).map_err(Error::internal)?;
        let body = keys::large_turn(&self.org, &self.user, turn);
        self.objects.put(&body, Bytes::from(words), "application/json").await?;
        let thin = Turn {
            question: String::new(),
            answers: Vec::new(),
            ..turn.clone()
        };
        let mut item = to_item(&key, &thin)?;
        item.insert(BODY.to_owned(), s(body));
        Ok(item)
    }

    async fn read(&self, mut item: Item) -> Result<Turn> {
        unpack(&mut item)?;
        let body = item.remove(BODY);
        let mut turn: Turn = from_item(item)?;
        if let Some(body) = body.as_ref().and_then(|body| body.as_s().ok()) {
            let words = self.objects.get(body).await?;
            let words = words.ok_or_else(|| Error::unavailable("the texts of a turn are missing in the bucket"))?;
            let words: Words = serde_json::from_slice(&words).map_err(Error::internal)?;
            (turn.question, turn.answers) = (words.question, words.answers);
        }
        Ok(turn)
    }

    /// Removes the object of a superseded write. One that is left behind is removed with its conversation.
    async fn forget(&self, turn: &Turn) {
        if is_large(turn) {
            self.remove_object(turn, &keys::large_turn(&self.org, &self.user, turn))
                .await;
        }
    }

    async fn remove_object(&self, turn: &Turn, body: &str) {
        if let Err(error) = self.objects.delete(body).await {
            tracing::warn!(turn_id = %turn.id, %error, "turn.object_left");
        }
    }
}

/// Returns whether the texts of a turn are too large for its item. JSON escapes count too, so it overestimates.
fn is_large(turn: &Turn) -> bool {
    let answers = turn.answers.iter().map(|answer| {
        let citations = answer.citations.iter().map(|citation| citation.excerpt.len() + 400);
        let query = answer.query.as_ref().map_or(0, |query| {
            let texts = [&query.sql, &query.explanation, &query.table];
            let size: usize = texts.iter().map(|text| text.as_ref().map_or(0, String::len)).sum();
            size + query.question.len() + 4000
        });
        answer.text.len() + 1000 + citations.sum::<usize>() + query
    });
    turn.question.len() + answers.sum::<usize>() > LARGEST
}
