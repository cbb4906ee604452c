//! What users say about documents: name, description and tags.

use app::DocumentChange;
use domain::{
    Document,
    auth::permission::WriteDocuments,
    documents::tags::{MAX_TAG, MAX_TAGS},
};
use garde::Validate;
use http_api::{Body, Ctx, Json, May, Path, Result, optional_name, readable_name, readable_text};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    DocumentPath,
    crawls::{Refresh, given},
    view::DocumentView,
};

/// A change of a document.
#[derive(Deserialize, Validate, JsonSchema)]
#[expect(clippy::option_option, reason = "null ends repetitions, absence changes nothing")]
pub(crate) struct DocumentPatch {
    /// New name, shown in lists and citations.
    #[garde(length(chars, max = Document::MAX_NAME), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    name: Option<String>,
    /// New description; an empty string removes it.
    #[garde(length(chars, max = Document::MAX_DESCRIPTION), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    description: Option<String>,
    /// New tags, replacing the current ones; an empty list removes them. Stored in lower case, sorted, each once.
    #[garde(length(max = MAX_TAGS), inner(inner(length(chars, max = MAX_TAG), custom(optional_name))))]
    #[schemars(inner(length(max = MAX_TAG), regex(pattern = http_api::OPTIONAL_NAME)))]
    tags: Option<Vec<String>>,
    /// How often the web page that the document is from is fetched again; null: not at all.
    #[garde(skip)]
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Refresh>")]
    refresh: Option<Option<Refresh>>,
}

impl From<DocumentPatch> for DocumentChange {
    fn from(patch: DocumentPatch) -> Self {
        Self {
            name: patch.name.map(|name| name.trim().to_owned()),
            description: patch.description.map(|text| text.trim().to_owned()),
            tags: patch.tags,
        }
    }
}

pub(crate) async fn update_document(
    app: Ctx,
    member: May<WriteDocuments>,
    Path(path): Path<DocumentPath>,
    Body(change): Body<DocumentPatch>,
) -> Result<Json<DocumentView>> {
    let actor = member.actor();
    if let Some(refresh) = change.refresh {
        let every = refresh.map(|refresh| refresh.every);
        app.set_document_refresh(&member.org, &actor, &path.document_id, every)
            .await?;
    }
    let changed = app.update_document(&member.org, &actor, &path.document_id, change.into());
    Ok(Json(changed.await?.into()))
}

/// The same under the method that the camelCase API uses for updates elsewhere.
pub(crate) async fn put_document(
    app: Ctx,
    member: May<WriteDocuments>,
    path: Path<DocumentPath>,
    body: Body<DocumentPatch>,
) -> Result<Json<DocumentView>> {
    update_document(app, member, path, body).await
}

/// Returns the tags of a form, where commas separate them.
pub(crate) fn tags_of_form(text: Option<&str>) -> Vec<String> {
    text.into_iter()
        .flat_map(|text| text.split(','))
        .map(str::to_owned)
        .collect()
}
