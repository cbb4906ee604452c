//! A server that speaks the protocol of PostgreSQL: passwords, prepared statements, a catalog. It executes
//! queries on a `SQLite` database in memory, and is stricter than the real one: the simple protocol carries only the
//! beginning and the end of a transaction that reads, and nothing is executed outside of one.

#![expect(clippy::missing_panics_doc, clippy::unwrap_used, reason = "it runs in tests only")]

mod catalog;
mod handlers;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use pgwire::tokio::process_socket;
use rusqlite::Connection;
use tokio::{net::TcpListener, task::JoinHandle};

/// The only database.
pub const DATABASE: &str = "shop";
/// A role that may read the tables `customers` and `orders`.
pub const READER: &str = "reader";
/// A role that may write them too.
pub const WRITER: &str = "writer";
/// A superuser.
pub const OWNER: &str = "owner";
/// A role that `pg_hba.conf` rejects.
pub const STRANGER: &str = "stranger";
/// The password of all of them.
pub const PASSWORD: &str = "a password: with/special@characters";

const TABLES: &str = "ATTACH ':memory:' AS public;
    CREATE TABLE public.customers (id INT8 PRIMARY KEY, name TEXT NOT NULL, city TEXT);
    CREATE TABLE public.orders (id INT8 PRIMARY KEY, customer_id INT8 NOT NULL, amount FLOAT8 NOT NULL);
    INSERT INTO public.customers VALUES (1, 'Ada', 'Graz'), (2, 'Ben', 'Bonn'), (3, 'Cem', 'Graz');
    INSERT INTO public.orders VALUES (10, 1, 1234.5), (11, 1, 20), (12, 2, 7.25);";

/// What is known of a server, and shared by its connections.
pub(crate) struct State {
    pub(crate) database: Mutex<Connection>,
    pub(crate) log: Mutex<Log>,
}

/// What a server saw.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Connections that were authenticated, or tried to be.
    pub connections: usize,
    /// Texts of the extended protocol that are about tables, not the catalog.
    pub queries: Vec<String>,
    /// What a client did that no client of ours may do.
    pub violations: Vec<String>,
}

/// A server.
pub struct PostgresDouble {
    address: SocketAddr,
    state: Arc<State>,
    open: Arc<Mutex<Vec<JoinHandle<()>>>>,
    accepting: JoinHandle<()>,
}

impl PostgresDouble {
    /// Starts a server on a free port of this machine.
    #[expect(clippy::disallowed_methods, reason = "the server runs beside the test")]
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let database = Connection::open_in_memory().unwrap();
        database.execute_batch(TABLES).unwrap();
        let state = Arc::new(State {
            database: Mutex::new(database),
            log: Mutex::default(),
        });
        let open: Arc<Mutex<Vec<JoinHandle<()>>>> = Arc::default();
        let (shared, opened) = (Arc::clone(&state), Arc::clone(&open));
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let connection = Arc::new(handlers::Handlers::new(Arc::clone(&shared)));
                let serving = tokio::spawn(async move {
                    process_socket(socket, None, connection).await.ok();
                });
                opened.lock().unwrap().push(serving);
            }
        });
        Self {
            address,
            state,
            open,
            accepting,
        }
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the value of `ALLOW_PRIVATE_FETCH` with which a stack may reach it.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Returns the address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what it saw.
    pub fn log(&self) -> Log {
        self.state.log.lock().unwrap().clone()
    }

    /// Executes statements of an administrator.
    pub fn administer(&self, sql: &str) {
        self.state.database.lock().unwrap().execute_batch(sql).unwrap();
    }

    /// Ends all connections without a word, as a firewall does.
    pub fn disconnect(&self) {
        for connection in self.open.lock().unwrap().drain(..) {
            connection.abort();
        }
    }
}

impl Drop for PostgresDouble {
    fn drop(&mut self) {
        self.accepting.abort();
        self.disconnect();
    }
}
