//! The fetcher in a network of its own: names resolve to what a test says, public addresses lead to its servers, and
//! every other one to a canary, which must never see a connection.
#![expect(clippy::disallowed_methods, reason = "servers run beside the client")]

mod bodies;
mod conditions;
mod posts;
mod private_hosts;
mod redirects;
mod ssrf;

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{IpAddr, SocketAddr, TcpListener as Listener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::future::BoxFuture;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{
    Conditions, Content, FetchError, Fetched, Fetcher, Limits, PrivateHosts,
    resolver::{Lookup, Route},
};

/// The public address of the servers of a test.
const SITE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(93, 184, 215, 14));
const OTHER_SITE: &str = "2606:4700::1111";

/// Names with the answers that they give, one after the other; the last one stays.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>>, Arc<AtomicUsize>);

impl Names {
    fn set(&self, name: &str, answers: &[&[&str]]) {
        let answers = answers
            .iter()
            .map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect());
        self.0.lock().unwrap().insert(name.to_owned(), answers.collect());
    }
}

impl Lookup for Names {
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let mut names = self.0.lock().unwrap();
        let answer = names.get_mut(name).and_then(|answers| match answers.len() {
            0 | 1 => answers.front().cloned(),
            _ => answers.pop_front(),
        });
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

struct Net {
    names: Names,
    server: SocketAddr,
    canary: Listener,
    fetcher: Fetcher,
    connections: Arc<AtomicUsize>,
}

impl Net {
    /// Starts a network in which `https://` has no server, and `http://site.example` has one that answers each request
    /// with what `serve` returns for its path.
    async fn new<S>(serve: S) -> Self
    where
        S: Fn(&str) -> Vec<u8> + Clone + Send + 'static,
    {
        Self::serving(move |mut stream| {
            let serve = serve.clone();
            async move {
                let head = request_head(&mut stream).await?;
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                stream.write_all(&serve(&path)).await?;
                stream.shutdown().await
            }
        })
        .await
    }

    /// Like [`Net::new`], with a server that does what it wants with a connection.
    async fn serving<F, S>(serve: S) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
        S: Fn(TcpStream) -> F + Clone + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve.clone()(stream));
            }
        });
        let canary = Listener::bind("127.0.0.1:0").unwrap();
        canary.set_nonblocking(true).unwrap();
        let trap = canary.local_addr().unwrap();
        let names = Names::default();
        names.set("site.example", &[&["93.184.215.14"]]);
        names.set("other.example", &[&[OTHER_SITE]]);
        let other: IpAddr = OTHER_SITE.parse().unwrap();
        let route: Route = Arc::new(move |address| {
            if address == SITE || address == other {
                server
            } else {
                trap
            }
        });
        let lookup: Arc<dyn Lookup> = Arc::new(names.clone());
        let private = PrivateHosts::parse(&format!("localhost:{0},127.0.0.1:{0}", server.port())).unwrap();
        Self {
            fetcher: Fetcher::with_network(private, &lookup, &route).unwrap(),
            names,
            server,
            canary,
            connections,
        }
    }

    async fn get(&self, url: &str) -> Result<Content, FetchError> {
        self.get_within(url, &small()).await
    }

    async fn get_within(&self, url: &str, limits: &Limits) -> Result<Content, FetchError> {
        match self.fetcher.get(url, &Conditions::default(), limits).await? {
            Fetched::Content(content) => Ok(*content),
            Fetched::NotModified => unreachable!("without conditions"),
        }
    }

    /// The port of the server of a test, which is a private host as `localhost`.
    fn private_port(&self) -> u16 {
        self.server.port()
    }

    fn canary(&self) -> SocketAddr {
        self.canary.local_addr().unwrap()
    }

    /// Fails if anything has connected to the canary.
    fn assert_unreached(&self, what: &str) {
        let seen = self.canary.accept().map(|(_, from)| from).map_err(|error| error.kind());
        assert_eq!(seen, Err(io::ErrorKind::WouldBlock), "{what} reached the canary");
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn small() -> Limits {
    Limits {
        received_bytes: 1_000_000,
        decompressed_bytes: 2_000_000,
        ..Limits::default()
    }
}

async fn request_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn page(text: &str) -> Vec<u8> {
    response("200 OK", "content-type: text/html\r\n", text)
}

fn redirect_to(location: &str) -> Vec<u8> {
    response("302 Found", &format!("location: {location}\r\n"), "")
}
