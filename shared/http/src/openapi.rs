//! The `OpenAPI` 3.1 document, from the route tables (<https://spec.openapis.org/oas/v3.1.1.html>).

mod spelling;

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    Api,
    api::{EventDoc, Route},
    api_style::{ApiStyle, speaks_openai},
    case_mapping::Direction,
    describe::OperationDoc,
    examples::Examples,
    idempotency, openai_error, problem,
    schemas::Schemas,
};

pub use spelling::Spelling;

const DESCRIPTION: &str = "\
One system with several API styles: `/api/v1/*` uses snake_case, `/api/*` camelCase; requests may use either. \
`/v1/*` is the part of OpenAI's API that its clients need, with its error format.

Operations that list the header `Idempotency-Key` can be repeated safely with it for 24 hours. A repeated request \
receives the first response again, byte for byte, with `Idempotent-Replayed: true`. Responses over 300 KB are not \
stored: the repeated request is still not executed again, and receives 409 `answer_not_kept`. Every response has an \
`X-Request-Id`.";

/// Returns the document of all operations of `apis`, the same bytes for the same tables.
pub fn openapi<S: Clone + Send + Sync + 'static>(apis: &[Api<S>]) -> Value {
    let mut schemas = Schemas::default();
    let mut paths = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for route in apis.iter().flat_map(Api::routes) {
        let Some(describe) = route.describe else { continue };
        let item = paths.entry(route.operation.path.clone()).or_insert_with(|| json!({}));
        item[route.operation.method.to_lowercase()] = operation(route, describe, &mut schemas);
        if !tags.contains(&route.operation.group) {
            tags.push(route.operation.group);
        }
    }
    let problem = schemas.subschema::<problem::Body<'static>>(ApiStyle::Snake, Direction::Out);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Parlance",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        // Relative to the document, which is at the root of the API, whatever that is below.
        "servers": [{"url": "."}],
        "tags": tags.iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "responses": {
                "Problem": {
                    "description": "What is wrong, and what to do about it (RFC 9457).",
                    "headers": error_headers(),
                    "content": {"application/problem+json": {"schema": problem}},
                },
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The `access_token` of a sign-in, valid for 15 minutes, the `token` of a sign-in on \
                        `/api`, valid as long as its session, or an API key with the scope named here. An API key can \
                        also be sent as `X-API-Key`, instead of this header.",
                },
                "scrapeToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The scrape token, for reading metrics.",
                },
                "visitorSession": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The `sessionId` of a visitor of a web site, for one chatbot on one origin.",
                },
                "serviceKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-API-Key",
                    "description": "The service key of the internal operations.",
                },
            },
        },
    });
    let has_openai = document["paths"]
        .as_object()
        .is_some_and(|paths| paths.keys().any(|path| speaks_openai(path)));
    if has_openai {
        let envelope = schemas.subschema::<openai_error::Envelope>(ApiStyle::Snake, Direction::Out);
        document["components"]["responses"]["OpenAiError"] = json!({
            "description": "What is wrong, in the format of OpenAI's API.",
            "headers": error_headers(),
            "content": {"application/json": {"schema": envelope}},
        });
    }
    let events = apis.iter().flat_map(Api::events);
    let webhooks: Map<_, _> = events
        .map(|event| (event.name.to_owned(), webhook(event, &mut schemas)))
        .collect();
    if !webhooks.is_empty() {
        document["webhooks"] = Value::Object(webhooks);
    }
    let components = schemas.finish(&mut document);
    Examples::of(&components).add_to_requests(&mut document["paths"]);
    document["components"]["schemas"] = Value::Object(components);
    document
}

/// Returns the request that an event sends to a receiver, with the headers of Standard Webhooks
/// (<https://www.standardwebhooks.com>).
fn webhook(event: &EventDoc, schemas: &mut Schemas) -> Value {
    let header = |name: &str, description: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": {"type": "string"},
        })
    };
    let data = (event.data)(schemas);
    json!({"post": {
        "summary": event.name,
        "description": event.summary,
        "parameters": [
            header("webhook-id", "ID of the event, the same for each attempt. Remember it to handle each event once."),
            header("webhook-timestamp", "When the attempt was made, in seconds since the Unix epoch."),
            header("webhook-signature", "`v1,` and the base64 HMAC-SHA256 of ID, timestamp and body, separated by \
                dots; one for each valid secret, separated by spaces."),
        ],
        "requestBody": {
            "required": true,
            "content": {"application/json": {
                "schema": {
                    "type": "object",
                    "required": ["type", "timestamp", "org_id", "data"],
                    "properties": {
                        "type": {"type": "string", "const": event.name},
                        "timestamp": {
                            "type": "string", "format": "date-time", "description": "When it happened.",
                        },
                        "org_id": {"type": "string", "description": "ID of the organization."},
                        "data": data,
                    },
                },
                "example": event.example,
            }},
        },
        "responses": {
            "2XX": {"description": "The event is accepted."},
            "410": {"description": "The receiver wants no more events: the webhook is disabled."},
            "default": {"description": "The event is sent again later, for three days."},
        },
    }})
}

/// Headers of error responses.
fn error_headers() -> Value {
    json!({
        "X-Request-Id": {"description": "Identifies the request in the logs.", "schema": {"type": "string"}},
        "Retry-After": {
            "description": "Seconds to wait before sending the request again; on 429, 503 and some 409.",
            "schema": {"type": "integer"},
        },
    })
}

/// Splits the line of a route into summary and description: its first sentence, and the others.
pub(crate) fn summary_and_description(line: &str) -> (&str, &str) {
    match line.split_once(". ") {
        Some((summary, description)) => (summary, description),
        None => (line.trim_end_matches('.'), ""),
    }
}

fn operation<S>(route: &Route<S>, describe: fn(&mut OperationDoc<'_>), schemas: &mut Schemas) -> Value {
    let method = Method::from_bytes(route.operation.method.as_bytes()).unwrap_or_default();
    let mut doc = OperationDoc {
        schemas,
        method: &method,
        style: ApiStyle::of(&route.operation.path),
        path: &route.operation.path,
        parameters: Vec::new(),
        body: None,
        responses: BTreeMap::new(),
        security: Vec::new(),
        access: "Takes no credentials.".to_owned(),
    };
    describe(&mut doc);
    if route.operation.method != "GET" && route.repeatable {
        let text = "1 to 255 visible ASCII characters that identify this request; send them again to repeat it safely.";
        doc.header_parameter("Idempotency-Key", text, &idempotency::key_schema());
        doc.problem(400);
        doc.problem(409);
        doc.problem(422);
    }
    // API Gateway rejects requests beyond its rate limit, and responses that take too long.
    doc.problem(429);
    let error_response = doc.error_response();
    let (summary, description) = summary_and_description(route.summary);
    let mut operation = json!({
        "operationId": route.operation.id,
        "summary": summary,
        "description": format!("{description}\n\n{}", doc.access).trim(),
        "tags": [route.operation.group],
        "parameters": doc.parameters,
    });
    if let Some(body) = doc.body {
        operation["requestBody"] = body;
    }
    let mut responses: Map<String, Value> = doc.responses.into_iter().collect();
    responses.insert("default".to_owned(), json!({"$ref": error_response}));
    operation["responses"] = Value::Object(responses);
    operation["security"] = Value::Array(doc.security);
    operation
}

#[cfg(test)]
mod tests;
