//! Responses of the gateway and CORS rules of the bucket.

use serde_json::Value;

use super::cloudformation::{list, text};

/// A response of the gateway itself, one of `GatewayResponses`.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>
#[derive(Debug)]
pub struct GatewayResponse {
    /// Its type, such as `REQUEST_TOO_LARGE`.
    pub kind: String,
    /// Names and mapping expressions: a text in single quotes, or a variable such as `context.requestId`.
    headers: Vec<(String, String)>,
    /// The body, with variables such as `$context.requestId`.
    body: String,
}

impl GatewayResponse {
    pub(super) fn read_all(api: &Value) -> Vec<Self> {
        let responses = api["GatewayResponses"].as_object().into_iter().flatten();
        let read = responses.map(|(kind, response)| Self {
            kind: kind.clone(),
            headers: response["ResponseParameters"]["Headers"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, expression)| (name.to_lowercase(), text(expression)))
                .collect(),
            body: text(&response["ResponseTemplates"]["application/json"]),
        });
        read.collect()
    }

    /// Returns headers and body. `message`: the gateway's own message.
    pub fn render(&self, message: &str, request_id: &str) -> (Vec<(String, String)>, String) {
        let value = |expression: &str| match expression {
            "context.requestId" => request_id.to_owned(),
            quoted => quoted.trim_matches('\'').to_owned(),
        };
        let headers = self.headers.iter();
        let headers = headers.map(|(name, expression)| (name.clone(), value(expression)));
        let body = self
            .body
            .replace("$context.error.messageString", &Value::from(message).to_string())
            .replace("$context.requestId", request_id);
        (headers.collect(), body)
    }
}

/// What pages of other origins may do with a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsRule {
    /// Such as `PUT`.
    pub methods: Vec<String>,
    /// Headers that may be sent, in lower case.
    pub allowed_headers: Vec<String>,
    /// Headers that may be read, in lower case.
    pub exposed_headers: Vec<String>,
    /// How long a browser may cache this.
    pub max_age_seconds: u64,
}

impl CorsRule {
    pub(super) fn read_all(bucket: &Value) -> Vec<Self> {
        let rules = list(&bucket["CorsConfiguration"]["CorsRules"]).into_iter();
        let names = |value: &Value| list(value).into_iter().map(|one| text(one).to_lowercase()).collect();
        let read = rules.map(|rule| Self {
            methods: list(&rule["AllowedMethods"]).into_iter().map(text).collect(),
            allowed_headers: names(&rule["AllowedHeaders"]),
            exposed_headers: names(&rule["ExposedHeaders"]),
            max_age_seconds: rule["MaxAge"].as_u64().unwrap_or_default(),
        });
        read.collect()
    }
}
