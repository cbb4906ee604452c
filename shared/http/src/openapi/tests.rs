//! A small API, and its document.

use domain::auth::permission::{ReadDocuments, WriteDocuments, WriteMembers};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    Body, Created, Either, EventStream, FormOrJson, Json, Listing, May, NoContent, Paging, Path, Query, Result, Upload,
    testing::TestBackend,
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
#[expect(dead_code, reason = "only its schema is used")]
enum Kind {
    One,
    Two,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Filter {
    /// Only these.
    only_kind: Option<String>,
}

async fn create_thing(_: May<WriteDocuments>, _: Body<NewThing>) -> Result<Created<ThingView>> {
    Err(domain::Error::NotFound("thing").into())
}

async fn list_things(_: May<ReadDocuments>, _: Paging, _: Query<Filter>) -> Result<Listing<ThingView>> {
    Err(domain::Error::NotFound("thing").into())
}

async fn delete_thing(_: May<WriteMembers>, _: Path<(String, u8)>) -> Result<NoContent> {
    Ok(NoContent)
}

async fn stream_thing(_: FormOrJson<NewThing>) -> Result<Either<Json<ThingView>, EventStream<ThingView>>> {
    Err(domain::Error::NotFound("thing").into())
}

async fn echo(_: Upload<NewThing>) -> Json<bool> {
    Json(true)
}

async fn page() -> &'static str {
    "page"
}

fn things() -> Api<TestBackend> {
    Api::new("Things")
        .on_both_prefixes()
        .post("/things", create_thing, "Create a thing.")
        .get("/things", list_things, "List things.")
        .delete("/things/{thing_id}/parts/{part_id}", delete_thing, "Delete a part.")
        .at("/api/v1")
        .post("/stream", stream_thing, "Stream.")
        .non_idempotent()
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
    assert_eq!(document()["paths"]["/page"], Value::Null, "assets are not operations");
}

#[test]
fn each_api_style_has_its_own_spelling_and_equal_schemas_are_merged() {
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
fn every_reference_resolves() {
    let document = document();
    let text = document.to_string();
    let references: Vec<&str> = text
        .split("\"$ref\":\"#")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(references.len() > 20);
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference} does not resolve");
    }
}

#[test]
fn an_operation_documents_its_permission_input_and_errors() {
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
        [
            "201", "400", "401", "403", "404", "409", "413", "415", "422", "429", "503", "default"
        ]
    );
    assert_eq!(
        statuses("/api/v1/things", "get"),
        ["200", "400", "401", "403", "404", "422", "429", "503", "default"]
    );
    let delete = &document["paths"]["/api/v1/things/{thing_id}/parts/{part_id}"]["delete"];
    let scope = ["members:write"];
    assert_eq!(delete["security"], json!([{"bearer": scope}]));
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
    let names: Vec<&Value> = stream["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|each| &each["name"])
        .collect();
    assert_eq!(
        names,
        ["X-Request-Id"],
        "no Idempotency-Key if responses are never stored"
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
