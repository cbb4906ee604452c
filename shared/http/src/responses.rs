//! What handlers return: the type determines the status.

use std::{
    marker::PhantomData,
    sync::{Arc, Mutex},
};

use axum::response::{IntoResponse, Response};
use domain::Error;
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{
    Describe, Problem,
    case_mapping::{self, Shape},
    describe::OperationDoc,
    disposition::attachment,
    stream::Frames,
};

/// What the middleware completes, because a handler knows neither the API style nor the ID of its request.
#[derive(Clone)]
pub(crate) enum Unrendered {
    /// An error without its body.
    Problem(Problem),
    /// A JSON body in the declared spelling.
    Json(fn() -> Arc<Shape>),
    /// Events in the declared spelling; taken out once.
    Stream(Arc<Mutex<Option<Frames>>>, fn() -> Arc<Shape>),
}

/// A type that a response body can be serialized from.
pub trait Output: Serialize + JsonSchema + 'static {}
impl<T: Serialize + JsonSchema + 'static> Output for T {}

/// 200 with a JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// 201 with a JSON body.
#[derive(Debug)]
pub struct Created<T>(pub T);

/// 202 with a JSON body: the work continues.
#[derive(Debug)]
pub struct Accepted<T>(pub T);

/// 204.
#[derive(Debug)]
pub struct NoContent;

/// 503 with a JSON body, for an unhealthy status.
#[derive(Debug)]
pub struct Unavailable<T>(pub T);

/// 200 with `{"message": "..."}`.
#[derive(Debug)]
pub struct Message(pub &'static str);

/// 200 with a bare JSON array, and a `Link` to the next page (RFC 8288). Created by [`crate::Paging::answer`].
#[derive(Debug)]
pub struct Listing<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

/// 200 with a JSON body that contains the first page of a list, and a `Link` to the next one. Created by
/// [`crate::Rest::answer`].
#[derive(Debug)]
pub struct WithRest<T> {
    pub(crate) value: T,
    pub(crate) next: Option<String>,
}

/// 200 with a text file as an attachment.
#[derive(Debug)]
pub struct Attachment {
    /// Its media type.
    pub media_type: &'static str,
    /// The file name.
    pub file_name: String,
    /// The content.
    pub content: Vec<u8>,
}

/// 200 with a transcript as an attachment, as Markdown or as JSON of a `T`. Its names are those of `/api/v1` in both
/// API styles.
#[derive(Debug)]
pub struct Transcript<T>(pub Attachment, PhantomData<fn() -> T>);

/// 200 with a table as an attachment, as CSV, Parquet or JSON of a `T`.
#[derive(Debug)]
pub struct Sheet<T>(pub Attachment, PhantomData<fn() -> T>);

/// 200 with comma-separated values as an attachment.
#[derive(Debug)]
pub struct CsvFile(pub Attachment);

impl CsvFile {
    /// The values under this file name.
    pub fn new(file_name: String, content: Vec<u8>) -> Self {
        Self(Attachment {
            media_type: "text/csv; charset=utf-8",
            file_name,
            content,
        })
    }
}

impl<T> Transcript<T> {
    /// This file.
    pub fn new(file: Attachment) -> Self {
        Self(file, PhantomData)
    }
}

impl<T> Sheet<T> {
    /// This file.
    pub fn new(file: Attachment) -> Self {
        Self(file, PhantomData)
    }
}

/// 200 with metrics in Prometheus's text format.
#[derive(Debug)]
pub struct Exposition(pub String);

impl Exposition {
    const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
}

/// 303: the result is at this URL.
#[derive(Debug)]
pub struct SeeOther(pub String);

/// One of two kinds of responses.
#[derive(Debug)]
pub enum Either<A, B> {
    /// The first kind.
    Left(A),
    /// The second kind.
    Right(B),
}

/// The body of [`Message`].
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Message")]
struct MessageBody {
    /// What was done.
    message: &'static str,
}

fn json_of<T: Output>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => json_bytes(status, body, case_mapping::output::<T>),
        Err(error) => Problem::from(Error::internal(error)).into_response(),
    }
}

fn json_bytes(status: StatusCode, body: Vec<u8>, shape: fn() -> Arc<Shape>) -> Response {
    let mut response = (status, body).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.extensions_mut().insert(Unrendered::Json(shape));
    response
}

impl<T: Output> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        json_of(StatusCode::OK, &self.0)
    }
}

impl<T: Output> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        json_of(StatusCode::CREATED, &self.0)
    }
}

impl<T: Output> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        json_of(StatusCode::ACCEPTED, &self.0)
    }
}

impl<T: Output> IntoResponse for Unavailable<T> {
    fn into_response(self) -> Response {
        json_of(StatusCode::SERVICE_UNAVAILABLE, &self.0)
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl IntoResponse for Message {
    fn into_response(self) -> Response {
        json_of(StatusCode::OK, &MessageBody { message: self.0 })
    }
}

impl<T: Output> IntoResponse for Listing<T> {
    fn into_response(self) -> Response {
        linked(json_of(StatusCode::OK, &self.items), self.next)
    }
}

impl<T: Output> IntoResponse for WithRest<T> {
    fn into_response(self) -> Response {
        linked(json_of(StatusCode::OK, &self.value), self.next)
    }
}

/// Returns the response with a `Link` to the next page, if there is one.
fn linked(mut response: Response, next: Option<String>) -> Response {
    let link = next.and_then(|url| HeaderValue::try_from(format!("<{url}>; rel=\"next\"")).ok());
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

impl IntoResponse for Attachment {
    fn into_response(self) -> Response {
        let mut response = self.content.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        if let Ok(disposition) = HeaderValue::try_from(attachment(&self.file_name)) {
            headers.insert(header::CONTENT_DISPOSITION, disposition);
        }
        response
    }
}

impl<T> IntoResponse for Transcript<T> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl IntoResponse for CsvFile {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<T> IntoResponse for Sheet<T> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, Self::MEDIA_TYPE)], self.0).into_response()
    }
}

impl IntoResponse for SeeOther {
    fn into_response(self) -> Response {
        match HeaderValue::try_from(self.0) {
            Ok(url) => (StatusCode::SEE_OTHER, [(header::LOCATION, url)]).into_response(),
            Err(error) => Problem::from(Error::internal(error)).into_response(),
        }
    }
}

impl<A: IntoResponse, B: IntoResponse> IntoResponse for Either<A, B> {
    fn into_response(self) -> Response {
        match self {
            Self::Left(answer) => answer.into_response(),
            Self::Right(answer) => answer.into_response(),
        }
    }
}

impl<T: Describe> Describe for crate::Result<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        T::describe(doc);
    }
}

impl<T: Output> Describe for Json<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        let schema = doc.output_schema::<T>();
        doc.response(200, "OK", Some(("application/json", schema)));
    }
}

impl<T: Output> Describe for Created<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        let schema = doc.output_schema::<T>();
        doc.response(201, "Created", Some(("application/json", schema)));
    }
}

impl<T: Output> Describe for Accepted<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        let schema = doc.output_schema::<T>();
        doc.response(202, "Accepted", Some(("application/json", schema)));
    }
}

impl<T: Output> Describe for Unavailable<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        let schema = doc.output_schema::<T>();
        doc.response(503, "Service unavailable", Some(("application/json", schema)));
    }
}

impl Describe for Exposition {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.response(200, "OK", Some(("text/plain", json!({"type": "string"}))));
    }
}

impl Describe for NoContent {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.response(204, "No content", None);
    }
}

impl Describe for Message {
    fn describe(doc: &mut OperationDoc<'_>) {
        Json::<MessageBody>::describe(doc);
    }
}

impl<T: Output> Describe for Listing<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        Json::<Vec<T>>::describe(doc);
        doc.response_header(
            200,
            "Link",
            "The next page, as `<url>; rel=\"next\"` (RFC 8288); absent on the last one.",
        );
    }
}

impl<T: Output> Describe for WithRest<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        Json::<T>::describe(doc);
        let text =
            "The next page of the list that begins here, as `<url>; rel=\"next\"` (RFC 8288); absent if there is none.";
        doc.response_header(200, "Link", text);
    }
}

impl<T: Output> Describe for Transcript<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        let json = doc.snake_output_schema::<T>();
        doc.response(200, "OK", Some(("text/markdown", json!({"type": "string"}))));
        doc.response(200, "OK", Some(("application/json", json)));
        doc.response_header(200, "Content-Disposition", "The name of the file.");
    }
}

impl Describe for CsvFile {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.response(200, "OK", Some(("text/csv", json!({"type": "string"}))));
        doc.response_header(200, "Content-Disposition", "The name of the file.");
    }
}

impl<T: Output> Describe for Sheet<T> {
    fn describe(doc: &mut OperationDoc<'_>) {
        let json = doc.snake_output_schema::<T>();
        doc.response(200, "OK", Some(("application/json", json)));
        doc.response(200, "OK", Some(("text/csv", json!({"type": "string"}))));
        let bytes = json!({"type": "string", "format": "binary"});
        doc.response(200, "OK", Some(("application/vnd.apache.parquet", bytes)));
        doc.response_header(200, "Content-Disposition", "The name of the file.");
    }
}

impl Describe for SeeOther {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.response(303, "See other", None);
        doc.response_header(303, "Location", "URL of the result.");
    }
}

impl<A: Describe, B: Describe> Describe for Either<A, B> {
    fn describe(doc: &mut OperationDoc<'_>) {
        A::describe(doc);
        B::describe(doc);
    }
}
