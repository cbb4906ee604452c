//! An event stream as it arrives, with its connection in the test's hands.

use futures::StreamExt as _;
use reqwest::RequestBuilder;
use serde_json::Value;

use super::Caller;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: String,
}

impl Frame {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }

    /// The words in it.
    pub(crate) fn content(&self) -> String {
        self.json()["content"].as_str().unwrap_or_default().to_owned()
    }

    fn of(block: &str) -> Self {
        let field = |name: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::to_owned).unwrap_or_default()
        };
        let data = field("data: ");
        // Clients that remember the last id dispatch it, whatever it consists of.
        assert!(!data.is_empty(), "an event without data: {block:?}");
        Self {
            id: field("id: "),
            event: field("event: "),
            data,
        }
    }
}

/// An open event stream. Dropping it breaks the connection.
pub(crate) struct Stream {
    body: futures::stream::BoxStream<'static, Vec<u8>>,
    held: Vec<u8>,
}

impl Stream {
    pub(crate) async fn open(request: RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        let body = answer.bytes_stream();
        Self {
            body: body.map(|bytes| bytes.unwrap().to_vec()).boxed(),
            held: Vec::new(),
        }
    }

    /// The next event; none at the end. Comments are left out.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(end) = self.held.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.held.drain(..end + 2).collect();
                return Some(Frame::of(std::str::from_utf8(&block).unwrap()));
            }
            self.held.extend(self.body.next().await?);
        }
    }

    /// All events that are left.
    pub(crate) async fn rest(mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}

impl Caller {
    /// Opens the stream of a message that is sent.
    pub(crate) async fn stream(&self, path: &str, body: Value) -> Stream {
        let mut body = body;
        body["stream"] = true.into();
        Stream::open(self.request(reqwest::Method::POST, path).json(&body)).await
    }

    /// Opens a stream again, behind a frame.
    pub(crate) async fn resume(&self, path: &str, last: &str) -> Stream {
        let request = self.request(reqwest::Method::GET, path);
        Stream::open(request.header("last-event-id", last)).await
    }
}
