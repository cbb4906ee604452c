//! The origin of a request.

use std::{net::IpAddr, net::SocketAddr, ops::Deref};

use axum::extract::{ConnectInfo, FromRequestParts};
use domain::Network;
use http::{Extensions, header, request::Parts};

use crate::{Describe, Problem, Result, describe::OperationDoc, request_context::RequestContext};

/// Maximum stored length of `User-Agent`, in characters.
const MAX_USER_AGENT: usize = 200;

/// The client's address as API Gateway saw it. The code that passes a request to the router adds it as an extension;
/// without it, the peer address of the connection counts. `X-Forwarded-For` never does, because anyone can send one.
#[derive(Debug, Clone, Copy)]
pub struct SourceAddress(pub IpAddr);

/// The origin of a request; for operations with a rate limit (429).
#[derive(Debug, Clone)]
pub struct Origin(pub app::Origin);

impl Deref for Origin {
    type Target = app::Origin;

    fn deref(&self) -> &app::Origin {
        &self.0
    }
}

fn address(extensions: &Extensions) -> Option<IpAddr> {
    let gateway = extensions.get::<SourceAddress>().map(|source| source.0);
    let peer = || {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        peer.map(|peer| peer.0.ip())
    };
    gateway.or_else(peer)
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let user_agent = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|name| name.to_str().ok());
        Ok(Self(app::Origin {
            request_id: RequestContext::of(parts)?.request_id.clone(),
            network: address(&parts.extensions).map(Network::from),
            user_agent: user_agent.map(|name| name.chars().take(MAX_USER_AGENT).collect()),
        }))
    }
}

impl Describe for Origin {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.problem(429);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;

    use super::*;
    use crate::{Api, Json, testing::Server};

    async fn origin(origin: Origin) -> Json<(Option<Network>, Option<String>)> {
        Json((origin.network.clone(), origin.user_agent.clone()))
    }

    #[tokio::test]
    async fn the_gateway_names_the_source_then_the_connection_and_a_header_never_does() {
        let server = Server::new(Api::new("Test").get("/origin", origin, ""));
        let gateway = SourceAddress("203.0.113.17".parse().unwrap_or(IpAddr::from([0; 4])));
        let peer = ConnectInfo(SocketAddr::from(([198, 51, 100, 1], 4711)));
        let request = || {
            let request = Request::get("/origin").header("x-forwarded-for", "192.0.2.1");
            request
                .header("forwarded", "for=192.0.2.1")
                .header("x-real-ip", "192.0.2.1")
        };
        for (request, expected) in [
            (request(), "[null,null]"),
            (request().extension(peer), r#"["198.51.100.1",null]"#),
            (request().extension(peer).extension(gateway), r#"["203.0.113.17",null]"#),
            (
                request().extension(gateway).header("user-agent", "curl/8"),
                r#"["203.0.113.17","curl/8"]"#,
            ),
        ] {
            assert_eq!(server.call(request, Body::empty()).await.text(), expected);
        }
        let long = request().header("user-agent", "x".repeat(5000));
        assert!(server.call(long, Body::empty()).await.text().len() < 300);
    }
}
