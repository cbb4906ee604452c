//! A web site on this machine whose pages change.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

/// What a path answers.
#[derive(Clone)]
enum Page {
    Content(&'static str, Vec<u8>),
    /// A status with one header.
    Status(u16, Option<(&'static str, String)>),
}

#[derive(Default)]
struct Shared {
    pages: Mutex<BTreeMap<String, Page>>,
    /// Paths in the order of their requests, with `304` if the page was known.
    log: Mutex<Vec<String>>,
    running: AtomicUsize,
    most_running: AtomicUsize,
}

/// A site that answers with entity tags, and knows what it was asked.
pub(crate) struct LiveSite {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl LiveSite {
    #[expect(clippy::disallowed_methods, reason = "the site runs beside the test")]
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let answering = Arc::clone(&shared);
        let router = Router::new().fallback(move |request: Request| {
            let shared = Arc::clone(&answering);
            async move {
                let running = shared.running.fetch_add(1, Ordering::SeqCst) + 1;
                shared.most_running.fetch_max(running, Ordering::SeqCst);
                // Whoever comes at the same time is seen.
                tokio::task::yield_now().await;
                let answer = shared.answer(&request);
                shared.running.fetch_sub(1, Ordering::SeqCst);
                answer
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    /// Puts a page of HTML: title, paragraphs, and links.
    pub(crate) fn page(&self, path: &str, title: &str, text: &str, links: &[&str]) {
        let links = links
            .iter()
            .map(|link| format!("<li><a href=\"{link}\">More about it</a>"));
        let links = links.collect::<Vec<_>>().concat();
        let html = format!(
            "<!doctype html><html lang=en><head><title>{title}</title></head><body><main><h1>{title}</h1><p>{text}</p>\
             </main><nav><ul>{links}</ul></nav></body></html>"
        );
        self.put(path, "text/html; charset=utf-8", html.into_bytes());
    }

    pub(crate) fn put(&self, path: &str, kind: &'static str, bytes: impl Into<Vec<u8>>) {
        let mut pages = self.shared.pages.lock().unwrap();
        pages.insert(path.to_owned(), Page::Content(kind, bytes.into()));
    }

    /// From here on a path answers this status, with one header.
    pub(crate) fn fail(&self, path: &str, status: u16, header: Option<(&'static str, &str)>) {
        let header = header.map(|(name, value)| (name, value.to_owned()));
        let mut pages = self.shared.pages.lock().unwrap();
        pages.insert(path.to_owned(), Page::Status(status, header));
    }

    pub(crate) fn remove(&self, path: &str) {
        self.shared.pages.lock().unwrap().remove(path);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The value of `ALLOW_PRIVATE_FETCH` with which a stack may read this site.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// The requests since the last call of this.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.log.lock().unwrap())
    }

    /// How many requests were answered at the same time, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.most_running.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn answer(&self, request: &Request) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let page = self.pages.lock().unwrap().get(&path).cloned();
        let status = |status: u16| {
            let mut response = Response::new(Body::from("nothing here"));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response
        };
        let (kind, bytes) = match page {
            Some(Page::Content(kind, bytes)) => (kind, bytes),
            Some(Page::Status(code, header)) => {
                self.log.lock().unwrap().push(format!("{path} {code}"));
                let mut response = status(code);
                if let Some((name, value)) = header {
                    let value = HeaderValue::from_str(&value).unwrap();
                    response.headers_mut().insert(HeaderName::from_static(name), value);
                }
                return response;
            }
            None => {
                self.log.lock().unwrap().push(format!("{path} 404"));
                return status(404);
            }
        };
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&bytes)[..8]));
        let known = request.headers().get(header::IF_NONE_MATCH);
        if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
            self.log.lock().unwrap().push(format!("{path} 304"));
            return status(304);
        }
        self.log.lock().unwrap().push(path);
        let mut response = Response::new(Body::from(bytes));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::ETAG, HeaderValue::from_str(&tag).unwrap());
        response
    }
}
