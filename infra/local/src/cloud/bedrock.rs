//! Amazon Bedrock: forwards requests to its runtime to a stand-in server, if the caller may invoke the model.

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::json;

use super::iam::{self, Access, Iam};
use super::{ACCOUNT, wire};

/// The stand-in server, if any.
pub(super) struct Bedrock(Option<Upstream>);

struct Upstream {
    base_url: String,
    http: reqwest::Client,
}

impl Bedrock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the limits are the caller's: what it gives up on is dropped here as well"
    )]
    pub(super) fn new(base_url: Option<String>) -> Self {
        Self(base_url.map(|base_url| Upstream {
            base_url: base_url.trim_end_matches('/').to_owned(),
            http: reqwest::Client::new(),
        }))
    }

    /// Returns whether a request is signed for this service.
    pub(super) fn is_asked<T>(request: &Request<T>) -> bool {
        scope(request).is_some_and(|(_, service)| service == "bedrock")
    }

    /// Responds to one request, streaming its events as they arrive.
    pub(super) async fn serve(&self, iam: &Iam, request: Request<Body>) -> Response<Body> {
        let refused = iam::caller(&request).and_then(|function| {
            let accesses = accesses(&request);
            iam.authorize(function, &accesses).err()
        });
        if let Some(denied) = refused {
            return failure(StatusCode::FORBIDDEN, "AccessDeniedException", &denied.to_string());
        }
        match self.forward(request).await {
            Ok(response) => response,
            Err(reason) => failure(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableException", &reason),
        }
    }

    async fn forward(&self, request: Request<Body>) -> Result<Response<Body>, String> {
        let Some(Upstream { base_url, http }) = &self.0 else {
            return Err("BEDROCK_BASE_URL is not set".to_owned());
        };
        let (mut parts, body) = request.into_parts();
        let body = wire::read(body).await?;
        parts.headers.remove(header::HOST);
        parts.headers.remove(header::CONTENT_LENGTH);
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let sent = http
            .request(parts.method, format!("{base_url}{path}"))
            .headers(parts.headers)
            .body(body)
            .send()
            .await
            .map_err(|error| error.to_string())?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = sent.status();
        *response.headers_mut() = sent.headers().clone();
        response.headers_mut().remove(header::TRANSFER_ENCODING);
        Ok(response.map(|_| Body::from_stream(sent.bytes_stream())))
    }
}

/// Returns region and service that a request is signed for.
fn scope<T>(request: &Request<T>) -> Option<(&str, &str)> {
    let signature = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = signature.split_once("Credential=")?;
    let mut parts = credential.split('/').skip(2);
    Some((parts.next()?, parts.next()?))
}

/// Invoking a model through an inference profile needs permissions for the profile and the model in any region.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html>
fn accesses<T>(request: &Request<T>) -> Vec<Access> {
    let mut path = request.uri().path().trim_start_matches("/model/").splitn(2, '/');
    let (model, operation) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
    let model = model.replace("%3A", ":").replace("%2F", "/");
    let action = match operation {
        "converse-stream" | "invoke-with-response-stream" => "bedrock:InvokeModelWithResponseStream",
        _ => "bedrock:InvokeModel",
    };
    let region = scope(request).map_or("", |(region, _)| region);
    let profile = model
        .split_once('.')
        .filter(|(area, _)| ["us", "eu", "apac", "global"].contains(area));
    match profile {
        None => vec![Access::new(
            action,
            format!("arn:aws:bedrock:{region}::foundation-model/{model}"),
        )],
        Some((_, base)) => vec![
            Access::new(
                action,
                format!("arn:aws:bedrock:{region}:{ACCOUNT}:inference-profile/{model}"),
            ),
            Access::new(action, format!("arn:aws:bedrock:{region}::foundation-model/{base}")),
        ],
    }
}

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html>
fn failure(status: StatusCode, code: &'static str, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({ "message": message }).to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-amzn-errortype", HeaderValue::from_static(code));
    response
}
