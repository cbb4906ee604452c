//! The files of `events/` and what they are for.

use std::{fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http_api::Api;
use local::functions;
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn children(folder: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The names of all events, as in `auth/login.json`, in order.
pub(super) fn events() -> Vec<String> {
    let folder = root().join("events");
    let all = children(folder.clone()).into_iter();
    let all = all.flat_map(|path| if path.is_dir() { children(path) } else { vec![path] });
    let names = all.map(|path| path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned());
    let mut names: Vec<String> = names.filter(|name| name != "expected.json").collect();
    names.sort();
    names
}

/// A file of `events/`.
pub(super) fn read(name: &str) -> String {
    fs::read_to_string(root().join("events").join(name)).unwrap()
}

/// The function that an event is for.
pub(super) fn function_of(event: &str) -> &str {
    event.split('/').next().unwrap()
}

/// The operations of an HTTP function; none for a worker.
pub(super) fn api(function: &str) -> Option<Api> {
    let mut groups = functions::groups().into_iter();
    groups.find_map(|(name, api)| (name == function).then_some(api))
}

/// Whether the function's binary streams its answers.
pub(super) fn streams(function: &str) -> bool {
    let main = root().join("functions").join(function).join("src/main.rs");
    fs::read_to_string(main).unwrap().contains("serve_streaming")
}

/// The event with its body as the gateway sends it.
pub(super) fn encoded(event: &str) -> String {
    let mut event: Value = serde_json::from_str(event).unwrap();
    if event["isBase64Encoded"] == false
        && let Some(text) = event["body"].as_str()
    {
        event["body"] = STANDARD.encode(text).into();
        event["isBase64Encoded"] = true.into();
    }
    event.to_string()
}
