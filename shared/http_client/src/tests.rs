//! The client against misbehaving servers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "servers run beside the client")]

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_smithy_runtime_api::client::{
    connection::CaptureSmithyConnection, http::HttpConnector as _, orchestrator::HttpRequest,
};
use aws_smithy_types::{body::SdkBody, retry::ErrorKind};
use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    sdk::{Connector, Timeouts},
    tls::{Load, config_with},
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const LIMIT: Duration = Duration::from_millis(100);

fn trusting_the_system(provider: Arc<CryptoProvider>) -> Result<Verifier, rustls::Error> {
    Verifier::new(provider)
}

fn connector(connect: Option<Duration>, read: Option<Duration>) -> Connector {
    with_roots(connect, read, trusting_the_system)
}

fn with_roots(connect: Option<Duration>, read: Option<Duration>, load: Load) -> Connector {
    let tls = config_with(Arc::new(aws_lc_rs::default_provider()), load).unwrap();
    Connector::new(Timeouts { connect, read }, tls)
}

/// Starts a server that answers each connection with `serve`. Returns its port, and the number of connections.
async fn server<F, S>(serve: S) -> (u16, Arc<AtomicUsize>)
where
    F: Future<Output = io::Result<()>> + Send,
    S: Fn(TcpStream) -> F + Clone + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let serve = serve.clone();
            tokio::spawn(async move { serve(stream).await });
        }
    });
    (port, connections)
}

/// Reads the head of a request; returns false at the end of the connection.
async fn request_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<bool> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 {
            return Ok(false);
        }
        head.push(byte[0]);
    }
    Ok(true)
}

async fn answer_all(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    while request_head(&mut stream).await? {
        stream.write_all(OK).await?;
    }
    Ok(())
}

/// Reads one request, answers it with these bytes and closes the connection.
async fn answer_once(mut stream: TcpStream, answer: &'static [u8]) -> io::Result<()> {
    request_head(&mut stream).await?;
    stream.write_all(answer).await?;
    stream.shutdown().await
}

async fn hang(stream: TcpStream) -> io::Result<()> {
    let _open = stream;
    std::future::pending().await
}

fn get(scheme: &str, port: u16) -> HttpRequest {
    HttpRequest::get(format!("{scheme}://localhost:{port}/")).unwrap()
}

async fn body_of(connector: &Connector, request: HttpRequest) -> Bytes {
    let response = connector.call(request).await.unwrap();
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn a_refused_connection_is_an_io_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = connector(None, None).call(get("http", port)).await.unwrap_err();
    assert!(error.is_io(), "{error:?}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_an_io_error() {
    let request = HttpRequest::get("http://host.invalid/").unwrap();
    let error = connector(None, None).call(request).await.unwrap_err();
    assert!(error.is_io(), "{error:?}");
}

#[tokio::test]
async fn a_handshake_that_hangs_ends_with_the_connect_timeout() {
    let (port, _) = server(hang).await;
    let error = connector(Some(LIMIT), None).call(get("https", port)).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    let source = format!("{error:?}");
    assert!(source.contains("connect"), "{source}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_ends_with_the_read_timeout() {
    let (port, _) = server(hang).await;
    let client = connector(None, Some(LIMIT));
    let error = client.call(get("http", port)).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    let source = format!("{error:?}");
    assert!(source.contains("read"), "{source}");
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_transient() {
    let (port, _) = server(|stream| answer_once(stream, b"HTTP/1.1 200 OK\r\ncontent-le")).await;
    let error = connector(None, None).call(get("http", port)).await.unwrap_err();
    assert_eq!(error.as_other(), Some(ErrorKind::TransientError), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_is_reset_is_an_io_error() {
    let reset = |stream: TcpStream| async move {
        // Closing a connection with unread bytes resets it.
        stream.readable().await
    };
    let (port, _) = server(reset).await;
    let error = connector(None, None).call(get("http", port)).await.unwrap_err();
    assert!(error.is_io(), "{error:?}");
}

#[tokio::test]
async fn a_response_that_is_not_http_is_not_retryable() {
    let (port, _) = server(|stream| answer_once(stream, b"220 smtp.example.com\r\n")).await;
    let error = connector(None, None).call(get("http", port)).await.unwrap_err();
    assert!(error.is_other() && error.as_other().is_none(), "{error:?}");
}

#[tokio::test]
async fn a_failing_request_body_is_a_user_error() {
    let (port, _) = server(answer_all).await;
    let gone = io::Error::other("the file does not exist");
    let body = StreamBody::new(futures::stream::iter([Err::<http_body::Frame<Bytes>, _>(gone)]));
    let mut request = get("http", port);
    request.set_method("PUT").unwrap();
    let _ = std::mem::replace(request.body_mut(), SdkBody::from_body_1_x(body));
    let error = connector(None, None).call(request).await.unwrap_err();
    assert!(error.is_user(), "{error:?}");
}

#[tokio::test]
async fn connections_are_kept_until_they_are_poisoned() {
    let (port, connections) = server(answer_all).await;
    let client = connector(None, None);
    for _ in 0..3 {
        assert_eq!(body_of(&client, get("http", port)).await, "ok");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);

    let captured = CaptureSmithyConnection::new();
    let mut request = get("http", port);
    request.add_extension(captured.clone());
    let response = client.call(request).await.unwrap();
    let connection = captured.get().unwrap();
    assert_eq!(connection.remote_addr().unwrap().port(), port);
    connection.poison();
    response.into_body().collect().await.unwrap();
    assert_eq!(body_of(&client, get("http", port)).await, "ok");
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

/// Larger than all buffers between a server and its client.
const LARGE: usize = 64 * 1024 * 1024;

#[tokio::test]
async fn a_large_body_is_streamed_and_not_buffered() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let serve = move |mut stream: TcpStream| {
        let count = Arc::clone(&count);
        async move {
            request_head(&mut stream).await?;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            let part = vec![7; 64 * 1024];
            for _ in 0..LARGE / part.len() {
                stream.write_all(&part).await?;
                count.fetch_add(part.len(), Ordering::SeqCst);
            }
            Ok(())
        }
    };
    let (port, _) = server(serve).await;
    let response = connector(None, Some(LIMIT)).call(get("http", port)).await.unwrap();
    // Nothing was read yet; the sent bytes are in the buffers of the system.
    assert!(sent.load(Ordering::SeqCst) < LARGE / 2, "the body was buffered");
    let (mut body, mut received) = (response.into_body(), 0);
    while let Some(frame) = body.frame().await {
        let bytes = frame.unwrap().into_data().unwrap();
        assert!(bytes.iter().all(|&byte| byte == 7));
        received += bytes.len();
    }
    assert_eq!(received, LARGE);
}

fn pem(file: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(file).unwrap()
}

/// Starts a server for `localhost`, with a certificate of the authority in `testdata`.
async fn tls_server() -> (u16, Arc<AtomicUsize>) {
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../testdata/server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pem(include_bytes!("../testdata/server.pem"))], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    server(move |stream| {
        let acceptor = acceptor.clone();
        async move { answer_all(acceptor.accept(stream).await?).await }
    })
    .await
}

#[tokio::test]
async fn authorities_are_read_at_the_first_handshake_and_once() {
    static READ: AtomicUsize = AtomicUsize::new(0);
    fn load(provider: Arc<CryptoProvider>) -> Result<Verifier, rustls::Error> {
        READ.fetch_add(1, Ordering::SeqCst);
        Verifier::new_with_extra_roots([pem(include_bytes!("../testdata/authority.pem"))], provider)
    }
    let (tls_port, connections) = tls_server().await;
    let (port, _) = server(answer_all).await;
    let client = with_roots(None, None, load);
    assert_eq!(body_of(&client, get("http", port)).await, "ok");
    assert_eq!(READ.load(Ordering::SeqCst), 0, "no handshake needed them");

    let both = futures::future::join(
        body_of(&client, get("https", tls_port)),
        body_of(&client, get("https", tls_port)),
    );
    assert_eq!(both.await, (Bytes::from("ok"), Bytes::from("ok")));
    assert_eq!(connections.load(Ordering::SeqCst), 2, "they met");
    assert_eq!(READ.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_with_an_untrusted_certificate_is_rejected() {
    let (port, _) = tls_server().await;
    let error = connector(None, None).call(get("https", port)).await.unwrap_err();
    assert!(error.is_io(), "{error:?}");
    let source = format!("{error:?}");
    assert!(source.contains("UnknownIssuer"), "{source}");
}

#[tokio::test]
async fn authorities_that_could_not_be_read_are_read_again() {
    static FAILED: AtomicUsize = AtomicUsize::new(0);
    fn load(provider: Arc<CryptoProvider>) -> Result<Verifier, rustls::Error> {
        if FAILED.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(rustls::Error::General("too many open files".to_owned()));
        }
        Verifier::new_with_extra_roots([pem(include_bytes!("../testdata/authority.pem"))], provider)
    }
    let (port, _) = tls_server().await;
    let client = with_roots(None, None, load);
    let error = client.call(get("https", port)).await.unwrap_err();
    assert!(error.is_io(), "{error:?}");
    assert!(format!("{error:?}").contains("too many open files"));
    assert_eq!(body_of(&client, get("https", port)).await, "ok");
}
