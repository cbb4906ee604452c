//! Functions behind API Gateway.

use http_api::{Api, SourceAddress};
use lambda_http::{Request, RequestExt as _, request::RequestContext, tower::ServiceExt as _};

use crate::{Error, start};

/// Serves a group whose answers are whole: its routes are wired without response streaming.
///
/// # Errors
/// When the function cannot start.
pub async fn serve(api: Api) -> Result<(), Error> {
    lambda_http::run(api.finish(start().await?).map_request(with_source)).await
}

/// Serves a group that streams: its routes are wired with `ResponseTransferMode: RESPONSE_STREAM`, all of them,
/// because API Gateway reads the answer of such a route in another format.
///
/// # Errors
/// When the function cannot start.
pub async fn serve_streaming(api: Api) -> Result<(), Error> {
    lambda_http::run_with_streaming_response(api.finish(start().await?).map_request(with_source)).await
}

/// The request with the client's address as the gateway saw it (`requestContext.identity.sourceIp`).
pub fn with_source(mut request: Request) -> Request {
    let address = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.as_deref(),
        _ => None,
    };
    if let Some(address) = address.and_then(|address| address.parse().ok()) {
        request.extensions_mut().insert(SourceAddress(address));
    }
    request
}
