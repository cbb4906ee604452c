//! The fingerprint that distinguishes requests with the same key.

use axum::{
    body::Body,
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request},
};
use bytes::Bytes;
use http::{StatusCode, request::Parts};
use sha2::{Digest as _, Sha256};

use crate::{
    Result, WantsStream,
    body::{MAX_JSON_BYTES, media_type, read},
    upload::{MAX_BODY_BYTES, MAX_PARTS, too_large},
};

/// Returns the request, read completely, and the SHA-256 of query, accepted media type and body. The parts of a
/// multipart body count, not the boundary between them, which a client generates anew for each try.
pub(super) async fn fingerprint(request: Request) -> Result<(Request, String)> {
    let (parts, body) = request.into_parts();
    let is_multipart = media_type(&parts.headers)?.as_deref() == Some("multipart/form-data");
    let bytes = if is_multipart {
        read(&parts.headers, body, MAX_BODY_BYTES)
            .await
            .map_err(|problem| match problem.status() {
                StatusCode::PAYLOAD_TOO_LARGE => too_large(),
                _ => problem,
            })?
    } else {
        read(&parts.headers, body, MAX_JSON_BYTES).await?
    };
    let mut digest = Sha256::new();
    let mut add = |part: &[u8]| {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    };
    add(parts.uri.query().unwrap_or_default().as_bytes());
    add(&[u8::from(WantsStream::of(&parts.headers).0)]);
    let multipart = if is_multipart {
        parts_of(&parts, bytes.clone()).await
    } else {
        None
    };
    match multipart {
        Some(fields) => fields.iter().flatten().for_each(|part| add(part)),
        None => add(&bytes),
    }
    Ok((
        Request::from_parts(parts, Body::from(bytes)),
        hex::encode(digest.finalize()),
    ))
}

/// Returns name, file name and bytes of each part; `None` if the body is malformed or has too many, which the handler
/// reports.
async fn parts_of(parts: &Parts, bytes: Bytes) -> Option<Vec<[Bytes; 3]>> {
    let mut request = Request::from_parts(parts.clone(), Body::from(bytes));
    DefaultBodyLimit::disable().apply(&mut request);
    let mut multipart = Multipart::from_request(request, &()).await.ok()?;
    let mut fields = Vec::new();
    while let Some(field) = multipart.next_field().await.ok()? {
        if fields.len() == MAX_PARTS {
            return None;
        }
        let text = |text: Option<&str>| Bytes::copy_from_slice(text.unwrap_or_default().as_bytes());
        let (name, file_name) = (text(field.name()), text(field.file_name()));
        fields.push([name, file_name, field.bytes().await.ok()?]);
    }
    Some(fields)
}
