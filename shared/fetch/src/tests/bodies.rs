//! Bodies that are too large, too slow or broken.

use std::{io::Write as _, time::Duration};

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use tokio::time::{Instant, sleep};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::CompressorWriter::new(&mut out, 4096, 5, 22)
        .write_all(bytes)
        .unwrap();
    out
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn encoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    response(
        "200 OK",
        &format!("content-type: text/html\r\ncontent-encoding: {encoding}\r\n"),
        body,
    )
}

/// A server that sends this for a path, and then nothing more.
async fn serving(answers: Vec<(&'static str, Vec<u8>)>) -> Net {
    let answers: HashMap<_, _> = answers.into_iter().collect();
    Net::new(move |path| answers.get(path.trim_start_matches('/')).cloned().unwrap_or_default()).await
}

#[tokio::test]
async fn compressed_bodies_are_read() {
    let text = b"<p>A page that was compressed.</p>";
    let net = serving(vec![
        ("gzip", encoded("gzip", &gzip(text))),
        ("x-gzip", encoded("X-GZIP", &gzip(text))),
        ("two", encoded("gzip", &[gzip(&text[..10]), gzip(&text[10..])].concat())),
        ("br", encoded("br", &brotli(text))),
        ("zlib", encoded("deflate", &zlib(text))),
        ("deflate", encoded("deflate", &deflate(text))),
        ("identity", encoded("identity", text)),
        ("chunked", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n<p>\r\n1f\r\nA page that was compressed.</p>\r\n0\r\n\r\n".to_vec()),
        ("to-the-end", [b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n".as_slice(), text].concat()),
    ])
    .await;
    for path in [
        "gzip",
        "x-gzip",
        "two",
        "br",
        "zlib",
        "deflate",
        "identity",
        "chunked",
        "to-the-end",
    ] {
        let content = net
            .get(&format!("http://site.example/{path}"))
            .await
            .map(|content| content.bytes);
        assert_eq!(content.as_deref(), Ok(text.as_slice()), "{path}");
    }
}

#[tokio::test]
async fn bombs_are_too_large() {
    let zeros = vec![b' '; 30_000_000];
    let net = serving(vec![
        ("gzip", encoded("gzip", &gzip(&zeros))),
        ("many", encoded("gzip", &gzip(&vec![b' '; 100_000]).repeat(300))),
        ("br", encoded("br", &brotli(&zeros))),
        ("zlib", encoded("deflate", &zlib(&zeros))),
        ("deflate", encoded("deflate", &deflate(&zeros))),
        (
            "long",
            response("200 OK", "content-type: text/html\r\n", vec![b'a'; 1_000_001]),
        ),
        (
            "announced",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nab".to_vec(),
        ),
        (
            "endless",
            [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'a'; 5_000_000]].concat(),
        ),
    ])
    .await;
    for path in ["gzip", "many", "br", "zlib", "deflate", "long", "announced", "endless"] {
        let error = net.get(&format!("http://site.example/{path}")).await.err();
        let is_too_large = matches!(error, Some(FetchError::TooLarge { .. }));
        assert!(is_too_large, "{path}: {error:?}");
    }
}

#[tokio::test]
async fn broken_responses_are_invalid() {
    let whole = gzip(&(0..=255).cycle().take(10_000).collect::<Vec<u8>>());
    let head = |headers: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes();
    let net = serving(vec![
        ("short", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nab".to_vec()),
        (
            "two-lengths",
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc".to_vec(),
        ),
        (
            "bad-length",
            b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nabc".to_vec(),
        ),
        (
            "bad-chunk",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nab\r\n".to_vec(),
        ),
        (
            "cut-chunk",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nab".to_vec(),
        ),
        ("no-http", b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
        ("nothing", Vec::new()),
        ("cut-head", b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
        ("not-gzip", encoded("gzip", b"plain text")),
        ("cut-gzip", encoded("gzip", &whole[..whole.len() / 2])),
        ("not-br", encoded("br", &[0xff; 100])),
        ("unknown", encoded("zstd", b"x")),
        ("headers", [head(&"x: y\r\n".repeat(1_000)), b"x".to_vec()].concat()),
        (
            "long-header",
            [head(&format!("x: {}\r\n", "y".repeat(2_000_000))), b"x".to_vec()].concat(),
        ),
    ])
    .await;
    let paths = [
        "short",
        "two-lengths",
        "bad-length",
        "bad-chunk",
        "cut-chunk",
        "no-http",
        "nothing",
        "cut-head",
        "not-gzip",
        "cut-gzip",
        "not-br",
        "unknown",
        "headers",
        "long-header",
    ];
    for path in paths {
        let error = net.get(&format!("http://site.example/{path}")).await.err();
        assert_eq!(error, Some(FetchError::InvalidResponse), "{path}");
    }
    for path in ["short", "bad-chunk"] {
        assert!(net.get(&format!("http://site.example/{path}")).await.is_err());
    }
}

#[tokio::test]
async fn headers_without_end_are_given_up() {
    let net = Net::serving(|mut stream| async move {
        request_head(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
        loop {
            stream.write_all(b"x-more: and more\r\n").await?;
        }
    })
    .await;
    assert_eq!(
        net.get("http://site.example/").await.err(),
        Some(FetchError::InvalidResponse)
    );
}

#[tokio::test]
async fn an_empty_page_is_empty() {
    let net = serving(vec![("none", page("")), ("gzip", encoded("gzip", b""))]).await;
    for path in ["none", "gzip"] {
        assert_eq!(
            net.get(&format!("http://site.example/{path}")).await.err(),
            Some(FetchError::Empty),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_refused_connection_is_told() {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let private = PrivateHosts::parse(&closed.to_string()).unwrap();
    let fetcher = Fetcher::new(private).unwrap();
    let error = fetcher
        .get(&format!("http://{closed}/"), &Conditions::default(), &small())
        .await;
    assert_eq!(error, Err(FetchError::ConnectionFailed));
}

#[tokio::test]
async fn a_site_that_speaks_no_tls_has_no_valid_certificate() {
    let net = Net::serving(|mut stream| async move {
        stream.write_all(&response("400 Bad Request", "", "")).await?;
        stream.shutdown().await
    })
    .await;
    let error = net.get("https://site.example/").await.err();
    assert_eq!(error, Some(FetchError::CertificateInvalid));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_too_slow() {
    let net = Net::serving(|stream| async move {
        let _open = stream;
        std::future::pending().await
    })
    .await;
    let start = Instant::now();
    assert_eq!(net.get("http://site.example/").await.err(), Some(FetchError::TooSlow));
    assert!(start.elapsed() <= Limits::default().first_byte + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_too_slow() {
    let net = Net::serving(|mut stream| async move {
        request_head(&mut stream).await?;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n")
            .await?;
        loop {
            stream.write_all(b"a").await?;
            sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    let start = Instant::now();
    assert_eq!(net.get("http://site.example/").await.err(), Some(FetchError::TooSlow));
    assert!(start.elapsed() <= Limits::default().total + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn redirects_share_one_time_limit() {
    let net = Net::serving(|mut stream| async move {
        let head = request_head(&mut stream).await?;
        let hop: u32 = head
            .split(['/', ' '])
            .nth(2)
            .and_then(|hop| hop.parse().ok())
            .unwrap_or(0);
        sleep(Duration::from_secs(12)).await;
        stream.write_all(&redirect_to(&format!("/{}", hop + 1))).await
    })
    .await;
    assert_eq!(net.get("http://site.example/0").await.err(), Some(FetchError::TooSlow));
    assert!((1..=3).contains(&net.connections()), "{}", net.connections());
}
