//! The texts that clients may write, from the `OpenAPI` document.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Texts that are no free ones: names of things and choices, which an operation refuses unless it knows them.
const CHOICES: [&str; 28] = [
    "/model",
    "/messages/*/content/*/type",
    "/downgrade_model",
    "/transcription_model",
    "/embedding_model",
    "/settings/rerank_model",
    "/fallback_models/*",
    "/session_id",
    "/role",
    "/version",
    "/chatbot_id",
    "/data_source_id",
    "/user_id",
    "/document_id",
    "/questions/*/document_id",
    "/documents/*",
    "/document_ids/*",
    "/time_zone",
    "/language",
    "/color",
    "/settings/color",
    "/settings/avatar",
    "/state",
    "/config/appearance/color",
    "/config/appearance/language",
    "/message_id",
    "/config/channels/*/channel",
    "/config/channels/*/chatbot_id",
];
/// Operations whose texts are somebody else's.
const OF_OTHERS: [&str; 9] = [
    // The platform's, not a person's.
    "POST /api/v1/system_prompts",
    "PUT /api/v1/system_prompts/{prompt_id}",
    // Says why the operator set other limits, to other admins.
    "PUT /api/v1/admin/orgs/{org_id}/entitlements",
    // Makes an account for another person, of what signing up makes one of.
    "POST /api/v1/users",
    // Carries what Clerk says, signed by Clerk.
    "POST /api/v1/webhooks/clerk",
    // Carries what Stripe says, of which only names of its things are kept.
    "POST /api/v1/billing/webhook/stripe",
    // What people at Slack say to a bot; their questions are among the chat sessions of its creator.
    "POST /api/v1/integrations/slack/events",
    "POST /api/v1/integrations/slack/interactivity",
    "POST /api/v1/integrations/slack/commands",
];

/// Texts that clients may write as they like, by operation and pointer, from the `OpenAPI` document. Where an
/// operation is served on both surfaces it is listed once.
pub(super) fn free_texts() -> BTreeSet<String> {
    let document = local::functions::openapi();
    let paths = document["paths"].as_object().unwrap();
    let mut found = BTreeSet::new();
    for (path, methods) in paths {
        let twin = path.replacen("/api/", "/api/v1/", 1);
        if !path.starts_with("/api/v1/") && paths.contains_key(&twin) {
            continue;
        }
        for (method, operation) in methods.as_object().unwrap() {
            let operation_name = format!("{} {path}", method.to_uppercase());
            if OF_OTHERS.contains(&operation_name.as_str()) {
                continue;
            }
            let contents = operation["requestBody"]["content"].as_object();
            for content in contents.into_iter().flat_map(Map::values) {
                let mut pointers = BTreeSet::new();
                texts(&document, &content["schema"], "", &mut pointers);
                found.extend(
                    pointers
                        .into_iter()
                        .map(|pointer| format!("{operation_name} {pointer}")),
                );
            }
        }
    }
    found
}

fn snake(name: &str) -> String {
    let lower = |letter: char| {
        let mark = if letter.is_uppercase() { "_" } else { "" };
        format!("{mark}{}", letter.to_ascii_lowercase())
    };
    name.chars().map(lower).collect()
}

fn texts(document: &Value, schema: &Value, pointer: &str, into: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap();
        return texts(document, target, pointer, into);
    }
    let is = |kind: &str| {
        let kinds = &schema["type"];
        kinds == kind
            || kinds
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|one| one == kind))
    };
    let is_choice = ["enum", "const", "format"].iter().any(|name| !schema[*name].is_null());
    let is_map = is("object") && schema["properties"].is_null();
    if (is("string") && !is_choice || is_map) && !CHOICES.contains(&pointer) {
        into.insert(pointer.to_owned());
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        texts(document, property, &format!("{pointer}/{}", snake(name)), into);
    }
    if schema["items"].is_object() {
        texts(document, &schema["items"], &format!("{pointer}/*"), into);
    }
    for part in ["anyOf", "oneOf", "allOf"] {
        for schema in schema[part].as_array().into_iter().flatten() {
            texts(document, schema, pointer, into);
        }
    }
}
