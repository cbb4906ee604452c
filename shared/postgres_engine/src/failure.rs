//! Why a server does not answer, for the people who gave its address.

use std::error::Error as _;

use sql_engine::Refusal;
use tokio_postgres::{Error, error::SqlState};

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostgresError {
    /// The query is the cause.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The server, the network or the role is the cause.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Why a database cannot be used. The sentences say what to do, and quote nothing that the server said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing answers.
    #[error(
        "The server does not answer at this host and port. Check both, and whether its firewall lets in connections from the internet."
    )]
    Unreachable,
    /// The connection ended, or what answers speaks another protocol.
    #[error("The server ended the connection, or is no PostgreSQL server. Check host and port, and try again.")]
    ConnectionLost,
    /// The server offers no TLS.
    #[error(
        "The server offers no TLS. Turn it on there: without it, everyone in between can read what your queries return."
    )]
    NoTls,
    /// The certificate is not valid.
    #[error(
        "The server's certificate is not valid for this host. Check the host name, or send the certificate of the authority that issued it as `ca_certificate`."
    )]
    CertificateInvalid,
    /// The authority's certificate cannot be read.
    #[error("`ca_certificate` is not a certificate in PEM format.")]
    AuthorityUnreadable,
    /// Wrong user or password.
    #[error("The server rejects the user or the password. Check both.")]
    CredentialsRejected,
    /// A rule of the server rejects the connection.
    #[error(
        "The server does not let this user connect to this database from the internet. Allow it in its pg_hba.conf or network settings."
    )]
    ConnectionRejected,
    /// The database does not exist.
    #[error("The server has no database of this name.")]
    NoDatabase,
    /// The role lacks a privilege.
    #[error(
        "The user may not connect to this database, or read its catalog. Grant it CONNECT, and SELECT on its tables."
    )]
    AccessDenied,
    /// The server has no connection left.
    #[error("The server accepts no more connections at the moment. Try again later, or raise its limit.")]
    TooManyConnections,
    /// The server is starting or stopping.
    #[error("The server is starting or stopping. Try again in a minute.")]
    NotAccepting,
    /// It took too long.
    #[error("The server takes too long to answer. Try again later.")]
    TooSlow,
    /// The role could do more than any query may.
    #[error(
        "This user is a superuser, or may read files or run programs of the server. Create one that may only read: CREATE ROLE reader LOGIN PASSWORD '...'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader."
    )]
    TooPowerful,
    /// There is nothing to query.
    #[error(
        "The user can read no table in these schemas. Grant it USAGE on a schema and SELECT on its tables, or name other schemas."
    )]
    NoTables,
    /// Anything else.
    #[error("The server rejects what every connection needs (SQLSTATE {0}). Ask its administrator.")]
    Rejected(String),
}

impl Failure {
    /// Returns a stable `snake_case` word for it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "server_unreachable",
            Self::ConnectionLost => "connection_lost",
            Self::NoTls => "tls_not_offered",
            Self::CertificateInvalid => "certificate_invalid",
            Self::AuthorityUnreadable => "ca_certificate_invalid",
            Self::CredentialsRejected => "credentials_rejected",
            Self::ConnectionRejected => "connection_rejected",
            Self::NoDatabase => "no_database",
            Self::AccessDenied => "access_denied",
            Self::TooManyConnections => "too_many_connections",
            Self::NotAccepting => "server_not_accepting",
            Self::TooSlow => "server_too_slow",
            Self::TooPowerful => "role_too_powerful",
            Self::NoTables => "no_tables",
            Self::Rejected(_) => "server_rejects",
        }
    }

    /// Returns whether the same may succeed in a while, without a change of anything.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::ConnectionLost | Self::TooManyConnections | Self::NotAccepting | Self::TooSlow
        )
    }

    /// Returns why a connection was not established, or has ended.
    pub(crate) fn of(error: &Error) -> Self {
        if let Some(code) = error.code() {
            return Self::of_code(code);
        }
        let mut cause = error.source();
        while let Some(inner) = cause {
            if inner.is::<rustls::Error>() {
                return Self::CertificateInvalid;
            }
            let io = inner.downcast_ref::<std::io::Error>();
            if let Some(inner) = io.and_then(std::io::Error::get_ref)
                && inner.is::<rustls::Error>()
            {
                return Self::CertificateInvalid;
            }
            // The library has no other sign of it.
            if inner.to_string().contains("does not support TLS") {
                return Self::NoTls;
            }
            cause = inner.source();
        }
        // A password that is missing, or an exchange that does not prove that the server knows it too.
        if error.to_string().starts_with("authentication error")
            || error.to_string().starts_with("invalid configuration")
        {
            return Self::CredentialsRejected;
        }
        Self::ConnectionLost
    }

    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn of_code(code: &SqlState) -> Self {
        match *code {
            SqlState::INVALID_PASSWORD => Self::CredentialsRejected,
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Self::ConnectionRejected,
            SqlState::INVALID_CATALOG_NAME => Self::NoDatabase,
            SqlState::INSUFFICIENT_PRIVILEGE => Self::AccessDenied,
            SqlState::TOO_MANY_CONNECTIONS => Self::TooManyConnections,
            SqlState::CANNOT_CONNECT_NOW => Self::NotAccepting,
            SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => Self::TooSlow,
            _ if is_end(code) => Self::ConnectionLost,
            _ => Self::Rejected(code.code().to_owned()),
        }
    }
}

/// Returns whether a code says that the connection has ended: by an administrator, a crash or a time limit.
fn is_end(code: &SqlState) -> bool {
    code.code().starts_with("08")
        || matches!(
            *code,
            SqlState::ADMIN_SHUTDOWN
                | SqlState::CRASH_SHUTDOWN
                | SqlState::DATABASE_DROPPED
                | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
                | SqlState::IDLE_SESSION_TIMEOUT
        )
}

/// Returns whether a connection cannot be used any more after an error.
pub(crate) fn is_fatal(error: &Error) -> bool {
    error.code().is_none_or(is_end)
}

/// Returns why a query did not end.
pub(crate) fn of_query(error: &Error, is_used_up: bool) -> PostgresError {
    let refusal = |code: &str, detail: &str| {
        PostgresError::Refused(Refusal {
            code: code.to_owned(),
            detail: detail.to_owned(),
        })
    };
    if is_used_up {
        return refusal(
            "too_large",
            "The query needs too much memory. Limit it to fewer rows or columns.",
        );
    }
    let Some(db) = error.as_db_error() else {
        return Failure::of(error).into();
    };
    match *db.code() {
        SqlState::QUERY_CANCELED => refusal(
            "timed_out",
            "The query took too long. Limit it to fewer rows, or join fewer tables.",
        ),
        SqlState::LOCK_NOT_AVAILABLE => refusal(
            "timed_out",
            "A table that the query reads is locked by someone else. Try again in a moment.",
        ),
        SqlState::OUT_OF_MEMORY
        | SqlState::DISK_FULL
        | SqlState::CONFIGURATION_LIMIT_EXCEEDED
        | SqlState::PROGRAM_LIMIT_EXCEEDED
        | SqlState::STATEMENT_TOO_COMPLEX => refusal(
            "too_large",
            "The query needs too much memory. Limit it to fewer rows or columns.",
        ),
        _ if is_end(db.code()) => Failure::ConnectionLost.into(),
        // Details and hints may quote rows.
        _ => {
            let reason = db.message().trim_end_matches('.');
            refusal("sql_error", &format!("The database rejects the query: {reason}."))
        }
    }
}
