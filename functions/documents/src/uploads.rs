//! Uploads of files that are too large for a request: created, put directly into the bucket, completed.

use std::collections::BTreeMap;

use app::NewUpload;
use domain::{
    Document, DocumentId, PendingUpload, Timestamp,
    auth::permission::WriteDocuments,
    documents::tags::{MAX_TAG, MAX_TAGS},
};
use garde::Validate;
use http_api::{
    Body, Created, Ctx, Either, Json, May, Path, Result, Wait, media_type, not_blank, optional_name, plain_file_name,
    readable_text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{non_empty, view::UploadedView};

/// A file to upload.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewUploadInput {
    /// Name of the file; its extension determines the format.
    #[garde(length(chars, min = 1, max = 255), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    file_name: String,
    /// Exact size of the file in bytes. The maximum depends on the plan; for text, Markdown, CSV and source code it is
    /// 20 MB at most.
    #[garde(skip)]
    #[schemars(range(min = 1))]
    size: u64,
    /// ID of the document of which the file is to become the next version; a new document if omitted. Name, description
    /// and tags are then those of the document.
    #[garde(skip)]
    document_id: Option<DocumentId>,
    /// Media type to send as `Content-Type`; that of the file name if omitted.
    #[garde(length(chars, max = PendingUpload::MAX_CONTENT_TYPE), inner(custom(media_type)))]
    #[schemars(regex(pattern = http_api::MEDIA_TYPE))]
    content_type: Option<String>,
    /// Name shown in lists and citations; the file name if omitted.
    #[garde(length(chars, max = Document::MAX_NAME), inner(custom(optional_name)))]
    #[schemars(regex(pattern = http_api::OPTIONAL_NAME))]
    name: Option<String>,
    /// What the document is about.
    #[garde(length(chars, max = Document::MAX_DESCRIPTION), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    description: Option<String>,
    /// Tags, at most 20. Stored in lower case, sorted, each once.
    #[garde(length(max = MAX_TAGS), inner(inner(length(chars, max = MAX_TAG), custom(optional_name))))]
    #[schemars(inner(length(max = MAX_TAG), regex(pattern = http_api::OPTIONAL_NAME)))]
    tags: Option<Vec<String>>,
}

/// Where and how to put the file. Complete the upload afterwards.
#[derive(Serialize, JsonSchema)]
pub(crate) struct UploadView {
    upload_id: String,
    /// The same as `upload_id`. A new document has this ID too.
    id: String,
    /// Always `PUT`.
    method: &'static str,
    /// Where to put the file, without credentials: anyone who has the URL can do so. It accepts one file only.
    url: String,
    /// Headers to send exactly as given. `Content-Length` is the announced size, which clients set by themselves.
    headers: BTreeMap<String, String>,
    /// When the upload expires: until then, put the file and complete the upload.
    expires_at: Timestamp,
    /// Size of the file in bytes; a file of another size is rejected.
    size: u64,
    /// Maximum size in bytes of a file of this type that the plan allows.
    max_size: u64,
}

/// The parameter `{upload_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct UploadPath {
    upload_id: DocumentId,
}

pub(crate) async fn create_upload(
    app: Ctx,
    member: May<WriteDocuments>,
    Body(input): Body<NewUploadInput>,
) -> Result<Created<UploadView>> {
    let file_name = plain_file_name(&input.file_name);
    let new = NewUpload {
        name: non_empty(input.name).unwrap_or_else(|| file_name.chars().take(Document::MAX_NAME).collect()),
        description: non_empty(input.description),
        tags: input.tags.unwrap_or_default(),
        file_name,
        size_bytes: input.size,
        replaces: input.document_id,
        content_type: non_empty(input.content_type),
    };
    let begun = app.begin_upload(&member.org, new).await?;
    Ok(Created(UploadView {
        upload_id: begun.upload.id.0.clone(),
        id: begun.upload.id.0,
        method: "PUT",
        url: begun.put.url,
        headers: begun.put.headers.into_iter().collect(),
        expires_at: begun.upload.expires_at,
        size: begun.upload.size_bytes,
        max_size: begun.max_size_bytes,
    }))
}

pub(crate) async fn complete_upload(
    app: Ctx,
    member: May<WriteDocuments>,
    wait: Wait,
    Path(path): Path<UploadPath>,
) -> Result<Either<Created<UploadedView>, Json<UploadedView>>> {
    let completed = app
        .complete_upload(&member.org, &member.actor(), &path.upload_id)
        .await?;
    let mut document = completed.document;
    if let Some(at_most) = wait.0 {
        document = app.wait_until_indexed(&document, at_most).await?;
    }
    let shown = UploadedView::from(document);
    Ok(if completed.is_new {
        Either::Left(Created(shown))
    } else {
        Either::Right(Json(shown))
    })
}
