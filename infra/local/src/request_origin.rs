//! The host that a request is for, and whether a web page sends it.
//!
//! Both ports listen on 127.0.0.1 only, which keeps out other machines but not the web pages that a developer has open:
//! their scripts may send requests to any port of this machine, and a page may resolve its own name to it (DNS
//! rebinding). A browser declares in each such request its origin (`Origin`, `Sec-Fetch-Site`) and its target (`Host`).

use axum::http::{
    HeaderMap, HeaderName, Method, Request, Uri,
    header::{HOST, ORIGIN},
    uri::Authority,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// The names of this machine.
const LOCAL_NAMES: [&str; 4] = ["localhost", "127.0.0.1", "[::1]", OF_CONTAINERS];
/// The machine's name inside containers, such as those of `sam local invoke`. No public name ends with it.
const OF_CONTAINERS: &str = "host.docker.internal";

/// Why a request is not for this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostError {
    /// There is no `Host`, more than one, or an invalid one: 400 by RFC 9112, section 3.2.
    Malformed,
    /// It names another server.
    Unknown,
}

/// Returns the host of a request, without its port.
///
/// # Errors
/// [`HostError::Malformed`].
pub(crate) fn host<T>(request: &Request<T>) -> Result<String, HostError> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(HostError::Malformed);
    };
    let host = Authority::try_from(host.as_bytes()).map_err(|_| HostError::Malformed)?;
    // A request line with a whole URI takes precedence.
    let host = request.uri().authority().unwrap_or(&host);
    if host.as_str().contains('@') || host.host().is_empty() {
        return Err(HostError::Malformed);
    }
    Ok(host.host().to_ascii_lowercase())
}

/// Checks that a request names this machine, or one of the `others`.
///
/// # Errors
/// See [`HostError`].
pub(crate) fn require_host<T>(request: &Request<T>, others: &[String]) -> Result<(), HostError> {
    let host = host(request)?;
    if LOCAL_NAMES.contains(&host.as_str()) || others.contains(&host) {
        Ok(())
    } else {
        Err(HostError::Unknown)
    }
}

/// Returns the host in a URL, without its port; `None` if there is none.
pub(crate) fn host_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    Some(uri.host()?.to_ascii_lowercase())
}

/// Returns whether a page of another origin than this server's sends the request. `own`: the origin of its own pages,
/// such as `localhost:8000`; `None` if it serves none.
pub(crate) fn is_of_foreign_page(method: &Method, headers: &HeaderMap, own: Option<&str>) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    if let Some(origin) = origins.next() {
        if origins.next().is_some() {
            return true;
        }
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        return !origin.is_some_and(|(_, host)| own.is_some_and(|own| own.eq_ignore_ascii_case(host)));
    }
    // Reads that need no `Origin`: images, scripts, frames. Following a link or typing an address is a user's action,
    // which opens its own tab.
    let text = |name: HeaderName| headers.get(name).map_or("", |value| value.to_str().unwrap_or_default());
    let is_followed = text(SEC_FETCH_MODE) == "navigate" && ["", "document"].contains(&text(SEC_FETCH_DEST));
    match text(SEC_FETCH_SITE) {
        "" | "none" => false,
        "same-origin" => own.is_none() && !is_followed,
        _ => ![Method::GET, Method::HEAD].contains(method) || !is_followed,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn request(uri: &str, hosts: &[&str]) -> Request<()> {
        let request = hosts
            .iter()
            .fold(Request::get(uri), |request, host| request.header(HOST, *host));
        request.body(()).unwrap()
    }

    #[test]
    fn a_request_names_one_host_and_it_is_this_machine_or_one_that_was_configured() {
        let others = ["app.example.com".to_owned()];
        for host in [
            "localhost",
            "LOCALHOST:8000",
            "127.0.0.1:4566",
            "[::1]:8000",
            "app.example.com",
        ] {
            assert_eq!(require_host(&request("/", &[host]), &others), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:8000",
            "0.0.0.0:8000",
            "localhost.",
            "127.0.0.2",
        ] {
            assert_eq!(
                require_host(&request("/", &[host]), &others),
                Err(HostError::Unknown),
                "{host}"
            );
        }
        let malformed: [&[&str]; 5] = [&[], &["localhost", "localhost"], &[""], &["a b"], &["me@localhost"]];
        for hosts in malformed {
            assert_eq!(
                require_host(&request("/", hosts), &others),
                Err(HostError::Malformed),
                "{hosts:?}"
            );
        }
        let whole = request("http://evil.example/", &["localhost"]);
        assert_eq!(require_host(&whole, &others), Err(HostError::Unknown));
        assert_eq!(
            host_of("https://App.example.com:8443/x").as_deref(),
            Some("app.example.com")
        );
    }

    #[test]
    fn programs_and_people_are_no_foreign_page() {
        let own = Some("localhost:8000");
        let sent = |method: Method, headers: &[(&'static str, &'static str)]| {
            let pairs = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            is_of_foreign_page(&method, &pairs.collect(), own)
        };
        assert!(!sent(Method::POST, &[]), "a program");
        assert!(!sent(
            Method::POST,
            &[("origin", "http://localhost:8000"), ("sec-fetch-site", "same-origin")]
        ));
        assert!(
            !sent(
                Method::GET,
                &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")]
            ),
            "typed"
        );
        assert!(
            !sent(
                Method::GET,
                &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]
            ),
            "a link"
        );
        for origin in [
            "http://localhost:3000",
            "http://127.0.0.1:8000",
            "http://evil.example",
            "null",
            "",
        ] {
            assert!(sent(Method::GET, &[("origin", origin)]), "{origin}");
        }
        let frame = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "iframe"),
        ];
        assert!(sent(Method::GET, &frame), "a frame");
        let twice = [("origin", "http://localhost:8000"), ("origin", "http://evil.example")];
        let twice: HeaderMap = twice
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .fold(HeaderMap::new(), |mut all, (name, value)| {
                all.append(name, value);
                all
            });
        assert!(is_of_foreign_page(&Method::GET, &twice, own), "two origins");
        for site in ["cross-site", "same-site"] {
            assert!(
                sent(Method::GET, &[("sec-fetch-site", site), ("sec-fetch-mode", "no-cors")]),
                "{site}"
            );
            assert!(
                sent(
                    Method::POST,
                    &[("sec-fetch-site", site), ("sec-fetch-mode", "navigate")]
                ),
                "{site}"
            );
        }
    }
}
