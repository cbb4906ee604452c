//! A database: the built-in sample store, or tables that were uploaded.

use serde::{Deserialize, Serialize};

use crate::{DataSourceId, EncryptedSecret, OrgId, Timestamp, UserId};

/// The format of what a data source was created from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataSourceKind {
    /// The sample store, which every organization has.
    Sample,
    /// Tables as comma-separated values.
    Csv,
    /// A `SQLite` database.
    Sqlite,
    /// A database on a PostgreSQL server.
    Postgres,
}

impl DataSourceKind {
    /// Returns the format of a file by the extension of its name.
    pub fn of_file(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "csv" | "tsv" => Some(Self::Csv),
            "sqlite" | "sqlite3" | "db" | "db3" => Some(Self::Sqlite),
            _ => None,
        }
    }
}

/// The state of a data source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataSourceStatus {
    /// Stored, waiting for a worker.
    Pending,
    /// It can be queried.
    Ready,
    /// It cannot be read; `failure` has the reason.
    Failed,
}

/// Why a data source could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFailure {
    /// Stable `snake_case` word: `damaged`, `empty`, `too_large`, `timed_out`, `internal`, or one of a connection, such as
    /// `credentials_rejected`.
    pub code: String,
    /// A sentence that tells the user what to do.
    pub detail: String,
}

/// A file that a data source was created from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its name at the client.
    pub name: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// The database file that was made of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Hex SHA-256 of the file, which its key contains.
    pub sha256: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Number of tables.
    pub tables: u32,
    /// Number of rows of all tables.
    pub rows: u64,
}

/// How the connection to a database is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// With TLS, by a certificate that is valid for the host.
    #[default]
    VerifyFull,
    /// With TLS, whatever the certificate.
    Require,
    /// Without TLS: on this machine only, for development.
    Disable,
}

/// How a database is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseConnection {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The user there.
    pub user: String,
    /// The user's password. Every connection has a ciphertext of its own, so that this also tells connections apart.
    pub password: EncryptedSecret,
    /// How it is protected.
    pub tls: TlsMode,
    /// Certificates in PEM format of the authorities that may vouch for the server; those that the system trusts if
    /// there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificate: Option<String>,
    /// The schemas whose tables are imported; all that the user may read if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<String>,
}

impl DatabaseConnection {
    /// Maximum length of the name of a host (RFC 1035), in bytes.
    pub const MAX_HOST: usize = 253;
    /// Maximum length of a name in PostgreSQL, in bytes.
    pub const MAX_NAME: usize = 63;
    /// Maximum length of a password, in bytes.
    pub const MAX_PASSWORD: usize = 1_000;
    /// Maximum length of the certificates, in bytes.
    pub const MAX_CERTIFICATE: usize = 100_000;
    /// Maximum number of schemas.
    pub const MAX_SCHEMAS: usize = 50;
}

/// A database that can be queried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSource {
    /// Its ID.
    pub id: DataSourceId,
    /// The organization that owns it.
    pub org: OrgId,
    /// The user who created it.
    pub created_by: UserId,
    /// Display name.
    pub name: String,
    /// What it contains.
    pub description: Option<String>,
    /// What it was created from.
    pub kind: DataSourceKind,
    /// Its state.
    pub status: DataSourceStatus,
    /// The files it was created from.
    pub files: Vec<SourceFile>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<ImportFailure>,
    /// Number of times that its reader died.
    #[serde(default)]
    pub deaths: u32,
    /// The database file, once there is one; of a server, its catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataFile>,
    /// How the server is reached, unless this is a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<DatabaseConnection>,
    /// The schemas of its tables, in the order in which they are searched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search_path: Vec<String>,
    /// What its owner should know of the connection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The catalog before the present one, which requests may still read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_catalog: Option<String>,
    /// When its catalog was last read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refreshed_at: Option<Timestamp>,
    /// When its catalog is read next, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<i64>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl DataSource {
    /// The ID of the sample store.
    pub const SAMPLE: &'static str = "sample";
    /// Maximum length of the name, in characters.
    pub const MAX_NAME: usize = 100;
    /// Maximum length of the description, in characters.
    pub const MAX_DESCRIPTION: usize = 1_000;
    /// Maximum number of files.
    pub const MAX_FILES: usize = 20;

    /// Returns the sample store of an organization.
    pub fn sample(org: &OrgId) -> Self {
        let description = "A retailer with customers, products, orders, invoices, shipments and employees in 2024 and \
                           2025. Generated; nothing in it is real.";
        Self {
            id: Self::sample_id(),
            org: org.clone(),
            created_by: UserId(String::new()),
            name: "Sample store".to_owned(),
            description: Some(description.to_owned()),
            kind: DataSourceKind::Sample,
            status: DataSourceStatus::Ready,
            files: Vec::new(),
            failure: None,
            deaths: 0,
            data: None,
            connection: None,
            search_path: Vec::new(),
            warnings: Vec::new(),
            earlier_catalog: None,
            refreshed_at: None,
            due_ms: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// Returns the ID of the sample store.
    pub fn sample_id() -> DataSourceId {
        DataSourceId(Self::SAMPLE.to_owned())
    }

    /// Returns whether this is the sample store.
    pub fn is_sample(&self) -> bool {
        self.kind == DataSourceKind::Sample
    }

    /// Returns the prefix of the keys of its objects.
    pub fn folder(org: &OrgId, id: &DataSourceId) -> String {
        format!("t/{org}/data/{id}/")
    }

    /// Returns the key of an uploaded file.
    pub fn upload_key(org: &OrgId, id: &DataSourceId, index: usize) -> String {
        format!("{}upload/{index}", Self::folder(org, id))
    }

    /// Returns the key of the database file.
    pub fn data_key(org: &OrgId, id: &DataSourceId, sha256: &str) -> String {
        format!("{}{sha256}.sqlite", Self::folder(org, id))
    }

    /// Returns the key of the description of the database file.
    pub fn catalog_key(org: &OrgId, id: &DataSourceId, sha256: &str) -> String {
        format!("{}{sha256}.json", Self::folder(org, id))
    }
}

/// The body of a message in the `import_data_source` queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportDataSourceMessage {
    /// The organization that owns it.
    pub org_id: OrgId,
    /// The data source.
    pub data_source_id: DataSourceId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_extension() {
        for (name, kind) in [
            ("orders.csv", Some(DataSourceKind::Csv)),
            ("Orders.TSV", Some(DataSourceKind::Csv)),
            ("shop.db", Some(DataSourceKind::Sqlite)),
            ("shop.xlsx", None),
            ("csv", None),
        ] {
            assert_eq!(DataSourceKind::of_file(name), kind, "{name}");
        }
    }
}
