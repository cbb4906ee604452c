//! The file and the text of a document.

use app::{App, DocumentFile};
use domain::{Timestamp, auth::permission::ReadDocuments};
use http_api::{Ctx, Either, Json, Listing, May, Paging, Path, Result, SeeOther, WantsJson, attachment};
use schemars::JsonSchema;
use serde::Serialize;

use crate::DocumentPath;

/// Where to download a file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DocumentDownload")]
pub(crate) struct DownloadView {
    /// Link to the file, without credentials: anyone who has the link can read it.
    download_url: String,
    /// When the link expires.
    expires_at: Timestamp,
    /// The name to save the file under.
    file_name: String,
    /// Its media type.
    content_type: &'static str,
    /// Its size in bytes.
    size_bytes: u64,
}

/// A passage of a document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DocumentPassage")]
pub(crate) struct PassageView {
    /// Its number in the document, from 1.
    number: u32,
    /// The page that it is on, for formats that have pages.
    page: Option<u32>,
    /// The path of headings that it is below.
    heading: Option<String>,
    /// Its text, without what it has in common with the passage before it.
    text: String,
}

pub(crate) async fn get_document_content(
    app: Ctx,
    member: May<ReadDocuments>,
    WantsJson(as_json): WantsJson,
    Path(path): Path<DocumentPath>,
) -> Result<Either<Json<DownloadView>, SeeOther>> {
    let file = app.document_file(&member.org.org, &path.document_id).await?;
    download(&app, file, as_json).await
}

/// Redirects to a file, or returns the link.
pub(crate) async fn download(
    app: &App,
    file: DocumentFile,
    as_json: bool,
) -> Result<Either<Json<DownloadView>, SeeOther>> {
    let link = app.link_to_document(&file, &attachment(&file.file_name)).await?;
    if !as_json {
        return Ok(Either::Right(SeeOther(link.url)));
    }
    Ok(Either::Left(Json(DownloadView {
        download_url: link.url,
        expires_at: link.expires_at,
        file_name: file.file_name,
        content_type: file.media_type,
        size_bytes: file.size_bytes,
    })))
}

pub(crate) async fn list_document_passages(
    app: Ctx,
    member: May<ReadDocuments>,
    page: Paging,
    Path(path): Path<DocumentPath>,
) -> Result<Listing<PassageView>> {
    let found = app.document_text(&member.org.org, &path.document_id, &page).await?;
    page.answer(found.map(|passage| PassageView {
        number: passage.number,
        page: passage.page,
        heading: passage.heading,
        text: passage.text,
    }))
}
