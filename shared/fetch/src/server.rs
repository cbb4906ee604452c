//! Servers that are no web sites, such as databases, reached under the same rules as pages.

use std::net::{IpAddr, SocketAddr};

use reqwest::Url;

use crate::{
    FetchError, PrivateHosts, is_public,
    resolver::{Lookup, SystemLookup},
    target::check_host,
};

/// Ports below this are those of well-known services, which a crafted address may confuse.
const FIRST_PORT: u16 = 1_024;

/// A server that may be connected to as far as it can be told without the DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// In the spelling of the URL standard; an IPv6 address in brackets.
    host: String,
    port: u16,
    is_private: bool,
}

impl Server {
    /// Checks a host, which is a name or an address, and a port.
    ///
    /// # Errors
    /// Returns [`FetchError::InvalidUrl`], [`FetchError::PortNotAllowed`] or [`FetchError::AddressNotAllowed`].
    pub fn parse(host: &str, port: u16, private_hosts: &PrivateHosts) -> Result<Self, FetchError> {
        let host = host.trim();
        let is_bare_v6 = host.contains(':') && !host.starts_with('[');
        let written = if is_bare_v6 {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let url = Url::parse(&format!("http://{written}/")).map_err(|_| FetchError::InvalidUrl)?;
        let is_host =
            url.path() == "/" && url.port().is_none() && url.username().is_empty() && url.password().is_none();
        let host = url
            .host_str()
            .filter(|_| is_host && url.query().is_none() && url.fragment().is_none());
        let host = host.ok_or(FetchError::InvalidUrl)?.to_owned();
        let is_private = private_hosts.contains(&host, port);
        if !is_private {
            check_host(&host)?;
            if port < FIRST_PORT {
                return Err(FetchError::PortNotAllowed);
            }
        }
        Ok(Self { host, port, is_private })
    }

    /// Returns whether it is one of [`PrivateHosts`].
    pub fn is_private(&self) -> bool {
        self.is_private
    }

    /// Returns the host as certificates name it.
    pub fn host(&self) -> &str {
        literal(&self.host)
    }

    /// Resolves the host once. A connection may be made to the returned addresses only, and soon.
    ///
    /// # Errors
    /// Returns [`FetchError::HostNotFound`], and [`FetchError::AddressNotAllowed`] if any address is not public.
    pub async fn addresses(&self) -> Result<Vec<SocketAddr>, FetchError> {
        self.addresses_by(&SystemLookup).await
    }

    pub(crate) async fn addresses_by(&self, lookup: &dyn Lookup) -> Result<Vec<SocketAddr>, FetchError> {
        let found = match literal(&self.host).parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => lookup.lookup(&self.host).await.map_err(|_| FetchError::HostNotFound)?,
        };
        if found.is_empty() {
            return Err(FetchError::HostNotFound);
        }
        if !self.is_private && !found.iter().copied().all(is_public) {
            return Err(FetchError::AddressNotAllowed);
        }
        Ok(found
            .into_iter()
            .map(|address| SocketAddr::new(address, self.port))
            .collect())
    }
}

fn literal(host: &str) -> &str {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures::{FutureExt as _, future::BoxFuture};

    use super::*;

    /// Answers every name with these addresses.
    struct Answers(&'static [&'static str]);

    impl Lookup for Answers {
        fn lookup(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            let addresses = self.0.iter().map(|text| text.parse().unwrap()).collect();
            std::future::ready(Ok(addresses)).boxed()
        }
    }

    #[test]
    fn hosts_that_are_not_public_are_refused_however_they_are_written() {
        let private = PrivateHosts::parse("127.0.0.1:5433").unwrap();
        let of = |host: &str, port| Server::parse(host, port, &private);
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f000001",
            "2130706433",
            "localhost",
            "db.internal",
            "db",
            "10.0.0.5",
            "169.254.169.254",
            "[::1]",
            "::1",
            "::ffff:127.0.0.1",
            "fd00::1",
            "192.168.1.1.",
            "LOCALHOST",
            "172.16.0.9",
            "0",
            "100.64.0.1",
        ] {
            assert_eq!(of(host, 5432), Err(FetchError::AddressNotAllowed), "{host}");
        }
        for host in [
            "",
            "a b",
            "me@example.com",
            "example.com/x",
            "example.com:5432",
            "example.com?x",
            "a#b.example",
        ] {
            assert_eq!(of(host, 5432), Err(FetchError::InvalidUrl), "{host}");
        }
        assert_eq!(of("db.example.com", 22), Err(FetchError::PortNotAllowed));
        assert!(of("127.0.0.1", 5433).unwrap().is_private());
        assert_eq!(of("DB.Example.com", 5432).unwrap().host(), "db.example.com");
        assert_eq!(of("2606:4700::1111", 5432).unwrap().host(), "2606:4700::1111");
    }

    #[tokio::test]
    async fn a_name_is_refused_if_any_of_its_addresses_is_not_public() {
        let server = Server::parse("db.example.com", 5432, &PrivateHosts::default()).unwrap();
        let of = async |addresses| server.addresses_by(&Answers(addresses)).await;
        assert_eq!(
            of(&["93.184.215.14"]).await.unwrap(),
            ["93.184.215.14:5432".parse().unwrap()]
        );
        for addresses in [&["93.184.215.14", "10.0.0.1"][..], &["::1"], &["169.254.169.254"]] {
            assert_eq!(of(addresses).await, Err(FetchError::AddressNotAllowed));
        }
        assert_eq!(of(&[]).await, Err(FetchError::HostNotFound));
    }
}
