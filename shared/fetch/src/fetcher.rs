//! Fetches one page, following its redirects.

use std::{error::Error, io, sync::Arc, time::Duration};

use reqwest::{
    Client, Response, StatusCode, Url,
    header::{
        ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName,
        HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
    },
    redirect::Policy,
};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use crate::{
    Conditions, Content, FetchError, Fetched, PrivateHosts, Target, body,
    body::Body,
    media_type::{ContentType, detect},
    resolver::{Accept, Lookup, Resolver, Route, SystemLookup, Unresolved, direct},
};

/// Until a connection is established, TLS included. Another address of the host is tried in this time.
const CONNECT: Duration = Duration::from_secs(5);
/// Validators longer than this are not stored, in bytes.
const MAX_VALIDATOR_BYTES: usize = 1_000;
/// How this product names itself to sites, and in their `robots.txt`.
const USER_AGENT: &str = concat!("Mozilla/5.0 (compatible; ParlanceBot/", env!("CARGO_PKG_VERSION"), ")");

/// Limits of one fetch, all redirects included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From a request to the head of its response.
    pub first_byte: Duration,
    /// From the first request to the last byte.
    pub total: Duration,
    /// Bytes of the body as they are sent.
    pub received_bytes: u64,
    /// Bytes of the body after decompression.
    pub decompressed_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(15),
            total: Duration::from_secs(30),
            received_bytes: 25 * 1024 * 1024,
            decompressed_bytes: 25 * 1024 * 1024,
        }
    }
}

/// Fetches pages. Clones share their clients.
#[derive(Debug, Clone)]
pub struct Fetcher {
    pub(crate) public: Client,
    pub(crate) private: Client,
    private_hosts: Arc<PrivateHosts>,
}

impl Fetcher {
    /// Redirects that are followed.
    pub const MAX_REDIRECTS: usize = 5;
    /// The name of this product in `robots.txt` (RFC 9309, section 2.2.1).
    pub const PRODUCT_TOKEN: &'static str = "ParlanceBot";

    /// Returns a fetcher that reaches public hosts, and `private_hosts`.
    ///
    /// # Errors
    /// If TLS cannot be initialized.
    pub fn new(private_hosts: PrivateHosts) -> Result<Self, reqwest::Error> {
        Self::with_network(private_hosts, &(Arc::new(SystemLookup) as Arc<dyn Lookup>), &direct())
    }

    pub(crate) fn with_network(
        private_hosts: PrivateHosts,
        lookup: &Arc<dyn Lookup>,
        route: &Route,
    ) -> Result<Self, reqwest::Error> {
        let client = |accept| {
            let builder = Client::builder()
                .dns_resolver(Arc::new(Resolver::new(Arc::clone(lookup), accept, Arc::clone(route))))
                // A proxy would resolve names itself.
                .no_proxy()
                .redirect(Policy::none())
                .referer(false)
                // An idle connection would be used without resolving the name again.
                .pool_max_idle_per_host(0)
                .connect_timeout(CONNECT)
                .http1_only()
                // The decoders here have limits.
                .no_gzip()
                .no_brotli()
                .no_zstd()
                .no_deflate()
                .user_agent(USER_AGENT)
                .default_headers(default_headers());
            match http_client::tls_config() {
                Ok(tls) => builder.tls_backend_preconfigured(tls),
                // Building the client fails for the same reason, and reports it.
                Err(_) => builder,
            }
            .build()
        };
        Ok(Self {
            public: client(Accept::Public)?,
            private: client(Accept::All)?,
            private_hosts: Arc::new(private_hosts),
        })
    }

    /// Parses an address as [`Target::parse`] does, with the hosts of this fetcher.
    ///
    /// # Errors
    /// Those of [`Target::parse`].
    pub fn target(&self, url: &str) -> Result<Target, FetchError> {
        Target::parse(url, &self.private_hosts)
    }

    /// Fetches a page. Dropping the future ends the connection.
    ///
    /// # Errors
    /// Returns why there is no page, for the user who named the address.
    pub async fn get(&self, url: &str, conditions: &Conditions, limits: &Limits) -> Result<Fetched, FetchError> {
        let target = self.target(url)?;
        timeout(limits.total, self.follow(target, conditions, limits))
            .await
            .unwrap_or(Err(FetchError::TooSlow))
    }

    async fn follow(&self, target: Target, conditions: &Conditions, limits: &Limits) -> Result<Fetched, FetchError> {
        let mut target = target;
        let mut visited = Vec::new();
        loop {
            let response = self.request(&target, conditions, limits).await?;
            let Some(next) = redirect(&target.url, &response) else {
                return read(target.url, response, conditions, limits).await;
            };
            let next = Target::check(next?, &self.private_hosts)?;
            visited.push(target.url);
            if visited.len() > Self::MAX_REDIRECTS || visited.contains(&next.url) {
                return Err(FetchError::RedirectLoop);
            }
            target = next;
        }
    }

    async fn request(&self, target: &Target, conditions: &Conditions, limits: &Limits) -> Result<Response, FetchError> {
        let client = if target.is_private { &self.private } else { &self.public };
        let mut request = client.get(target.url.clone());
        let validators = [
            (IF_NONE_MATCH, &conditions.etag),
            (IF_MODIFIED_SINCE, &conditions.last_modified),
        ];
        for (name, value) in validators {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                request = request.header(name, value);
            }
        }
        match timeout(limits.first_byte, request.send()).await {
            Ok(response) => response.map_err(|error| classify(&error)),
            Err(_) => Err(FetchError::TooSlow),
        }
    }
}

fn default_headers() -> HeaderMap {
    HeaderMap::from_iter([
        (
            ACCEPT,
            HeaderValue::from_static("text/html,application/xhtml+xml,application/pdf;q=0.9,text/*;q=0.9,*/*;q=0.8"),
        ),
        (ACCEPT_ENCODING, HeaderValue::from_static(body::ACCEPT_ENCODING)),
        (ACCEPT_LANGUAGE, HeaderValue::from_static("en;q=0.8,*;q=0.5")),
    ])
}

/// Returns where a response redirects to, if it does.
fn redirect(from: &Url, response: &Response) -> Option<Result<Url, FetchError>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    // Sites send UTF-8 where RFC 9110 wants ASCII.
    let location = response.headers().get(LOCATION).map(HeaderValue::as_bytes);
    let location = location.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let next = location.and_then(|location| from.join(location.trim()).ok());
    Some(next.ok_or(FetchError::RedirectLoop))
}

/// Reads the response that is no redirect.
async fn read(url: Url, response: Response, conditions: &Conditions, limits: &Limits) -> Result<Fetched, FetchError> {
    check_status(response.status(), response.headers())?;
    if response.status() == StatusCode::NOT_MODIFIED {
        let is_asked = *conditions != Conditions::default();
        return if is_asked {
            Ok(Fetched::NotModified)
        } else {
            Err(FetchError::InvalidResponse)
        };
    }
    let header = |name: HeaderName| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.map(str::to_owned)
    };
    let content_type = ContentType::parse(&header(CONTENT_TYPE).unwrap_or_default());
    if let Some(found) = content_type.hopeless() {
        return Err(FetchError::UnsupportedType { found });
    }
    if response
        .content_length()
        .is_some_and(|length| length > limits.received_bytes)
    {
        return Err(FetchError::TooLarge {
            limit: limits.received_bytes,
        });
    }
    let (etag, last_modified) = (header(ETAG), header(LAST_MODIFIED));
    let encoding = header(CONTENT_ENCODING).unwrap_or_default();
    let bytes = body(response, &encoding, limits).await?;
    if bytes.is_empty() {
        return Err(FetchError::Empty);
    }
    let media_type = detect(&bytes, &content_type).map_err(|found| FetchError::UnsupportedType { found })?;
    let short = |validator: Option<String>| validator.filter(|text| text.len() <= MAX_VALIDATOR_BYTES);
    Ok(Fetched::Content(Box::new(Content {
        url,
        media_type,
        charset: content_type.charset,
        etag: short(etag),
        last_modified: short(last_modified),
        sha256: hex::encode(Sha256::digest(&bytes)),
        bytes: bytes.into(),
    })))
}

async fn body(mut response: Response, encoding: &str, limits: &Limits) -> Result<Vec<u8>, FetchError> {
    let mut body = Body::new(encoding, (limits.received_bytes, limits.decompressed_bytes))?;
    while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
        body = body.push(&chunk)?;
    }
    body.finish()
}

fn check_status(status: StatusCode, headers: &HeaderMap) -> Result<(), FetchError> {
    let retry_after = retry_after(headers);
    match status.as_u16() {
        200 | 203 | 304 => Ok(()),
        // Nothing to show, or a part that nobody requested.
        201..=299 => Err(FetchError::Empty),
        401 | 402 | 403 | 407 | 451 => Err(FetchError::AccessDenied),
        404 | 410 => Err(FetchError::NotFound),
        429 => Err(FetchError::RateLimited { retry_after }),
        503 if retry_after.is_some() => Err(FetchError::RateLimited { retry_after }),
        status => Err(FetchError::SiteError { status }),
    }
}

/// Returns how long a site asks to wait: a number of seconds, or a date after that of its response.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let after = text(RETRY_AFTER)?;
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(after).ok()?;
    let date = httpdate::parse_http_date(text(DATE)?).ok()?;
    Some(until.duration_since(date).unwrap_or_default())
}

/// Returns what a failure of the client means to the user.
pub(crate) fn classify(error: &reqwest::Error) -> FetchError {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if let Some(unresolved) = cause.downcast_ref::<Unresolved>() {
            return match unresolved {
                Unresolved::NotPublic => FetchError::AddressNotAllowed,
                Unresolved::NotFound => FetchError::HostNotFound,
            };
        }
        if is_tls_error(cause) {
            return FetchError::CertificateInvalid;
        }
        source = cause.source();
    }
    if error.is_timeout() {
        FetchError::TooSlow
    } else if error.is_connect() {
        FetchError::ConnectionFailed
    } else if error.is_builder() {
        FetchError::Internal
    } else {
        FetchError::InvalidResponse
    }
}

/// Returns whether an error is one of TLS. The connectors wrap it into errors of I/O, which name as their source only
/// the source of what they contain.
fn is_tls_error(error: &(dyn Error + 'static)) -> bool {
    let contained = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<http_client::TlsError>() || contained.is_some_and(|contained| is_tls_error(contained))
}
