//! Uploads as `multipart/form-data` (RFC 7578).

use axum::extract::{
    DefaultBodyLimit, FromRequest, Multipart, Request,
    multipart::{Field, MultipartError},
};
use bytes::{Bytes, BytesMut};
use domain::{Error, documents::document::MAX_FORM_FILE_BYTES};
use futures::future::BoxFuture;
use garde::Validate;
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{
    Describe, Problem, Result,
    body::{Input, check, clip, decode_pairs, media_type, unsupported},
    case_mapping,
    describe::OperationDoc,
    disposition::{extended_file_name, plain_file_name},
};

/// Maximum length of a text part, and of all of them together, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Maximum number of parts in a body. Each takes time, however short it is.
pub(crate) const MAX_PARTS: usize = 100;
/// Maximum size of a multipart body: the file, the texts and the boundaries.
pub(crate) const MAX_BODY_BYTES: usize = 4_700_000;
/// Media types of supported files, for the `OpenAPI` document.
const UPLOADED_TYPES: &str =
    "application/pdf, application/vnd.openxmlformats-officedocument.wordprocessingml.document, text/plain";
/// The operation for larger files, next to the upload.
const LARGE_FILES: &str = "uploads";

/// A file of at most [`MAX_FORM_FILE_BYTES`] in the part `file`, and the text parts as the fields of `T`.
///
/// # Errors
/// 400 `invalid_multipart`, 413 with a `Link` to the operation for larger files, 415, and 422 if the file is missing
/// or a field is not valid.
#[derive(Debug)]
pub struct Upload<T = NoFields> {
    /// The file.
    pub file: UploadedFile,
    /// The text parts.
    pub fields: T,
}

/// Several files in parts named `file`, together at most as large as one may be, and the text parts as the fields of `T`.
///
/// # Errors
/// See [`Upload`].
#[derive(Debug)]
pub struct Uploads<T = NoFields> {
    /// The files, in their order; at least one.
    pub files: Vec<UploadedFile>,
    /// The text parts.
    pub fields: T,
}

/// The file of an upload.
#[derive(Debug, Clone)]
pub struct UploadedFile {
    /// Its name at the client, without folders; `file` if the client sent none.
    pub name: String,
    /// The media type that the client declares, which is not trusted.
    pub content_type: Option<String>,
    /// The content.
    pub bytes: Bytes,
}

/// An upload without text parts.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema, Validate)]
#[schemars(extend("properties" = {}))]
pub struct NoFields {}

impl<S: Send + Sync, T: Input> FromRequest<S> for Upload<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let (files, fields) = decoded(request, 1).await?;
        let file = files.into_iter().next().ok_or_else(missing)?;
        Ok(Self { file, fields })
    }
}

impl<S: Send + Sync, T: Input> FromRequest<S> for Uploads<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let (files, fields) = decoded(request, MAX_PARTS).await?;
        if files.is_empty() {
            return Err(missing().into());
        }
        Ok(Self { files, fields })
    }
}

async fn decoded<T: Input>(request: Request, most: usize) -> Result<(Vec<UploadedFile>, T)> {
    let (files, texts) = arrived(request, most).await?;
    let fields: T = decode_pairs(&case_mapping::input::<T>(), texts.as_bytes())?;
    check(&fields)?;
    Ok((files, fields))
}

fn missing() -> Error {
    Error::invalid("/file", "is required: send the file in a part named `file`")
}

/// Returns at most `most` files, and the text parts as a form. Boxed, so that it is compiled once and not for every
/// function.
fn arrived(request: Request, most: usize) -> BoxFuture<'static, Result<(Vec<UploadedFile>, String)>> {
    Box::pin(read(request, most))
}

async fn read(mut request: Request, most: usize) -> Result<(Vec<UploadedFile>, String)> {
    let headers = request.headers();
    let kind = media_type(headers)?;
    if kind.as_deref() != Some("multipart/form-data") {
        return Err(unsupported(kind.as_deref(), &["multipart/form-data"]));
    }
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(too_large());
    }
    DefaultBodyLimit::max(MAX_BODY_BYTES).apply(&mut request);
    let multipart = Multipart::from_request(request, &()).await;
    let mut multipart = multipart.map_err(|rejection| invalid(&rejection.body_text()))?;
    let mut files = Vec::new();
    let mut texts = Vec::new();
    let (mut text_bytes, mut parts) = (0, 0);
    while let Some(field) = multipart.next_field().await.map_err(|error| unreadable(&error))? {
        parts += 1;
        if parts > MAX_PARTS {
            return Err(invalid(&format!("a body can have at most {MAX_PARTS} parts")).into());
        }
        let name = field.name().unwrap_or_default().to_owned();
        if case_mapping::fold(&name) == "file" {
            if files.len() >= most {
                return Err(Error::invalid("/file", "is sent more than once; upload one file per request").into());
            }
            files.push(read_file(field).await?);
            continue;
        }
        let left = MAX_TEXT_BYTES - text_bytes;
        let Some(bytes) = collect(field, left).await? else {
            return Err(Error::invalid(format!("/{name}"), "is too long").into());
        };
        text_bytes += bytes.len();
        let text = std::str::from_utf8(&bytes);
        let text = text
            .map_err(|_| Error::invalid(format!("/{name}"), "is not UTF-8 text"))?
            .to_owned();
        texts.push((name, text));
    }
    Ok((
        files,
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(texts)
            .finish(),
    ))
}

async fn read_file(field: Field<'_>) -> Result<UploadedFile> {
    let name = extended_file_name(field.headers()).or_else(|| field.file_name().map(str::to_owned));
    let name = plain_file_name(&name.unwrap_or_default());
    let content_type = field.content_type().map(clip);
    let limit = usize::try_from(MAX_FORM_FILE_BYTES).unwrap_or(usize::MAX);
    let bytes = collect(field, limit).await?.ok_or_else(too_large)?;
    Ok(UploadedFile {
        name,
        content_type,
        bytes,
    })
}

/// Returns the bytes of a part, or `None` if there are more than `limit`.
async fn collect(mut field: Field<'_>, limit: usize) -> Result<Option<Bytes>> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| unreadable(&error))? {
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes.freeze()))
}

pub(crate) fn too_large() -> Problem {
    let detail = format!(
        "The file is larger than {MAX_FORM_FILE_BYTES} bytes. Create an upload for it with `POST` to `{LARGE_FILES}`, next \
         to this path, and put it to the URL in the response."
    );
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail).with_alternative(LARGE_FILES)
}

fn invalid(detail: &str) -> Error {
    Error::bad_request("invalid_multipart", clip(detail))
}

fn unreadable(error: &MultipartError) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        // The body is incomplete, or the parts do not conform to RFC 7578.
        _ => invalid(&format!("the parts are malformed: {}", error.body_text())).into(),
    }
}

impl<T: Input> Describe for Upload<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        let size =
            format!("At most {MAX_FORM_FILE_BYTES} bytes; use `{LARGE_FILES}`, next to this path, for larger files.");
        let file = json!({"type": "string", "format": "binary", "description": size});
        let file = json!({"type": "object", "properties": {"file": file}, "required": ["file"]});
        let fields = doc.input_schema::<T>();
        doc.request_body(true, &[("multipart/form-data", json!({"allOf": [file, fields]}))]);
        doc.part_type("file", UPLOADED_TYPES);
    }
}

impl<T: Input> Describe for Uploads<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        let size = format!("All together at most {MAX_FORM_FILE_BYTES} bytes.");
        let file = json!({"type": "string", "format": "binary"});
        let files = json!({"type": "array", "items": file, "minItems": 1, "description": size});
        let files = json!({"type": "object", "properties": {"file": files}, "required": ["file"]});
        let fields = doc.input_schema::<T>();
        doc.request_body(true, &[("multipart/form-data", json!({"allOf": [files, fields]}))]);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde::Serialize;
    use serde_json::json;

    use super::*;
    use crate::{
        Api, Json,
        testing::{Answer, Server},
    };

    #[derive(Deserialize, Serialize, JsonSchema, Validate)]
    struct About {
        #[garde(inner(length(max = 5)))]
        display_name: Option<String>,
    }

    async fn upload(Upload { file, fields }: Upload<About>) -> Json<(String, Option<String>, usize, About)> {
        Json((file.name, file.content_type, file.bytes.len(), fields))
    }

    async fn bare(upload: Upload) -> Json<usize> {
        Json(upload.file.bytes.len())
    }

    fn server() -> Server {
        Server::new(Api::new("Test").post("/upload", upload, "").post("/bare", bare, ""))
    }

    fn part(disposition: &str, content: &[u8]) -> Vec<u8> {
        [
            format!("--B\r\nContent-Disposition: form-data; {disposition}\r\n\r\n").as_bytes(),
            content,
            b"\r\n",
        ]
        .concat()
    }

    async fn send(parts: &[Vec<u8>]) -> Answer {
        let body = [parts.concat().as_slice(), b"--B--\r\n"].concat();
        let request = Request::post("/upload").header("content-type", "multipart/form-data; boundary=B");
        server().call(request, body).await
    }

    #[tokio::test]
    async fn the_file_and_the_texts_arrive_in_any_order_and_spelling() {
        let file = part(
            "name=\"file\"; filename=\"C:\\\\dir\\\\a b.pdf\"\r\nContent-Type: application/pdf",
            b"%PDF",
        );
        let name = part("name=\"displayName\"", b"Notes");
        for parts in [[file.clone(), name.clone()], [name, file]] {
            assert_eq!(
                send(&parts).await.json(),
                json!(["a b.pdf", "application/pdf", 4, {"display_name": "Notes"}])
            );
        }
        let nameless = part("name=\"File\"", b"x");
        assert_eq!(
            send(&[nameless]).await.json(),
            json!(["file", null, 1, {"display_name": null}])
        );
    }

    #[tokio::test]
    async fn a_file_name_may_be_extended() {
        let file = part("name=\"file\"; filename*=UTF-8''d%C3%A9j%C3%A0%20vu.pdf", b"x");
        assert_eq!(send(&[file]).await.json()[0], "déjà vu.pdf");
        let both = part(
            "name=\"file\"; filename=\"deja.pdf\"; filename*=UTF-8''d%C3%A9j%C3%A0.pdf",
            b"x",
        );
        assert_eq!(send(&[both]).await.json()[0], "déjà.pdf");
    }

    #[tokio::test]
    async fn errors_of_an_upload_are_reported_with_pointers() {
        let file = || part("name=\"file\"; filename=\"a\"", b"x");
        for (parts, pointer) in [
            (vec![], "/file"),
            (vec![part("name=\"document\"", b"x")], "/file"),
            (vec![file(), file()], "/file"),
            (
                vec![file(), part("name=\"display_name\"", b"too long")],
                "/display_name",
            ),
            (
                vec![
                    file(),
                    part("name=\"display_name\"", b"a"),
                    part("name=\"displayName\"", b"b"),
                ],
                "/display_name",
            ),
            (vec![file(), part("name=\"display_name\"", &[0xff])], "/display_name"),
            (vec![file(), part("name=\"x\"", &vec![b'x'; MAX_TEXT_BYTES + 1])], "/x"),
        ] {
            let problem = send(&parts).await.problem(422, "invalid");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        }
    }

    #[tokio::test]
    async fn a_file_of_four_and_a_half_megabytes_is_accepted_and_a_byte_more_is_too_large() {
        let limit = usize::try_from(MAX_FORM_FILE_BYTES).unwrap_or_default();
        let file = |size: usize| part("name=\"file\"; filename=\"a\"", &vec![b'x'; size]);
        assert_eq!(send(&[file(limit)]).await.json()[2], limit);
        let refused = send(&[file(limit + 1)]).await;
        let problem = refused.problem(413, "too_large");
        assert!(problem["detail"].to_string().contains("`uploads`"), "{problem}");
        assert_eq!(refused.header("link"), "<uploads>; rel=\"alternate\"");
        let request = || Request::post("/upload").header("content-type", "multipart/form-data; boundary=B");
        server()
            .call(request().header("content-length", "99999999"), "")
            .await
            .problem(413, "too_large");
        let tiny = Bytes::from(part("name=\"x\"", b"").repeat(1000));
        let endless = futures::stream::repeat_with(move || Ok::<_, std::io::Error>(tiny.clone()));
        server()
            .call(request(), Body::from_stream(endless))
            .await
            .problem(413, "too_large");
    }

    #[tokio::test]
    async fn a_body_of_too_many_parts_is_not_read_to_its_end() {
        let text = || part("name=\"x\"", b"");
        let file = part("name=\"file\"; filename=\"a\"", b"x");
        let most = [vec![text(); MAX_PARTS - 1], vec![file.clone()]].concat();
        assert_eq!(send(&most).await.status, 200);
        let many = [vec![text(); MAX_PARTS], vec![file]].concat();
        let problem = send(&many).await.problem(400, "invalid_multipart");
        assert!(problem["detail"].to_string().contains("at most 100 parts"), "{problem}");
    }

    #[tokio::test]
    async fn invalid_multipart_is_rejected() {
        let server = server();
        let call = |kind: &'static str, body: &'static str| {
            server.call(Request::post("/bare").header("content-type", kind), body)
        };
        call("application/json", "{}")
            .await
            .problem(415, "unsupported_media_type");
        call("multipart/form-data", "").await.problem(400, "invalid_multipart");
        call("multipart/form-data; boundary=B", "")
            .await
            .problem(400, "invalid_multipart");
        call(
            "multipart/form-data; boundary=B",
            "--B\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ncut",
        )
        .await
        .problem(400, "invalid_multipart");
        assert_eq!(
            call(
                "multipart/form-data; boundary=B",
                "--B\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nab\r\n--B--\r\n"
            )
            .await
            .text(),
            "2"
        );
    }
}
