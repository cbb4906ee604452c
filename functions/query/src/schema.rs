//! The schema of a data source.

use std::collections::BTreeMap;

use app::{Column, ColumnType, ForeignKey, SourceSchema, Table};
use domain::{
    ColumnNotes, DataSourceId, DataSourceKind, Error, TableNotes,
    auth::permission::{ReadDataSources, WriteDataSources},
};
use garde::Validate;
use http_api::{Body, Ctx, Json, Listing, May, Paging, Path, Query, Result, readable_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Number of tables in the whole schema.
const MAX_TABLES: usize = 100;
/// Number of values of a column that are shown.
const SAMPLE_VALUES: usize = 5;

/// Which data source.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SchemaQuery {
    /// ID of the data source; the default one if omitted.
    data_source_id: Option<DataSourceId>,
}

/// Which tables.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct TablesQuery {
    /// ID of the data source; the default one if omitted.
    data_source_id: Option<DataSourceId>,
    /// Only tables of which this text is in the name, the description, a synonym or a column.
    q: Option<String>,
}

/// The parameter `{table_name}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct TablePath {
    /// Its name, whatever its case.
    table_name: String,
}

/// The tables of a data source.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DatabaseSchema")]
pub(crate) struct SchemaView {
    data_source_id: DataSourceId,
    /// The language of its queries: `sqlite` or `postgres`.
    dialect: &'static str,
    /// Changes when anything below does.
    etag: String,
    /// Number of tables.
    table_count: usize,
    /// The first 100 tables, in the order of their names.
    tables: Vec<TableView>,
    relationships: Vec<Relationship>,
}

/// A table.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DatabaseTable")]
pub(crate) struct TableView {
    name: String,
    /// The schema that it is in; null in a file.
    schema: Option<String>,
    /// What a row is, as people describe it, or else the database.
    description: Option<String>,
    /// Other names for it in questions.
    synonyms: Vec<String>,
    /// Number of rows when the data source was created; of a table on a server, its estimate, and null if it has none.
    row_count: Option<u64>,
    columns: Vec<ColumnView>,
    /// The columns of its primary key; empty if it has none.
    primary_key: Vec<String>,
    foreign_keys: Vec<ForeignKey>,
}

/// A column.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DatabaseColumn")]
struct ColumnView {
    name: String,
    #[serde(rename = "type")]
    column_type: ColumnType,
    /// Whether values may be missing.
    nullable: bool,
    /// Whether it probably holds what should not be shown without need, such as addresses and salaries. Its values are
    /// shown to no model with the schema; queries can read them.
    sensitive: bool,
    /// At most five values of a column that has few.
    sample_values: Vec<Value>,
    /// The smallest value of a date or number; null if it is sensitive. Of a table on a server, as its statistics know it.
    minimum: Option<Value>,
    /// The largest value of a date or number; null if it is sensitive.
    maximum: Option<Value>,
    /// What a value is, as people describe it, or else the database.
    description: Option<String>,
    /// Other names for it in questions.
    synonyms: Vec<String>,
}

/// A relationship between two tables.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DatabaseRelationship")]
pub(crate) struct Relationship {
    /// The table that refers.
    table: String,
    #[serde(flatten)]
    key: ForeignKey,
}

/// What people say of a table. It replaces all that there is.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct TableDescription {
    /// What a row is.
    #[garde(length(chars, max = TableNotes::MAX_DESCRIPTION), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    description: Option<String>,
    /// Other names for the table in questions.
    #[garde(length(max = TableNotes::MAX_SYNONYMS), inner(inner(length(chars, max = TableNotes::MAX_SYNONYM), custom(readable_text))))]
    #[schemars(inner(length(max = TableNotes::MAX_SYNONYM), regex(pattern = http_api::READABLE_TEXT)))]
    synonyms: Option<Vec<String>>,
    /// The columns, by name.
    #[garde(length(max = 200), dive)]
    columns: Option<BTreeMap<String, ColumnDescription>>,
}

/// What people say of a column.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct ColumnDescription {
    /// What a value is.
    #[garde(length(chars, max = TableNotes::MAX_DESCRIPTION), inner(custom(readable_text)))]
    #[schemars(regex(pattern = http_api::READABLE_TEXT))]
    description: Option<String>,
    /// Other names for the column in questions.
    #[garde(length(max = TableNotes::MAX_SYNONYMS), inner(inner(length(chars, max = TableNotes::MAX_SYNONYM), custom(readable_text))))]
    #[schemars(inner(length(max = TableNotes::MAX_SYNONYM), regex(pattern = http_api::READABLE_TEXT)))]
    synonyms: Option<Vec<String>>,
    /// Whether its values should not be shown without need; what its name suggests if omitted.
    #[garde(skip)]
    sensitive: Option<bool>,
}

fn non_empty(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn synonyms_of(texts: Option<Vec<String>>) -> Vec<String> {
    texts
        .unwrap_or_default()
        .into_iter()
        .filter_map(|text| non_empty(Some(text)))
        .collect()
}

impl TableDescription {
    fn into_notes(self, table: String) -> TableNotes {
        let columns = self.columns.unwrap_or_default().into_iter().map(|(name, column)| {
            let notes = ColumnNotes {
                description: non_empty(column.description),
                synonyms: synonyms_of(column.synonyms),
                sensitive: column.sensitive,
            };
            (name, notes)
        });
        TableNotes {
            table,
            description: non_empty(self.description),
            synonyms: synonyms_of(self.synonyms),
            columns: columns.collect(),
        }
    }
}

fn view(schema: &SourceSchema, table: &Table) -> TableView {
    let notes = schema.notes_on(&table.name);
    TableView {
        name: table.name.clone(),
        schema: table.schema.clone(),
        description: notes
            .and_then(|notes| notes.description.clone())
            .or_else(|| table.comment.clone()),
        synonyms: notes.map(|notes| notes.synonyms.clone()).unwrap_or_default(),
        row_count: table.row_count,
        columns: (table.columns.iter())
            .map(|column| column_view(column, notes.and_then(|notes| notes.columns.get(&column.name))))
            .collect(),
        primary_key: table.primary_key.clone(),
        foreign_keys: table.foreign_keys.clone(),
    }
}

fn column_view(column: &Column, notes: Option<&ColumnNotes>) -> ColumnView {
    let sensitive = notes.and_then(|notes| notes.sensitive).unwrap_or(column.sensitive);
    let range = column.range.clone().filter(|_| !sensitive);
    let (minimum, maximum) = range.unzip();
    let shown = if sensitive { 0 } else { SAMPLE_VALUES };
    ColumnView {
        name: column.name.clone(),
        column_type: column.column_type,
        nullable: column.nullable,
        sensitive,
        sample_values: column.values.iter().take(shown).cloned().collect(),
        minimum,
        maximum,
        description: notes
            .and_then(|notes| notes.description.clone())
            .or_else(|| column.comment.clone()),
        synonyms: notes.map(|notes| notes.synonyms.clone()).unwrap_or_default(),
    }
}

fn relationships(schema: &SourceSchema) -> Vec<Relationship> {
    let keys = schema.catalog.tables.iter().flat_map(|table| {
        table.foreign_keys.iter().map(|key| Relationship {
            table: table.name.clone(),
            key: key.clone(),
        })
    });
    keys.collect()
}

/// Returns whether a table, or one of its columns, is called like this.
fn matches(schema: &SourceSchema, table: &Table, text: &str) -> bool {
    let has = |name: &str| name.to_lowercase().contains(text);
    let notes = schema.notes_on(&table.name);
    let is_described = notes.is_some_and(|notes| {
        let of_columns = notes
            .columns
            .values()
            .flat_map(|column| column.description.iter().chain(&column.synonyms));
        let texts = notes.description.iter().chain(&notes.synonyms).chain(of_columns);
        texts.into_iter().any(|text| has(text))
    });
    has(&table.name) || is_described || table.columns.iter().any(|column| has(&column.name))
}

pub(crate) async fn get_schema(
    app: Ctx,
    member: May<ReadDataSources>,
    Query(query): Query<SchemaQuery>,
) -> Result<Json<SchemaView>> {
    let schema = app
        .source_schema(&member.org.org, query.data_source_id.as_ref())
        .await?;
    let tables = schema.catalog.tables.iter().take(MAX_TABLES);
    Ok(Json(SchemaView {
        data_source_id: schema.source.id.clone(),
        dialect: if schema.source.kind == DataSourceKind::Postgres {
            "postgres"
        } else {
            "sqlite"
        },
        etag: schema.etag(),
        table_count: schema.catalog.tables.len(),
        tables: tables.map(|table| view(&schema, table)).collect(),
        relationships: relationships(&schema),
    }))
}

pub(crate) async fn list_tables(
    app: Ctx,
    member: May<ReadDataSources>,
    page: Paging,
    Query(query): Query<TablesQuery>,
) -> Result<Listing<TableView>> {
    let schema = app
        .source_schema(&member.org.org, query.data_source_id.as_ref())
        .await?;
    let text = query
        .q
        .map(|text| text.trim().to_lowercase())
        .filter(|text| !text.is_empty());
    let found = schema.tables(&page, |table| {
        text.as_ref().is_none_or(|text| matches(&schema, table, text))
    });
    page.answer(found.map(|table| view(&schema, table)))
}

pub(crate) async fn get_table(
    app: Ctx,
    member: May<ReadDataSources>,
    Path(path): Path<TablePath>,
    Query(query): Query<SchemaQuery>,
) -> Result<Json<TableView>> {
    let schema = app
        .source_schema(&member.org.org, query.data_source_id.as_ref())
        .await?;
    let table = schema.catalog.table(&path.table_name).ok_or(Error::NotFound("table"))?;
    Ok(Json(view(&schema, table)))
}

pub(crate) async fn describe_table(
    app: Ctx,
    member: May<WriteDataSources>,
    Path(path): Path<TablePath>,
    Query(query): Query<SchemaQuery>,
    Body(body): Body<TableDescription>,
) -> Result<Json<TableView>> {
    let notes = body.into_notes(path.table_name.clone());
    let source = query.data_source_id.as_ref();
    let schema = app.put_table_notes(&member.org, &member.actor(), source, notes).await?;
    let table = schema.catalog.table(&path.table_name).ok_or(Error::NotFound("table"))?;
    Ok(Json(view(&schema, table)))
}

pub(crate) async fn list_relationships(
    app: Ctx,
    member: May<ReadDataSources>,
    Query(query): Query<SchemaQuery>,
) -> Result<Json<Vec<Relationship>>> {
    let schema = app
        .source_schema(&member.org.org, query.data_source_id.as_ref())
        .await?;
    Ok(Json(relationships(&schema)))
}
