//! Null in a field that may be left out is taken by every operation.

use http_api::Operation;
use reqwest::Method;
use serde_json::{Value, json};

use super::{guarded, in_parts, operations, part_of, policy, requests};

/// The schema behind a reference.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => resolved(document, document.pointer(reference.trim_start_matches('#')).unwrap()),
        None => schema,
    }
}

/// The optional properties of a JSON body: pointers, with a body that has null there, and one that has nothing there.
fn optional(document: &Value, schema: &Value, body: &Value) -> Vec<(String, Value, Value)> {
    let schema = resolved(document, schema);
    let empty = Vec::new();
    let required = schema["required"].as_array().unwrap_or(&empty);
    let mut found = Vec::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let mut body = body.clone();
        if !body.is_object() {
            body = json!({});
        }
        if !required.iter().any(|one| one == name) {
            let mut without = body.clone();
            without.as_object_mut().unwrap().remove(name);
            body[name] = Value::Null;
            found.push((format!("/{name}"), body.clone(), without));
        }
        // The properties of an object in it.
        let parts = [property]
            .into_iter()
            .chain(property["anyOf"].as_array().into_iter().flatten());
        for part in parts {
            let inner = resolved(document, part);
            if inner["properties"].is_object() && inner["required"].is_null() {
                for (pointer, null, nothing) in optional(document, inner, &json!({})) {
                    let [null, nothing] = [null, nothing].map(|inner| {
                        let mut body = body.clone();
                        body[name] = inner;
                        body
                    });
                    found.push((format!("/{name}{pointer}"), null, nothing));
                }
            }
        }
    }
    found
}

in_parts!(
    null_is_taken_for_every_optional_field:
    nulls_in_the_first_part_are_taken = 0,
    nulls_in_the_second_part_are_taken = 1,
    nulls_in_the_third_part_are_taken = 2,
    nulls_in_the_fourth_part_are_taken = 3
);

async fn null_is_taken_for_every_optional_field(part: usize) {
    let (policy, document) = (policy::read(), local::functions::openapi());
    let (t, fixtures, _double) = Box::pin(guarded()).await;
    let image = t.image().await;
    let with_body = |operation: &Operation| {
        let method = operation.method.to_lowercase();
        document["paths"][&operation.path][method]["requestBody"]["content"]["application/json"]["schema"].clone()
    };
    let operations = operations().into_iter().filter(|it| !with_body(it).is_null());
    let (mut tried, mut refused) = (0, Vec::new());
    for operation in part_of(operations, part) {
        let row = policy.row(&operation);
        let mut callers = policy.callers().zip(&row);
        let Some((kind, _)) = callers.find(|(_, expected)| expected.is_let_in()) else {
            continue;
        };
        let caller = fixtures.caller(kind, &operation);
        let plain = requests::request(&caller, &operation, &fixtures.things)
            .build()
            .unwrap();
        let body = requests::body(&operation, &fixtures.things);
        for (pointer, body, without) in optional(&document, &with_body(&operation), &body) {
            let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
            let answer = caller
                .send(caller.request(method, plain.url().as_str()).json(&body))
                .await;
            let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let mut named = said["errors"].as_array().into_iter().flatten();
            let is_named = named.any(|error| error["pointer"] == pointer) || said["error"]["param"] == pointer[1..];
            let mut is_refused = answer.status.is_server_error();
            if answer.status.is_client_error() && is_named {
                // Of two fields one may be needed, and it is this one: then leaving it out is refused as well.
                let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
                let left_out = caller.request(method, plain.url().as_str()).json(&without);
                is_refused = caller.send(left_out).await.status != answer.status;
            }
            if is_refused {
                refused.push(format!("{} {} {pointer}: {said}", operation.method, operation.path));
            }
            tried += 1;
            if answer.status.is_success() {
                t.restore(&image).await;
            }
        }
    }
    assert!(tried > 30, "{tried}");
    assert!(refused.is_empty(), "of {tried}:\n{}", refused.join("\n"));
}
