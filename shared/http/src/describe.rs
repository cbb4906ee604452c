//! What extractors and responses document about themselves in the `OpenAPI` document.

use axum::extract::FromRequestParts;
use domain::Permission;
use futures::future::BoxFuture;
use http::{Method, StatusCode, request::Parts};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use crate::{
    Problem, Result,
    api_style::{ApiStyle, speaks_openai},
    case_mapping::Direction,
    openai_error,
    params::MAX_SEGMENT_BYTES,
    query::QueryParameters,
    schema_style,
    schemas::Schemas,
};

/// Checks a permission.
pub type Authorize = fn(&mut Parts) -> BoxFuture<'_, Result<()>>;

/// A type in a handler's signature that documents itself.
pub trait Describe {
    /// Adds what this type documents to the operation.
    fn describe(doc: &mut OperationDoc<'_>);

    /// The permission that this type requires, if any: it is checked before the body is read, and before a response
    /// stored under an `Idempotency-Key` is replayed.
    fn authorize() -> Option<Authorize> {
        None
    }

    /// Adds the query parameters that this type reads.
    fn query(_: &mut QueryParameters) {}
}

/// Implemented by extractors that require a permission.
pub(crate) fn authorize<E: FromRequestParts<(), Rejection = Problem>>(parts: &mut Parts) -> BoxFuture<'_, Result<()>> {
    Box::pin(async move { E::from_request_parts(parts, &()).await.map(drop) })
}

/// One operation of the document while it is built
/// (<https://spec.openapis.org/oas/v3.1.1.html#operation-object>).
pub struct OperationDoc<'a> {
    pub(crate) schemas: &'a mut Schemas,
    pub(crate) style: ApiStyle,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) parameters: Vec<Value>,
    pub(crate) body: Option<Value>,
    pub(crate) responses: std::collections::BTreeMap<String, Value>,
    pub(crate) security: Vec<Value>,
    /// A sentence on who may call it.
    pub(crate) access: String,
}

impl OperationDoc<'_> {
    /// Returns the schema of a type that requests contain.
    pub(crate) fn input_schema<T: JsonSchema>(&mut self) -> Value {
        self.schemas.subschema::<T>(self.style, Direction::In)
    }

    /// Returns the schema of a type that responses contain.
    pub(crate) fn output_schema<T: JsonSchema>(&mut self) -> Value {
        self.schemas.subschema::<T>(self.style, Direction::Out)
    }

    /// The same, in the spelling of `/api/v1` in both API styles.
    pub(crate) fn snake_output_schema<T: JsonSchema>(&mut self) -> Value {
        self.schemas.subschema::<T>(ApiStyle::Snake, Direction::Out)
    }

    /// Adds a body, and the responses for an invalid one.
    pub(crate) fn request_body(&mut self, required: bool, content: &[(&str, Value)]) {
        let content: Map<String, Value> = content
            .iter()
            .map(|(kind, schema)| ((*kind).to_owned(), json!({"schema": schema})))
            .collect();
        self.body = Some(json!({"required": required, "content": content}));
        for status in [400, 413, 415, 422] {
            self.problem(status);
        }
    }

    /// Sets the media types that a part of a form may have
    /// (<https://spec.openapis.org/oas/v3.1.1.html#encoding-object>).
    pub(crate) fn part_type(&mut self, part: &str, types: &str) {
        if let Some(body) = &mut self.body {
            body["content"]["multipart/form-data"]["encoding"][part] = json!({"contentType": types});
        }
    }

    /// Adds a response; several media types of one status are merged.
    pub(crate) fn response(&mut self, status: u16, description: &str, content: Option<(&str, Value)>) {
        let response = self
            .responses
            .entry(status.to_string())
            .or_insert_with(|| json!({"description": description}));
        if response.get("$ref").is_some() {
            // A response of the handler is more specific than an error.
            *response = json!({"description": description});
        }
        if let Some((kind, schema)) = content {
            response["content"][kind] = json!({"schema": schema});
        }
    }

    /// Adds a field to a media type of a response described before.
    pub(crate) fn media_type_field(&mut self, status: u16, kind: &str, field: &str, value: Value) {
        if let Some(response) = self.responses.get_mut(&status.to_string()) {
            response["content"][kind][field] = value;
        }
    }

    /// Adds a header to a response described before.
    pub(crate) fn response_header(&mut self, status: u16, name: &str, description: &str) {
        if let Some(response) = self.responses.get_mut(&status.to_string()) {
            response["headers"][name] = json!({"description": description, "schema": {"type": "string"}});
        }
    }

    /// Returns a reference to the error response, in the format that clients of this path expect.
    pub(crate) fn error_response(&self) -> &'static str {
        if speaks_openai(self.path) {
            "#/components/responses/OpenAiError"
        } else {
            "#/components/responses/Problem"
        }
    }

    /// Adds a status with a problem body.
    pub(crate) fn problem(&mut self, status: u16) {
        let shown = StatusCode::from_u16(status).map(|status| openai_error::status(status).as_u16());
        let status = match shown {
            Ok(shown) if speaks_openai(self.path) => shown,
            _ => status,
        };
        self.responses
            .insert(status.to_string(), json!({"$ref": self.error_response()}));
    }

    /// Adds an optional header, whose value has this schema.
    pub(crate) fn header_parameter(&mut self, name: &str, description: &str, schema: &Value) {
        self.parameters.push(json!({
            "name": name, "in": "header", "required": false, "description": description, "schema": schema,
        }));
    }

    /// Adds the parameters of the path: one for a plain `T`, several for a tuple or a struct.
    pub(crate) fn path_parameters<T: JsonSchema>(&mut self) {
        let whole = crate::schemas::inline::<T>();
        let names = self
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        for (index, name) in names.enumerate() {
            // Another extractor of the handler reads it.
            if self.parameters.iter().any(|known| known["name"] == name) {
                continue;
            }
            let field = whole.get("properties").and_then(|fields| fields.get(name));
            let item = whole.get("prefixItems").and_then(|items| items.get(index));
            let schema = field.or(item).unwrap_or(&whole).clone();
            self.parameters.push(parameter(name, "path", true, schema));
        }
    }

    /// Adds the fields of `T` as query parameters.
    pub(crate) fn query_parameters<T: JsonSchema>(&mut self) {
        let schema = crate::schemas::inline::<T>();
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let is_required = required.contains(&name.as_str());
            self.parameters.push(parameter(
                &self.style.spelling(name),
                "query",
                is_required,
                field.clone(),
            ));
        }
    }

    /// Adds the errors of authentication: invalid credentials, or an unavailable credential store.
    fn credentials_refused(&mut self) {
        self.problem(401);
        self.problem(503);
    }

    /// Requires a bearer token.
    pub(crate) fn require_bearer(&mut self) {
        self.security = vec![json!({"bearer": []})];
        "Needs the access token of a user: an API key gets 403 `person_required`.".clone_into(&mut self.access);
        self.credentials_refused();
    }

    /// Requires a platform admin.
    pub(crate) fn require_platform_admin(&mut self) {
        self.require_bearer();
        "Needs the access token of a platform admin.".clone_into(&mut self.access);
        self.problem(403);
    }

    /// Requires a permission: that of the user's role, or the scope of an API key.
    pub(crate) fn require_permission(&mut self, permission: Permission) {
        self.security = vec![json!({"bearer": [permission]})];
        let name = serde_json::to_value(permission).unwrap_or_default();
        let name = name.as_str().unwrap_or_default();
        self.access = format!("Needs the permission `{name}`, by the caller's role and the scopes of an API key.");
        self.credentials_refused();
    }

    /// Adds a path parameter that a separate extractor reads, unless the path lacks it or it was added before.
    pub(crate) fn path_parameter(&mut self, name: &str, description: &str) {
        let known = self.parameters.iter().any(|known| known["name"] == name);
        if self.path.contains(&format!("{{{name}}}")) && !known {
            let schema = json!({"type": "string", "description": description});
            self.parameters.push(parameter(name, "path", true, schema));
        }
    }

    /// Requires the service key.
    pub(crate) fn require_service_key(&mut self) {
        self.security = vec![json!({"serviceKey": []})];
        "Needs the service key.".clone_into(&mut self.access);
        self.credentials_refused();
    }

    /// Requires the scrape token.
    pub(crate) fn require_scrape_token(&mut self) {
        self.security = vec![json!({"scrapeToken": []})];
        "Needs the scrape token.".clone_into(&mut self.access);
        self.credentials_refused();
    }

    /// Requires the session token of a visitor.
    pub(crate) fn require_visitor_token(&mut self) {
        self.security = vec![json!({"visitorSession": []})];
        "Needs the session of a visitor.".clone_into(&mut self.access);
        self.credentials_refused();
    }

    /// Accepts requests without the credentials described so far.
    pub(crate) fn allow_anonymous(&mut self) {
        self.security.insert(0, json!({}));
        self.access.insert_str(0, "Works without credentials. With them: ");
    }

    /// Accepts a bearer token, but does not require it.
    pub(crate) fn allow_bearer(&mut self) {
        self.security = vec![json!({}), json!({"bearer": []})];
        "Works with an access token, and without credentials.".clone_into(&mut self.access);
    }
}

fn parameter(name: &str, place: &str, required: bool, mut schema: Value) -> Value {
    schema_style::publish_parameter(&mut schema);
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    if let Some(schema) = schema.as_object_mut() {
        schema.retain(|word, _| !["$schema", "title"].contains(&word.as_str()));
    }
    if place == "path" && schema["type"] == "string" {
        schema["minLength"] = 1.into();
        schema["maxLength"] = MAX_SEGMENT_BYTES.into();
    }
    let mut parameter = json!({"name": name, "in": place, "required": required});
    if let Some(description) = description {
        parameter["description"] = description;
    }
    parameter["schema"] = schema;
    parameter
}
