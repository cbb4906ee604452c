//! The answers that this process is generating, for the clients that follow them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{Error, MessageId, Result, Turn, UpstreamKind};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::ai::generate::FIRST_PIECE;

/// All answers that this process is generating.
#[derive(Default)]
pub(crate) struct ActiveAnswers(Mutex<HashMap<MessageId, Arc<AnswerBroadcast>>>);

/// An answer that this process is generating.
pub(crate) struct AnswerBroadcast {
    progress: watch::Sender<Progress>,
    /// Cancelled to stop the answer.
    pub(crate) stop: CancellationToken,
}

/// The progress of an answer.
#[derive(Default)]
pub(crate) struct Progress {
    /// Text generated so far, including the first part of a continued answer.
    pub(crate) text: String,
    /// The model's reasoning since this process took over. It is not stored.
    pub(crate) thinking: String,
    /// Whether a provider has accepted the request.
    pub(crate) is_accepted: bool,
    /// How it ended.
    pub(crate) end: Option<Ended>,
}

/// How an answer ended. It is already stored.
#[derive(Clone)]
pub(crate) enum Ended {
    /// As stored in the turn.
    Stored(Arc<Turn>),
    /// With an error.
    Broken(Arc<Error>),
}

impl ActiveAnswers {
    /// Registers an answer of which `text` has already been generated.
    pub(super) fn open(&self, answer: &MessageId, text: String) -> Arc<AnswerBroadcast> {
        let (progress, _) = watch::channel(Progress {
            text,
            ..Progress::default()
        });
        let live = Arc::new(AnswerBroadcast {
            progress,
            stop: CancellationToken::new(),
        });
        self.all().insert(answer.clone(), live.clone());
        live
    }

    /// Returns an answer that this process is generating.
    pub(super) fn get(&self, answer: &MessageId) -> Option<Arc<AnswerBroadcast>> {
        self.all().get(answer).cloned()
    }

    /// Unregisters an answer that is no longer being generated.
    pub(super) fn close(&self, answer: &MessageId) {
        self.all().remove(answer);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<MessageId, Arc<AnswerBroadcast>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AnswerBroadcast {
    pub(super) fn accept(&self) {
        self.progress.send_modify(|progress| progress.is_accepted = true);
    }

    pub(super) fn write(&self, text: &str) {
        self.progress.send_modify(|progress| progress.text.push_str(text));
    }

    pub(super) fn think(&self, thinking: &str) {
        self.progress
            .send_modify(|progress| progress.thinking.push_str(thinking));
    }

    pub(super) fn end(&self, end: Ended) {
        self.progress.send_modify(|progress| progress.end = Some(end));
    }

    pub(super) fn text(&self) -> String {
        self.progress.borrow().text.clone()
    }

    pub(super) fn follow(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }
}

/// Waits until an answer has grown beyond `written` bytes, or a second after its provider accepted the request. Earlier
/// failures can still be returned with an HTTP status of their own.
///
/// # Errors
/// Returns the answer's failure before that.
pub(super) async fn until_begun(progress: &mut watch::Receiver<Progress>, written: usize) -> Result<()> {
    let has_begun =
        |progress: &Progress| progress.text.len() > written || !progress.thinking.is_empty() || progress.end.is_some();
    // Its writer disappeared without a result.
    let gone = |_| interrupted();
    progress
        .wait_for(|progress| progress.is_accepted || has_begun(progress))
        .await
        .map_err(gone)?;
    let Ok(first) = timeout(FIRST_PIECE, progress.wait_for(has_begun)).await else {
        return Ok(());
    };
    let first = first.map_err(gone)?;
    match &first.end {
        Some(Ended::Broken(error)) if first.text.len() <= written && first.thinking.is_empty() => Err(copy_of(error)),
        _ => Ok(()),
    }
}

/// Returns a copy of a failure for another follower of the answer.
pub(super) fn copy_of(error: &Error) -> Error {
    match error {
        Error::Upstream {
            kind,
            code,
            detail,
            retry_after,
        } => Error::Upstream {
            kind: *kind,
            code,
            detail: detail.clone(),
            retry_after: *retry_after,
        },
        Error::ModelRequest {
            is_missing,
            code,
            detail,
            param,
        } => Error::ModelRequest {
            is_missing: *is_missing,
            code,
            detail: detail.clone(),
            param: param.clone(),
        },
        Error::NotFound(what) => Error::NotFound(what),
        Error::Unavailable(_) => Error::unavailable("an answer could not be stored"),
        _ => interrupted(),
    }
}

/// Returns the failure of an interrupted answer, for clients that arrive later.
pub(super) fn interrupted() -> Error {
    Error::Upstream {
        kind: UpstreamKind::BadAnswer,
        code: "answer_failed",
        detail: "The answer was interrupted; the text so far is stored. Regenerate it, or ask again.".to_owned(),
        retry_after: None,
    }
}
