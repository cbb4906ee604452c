//! Hosts that may be fetched from although they are not public.

/// Hosts that may be reached in addition to public ones, for development: a site on this machine, or a test's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrivateHosts(Vec<(String, u16)>);

/// A part of the list is not `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not of the form host:port")]
pub struct InvalidPrivateHost(pub String);

impl PrivateHosts {
    /// Parses `host:port,host:port,...`. A host is written as in a URL: a name, an IPv4 address, or an IPv6 address in
    /// brackets.
    ///
    /// # Errors
    /// Returns the first part that is none.
    pub fn parse(list: &str) -> Result<Self, InvalidPrivateHost> {
        let parts = list.split(',').map(str::trim).filter(|part| !part.is_empty());
        let hosts = parts.map(|part| {
            let invalid = || InvalidPrivateHost(part.to_owned());
            let (host, port) = part.rsplit_once(':').ok_or_else(invalid)?;
            let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(invalid)?;
            // The same spelling as in a parsed URL.
            let url = reqwest::Url::parse(&format!("http://{host}/")).map_err(|_| invalid())?;
            let is_host = url.path() == "/" && url.port().is_none() && url.username().is_empty();
            let host = url.host_str().filter(|_| is_host).ok_or_else(invalid)?;
            Ok((host.to_owned(), port))
        });
        hosts.collect::<Result<_, _>>().map(Self)
    }

    /// Returns whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether exactly this host and port are listed.
    pub(crate) fn contains(&self, host: &str, port: u16) -> bool {
        self.0.iter().any(|(listed, at)| listed == host && *at == port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_hosts_with_their_ports() {
        let hosts = PrivateHosts::parse(" localhost:8080, [::1]:81,127.0.0.1:9000,").unwrap();
        for (host, port, is_listed) in [
            ("localhost", 8080, true),
            ("[::1]", 81, true),
            ("127.0.0.1", 9000, true),
            ("127.0.0.1", 8080, false),
            ("localhost", 80, false),
            ("a.localhost", 8080, false),
        ] {
            assert_eq!(hosts.contains(host, port), is_listed, "{host}:{port}");
        }
        assert!(PrivateHosts::parse("").unwrap().is_empty());
    }

    #[test]
    fn a_part_that_names_no_port_is_refused() {
        for list in [
            "localhost",
            "localhost:",
            "localhost:0",
            "localhost:99999",
            "a/b:80",
            "me@host:80",
            ":80",
            "*:80/x:1",
        ] {
            assert!(PrivateHosts::parse(list).is_err(), "{list}");
        }
    }
}
