//! A test double of a provider: a server that takes one request and plays one script.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use domain::Secret;

use crate::{ModelInfo, ModelKind, OpenAiCompatible, TimeLimits};

/// The request as the double received it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) head: String,
    pub(super) body: serde_json::Value,
}

pub(super) struct Double {
    port: u16,
    server: JoinHandle<Seen>,
}

impl Double {
    /// Takes one request, then lets `script` respond on the raw connection.
    pub(super) fn start(script: impl FnOnce(&mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let seen = read_request(&connection);
            script(&mut connection);
            seen
        });
        Self { port, server }
    }

    /// Responds with a stream and ends it properly.
    pub(super) fn streaming(body: &str) -> Self {
        let body = body.to_owned();
        Self::start(move |connection| {
            begin_stream(connection);
            send_chunk(connection, body.as_bytes());
            end_stream(connection);
        })
    }

    /// Responds with a status, headers (each ending with CRLF) and a JSON body.
    pub(super) fn refusing(status: &'static str, headers: &'static str, body: &'static str) -> Self {
        Self::start(move |connection| {
            let length = body.len();
            write!(
                connection,
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
            )
            .unwrap();
        })
    }

    pub(super) fn model(&self, limits: TimeLimits) -> OpenAiCompatible {
        model_at(&format!("http://127.0.0.1:{}/v1/", self.port), limits)
    }

    /// Returns the request, once the script has ended.
    pub(super) fn seen(self) -> Seen {
        self.server.join().unwrap()
    }
}

pub(super) fn model_at(base_url: &str, limits: TimeLimits) -> OpenAiCompatible {
    let info = ModelInfo {
        id: "gpt-4o-mini".into(),
        provider: crate::Provider::OpenAi,
        kind: ModelKind::Chat,
        generative: true,
        context_tokens: 128_000,
    };
    // The machine's proxy must not be between the test and its double.
    let http = limits.http_client_builder().no_proxy().build().unwrap();
    OpenAiCompatible::new(info, base_url, Secret::new("sk-test"), http)
        .unwrap()
        .with_limits(limits)
}

pub(super) fn begin_stream(connection: &mut TcpStream) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    connection.write_all(head.as_bytes()).unwrap();
}

/// Sends one chunk of HTTP's own framing, which need not be an event.
pub(super) fn send_chunk(connection: &mut TcpStream, bytes: &[u8]) {
    write!(connection, "{:x}\r\n", bytes.len()).unwrap();
    connection.write_all(bytes).unwrap();
    connection.write_all(b"\r\n").unwrap();
    connection.flush().unwrap();
}

pub(super) fn end_stream(connection: &mut TcpStream) {
    connection.write_all(b"0\r\n\r\n").unwrap();
}

/// Waits until the client closes the connection.
pub(super) fn wait_for_close(connection: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset also closes it.
    let _ = connection.read_to_end(&mut rest);
    assert!(rest.is_empty());
}

fn read_request(connection: &TcpStream) -> Seen {
    let mut reader = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "the request broke off");
    }
    let head = head.to_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Seen {
        head,
        body: serde_json::from_slice(&body).unwrap(),
    }
}
