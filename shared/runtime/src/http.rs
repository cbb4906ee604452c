//! Functions behind API Gateway.

use http_api::Api;

use crate::{Error, start};

/// Serves a group whose answers are whole: its routes are wired without response streaming.
///
/// # Errors
/// When the function cannot start.
pub async fn serve(api: Api) -> Result<(), Error> {
    lambda_http::run(api.finish(start().await?)).await
}

/// Serves a group that streams: its routes are wired with `ResponseTransferMode: RESPONSE_STREAM`, all of them,
/// because API Gateway reads the answer of such a route in another format.
///
/// # Errors
/// When the function cannot start.
pub async fn serve_streaming(api: Api) -> Result<(), Error> {
    lambda_http::run_with_streaming_response(api.finish(start().await?)).await
}
