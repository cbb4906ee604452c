//! Turns of a conversation: one item each, whose words are compressed above a kilobyte ([`crate::chats::packed`]), and an object in
//! the bucket when one grows too large for an item.
//!
//! Who writes a turn writes all of it and says which write it goes back to, so nothing that somebody else wrote in
//! between is lost. What is said is the path from the conversation's head back to its first turn.

use aws_sdk_dynamodb::types::{Put, ReturnValue};
use bytes::Bytes;
use domain::{Answer, Conversation, ConversationId, Error, MessageId, Page, PageRequest, Result, Turn, TurnId};
use serde::{Deserialize, Serialize};

use crate::{
    Conversations,
    chats::conversations::UNMOVED,
    chats::packed::{pack, unpack},
    keys,
    table::item::{
        self, Conditional, ITEM_MISSING, Item, Transaction, from_item, n, part, s, send_put, starting_with, to_item,
        transact, value,
    },
};

/// Largest words of a turn that stay in its item, bytes of JSON: an item holds 400 KB, and its citations, names of
/// attributes and keys count too.
const LARGEST: usize = 300 * 1024;
/// The attribute that names the object with the words of a large turn.
const BODY: &str = "body";
/// Turns read at once while a path is followed.
const PORTION: i32 = 25;

/// What of a turn goes to the bucket when it is large.
#[derive(Serialize, Deserialize)]
struct Words {
    question: String,
    answers: Vec<Answer>,
}

/// Whether a turn was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It was.
    Done,
    /// Somebody did something to the path since it was read, or the conversation is gone.
    Overtaken,
}

/// Whether a turn was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It was.
    Done,
    /// Somebody wrote it since it was read, or it is gone.
    Overtaken,
}

impl Conversations {
    /// One turn; one whose words were taken away is none.
    pub async fn turn(&self, conversation: &ConversationId, id: &TurnId) -> Result<Option<Turn>> {
        let key = keys::turn(&self.org, &self.user, conversation, id);
        let Some(item) = self.store.app().get_raw(key, true).await? else {
            return Ok(None);
        };
        Ok(Some(self.read(item).await?).filter(|turn| !turn.deleted))
    }

    /// Writes a turn and makes it the head of its conversation, in one transaction that fails when either was touched
    /// since it was read. A new turn has `rev` 0, and its earlier versions learn of it; the conversation gets `title`
    /// when it has none. Afterwards `turn.rev` is that of the write.
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
            aws_sdk_dynamodb::types::TransactWriteItem::builder().put(put).build(),
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
            // What it was before is in it still, so this one was large only if that is.
            self.forget(&Turn {
                rev: turn.rev,
                ..written.clone()
            })
            .await;
        }
        *turn = written;
        Ok(Begun::Done)
    }

    /// Writes a turn that was read or begun before. Afterwards `turn.rev` is that of the write.
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
            // A revision is written once, so it is known again by its content.
            Conditional::Failed { item, in_doubt } => {
                let there = item.filter(|item| in_doubt && item.get("rev") == Some(&n(written.rev)));
                let is_own = match there {
                    Some(item) => self.read(item).await? == written,
                    None => false,
                };
                if !is_own {
                    return Ok(Saved::Overtaken);
                }
                // What it was before is in it still, so it was large only if this is.
                self.forget(turn).await;
            }
        }
        *turn = written;
        Ok(Saved::Done)
    }

    /// The turns that lead to `page.after`, which is a message, or to `head`, newest first and each with the answer
    /// shown that the next one followed. `next` of the page is the message before its last question.
    pub async fn path(&self, id: &ConversationId, head: Option<&MessageId>, page: &PageRequest) -> Result<Page<Turn>> {
        let mut wanted = page.after.clone().map(MessageId).or_else(|| head.cloned());
        let limit = usize::from(page.limit);
        let (mut found, mut start) = (Vec::new(), None);
        let first = wanted.as_ref().map(MessageId::turn);
        let last = format!("{}{}", keys::TURNS, first.as_ref().map_or("", TurnId::as_str));
        // Parents are older than their children, so one walk back in time meets the whole path.
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

    /// All turns of a conversation, oldest first, whatever path they are on.
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

    /// A turn as its item; its words go to the bucket first when they are large.
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
            let words = words.ok_or_else(|| Error::unavailable("the words of a turn are not there"))?;
            let words: Words = serde_json::from_slice(&words).map_err(Error::internal)?;
            (turn.question, turn.answers) = (words.question, words.answers);
        }
        Ok(turn)
    }

    /// Removes the object of a write that is not the last one any more. One that stays behind goes with its
    /// conversation.
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

/// Whether the words of a turn are too large for its item. Escapes of JSON count too, so it errs on the large side.
fn is_large(turn: &Turn) -> bool {
    let answers = turn.answers.iter().map(|answer| {
        let citations = answer.citations.iter().map(|citation| citation.excerpt.len() + 400);
        answer.text.len() + 1000 + citations.sum::<usize>()
    });
    turn.question.len() + answers.sum::<usize>() > LARGEST
}
