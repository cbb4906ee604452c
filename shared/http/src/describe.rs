//! What extractors and replies say about themselves in the `OpenAPI` document.

use http::{Method, StatusCode};
use model::Permission;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use crate::{
    openai_error,
    query::QueryParameters,
    schemas::Schemas,
    shape::Direction,
    surface::{Surface, speaks_openai},
};

/// A type in a handler's signature that documents itself.
pub trait Describe {
    /// Adds what this type means for the operation.
    fn describe(doc: &mut OperationDoc<'_>);

    /// Adds the query parameters that this type reads.
    fn query(_: &mut QueryParameters) {}
}

/// One operation of the document while it is written
/// (<https://spec.openapis.org/oas/v3.1.1.html#operation-object>).
pub struct OperationDoc<'a> {
    pub(crate) schemas: &'a mut Schemas,
    pub(crate) surface: Surface,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) parameters: Vec<Value>,
    pub(crate) body: Option<Value>,
    pub(crate) responses: std::collections::BTreeMap<String, Value>,
    pub(crate) security: Vec<Value>,
}

impl OperationDoc<'_> {
    /// The schema of a type that is read from requests.
    pub(crate) fn input_schema<T: JsonSchema>(&mut self) -> Value {
        self.schemas.subschema::<T>(self.surface, Direction::In)
    }

    /// The schema of a type that is written into answers.
    pub(crate) fn output_schema<T: JsonSchema>(&mut self) -> Value {
        self.schemas.subschema::<T>(self.surface, Direction::Out)
    }

    /// A body, and the ways in which one can be refused.
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

    /// An answer; several media types of one status add up.
    pub(crate) fn response(&mut self, status: u16, description: &str, content: Option<(&str, Value)>) {
        let response = self
            .responses
            .entry(status.to_string())
            .or_insert_with(|| json!({"description": description}));
        if let Some((kind, schema)) = content {
            response["content"][kind] = json!({"schema": schema});
        }
    }

    /// A header of an answer described before.
    pub(crate) fn response_header(&mut self, status: u16, name: &str, description: &str) {
        if let Some(response) = self.responses.get_mut(&status.to_string()) {
            response["headers"][name] = json!({"description": description, "schema": {"type": "string"}});
        }
    }

    /// The answer that says what went wrong, in the shape that clients of this path know.
    pub(crate) fn error_response(&self) -> &'static str {
        if speaks_openai(self.path) {
            "#/components/responses/OpenAiError"
        } else {
            "#/components/responses/Problem"
        }
    }

    /// A status under which the answer is a problem.
    pub(crate) fn problem(&mut self, status: u16) {
        let shown = StatusCode::from_u16(status).map(|status| openai_error::status(status).as_u16());
        let status = match shown {
            Ok(shown) if speaks_openai(self.path) => shown,
            _ => status,
        };
        self.responses
            .insert(status.to_string(), json!({"$ref": self.error_response()}));
    }

    /// An optional header.
    pub(crate) fn header_parameter(&mut self, name: &str, description: &str) {
        self.parameters.push(json!({
            "name": name, "in": "header", "required": false, "description": description, "schema": {"type": "string"},
        }));
    }

    /// The parameters of the path: one for a plain `T`, several for a tuple or a struct.
    pub(crate) fn path_parameters<T: JsonSchema>(&mut self) {
        let whole = crate::schemas::inline::<T>(Direction::In);
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
            self.parameters
                .push(parameter(name, "path", true, field.or(item).unwrap_or(&whole).clone()));
        }
    }

    /// The fields of `T` as query parameters.
    pub(crate) fn query_parameters<T: JsonSchema>(&mut self) {
        let schema = crate::schemas::inline::<T>(Direction::In);
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let is_required = required.contains(&name.as_str());
            self.parameters.push(parameter(
                &self.surface.spelling(name),
                "query",
                is_required,
                field.clone(),
            ));
        }
    }

    /// The operation needs a bearer token.
    pub(crate) fn require_bearer(&mut self) {
        self.security = vec![json!({"bearer": []})];
        self.problem(401);
    }

    /// The operation needs a permission: that of a person's role, or the scope of an API key.
    pub(crate) fn require_permission(&mut self, permission: Permission) {
        self.security = vec![json!({"bearer": [permission]}), json!({"apiKey": [permission]})];
        self.problem(401);
    }

    /// A parameter of the path that an extractor of its own reads, unless the path has it not or has it already.
    pub(crate) fn path_parameter(&mut self, name: &str, description: &str) {
        let known = self.parameters.iter().any(|known| known["name"] == name);
        if self.path.contains(&format!("{{{name}}}")) && !known {
            let schema = json!({"type": "string", "description": description});
            self.parameters.push(parameter(name, "path", true, schema));
        }
    }

    /// The operation needs the service key.
    pub(crate) fn require_service_key(&mut self) {
        self.security = vec![json!({"serviceKey": []})];
        self.problem(401);
    }

    /// The operation takes a bearer token, and works without one.
    pub(crate) fn allow_bearer(&mut self) {
        self.security = vec![json!({}), json!({"bearer": []})];
    }
}

fn parameter(name: &str, place: &str, required: bool, mut schema: Value) -> Value {
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    if let Some(schema) = schema.as_object_mut() {
        schema.retain(|word, _| !["$schema", "title"].contains(&word.as_str()));
    }
    let mut parameter = json!({"name": name, "in": place, "required": required});
    if let Some(description) = description {
        parameter["description"] = description;
    }
    parameter["schema"] = schema;
    parameter
}
