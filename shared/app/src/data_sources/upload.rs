//! New data sources: their files are stored first, then one transaction makes the data source visible and promises its
//! import. A crash at any step leaves nothing, or a data source that is imported: `relay_outbox` finds the promise.

use std::time::Duration;

use bytes::Bytes;
use domain::{
    Actor, AuditEntry, DataSource, DataSourceId, DataSourceKind, DataSourceStatus, Error, ImportDataSourceMessage,
    Membership, OrgId, Result, SourceFile, time::after,
};
use futures::future::BoxFuture;
use serde_json::json;

use crate::{App, audit::audit_event::AuditEvent};

/// How long a request may take to store its files before they are removed.
const TIME_TO_STORE: Duration = Duration::from_mins(30);

/// A data source to create.
#[derive(Debug)]
pub struct NewDataSource {
    /// Display name; that of the first file if there is none.
    pub name: Option<String>,
    /// What it contains.
    pub description: Option<String>,
    /// Whether requests that name no data source mean it.
    pub is_default: bool,
    /// The files, with their names.
    pub files: Vec<(String, Bytes)>,
}

impl NewDataSource {
    /// Returns the format of the files.
    fn kind(&self) -> Result<DataSourceKind> {
        let mut kinds = Vec::new();
        for (name, bytes) in &self.files {
            let Some(kind) = DataSourceKind::of_file(name) else {
                let detail = format!(
                    "`{name}` is neither a table nor a SQLite database. Upload .csv, .tsv, .sqlite or .db files."
                );
                return Err(Error::UnsupportedMedia(detail));
            };
            if bytes.is_empty() {
                return Err(Error::invalid("/file", format!("`{name}` is empty")));
            }
            kinds.push(kind);
        }
        kinds.dedup();
        match kinds.as_slice() {
            [DataSourceKind::Csv] => Ok(DataSourceKind::Csv),
            [DataSourceKind::Sqlite] if self.files.len() == 1 => Ok(DataSourceKind::Sqlite),
            [] => Err(Error::invalid("/file", "is required")),
            _ => Err(Error::invalid("/file", "must be tables, or one SQLite database")),
        }
    }
}

impl App {
    /// Creates a data source from uploaded files. Once this returns, it will become `ready` or `failed` whatever
    /// happens to the process.
    ///
    /// # Errors
    /// Returns [`Error::UnsupportedMedia`] and [`Error::Invalid`] for the files, and [`Error::Limit`] if the
    /// organization has as many data sources as its plan allows.
    pub fn create_data_source<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        new: NewDataSource,
    ) -> BoxFuture<'a, Result<DataSource>> {
        Box::pin(async move {
            let kind = new.kind()?;
            let now = self.clock.now();
            let first = new.files.first().map_or("", |(name, _)| name.as_str());
            let name = new.name.as_deref().unwrap_or(first);
            let source = DataSource {
                id: self.ids.make()?,
                org: member.org.clone(),
                created_by: member.member.clone(),
                name: name.trim().chars().take(DataSource::MAX_NAME).collect(),
                description: new.description.filter(|text| !text.trim().is_empty()),
                kind,
                status: DataSourceStatus::Pending,
                files: (new.files.iter())
                    .map(|(name, bytes)| SourceFile {
                        name: name.clone(),
                        size_bytes: bytes.len() as u64,
                    })
                    .collect(),
                failure: None,
                deaths: 0,
                data: None,
                connection: None,
                search_path: Vec::new(),
                warnings: Vec::new(),
                earlier_catalog: None,
                refreshed_at: None,
                due_ms: None,
                created_at: now,
                updated_at: now,
            };
            let event = AuditEvent::new("data_source.created", "data_source", source.id.as_str());
            let event = event.after(json!({"kind": kind, "default": new.is_default}));
            let entry = self.entry(actor, &source.org, event)?;
            let files = new.files.into_iter().map(|(_, bytes)| bytes).collect();
            self.store_data_source(&source, new.is_default, files, entry).await?;
            Ok(source)
        })
    }

    /// Stores a data source with its files, and queues its import.
    pub(super) async fn store_data_source(
        &self,
        source: &DataSource,
        is_default: bool,
        files: Vec<Bytes>,
        entry: AuditEntry,
    ) -> Result<()> {
        let own = self.entitlements_of(&source.org).await?;
        let sources = self.store.data_sources(&source.org);
        sources
            .begin(&source.id, after(source.created_at, TIME_TO_STORE))
            .await?;
        let stored = async {
            for (index, bytes) in files.into_iter().enumerate() {
                let key = DataSource::upload_key(&source.org, &source.id, index);
                self.objects.put(&key, bytes, "application/octet-stream").await?;
            }
            let created = sources.create(source, is_default, &own, &entry).await?;
            created.map_err(Error::plan_limit)
        };
        if let Err(error) = stored.await {
            // Best effort: the relay cleans up what remains after a second failure.
            if let Err(left) = self.abandon_data_source(&source.org, &source.id).await {
                tracing::warn!(data_source_id = %source.id, error = %left, "data_source.cleanup_failed");
            }
            return Err(error);
        }
        self.request_import(source).await;
        Ok(())
    }

    async fn abandon_data_source(&self, org: &OrgId, id: &DataSourceId) -> Result<()> {
        let purge = domain::Purge::DataSource {
            org_id: org.clone(),
            data_source_id: id.clone(),
        };
        self.purge(&purge).await
    }

    /// Queues the import of a data source, and removes its promise.
    pub(super) async fn send_import_message(&self, message: &ImportDataSourceMessage) -> Result<()> {
        self.queues.send(message).await?;
        self.store.keep_import_promise(message).await
    }

    /// Queues the imports that were promised before `before_ms` and whose message was lost; returns their number.
    pub(crate) async fn relay_imports(&self, before_ms: i64) -> Result<usize> {
        let mut kept = crate::platform::batch_outcome::BatchOutcome::default();
        for message in self.store.promised_imports(before_ms).await? {
            let sent = self.send_import_message(&message).await.map(|()| 1);
            kept.count(
                sent,
                |error| tracing::warn!(data_source_id = %message.data_source_id, %error, "data_source.not_relayed"),
            );
        }
        kept.end()
    }

    /// Waits up to `at_most` until a data source is `ready` or `failed`, and returns its state then.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if it is deleted in the meantime.
    #[expect(
        clippy::disallowed_methods,
        reason = "the client asked to wait, and polling is the only way"
    )]
    pub fn wait_until_imported<'a>(
        &'a self,
        source: &'a DataSource,
        at_most: Duration,
    ) -> BoxFuture<'a, Result<DataSource>> {
        const INTERVAL: Duration = Duration::from_millis(200);
        Box::pin(async move {
            let sources = self.store.data_sources(&source.org);
            let mut left = at_most;
            loop {
                let found = sources.get(&source.id).await?.ok_or(super::NO_DATA_SOURCE)?;
                if found.status != DataSourceStatus::Pending || left.is_zero() {
                    return Ok(found);
                }
                let wait = INTERVAL.min(left);
                tokio::time::sleep(wait).await;
                left -= wait;
            }
        })
    }
}
