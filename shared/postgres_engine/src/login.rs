//! Where a database is, and who connects.

use std::net::SocketAddr;

use domain::Secret;

/// How a connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// TLS, and the certificate must be valid for the host: by this authority in PEM format, else by one that the system
    /// trusts.
    VerifyFull(Option<String>),
    /// TLS with whatever certificate: safe from eavesdroppers, not from someone in between.
    Require,
    /// No TLS.
    Disable,
}

/// What is needed to connect.
#[derive(Debug, Clone)]
pub struct Login {
    /// The host, as certificates name it.
    pub host: String,
    /// Its addresses, checked by the caller.
    pub addresses: Vec<SocketAddr>,
    /// The database.
    pub database: String,
    /// The role.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// How the connection is protected.
    pub tls: Tls,
}
