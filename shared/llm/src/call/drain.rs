//! Drains a response after the end mark of its answer. A connection can be reused only if its response was read to the
//! end, and a new one costs a handshake, which takes more processor time than the call.

use std::time::Duration;

use reqwest::Response;
use tokio::time::timeout;

/// How long to wait for the end. It mostly arrives with the end mark; a provider that leaves the response open must not
/// delay the answer.
const MAX_WAIT: Duration = if cfg!(test) {
    // A busy machine may take longer than the product should wait.
    Duration::from_secs(2)
} else {
    Duration::from_millis(50)
};
/// Bytes after the end mark that are read: reading more costs more than a connection.
const MAX_BYTES: usize = 16 << 10;

/// Reads a response to its end, if that is near.
pub(super) async fn read(response: &mut Response) {
    let rest = async {
        let mut left = MAX_BYTES;
        while let Ok(Some(bytes)) = response.chunk().await
            && let Some(fewer) = left.checked_sub(bytes.len())
        {
            left = fewer;
        }
    };
    // Otherwise the connection is dropped.
    let _ = timeout(MAX_WAIT, rest).await;
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use domain::Secret;
    use futures::StreamExt as _;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
        sync::Notify,
        task::{JoinSet, yield_now},
    };

    use crate::testing::{PATIENT, http, info, request};
    use crate::{ChatEvent, ChatModel as _, OpenAiCompatible};

    const WORDS: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n";
    const END_MARK: &str = "data: [DONE]\n\n";

    /// A provider that ends its responses when told to, and counts connections.
    struct Provider {
        model: OpenAiCompatible,
        connections: Arc<AtomicUsize>,
        end: Arc<Notify>,
        _serving: JoinSet<()>,
    }

    impl Provider {
        async fn start() -> Self {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let (connections, end) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
            let (counted, ended) = (Arc::clone(&connections), Arc::clone(&end));
            let mut serving = JoinSet::new();
            serving.spawn(async move {
                let mut open = JoinSet::new();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    counted.fetch_add(1, Ordering::SeqCst);
                    open.spawn(answer_all(stream, Arc::clone(&ended)));
                }
            });
            let model = OpenAiCompatible::new(
                info(crate::Provider::Compatible, "llama"),
                &url,
                Secret::new("key"),
                http(PATIENT),
            );
            Self {
                model: model.unwrap().with_limits(PATIENT),
                connections,
                end,
                _serving: serving,
            }
        }

        /// Calls it; `told`: the response ends a little after its end mark.
        async fn ask(&self, told: bool) {
            let asked = async {
                let mut events = self.model.chat(request());
                let mut last = None;
                while !matches!(last, Some(ChatEvent::Done { .. })) {
                    last = Some(events.next().await.unwrap().unwrap());
                }
            };
            let tell = async {
                // A client that does not wait for the end is gone before it arrives.
                for _ in 0..1000 {
                    yield_now().await;
                }
                if told {
                    self.end.notify_one();
                }
            };
            futures::join!(asked, tell);
        }
    }

    async fn answer_all(mut stream: TcpStream, end: Arc<Notify>) {
        let mut asked = [0; 16 << 10];
        while stream.read(&mut asked).await.is_ok_and(|bytes| bytes > 0) {
            let chunk = |data: &str| format!("{:x}\r\n{data}\r\n", data.len());
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            let response = format!("{head}{}{}", chunk(WORDS), chunk(END_MARK));
            stream.write_all(response.as_bytes()).await.unwrap();
            end.notified().await;
            if stream.write_all(b"0\r\n\r\n").await.is_err() {
                return;
            }
        }
    }

    #[tokio::test]
    async fn a_connection_whose_response_ends_late_serves_the_next_call() {
        let provider = Provider::start().await;
        for _ in 0..3 {
            provider.ask(true).await;
        }
        assert_eq!(provider.connections.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_response_that_does_not_end_holds_no_answer_up() {
        let provider = Provider::start().await;
        for _ in 0..2 {
            provider.ask(false).await;
        }
        assert_eq!(provider.connections.load(Ordering::SeqCst), 2);
    }
}
