//! The answers that this process is writing, for those who follow them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::{Error, MessageId, Turn, UpstreamKind};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// All answers that this process is writing.
#[derive(Default)]
pub(crate) struct Lives(Mutex<HashMap<MessageId, Arc<Live>>>);

/// An answer that is being written here.
pub(crate) struct Live {
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

impl Lives {
    /// Begins an answer of which `text` is written already.
    pub(super) fn open(&self, answer: &MessageId, text: String) -> Arc<Live> {
        let (progress, _) = watch::channel(Progress {
            text,
            ..Progress::default()
        });
        let live = Arc::new(Live {
            progress,
            stop: CancellationToken::new(),
        });
        self.all().insert(answer.clone(), live.clone());
        live
    }

    /// An answer that is being written here.
    pub(super) fn get(&self, answer: &MessageId) -> Option<Arc<Live>> {
        self.all().get(answer).cloned()
    }

    /// Nobody writes it any more.
    pub(super) fn close(&self, answer: &MessageId) {
        self.all().remove(answer);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<MessageId, Arc<Live>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
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
