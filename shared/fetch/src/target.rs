//! Addresses of pages, as users write them, and which of them may be fetched.

use std::net::IpAddr;

use reqwest::Url;

use crate::{FetchError, PrivateHosts, is_public};

/// Longer addresses are refused, in bytes: RFC 9110 recommends that senders and recipients support 8,000.
const MAX_URL_BYTES: usize = 8_000;

/// Names that only a local network knows, with everything below them: RFC 6761, RFC 6762, RFC 8375, ICANN's reserved
/// `internal`, and those that routers and companies use.
const LOCAL_NAMES: [&str; 13] = [
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "home.arpa",
    "home",
    "lan",
    "corp",
    "private",
    "onion",
    "in-addr.arpa",
    "ip6.arpa",
];

/// Ports of other protocols above 1023 on which browsers open no page, from <https://fetch.spec.whatwg.org/#port-blocking>.
const BLOCKED_PORTS: [u16; 17] = [
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 10080,
];

/// An address that may be fetched as far as it can be told without the DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The address, without fragment.
    pub(crate) url: Url,
    /// Whether it is one of [`PrivateHosts`], so that its addresses need not be public.
    pub(crate) is_private: bool,
}

impl Target {
    /// Parses an address that a user typed. `example.com/page` is understood as `https://example.com/page`.
    ///
    /// # Errors
    /// Returns [`FetchError::InvalidUrl`], [`FetchError::SchemeNotAllowed`], [`FetchError::CredentialsNotAllowed`],
    /// [`FetchError::PortNotAllowed`] or [`FetchError::AddressNotAllowed`].
    pub fn parse(text: &str, private_hosts: &PrivateHosts) -> Result<Self, FetchError> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_URL_BYTES {
            return Err(FetchError::InvalidUrl);
        }
        match Url::parse(text) {
            Ok(url) if is_host_and_port(&url) => Self::check(https(text)?, private_hosts),
            Ok(url) => Self::check(url, private_hosts),
            Err(_) if is_relative(text) => Self::check(https(text)?, private_hosts),
            Err(_) => Err(FetchError::InvalidUrl),
        }
    }

    /// Checks an address.
    pub(crate) fn check(mut url: Url, private_hosts: &PrivateHosts) -> Result<Self, FetchError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::SchemeNotAllowed);
        }
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(FetchError::InvalidUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::CredentialsNotAllowed);
        }
        url.set_fragment(None);
        let port = url.port_or_known_default().ok_or(FetchError::InvalidUrl)?;
        let host = url.host_str().ok_or(FetchError::InvalidUrl)?;
        if private_hosts.contains(host, port) {
            return Ok(Self { url, is_private: true });
        }
        check_host(host)?;
        if !is_web_port(port) {
            return Err(FetchError::PortNotAllowed);
        }
        Ok(Self { url, is_private: false })
    }

    /// Returns the address, in the spelling of the URL standard.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

/// Returns whether a site may be on this port: 80, 443, and those above 1023 that browsers accept, as development
/// servers and application servers use them. Below are the well-known services that a crafted address may confuse.
fn is_web_port(port: u16) -> bool {
    matches!(port, 80 | 443) || (port >= 1024 && !BLOCKED_PORTS.contains(&port))
}

pub(crate) fn check_host(host: &str) -> Result<(), FetchError> {
    let literal = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(address) = literal.parse::<IpAddr>() {
        return is_public(address).then_some(()).ok_or(FetchError::AddressNotAllowed);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.split('.').any(|label| label.is_empty() || label.len() > 63) || name.len() > 253 {
        return Err(FetchError::InvalidUrl);
    }
    // A name without a dot is completed by the resolver's search list: it is one of a local network.
    let is_local = !name.contains('.')
        || LOCAL_NAMES.iter().any(|local| {
            name.strip_suffix(local)
                .is_some_and(|above| above.is_empty() || above.ends_with('.'))
        });
    if is_local {
        Err(FetchError::AddressNotAllowed)
    } else {
        Ok(())
    }
}

/// Returns whether a URL is really a host and a port: `example.com:8080/page` has the scheme `example.com`.
fn is_host_and_port(url: &Url) -> bool {
    let rest = url.path();
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    url.cannot_be_a_base() && (1..=5).contains(&digits) && matches!(rest.as_bytes().get(digits), None | Some(b'/'))
}

/// Returns whether a text has no scheme.
fn is_relative(text: &str) -> bool {
    let before = text.split(['/', '?', '#']).next().unwrap_or_default();
    before.contains('.') && !text.contains("://") && !before.contains(['@', '\\', ' '])
}

fn https(text: &str) -> Result<Url, FetchError> {
    Url::parse(&format!("https://{text}")).map_err(|_| FetchError::InvalidUrl)
}
