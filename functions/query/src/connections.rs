//! Databases on servers of organizations.

use app::{NewConnectedSource, NewConnection};
use domain::{DataSource, DatabaseConnection, Error, Secret, TlsMode, auth::permission::WriteDataSources};
use garde::Validate;
use http_api::{
    Body, Created, Ctx, Json, May, Path, Result, Wait, not_blank, optional_name, readable_name, readable_text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::data_sources::{DataSourcePath, DataSourceView, created, non_empty};

/// The port of PostgreSQL.
const PORT: u16 = 5432;

/// A database to connect.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewConnectedDataSource {
    /// Display name; that of the database if omitted.
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
    /// How it is reached.
    #[garde(dive)]
    connection: ConnectionFields,
}

/// How a PostgreSQL database is reached: by `url`, or by the other fields, which take the place of parts of the URL.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "NewDatabaseConnection")]
pub(crate) struct ConnectionFields {
    /// `postgresql://user:password@host:port/database`, write-only like the password. Its parameters are ignored.
    #[garde(skip)]
    url: Option<Secret>,
    /// Name or address of the server, on the public internet.
    #[garde(length(bytes, max = DatabaseConnection::MAX_HOST), inner(custom(not_blank)))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    host: Option<String>,
    /// Its port; 5432 if omitted.
    #[garde(range(min = 1))]
    port: Option<u16>,
    /// The database.
    #[garde(length(bytes, max = DatabaseConnection::MAX_NAME), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    database: Option<String>,
    /// The user there, who should have no right but SELECT.
    #[garde(length(bytes, max = DatabaseConnection::MAX_NAME), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    user: Option<String>,
    /// The user's password. It is stored encrypted and never returned.
    #[garde(skip)]
    password: Option<Secret>,
    /// `verify_full` (TLS, and the certificate must be valid for the host; this if omitted) or `require` (TLS, whatever
    /// the certificate). `disable` works locally only.
    #[garde(skip)]
    tls: Option<TlsMode>,
    /// Certificates in PEM format of the authorities that may vouch for the server; those that are known anyway if
    /// omitted.
    #[garde(length(bytes, max = DatabaseConnection::MAX_CERTIFICATE))]
    ca_certificate: Option<String>,
    /// Schemas whose tables are included; all that the user may read if omitted.
    #[garde(length(max = DatabaseConnection::MAX_SCHEMAS), inner(inner(length(bytes, max = DatabaseConnection::MAX_NAME), custom(readable_name))))]
    #[schemars(inner(length(max = DatabaseConnection::MAX_NAME), regex(pattern = http_api::READABLE_NAME)))]
    schemas: Option<Vec<String>>,
}

/// How a PostgreSQL database is reached. The password is not part of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DatabaseConnection")]
pub(crate) struct ConnectionView {
    host: String,
    port: u16,
    database: String,
    user: String,
    tls: TlsMode,
    /// Whether an authority of its own vouches for the server.
    has_ca_certificate: bool,
    /// The schemas whose tables are included; all that the user may read if there are none.
    schemas: Vec<String>,
}

impl From<DatabaseConnection> for ConnectionView {
    fn from(connection: DatabaseConnection) -> Self {
        Self {
            host: connection.host,
            port: connection.port,
            database: connection.database,
            user: connection.user,
            tls: connection.tls,
            has_ca_certificate: connection.ca_certificate.is_some(),
            schemas: connection.schemas,
        }
    }
}

/// Returns the error for a secret that is longer than this, in bytes.
fn check_length(secret: &Secret, pointer: &'static str, max: usize) -> Result<(), Error> {
    if secret.expose().len() <= max {
        return Ok(());
    }
    Err(Error::invalid(pointer, format!("must be at most {max} bytes")))
}

/// The parts of a URL.
#[derive(Default)]
struct UrlParts {
    host: Option<String>,
    port: Option<u16>,
    database: Option<String>,
    user: Option<String>,
    password: Option<Secret>,
}

/// Reads `postgresql://user:password@host:port/database`
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>), with one host.
fn parts_of(url: &Secret) -> Result<UrlParts, Error> {
    let invalid = || {
        Error::invalid(
            "/connection/url",
            "must be like postgresql://user:password@host:5432/database",
        )
    };
    check_length(url, "/connection/url", 4 * DatabaseConnection::MAX_PASSWORD)?;
    let url = Url::parse(url.expose().trim()).map_err(|_| invalid())?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(invalid());
    }
    let decoded = |text: &str| {
        let text = percent_decoded(text).ok_or_else(invalid)?;
        Ok::<_, Error>((!text.is_empty()).then_some(text))
    };
    Ok(UrlParts {
        host: url.host_str().map(str::to_owned).filter(|host| !host.is_empty()),
        port: url.port(),
        database: decoded(url.path().trim_start_matches('/'))?,
        user: decoded(url.username())?,
        password: decoded(url.password().unwrap_or_default())?.map(Secret::new),
    })
}

/// Decodes percent-encoded bytes; `None` if they are no text.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

impl ConnectionFields {
    fn into_connection(self) -> Result<NewConnection, Error> {
        let parts = self.url.as_ref().map(parts_of).transpose()?.unwrap_or_default();
        let required = |value: Option<String>, pointer: &'static str, max: usize| {
            let value = value.ok_or_else(|| Error::invalid(pointer, "is required, here or in `url`"))?;
            if value.len() > max || value.contains('\0') {
                return Err(Error::invalid(pointer, format!("must be at most {max} bytes")));
            }
            Ok(value)
        };
        let max = DatabaseConnection::MAX_NAME;
        let password = self
            .password
            .or(parts.password)
            .filter(|secret| !secret.expose().is_empty());
        if let Some(password) = &password {
            check_length(password, "/connection/password", DatabaseConnection::MAX_PASSWORD)?;
        }
        Ok(NewConnection {
            host: required(
                self.host.or(parts.host),
                "/connection/host",
                DatabaseConnection::MAX_HOST,
            )?,
            port: self.port.or(parts.port).unwrap_or(PORT),
            database: required(self.database.or(parts.database), "/connection/database", max)?,
            user: required(self.user.or(parts.user), "/connection/user", max)?,
            password: password
                .ok_or_else(|| Error::invalid("/connection/password", "is required, here or in `url`"))?,
            tls: self.tls.unwrap_or_default(),
            ca_certificate: non_empty(self.ca_certificate),
            schemas: self.schemas.unwrap_or_default(),
        })
    }
}

pub(crate) async fn connect_data_source(
    app: Ctx,
    member: May<WriteDataSources>,
    wait: Wait,
    Body(body): Body<NewConnectedDataSource>,
) -> Result<Created<DataSourceView>> {
    let new = NewConnectedSource {
        name: non_empty(body.name),
        description: non_empty(body.description),
        is_default: body.default.unwrap_or_default(),
        connection: body.connection.into_connection()?,
    };
    let is_default = new.is_default;
    let source = app.connect_data_source(&member.org, &member.actor(), new).await?;
    created(&app, source, is_default, wait).await
}

pub(crate) async fn replace_connection(
    app: Ctx,
    member: May<WriteDataSources>,
    Path(path): Path<DataSourcePath>,
    Body(body): Body<ConnectionFields>,
) -> Result<Json<DataSourceView>> {
    let connection = body.into_connection()?;
    let actor = member.actor();
    let replaced = app.replace_connection(&member.org, &actor, &path.data_source_id, connection);
    Ok(Json(replaced.await?.into()))
}

pub(crate) async fn refresh_data_source(
    app: Ctx,
    member: May<WriteDataSources>,
    Path(path): Path<DataSourcePath>,
) -> Result<Json<DataSourceView>> {
    let refreshed = app.refresh_data_source(&member.org, &path.data_source_id);
    Ok(Json(refreshed.await?.into()))
}
