//! Field errors with RFC 6901 pointers, from what serde and garde say.

use model::{Error, FieldError};
use serde_path_to_error::{Path, Segment};

use crate::{Problem, body::clip};

/// A value that is not of its type. serde stops at the first one.
pub(crate) fn unreadable(path: &Path, message: &str) -> Problem {
    let mut pointer: String = path.iter().filter_map(segment).collect();
    // "at line 1 column 9" counts in the text after renaming; the pointer says it better.
    let message = message.split(" at line ").next().unwrap_or_default();
    // serde names a field that is missing, double or unknown in its message only.
    let named = message.split('`').nth(1).filter(|_| {
        ["missing field", "duplicate field", "unknown field"]
            .iter()
            .any(|start| message.starts_with(start))
    });
    if let Some(name) = named
        && !pointer.ends_with(&format!("/{}", escape(name)))
    {
        pointer.push('/');
        pointer.push_str(&escape(name));
    }
    let detail = if message.starts_with("missing field") {
        "is required".to_owned()
    } else if message.starts_with("duplicate field") {
        "is there more than once, perhaps in two spellings; send it once".to_owned()
    } else {
        clip(message)
    };
    Error::invalid(pointer, detail).into()
}

/// Values that break a rule of their field, in the order of the type's fields.
pub(crate) fn refused(report: &garde::Report) -> Error {
    let errors = report.iter().map(|(path, error)| {
        // A path serializes as [["key", "name"], ["index", "0"]], outermost first.
        let path: Vec<(String, String)> = serde_json::to_value(path)
            .and_then(serde_json::from_value)
            .unwrap_or_default();
        let segments = path.iter().filter(|(kind, _)| kind != "none");
        FieldError::new(
            segments
                .map(|(_, name)| format!("/{}", escape(name)))
                .collect::<String>(),
            error.message(),
        )
    });
    Error::Invalid(errors.collect())
}

fn segment(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", escape(key))),
        // A variant has no place of its own in the text, and an unknown segment no name.
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
