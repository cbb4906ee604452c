//! Names in both spellings, and values that are not objects.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;

#[derive(JsonSchema)]
struct Inner {
    leaf_name: u8,
    again_inside: Option<Box<Inner>>,
}

#[derive(JsonSchema)]
#[serde(tag = "event_kind", rename_all = "snake_case")]
enum Event {
    TextDelta { text_part: String },
    AllDone { inner_value: Inner },
}

#[derive(JsonSchema)]
struct Flat {
    flat_name: u8,
}

#[derive(JsonSchema)]
struct Outer {
    one_inner: Inner,
    many_inner: Vec<Inner>,
    inner_by_name: BTreeMap<String, Inner>,
    a_pair: (Inner, u8),
    any_event: Event,
    any_thing: Value,
    #[serde(flatten)]
    flat: Flat,
    a_b: u8,
    ab: u8,
}

const SNAKE: &str = r#"{"one_inner":{"leaf_name":1,"again_inside":{"leaf_name":2}}, "many_inner":[{"leaf_name":3},{"leaf_name":4}],
    "inner_by_name":{"key_one":{"leaf_name":5},"leaf_name":{"leaf_name":6}},"a_pair":[{"leaf_name":7},8],
    "any_event":{"event_kind":"all_done","text_part":"leaf_name \"flat_name\" \\","inner_value":{"leaf_name":9}},
    "any_thing":{"leaf_name":{"one_inner":[{"leaf_name":1}]}},"flat_name":1.50e3,"a_b":1,"ab":2,"not_known":{"leaf_name":1}}"#;
const CAMEL: &str = r#"{"oneInner":{"leafName":1,"againInside":{"leafName":2}}, "manyInner":[{"leafName":3},{"leafName":4}],
    "innerByName":{"key_one":{"leafName":5},"leaf_name":{"leafName":6}},"aPair":[{"leafName":7},8],
    "anyEvent":{"eventKind":"all_done","textPart":"leaf_name \"flat_name\" \\","innerValue":{"leafName":9}},
    "anyThing":{"leaf_name":{"one_inner":[{"leaf_name":1}]}},"flatName":1.50e3,"aB":1,"ab":2,"not_known":{"leaf_name":1}}"#;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn declared_names_are_renamed_and_everything_else_is_copied_byte_for_byte() {
    assert_eq!(text(&output::<Outer>().to_camel(SNAKE.as_bytes())), CAMEL);
}

#[test]
fn any_spelling_of_a_declared_name_is_read_unless_two_names_fold_to_the_same() {
    let shape = input::<Outer>();
    let ambiguous = CAMEL.replace("\"aB\":1", "\"a_b\":1");
    assert_eq!(text(&shape.to_declared(ambiguous.as_bytes()).text), SNAKE);
    assert_eq!(text(&shape.to_declared(b"{\"aB\":1}").text), "{\"aB\":1}");
    let declared = shape.to_declared(SNAKE.as_bytes());
    assert_eq!(text(&declared.text), SNAKE, "declared names stay");
    assert!(!declared.is_changed && !declared.is_suspect);
}

#[test]
fn nesting_costs_no_stack() {
    let deep = format!("{}1{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(text(&output::<Outer>().to_camel(deep.as_bytes())), deep);
}

#[test]
fn a_type_without_fields_renames_nothing() {
    assert_eq!(text(&output::<Value>().to_camel(SNAKE.as_bytes())), SNAKE);
    assert_eq!(text(&output::<u8>().to_camel(b"7")), "7");
}

#[test]
fn a_list_in_place_of_an_object_is_found_at_any_depth() {
    let found = |json: &str| {
        let shape = input::<Outer>();
        let place = shape.misplaced_list(&serde_json::from_str(json).unwrap_or_default());
        assert_eq!(shape.to_declared(json.as_bytes()).is_suspect, place.is_some(), "{json}");
        place
    };
    for (json, place) in [
        ("[]", ""),
        (r#"{"one_inner": [1, null]}"#, "/one_inner"),
        (r#"{"many_inner": [{"leaf_name": 1}, [2]]}"#, "/many_inner/1"),
        (r#"{"inner_by_name": {"a/b": []}}"#, "/inner_by_name/a~1b"),
        (
            r#"{"one_inner": {"again_inside": {"again_inside": []}}}"#,
            "/one_inner/again_inside/again_inside",
        ),
    ] {
        assert_eq!(found(json).as_deref(), Some(place), "{json}");
    }
    for json in [r#"{"many_inner": []}"#, r#"{"one_inner": "["}"#, SNAKE] {
        assert_eq!(found(json), None, "{json}");
    }
    assert_eq!(input::<Value>().misplaced_list(&json!([[]])), None);
    assert_eq!(input::<Vec<Inner>>().misplaced_list(&json!([{"leaf_name": 1}])), None);
}

#[derive(JsonSchema)]
struct Lenient {
    needed: String,
    nullable: Option<u8>,
    #[schemars(default)]
    flag: bool,
    #[schemars(default)]
    items: Vec<Lenient>,
    any_thing: Option<Value>,
}

#[test]
fn null_counts_as_omitted_for_optional_fields_that_are_not_nullable() {
    let shape = input::<Lenient>();
    for (given, declared) in [
        (r#"{"flag":null,"needed":"a"}"#, r#"{"needed":"a"}"#),
        (r#"{"needed":"a","flag":null}"#, r#"{"needed":"a"}"#),
        (r#"{ "Flag" : null }"#, "{ }"),
        (r#"{"flag":null,"items":null}"#, "{}"),
        (
            "{\"needed\":\"a\" ,\n \"flag\": null\n, \"items\" :null }",
            r#"{"needed":"a" }"#,
        ),
        (
            r#"{"items":[{"flag":null},{"needed":null,"items":null}]}"#,
            r#"{"items":[{},{"needed":null}]}"#,
        ),
        // Null has a meaning of its own here.
        (r#"{"nullable":null}"#, r#"{"nullable":null}"#),
        (r#"{"needed":null}"#, r#"{"needed":null}"#),
        (r#"{"any_thing":{"flag":null}}"#, r#"{"any_thing":{"flag":null}}"#),
        (r#"{"unknown":null}"#, r#"{"unknown":null}"#),
        (r#"{"flag":"null"}"#, r#"{"flag":"null"}"#),
        (r#"{"items":[null]}"#, r#"{"items":[null]}"#),
    ] {
        assert_eq!(text(&shape.to_declared(given.as_bytes()).text), declared, "{given}");
    }
}

#[derive(JsonSchema)]
struct AllOptional {
    #[schemars(default)]
    flag: bool,
    inner: Option<Strict>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("x-ignored" = ["user_id"]))]
struct Strict {
    first_name: String,
    other: Option<u8>,
}

#[test]
fn a_body_is_optional_if_no_field_is_required() {
    assert!(input::<AllOptional>().is_wholly_optional());
    assert!(!input::<Strict>().is_wholly_optional());
    assert!(!input::<Value>().is_wholly_optional());
    assert!(!input::<String>().is_wholly_optional());
}

#[test]
fn unknown_fields_are_found_with_the_names_of_the_known_ones() {
    let shape = input::<AllOptional>();
    let given = br#"{"anything": 1, "inner": {"first_name": "a", "userId": 2, "last/name": 3}}"#;
    let expected = vec![("/inner/last~1name".to_owned(), vec!["first_name", "other"])];
    let declared = shape.to_declared(given);
    assert!(declared.is_suspect && !declared.is_changed);
    assert_eq!(
        shape.unknown_fields(&serde_json::from_slice(&declared.text).unwrap_or_default()),
        expected
    );
    assert_eq!(input::<Outer>().unknown_fields(&json!({"anything": 1})), vec![]);
    assert!(
        !shape
            .to_declared(br#"{"anything": 1, "inner": {"first_name": "a"}}"#)
            .is_suspect
    );
}
