//! Resolves names to public addresses only.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::is_public;

/// Looks up the addresses of a name.
pub(crate) trait Lookup: Send + Sync + 'static {
    /// Returns all addresses of a name, of both families.
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
#[derive(Debug)]
pub(crate) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Which addresses of a host are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accept {
    /// Public ones: one that is not refuses the host.
    Public,
    /// All, for hosts that the configuration lists.
    All,
}

/// Resolves a name for one connection, which is then made to one of the returned addresses.
pub(crate) struct Resolver {
    lookup: Arc<dyn Lookup>,
    accept: Accept,
    route: Route,
}

/// Where a connection to an address is made: there, with the port of the URL. Tests have a network of their own.
pub(crate) type Route = Arc<dyn Fn(IpAddr) -> SocketAddr + Send + Sync>;

/// Returns the address itself; the port of the URL replaces 0.
pub(crate) fn direct() -> Route {
    Arc::new(|address| SocketAddr::new(address, 0))
}

impl Resolver {
    pub(crate) fn new(lookup: Arc<dyn Lookup>, accept: Accept, route: Route) -> Self {
        Self { lookup, accept, route }
    }
}

/// The host has an address that is not public, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unresolved {
    NotPublic,
    NotFound,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPublic => "the host has an address that is not public",
            Self::NotFound => "the host has no address",
        })
    }
}

impl std::error::Error for Unresolved {}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (looking_up, accept, route) = (self.lookup.lookup(name.as_str()), self.accept, Arc::clone(&self.route));
        Box::pin(async move {
            let found = looking_up.await.map_err(|_| Unresolved::NotFound)?;
            if found.is_empty() {
                return Err(Unresolved::NotFound.into());
            }
            if accept == Accept::Public && !found.iter().copied().all(is_public) {
                return Err(Unresolved::NotPublic.into());
            }
            let addresses: Vec<SocketAddr> = found.into_iter().map(|address| route(address)).collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
