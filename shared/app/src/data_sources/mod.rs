//! Data sources: databases that members ask questions about.

pub(crate) mod connect;
pub(crate) mod files;
mod import;
mod notes;
pub(crate) mod sessions;
mod upload;

use std::sync::Arc;

use domain::{
    Actor, DataSource, DataSourceId, DataSourceStatus, Error, Membership, OrgId, Page, PageRequest, Purge, Result,
    TableNotes,
};
use futures::future::BoxFuture;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sql_engine::{Catalog, SAMPLE_VERSION, Table};
use store::DataSourceChange;

use crate::{App, audit::audit_event::AuditEvent};

pub use connect::{NewConnectedSource, NewConnection};
pub use upload::NewDataSource;

const NO_DATA_SOURCE: Error = Error::NotFound("data source");
const READ_ONLY: Error = Error::Forbidden {
    code: "sample_is_read_only",
    detail: "The sample store cannot be changed or deleted. Create a data source of your own.",
};

/// A data source, and whether a request that names none means it.
#[derive(Debug, Clone)]
pub struct DataSourceFound {
    /// The data source.
    pub source: DataSource,
    /// Whether it is the default of its organization.
    pub is_default: bool,
}

/// The tables of a data source.
#[derive(Debug, Clone)]
pub struct SourceSchema {
    /// The data source.
    pub source: DataSource,
    /// What it contains.
    pub catalog: Arc<Catalog>,
    /// What people say of it.
    pub notes: Vec<TableNotes>,
}

impl SourceSchema {
    /// Returns what people say of a table.
    pub fn notes_on(&self, table: &str) -> Option<&TableNotes> {
        self.notes.iter().find(|notes| notes.table.eq_ignore_ascii_case(table))
    }

    /// Returns a text that changes with the tables, and with what people say of them.
    pub fn etag(&self) -> String {
        let mut notes: Vec<String> = self
            .notes
            .iter()
            .filter_map(|notes| serde_json::to_string(notes).ok())
            .collect();
        notes.sort();
        let data = self.source.data.as_ref().map_or("", |data| data.sha256.as_str());
        let version = format!("{}\n{data}\n{SAMPLE_VERSION}\n{}", self.source.id, notes.join("\n"));
        hex::encode(&Sha256::digest(version)[..16])
    }

    /// Returns a page of the tables that match, in the order of their names.
    pub fn tables(&self, page: &PageRequest, matches: impl Fn(&Table) -> bool) -> Page<&Table> {
        let is_left = |table: &&Table| page.after.as_deref().is_none_or(|after| table.name.as_str() > after);
        let mut left = self
            .catalog
            .tables
            .iter()
            .filter(is_left)
            .filter(|table| matches(table));
        let items: Vec<&Table> = left.by_ref().take(page.limit.into()).collect();
        let next = left.next().and(items.last()).map(|last| last.name.clone());
        Page { items, next }
    }
}

impl App {
    /// Returns the data sources of an organization, newest first; the sample store is the last one.
    pub fn list_data_sources<'a>(
        &'a self,
        org: &'a OrgId,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<DataSourceFound>>> {
        Box::pin(async move {
            let sources = self.store.data_sources(org);
            let (mut found, default) = futures::try_join!(sources.list(page), self.default_data_source(org))?;
            // A page that is full has a next one, which may have nothing but the sample store.
            if found.next.is_none() {
                if found.items.len() < usize::from(page.limit) {
                    found.items.push(DataSource::sample(org));
                } else {
                    found.next = found.items.last().map(|last| last.id.0.clone());
                }
            }
            let marked = |source: DataSource| DataSourceFound {
                is_default: source.id == default,
                source,
            };
            Ok(found.map(marked))
        })
    }

    /// Returns the data source that requests mean if they name none.
    pub(crate) async fn default_data_source(&self, org: &OrgId) -> Result<DataSourceId> {
        let sources = self.store.data_sources(org);
        let Some(id) = sources.default().await? else {
            return Ok(DataSource::sample_id());
        };
        // One that was deleted at the moment it was chosen.
        Ok(sources
            .get(&id)
            .await?
            .map_or_else(DataSource::sample_id, |source| source.id))
    }

    /// Returns a data source of an organization; its default one without an ID.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn data_source<'a>(
        &'a self,
        org: &'a OrgId,
        id: Option<&'a DataSourceId>,
    ) -> BoxFuture<'a, Result<DataSourceFound>> {
        Box::pin(async move {
            let default = self.default_data_source(org).await?;
            let id = id.unwrap_or(&default);
            let source = if id.as_str() == DataSource::SAMPLE {
                DataSource::sample(org)
            } else {
                self.store.data_sources(org).get(id).await?.ok_or(NO_DATA_SOURCE)?
            };
            Ok(DataSourceFound {
                is_default: source.id == default,
                source,
            })
        })
    }

    /// Returns the tables of a data source that is ready, with what people say of them.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], and [`Error::Conflict`] `data_source_not_ready`.
    pub fn source_schema<'a>(
        &'a self,
        org: &'a OrgId,
        id: Option<&'a DataSourceId>,
    ) -> BoxFuture<'a, Result<SourceSchema>> {
        Box::pin(async move {
            let source = self.data_source(org, id).await?.source;
            let sources = self.store.data_sources(org);
            let (catalog, notes) = futures::try_join!(self.catalog_of(&source), sources.notes(&source.id))?;
            Ok(SourceSchema { source, catalog, notes })
        })
    }

    /// Changes a data source.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], and [`Error::Forbidden`] `sample_is_read_only` for the name of the sample store.
    pub fn update_data_source<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a DataSourceId,
        change: DataSourceChange,
    ) -> BoxFuture<'a, Result<DataSourceFound>> {
        Box::pin(async move {
            let sources = self.store.data_sources(&member.org);
            if id.as_str() == DataSource::SAMPLE {
                if change.name.is_some() || change.description.is_some() {
                    return Err(READ_ONLY);
                }
                if change.default == Some(true) {
                    sources.default_to_sample().await?;
                }
                return self.data_source(&member.org, Some(id)).await;
            }
            let event = AuditEvent::new("data_source.updated", "data_source", id.as_str());
            let event = event.after(json!({"default": change.default}));
            let entry = self.entry(actor, &member.org, event)?;
            let changed = sources.update(id, &change, self.clock.now(), &entry).await?;
            let source = changed.ok_or(NO_DATA_SOURCE)?;
            let default = self.default_data_source(&member.org).await?;
            Ok(DataSourceFound {
                is_default: source.id == default,
                source,
            })
        })
    }

    /// Deletes a data source. Its files are removed in the background; the history of queries stays.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], and [`Error::Forbidden`] `sample_is_read_only`.
    pub fn delete_data_source<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a DataSourceId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if id.as_str() == DataSource::SAMPLE {
                return Err(READ_ONLY);
            }
            let event = AuditEvent::new("data_source.deleted", "data_source", id.as_str());
            let entry = self.entry(actor, &member.org, event)?;
            let sources = self.store.data_sources(&member.org);
            if !sources.delete(id, self.clock.now(), &entry).await? {
                return Err(NO_DATA_SOURCE);
            }
            let purge = Purge::DataSource {
                org_id: member.org.clone(),
                data_source_id: id.clone(),
            };
            self.queue_purge(&purge).await;
            Ok(())
        })
    }

    /// Removes the files of a data source that was deleted or never stored, and what was said of its tables.
    pub(crate) async fn purge_data_source(&self, org: &OrgId, id: &DataSourceId) -> Result<()> {
        let sources = self.store.data_sources(org);
        // Only deleted data is removed, whatever a message says.
        if id.as_str() == DataSource::SAMPLE || sources.get(id).await?.is_some() {
            return Ok(());
        }
        self.objects.delete_below(&DataSource::folder(org, id)).await?;
        sources.remove_notes(id).await
    }
}

/// Returns the error for a data source that cannot be queried.
pub(crate) fn not_ready(source: &DataSource) -> Error {
    let detail = match (source.status, &source.failure) {
        (DataSourceStatus::Failed, Some(failure)) => {
            let remedy = if source.connection.is_some() {
                "Change its connection, or refresh it."
            } else {
                "Create it again."
            };
            format!("This data source could not be read: {} {remedy}", failure.detail)
        }
        _ => "This data source is still being read. Try again in a moment.".to_owned(),
    };
    Error::Conflict {
        code: "data_source_not_ready",
        detail,
    }
}
