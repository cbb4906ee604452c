//! What a client sends beyond the declared fields of an operation changes nothing, whatever it is called.
//!
//! Each write is made twice as it should be, which shows what differs from time to time (ids, times, secrets), and then
//! with every name that its answers or our tables know. Everything else has to be the same.

use std::collections::{BTreeMap, BTreeSet};

use http_api::Operation;
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};

use super::{fixtures::Fixtures, guarded, in_parts, operations, part_of, policy, requests};
use crate::support::{Caller, Snapshot, Test, flatten_json};

/// What our tables call things, or others do.
const NAMES: [&str; 22] = [
    "role",
    "org_id",
    "user_id",
    "plan",
    "status",
    "used_today",
    "is_admin",
    "email_verified",
    "default_org_id",
    "personal_org",
    "session_epoch",
    "created_at",
    "created_by",
    "owner",
    "org",
    "user",
    "owners",
    "seats",
    "password_hash",
    "secret_hash",
    "deleted_at",
    "stripe_customer_id",
];
const TIME: &str = "2001-02-03T04:05:06.000Z";
const NUMBER: u64 = 424_242;

/// Properties of a schema and of all that it refers to, by name.
fn properties(document: &Value, schema: &Value, into: &mut BTreeMap<String, Value>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap();
        properties(document, target, into);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if into.insert(name.clone(), property.clone()).is_none() {
            properties(document, property, into);
        }
    }
    for part in ["items", "additionalProperties"] {
        properties_of(document, &schema[part], into);
    }
    for part in ["anyOf", "oneOf", "allOf"] {
        for schema in schema[part].as_array().into_iter().flatten() {
            properties(document, schema, into);
        }
    }
}

fn properties_of(document: &Value, schema: &Value, into: &mut BTreeMap<String, Value>) {
    if schema.is_object() {
        properties(document, schema, into);
    }
}

/// A second name that the document gives a field.
fn other_word(schema: &Value) -> Option<&str> {
    let (before, _) = schema["description"].as_str()?.split_once("` is an alias")?;
    before.rsplit('`').next()
}

/// A name without its spelling.
fn folded(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        name + &head.to_uppercase() + tail
    })
}

/// Everything that is not `declared`, in both spellings. `again`: the other value where there are two.
fn escalation(
    names: &BTreeMap<String, Value>,
    declared: &BTreeSet<String>,
    foreign: &Caller,
    again: bool,
) -> Map<String, Value> {
    let mut all = Map::new();
    let known = NAMES.iter().map(|name| ((*name).to_owned(), json!({"type": "string"})));
    let names: BTreeMap<String, Value> = names.clone().into_iter().chain(known).collect();
    for (name, schema) in names.into_iter().filter(|(name, _)| !declared.contains(&folded(name))) {
        let kinds = &schema["type"];
        let is = |kind: &str| {
            kinds == kind
                || kinds
                    .as_array()
                    .is_some_and(|kinds| kinds.iter().any(|one| one == kind))
        };
        let value = match folded(&name).as_str() {
            "role" if again => json!("owner"),
            "role" => json!("admin"),
            "status" if again => json!("active"),
            "status" => json!("disabled"),
            "plan" => json!("TEAM"),
            "orgid" | "org" | "defaultorgid" | "personalorg" | "tenant" => json!(foreign.org()),
            "id" | "userid" | "user" | "createdby" | "owner" | "invitedby" | "actor" => json!(foreign.id()),
            "usedtoday" | "owners" | "seats" | "sessionepoch" => json!(NUMBER),
            "isadmin" | "emailverified" => json!(!again),
            text if text.ends_with("at") || schema["format"] == "date-time" => json!(TIME),
            _ if is("boolean") => json!(!again),
            _ if is("integer") || is("number") => json!(NUMBER),
            _ if is("array") => json!([foreign.id()]),
            _ => json!(format!("stolen-{}", foreign.id())),
        };
        for spelling in [camel(&name), name] {
            all.insert(spelling, value.clone());
        }
    }
    all
}

/// Whether an operation takes what the fixtures do not have, and is sent elsewhere what nobody declares.
fn needs_more_than_fixtures(name: &str) -> bool {
    // Only a signature is let in there; and an answer that is whole is not continued, which takes what regenerating takes.
    let is_signed = name == "POST /api/v1/webhooks/clerk" || name.ends_with("/{message_id}/continue");
    let is_slack = name.contains("/integrations/slack/") && !name.ends_with("/credentials");
    // Pages call the widget, and no user; `api/widget` does. The integration of the fixtures is no web site.
    let is_website = name.contains("/widget/") || name.contains("/integrations/website/");
    // No database is connected; `api/query` has one.
    let is_database = name.ends_with("/connection") || name.ends_with("/refresh");
    // Without a receiver nothing is sent; `api/webhooks` has one. Without a payment provider nobody pays; `api/billing`
    // has one.
    let is_of_provider = name.contains("/webhooks/{webhook_id}/") || name.contains(" /api/v1/billing/");
    is_signed || is_slack || is_website || is_database || is_of_provider
}

/// What a request answered and wrote, value by value.
async fn done(
    t: &Test,
    caller: &Caller,
    request: RequestBuilder,
    (before, image): (&Snapshot, &[u8]),
) -> BTreeMap<String, String> {
    // Times are never the same twice.
    t.advance_seconds(1);
    let answer = caller.send(request).await;
    let mut done = t.snapshot().await.written_since(before);
    done.insert("status".to_owned(), answer.status.to_string());
    if let Ok(body) = serde_json::from_slice(&answer.body) {
        flatten_json("answer", &body, &mut done);
    }
    // Which of the audit log's heads a new tenant's entry moves follows from the tenant's id, latencies and their
    // counters from how busy the machine is.
    let varies = [" ahead#", " h~", " xh~", "latency", "timetofirsttoken", "durationms"];
    done.retain(|path, _| !varies.iter().any(|part| folded(path).contains(part)));
    // The same holds for the shard in which it is listed, behind the month.
    for (_, month) in done.iter_mut().filter(|(path, _)| path.ends_with(" month")) {
        month.truncate(month.find('#').unwrap_or(month.len()));
    }
    t.restore(image).await;
    done
}

/// The request with `more` in its body.
fn loaded(caller: &Caller, operation: &Operation, fixtures: &Fixtures, more: &Map<String, Value>) -> RequestBuilder {
    let plain = requests::request(caller, operation, &fixtures.things).build().unwrap();
    let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
    let request = caller.request(method, plain.url().as_str());
    if requests::is_upload(operation) {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let form = more.iter().fold(requests::file(), |form, (name, value)| {
            form.text(name.clone(), text(value))
        });
        return request.multipart(form);
    }
    let mut body = more.clone();
    if let Value::Object(plain) = requests::body(operation, &fixtures.things) {
        body.extend(plain);
    }
    request.json(&body)
}

in_parts!(
    what_is_sent_beyond_the_declared_fields_changes_nothing:
    fields_beyond_the_first_part_change_nothing = 0,
    fields_beyond_the_second_part_change_nothing = 1,
    fields_beyond_the_third_part_change_nothing = 2,
    fields_beyond_the_fourth_part_change_nothing = 3
);

async fn what_is_sent_beyond_the_declared_fields_changes_nothing(part: usize) {
    let (policy, document) = (policy::read(), local::functions::openapi());
    let (t, fixtures, _double) = Box::pin(guarded()).await;
    let (before, image) = (t.snapshot().await, t.image().await);
    let before = (&before, image.as_slice());
    let writing = operations().into_iter().filter(|operation| operation.method != "GET");
    let (mut tried, mut names_sent, mut changed, mut nobody) = (0, 0, Vec::new(), Vec::new());
    for operation in &part_of(writing, part) {
        let name = format!("{} {}", operation.method, operation.path);
        let row = policy.row(operation);
        let let_in = |kind: &str| {
            policy
                .callers()
                .zip(&row)
                .any(|(known, one)| known == kind && one.is_let_in())
        };
        // The least of those who may.
        let order = [
            "anonymous",
            "invited",
            "member",
            "peer",
            "admin",
            "owner",
            "platform_admin",
            "service",
            "scraper",
        ];
        let Some(kind) = order.into_iter().find(|kind| let_in(kind)) else {
            nobody.push(name);
            continue;
        };
        let caller = fixtures.caller(kind, operation);
        let described = &document["paths"][&operation.path][operation.method.to_lowercase()];
        let (mut answered, mut declared) = (BTreeMap::new(), BTreeMap::new());
        for response in described["responses"].as_object().unwrap().values() {
            for content in response["content"].as_object().into_iter().flat_map(Map::values) {
                properties_of(&document, &content["schema"], &mut answered);
            }
        }
        for content in described["requestBody"]["content"]
            .as_object()
            .into_iter()
            .flat_map(Map::values)
        {
            properties_of(&document, &content["schema"], &mut declared);
        }
        let declared = declared
            .iter()
            .flat_map(|(name, schema)| [Some(name.as_str()), other_word(schema)]);
        let declared: BTreeSet<String> = declared.flatten().map(folded).collect();
        let plain = || requests::request(&caller, operation, &fixtures.things);
        let first = done(&t, &caller, plain(), before).await;
        let second = done(&t, &caller, plain(), before).await;
        assert!(first["status"].starts_with('2'), "{name}: {first:?}");
        let stable: BTreeMap<_, _> = first
            .iter()
            .filter(|(path, value)| second.get(*path) == Some(value))
            .collect();
        let (paths, again): (BTreeSet<_>, BTreeSet<_>) = (first.keys().collect(), second.keys().collect());
        let different: Vec<_> = paths.symmetric_difference(&again).collect();
        assert!(
            different.is_empty(),
            "{name}, {} and {}: {:?} {:?} {different:?}",
            first["status"],
            second["status"],
            first.get("answer/detail"),
            second.get("answer/detail")
        );
        for again in [false, true] {
            let more = escalation(&answered, &declared, &fixtures.foreign, again);
            names_sent += more.len();
            let request = loaded(&caller, operation, &fixtures, &more);
            let third = done(&t, &caller, request, before).await;
            let stolen = [TIME, "424242", fixtures.foreign.id(), fixtures.foreign.org()];
            for path in first.keys().chain(third.keys()).collect::<BTreeSet<_>>() {
                let is_same = match (stable.get(path), third.get(path)) {
                    (Some(expected), Some(found)) => *expected == found,
                    // Another each time: whatever it is, it is not what was sent.
                    (None, Some(found)) => first.contains_key(path) && !stolen.iter().any(|sent| found.contains(sent)),
                    (_, None) => false,
                };
                if !is_same {
                    changed.push(format!(
                        "{name}: {path} is {:?} instead of {:?}",
                        third.get(path),
                        first.get(path)
                    ));
                }
            }
        }
        tried += 1;
    }
    println!("{tried} operations, {names_sent} fields that none of them declares");
    assert!(changed.is_empty(), "{}", changed.join("\n"));
    nobody.retain(|name| !needs_more_than_fixtures(name));
    assert_eq!(nobody, Vec::<String>::new());
}
