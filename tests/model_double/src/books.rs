//! What the double has sold: its own count, which a test compares with ours.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::sync::watch;

use crate::{Protocol, locked};

/// Tokens, as the vendors mean them: cached ones are part of the prompt, reasoning is part of the completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Tokens read.
    pub prompt: u64,
    /// Those that came out of a cache.
    pub cached: u64,
    /// Those that were written into a cache.
    pub cache_write: u64,
    /// Tokens written.
    pub completion: u64,
    /// Those that were reasoning.
    pub reasoning: u64,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The answer was handed over whole.
    Complete,
    /// It was refused with a status.
    Refused(u16),
    /// The script broke it off.
    Failed,
    /// The client left before the end.
    Closed,
}

/// A call, as the double saw it.
#[derive(Debug, Clone)]
pub struct Call {
    /// Whose protocol it spoke.
    pub protocol: Protocol,
    /// The model it asked for.
    pub model: String,
    /// Path and query.
    pub path: String,
    /// Its headers, with lower-case names.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: Value,
    /// What was read and, so far, written.
    pub counts: Counts,
    /// How it ended; nothing while it runs.
    pub end: Option<End>,
}

/// The sums of all calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Calls that arrived.
    pub calls: u64,
    /// Tokens of prompts that were read: those of refused calls are not.
    pub prompt_tokens: u64,
    /// Tokens that were written, wherever the answer ended.
    pub completion_tokens: u64,
    /// Calls that have not ended.
    pub running: u64,
}

#[derive(Default)]
struct Kept {
    calls: Vec<Call>,
    totals: Totals,
}

pub(crate) struct Books {
    kept: Mutex<Kept>,
    keep: usize,
    changed: watch::Sender<()>,
}

/// A running call. Dropped before its end, the client has left.
pub(crate) struct Running {
    books: Arc<crate::Shared>,
    place: usize,
    has_ended: bool,
}

impl Books {
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            kept: Mutex::default(),
            keep,
            changed: watch::channel(()).0,
        }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        locked(&self.kept).calls.clone()
    }

    pub(crate) fn totals(&self) -> Totals {
        locked(&self.kept).totals
    }

    pub(crate) async fn until(&self, wanted: impl Fn(&[Call]) -> bool) {
        let mut changes = self.changed.subscribe();
        while !wanted(&locked(&self.kept).calls) {
            // The sender lives as long as `self`.
            let _ = changes.changed().await;
        }
    }

    /// Changes the books and tells those who wait for it.
    fn change(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut locked(&self.kept));
        self.changed.send_replace(());
    }
}

impl Running {
    pub(crate) fn begin(shared: &Arc<crate::Shared>, call: Call) -> Self {
        let mut place = 0;
        shared.books.change(|kept| {
            kept.totals.calls += 1;
            kept.totals.running += 1;
            place = if kept.calls.len() < shared.books.keep {
                kept.calls.push(call);
                kept.calls.len() - 1
            } else {
                usize::MAX
            };
        });
        Self {
            books: Arc::clone(shared),
            place,
            has_ended: false,
        }
    }

    /// The prompt was read.
    pub(crate) fn read(&self, tokens: u64) {
        self.books.books.change(|kept| kept.totals.prompt_tokens += tokens);
    }

    /// One more token was written.
    pub(crate) fn wrote(&self, reasoning: bool) {
        let place = self.place;
        self.books.books.change(|kept| {
            kept.totals.completion_tokens += 1;
            if let Some(call) = kept.calls.get_mut(place) {
                call.counts.completion += 1;
                call.counts.reasoning += u64::from(reasoning);
            }
        });
    }

    pub(crate) fn end(mut self, end: End) {
        self.note(end);
    }

    fn note(&mut self, end: End) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        let place = self.place;
        self.books.books.change(|kept| {
            kept.totals.running -= 1;
            if let Some(call) = kept.calls.get_mut(place) {
                call.end = Some(end);
            }
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.note(End::Closed);
    }
}
