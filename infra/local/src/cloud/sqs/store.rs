//! Where queues and messages are kept: one SQLite file.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::error::SqsError;
use super::message::{DeadLetter, Draft, Message, receipt_handle};
use super::queue::{Attributes, Queue};
use crate::cloud::new_id;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS queues (
    name TEXT PRIMARY KEY,
    attributes TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL REFERENCES queues (name) ON DELETE CASCADE,
    body TEXT NOT NULL,
    attributes TEXT NOT NULL,
    sent_ms INTEGER NOT NULL,
    visible_ms INTEGER NOT NULL,
    -- Of the latest receive; none before the first one.
    receipt TEXT,
    receive_count INTEGER NOT NULL DEFAULT 0,
    first_received_ms INTEGER,
    last_received_ms INTEGER,
    -- The queue that gave the message up.
    source TEXT,
    -- The tenant that it belongs to.
    tenant TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS messages_by_visibility ON messages (queue, visible_ms, seq);
CREATE INDEX IF NOT EXISTS messages_by_age ON messages (queue, sent_ms);
";

/// How many messages a queue holds, by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// They can be received now.
    pub visible: u64,
    /// They were received and are neither deleted nor visible again.
    pub in_flight: u64,
    /// They were never received, and their delay runs.
    pub delayed: u64,
}

/// What a receive found.
#[derive(Default)]
pub(super) struct Received {
    pub(super) messages: Vec<Message>,
    /// How many were moved to the dead-letter queue instead.
    pub(super) given_up: usize,
}

/// The open file.
pub(super) struct Store(Connection);

impl Store {
    /// Opens the file, or an empty database in memory.
    ///
    /// Write-ahead log with `synchronous = NORMAL`: committed data survives a crash of this process; a power failure
    /// may lose the last moments.
    ///
    /// Messages that a previous process had in flight stay so until their visibility timeout ends, as in SQS, which
    /// does not learn of a crashed consumer either.
    pub(super) fn open(path: Option<&Path>) -> rusqlite::Result<Self> {
        let connection = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; \
                 PRAGMA secure_delete = ON;",
        )?;
        connection.execute_batch(SCHEMA)?;
        let mut columns = connection.prepare("SELECT 1 FROM pragma_table_info('messages') WHERE name = 'tenant'")?;
        if !columns.exists([])? {
            // Made by an earlier release.
            connection.execute_batch("ALTER TABLE messages ADD COLUMN tenant TEXT")?;
        }
        drop(columns);
        Ok(Self(connection))
    }

    /// Runs several statements as one.
    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Steps<'_>) -> Result<T, SqsError>,
    ) -> Result<T, SqsError> {
        let transaction = self.0.transaction()?;
        let done = work(&Steps(&transaction))?;
        transaction.commit()?;
        Ok(done)
    }
}

/// The statements, inside a transaction. Times are milliseconds since the epoch.
pub(super) struct Steps<'a>(&'a Transaction<'a>);

impl Steps<'_> {
    pub(super) fn queue(&self, name: &str) -> Result<Queue, SqsError> {
        self.find_queue(name)?.ok_or_else(SqsError::no_such_queue)
    }

    pub(super) fn find_queue(&self, name: &str) -> Result<Option<Queue>, SqsError> {
        let mut find = self
            .0
            .prepare_cached("SELECT name, attributes, created_ms, modified_ms FROM queues WHERE name = ?1")?;
        Ok(find.query_row([name], queue).optional()?)
    }

    /// All queues by name.
    pub(super) fn queues(&self) -> Result<Vec<Queue>, SqsError> {
        let mut all = self
            .0
            .prepare_cached("SELECT name, attributes, created_ms, modified_ms FROM queues ORDER BY name")?;
        Ok(all.query_map([], queue)?.collect::<Result<_, _>>()?)
    }

    pub(super) fn insert_queue(&self, name: &str, attributes: &Attributes, now: i64) -> Result<(), SqsError> {
        self.0.execute(
            "INSERT INTO queues (name, attributes, created_ms, modified_ms) VALUES (?1, ?2, ?3, ?3)",
            params![name, to_json(attributes), now],
        )?;
        Ok(())
    }

    pub(super) fn update_queue(&self, name: &str, attributes: &Attributes, now: i64) -> Result<(), SqsError> {
        self.0.execute(
            "UPDATE queues SET attributes = ?2, modified_ms = ?3 WHERE name = ?1",
            params![name, to_json(attributes), now],
        )?;
        Ok(())
    }

    /// Removes the queue with its messages.
    pub(super) fn delete_queue(&self, name: &str) -> Result<(), SqsError> {
        self.0.execute("DELETE FROM queues WHERE name = ?1", [name])?;
        Ok(())
    }

    pub(super) fn purge(&self, queue: &str) -> Result<(), SqsError> {
        self.0.execute("DELETE FROM messages WHERE queue = ?1", [queue])?;
        Ok(())
    }

    /// Removes what is older than the queue's retention.
    pub(super) fn expire(&self, queue: &Queue, now: i64) -> Result<(), SqsError> {
        let oldest = now.saturating_sub(queue.retention_ms());
        self.0
            .prepare_cached("DELETE FROM messages WHERE queue = ?1 AND sent_ms < ?2")?
            .execute(params![queue.name, oldest])?;
        Ok(())
    }

    /// Adds a message and returns its id.
    pub(super) fn send(&self, queue: &Queue, draft: &Draft, now: i64) -> Result<String, SqsError> {
        let id = new_id();
        let visible = now + draft.delay_s.map_or(queue.delay_ms(), |delay| delay * 1000);
        let mut insert = self.0.prepare_cached(
            "INSERT INTO messages (id, queue, body, attributes, sent_ms, visible_ms, tenant)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let attributes = to_json(&draft.attributes);
        insert.execute(params![
            id,
            queue.name,
            draft.body,
            attributes,
            now,
            visible,
            draft.group
        ])?;
        Ok(id)
    }

    /// Hands out up to `max` visible messages and hides them until `now + visibility_ms`. A message that was
    /// received as often as the redrive policy allows goes to the dead-letter queue instead.
    pub(super) fn receive(
        &self,
        queue: &Queue,
        max: usize,
        visibility_ms: i64,
        now: i64,
    ) -> Result<Received, SqsError> {
        let redrive = queue.redrive();
        let dead_letters = match &redrive {
            Some(redrive) => self.find_queue(&redrive.dead_letter_queue)?,
            None => None,
        };
        let limit = redrive.map_or(u32::MAX, |redrive| redrive.max_receive_count);
        let mut received = Received::default();
        while received.messages.len() < max {
            let noisy = self.noisy_tenants(&queue.name, now)?;
            let Some(mut message) = self.first_visible(&queue.name, now, &noisy)? else {
                break;
            };
            match &dead_letters {
                Some(dead_letters) if message.receive_count >= limit => {
                    self.give_up(&message.id, queue, dead_letters, now)?;
                    received.given_up += 1;
                }
                _ => {
                    self.hand_out(&mut message, now, visibility_ms)?;
                    received.messages.push(message);
                }
            }
        }
        Ok(received)
    }

    /// Returns the tenants whose messages wait while others have some, as a JSON array. As in a fair queue, these have
    /// more than a tenth of the messages in flight, and at least 30. See
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>.
    fn noisy_tenants(&self, queue: &str, now: i64) -> Result<String, SqsError> {
        let mut noisy = self.0.prepare_cached(
            "WITH flying AS (SELECT tenant FROM messages
                 WHERE queue = ?1 AND visible_ms > ?2 AND receipt IS NOT NULL)
             SELECT json_group_array(tenant) FROM (SELECT tenant FROM flying WHERE tenant IS NOT NULL GROUP BY tenant
                 HAVING count(*) >= 30 AND count(*) * 10 > (SELECT count(*) FROM flying))",
        )?;
        Ok(noisy.query_row(params![queue, now], |row| row.get(0))?)
    }

    fn first_visible(&self, queue: &str, now: i64, noisy: &str) -> Result<Option<Message>, SqsError> {
        let mut first = self.0.prepare_cached(if noisy == "[]" {
            "SELECT id, body, attributes, sent_ms, first_received_ms, receive_count, source, tenant FROM messages
                 WHERE queue = ?1 AND visible_ms <= ?2 AND ?3 <> '' ORDER BY visible_ms, seq LIMIT 1"
        } else {
            "SELECT id, body, attributes, sent_ms, first_received_ms, receive_count, source, tenant FROM messages
                 WHERE queue = ?1 AND visible_ms <= ?2
                 ORDER BY ifnull(tenant IN (SELECT value FROM json_each(?3)), 0), visible_ms, seq LIMIT 1"
        })?;
        let read = |row: &Row<'_>| {
            Ok(Message {
                id: row.get(0)?,
                receipt_handle: String::new(),
                body: row.get(1)?,
                attributes: from_json(row, 2)?,
                sent_ms: row.get(3)?,
                first_received_ms: row.get::<_, Option<i64>>(4)?.unwrap_or(now),
                receive_count: row.get(5)?,
                source: row.get(6)?,
                group: row.get(7)?,
            })
        };
        Ok(first.query_row(params![queue, now, noisy], read).optional()?)
    }

    fn hand_out(&self, message: &mut Message, now: i64, visibility_ms: i64) -> Result<(), SqsError> {
        let receipt = new_id();
        message.receive_count += 1;
        message.receipt_handle = receipt_handle(&message.id, &receipt);
        // A timeout of zero would otherwise hand the same message out twice in one answer.
        let visible = now + visibility_ms.max(1);
        let mut update = self.0.prepare_cached(
            "UPDATE messages SET visible_ms = ?2, receipt = ?3, receive_count = ?4, first_received_ms = ?5,
             last_received_ms = ?6 WHERE id = ?1",
        )?;
        update.execute(params![
            message.id,
            visible,
            receipt,
            message.receive_count,
            message.first_received_ms,
            now
        ])?;
        Ok(())
    }

    fn give_up(&self, id: &str, from: &Queue, to: &Queue, now: i64) -> Result<(), SqsError> {
        let mut update = self.0.prepare_cached(
            "UPDATE messages SET queue = ?2, source = ?3, receipt = NULL, visible_ms = ?4 WHERE id = ?1",
        )?;
        update.execute(params![id, to.name, from.name, now])?;
        Ok(())
    }

    /// Deletes what the receipt stands for. A receipt that a later receive replaced deletes nothing, which
    /// SQS does not report either.
    pub(super) fn delete(&self, queue: &str, id: &str, receipt: &str) -> Result<(), SqsError> {
        let mut delete = self
            .0
            .prepare_cached("DELETE FROM messages WHERE id = ?1 AND queue = ?2 AND receipt = ?3")?;
        delete.execute(params![id, queue, receipt])?;
        Ok(())
    }

    /// When the message was received, if it is in flight under this receipt.
    pub(super) fn in_flight_since(
        &self,
        queue: &str,
        (id, receipt): (&str, &str),
        now: i64,
    ) -> Result<Option<i64>, SqsError> {
        let mut find = self.0.prepare_cached(
            "SELECT last_received_ms FROM messages
             WHERE id = ?1 AND queue = ?2 AND receipt = ?3 AND visible_ms > ?4",
        )?;
        Ok(find
            .query_row(params![id, queue, receipt, now], |row| row.get(0))
            .optional()?)
    }

    /// Makes a message visible at `visible`.
    pub(super) fn change_visibility(&self, id: &str, visible: i64) -> Result<(), SqsError> {
        let mut update = self
            .0
            .prepare_cached("UPDATE messages SET visible_ms = ?2 WHERE id = ?1")?;
        update.execute(params![id, visible])?;
        Ok(())
    }

    /// Whether a queue has as many messages in flight as it may.
    pub(super) fn is_over_limit(&self, queue: &str, now: i64, limit: i64) -> Result<bool, SqsError> {
        let mut count = self.0.prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM messages
             WHERE queue = ?1 AND visible_ms > ?2 AND receipt IS NOT NULL LIMIT ?3)",
        )?;
        let found: i64 = count.query_row(params![queue, now, limit], |row| row.get(0))?;
        Ok(found >= limit)
    }

    pub(super) fn counts(&self, queue: &str, now: i64) -> Result<Counts, SqsError> {
        let mut count = self.0.prepare_cached(
            "SELECT count(*) FILTER (WHERE visible_ms <= ?2),
                    count(*) FILTER (WHERE visible_ms > ?2 AND receipt IS NOT NULL),
                    count(*) FILTER (WHERE visible_ms > ?2 AND receipt IS NULL)
             FROM messages WHERE queue = ?1",
        )?;
        Ok(count.query_row(params![queue, now], |row| {
            Ok(Counts {
                visible: row.get(0)?,
                in_flight: row.get(1)?,
                delayed: row.get(2)?,
            })
        })?)
    }

    /// When the next message that is invisible now becomes visible.
    pub(super) fn next_visible(&self, queue: &str, now: i64) -> Result<Option<i64>, SqsError> {
        let mut next = self
            .0
            .prepare_cached("SELECT min(visible_ms) FROM messages WHERE queue = ?1 AND visible_ms > ?2")?;
        Ok(next.query_row(params![queue, now], |row| row.get(0))?)
    }

    /// The messages of `dead_letters` that came from `source` or were sent there directly, oldest first.
    pub(super) fn dead_letters(&self, dead_letters: &str, source: &str) -> Result<Vec<DeadLetter>, SqsError> {
        let mut list = self.0.prepare_cached(
            "SELECT id, body, receive_count, sent_ms, first_received_ms, last_received_ms FROM messages
             WHERE queue = ?1 AND (source = ?2 OR source IS NULL) ORDER BY seq",
        )?;
        let read = |row: &Row<'_>| {
            Ok(DeadLetter {
                id: row.get(0)?,
                body: row.get(1)?,
                receive_count: row.get(2)?,
                sent_ms: row.get(3)?,
                first_received_ms: row.get(4)?,
                last_received_ms: row.get(5)?,
            })
        };
        Ok(list
            .query_map([dead_letters, source], read)?
            .collect::<Result<_, _>>()?)
    }

    /// Moves dead letters on as new messages: new ids, sent now, never received. Those in flight stay.
    pub(super) fn redrive(&self, from: &str, to: &str, source: &str, now: i64) -> Result<usize, SqsError> {
        let mut list = self.0.prepare_cached(
            "SELECT id FROM messages
             WHERE queue = ?1 AND (source = ?2 OR source IS NULL) AND visible_ms <= ?3 ORDER BY seq",
        )?;
        let ids: Vec<String> = list
            .query_map(params![from, source, now], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut update = self.0.prepare_cached(
            "UPDATE messages SET id = ?2, queue = ?3, sent_ms = ?4, visible_ms = ?4, receipt = NULL,
             receive_count = 0, first_received_ms = NULL, last_received_ms = NULL, source = NULL WHERE id = ?1",
        )?;
        for id in &ids {
            update.execute(params![id, new_id(), to, now])?;
        }
        Ok(ids.len())
    }
}

fn queue(row: &Row<'_>) -> rusqlite::Result<Queue> {
    Ok(Queue {
        name: row.get(0)?,
        attributes: from_json(row, 1)?,
        created_ms: row.get(2)?,
        modified_ms: row.get(3)?,
    })
}

/// Maps of texts always have a JSON form.
fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn from_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}
