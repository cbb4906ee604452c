//! The `OpenAPI` 3.1 document, from the route tables (<https://spec.openapis.org/oas/v3.1.1.html>).

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    Api,
    api::Route,
    describe::OperationDoc,
    openai_error, problem,
    schemas::Schemas,
    shape::Direction,
    surface::{Surface, speaks_openai},
};

const DESCRIPTION: &str = "\
One system behind several surfaces: `/api/v1/*` speaks snake_case, `/api/*` camelCase; requests may use either. `/v1/*` is \
that part of OpenAI's API which its clients need, with its errors.

Every POST, PUT, PATCH and DELETE that lists it takes an `Idempotency-Key` (24 hours). A repeated request gets the first answer \
again, byte for byte, with `Idempotent-Replayed: true`. Answers over 300 KB are not kept: then the repeated request \
is not carried out again either, and gets 409 `answer_not_kept`. Every answer has an `X-Request-Id`.";

/// The document of all operations of `apis`, the same bytes for the same tables.
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
    let problem = schemas.subschema::<problem::Body<'static>>(Surface::Snake, Direction::Out);
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
                    "description": "What went wrong, and what to do about it (RFC 9457).",
                    "content": {"application/problem+json": {"schema": problem}},
                },
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The `access_token` of a sign-in, valid for 15 minutes, the `token` of one on `/api`, valid as long as its session, or an API key.",
                },
                "apiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-API-Key",
                    "description": "An API key whose scopes hold the one named here.",
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
        let envelope = schemas.subschema::<openai_error::Envelope>(Surface::Snake, Direction::Out);
        document["components"]["responses"]["OpenAiError"] = json!({
            "description": "What went wrong, as OpenAI's API writes it.",
            "content": {"application/json": {"schema": envelope}},
        });
    }
    let components = schemas.finish(&mut document);
    document["components"]["schemas"] = Value::Object(components);
    document
}

fn operation<S>(route: &Route<S>, describe: fn(&mut OperationDoc<'_>), schemas: &mut Schemas) -> Value {
    let method = Method::from_bytes(route.operation.method.as_bytes()).unwrap_or_default();
    let mut doc = OperationDoc {
        schemas,
        method: &method,
        surface: Surface::of(&route.operation.path),
        path: &route.operation.path,
        parameters: Vec::new(),
        body: None,
        responses: BTreeMap::new(),
        security: Vec::new(),
    };
    describe(&mut doc);
    if route.operation.method != "GET" && route.repeatable {
        doc.header_parameter(
            "Idempotency-Key",
            "1 to 255 visible ASCII characters that name this request; repeat them to repeat it safely.",
        );
        doc.problem(409);
    }
    let error_response = doc.error_response();
    let mut operation = json!({
        "operationId": route.operation.id,
        "summary": route.summary,
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
mod tests {
    use garde::Validate;
    use model::permission::{ReadDocuments, WriteDocuments, WriteMembers};
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{
        Body, Created, Either, EventStream, FormOrJson, Json, Listing, May, NoContent, Paging, Path, Query, Result,
        Upload, testing::TestHost,
    };

    #[derive(Serialize, Deserialize, JsonSchema, Validate)]
    #[garde(allow_unvalidated)]
    struct NewThing {
        /// Shown to people.
        display_name: String,
        #[serde(default)]
        plain: bool,
    }

    #[derive(Serialize, JsonSchema)]
    struct ThingView {
        thing_id: String,
        kind: Kind,
        parent_thing: Option<Box<ThingView>>,
    }

    #[derive(Serialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is read")]
    enum Kind {
        One,
        Two,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is read")]
    struct Filter {
        /// Only these.
        only_kind: Option<String>,
    }

    async fn create_thing(_: May<WriteDocuments>, _: Body<NewThing>) -> Result<Created<ThingView>> {
        Err(model::Error::NotFound("thing").into())
    }

    async fn list_things(_: May<ReadDocuments>, _: Paging, _: Query<Filter>) -> Result<Listing<ThingView>> {
        Err(model::Error::NotFound("thing").into())
    }

    async fn delete_thing(_: May<WriteMembers>, _: Path<(String, u8)>) -> Result<NoContent> {
        Ok(NoContent)
    }

    async fn stream_thing(_: FormOrJson<NewThing>) -> Result<Either<Json<ThingView>, EventStream<ThingView>>> {
        Err(model::Error::NotFound("thing").into())
    }

    async fn echo(_: Upload<NewThing>) -> Json<bool> {
        Json(true)
    }

    async fn page() -> &'static str {
        "page"
    }

    fn things() -> Api<TestHost> {
        Api::new("Things")
            .both()
            .post("/things", create_thing, "Create a thing.")
            .get("/things", list_things, "List things.")
            .delete("/things/{thing_id}/parts/{part_id}", delete_thing, "Delete a part.")
            .at("/api/v1")
            .post("/stream", stream_thing, "Stream.")
            .unrepeatable()
            .at("")
            .asset("/page", page)
    }

    fn document() -> Value {
        openapi(&[things(), Api::new("Others").post("/echo", echo, "Echo.")])
    }

    #[test]
    fn the_same_tables_give_the_same_bytes() {
        assert_eq!(document().to_string(), document().to_string());
    }

    #[test]
    fn the_id_of_an_operation_is_its_handlers_name_and_unique() {
        let api = things();
        let ids: Vec<String> = api.operations().into_iter().map(|operation| operation.id).collect();
        let expected = [
            "create_thing",
            "create_thing_api",
            "list_things",
            "list_things_api",
            "delete_thing",
            "delete_thing_api",
            "stream_thing",
            "page",
        ];
        assert_eq!(ids, expected);
        let operation = &document()["paths"]["/api/things"]["post"];
        assert_eq!(operation["operationId"], "create_thing_api");
        assert_eq!(document()["paths"]["/page"], Value::Null, "assets are no operations");
    }

    #[test]
    fn each_surface_has_its_own_spelling_and_equal_schemas_are_one() {
        let document = document();
        let schemas = document["components"]["schemas"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let names: Vec<&String> = schemas.keys().collect();
        let expected = [
            "Kind",
            "NewThing",
            "NewThingCamelInput",
            "Problem",
            "ProblemField",
            "ProblemLimit",
            "ThingView",
            "ThingViewCamel",
        ];
        assert_eq!(names, expected);
        let fields = |name: &str| -> Vec<String> {
            schemas[name]["properties"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name.clone())
                .collect()
        };
        assert_eq!(fields("ThingView"), ["thing_id", "kind", "parent_thing"]);
        assert_eq!(fields("ThingViewCamel"), ["thingId", "kind", "parentThing"]);
        assert_eq!(schemas["NewThingCamelInput"]["required"], json!(["displayName"]));
        let list = &document["paths"]["/api/things"]["get"];
        assert_eq!(list["parameters"][3]["name"], "onlyKind");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        let references: Vec<&str> = text
            .split("\"$ref\":\"#")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(references.len() > 20);
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn an_operation_says_who_may_call_what_it_takes_and_how_it_can_fail() {
        let document = document();
        let statuses = |path: &str, method: &str| -> Vec<String> {
            document["paths"][path][method]["responses"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(status, _)| status.clone())
                .collect()
        };
        assert_eq!(
            statuses("/api/v1/things", "post"),
            ["201", "400", "401", "403", "404", "409", "413", "415", "422", "default"]
        );
        assert_eq!(
            statuses("/api/v1/things", "get"),
            ["200", "400", "401", "403", "404", "422", "default"]
        );
        let delete = &document["paths"]["/api/v1/things/{thing_id}/parts/{part_id}"]["delete"];
        let scope = ["members:write"];
        assert_eq!(delete["security"], json!([{"bearer": scope}, {"apiKey": scope}]));
        let parameters: Vec<(&str, &str)> = delete["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|parameter| Some((parameter["name"].as_str()?, parameter["in"].as_str()?)))
            .collect();
        let expected = [
            ("X-Current-Org", "header"),
            ("thing_id", "path"),
            ("part_id", "path"),
            ("Idempotency-Key", "header"),
        ];
        assert_eq!(parameters, expected);
        assert_eq!(delete["parameters"][2]["schema"]["type"], "integer");
        let stream = &document["paths"]["/api/v1/stream"]["post"];
        assert_eq!(stream["security"], json!([]));
        assert_eq!(
            stream["parameters"],
            json!([]),
            "no Idempotency-Key for what is never kept"
        );
        let kinds = |of: &Value| -> Vec<String> {
            of["content"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(kind, _)| kind.clone())
                .collect()
        };
        assert_eq!(
            kinds(&stream["responses"]["200"]),
            ["application/json", "text/event-stream"]
        );
        assert_eq!(
            kinds(&stream["requestBody"]),
            ["application/json", "application/x-www-form-urlencoded"]
        );
    }
}
