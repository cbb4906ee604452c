//! Partial results, as DynamoDB returns them when throughput suffices for a part only.

use axum::body::Body;
use axum::http::{Response, header::CONTENT_LENGTH};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::{ConnectionBroken, Draw};

/// A divided call.
pub(super) struct Split {
    /// What is carried out.
    pub(super) now: Bytes,
    /// The unprocessed part of a batch; `None` for a page, which has a `LastEvaluatedKey`.
    pub(super) later: Option<Rest>,
}

/// The unprocessed part of a batch, as in its response.
pub(super) struct Rest {
    name: &'static str,
    tables: Map<String, Value>,
}

/// Divides a call, if it is one that can be: a batch of several, or a page. Every second page is left whole, so that it
/// is refused.
pub(super) fn split(operation: &str, body: &[u8], draw: Draw) -> Option<Split> {
    let mut call: Value = serde_json::from_slice(body).ok()?;
    let later = match operation {
        "Query" | "Scan" if draw.pick(2).0 == 0 => {
            call["Limit"] = 1.into();
            None
        }
        "BatchGetItem" => Some(Rest {
            name: "UnprocessedKeys",
            tables: withhold(&mut call, draw, |table| table["Keys"].as_array_mut())?,
        }),
        "BatchWriteItem" => Some(Rest {
            name: "UnprocessedItems",
            tables: withhold(&mut call, draw, Value::as_array_mut)?,
        }),
        _ => return None,
    };
    let now = Bytes::from(serde_json::to_vec(&call).ok()?);
    Some(Split { now, later })
}

/// Takes some of the requests of a batch away, at least one and not all. `requests`: where those to one table are.
fn withhold(
    call: &mut Value,
    draw: Draw,
    requests: impl Fn(&mut Value) -> Option<&mut Vec<Value>>,
) -> Option<Map<String, Value>> {
    let tables = call["RequestItems"].as_object_mut()?;
    let count: usize = tables
        .values_mut()
        .filter_map(|table| requests(table).map(|requests| requests.len()))
        .sum();
    // With nothing done it would be an error.
    let mut keep = 1 + draw.pick(count.checked_sub(1).filter(|most| *most > 0)?).0;
    let mut rest = Map::new();
    for (name, table) in tables.iter_mut() {
        let mut left = table.clone();
        let (Some(now), Some(later)) = (requests(table), requests(&mut left)) else {
            continue;
        };
        let kept = keep.min(now.len());
        keep -= kept;
        now.truncate(kept);
        later.drain(..kept);
        if !later.is_empty() {
            rest.insert(name.clone(), left);
        }
    }
    // A table without requests is not allowed.
    tables.retain(|_, table| requests(table).is_some_and(|requests| !requests.is_empty()));
    Some(rest)
}

/// Adds the unprocessed part of the batch to a response.
pub(super) async fn with_rest(answer: Response<Body>, later: Option<Rest>) -> Result<Response<Body>, ConnectionBroken> {
    let Some(Rest { name, tables }) = later.filter(|_| answer.status().is_success()) else {
        return Ok(answer);
    };
    let (mut parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .map_err(|_| ConnectionBroken)?;
    let mut body: Value = serde_json::from_slice(&body).map_err(|_| ConnectionBroken)?;
    // The database itself processes whole batches up to a response of 16 MB, which no caller here reaches.
    body[name] = Value::Object(tables);
    parts.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(body.to_string())))
}
