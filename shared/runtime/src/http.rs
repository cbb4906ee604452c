//! Functions behind API Gateway.

use app::App;
use axum::{Router, body::Body};
use futures::{StreamExt as _, stream};
use http_api::{Api, SourceAddress};
use lambda_http::{Request, RequestExt as _, request::RequestContext, tower::ServiceExt as _};

use crate::{Error, start};

/// Serves a group without response streaming: its routes are configured for buffered responses.
///
/// # Errors
/// If the function cannot start.
pub async fn serve(api: Api) -> Result<(), Error> {
    let app = start().await?;
    let service = to_the_end(api.finish(app.clone()), app);
    lambda_http::run(service.map_request(with_source)).await
}

/// Serves a group that streams: its routes are configured with `ResponseTransferMode: RESPONSE_STREAM`, all of them,
/// because API Gateway reads the response of such a route in another format.
///
/// # Errors
/// If the function cannot start.
pub async fn serve_streaming(api: Api) -> Result<(), Error> {
    let app = start().await?;
    let service = to_the_end(api.finish(app.clone()), app);
    lambda_http::run_with_streaming_response(service.map_request(with_source)).await
}

/// Wraps `router` so that responses end after its background work, because Lambda then freezes the process.
fn to_the_end(router: Router, app: App) -> Router {
    router.layer(tower::util::MapResponseLayer::new(
        move |response: axum::response::Response| {
            let app = app.clone();
            let idle = stream::once(async move { app.idle().await });
            // Sends nothing; the stream only does not end before it.
            let idle = idle.filter_map(|()| std::future::ready(None));
            response.map(|body| Body::from_stream(body.into_data_stream().chain(idle)))
        },
    ))
}

/// Returns the request with the client's address as API Gateway saw it (`requestContext.identity.sourceIp`).
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
