//! The answers that this process is writing, for those who follow them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{Error, MessageId, Result, Turn, UpstreamKind};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::ai::generate::FIRST_PIECE;

/// All answers that this process is writing.
#[derive(Default)]
pub(crate) struct ActiveAnswers(Mutex<HashMap<MessageId, Arc<AnswerBroadcast>>>);

/// An answer that is being written here.
pub(crate) struct AnswerBroadcast {
    progress: watch::Sender<Progress>,
    /// Cancelled by who wants it stopped.
    pub(crate) stop: CancellationToken,
}

/// How far an answer is.
#[derive(Default)]
pub(crate) struct Progress {
    /// What is written, beginning of a continued answer included.
    pub(crate) text: String,
    /// What the model has thought since this process writes. It goes with the process.
    pub(crate) thinking: String,
    /// Whether a provider has taken the request.
    pub(crate) is_accepted: bool,
    /// How it ended.
    pub(crate) end: Option<Ended>,
}

/// How an answer ended. It is stored by then.
#[derive(Clone)]
pub(crate) enum Ended {
    /// As the turn has it.
    Stored(Arc<Turn>),
    /// It broke off.
    Broken(Arc<Error>),
}

impl ActiveAnswers {
    /// Begins an answer of which `text` is written already.
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

    /// An answer that is being written here.
    pub(super) fn get(&self, answer: &MessageId) -> Option<Arc<AnswerBroadcast>> {
        self.all().get(answer).cloned()
    }

    /// No one writes it any more.
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

/// Waits until an answer of which `written` bytes were there has begun, or a second after its provider took the request:
/// what fails before that can still be answered with a status of its own.
///
/// # Errors
/// As the answer fails before that.
pub(super) async fn until_begun(progress: &mut watch::Receiver<Progress>, written: usize) -> Result<()> {
    let has_begun =
        |progress: &Progress| progress.text.len() > written || !progress.thinking.is_empty() || progress.end.is_some();
    // Its writer is gone without a word.
    let gone = |_| broken();
    progress
        .wait_for(|progress| progress.is_accepted || has_begun(progress))
        .await
        .map_err(gone)?;
    let Ok(first) = timeout(FIRST_PIECE, progress.wait_for(has_begun)).await else {
        return Ok(());
    };
    let first = first.map_err(gone)?;
    match &first.end {
        Some(Ended::Broken(error)) if first.text.len() <= written && first.thinking.is_empty() => Err(again(error)),
        _ => Ok(()),
    }
}

/// The same failure for one more of those who follow an answer.
pub(super) fn again(error: &Error) -> Error {
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
        _ => broken(),
    }
}

/// An answer that broke off, for those who come later.
pub(super) fn broken() -> Error {
    Error::Upstream {
        kind: UpstreamKind::BadAnswer,
        code: "answer_failed",
        detail: "The answer broke off; what there is of it is kept. Regenerate it, or ask again.".to_owned(),
        retry_after: None,
    }
}
