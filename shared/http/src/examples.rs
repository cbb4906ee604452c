//! Examples of request bodies. They are generated from the schemas, so that they have all required fields in the
//! spelling of the API style; one table defines the values.

use serde_json::{Map, Value, json};

use crate::case_mapping::fold;

/// The example value of a field, by its name, or by schema and name if a name has several meanings. Optional
/// fields appear in an example if they are listed here.
const VALUES: [(&str, &str); 84] = [
    ("action", r#""report.downloaded""#),
    ("content", r#""How long is the warranty?""#),
    ("content_type", r#""application/pdf""#),
    ("current_password", r#""correct horse battery""#),
    ("daily_limit", "5000"),
    ("details", r#"{"report": "november"}"#),
    ("document_ids", r#"["0193a5d0-7c1e-7d3a-9f52-1c2b3a4d5e6f"]"#),
    ("email", r#""ada@example.com""#),
    ("expires_in_days", "90"),
    ("file_name", r#""handbook.pdf""#),
    ("language", r#""en-GB""#),
    ("llm_responses", r#"["Two years, from the day of purchase."]"#),
    ("max_tokens", "500"),
    ("message", r#""How long is the warranty?""#),
    ("new_password", r#""a better horse battery""#),
    ("overlap_seconds", "3600"),
    ("password", r#""correct horse battery""#),
    ("pinned", "true"),
    ("prompt_text", r#""Summarize {{text}} in three sentences.""#),
    ("reason", r#""It names the right page.""#),
    ("refresh_token", r#""rt_Zm9v""#),
    ("requests_per_minute", "60"),
    ("size", "8123456"),
    ("slug", r#""acme""#),
    ("temperature", "0.2"),
    ("time_zone", r#""Europe/Berlin""#),
    ("title", r#""Warranty of the grinder""#),
    ("token", r#""Zm9vYmFy""#),
    ("token_budget", "1000000"),
    ("tokens", "120"),
    ("user_id", r#""0193a5d0-7c1e-7d3a-9f52-000000000001""#),
    ("session_id", r#""0193a5d0-7c1e-7d3a-9f52-000000000002""#),
    ("variables", r#"{"text": "the report"}"#),
    ("DocumentUpload.name", r#""Handbook""#),
    ("DocumentUpload.description", r#""All products of 2026""#),
    ("DocumentUpload.tags", r#""handbook,2026""#),
    ("DocumentPatch.name", r#""Handbook""#),
    ("DocumentPatch.tags", r#"["handbook", "2026"]"#),
    ("NewUploadInput.name", r#""Handbook""#),
    ("NewUploadInput.tags", r#"["handbook", "2026"]"#),
    ("DataSourcePatch.name", r#""Shop""#),
    ("TableDescription.description", r#""One row for each purchase""#),
    ("TableDescription.synonyms", r#"["sale", "purchase"]"#),
    ("QueryRequest.question", r#""How many orders are there per channel?""#),
    ("QueryRequest.data_source_id", r#""sample""#),
    (
        "ValidationRequest.sql",
        r#""SELECT status, count(*) AS orders FROM orders GROUP BY status""#,
    ),
    ("NewWebPageInput.tags", r#"["handbook", "2026"]"#),
    ("NewAccount.name", r#""Ada Lovelace""#),
    ("NewUser.name", r#""Ada Lovelace""#),
    ("UserPatch.email", "null"),
    ("UserPatch.current_password", "null"),
    ("UserPatch.name", r#""Ada Lovelace""#),
    ("NewApiKey.name", r#""Web shop""#),
    ("NewApiKey.scopes", r#"["chats:read", "chats:write"]"#),
    ("KeyPatch.name", r#""Web shop""#),
    ("KeyPatch.expires_in_days", "null"),
    ("KeyPatch.token_budget", "null"),
    ("NewChatbot.name", r#""Support""#),
    ("NewChatbot.description", r#""Answers from the handbook""#),
    ("ChatbotPatch.name", r#""Support""#),
    ("ChatbotPatch.settings", r#"{"temperature": 0.2}"#),
    ("NewOrg.name", r#""Acme""#),
    ("OrgPatch.name", r#""Acme""#),
    ("NewUserPrompt.name", r#""Summary""#),
    ("SystemPromptText.name", r#""Summary""#),
    ("UserPromptPatch.name", r#""Summary""#),
    ("NewInvitation.role", r#""member""#),
    ("ChatInput.model", r#""local""#),
    (
        "ChatInput.messages",
        r#"[{"role": "user", "content": "How long is the warranty?"}]"#,
    ),
    ("EmbeddingInput.model", r#""text-embedding-3-small""#),
    ("EmbeddingInput.input", r#""How long is the warranty?""#),
    ("NewStatus.status", r#""disabled""#),
    ("StatusChange.status", r#""disabled""#),
    ("UserSettingsPatch.theme", r#""dark""#),
    ("NewWebhookInput.url", r#""https://example.com/webhooks""#),
    ("NewWebhookInput.description", r#""CRM""#),
    ("NewWebhookInput.events", r#"["document.ready", "message.created"]"#),
    ("WebhookPatch.status", r#""enabled""#),
    ("Replay.since", r#""2026-11-29T00:00:00Z""#),
    ("Replay.only_failed", "true"),
    ("NewUserPrompt.user_id", "null"),
    ("NewPrompt.user_id", "null"),
    ("NewAuditLog.user_id", "null"),
    ("AiMessage.session_id", "null"),
];

/// Maximum nesting of an example; schemas may be recursive.
const DEEPEST: usize = 6;

/// Generates examples of schemas.
pub(crate) struct Examples<'a>(&'a Map<String, Value>);

impl<'a> Examples<'a> {
    /// Creates a generator for these components.
    pub(crate) fn of(components: &'a Map<String, Value>) -> Self {
        Self(components)
    }

    /// Adds an example to every request body.
    pub(crate) fn add_to_requests(&self, paths: &mut Value) {
        let operations = paths
            .as_object_mut()
            .into_iter()
            .flat_map(Map::values_mut)
            .filter_map(Value::as_object_mut)
            .flat_map(Map::values_mut);
        let bodies = operations.filter_map(|operation| operation.pointer_mut("/requestBody/content")?.as_object_mut());
        for (kind, media_type) in bodies.flatten() {
            // A file has no example as text.
            if kind != "multipart/form-data"
                && let Some(example) = self.example(&media_type["schema"], "", "", 0)
            {
                media_type["example"] = example;
            }
        }
    }

    /// Returns a value of `schema`, which is the field `field` of `owner`.
    fn example(&self, schema: &Value, owner: &str, field: &str, depth: usize) -> Option<Value> {
        if let Some(value) = known(owner, field) {
            return Some(value).filter(|value| !value.is_null());
        }
        if depth > DEEPEST {
            return None;
        }
        if let Some(name) = schema["$ref"].as_str().and_then(|link| link.rsplit('/').next()) {
            return self.example(self.0.get(name)?, name, "", depth + 1);
        }
        if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
            return choices
                .iter()
                .find_map(|choice| self.example(choice, owner, "", depth + 1));
        }
        if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
            return Some(first.clone());
        }
        let kind = schema["type"]
            .as_str()
            .or_else(|| schema["type"].as_array()?.first()?.as_str());
        match kind? {
            "object" => Some(self.object(schema, owner, depth)),
            "array" => Some(
                self.example(&schema["items"], owner, "", depth + 1)
                    .into_iter()
                    .collect(),
            ),
            "string" => Some(text(schema)),
            "integer" | "number" => Some(
                schema["minimum"]
                    .as_u64()
                    .filter(|least| *least > 0)
                    .unwrap_or(1)
                    .into(),
            ),
            "boolean" => Some(json!(true)),
            _ => None,
        }
    }

    /// Returns the required fields, and the optional ones with known values.
    fn object(&self, schema: &Value, owner: &str, depth: usize) -> Value {
        let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
        let fields = schema["properties"].as_object().into_iter().flatten();
        let shown = fields.filter_map(|(name, field)| {
            let is_shown = required.iter().any(|known| known == name) || known(owner, name).is_some();
            let value = is_shown.then(|| self.example(field, owner, name, depth + 1))?;
            Some((name.clone(), value?))
        });
        Value::Object(shown.collect())
    }
}

/// Returns the table's value of a field, whatever its spelling.
fn known(owner: &str, field: &str) -> Option<Value> {
    if field.is_empty() {
        return None;
    }
    let find = |name: &str| {
        let found = VALUES.iter().find(|(known, _)| fold(known) == fold(name));
        found.and_then(|(_, value)| serde_json::from_str(value).ok())
    };
    // Schemas of other spellings and directions have these suffixes.
    let base = ["CamelInput", "Camel", "Input"]
        .into_iter()
        .find_map(|suffix| owner.strip_suffix(suffix));
    let of = |owner: &str| find(&format!("{owner}.{field}"));
    of(owner).or_else(|| base.and_then(of)).or_else(|| find(field))
}

fn text(schema: &Value) -> Value {
    match schema["format"].as_str() {
        Some("date-time") => json!("2026-12-01T09:30:00.000Z"),
        Some("date") => json!("2026-12-01"),
        Some("email") => json!("ada@example.com"),
        _ => json!("text"),
    }
}
