//! The network a request comes from, no more precise than needed.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// A network: one IPv4 address, or the /64 of an IPv6 address, which is the least that one customer of a provider has
/// (RFC 6177) and can freely change addresses in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Network(String);

impl Network {
    /// Returns the network as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether it is the local machine, as in development. The gateway never reports a loopback address.
    pub fn is_loopback(&self) -> bool {
        self.0.starts_with("127.") || self.0 == "::/64"
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.to_string()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self(format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing parse is the test's failure")]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_customer_is_one_network_and_a_mapped_address_is_ipv4() {
        let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(network("203.0.113.17").as_str(), "203.0.113.17");
        assert_eq!(network("::ffff:203.0.113.17").as_str(), "203.0.113.17");
        assert_eq!(network("2001:db8:1:2:3:4:5:6").as_str(), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert!(network("127.0.0.1").is_loopback() && network("::1").is_loopback());
        assert!(!network("203.0.113.17").is_loopback());
    }
}
