//! Where a request comes from.

use domain::Network;

/// Where a request comes from: what sign-in limits, sessions and the audit log want to know of it. The default is no
/// request at all: the system itself.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The request in our logs.
    pub request_id: String,
    /// The network, as the gateway saw it; never what a header claims.
    pub network: Option<Network>,
    /// The program, as it names itself.
    pub user_agent: Option<String>,
}
