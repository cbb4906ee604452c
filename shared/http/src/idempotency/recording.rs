//! Keeping an answer that arrives piece by piece.

use std::sync::Arc;

use app::StoredAnswer;
use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::time::Instant;

use super::{Claim, EXTEND, MAX_KEPT_BYTES};
use crate::stream::DONE;

/// An event stream on its way to the client, with a copy for the key.
pub(super) struct Recording {
    claim: Arc<Claim>,
    head: StoredAnswer,
    /// None once somebody else goes on with it.
    body: Option<BodyDataStream>,
    copy: Vec<u8>,
    settled: bool,
    /// Nobody but the key waits for the rest.
    alone: bool,
    /// When the key was last held on to.
    held: Instant,
}

impl Recording {
    /// The body that the client gets.
    pub(super) fn start(claim: Claim, head: StoredAnswer, body: Body) -> Body {
        let recording = Self {
            claim: Arc::new(claim),
            head,
            body: Some(body.into_data_stream()),
            copy: Vec::new(),
            settled: false,
            alone: false,
            held: Instant::now(),
        };
        Body::from_stream(futures::stream::unfold(recording, |mut recording| async move {
            let frame = recording.next().await;
            frame.map(|frame| (frame, recording))
        }))
    }

    /// The next frame, copied; the key is settled with the last one.
    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        let frame = self.body.as_mut()?.next().await;
        // A stream is never silent for longer than its heartbeats are apart.
        if !self.settled && self.held.elapsed() >= EXTEND {
            self.held = Instant::now();
            self.claim.extend().await;
        }
        match &frame {
            Some(Ok(bytes)) => {
                // One byte more than is kept tells that it was too much.
                let room = (MAX_KEPT_BYTES + 1).saturating_sub(self.copy.len());
                self.copy.extend(bytes.iter().take(room));
                // Settled before the last frame goes out: afterwards nobody may poll any more.
                if bytes.as_ref() == DONE {
                    self.settled = true;
                    self.claim.finish(self.head.clone(), &self.copy).await;
                }
            }
            Some(Err(_)) | None if !self.settled => {
                self.settled = true;
                self.claim.abandon().await;
            }
            _ => {}
        }
        frame
    }
}

impl Drop for Recording {
    /// The client went away, but the request with its key is carried out once: the rest is read in its place, so that
    /// it is there when the client asks again. Where the process is frozen before, the lease of the key runs out.
    fn drop(&mut self) {
        // A task that ends with its runtime begins no other.
        let is_wanted = !self.settled && !self.alone;
        let Some(body) = self.body.take().filter(|_| is_wanted) else {
            return;
        };
        let mut rest = Self {
            claim: self.claim.clone(),
            head: self.head.clone(),
            body: Some(body),
            copy: std::mem::take(&mut self.copy),
            settled: false,
            alone: true,
            held: self.held,
        };
        let host = self.claim.scope.host.clone();
        host.continue_in_background(Box::pin(async move { while rest.next().await.is_some() {} }));
    }
}
