//! JSON that clients make up: it is kept as they sent it, or refused, and never breaks anything.
//!
//! `PARLANCE_ROUNDS` says how long the search is, `PARLANCE_SEED` where it begins.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Number, Value, json, value::RawValue};

use crate::support::{Answer, Caller, Random, Test, rounds};

/// Operations that take free-form JSON, with the field that holds it. A test below sees to it that none is missing.
const TAKERS: [(&str, &str, &str); 4] = [
    ("PUT", "/api/settings", "preferences"),
    ("PUT", "/api/v1/settings", "preferences"),
    ("POST", "/api/v1/audit_logs", "details"),
    ("POST", "/api/v1/user_prompts/{prompt_id}/render", "variables"),
];

/// Numbers at the ends of what JSON, doubles, and tables can hold.
const NUMBERS: [&str; 24] = [
    "0",
    "-0",
    "-0.0",
    "1e126",
    "9.9e125",
    "-1e126",
    "1e-130",
    "1e-131",
    "1e-200",
    "-1e-200",
    "5e-324",
    "1e-323",
    "1.7976931348623157e308",
    "2.2250738585072014e-308",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "123456789012345678901234567890123456789012",
    "0.1",
    "0.30000000000000004",
    "1.7976931348623158e+308",
    "3.141592653589793238462643383279502884197",
];

const TEXTS: [&str; 16] = [
    "",
    " ",
    ".",
    "\u{0}",
    "\u{1f}\u{7f}",
    "\"\\/",
    "👩‍👩‍👧‍👦",
    "e\u{301}",
    "é",
    "\u{202e}abc",
    "\u{ffff}",
    "pk",
    "#name",
    ":value",
    "$serde_json::private::Number",
    "__proto__",
];

fn text(random: &mut Random) -> String {
    let text = match random.below(8) {
        0 => "x".repeat(random.below(3_000)),
        1 => {
            let codes = (0..random.below(12)).map(|_| u32::try_from(random.below(0x11_0000)).unwrap());
            codes.filter_map(char::from_u32).collect()
        }
        _ => TEXTS[random.below(TEXTS.len())].to_owned(),
    };
    match random.below(40) {
        0 => r#""\ud83d\ude00""#.to_owned(),
        1 => r#""\u0041\/\b""#.to_owned(),
        _ => serde_json::to_string(&text).unwrap(),
    }
}

fn number(random: &mut Random) -> String {
    match random.below(4) {
        // Any bits: a double with all its digits.
        0 => {
            Number::from_f64(f64::from_bits(random.next())).map_or_else(|| "1".to_owned(), |number| number.to_string())
        }
        1 => format!(
            "{}e{}",
            random.below(1_000),
            i64::try_from(random.below(640)).unwrap() - 330
        ),
        _ => NUMBERS[random.below(NUMBERS.len())].to_owned(),
    }
}

fn value(random: &mut Random, depth: usize) -> String {
    match random.below(if depth == 0 { 4 } else { 7 }) {
        0 => "null".to_owned(),
        1 => ["true", "false"][random.below(2)].to_owned(),
        2 => text(random),
        3 => number(random),
        4 => {
            let items: Vec<_> = (0..random.below(4)).map(|_| value(random, depth - 1)).collect();
            format!("[{}]", items.join(","))
        }
        5 => object(random, depth - 1),
        // One deep path.
        _ => {
            let (levels, inner) = (random.below(140), value(random, 0));
            (0..levels).fold(inner, |inner, level| match level % 2 {
                0 => format!("[{inner}]"),
                _ => format!("{{{}:{inner}}}", text(random)),
            })
        }
    }
}

fn object(random: &mut Random, depth: usize) -> String {
    let entries: Vec<_> = (0..random.below(5))
        .map(|_| format!("{}:{}", text(random), value(random, depth)))
        .collect();
    format!("{{{}}}", entries.join(","))
}

/// The text of a field of an answer.
fn field_of(answer: &Answer, field: &str) -> String {
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&answer.body).unwrap();
    fields[field].get().to_owned()
}

/// Sends free-form JSON; what was kept of it, if it was taken, and the refusal's status.
async fn send(ada: &Caller, taker: (&str, &str, &str), prompt: &str, free: &str) -> Result<String, u16> {
    let (method, path, field) = taker;
    let path = path.replace("{prompt_id}", prompt);
    let body = format!("{{\"action\":\"seen\",\"{field}\":{free}}}");
    let body = if field == "details" {
        body
    } else {
        body.replacen("\"action\":\"seen\",", "", 1)
    };
    let request = ada.request(Method::from_bytes(method.as_bytes()).unwrap(), &path);
    let answer = ada
        .send(request.header("content-type", "application/json").body(body.clone()))
        .await;
    let status = answer.status.as_u16();
    assert!(
        [200, 201, 400, 413, 422].contains(&status),
        "{status} to {method} {path} {body}: {}",
        String::from_utf8_lossy(&answer.body)
    );
    if status >= 400 {
        return Err(status);
    }
    let read = match field {
        "preferences" => field_of(&ada.get(&path).await.ok(), field),
        "details" => field_of(&ada.get(&format!("{path}/{}", answer.text("log_id"))).await.ok(), field),
        // What is rendered is kept nowhere.
        _ => return Ok(free.to_owned()),
    };
    assert_eq!(
        read,
        field_of(&answer, field),
        "what is read is what was answered: {body}"
    );
    Ok(read)
}

#[tokio::test]
async fn free_form_json_is_kept_as_it_was_sent_or_refused() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let prompt = ada
        .post("/api/v1/user_prompts", json!({"prompt_text": "Dear {{name}}"}))
        .await
        .created();
    let prompt = prompt.text("prompt_id");
    let nested = |levels: usize| format!("{{\"x\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    let known = [
        nested(32),
        nested(99),
        r#"{"":1}"#.to_owned(),
        r#"{"x":{"":{"":[]}},"x":2}"#.to_owned(),
        r#"{"x":[1e126,1e-200,-1e300,5e-324,-0,0.30000000000000004,12345678901234567890123]}"#.to_owned(),
    ];
    for taker in TAKERS.into_iter().filter(|(_, _, field)| *field != "variables") {
        for free in &known {
            assert_eq!(send(&ada, taker, &prompt, free).await.as_ref(), Ok(free), "{taker:?}");
        }
        for beyond in [
            nested(100),
            nested(200),
            nested(5_000),
            r#"{"x":1e400}"#.to_owned(),
            r#"{"x":"\ud800"}"#.to_owned(),
        ] {
            assert_eq!(
                send(&ada, taker, &prompt, &beyond).await,
                Err(422),
                "{taker:?} {}",
                &beyond[..12]
            );
        }
    }
    let mut random = Random::from_environment();
    let mut kept = 0;
    for _ in 0..rounds() * 40 {
        let free = object(&mut random, 5);
        for taker in TAKERS {
            if let Ok(read) = send(&ada, taker, &prompt, &free).await {
                assert_eq!(read, free, "{taker:?}");
                kept += 1;
            }
        }
    }
    assert!(kept > rounds() * 60, "only {kept} were taken");
}

#[tokio::test]
async fn preferences_of_an_earlier_release_which_kept_them_as_a_map_are_read() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    ada.put("/api/settings", json!({"preferences": {"width": 200}}))
        .await
        .ok();
    let map = aws_sdk_dynamodb::types::AttributeValue::M(
        [(
            "width".to_owned(),
            aws_sdk_dynamodb::types::AttributeValue::N("300".to_owned()),
        )]
        .into(),
    );
    let key = aws_sdk_dynamodb::types::AttributeValue::S;
    let update = t.db().update_item().table_name("parlance-identity");
    let update = update
        .key("pk", key(format!("U#{}", ada.id())))
        .key("sk", key("SETTINGS".to_owned()));
    let update = update
        .update_expression("SET preferences = :map")
        .expression_attribute_values(":map", map);
    update.send().await.unwrap();
    assert_eq!(
        ada.get("/api/settings").await.ok().json()["preferences"],
        json!({"width": 300})
    );
}

/// Whether a schema takes an object with names that it does not tell.
fn is_free_form(schema: &Value) -> bool {
    let is_object = schema["type"] == "object"
        || schema["type"]
            .as_array()
            .is_some_and(|types| types.contains(&json!("object")));
    let are_switches = schema["additionalProperties"]["type"] == "boolean";
    // A map whose values have a schema of their own.
    let are_typed = schema["additionalProperties"].get("$ref").is_some();
    is_object && schema.get("properties").is_none() && !are_switches && !are_typed
}

#[test]
fn every_operation_that_takes_free_form_json_is_tried() {
    let document: Value = serde_json::from_str(include_str!("../../../functions/system/openapi.json")).unwrap();
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let Some(body) = operation.pointer("/requestBody/content/application~1json/schema") else {
                continue;
            };
            let name = body["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
            let schema = name.map_or(body, |name| &document["components"]["schemas"][name]);
            let fields = schema["properties"].as_object().into_iter().flatten();
            for (field, _) in fields.filter(|(_, schema)| is_free_form(schema)) {
                found.push((method.to_uppercase(), path.clone(), field.clone()));
            }
        }
    }
    found.sort();
    let mut takers = TAKERS.map(|(method, path, field)| (method.to_owned(), path.to_owned(), field.to_owned()));
    takers.sort();
    assert_eq!(found, takers);
}
