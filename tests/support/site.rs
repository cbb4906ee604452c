//! A web site on this machine, which stacks may read because the test says so.

use std::{
    collections::{HashMap, HashSet},
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
    http::{HeaderValue, Response, StatusCode, header},
};
use tokio::net::TcpListener;

/// A page: content type and bytes.
type Page = (&'static str, Vec<u8>);

/// A site with some pages.
pub(crate) struct Site {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Site {
    /// Starts a site with these pages: path, content type, bytes. `/moved` redirects to the first one, `/inside` to
    /// another port of this machine. The site is out of order at the first request to `/flaky` and `/closing`; later
    /// the former is the first page, and the latter does not exist.
    #[expect(clippy::disallowed_methods, reason = "the site runs beside the test")]
    pub(crate) async fn start(pages: Vec<(&'static str, &'static str, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let first = pages[0].0;
        let pages: HashMap<&str, Page> = pages
            .into_iter()
            .map(|(path, kind, bytes)| (path, (kind, bytes)))
            .collect();
        let pages = Arc::new(pages);
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let seen: Arc<Mutex<HashSet<String>>> = Arc::default();
        let router = Router::new().fallback(move |request: Request| {
            count.fetch_add(1, Ordering::SeqCst);
            let pages = Arc::clone(&pages);
            let is_first = seen.lock().unwrap().insert(request.uri().path().to_owned());
            async move {
                let path = request.uri().path();
                let status = |status: StatusCode| {
                    let mut response = Response::new(Body::from("nothing here"));
                    *response.status_mut() = status;
                    response
                };
                let to = |location: &str| {
                    let mut response = Response::new(Body::empty());
                    *response.status_mut() = StatusCode::FOUND;
                    let location = HeaderValue::from_str(location).unwrap();
                    response.headers_mut().insert(header::LOCATION, location);
                    response
                };
                let path = match path {
                    "/moved" => return to(first),
                    "/inside" => return to("http://127.0.0.1:1/"),
                    "/flaky" | "/closing" if is_first => return status(StatusCode::SERVICE_UNAVAILABLE),
                    "/flaky" => first,
                    path => path,
                };
                let Some((kind, bytes)) = pages.get(path) else {
                    return status(StatusCode::NOT_FOUND);
                };
                let mut response = Response::new(Body::from(bytes.clone()));
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
                response
                    .headers_mut()
                    .insert(header::ETAG, HeaderValue::from_static("\"one\""));
                response
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, requests }
    }

    /// The address of a page.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The value of `ALLOW_PRIVATE_FETCH` with which a stack may read this site.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// How many requests it got.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}
