//! The `OpenAPI` document is one that generators of clients understand whole, and that tells people what they need.

use std::{collections::BTreeSet, path::Path};

use regex::Regex;
use serde_json::{Value, json};

use super::json_schema;

/// Groups of document 004, the only ones that `/api` serves in camelCase.
const CAMEL_CASE_GROUPS: [&str; 6] = ["auth", "documents", "chatbots", "chat", "integrations", "settings"];
/// Operations that take no `Idempotency-Key`: their answers are tokens, which are never kept, or they are webhooks, whose
/// events have ids.
const UNREPEATABLE: [&str; 12] = [
    "/auth/login",
    "/auth/refresh",
    "/webhooks/clerk",
    "/webhook/stripe",
    "/slack/events",
    "/slack/interactivity",
    "/slack/commands",
    "/widget/{chatbot_id}/session",
    "/widget/{chatbot_id}/message",
    "/widget/{chatbot_id}/feedback",
    "/widget/{chatbot_id}/lead",
    "/widget/{chatbot_id}/handover",
];

fn document() -> Value {
    local::functions::openapi()
}

/// Path, method and operation.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let items = document["paths"].as_object().unwrap();
    items
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap();
            methods
                .iter()
                .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect()
}

/// Every schema in the document, with where it stands.
fn each_schema(document: &Value, act: &mut dyn FnMut(&str, &Value)) {
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        inside(schema, name, act);
    }
    for (path, method, operation) in operations(document) {
        let at = format!("{method} {path}");
        for parameter in operation["parameters"].as_array().unwrap() {
            inside(&parameter["schema"], &format!("{at} {}", parameter["name"]), act);
        }
        let bodies = operation["responses"].as_object().unwrap().values();
        for body in bodies.chain([&operation["requestBody"]]) {
            for (kind, media_type) in body["content"].as_object().into_iter().flatten() {
                inside(&media_type["schema"], &format!("{at} {kind}"), act);
            }
        }
    }
}

fn inside(schema: &Value, at: &str, act: &mut dyn FnMut(&str, &Value)) {
    act(at, schema);
    for word in ["items", "additionalProperties", "contentSchema"] {
        if let Some(inner) = schema
            .get(word)
            .filter(|inner| word != "additionalProperties" || inner.is_object())
        {
            inside(inner, &format!("{at}/{word}"), act);
        }
    }
    for word in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        for inner in schema[word].as_array().into_iter().flatten() {
            inside(inner, &format!("{at}/{word}"), act);
        }
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        inside(inner, &format!("{at}/{name}"), act);
    }
}

#[test]
fn no_field_has_a_default_which_generators_take_for_required() {
    each_schema(&document(), &mut |at, schema| {
        let default = schema.get("default");
        let is_parameter = at.ends_with('"');
        assert!(
            default.is_none() || is_parameter && !default.unwrap().is_null(),
            "{at} has the default {default:?}"
        );
    });
}

#[test]
fn a_field_in_which_null_removes_may_be_left_out() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    for (name, fields) in [
        (
            "KeyPatch",
            &["expires_at", "models", "token_budget", "requests_per_minute"][..],
        ),
        ("ChatbotSettingsPatch", &["daily_token_cap"]),
    ] {
        for field in fields {
            let types = &schemas[name]["properties"][*field]["type"];
            assert_eq!(types[1], "null", "{name}.{field}");
        }
        assert_eq!(schemas[name].get("required"), None, "{name}");
    }
}

#[test]
fn an_enumeration_is_an_enum_and_a_schema_is_an_object() {
    each_schema(&document(), &mut |at, schema| {
        assert!(schema.is_object(), "{at} is {schema}");
        assert_eq!(schema.get("const"), None, "{at}: write constants as enum");
        for word in ["oneOf", "anyOf"] {
            let choices = schema[word].as_array().map_or(&[][..], Vec::as_slice);
            let constants = choices.iter().filter(|choice| choice.get("enum").is_some()).count();
            assert!(
                choices.is_empty() || constants < choices.len(),
                "{at}: write constants as enum"
            );
        }
    });
}

#[test]
fn a_schema_has_a_name_of_its_own() {
    let document = document();
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(
            !name.ends_with(|last: char| last.is_ascii_digit()),
            "two types are called {}: give one of them `#[schemars(rename)]`",
            name.trim_end_matches(|last: char| last.is_ascii_digit())
        );
    }
}

#[test]
fn an_operation_has_a_summary_and_a_description() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let text = |field: &str| operation[field].as_str().unwrap_or_default().to_owned();
        let (summary, description) = (text("summary"), text("description"));
        assert!(
            summary.starts_with(char::is_uppercase) && !summary.ends_with('.'),
            "{method} {path}: {summary}"
        );
        assert!(summary.len() <= 80, "{method} {path}: {summary}");
        let verb = summary.split(' ').next().unwrap();
        let vague = [
            "Make", "Have", "Give", "Take", "Let", "Say", "Keep", "Want", "Put", "Tell", "Ask", "See", "Show", "Save",
        ];
        assert!(!vague.contains(&verb), "{method} {path}: {summary}");
        let sentences = description.split("\n\n").filter(|part| !part.is_empty()).count();
        assert!(
            sentences >= 2,
            "{method} {path} has no second sentence in its route: {description}"
        );
    }
}

#[test]
fn an_operation_lists_how_it_can_fail() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let has = |status: &str| operation["responses"].get(status).is_some();
        let security = operation["security"].as_array().unwrap();
        let needs_credentials = !security.is_empty() && !security.contains(&json!({}));
        assert!(has("429") && has("default"), "{method} {path}");
        assert!(!needs_credentials || has("401") && has("503"), "{method} {path}");
        // Under `/v1`, 422 is 400.
        let invalid = if path.starts_with("/v1/") { "400" } else { "422" };
        assert!(
            operation.get("requestBody").is_none() || has("413") && has("415") && has(invalid),
            "{method} {path}"
        );
        assert!(!path.contains('{') || has("404"), "{method} {path}");
        let streams = operation["responses"]["200"]["content"].get("text/event-stream");
        if let Some(stream) = streams {
            assert!(["429", "502", "503", "504"].into_iter().all(has), "{method} {path}");
            assert_eq!(
                stream["schema"]["type"], "string",
                "{method} {path}: a stream is more than one of its events"
            );
            assert!(
                stream["x-itemSchema"]["properties"]["data"]["contentSchema"].is_object(),
                "{method} {path}"
            );
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            let json = &response["content"]["application/json"]["schema"];
            assert_ne!(json["type"], "string", "{method} {path}: {status}");
        }
    }
}

#[test]
fn what_changes_something_takes_an_idempotency_key() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().unwrap();
        let key = parameters
            .iter()
            .find(|parameter| parameter["name"] == "Idempotency-Key");
        let is_unrepeatable = UNREPEATABLE.iter().any(|name| path.ends_with(name));
        assert_eq!(key.is_some(), method != "get" && !is_unrepeatable, "{method} {path}");
        if let Some(key) = key {
            assert_eq!(
                (&key["schema"]["minLength"], &key["schema"]["maxLength"]),
                (&1.into(), &255.into())
            );
        }
    }
}

#[test]
fn the_example_of_a_request_is_valid() {
    let document = document();
    let mut examples = 0;
    for (path, method, operation) in operations(&document) {
        for (kind, body) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            if kind == "multipart/form-data" {
                continue;
            }
            let example = body
                .get("example")
                .unwrap_or_else(|| panic!("{method} {path} has no example"));
            let errors = json_schema::errors(&document, &body["schema"], example);
            assert!(errors.is_empty(), "{method} {path}: {errors:#?}");
            examples += 1;
        }
    }
    assert!(examples > 70, "{examples}");
}

#[test]
fn camel_case_has_the_groups_of_document_004_and_no_others() {
    let document = document();
    let camel = |path: &&str| path.starts_with("/api/") && !path.starts_with("/api/v1/");
    let paths: BTreeSet<&str> = operations(&document)
        .into_iter()
        .map(|(path, ..)| path)
        .filter(camel)
        .collect();
    assert!(paths.len() > 20);
    for path in paths {
        let group = path.split('/').nth(2).unwrap();
        assert!(CAMEL_CASE_GROUPS.contains(&group), "{path}");
    }
}

#[test]
fn a_rule_of_a_field_is_published_beside_it() {
    let rule = Regex::new(r"custom\((readable_name|optional_name|readable_text|not_blank|media_type)\)").unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut rules = 0;
    for file in super::sources(&root.join("functions"))
        .into_iter()
        .chain(super::sources(&root.join("shared/http")))
    {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.trim_start().starts_with("#[garde("))
        {
            let Some(found) = rule.captures(line) else { continue };
            let pattern = format!("::{}", found[1].to_uppercase());
            assert!(
                lines.get(number + 1).is_some_and(|next| next.contains(&pattern)),
                "{}:{}: `#[schemars(regex(pattern = http_api{pattern}))]` is missing below",
                file.display(),
                number + 1
            );
            rules += 1;
        }
    }
    assert!(rules > 40, "{rules}");
}
