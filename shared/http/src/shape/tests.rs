//! Names in both spellings, and what is no object.

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
    assert_eq!(text(&shape.to_declared(ambiguous.as_bytes())), SNAKE);
    assert_eq!(text(&shape.to_declared(b"{\"aB\":1}")), "{\"aB\":1}");
    assert_eq!(text(&shape.to_declared(SNAKE.as_bytes())), SNAKE, "declared names stay");
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
fn a_list_in_an_objects_place_is_found_wherever_it_stands() {
    let found = |json: &str| input::<Outer>().misplaced_list(json.as_bytes());
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
    assert_eq!(input::<Value>().misplaced_list(b"[[]]"), None);
    assert_eq!(input::<Vec<Inner>>().misplaced_list(br#"[{"leaf_name": 1}]"#), None);
}
