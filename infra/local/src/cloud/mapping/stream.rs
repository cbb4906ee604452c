//! The event-source mapping of a table's stream: what Lambda does between the changes of a table and a function.
//!
//! Records are passed to the handler in order, a batch at a time, and are redelivered from the first one that it
//! reports as failed. The position is stored in the data folder; if that is lost, everything that the stream still
//! retains is redelivered. Unlike Lambda, it retries forever and filters nothing. See
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>.

use std::fs;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::DynamoDbEventResponse;
use dynoxide::Database;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cloud::FileError;
use crate::cloud::dynamodb::stream_records::StreamPosition;

/// The function behind a mapping: it returns the record from which the batch failed, or an error if the call failed.
pub type Handler = Arc<dyn Fn(Event) -> BoxFuture<'static, Result<DynamoDbEventResponse, String>> + Send + Sync>;

/// Records of one batch.
const BATCH: usize = 100;
/// How often the stream is polled.
const EVERY: Duration = Duration::from_millis(250);

/// A running mapping. Dropping it aborts the running call; [`StreamMapping::stop`] awaits it.
pub struct StreamMapping {
    source: Arc<Source>,
    shared: Arc<StreamPosition>,
    poller: JoinSet<()>,
    stop: CancellationToken,
}

struct Source {
    database: Database,
    table: String,
    handler: Handler,
    position: Mutex<Position>,
}

/// The position in the stream; one turn at a time.
struct Position {
    file: Option<PathBuf>,
    /// The same, for the removal of processed changes.
    shared: Arc<StreamPosition>,
    /// The number of the last processed record; `None` before the first one.
    after: Option<String>,
}

/// The outcome of a turn.
enum Turn {
    /// Nothing was left.
    Idle,
    /// Records were processed, and more may be left.
    Moved,
    /// This many records wait for redelivery.
    Failed(u64),
}

impl StreamMapping {
    /// Delivers the changes of `table` to `handler`: automatically if `polls`, else only when [drained](Self::drain).
    /// `file`: where to store the position. Must be called inside a Tokio runtime.
    pub fn new(database: Database, table: &str, file: Option<PathBuf>, polls: bool, handler: Handler) -> Self {
        let after = file.as_deref().and_then(noted);
        let shared = StreamPosition::new(table, after.clone());
        let source = Arc::new(Source {
            database,
            table: table.to_owned(),
            handler,
            position: Mutex::new(Position {
                file,
                shared: Arc::clone(&shared),
                after,
            }),
        });
        let (mut poller, stop) = (JoinSet::new(), CancellationToken::new());
        if polls {
            poller.spawn(Arc::clone(&source).poll(stop.clone()));
        }
        Self {
            source,
            shared,
            poller,
            stop,
        }
    }

    /// Returns the position, which is updated.
    pub(in crate::cloud) fn position(&self) -> Arc<StreamPosition> {
        Arc::clone(&self.shared)
    }

    /// Delivers until nothing is left, or the handler fails; returns how many records wait for redelivery.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub async fn drain(&self) -> Result<u64, String> {
        self.source.drain().await
    }

    /// Stops taking batches and waits for the running one.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.poller.join_next().await.is_some() {}
    }
}

impl Source {
    async fn poll(self: Arc<Self>, stop: CancellationToken) {
        let mut timer = tokio::time::interval(EVERY);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(timer.tick()).await.is_some() {
            while !stop.is_cancelled() {
                match self.turn().await {
                    Ok(Turn::Moved) => {}
                    Ok(Turn::Idle | Turn::Failed(_)) => break,
                    Err(error) => {
                        tracing::warn!(table = self.table, error, "the stream cannot be read");
                        break;
                    }
                }
            }
        }
    }

    async fn drain(&self) -> Result<u64, String> {
        loop {
            match self.turn().await? {
                Turn::Moved => {}
                Turn::Idle => return Ok(0),
                Turn::Failed(waiting) => return Ok(waiting),
            }
        }
    }

    /// Delivers one batch.
    async fn turn(&self) -> Result<Turn, String> {
        let mut position = self.position.lock().await;
        let event = self.read(position.after.clone()).await?;
        let numbers: Vec<String> = event
            .records
            .iter()
            .map(|record| record.change.sequence_number.clone().unwrap_or_default())
            .collect();
        if numbers.is_empty() {
            return Ok(Turn::Idle);
        }
        let call = AssertUnwindSafe(async { (self.handler)(event).await }).catch_unwind();
        let done = match call.await {
            Ok(Ok(answer)) => done(&answer, &numbers),
            Ok(Err(reason)) => Err(reason),
            Err(_) => Err("the handler panicked".to_owned()),
        };
        let done = done.unwrap_or_else(|reason| {
            tracing::warn!(table = self.table, reason, "the batch failed as a whole");
            0
        });
        if let Some(last) = done.checked_sub(1) {
            position.advance(&numbers[last])?;
        }
        let waiting = u64::try_from(numbers.len() - done).unwrap_or(u64::MAX);
        Ok(if waiting == 0 {
            Turn::Moved
        } else {
            Turn::Failed(waiting)
        })
    }

    /// Returns the event with the records after this one.
    async fn read(&self, after: Option<String>) -> Result<Event, String> {
        let (database, table) = (self.database.clone(), self.table.clone());
        let read = tokio::task::spawn_blocking(move || records(&database, &table, after.as_deref()));
        read.await.map_err(|error| error.to_string())?
    }
}

/// Returns the position stored in a file. Without a valid one, everything is redelivered: that is better than nothing.
fn noted(file: &Path) -> Option<String> {
    let is_number = |text: &str| text.len() >= 21 && text.bytes().all(|byte| byte.is_ascii_digit());
    match fs::read_to_string(file) {
        Ok(text) if is_number(&text) => return Some(text),
        Ok(_) => tracing::warn!(file = %file.display(), "the file is damaged: all changes are followed once more"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            let error = FileError::reading(file)(error);
            tracing::warn!(%error, "all changes are followed once more");
        }
    }
    None
}

impl Position {
    fn advance(&mut self, to: &str) -> Result<(), String> {
        if let Some(file) = &self.file {
            let draft = file.with_extension("draft");
            let written = fs::write(&draft, to).and_then(|()| fs::rename(&draft, file));
            written.map_err(|error| FileError::writing(file)(error).to_string())?;
        }
        self.after = Some(to.to_owned());
        self.shared.advance(to);
        Ok(())
    }
}

/// Returns how many records of a batch are processed. As with Lambda, they are redelivered from the first one that is
/// reported; a report of a record outside of the batch, or of none, makes the whole batch fail.
fn done(answer: &DynamoDbEventResponse, numbers: &[String]) -> Result<usize, String> {
    let mut done = numbers.len();
    for failure in &answer.batch_item_failures {
        let failed = failure.item_identifier.as_deref().unwrap_or_default();
        let place = numbers.iter().position(|number| number == failed);
        let place = place.ok_or_else(|| format!("the handler reports a record that it was not given: {failed:?}"))?;
        done = done.min(place);
    }
    Ok(done)
}

fn records(database: &Database, table: &str, after: Option<&str>) -> Result<Event, String> {
    let failed = |error: dynoxide::errors::DynoxideError| error.to_string();
    let listed = database
        .list_streams(request(json!({ "TableName": table }))?)
        .map_err(failed)?;
    let Some(stream) = listed.streams.into_iter().next() else {
        return Err(format!("{table} has no stream"));
    };
    let described = database.describe_stream(request(json!({ "StreamArn": stream.stream_arn }))?);
    let mut batch = Vec::new();
    // The embedded tables have one shard.
    for shard in described.map_err(failed)?.stream_description.shards {
        let place = match after {
            None => json!({ "ShardIteratorType": "TRIM_HORIZON" }),
            Some(number) => json!({ "ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": number }),
        };
        let mut wanted = json!({ "StreamArn": stream.stream_arn, "ShardId": shard.shard_id });
        merge(&mut wanted, place);
        let iterator = database.get_shard_iterator(request(wanted)?).map_err(failed)?;
        let wanted = json!({ "ShardIterator": iterator.shard_iterator, "Limit": BATCH });
        let found = database.get_records(request(wanted)?).map_err(failed)?;
        for record in found.records {
            let mut record = serde_json::to_value(record).map_err(|error| error.to_string())?;
            merge(&mut record, json!({ "eventSourceARN": stream.stream_arn }));
            batch.push(record);
        }
    }
    request(json!({ "Records": batch }))
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

fn request<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}
