//! Documents: upload, and the progress of their indexing.

mod uploads;
mod view;
mod web_pages;

use app::Upload as NewDocument;
use domain::{
    Document, DocumentId,
    auth::permission::{ReadDocuments, WriteDocuments},
};
use garde::Validate;
use http_api::{
    Api, Created, Ctx, Json, Listing, May, NoContent, Paging, Path, Query, Result, Upload, Wait, optional_name,
    readable_text,
};
use schemars::JsonSchema;
use serde::Deserialize;
use uploads::{complete_upload, create_upload};
use view::{DocumentView, UploadedView};
use web_pages::create_document_from_url;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Documents")
        .on_both_prefixes()
        .post(
            "/documents/upload",
            upload_document,
            "Upload a document. A file of up to 4.5 MB, which is indexed in the background: PDF, Word, Excel, PowerPoint, \
             OpenDocument, RTF, text, Markdown, CSV, HTML, EPUB, email or source code. `Prefer: wait=N` waits up to \
             N seconds for that.",
        )
        .post(
            "/documents/uploads",
            create_upload,
            "Create an upload for a larger file. Returns the URL to PUT the file to, and the headers to send \
             with it.",
        )
        .post(
            "/documents/uploads/{upload_id}/complete",
            complete_upload,
            "Complete an upload. Requires that the file was put; it is then indexed in the background.",
        )
        .post(
            "/documents/url",
            create_document_from_url,
            "Create a document from a URL. Fetches the web page or file, waits some seconds until it is indexed, and \
             returns it as `ready`; a large page, or one of a slow site, is `pending` and read in the background.",
        )
        .get(
            "/documents",
            list_documents,
            "List documents. Newest first: the caller's own, or with `scope=org` all that members share.",
        )
        .get(
            "/documents/{document_id}",
            get_document,
            "Get a document. With its indexing progress, and the reason if indexing failed.",
        )
        .delete(
            "/documents/{document_id}",
            delete_document,
            "Delete a document. Its file is deleted too; chatbots no longer answer from it.",
        )
        .post(
            "/documents/{document_id}/reindex",
            reindex_document,
            "Reindex a document. Chatbots answer from its current index until the new one is finished. A document \
             that is being indexed is returned as it is. `Prefer: wait=N` waits up to N seconds.",
        )
}

/// Form fields of an upload.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "DocumentUpload")]
struct About {
    /// Name shown in lists and citations; the file name if omitted.
    #[garde(length(chars, max = Document::MAX_NAME), inner(custom(optional_name)))]
    #[schemars(regex(pattern = http_api::OPTIONAL_NAME))]
    name: Option<String>,
    /// What the document is about.
    #[garde(length(chars, max = Document::MAX_DESCRIPTION), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    description: Option<String>,
}

/// The documents to list.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ListScope {
    /// The caller's own.
    #[default]
    Own,
    /// All that the members of the current organization share.
    Org,
}

#[derive(Deserialize, JsonSchema)]
struct Filter {
    /// `own` (default) or `org`.
    #[serde(default)]
    scope: ListScope,
}

/// The parameter `{document_id}`.
#[derive(Deserialize, JsonSchema)]
struct DocumentPath {
    document_id: DocumentId,
}

/// Returns the text without surrounding white space, or `None` if nothing is left.
fn non_empty(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

async fn upload_document(
    app: Ctx,
    member: May<WriteDocuments>,
    wait: Wait,
    upload: Upload<About>,
) -> Result<Created<UploadedView>> {
    let Upload {
        file,
        fields: About { name, description },
    } = upload;
    let name = non_empty(name).unwrap_or_else(|| file.name.chars().take(Document::MAX_NAME).collect());
    let new = NewDocument {
        name,
        description: non_empty(description),
        file_name: file.name,
        bytes: file.bytes,
    };
    let mut document = app.upload(&member.org, new).await?;
    if let Some(at_most) = wait.0 {
        document = app.wait_until_indexed(&document, at_most).await?;
    }
    Ok(Created(document.into()))
}

async fn list_documents(
    app: Ctx,
    member: May<ReadDocuments>,
    page: Paging,
    Query(filter): Query<Filter>,
) -> Result<Listing<DocumentView>> {
    let uploader = matches!(filter.scope, ListScope::Own).then_some(&member.identity.user.id);
    let found = app.list_documents(&member.org.org, uploader, &page).await?;
    page.answer(found.map(DocumentView::from))
}

async fn delete_document(app: Ctx, member: May<WriteDocuments>, Path(path): Path<DocumentPath>) -> Result<NoContent> {
    app.delete_document(&member.org, &path.document_id).await?;
    Ok(NoContent)
}

async fn get_document(
    app: Ctx,
    member: May<ReadDocuments>,
    Path(path): Path<DocumentPath>,
) -> Result<Json<DocumentView>> {
    Ok(Json(app.document(&member.org.org, &path.document_id).await?.into()))
}

async fn reindex_document(
    app: Ctx,
    member: May<WriteDocuments>,
    Path(path): Path<DocumentPath>,
    wait: Wait,
) -> Result<Json<DocumentView>> {
    let mut document = app.reindex_document(&member.org, &path.document_id).await?;
    if let Some(at_most) = wait.0 {
        document = app.wait_until_indexed(&document, at_most).await?;
    }
    Ok(Json(document.into()))
}
