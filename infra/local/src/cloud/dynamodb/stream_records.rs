//! The records of table streams, which dynoxide never removes itself.
//!
//! A record contains whole items, so it would keep what was erased since. AWS removes records after a day; here they
//! are removed once the function that follows the table has processed them, and at once for tables without such a
//! function. The last record of a table stays, without its items, because the sequence number of the next one is
//! derived from it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};

/// Retention of unprocessed records, as on AWS.
const KEPT_SECONDS: i64 = 24 * 3600;
/// Longest wait for a write of dynoxide to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How far a table is followed.
#[derive(Debug)]
pub(in crate::cloud) struct StreamPosition {
    table: String,
    /// The number of the last change that was dealt with; none before the first one.
    after: Mutex<Option<String>>,
}

impl StreamPosition {
    pub(in crate::cloud) fn new(table: &str, after: Option<String>) -> Arc<Self> {
        Arc::new(Self {
            table: table.to_owned(),
            after: Mutex::new(after),
        })
    }

    pub(in crate::cloud) fn advance(&self, to: &str) {
        *self.after.lock().unwrap_or_else(PoisonError::into_inner) = Some(to.to_owned());
    }

    /// The number as it is stored; -1 before the first change.
    fn number(&self) -> i64 {
        let after = self.after.lock().unwrap_or_else(PoisonError::into_inner);
        after.as_deref().and_then(stored_number).unwrap_or(-1)
    }
}

/// Returns the stored number of a sequence number, which dynoxide pads to 21 digits as AWS does: a 1, zeros, the
/// number.
fn stored_number(told: &str) -> Option<i64> {
    told.strip_prefix('1')?.parse().ok()
}

/// Creates the index that dynoxide lacks: it looks up the last record of a table with every write, and the records
/// after a position with every read of the stream.
pub(super) fn prepare(path: &Path) -> rusqlite::Result<()> {
    let database = open(path)?;
    database.execute(
        "DELETE FROM _stream_records WHERE created_at < unixepoch() - ?1",
        [KEPT_SECONDS],
    )?;
    database.execute_batch(
        "CREATE INDEX IF NOT EXISTS parlance_streams
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )
}

/// Removes processed records: all of tables that no function follows, and those of the others up to its position.
pub(super) fn trim(path: &Path, followed: &[Arc<StreamPosition>]) -> rusqlite::Result<()> {
    let mut database = open(path)?;
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for table in tables(&transaction)? {
        let position = followed.iter().find(|position| position.table == table);
        let done = position.map_or(i64::MAX, |position| position.number());
        transaction.execute(
            "DELETE FROM _stream_records
             WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2
               AND CAST(sequence_number AS INTEGER) <
                   (SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ?1)",
            params![table, done],
        )?;
        transaction.execute(
            "UPDATE _stream_records SET keys_json = '{}', new_image = NULL, old_image = NULL, user_identity = NULL
             WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2 AND keys_json <> '{}'",
            params![table, done],
        )?;
    }
    transaction.commit()
}

/// Writes the file anew, without what was deleted in places that nothing uses, and takes over what is in the log beside
/// it.
pub(super) fn compact(path: &Path) -> rusqlite::Result<()> {
    let database = open(path)?;
    database.execute_batch("VACUUM")?;
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn tables(database: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut tables = database.prepare("SELECT DISTINCT table_name FROM _stream_records")?;
    tables.query_map([], |row| row.get(0))?.collect()
}

/// A connection whose deletions overwrite what they delete.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let database = Connection::open(path)?;
    database.busy_timeout(BUSY_TIMEOUT)?;
    database.execute_batch("PRAGMA secure_delete = ON")?;
    Ok(database)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_told_is_the_one_that_is_stored() {
        assert_eq!(stored_number("100001796010180311021"), Some(1_796_010_180_311_021));
        assert_eq!(stored_number("100000000000000000001"), Some(1));
        assert_eq!(stored_number(""), None);
    }
}
