//! Data sources of an organization, and what people say of their tables.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{
    AuditEntry, DataFile, DataSource, DataSourceId, DataSourceStatus, DatabaseConnection, DueFetch, Entitlements,
    Error, FetchTarget, ImportDataSourceMessage, ImportFailure, OrgId, Page, PageRequest, PlanLimit, Purge, Result,
    TableNotes, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, keys,
    orgs::resource_counts::{Counted, ResourceChange},
    table::changes::Changes,
    table::item::{
        ITEM_EXISTS, Item, ListFilter, Transaction, conditional, conditional_or_own, from_item, n, part, s, to_item,
        value,
    },
};

/// The data sources of one organization.
#[derive(Debug, Clone)]
pub struct DataSources {
    store: Store,
    org: OrgId,
}

/// A change of a data source. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct DataSourceChange {
    /// New name.
    pub name: Option<String>,
    /// New description; an empty one removes it.
    pub description: Option<String>,
    /// Whether a request that names none means it.
    pub default: Option<bool>,
}

/// How reading the files of a data source ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportOutcome {
    /// It can be queried.
    Ready(DataFile),
    /// It cannot.
    Failed(ImportFailure),
}

/// What was read of the catalog of a server, or why it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogOutcome {
    /// It was read.
    Read {
        /// The catalog.
        data: DataFile,
        /// The schemas of its tables, in the order in which they are searched.
        search_path: Vec<String>,
        /// What its owner should know.
        warnings: Vec<String>,
    },
    /// It was not. Tables that were read before stay.
    Failed(ImportFailure),
}

/// The data source that a request means if it names none.
#[derive(Serialize, Deserialize)]
struct DefaultDataSource {
    data_source: DataSourceId,
}

#[derive(Serialize, Deserialize)]
struct Promise {
    message: ImportDataSourceMessage,
    created_ms: i64,
}

impl Store {
    /// Returns access to the data sources of `org`.
    pub fn data_sources(&self, org: &OrgId) -> DataSources {
        DataSources {
            store: self.clone(),
            org: org.clone(),
        }
    }

    /// Returns messages of imports that were promised before `before_ms` (milliseconds since the Unix epoch), a bounded
    /// number.
    pub async fn promised_imports(&self, before_ms: i64) -> Result<Vec<ImportDataSourceMessage>> {
        let promises = self.app().created_before(keys::IMPORTS, before_ms).await?;
        let message = |item| Ok(from_item::<Promise>(item)?.message);
        promises.into_iter().map(message).collect()
    }

    /// Removes the promise of an import whose message is in the queue.
    pub async fn keep_import_promise(&self, message: &ImportDataSourceMessage) -> Result<()> {
        let key = keys::import(&message.org_id, &message.data_source_id);
        self.app().delete(&key).await
    }
}

impl DataSources {
    /// Promises to remove the files of a data source that is not stored yet. `due`: when the promise is kept, unless it
    /// was stored until then.
    pub async fn begin(&self, id: &DataSourceId, due: Timestamp) -> Result<()> {
        let part = self.store.part_purge_entry(&self.purge(id), due.as_millisecond())?;
        match crate::table::item::transact(&self.store.db, vec![part]).await? {
            Transaction::Done => Ok(()),
            Transaction::Refused(_) => Err(Error::internal("an entry without a condition was refused")),
        }
    }

    /// Stores a new data source whose files are stored, if the plan allows one more, and promises to import it. Returns
    /// the exceeded limit otherwise.
    pub async fn create(
        &self,
        source: &DataSource,
        is_default: bool,
        own: &Entitlements,
        entry: &AuditEntry,
    ) -> Result<Result<(), PlanLimit>> {
        let table = self.store.app();
        let purge = keys::purge(&self.purge(&source.id).id());
        let mut parts = vec![
            table.part_put_new(to_item(&keys::data_source(&self.org, &source.id), source)?)?,
            self.part_promise(&source.id, source.created_at)?,
            // If it was kept already, the files are gone.
            table.part_delete_if(&purge, ITEM_EXISTS)?,
        ];
        if is_default {
            parts.push(table.part_put(self.default_item(&source.id)?)?);
        }
        let one_more = ResourceChange::data_source(1);
        let counted = self
            .store
            .transact_counted_audited(&self.org, parts, &one_more, Some(own), Some(entry));
        match counted.await? {
            Counted::Done => Ok(Ok(())),
            Counted::Full(limit) => Ok(Err(limit)),
            Counted::Refused(_) => Err(Error::unavailable("the upload took too long to be stored")),
        }
    }

    /// Returns one data source.
    pub async fn get(&self, id: &DataSourceId) -> Result<Option<DataSource>> {
        self.store.app().get(keys::data_source(&self.org, id)).await
    }

    /// Lists data sources, newest first.
    pub async fn list(&self, page: &PageRequest) -> Result<Page<DataSource>> {
        let table = self.store.app();
        let found = table
            .list(keys::tenant(&self.org), keys::DATA_SOURCES, page, ListFilter::default())
            .await?;
        let items = found.items.into_iter().map(from_item).collect::<Result<_>>()?;
        Ok(Page {
            items,
            next: found.next,
        })
    }

    /// Returns the data source that a request means if it names none; `None` for the sample store.
    pub async fn default(&self) -> Result<Option<DataSourceId>> {
        let found = self.store.app().get(keys::default_data_source(&self.org)).await?;
        Ok(found.map(|DefaultDataSource { data_source }| data_source))
    }

    /// Makes the sample store the default again.
    pub async fn default_to_sample(&self) -> Result<()> {
        self.store.app().delete(&keys::default_data_source(&self.org)).await
    }

    /// Changes a data source. Returns `None` if it does not exist.
    pub async fn update(
        &self,
        id: &DataSourceId,
        change: &DataSourceChange,
        now: Timestamp,
        entry: &AuditEntry,
    ) -> Result<Option<DataSource>> {
        let table = self.store.app();
        let mut changes = Changes::default()
            .set("updated_at", s(now.to_string()))
            .set_if("name", change.name.as_ref().map(s));
        changes = match change.description.as_deref() {
            Some("") => changes.remove("description"),
            description => changes.set_if("description", description.map(s)),
        };
        let update = table
            .part_update(&keys::data_source(&self.org, id))
            .condition_expression(ITEM_EXISTS);
        let mut parts = vec![part(changes.on(update))?];
        match change.default {
            Some(true) => parts.push(table.part_put(self.default_item(id)?)?),
            // Of another one it stays.
            Some(false) if self.default().await?.as_ref() == Some(id) => {
                parts.push(table.part_delete_any(&keys::default_data_source(&self.org))?);
            }
            Some(false) | None => {}
        }
        match self.store.transact_audited(entry, parts).await? {
            Transaction::Done => self.get(id).await,
            Transaction::Refused(_) => Ok(None),
        }
    }

    /// Records how an import ended. Returns `false` if the data source does not exist, or its import has ended already.
    pub async fn finish(&self, id: &DataSourceId, outcome: &ImportOutcome, now: Timestamp) -> Result<bool> {
        let changes = Changes::default().set("updated_at", s(now.to_string()));
        let changes = match outcome {
            ImportOutcome::Ready(data) => changes
                .set("status", value(&DataSourceStatus::Ready)?)
                .set("data", value(data)?)
                .remove("failure"),
            ImportOutcome::Failed(failure) => changes
                .set("status", value(&DataSourceStatus::Failed)?)
                .set("failure", value(failure)?),
        };
        let update = self
            .store
            .app()
            .update(&keys::data_source(&self.org, id))
            .condition_expression("#status = :pending")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pending", value(&DataSourceStatus::Pending)?)
            .return_values(ReturnValue::AllNew);
        let wanted = s(now.to_string());
        let is_own = |item: &Item| item.get("updated_at") == Some(&wanted);
        Ok(conditional_or_own(changes.on(update), is_own).await?.is_some())
    }

    /// Records how reading the catalog of a data source, as it was read before that, ended, and when it is read next.
    /// Returns `false` if it does not exist, or has another connection by now.
    pub async fn finish_catalog(
        &self,
        source: &DataSource,
        outcome: &CatalogOutcome,
        due_ms: Option<i64>,
        now: Timestamp,
    ) -> Result<bool> {
        let Some(connection) = &source.connection else {
            return Ok(false);
        };
        let changes = Changes::default().set("updated_at", s(now.to_string()));
        let changes = match outcome {
            CatalogOutcome::Read {
                data,
                search_path,
                warnings,
            } => {
                let earlier = source.data.as_ref().filter(|earlier| earlier.sha256 != data.sha256);
                changes
                    .set("status", value(&DataSourceStatus::Ready)?)
                    .set("data", value(data)?)
                    .set("search_path", value(search_path)?)
                    .set("warnings", value(warnings)?)
                    .set("refreshed_at", s(now.to_string()))
                    .set_if("earlier_catalog", earlier.map(|earlier| s(&earlier.sha256)))
                    .remove("failure")
            }
            CatalogOutcome::Failed(failure) => changes
                .set("status", value(&DataSourceStatus::Failed)?)
                .set("failure", value(failure)?),
        };
        let changes = match due_ms {
            Some(due_ms) => changes.set("due_ms", n(due_ms)),
            None => changes.remove("due_ms"),
        };
        let update = self
            .store
            .app()
            .part_update(&keys::data_source(&self.org, &source.id))
            .condition_expression("#connection.#password = :password")
            .expression_attribute_names("#connection", "connection")
            .expression_attribute_names("#password", "password")
            .expression_attribute_values(":password", s(&connection.password.0));
        let mut parts = vec![part(changes.on(update))?];
        let (before, after) = (self.due(source, source.due_ms), self.due(source, due_ms));
        parts.extend(self.store.parts_move_due(before.as_ref(), after.as_ref())?);
        Ok(crate::table::item::transact(&self.store.db, parts).await? == Transaction::Done)
    }

    /// Replaces the connection of a data source, as it was read, and promises to read its catalog. Returns `false` if it
    /// does not exist, or was connected otherwise meanwhile.
    pub async fn connect(
        &self,
        source: &DataSource,
        connection: &DatabaseConnection,
        now: Timestamp,
        entry: &AuditEntry,
    ) -> Result<bool> {
        let Some(before) = &source.connection else {
            return Ok(false);
        };
        let changes = Changes::default()
            .set("updated_at", s(now.to_string()))
            .set("status", value(&DataSourceStatus::Pending)?)
            .set("connection", value(connection)?)
            .remove("data")
            .remove("failure")
            .remove("search_path")
            .remove("warnings")
            .remove("refreshed_at")
            .remove("due_ms");
        let update = self
            .store
            .app()
            .part_update(&keys::data_source(&self.org, &source.id))
            .condition_expression("#connection.#password = :password")
            .expression_attribute_names("#connection", "connection")
            .expression_attribute_names("#password", "password")
            .expression_attribute_values(":password", s(&before.password.0));
        let mut parts = vec![part(changes.on(update))?, self.part_promise(&source.id, now)?];
        parts.extend(
            self.store
                .parts_move_due(self.due(source, source.due_ms).as_ref(), None)?,
        );
        Ok(self.store.transact_audited(entry, parts).await? == Transaction::Done)
    }

    /// Promises to read the catalog of a data source again. Returns `false` if it does not exist.
    pub async fn promise_import(&self, id: &DataSourceId, now: Timestamp) -> Result<bool> {
        let key = keys::data_source(&self.org, id);
        let check = self.store.app().part_check(&key, [("id", s(id.as_str()))])?;
        let parts = vec![check, self.part_promise(id, now)?];
        Ok(crate::table::item::transact(&self.store.db, parts).await? == Transaction::Done)
    }

    fn part_promise(&self, id: &DataSourceId, now: Timestamp) -> Result<aws_sdk_dynamodb::types::TransactWriteItem> {
        let promise = Promise {
            message: ImportDataSourceMessage {
                org_id: self.org.clone(),
                data_source_id: id.clone(),
            },
            created_ms: now.as_millisecond(),
        };
        self.store
            .app()
            .part_put(to_item(&keys::import(&self.org, id), &promise)?)
    }

    /// Returns the row of a due time.
    fn due(&self, source: &DataSource, due_ms: Option<i64>) -> Option<DueFetch> {
        due_ms.map(|due_ms| DueFetch {
            org_id: self.org.clone(),
            target: FetchTarget::DataSource {
                data_source_id: source.id.clone(),
            },
            due_ms,
        })
    }

    /// Counts a death of the reader. Returns the number of deaths; `None` if the data source does not exist.
    pub async fn count_death(&self, id: &DataSourceId) -> Result<Option<u32>> {
        let update = self
            .store
            .app()
            .update(&keys::data_source(&self.org, id))
            .update_expression("ADD deaths :one")
            .condition_expression(ITEM_EXISTS)
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::AllNew);
        let changed: Option<DataSource> = conditional(update).await?.map(from_item).transpose()?;
        Ok(changed.map(|source| source.deaths))
    }

    /// Deletes a data source, with an entry that has its files removed. Returns whether it existed.
    pub async fn delete(&self, id: &DataSourceId, now: Timestamp, entry: &AuditEntry) -> Result<bool> {
        let table = self.store.app();
        let mut parts = vec![
            table.part_delete(&keys::data_source(&self.org, id), None)?,
            table.part_delete_any(&keys::import(&self.org, id))?,
            self.store.part_purge_entry(&self.purge(id), now.as_millisecond())?,
        ];
        if self.default().await?.as_ref() == Some(id) {
            parts.push(table.part_delete_any(&keys::default_data_source(&self.org))?);
        }
        if let Some(source) = self.get(id).await? {
            parts.extend(
                self.store
                    .parts_move_due(self.due(&source, source.due_ms).as_ref(), None)?,
            );
        }
        let one_less = ResourceChange::data_source(-1);
        let deleted = self
            .store
            .transact_counted_audited(&self.org, parts, &one_less, None, Some(entry));
        Ok(deleted.await? == Counted::Done)
    }

    /// Returns what people say of the tables of a data source; the number of its tables bounds it.
    pub async fn notes(&self, id: &DataSourceId) -> Result<Vec<TableNotes>> {
        let table = self.store.app();
        table
            .all_below(&keys::tenant(&self.org), &keys::table_notes_of(id))
            .await
    }

    /// Replaces what people say of a table.
    pub async fn put_notes(&self, id: &DataSourceId, notes: &TableNotes, entry: &AuditEntry) -> Result<()> {
        let table = self.store.app();
        let key = keys::table_notes(&self.org, id, &notes.table);
        let mut parts = vec![table.part_put(to_item(&key, notes)?)?];
        // Not after its deletion: nothing would remove them.
        if id.as_str() != DataSource::SAMPLE {
            let key = keys::data_source(&self.org, id);
            parts.push(table.part_check(&key, [("id", s(id.as_str()))])?);
        }
        match self.store.transact_audited(entry, parts).await? {
            Transaction::Done => Ok(()),
            Transaction::Refused(_) => Err(Error::NotFound("data source")),
        }
    }

    /// Removes what people said of the tables of a data source that was deleted.
    pub async fn remove_notes(&self, id: &DataSourceId) -> Result<()> {
        let table = self.store.app();
        let (tenant, prefix) = (keys::tenant(&self.org), keys::table_notes_of(id));
        for key in table.keys_below(&tenant, &prefix).await? {
            table.delete(&key).await?;
        }
        Ok(())
    }

    fn purge(&self, id: &DataSourceId) -> Purge {
        Purge::DataSource {
            org_id: self.org.clone(),
            data_source_id: id.clone(),
        }
    }

    fn default_item(&self, id: &DataSourceId) -> Result<std::collections::HashMap<String, AttributeValue>> {
        let named = DefaultDataSource {
            data_source: id.clone(),
        };
        to_item(&keys::default_data_source(&self.org), &named)
    }
}
