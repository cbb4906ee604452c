//! The origin of a request.

use domain::Network;

/// The origin of a request, for sign-in limits, sessions and the audit log. The default stands for no request: the
/// system itself.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The request ID in our logs.
    pub request_id: String,
    /// The network as seen by the gateway, never as claimed by a header.
    pub network: Option<Network>,
    /// The user agent, as it reports itself.
    pub user_agent: Option<String>,
}
