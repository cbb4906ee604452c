//! CORS of the bucket, by the rules in `template.yaml`.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html>

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HeaderName, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::template::CorsRule;

/// Origins, and the rules for each of them.
#[derive(Debug, Clone, Default)]
pub(in crate::cloud) struct Cors {
    origins: Vec<String>,
    rules: Vec<CorsRule>,
}

impl Cors {
    pub(in crate::cloud) fn new(origins: Vec<String>, rules: Vec<CorsRule>) -> Self {
        Self { origins, rules }
    }

    /// Returns the response to a preflight; `None` for any other request. S3 considers nothing else of it, not even
    /// whether the object exists.
    pub(super) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response<Body>> {
        if method != Method::OPTIONS {
            return None;
        }
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(origin), Some(wanted)) = (text(ORIGIN), text(ACCESS_CONTROL_REQUEST_METHOD)) else {
            let said = "Insufficient information. Origin request header needed.";
            return Some(refused(StatusCode::BAD_REQUEST, "BadRequest", said));
        };
        let named = text(ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
        let named: Vec<String> = named.split(',').map(|name| name.trim().to_lowercase()).collect();
        let named: Vec<String> = named.into_iter().filter(|name| !name.is_empty()).collect();
        let rule = self.rule(origin, wanted);
        let Some(rule) = rule.filter(|rule| named.iter().all(|name| rule.allowed_headers.contains(name))) else {
            let said = "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, \
                        request method / Access-Control-Request-Method or Access-Control-Request-Headers are not \
                        whitelisted by the resource's CORS spec.";
            return Some(refused(StatusCode::FORBIDDEN, "AccessForbidden", said));
        };
        let mut response = Response::new(Body::empty());
        allow(rule, origin, response.headers_mut());
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_HEADERS, named.join(", ")),
            (ACCESS_CONTROL_MAX_AGE, rule.max_age_seconds.to_string()),
        ] {
            set(response.headers_mut(), name, &value);
        }
        Some(response)
    }

    /// Allows the page at `origin` to read the response to an allowed request.
    pub(super) fn expose(&self, origin: Option<&HeaderValue>, method: &Method, headers: &mut HeaderMap) {
        let origin = origin.and_then(|origin| origin.to_str().ok());
        if let Some(origin) = origin
            && let Some(rule) = self.rule(origin, method.as_str())
        {
            allow(rule, origin, headers);
        }
    }

    /// Returns whether there is a rule for such requests of pages of this origin.
    pub(super) fn allows(&self, origin: Option<&HeaderValue>, method: &Method) -> bool {
        let origin = origin.and_then(|origin| origin.to_str().ok());
        origin.is_some_and(|origin| self.rule(origin, method.as_str()).is_some())
    }

    fn rule(&self, origin: &str, method: &str) -> Option<&CorsRule> {
        let is_known = self.origins.iter().any(|known| known == origin);
        let mut rules = self.rules.iter();
        rules.find(|rule| is_known && rule.methods.iter().any(|allowed| allowed == method))
    }
}

fn allow(rule: &CorsRule, origin: &str, headers: &mut HeaderMap) {
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (ACCESS_CONTROL_ALLOW_METHODS, &rule.methods.join(", ")),
        (ACCESS_CONTROL_EXPOSE_HEADERS, &rule.exposed_headers.join(", ")),
        (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
        (
            VARY,
            "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
        ),
    ] {
        set(headers, name, value);
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

fn refused(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = Response::new(Body::from(xml));
    *response.status_mut() = status;
    set(response.headers_mut(), CONTENT_TYPE, "application/xml");
    response
}
