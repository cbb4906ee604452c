//! Stores the response of an event stream.

use std::sync::Arc;

use app::StoredAnswer;
use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::time::Instant;

use super::{Claim, EXTEND, MAX_KEPT_BYTES};
use crate::stream::DONE;

/// An event stream on its way to the client, copied for the key.
pub(super) struct Recording {
    claim: Arc<Claim>,
    head: StoredAnswer,
    /// `None` once another task continues it.
    body: Option<BodyDataStream>,
    copy: Vec<u8>,
    settled: bool,
    /// Whether the client is gone, and the rest is read for the key only.
    alone: bool,
    /// When the lease was last extended.
    held: Instant,
}

impl Recording {
    /// Returns the body for the client.
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

    /// Returns the next frame and copies it; the response is stored with the last one.
    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        let frame = self.body.as_mut()?.next().await;
        // Heartbeats bound the silence of a stream.
        if !self.settled && self.held.elapsed() >= EXTEND {
            self.held = Instant::now();
            self.claim.extend().await;
        }
        match &frame {
            Some(Ok(bytes)) => {
                // One byte more than the maximum shows that the response is too large.
                let room = (MAX_KEPT_BYTES + 1).saturating_sub(self.copy.len());
                self.copy.extend(bytes.iter().take(room));
                // Stored before the last frame is sent: afterwards the stream may not be polled again.
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
    /// If the client disconnects, the rest is read in its place, because a request with a key is executed once: a
    /// retry then receives the response. If the process is frozen before that, the lease of the key expires.
    fn drop(&mut self) {
        // A task that ends with its runtime starts no other.
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
        let backend = self.claim.context.backend.clone();
        backend.continue_in_background(Box::pin(async move { while rest.next().await.is_some() {} }));
    }
}
