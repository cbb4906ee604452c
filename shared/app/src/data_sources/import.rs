//! Imports: a worker turns uploaded files into one database file. Deliveries may be repeated: the key of the file is the
//! hash of its content, and one conditional write makes it that of the data source.

use domain::{
    DataFile, DataSource, DataSourceKind, DataSourceStatus, Error, ImportDataSourceMessage, ImportFailure, Result,
};
use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use sql_engine::{Catalog, EngineError, FileKind, ImportFile, Refusal};
use store::ImportOutcome;

use crate::{App, Delivery};

/// Number of deaths of the reader before the files are blamed.
const MAX_DEATHS: u32 = 2;

impl App {
    /// Imports a data source. `Ok` means that the delivery is finished: it is `ready`, `failed` for a reason of its own,
    /// or deleted.
    ///
    /// # Errors
    /// Returns an error if the queue must deliver the message again. On the last delivery the data source is marked
    /// `failed`, so that nobody waits for it.
    pub fn import_data_source<'a>(
        &'a self,
        message: &'a ImportDataSourceMessage,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let sources = self.store.data_sources(&message.org_id);
            let id = &message.data_source_id;
            let Some(source) = sources.get(id).await? else {
                // Deleted: nothing that an earlier delivery stored may outlive it.
                let folder = DataSource::folder(&message.org_id, id);
                return self.objects.delete_below(&folder).await;
            };
            if source.connection.is_some() {
                return match self.import_catalog(&source).await {
                    Err(error) if delivery.is_last() => {
                        tracing::warn!(data_source_id = %id, %error, "data_source.given_up");
                        self.give_up_catalog(&source).await
                    }
                    other => other,
                };
            }
            if source.status != DataSourceStatus::Pending {
                return Ok(());
            }
            let outcome = match self.read_source(&source).await {
                Ok(outcome) => outcome,
                Err(error) if delivery.is_last() => {
                    tracing::warn!(data_source_id = %id, %error, "data_source.given_up");
                    ImportOutcome::Failed(failure(
                        "internal",
                        "Something went wrong on our side. Create it again.",
                    ))
                }
                Err(error) => return Err(error),
            };
            if !sources.finish(id, &outcome, self.clock.now()).await? && sources.get(id).await?.is_none() {
                // Deleted in the meantime: nothing may outlive it.
                return self.objects.delete_below(&DataSource::folder(&source.org, id)).await;
            }
            for index in 0..source.files.len() {
                let key = DataSource::upload_key(&source.org, id, index);
                self.objects.delete(&key).await?;
            }
            tracing::info!(data_source_id = %id, is_ready = matches!(outcome, ImportOutcome::Ready(_)), "data_source.imported");
            Ok(())
        })
    }

    async fn read_source(&self, source: &DataSource) -> Result<ImportOutcome> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let kind = match source.kind {
            DataSourceKind::Csv => FileKind::Csv,
            DataSourceKind::Sqlite => FileKind::Sqlite,
            DataSourceKind::Sample | DataSourceKind::Postgres => {
                return Err(Error::internal("this data source is not uploaded"));
            }
        };
        let mut files = Vec::new();
        for (index, file) in source.files.iter().enumerate() {
            let key = DataSource::upload_key(&source.org, &source.id, index);
            // Another delivery is ahead.
            let bytes = self.objects.get(&key).await?;
            let bytes = bytes.ok_or_else(|| Error::unavailable("an uploaded file is gone"))?;
            let path = folder.path().join(index.to_string());
            std::fs::write(&path, &bytes).map_err(Error::internal)?;
            files.push(ImportFile {
                path,
                name: file.name.clone(),
                kind,
            });
        }
        let target = folder.path().join("target");
        match self.engine.import(files, &target).await {
            Ok(catalog) => {
                let bytes = std::fs::read(&target).map_err(Error::internal)?;
                Ok(ImportOutcome::Ready(
                    self.store_database(source, bytes, &catalog).await?,
                ))
            }
            Err(EngineError::Refused(refusal)) => Ok(ImportOutcome::Failed(explained(&refusal))),
            Err(EngineError::Process(cause)) => {
                tracing::warn!(data_source_id = %source.id, cause, "data_source.reader_died");
                let deaths = self.store.data_sources(&source.org).count_death(&source.id).await?;
                if deaths.is_some_and(|deaths| deaths < MAX_DEATHS) {
                    return Err(Error::unavailable("the reader of a data source died"));
                }
                let detail = "The files cannot be read and may be damaged. Save them again in their program, and create \
                              the data source anew.";
                Ok(ImportOutcome::Failed(failure("damaged", detail)))
            }
        }
    }

    async fn store_database(&self, source: &DataSource, bytes: Vec<u8>, catalog: &Catalog) -> Result<DataFile> {
        let data = DataFile {
            sha256: hex::encode(Sha256::digest(&bytes)),
            size_bytes: bytes.len() as u64,
            tables: u32::try_from(catalog.tables.len()).unwrap_or(u32::MAX),
            rows: catalog.tables.iter().filter_map(|table| table.row_count).sum(),
        };
        let described = serde_json::to_vec(catalog).map_err(Error::internal)?;
        let key = DataSource::catalog_key(&source.org, &source.id, &data.sha256);
        self.objects.put(&key, described.into(), "application/json").await?;
        let key = DataSource::data_key(&source.org, &source.id, &data.sha256);
        self.objects.put(&key, bytes.into(), "application/vnd.sqlite3").await?;
        Ok(data)
    }
}

fn failure(code: &str, detail: &str) -> ImportFailure {
    ImportFailure {
        code: code.to_owned(),
        detail: detail.to_owned(),
    }
}

/// Returns the reason for people: those of a query speak of the query.
fn explained(refusal: &Refusal) -> ImportFailure {
    match refusal.code.as_str() {
        "timed_out" => failure("timed_out", "The files take too long to read. Upload fewer rows."),
        "sql_error" => failure(
            "damaged",
            "The tables of the database cannot be read. Save it again in its program.",
        ),
        code => failure(code, &refusal.detail),
    }
}
