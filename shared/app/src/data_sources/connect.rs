//! Data sources on servers of organizations: their connection, and the catalog that is read from them.
//!
//! The password is encrypted for its data source. A connection is only made to addresses that were checked when it is
//! made. The catalog is an object named by its content, like that of a file; it is read when a data source is created or
//! connected otherwise, on request, and once a day.

use domain::{
    Actor, DataFile, DataSource, DataSourceId, DataSourceKind, DataSourceStatus, DatabaseConnection, EncryptedSecret,
    Error, ImportDataSourceMessage, ImportFailure, Membership, Result, Secret, TlsMode,
};
use fetch::{FetchError, Server};
use futures::future::BoxFuture;
use postgres_engine::{Failure, ImportedCatalog, Login, PostgresError, Session, Tls};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::CatalogOutcome;

use super::{DataSourceFound, NO_DATA_SOURCE};
use crate::{App, audit::audit_event::AuditEvent, platform::stored_secrets::SecretPlace};

/// How often a catalog is read again, in milliseconds: every day, or sooner after a failure that may pass.
const REFRESH_MS: i64 = 24 * 60 * 60 * 1_000;
const RETRY_MS: i64 = 60 * 60 * 1_000;

/// How a database is to be reached.
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The user there.
    pub user: String,
    /// The user's password.
    pub password: Secret,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// Certificates in PEM format of the authorities that may vouch for the server.
    pub ca_certificate: Option<String>,
    /// The schemas whose tables are imported; all of them if there are none.
    pub schemas: Vec<String>,
}

/// A data source on a server.
#[derive(Debug, Clone)]
pub struct NewConnectedSource {
    /// Display name; that of the database if there is none.
    pub name: Option<String>,
    /// What it contains.
    pub description: Option<String>,
    /// Whether requests that name no data source mean it.
    pub is_default: bool,
    /// How it is reached.
    pub connection: NewConnection,
}

impl App {
    /// Creates a data source on a server. Its catalog is read in the background.
    ///
    /// # Errors
    /// Returns [`Error::Unusable`] for a host that must not be reached and a connection that is not protected, and
    /// [`Error::Limit`] if the organization has as many data sources as its plan allows.
    pub fn connect_data_source<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        new: NewConnectedSource,
    ) -> BoxFuture<'a, Result<DataSource>> {
        Box::pin(async move {
            let (id, now) = (self.ids.make()?, self.clock.now());
            let name = new.name.as_deref().unwrap_or(&new.connection.database);
            let name = name.trim().chars().take(DataSource::MAX_NAME).collect();
            let connection = self.checked_connection(member, &id, new.connection).await?;
            let source = DataSource {
                id,
                created_by: member.member.clone(),
                name,
                description: new.description.filter(|text| !text.trim().is_empty()),
                kind: DataSourceKind::Postgres,
                status: DataSourceStatus::Pending,
                connection: Some(connection),
                created_at: now,
                updated_at: now,
                ..DataSource::sample(&member.org)
            };
            let event = AuditEvent::new("data_source.created", "data_source", source.id.as_str());
            let event = event.after(json!({"kind": source.kind, "default": new.is_default}));
            self.store_data_source(
                &source,
                new.is_default,
                Vec::new(),
                self.entry(actor, &source.org, event)?,
            )
            .await?;
            Ok(source)
        })
    }

    /// Replaces the connection of a data source, whose catalog is then read. The password is part of it: a stored one is
    /// never sent to another server.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Conflict`] `data_source_is_a_file` and `conflict`, and the errors of
    /// [`App::connect_data_source`].
    pub fn replace_connection<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        id: &'a DataSourceId,
        connection: NewConnection,
    ) -> BoxFuture<'a, Result<DataSourceFound>> {
        Box::pin(async move {
            let source = self.connected_source(member, id).await?;
            let connection = self.checked_connection(member, id, connection).await?;
            let event = AuditEvent::new("data_source.connected", "data_source", id.as_str());
            let event = event.after(json!({"tls": connection.tls}));
            let entry = self.entry(actor, &member.org, event)?;
            let sources = self.store.data_sources(&member.org);
            if !sources.connect(&source, &connection, self.clock.now(), &entry).await? {
                let detail = "The data source was changed or deleted in the meantime. Read it and try again.";
                return Err(Error::conflict("conflict", detail));
            }
            self.request_import(&source).await;
            self.data_source(&member.org, Some(id)).await
        })
    }

    /// Reads the catalog of a data source again, in the background.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Conflict`] `data_source_is_a_file`, and [`Error::TooMany`]
    /// `too_many_queries`.
    pub fn refresh_data_source<'a>(
        &'a self,
        member: &'a Membership,
        id: &'a DataSourceId,
    ) -> BoxFuture<'a, Result<DataSourceFound>> {
        Box::pin(async move {
            let source = self.connected_source(member, id).await?;
            self.count_query(&member.member).await?;
            let sources = self.store.data_sources(&member.org);
            if !sources.promise_import(id, self.clock.now()).await? {
                return Err(NO_DATA_SOURCE);
            }
            self.request_import(&source).await;
            self.data_source(&member.org, Some(id)).await
        })
    }

    async fn connected_source(&self, member: &Membership, id: &DataSourceId) -> Result<DataSource> {
        let source = self.data_source(&member.org, Some(id)).await?.source;
        if source.connection.is_none() {
            let detail = "This data source was made of files and has no connection. Only those on a server do.";
            return Err(Error::conflict("data_source_is_a_file", detail));
        }
        Ok(source)
    }

    /// Queues the import that was promised.
    pub(super) async fn request_import(&self, source: &DataSource) {
        let message = ImportDataSourceMessage {
            org_id: source.org.clone(),
            data_source_id: source.id.clone(),
        };
        if let Err(error) = self.send_import_message(&message).await {
            tracing::warn!(data_source_id = %source.id, %error, "data_source.message_left_to_relay");
        }
    }

    /// Checks a connection as far as that is possible without making it, and encrypts its password.
    async fn checked_connection(
        &self,
        member: &Membership,
        id: &DataSourceId,
        new: NewConnection,
    ) -> Result<DatabaseConnection> {
        let unusable = |code, pointer, detail: &str| Error::Unusable {
            code,
            pointer,
            detail: detail.to_owned(),
        };
        let server = Server::parse(&new.host, new.port, &self.config.private_hosts);
        let server = server.map_err(|error| match error {
            FetchError::AddressNotAllowed => unusable("address_not_allowed", "/connection/host", PRIVATE_HOST),
            FetchError::PortNotAllowed => unusable(
                "port_not_allowed",
                "/connection/port",
                "This port belongs to another service. Databases listen on ports above 1023, PostgreSQL on 5432.",
            ),
            _ => unusable(
                "host_invalid",
                "/connection/host",
                "This is not the name or address of a server.",
            ),
        })?;
        if new.tls == TlsMode::Disable && !server.is_private() {
            let detail = "A connection over the internet needs TLS. Use `verify_full`.";
            return Err(unusable("tls_required", "/connection/tls", detail));
        }
        if let Some(pem) = &new.ca_certificate
            && postgres_engine::check_authorities(pem).is_err()
        {
            let detail = "This is not a certificate in PEM format.";
            return Err(unusable("ca_certificate_invalid", "/connection/ca_certificate", detail));
        }
        let password = self.encrypt_secret(place(&member.org, id), &new.password).await?;
        Ok(DatabaseConnection {
            host: server.host().to_owned(),
            port: new.port,
            database: new.database,
            user: new.user,
            password,
            tls: new.tls,
            ca_certificate: new.ca_certificate,
            schemas: new.schemas,
        })
    }

    /// Connects to the server of a data source.
    pub(super) async fn open_session(&self, source: &DataSource) -> Result<Result<Session, ConnectionFailure>> {
        let connection = source.connection.as_ref().ok_or_else(no_connection)?;
        let login = match self.login(source, connection).await? {
            Ok(login) => login,
            Err(failure) => return Ok(Err(failure)),
        };
        Ok(Session::open(&login).await.map_err(ConnectionFailure::from))
    }

    async fn login(
        &self,
        source: &DataSource,
        connection: &DatabaseConnection,
    ) -> Result<Result<Login, ConnectionFailure>> {
        let server = Server::parse(&connection.host, connection.port, &self.config.private_hosts);
        let resolved = match &server {
            Ok(server) => server.addresses().await,
            Err(error) => Err(error.clone()),
        };
        let addresses = match resolved {
            Ok(addresses) => addresses,
            Err(error) => return Ok(Err(ConnectionFailure::of_host(&error))),
        };
        let password = self.decrypt_password(source, &connection.password).await?;
        Ok(Ok(Login {
            host: connection.host.clone(),
            addresses,
            database: connection.database.clone(),
            user: connection.user.clone(),
            password,
            tls: match connection.tls {
                TlsMode::VerifyFull => Tls::VerifyFull(connection.ca_certificate.clone()),
                TlsMode::Require => Tls::Require,
                TlsMode::Disable => Tls::Disable,
            },
        }))
    }

    async fn decrypt_password(&self, source: &DataSource, password: &EncryptedSecret) -> Result<Secret> {
        self.decrypt_secret(place(&source.org, &source.id), password).await
    }

    /// Reads the catalog of a data source on a server. `Ok` means that the delivery is finished.
    pub(super) async fn import_catalog(&self, source: &DataSource) -> Result<()> {
        let outcome = match self.read_catalog(source).await? {
            Ok(imported) => {
                tracing::info!(data_source_id = %source.id, tables = imported.catalog.tables.len(), "data_source.catalog_read");
                CatalogOutcome::Read {
                    data: self.store_catalog(source, &imported).await?,
                    search_path: imported.schemas,
                    warnings: imported.warnings,
                }
            }
            Err(failure) => {
                tracing::info!(data_source_id = %source.id, code = failure.code, "data_source.catalog_not_read");
                CatalogOutcome::Failed(ImportFailure {
                    code: failure.code.to_owned(),
                    detail: failure.detail.clone(),
                })
            }
        };
        let now = self.clock.now();
        // One that never worked waits for its owner.
        let pause = match &outcome {
            CatalogOutcome::Read { .. } => Some(REFRESH_MS),
            CatalogOutcome::Failed(_) => source.data.is_some().then_some(RETRY_MS),
        };
        let due_ms = pause.map(|pause| now.as_millisecond() + pause);
        let sources = self.store.data_sources(&source.org);
        if !sources.finish_catalog(source, &outcome, due_ms, now).await? {
            return match sources.get(&source.id).await? {
                // It was connected otherwise; that has a message of its own.
                Some(_) => Ok(()),
                None => {
                    self.objects
                        .delete_below(&DataSource::folder(&source.org, &source.id))
                        .await
                }
            };
        }
        // No request reads that one any more.
        if let (CatalogOutcome::Read { data, .. }, Some(earlier)) = (&outcome, &source.earlier_catalog)
            && *earlier != data.sha256
            && source
                .data
                .as_ref()
                .is_some_and(|present| present.sha256 != *earlier && present.sha256 != data.sha256)
        {
            let key = DataSource::catalog_key(&source.org, &source.id, earlier);
            self.objects.delete(&key).await?;
        }
        Ok(())
    }

    /// Records that the catalog could not be read for a reason of our own.
    pub(super) async fn give_up_catalog(&self, source: &DataSource) -> Result<()> {
        let failure = ImportFailure {
            code: "internal".to_owned(),
            detail: "Something went wrong on our side. Refresh the data source.".to_owned(),
        };
        let now = self.clock.now();
        let due_ms = source.data.as_ref().map(|_| now.as_millisecond() + REFRESH_MS);
        let sources = self.store.data_sources(&source.org);
        let outcome = CatalogOutcome::Failed(failure);
        sources.finish_catalog(source, &outcome, due_ms, now).await.map(|_| ())
    }

    async fn read_catalog(&self, source: &DataSource) -> Result<Result<ImportedCatalog, ConnectionFailure>> {
        let mut session = match self.open_session(source).await? {
            Ok(session) => session,
            Err(failure) => return Ok(Err(failure)),
        };
        let schemas = source
            .connection
            .as_ref()
            .map_or(&[][..], |connection| &connection.schemas);
        Ok(session.catalog(schemas).await.map_err(|error| match error {
            PostgresError::Failed(failure) => failure.into(),
            PostgresError::Refused(refusal) => ConnectionFailure {
                code: "catalog_unreadable",
                detail: format!("The catalog of the database cannot be read. {}", refusal.detail),
            },
        }))
    }

    async fn store_catalog(&self, source: &DataSource, imported: &ImportedCatalog) -> Result<DataFile> {
        let described = serde_json::to_vec(&imported.catalog).map_err(Error::internal)?;
        let data = DataFile {
            sha256: hex::encode(Sha256::digest(&described)),
            size_bytes: 0,
            tables: u32::try_from(imported.catalog.tables.len()).unwrap_or(u32::MAX),
            rows: imported.catalog.tables.iter().filter_map(|table| table.row_count).sum(),
        };
        let key = DataSource::catalog_key(&source.org, &source.id, &data.sha256);
        self.objects.put(&key, described.into(), "application/json").await?;
        Ok(data)
    }
}

const PRIVATE_HOST: &str =
    "This host belongs to a private network. Only servers on the public internet can be reached.";

/// Why a server cannot be used, in a sentence for its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectionFailure {
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

impl ConnectionFailure {
    fn of_host(error: &FetchError) -> Self {
        let (code, detail) = match error {
            FetchError::AddressNotAllowed => ("address_not_allowed", PRIVATE_HOST),
            _ => (
                "host_not_found",
                "There is no server of this name. Check the host for typing errors.",
            ),
        };
        Self {
            code,
            detail: detail.to_owned(),
        }
    }
}

impl From<Failure> for ConnectionFailure {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.code(),
            detail: failure.to_string(),
        }
    }
}

fn no_connection() -> Error {
    Error::internal("a data source on a server has no connection")
}

/// Where the password of a connection is stored.
fn place<'a>(org: &'a domain::OrgId, id: &'a DataSourceId) -> SecretPlace<'a> {
    SecretPlace {
        tenant: org,
        field: "data_source.password",
        id: id.as_str(),
    }
}
