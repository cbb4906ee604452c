//! Keeping an answer that arrives piece by piece.

use std::sync::Arc;

use app::StoredAnswer;
use axum::body::{Body, BodyDataStream};
use futures::StreamExt as _;

use super::{Claim, MAX_KEPT_BYTES};
use crate::stream::DONE;

/// An event stream on its way to the client, with a copy for the key.
pub(super) struct Recording {
    claim: Arc<Claim>,
    head: StoredAnswer,
    body: BodyDataStream,
    copy: Vec<u8>,
    settled: bool,
}

impl Recording {
    /// The body that the client gets.
    pub(super) fn start(claim: Claim, head: StoredAnswer, body: Body) -> Body {
        let recording = Self {
            claim: Arc::new(claim),
            head,
            body: body.into_data_stream(),
            copy: Vec::new(),
            settled: false,
        };
        Body::from_stream(futures::stream::unfold(recording, |mut recording| async move {
            let frame = recording.body.next().await;
            match &frame {
                Some(Ok(bytes)) => {
                    // One byte more than is kept tells that it was too much.
                    let room = (MAX_KEPT_BYTES + 1).saturating_sub(recording.copy.len());
                    recording.copy.extend(bytes.iter().take(room));
                    // Settled before the last frame goes out: afterwards nobody may poll any more.
                    if bytes.as_ref() == DONE {
                        recording.settled = true;
                        recording.claim.finish(recording.head.clone(), &recording.copy).await;
                    }
                }
                Some(Err(_)) | None if !recording.settled => {
                    recording.settled = true;
                    recording.claim.abandon().await;
                }
                _ => {}
            }
            frame.map(|frame| (frame, recording))
        }))
    }
}

impl Drop for Recording {
    /// The client went away. Where the process lives on, the key is freed at once; where it is frozen, the lease
    /// of the key runs out.
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let claim = self.claim.clone();
            runtime.spawn(async move { claim.abandon().await });
        }
    }
}
