//! One connection to a server, and what happens on it.

use std::{net::SocketAddr, time::Duration};

use futures::{
    FutureExt as _, TryStreamExt as _,
    future::{BoxFuture, Fuse},
};
use serde_json::Value;
use sql_engine::{ColumnType, Description, QueryLimits, Refusal, ResultColumn, ResultSet};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_postgres::{
    Client, Config, Error, Statement,
    config::SslMode,
    tls::MakeTlsConnect,
    types::{ToSql, Type},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    Failure, Login, PostgresError, Tls,
    failure::{is_fatal, of_query},
    meter::{Allowance, Metered},
    statements::{self, Cast},
    tls,
    values::{self, Raw},
};

/// How this product names itself to the server's administrators.
const APPLICATION: &str = "Parlance";
/// Until a TCP connection to one address is established.
const CONNECT: Duration = Duration::from_secs(4);
/// Until the server is ready for queries, TLS and authentication included.
const START: Duration = Duration::from_secs(8);
/// How long after its time a transaction is given up: the server ends it by itself, and says so.
const GRACE: Duration = Duration::from_millis(150);
/// How long the server has to accept the cancellation of a query.
const CANCEL: Duration = Duration::from_millis(500);
/// Bytes that a server may send until it is ready.
const START_BYTES: u64 = 256 * 1024;
/// Bytes that a server may send beyond the rows of a result: values are larger in its format than as JSON now and then.
const SPARE_BYTES: u64 = 4 * 1024 * 1024;

type Driver = Fuse<BoxFuture<'static, Result<(), Error>>>;

/// A connection to a database.
pub struct Session {
    client: Client,
    /// Sends and receives while it is polled.
    driver: Driver,
    allowance: Allowance,
    address: SocketAddr,
    host: String,
    tls: MakeRustlsConnect,
    is_broken: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// What a step in a transaction returns, and whether the server still sends more of it.
pub(crate) type Step<T> = Result<(T, bool), Error>;

impl Session {
    /// Connects to a database.
    ///
    /// # Errors
    /// Returns why the server does not let us in.
    pub async fn open(login: &Login) -> Result<Self, Failure> {
        let config = tls::config(&login.tls)?;
        let (stream, address) = reach(&login.addresses).await?;
        timeout(START, Self::start(login, config, stream, address))
            .await
            .unwrap_or(Err(Failure::TooSlow))
    }

    async fn start(
        login: &Login,
        config: rustls::ClientConfig,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Result<Self, Failure> {
        // Queries are small and wait for their answers.
        stream.set_nodelay(true).map_err(|_| Failure::Unreachable)?;
        let allowance = Allowance::default();
        allowance.set(START_BYTES);
        let mut settings = Config::new();
        settings
            .user(&login.user)
            .password(login.password.expose())
            .dbname(&login.database)
            .application_name(APPLICATION)
            .ssl_mode(if login.tls == Tls::Disable {
                SslMode::Disable
            } else {
                SslMode::Require
            });
        let mut tls = MakeRustlsConnect::new(config);
        let connector = connector::<Metered<TcpStream>>(&mut tls, &login.host)?;
        let stream = Metered::new(stream, allowance.clone());
        let connected = settings.connect_raw(stream, connector).await;
        let (client, connection) = connected.map_err(|error| Failure::of(&error))?;
        Ok(Self {
            client,
            driver: connection.boxed().fuse(),
            allowance,
            address,
            host: login.host.clone(),
            tls,
            is_broken: false,
        })
    }

    /// Returns whether the connection can be used again.
    pub fn is_usable(&self) -> bool {
        !self.is_broken && !self.client.is_closed()
    }

    /// Executes a query. `schemas`: those that its operators and types may come from, in their order.
    ///
    /// # Errors
    /// Returns [`PostgresError::Refused`] `sql_error`, `timed_out` or `too_large`, and why the server does not answer.
    pub async fn query(
        &mut self,
        sql: &str,
        schemas: &[String],
        limits: QueryLimits,
    ) -> Result<ResultSet, PostgresError> {
        self.allowance.set(limits.max_bytes as u64 * 2 + SPARE_BYTES);
        let sql = sql.to_owned();
        self.in_transaction(schemas, limits.deadline, move |client| {
            async move { rows(client, &sql, limits).await }.boxed()
        })
        .await
    }

    /// Compiles a query without executing it.
    ///
    /// # Errors
    /// See [`Session::query`].
    pub async fn describe(
        &mut self,
        sql: &str,
        schemas: &[String],
        deadline: Duration,
    ) -> Result<Description, PostgresError> {
        self.allowance.set(SPARE_BYTES);
        let sql = sql.to_owned();
        self.in_transaction(schemas, deadline, move |client| {
            let prepared = async move {
                let statement = client.prepare(&sql).await?;
                let names = statement.columns().iter().map(|column| column.name().to_owned());
                let columns = names.collect();
                Ok((Description { columns }, false))
            };
            prepared.boxed()
        })
        .await
    }

    /// Allows the server to send so many bytes in the next transaction.
    pub(crate) fn allow(&self, bytes: u64) {
        self.allowance.set(bytes);
    }

    /// Works in a transaction that only reads, and ends it.
    pub(crate) async fn in_transaction<T>(
        &mut self,
        schemas: &[String],
        time: Duration,
        work: impl for<'a> FnOnce(&'a Client) -> BoxFuture<'a, Step<T>>,
    ) -> Result<T, PostgresError> {
        let end = Instant::now() + time;
        // The way to the server and back is part of the time.
        let begin = statements::begin(schemas, time.saturating_sub(time / 50));
        let (client, driver) = (&self.client, &mut self.driver);
        let steps = async {
            client.batch_execute(&begin).await?;
            let done = work(client).await;
            let is_reading = done.as_ref().is_ok_and(|(_, is_reading)| *is_reading);
            if !is_reading && !done.as_ref().is_err_and(is_fatal) {
                client.batch_execute(statements::END).await?;
            }
            done
        };
        let ended = timeout_at(end + GRACE, driven(driver, steps)).await;
        match ended {
            Ok(Ok((done, is_reading))) => {
                if is_reading {
                    self.give_up().await;
                }
                Ok(done)
            }
            Ok(Err(error)) => {
                self.is_broken |= is_fatal(&error);
                Err(of_query(&error, self.allowance.is_used_up()))
            }
            Err(_) => {
                self.give_up().await;
                Err(Refusal {
                    code: "timed_out".to_owned(),
                    detail: "The query took too long. Limit it to fewer rows, or join fewer tables.".to_owned(),
                }
                .into())
            }
        }
    }

    /// Ends what the server still does for this connection, which is not used again.
    async fn give_up(&mut self) {
        self.is_broken = true;
        let token = self.client.cancel_token();
        let cancel = async {
            let stream = TcpStream::connect(self.address).await.ok()?;
            let connector = connector::<TcpStream>(&mut self.tls, &self.host).ok()?;
            token.cancel_query_raw(stream, connector).await.ok()
        };
        if !matches!(timeout(CANCEL, cancel).await, Ok(Some(()))) {
            tracing::warn!("postgres.not_cancelled");
        }
    }
}

fn connector<S>(
    tls: &mut MakeRustlsConnect,
    host: &str,
) -> Result<<MakeRustlsConnect as MakeTlsConnect<S>>::TlsConnect, Failure>
where
    MakeRustlsConnect: MakeTlsConnect<S>,
{
    MakeTlsConnect::<S>::make_tls_connect(tls, host).map_err(|_| Failure::CertificateInvalid)
}

/// Connects to the first address that answers.
async fn reach(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Failure> {
    for address in addresses {
        if let Ok(Ok(stream)) = timeout(CONNECT, TcpStream::connect(address)).await {
            return Ok((stream, *address));
        }
    }
    Err(Failure::Unreachable)
}

/// Waits for work while the connection sends and receives.
async fn driven<T>(driver: &mut Driver, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => done,
        // What the server said last has arrived; after it, the work ends by itself.
        _ = driver => work.await,
    }
}

/// Executes a query and reads its rows, up to their limits.
async fn rows(client: &Client, sql: &str, limits: QueryLimits) -> Step<ResultSet> {
    let mut statement = client.prepare(sql).await?;
    let columns: Vec<(String, Type)> = (statement.columns().iter())
        .map(|column| (column.name().to_owned(), column.type_().clone()))
        .collect();
    let casts: Vec<Cast> = columns.iter().map(|(_, of)| values::cast_of(of)).collect();
    if casts.iter().any(|cast| *cast != Cast::None) {
        statement = client.prepare(&statements::with_casts(sql, &casts)).await?;
    }
    let (rows, truncated, is_reading) = read(client, &statement, &columns, &casts, limits).await?;
    let typed = columns.iter().enumerate().map(|(index, (name, of))| ResultColumn {
        name: name.clone(),
        column_type: type_of(of, index, &rows),
    });
    let columns = typed.collect();
    let found = ResultSet {
        columns,
        rows,
        truncated,
    };
    Ok((found, is_reading))
}

type Rows = Vec<Vec<Value>>;

async fn read(
    client: &Client,
    statement: &Statement,
    columns: &[(String, Type)],
    casts: &[Cast],
    limits: QueryLimits,
) -> Result<(Rows, bool, bool), Error> {
    let none: [&(dyn ToSql + Sync); 0] = [];
    let stream = client.query_raw(statement, none).await?;
    tokio::pin!(stream);
    let (mut rows, mut bytes, mut truncated) = (Vec::new(), 0, false);
    while let Some(row) = stream.try_next().await? {
        let (mut values, mut size) = (Vec::with_capacity(columns.len()), 2);
        for (index, (_, of)) in columns.iter().enumerate() {
            let value: Option<Raw<'_>> = row.try_get(index)?;
            let cast = casts.get(index).copied().unwrap_or(Cast::None);
            let shown = value.and_then(|Raw(bytes)| values::shown(of, cast, bytes));
            let (value, bytes) = shown.unwrap_or((Value::Null, 4));
            values.push(value);
            size += bytes + 1;
        }
        bytes += size;
        if bytes > limits.max_bytes {
            // The rest is not waited for.
            return Ok((rows, true, true));
        }
        // The query itself ends one row later.
        if rows.len() < limits.max_rows {
            rows.push(values);
        } else {
            truncated = true;
        }
    }
    Ok((rows, truncated, false))
}

/// Returns the type of a column: decimal numbers without any fraction are whole numbers.
fn type_of(of: &Type, index: usize, rows: &[Vec<Value>]) -> ColumnType {
    let mut values = rows
        .iter()
        .filter_map(|row| row.get(index))
        .filter(|value| !value.is_null())
        .peekable();
    if *of == Type::NUMERIC && values.peek().is_some() && values.all(Value::is_i64) {
        return ColumnType::Integer;
    }
    values::column_type(of)
}
