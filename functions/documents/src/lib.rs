//! Documents: upload, and the progress of their indexing.

mod content;
mod crawls;
mod details;
mod embed;
mod uploads;
mod versions;
mod view;
mod web_pages;

use app::{DocumentFilter, Upload as NewDocument};
use content::{get_document_content, list_document_passages};
use crawls::{delete_crawl, get_crawl, list_crawls, update_crawl};
use details::{put_document, tags_of_form, update_document};
use domain::{
    CrawlId, Document, DocumentId, DocumentStatus,
    auth::permission::{ReadDocuments, WriteDocuments},
    documents::tags::normalize_tag,
};
use embed::embed_documents;
use garde::Validate;
use http_api::{
    Api, Created, Ctx, Json, Listing, May, NoContent, Paging, Path, Query, Result, Upload, Wait, optional_name,
    readable_text,
};
use schemars::JsonSchema;
use serde::Deserialize;
use uploads::{complete_upload, create_upload};
use versions::{
    create_document_version, get_document_version_content, list_document_versions, restore_document_version,
};
use view::{DocumentView, UploadedView};
use web_pages::create_document_from_url;

/// The operations of this function.
pub fn api() -> Api {
    with_crawls(with_documents(Api::new("Documents").on_both_prefixes()))
}

fn with_documents(api: Api) -> Api {
    api
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
             returns it as `ready`; a large page, or one of a slow site, is `pending` and read in the background. With \
             `crawl` or `sitemap`, creates a crawl instead, which reads the pages of the site in the background.",
        )
        .post(
            "/documents/embed",
            embed_documents,
            "Embed documents. Has the organization's embedding model make the vectors of all documents that lack them: after \
             another model was chosen, or after an error of `vectors` is solved. With `dry_run`, says how many tokens that \
             takes and does nothing. Documents are found as before until their vectors are finished.",
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
        .patch(
            "/documents/{document_id}",
            update_document,
            "Update a document. Its name, description and tags; omitted fields stay unchanged.",
        )
        .put(
            "/documents/{document_id}",
            put_document,
            "Update a document. The same as with PATCH: omitted fields stay unchanged.",
        )
        .get(
            "/documents/{document_id}/content",
            get_document_content,
            "Download the file of a document. Redirects to a link that is valid for 15 minutes; with `Accept: \
             application/json` returns the link. The file of a web page is its text.",
        )
        .get(
            "/documents/{document_id}/text",
            list_document_passages,
            "List the passages of a document. In reading order: the text in which chatbots search.",
        )
        .post(
            "/documents/{document_id}/versions",
            create_document_version,
            "Upload a new version of a document. A file of up to 4.5 MB; create an upload with `document_id` for a larger \
             one. Chatbots answer from the current version until the new one is indexed, and after that if it cannot be.",
        )
        .get(
            "/documents/{document_id}/versions",
            list_document_versions,
            "List the versions of a document. Newest first, at most 10: the oldest one is deleted with the eleventh.",
        )
        .get(
            "/documents/{document_id}/versions/{version_number}/content",
            get_document_version_content,
            "Download the file of a version. Redirects to a link that is valid for 15 minutes; with `Accept: \
             application/json` returns the link.",
        )
        .post(
            "/documents/{document_id}/versions/{version_number}/restore",
            restore_document_version,
            "Restore a version of a document. It is indexed again and then replaces the current one.",
        )
        .delete(
            "/documents/{document_id}",
            delete_document,
            "Delete a document. Its files are deleted too, in the background; chatbots no longer answer from it.",
        )
        .post(
            "/documents/{document_id}/reindex",
            reindex_document,
            "Reindex a document. Chatbots answer from its current index until the new one is finished. A document \
             that is being indexed is returned as it is. `Prefer: wait=N` waits up to N seconds.",
        )
}

fn with_crawls(api: Api) -> Api {
    api.get(
        "/documents/crawls",
        list_crawls,
        "List crawls. Newest first, those of all members. `GET /documents` with `crawl` lists the documents of one.",
    )
    .get(
        "/documents/crawls/{crawl_id}",
        get_crawl,
        "Get a crawl. With the number of pages found, stored and refused, and the reasons.",
    )
    .patch(
        "/documents/crawls/{crawl_id}",
        update_crawl,
        "Update a crawl. Cancels it, or changes how often it is repeated.",
    )
    .delete(
        "/documents/crawls/{crawl_id}",
        delete_crawl,
        "Delete a crawl. An active one ends. Its documents stay, unless `with_documents` is true.",
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
    /// Tags, separated by commas. Stored in lower case, sorted, each once.
    #[garde(inner(custom(optional_name)))]
    #[schemars(regex(pattern = http_api::OPTIONAL_NAME))]
    tags: Option<String>,
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
    /// Only documents in this state.
    status: Option<DocumentStatus>,
    /// Only documents with this tag.
    tag: Option<String>,
    /// Only documents that this crawl has created: its ID.
    crawl: Option<CrawlId>,
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
        fields: About {
            name,
            description,
            tags,
        },
    } = upload;
    let name = non_empty(name).unwrap_or_else(|| file.name.chars().take(Document::MAX_NAME).collect());
    let new = NewDocument {
        name,
        description: non_empty(description),
        tags: tags_of_form(tags.as_deref()),
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
    let uploader = matches!(filter.scope, ListScope::Own).then(|| member.identity.user.id.clone());
    let filter = DocumentFilter {
        uploader,
        status: filter.status,
        tag: filter.tag.as_deref().and_then(normalize_tag),
        crawl: filter.crawl,
    };
    let found = app.list_documents(&member.org.org, &filter, &page).await?;
    page.answer(found.map(DocumentView::from))
}

async fn delete_document(app: Ctx, member: May<WriteDocuments>, Path(path): Path<DocumentPath>) -> Result<NoContent> {
    app.delete_document(&member.org, &member.actor(), &path.document_id)
        .await?;
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
