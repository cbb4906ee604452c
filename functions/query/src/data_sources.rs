//! Data sources.

use crate::connections::ConnectionView;
use app::{DataSourceChange, DataSourceFound, NewDataSource};
use domain::{
    DataSource, DataSourceId, DataSourceKind, DataSourceStatus, Error, Timestamp,
    auth::permission::{QueryDataSources, ReadDataSources, WriteDataSources},
};
use garde::Validate;
use http_api::{
    Body, Created, Ctx, Json, Listing, May, NoContent, Paging, Path, Result, Uploads, Wait, optional_name,
    readable_name, readable_text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Form fields of a data source.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "DataSourceUpload")]
pub(crate) struct NewSourceFields {
    /// Display name; that of the first file if omitted.
    #[garde(length(chars, max = DataSource::MAX_NAME), inner(custom(optional_name)))]
    #[schemars(regex(pattern = http_api::OPTIONAL_NAME))]
    name: Option<String>,
    /// What it contains.
    #[garde(length(chars, max = DataSource::MAX_DESCRIPTION), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    description: Option<String>,
    /// Whether queries that name no data source mean it.
    #[garde(skip)]
    default: Option<bool>,
}

/// A change of a data source.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct DataSourcePatch {
    /// New name.
    #[garde(length(chars, max = DataSource::MAX_NAME), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    name: Option<String>,
    /// New description; an empty string removes it.
    #[garde(length(chars, max = DataSource::MAX_DESCRIPTION), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    description: Option<String>,
    /// Whether queries that name no data source mean it. The sample store is the default again if no other one is.
    #[garde(skip)]
    default: Option<bool>,
}

/// The parameter `{data_source_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct DataSourcePath {
    /// Its ID, or `sample`.
    pub(crate) data_source_id: DataSourceId,
}

/// A database that can be queried.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DataSource")]
pub(crate) struct DataSourceView {
    id: DataSourceId,
    name: String,
    description: Option<String>,
    #[serde(rename = "type")]
    kind: DataSourceKind,
    status: DataSourceStatus,
    /// Why it could not be read, and what to do; null unless its status is `failed`.
    error: Option<String>,
    /// A stable word for it: `damaged`, `empty`, `too_large`, `timed_out`, `internal`, or that of a connection, such as
    /// `credentials_rejected`.
    error_code: Option<String>,
    /// Whether queries that name no data source mean it.
    default: bool,
    /// The files it was created from.
    files: Vec<SourceFileView>,
    /// How its server is reached; null if it was created from files.
    connection: Option<ConnectionView>,
    /// What its owner should know of the connection, such as that its user may write.
    warnings: Vec<String>,
    /// When the catalog of its server was last read; null if it was created from files.
    refreshed_at: Option<Timestamp>,
    /// Number of tables; null while it is not ready, and for the sample store.
    tables: Option<u32>,
    /// Number of rows of all tables; null like `tables`.
    rows: Option<u64>,
    /// Size of the database in bytes; null like `tables`, and on a server.
    size: Option<u64>,
    /// Null for the sample store.
    created_by: Option<String>,
    /// Null for the sample store.
    created_at: Option<Timestamp>,
    /// Null for the sample store.
    updated_at: Option<Timestamp>,
}

/// A file of a data source.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DataSourceFile")]
struct SourceFileView {
    name: String,
    /// Its size in bytes.
    size: u64,
}

impl From<DataSourceFound> for DataSourceView {
    fn from(found: DataSourceFound) -> Self {
        let DataSourceFound { source, is_default } = found;
        let is_own = !source.is_sample();
        let (error_code, error) = source.failure.map(|failure| (failure.code, failure.detail)).unzip();
        Self {
            id: source.id,
            name: source.name,
            description: source.description,
            kind: source.kind,
            status: source.status,
            error,
            error_code,
            default: is_default,
            files: (source.files.into_iter())
                .map(|file| SourceFileView {
                    name: file.name,
                    size: file.size_bytes,
                })
                .collect(),
            tables: source.data.as_ref().map(|data| data.tables),
            rows: source.data.as_ref().map(|data| data.rows),
            size: source
                .data
                .as_ref()
                .filter(|_| source.connection.is_none())
                .map(|data| data.size_bytes),
            connection: source.connection.map(ConnectionView::from),
            warnings: source.warnings,
            refreshed_at: source.refreshed_at,
            created_by: is_own.then_some(source.created_by.0),
            created_at: is_own.then_some(source.created_at),
            updated_at: is_own.then_some(source.updated_at),
        }
    }
}

/// The result of a test.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DataSourceTest {
    /// Whether a query was executed.
    ok: bool,
    /// Milliseconds that it took, the start of its process included.
    duration_ms: u64,
}

pub(crate) fn non_empty(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

pub(crate) async fn create_data_source(
    app: Ctx,
    member: May<WriteDataSources>,
    wait: Wait,
    upload: Uploads<NewSourceFields>,
) -> Result<Created<DataSourceView>> {
    if upload.files.len() > DataSource::MAX_FILES {
        let detail = format!("must be at most {} files", DataSource::MAX_FILES);
        return Err(Error::invalid("/file", detail).into());
    }
    let new = NewDataSource {
        name: non_empty(upload.fields.name),
        description: non_empty(upload.fields.description),
        is_default: upload.fields.default.unwrap_or_default(),
        files: upload.files.into_iter().map(|file| (file.name, file.bytes)).collect(),
    };
    let is_default = new.is_default;
    let source = app.create_data_source(&member.org, &member.actor(), new).await?;
    created(&app, source, is_default, wait).await
}

/// Returns a new data source, imported if that takes no longer than the client wants to wait.
pub(crate) async fn created(
    app: &Ctx,
    mut source: DataSource,
    is_default: bool,
    wait: Wait,
) -> Result<Created<DataSourceView>> {
    if let Some(at_most) = wait.0 {
        source = app.wait_until_imported(&source, at_most).await?;
    }
    Ok(Created(DataSourceFound { source, is_default }.into()))
}

pub(crate) async fn list_data_sources(
    app: Ctx,
    member: May<ReadDataSources>,
    page: Paging,
) -> Result<Listing<DataSourceView>> {
    let found = app.list_data_sources(&member.org.org, &page).await?;
    page.answer(found.map(DataSourceView::from))
}

pub(crate) async fn get_data_source(
    app: Ctx,
    member: May<ReadDataSources>,
    Path(path): Path<DataSourcePath>,
) -> Result<Json<DataSourceView>> {
    let found = app.data_source(&member.org.org, Some(&path.data_source_id)).await?;
    Ok(Json(found.into()))
}

pub(crate) async fn update_data_source(
    app: Ctx,
    member: May<WriteDataSources>,
    Path(path): Path<DataSourcePath>,
    Body(body): Body<DataSourcePatch>,
) -> Result<Json<DataSourceView>> {
    let change = DataSourceChange {
        name: body.name.map(|name| name.trim().to_owned()),
        description: body.description.map(|text| text.trim().to_owned()),
        default: body.default,
    };
    let actor = member.actor();
    let changed = app.update_data_source(&member.org, &actor, &path.data_source_id, change);
    Ok(Json(changed.await?.into()))
}

pub(crate) async fn delete_data_source(
    app: Ctx,
    member: May<WriteDataSources>,
    Path(path): Path<DataSourcePath>,
) -> Result<NoContent> {
    app.delete_data_source(&member.org, &member.actor(), &path.data_source_id)
        .await?;
    Ok(NoContent)
}

pub(crate) async fn test_data_source(
    app: Ctx,
    member: May<QueryDataSources>,
    Path(path): Path<DataSourcePath>,
) -> Result<Json<DataSourceTest>> {
    let duration_ms = app.test_data_source(&member.org, &path.data_source_id).await?;
    Ok(Json(DataSourceTest { ok: true, duration_ms }))
}
