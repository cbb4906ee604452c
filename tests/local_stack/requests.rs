//! Requests as they are on the wire.

use std::time::Duration;

use local::{Options, RequestTimeouts, Stack};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{self, Test};

/// Sends bytes and returns the status line of the answer; empty when the connection ended without one.
async fn status_line(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn address(url: &str) -> String {
    let host = url.strip_prefix("http://").unwrap();
    host.split('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_has_one_host_and_it_is_a_name_of_this_server() {
    let public = [("PUBLIC_URL", "https://app.example.com/x")];
    let t = Test::with(&public).await;
    let (api, aws) = (address(&t.stack.url()), address(&t.stack.aws_endpoint()));
    for (hosts, status) in [
        ("", 400),
        ("Host: localhost\r\nHost: localhost\r\n", 400),
        ("Host: localhost\r\nHost: evil.example\r\n", 400),
        ("Host: \r\n", 400),
        ("Host: me@localhost\r\n", 400),
        ("Host: evil.example\r\n", 403),
        ("Host: localhost.evil.example\r\n", 403),
    ] {
        for (address, path) in [
            (&api, "/live/live"),
            (&api, "/_local/outbox"),
            (&api, "/_local/pay"),
            (&aws, "/"),
        ] {
            for version in ["1.1", "1.0"] {
                let request = format!("GET {path} HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n");
                let line = status_line(address, &request).await;
                assert!(line.contains(&format!(" {status} ")), "{hosts:?} {path}: {line:?}");
            }
        }
    }
    for (host, path, status) in [
        ("localhost:1", "/live/live", 200),
        ("127.0.0.1", "/live/live", 200),
        ("[::1]:8000", "/live/live", 200),
        ("app.example.com", "/live/live", 200),
        // What is for developers is for this machine only, wherever the API is known as.
        ("app.example.com", "/_local/outbox", 403),
        ("localhost", "/_local/outbox", 200),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let line = status_line(&api, &request).await;
        assert!(line.contains(&format!(" {status} ")), "{host} {path}: {line:?}");
    }
    let whole = "GET http://evil.example/live/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(status_line(&api, whole).await.contains(" 403 "));
}

/// A stack whose clients have little time.
async fn impatient(limit: Duration) -> Test {
    let timeouts = RequestTimeouts {
        header: limit,
        body: limit,
        min_body_rate: 10,
    };
    let stack = Stack::start(Options {
        timeouts,
        ..support::options()
    });
    Test::of(stack.await.unwrap())
}

#[tokio::test]
async fn requests_that_are_half_sent_do_not_stay_open() {
    let t = impatient(Duration::from_millis(800)).await;
    let (api, aws) = (address(&t.stack.url()), address(&t.stack.aws_endpoint()));
    let head = "POST /live/api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let upload = "PUT /parlance/x HTTP/1.1\r\nHost: localhost\r\n";
    let half = [
        (&api, head.to_owned(), ""),
        (&api, format!("{head}Content-Length: 100\r\n\r\n{{\"email\":"), "408"),
        (
            &api,
            format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"),
            "408",
        ),
        (&aws, upload.to_owned(), ""),
    ];
    let requests = half
        .iter()
        .cycle()
        .take(200)
        .map(|(address, request, status)| async move {
            let line = status_line(address, request).await;
            assert!(
                line.contains(status) && line.is_empty() == status.is_empty(),
                "{request:?}: {line:?}"
            );
        });
    let all = futures::future::join_all(requests);
    tokio::time::timeout(Duration::from_secs(30), all)
        .await
        .expect("no connection stays open");
    t.anonymous().get("/live").await.ok();
}

/// Silence is what ends an upload, not its length.
#[tokio::test]
async fn a_slow_upload_that_goes_on_is_not_cut_off() {
    let limit = Duration::from_secs(3);
    let t = impatient(limit).await;
    let ada = t.user("ada").await;
    let boundary = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"slow.txt\"\r\n\r\n";
    let body = format!("{boundary}{}\r\n--B--\r\n", "The warranty is five years. ".repeat(10));
    let head = format!(
        "POST /live/api/v1/documents/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary=B\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        ada.token,
        body.len()
    );
    let mut stream = TcpStream::connect(address(&t.stack.url())).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let began = tokio::time::Instant::now();
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    for piece in body.as_bytes().chunks(8) {
        pace.tick().await;
        stream.write_all(piece).await.unwrap();
    }
    assert!(began.elapsed() > limit, "longer than any silence may be");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}
