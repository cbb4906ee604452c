//! Versions of a document.

use domain::{
    Document, DocumentId, DocumentKind, DocumentVersion, Timestamp,
    auth::permission::{ReadDocuments, WriteDocuments},
};
use http_api::{Created, Ctx, Either, Json, May, Path, Result, SeeOther, Upload, Wait, WantsJson};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    DocumentPath,
    content::{DownloadView, download},
    view::{DocumentView, UploadedView},
};

/// A version of a document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DocumentVersion")]
pub(crate) struct VersionView {
    document_id: String,
    /// Its number, starting at 1.
    version: u32,
    state: VersionState,
    /// Why it could not be indexed, if so: a sentence.
    error: Option<String>,
    /// The same as a code, as in the document's `error_code`.
    error_code: Option<String>,
    file_name: String,
    file_type: DocumentKind,
    /// Size of the file in bytes.
    size_bytes: u64,
    /// Hex SHA-256 of the file.
    content_hash: String,
    /// ID of the user who uploaded it.
    user_id: String,
    created_at: Timestamp,
}

/// The state of a version.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "DocumentVersionState")]
enum VersionState {
    /// Chatbots answer from it, or will when the document is indexed.
    Current,
    /// It is being indexed, and replaces the current one when that is done.
    Pending,
    /// It could not be indexed.
    Failed,
    /// Another version is in use; it can be restored.
    Kept,
}

impl VersionView {
    fn new(document: &Document, version: DocumentVersion) -> Self {
        let state = if document.wanted_version == Some(version.number) {
            VersionState::Pending
        } else if document.version == version.number {
            VersionState::Current
        } else if version.failure.is_some() {
            VersionState::Failed
        } else {
            VersionState::Kept
        };
        let (error_code, error) = version.failure.map(|failure| (failure.code, failure.detail)).unzip();
        Self {
            document_id: document.id.0.clone(),
            version: version.number,
            state,
            error,
            error_code,
            file_name: version.file_name,
            file_type: version.kind,
            size_bytes: version.size_bytes,
            content_hash: version.sha256,
            user_id: version.created_by.0,
            created_at: version.created_at,
        }
    }
}

/// The parameters `{document_id}` and `{version_number}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct VersionPath {
    document_id: DocumentId,
    version_number: u32,
}

pub(crate) async fn create_document_version(
    app: Ctx,
    member: May<WriteDocuments>,
    wait: Wait,
    Path(path): Path<DocumentPath>,
    upload: Upload,
) -> Result<Created<UploadedView>> {
    let file = upload.file;
    let mut document = app
        .add_version(&member.org, &member.actor(), &path.document_id, file.name, file.bytes)
        .await?;
    if let Some(at_most) = wait.0 {
        document = app.wait_until_indexed(&document, at_most).await?;
    }
    Ok(Created(document.into()))
}

pub(crate) async fn list_document_versions(
    app: Ctx,
    member: May<ReadDocuments>,
    Path(path): Path<DocumentPath>,
) -> Result<Json<Vec<VersionView>>> {
    let (document, versions) = app.document_versions(&member.org.org, &path.document_id).await?;
    let shown = versions.into_iter().map(|version| VersionView::new(&document, version));
    Ok(Json(shown.collect()))
}

pub(crate) async fn get_document_version_content(
    app: Ctx,
    member: May<ReadDocuments>,
    WantsJson(as_json): WantsJson,
    Path(path): Path<VersionPath>,
) -> Result<Either<Json<DownloadView>, SeeOther>> {
    let file = app
        .version_file(&member.org.org, &path.document_id, path.version_number)
        .await?;
    download(&app, file, as_json).await
}

pub(crate) async fn restore_document_version(
    app: Ctx,
    member: May<WriteDocuments>,
    wait: Wait,
    Path(path): Path<VersionPath>,
) -> Result<Json<DocumentView>> {
    let mut document = app
        .restore_version(&member.org, &member.actor(), &path.document_id, path.version_number)
        .await?;
    if let Some(at_most) = wait.0 {
        document = app.wait_until_indexed(&document, at_most).await?;
    }
    Ok(Json(document.into()))
}
