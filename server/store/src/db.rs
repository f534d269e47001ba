//! The database itself: opening, migrating, transactions.
//!
//! SQLite has one writer, whose transactions begin with the write lock, and a few readers beside it (WAL). With
//! `synchronous=NORMAL` what was committed survives the end of the process, `kill -9` included; a power cut may take
//! the last commits, never the consistency.

pub mod migrate;

use std::{
    collections::HashSet,
    path::Path,
    str::FromStr as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _, PgPool, Postgres, Sqlite, SqlitePool, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgConnection, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::Instant;
use windfirm_model::clock::{Clock, Timestamp};

use crate::{
    error::{StoreError, is_login_refused},
    portals::Standing,
};

/// How long a statement waits for a lock, and a request for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries with a password that was not taken.
const PAUSE: Duration = Duration::from_millis(200);
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 12;

/// Which database, with its pools.
#[derive(Clone, Debug)]
pub(crate) enum Db {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres { pool: PgPool },
}

/// A transaction. Dropped without [`Tx::commit`] it leaves nothing behind.
#[derive(Debug)]
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// All that the portal keeps. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
    clock: Arc<dyn Clock>,
    /// As which portal it writes.
    pub(crate) standing: Arc<Mutex<Standing>>,
    /// Digests of access sets whose rows are known to stand in the database.
    pub(crate) known_scopes: Arc<Mutex<HashSet<String>>>,
}

impl Store {
    /// Shows that the database answers, and that its tables may be read.
    const READ: &'static str = "select count(*) from access_sets where digest = ''";

    /// Opens `sqlite:/path/to/file` or `postgres://…`, and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`], [`StoreError::Unreachable`], [`StoreError::Locked`], [`StoreError::NewerSchema`], [`StoreError::WrongSchema`].
    pub async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let db = if url.starts_with("sqlite:") {
            open_sqlite(url).await?
        } else if is_postgres(url) {
            open_postgres(url).await?
        } else {
            return Err(StoreError::BadUrl("it starts with neither “sqlite:” nor “postgres:”.".to_owned()));
        };
        Ok(Self { db, clock, standing: Arc::default(), known_scopes: Arc::default() })
    }
    pub(crate) const fn db(&self) -> &Db {
        &self.db
    }
    /// `SQLite` or `PostgreSQL`, for the page on the portal's own state.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.db {
            Db::Sqlite { .. } => "SQLite",
            Db::Postgres { .. } => "PostgreSQL",
        }
    }
    /// Whether the database answers, for reading and for writing.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] or [`StoreError::Locked`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        let (_count,) = fetch_one!(self, (i64,), Self::READ)?;
        self.begin().await?.commit().await
    }
    /// Closes all connections, after the running statements.
    pub async fn close(&self) {
        match &self.db {
            Db::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Db::Postgres { pool } => pool.close().await,
        }
        self.forget_standing();
    }
    /// Takes another URL of the same database: another password, another user. It is tried first; then new connections are made by it, and
    /// those that are open go on until they have served their time. After an error all is as it was.
    ///
    /// # Errors
    /// [`StoreError::OtherDatabase`] where that is not enough, and all that [`Store::open`] may say.
    pub async fn change_url(&self, url: &str) -> Result<(), StoreError> {
        let Db::Postgres { pool } = &self.db else { return Err(StoreError::OtherDatabase) };
        if !is_postgres(url) {
            return Err(StoreError::OtherDatabase);
        }
        let options = postgres_options(url)?;
        if !is_same_place(&pool.connect_options(), &options) {
            return Err(StoreError::OtherDatabase);
        }
        let tried = async {
            let mut connection = options.connect().await?;
            let (_count,) = sqlx::query_as::<_, (i64,)>(Self::READ).fetch_one(&mut connection).await?;
            connection.close().await
        };
        tokio::time::timeout(PATIENCE, tried).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
        pool.set_connect_options(options);
        Ok(())
    }
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match &self.db {
            // The write lock comes first: a transaction that reads and then writes never has to give up half way.
            Db::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("begin immediate").await?),
            Db::Postgres { pool } => Tx::Postgres(patiently(|| pool.begin()).await?),
        })
    }
}

async fn open_sqlite(url: &str) -> Result<Db, StoreError> {
    let options = SqliteConnectOptions::from_str(url).map_err(|error| StoreError::BadUrl(format!("{error}.")))?;
    let file = options.get_filename().to_owned();
    if url.contains(":memory:") || file.as_os_str().is_empty() {
        return Err(StoreError::BadUrl("SQLite needs a file here, because several connections share it.".to_owned()));
    }
    make_private_file(&file)?;
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(PATIENCE)
        .foreign_keys(true)
        // So that a “replace” of an audit row runs into the trigger that refuses its deletion.
        .pragma("recursive_triggers", "on");
    let writer = SqlitePoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).connect_with(options.clone()).await?;
    migrate::sqlite().run(&writer).await?;
    let readers = SqlitePoolOptions::new().max_connections(SQLITE_READERS).acquire_timeout(PATIENCE).connect_with(options.read_only(true)).await?;
    Ok(Db::Sqlite { writer, readers })
}

/// Sessions stand in the file: nobody else on the machine may read it. SQLite gives its side files the same mode.
fn make_private_file(file: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop).map_err(|error| StoreError::Unreachable(format!("{}: {error}", file.display())))
}

async fn open_postgres(url: &str) -> Result<Db, StoreError> {
    let options = postgres_options(url)?;
    let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(PATIENCE).connect_with(options.clone()).await?;
    // A large table takes longer for an index than any question may.
    let unbounded = [("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0")];
    let mut migrating = PgConnection::connect_with(&options.options(unbounded)).await?;
    migrate::postgres().run(&mut migrating).await?;
    migrating.close().await?;
    Ok(Db::Postgres { pool })
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

fn postgres_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::BadUrl("it is no PostgreSQL URL.".to_owned()))?;
    let bounds = [("statement_timeout", "30s"), ("lock_timeout", "5s"), ("idle_in_transaction_session_timeout", "15s")];
    Ok(options.application_name("windfirm").options(bounds))
}

/// Whether both mean the same database of the same server, whoever asks.
fn is_same_place(one: &PgConnectOptions, other: &PgConnectOptions) -> bool {
    // Without a database the user's name is meant.
    let database = |options: &PgConnectOptions| options.get_database().unwrap_or(options.get_username()).to_owned();
    one.get_host() == other.get_host() && one.get_port() == other.get_port() && one.get_socket() == other.get_socket() && database(one) == database(other)
}

/// A connection of the pool.
pub(crate) async fn connection(pool: &PgPool) -> sqlx::Result<PoolConnection<Postgres>> {
    patiently(|| pool.acquire()).await
}

/// Where the database does not take our password any more, another one may be on its way ([`Store::change_url`]): it is waited for, as a
/// database that is away is.
async fn patiently<T, F: Future<Output = sqlx::Result<T>>>(ask: impl Fn() -> F) -> sqlx::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Err(error) if is_login_refused(&error) && Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
            other => return other,
        }
    }
}
