//! A store in a fresh database, with a clock that the test moves.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use sqlx::{AssertSqlSafe, Connection as _};
use uuid::Uuid;
use windfirm_model::{
    clock::{Clock, Timestamp},
    id::OperationId,
};
use windfirm_store::Store;

use crate::postgres;

/// When every test begins.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

#[derive(Debug)]
pub(crate) struct TestClock {
    micros: AtomicI64,
    ids: AtomicU64,
}

impl TestClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.micros.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.micros.load(Ordering::SeqCst))
    }
    fn new_uuid(&self) -> Uuid {
        let number = self.ids.fetch_add(1, Ordering::SeqCst);
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&number.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(u64::try_from(self.now().0 / 1_000).unwrap(), &tail).into_uuid()
    }
    fn secret(&self) -> [u8; 32] {
        [7; 32]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// What a test stands in.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) url: String,
    pub(crate) kind: Kind,
    folder: tempfile::TempDir,
}

pub(crate) fn new_clock() -> Arc<TestClock> {
    Arc::new(TestClock { micros: AtomicI64::new(START.0), ids: AtomicU64::new(1) })
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("windfirm.db").display());
        Self::open(url, Kind::Sqlite, folder).await
    }
    /// `None` where there is no PostgreSQL; the reason has been told.
    pub(crate) async fn postgres() -> Option<Self> {
        let url = new_database().await?;
        Some(Self::open(url, Kind::Postgres, tempfile::tempdir().unwrap()).await)
    }
    async fn open(url: String, kind: Kind, folder: tempfile::TempDir) -> Self {
        let clock = new_clock();
        let store = Store::open(&url, clock.clone()).await.unwrap();
        Self { store, clock, url, kind, folder }
    }
    /// A second store on the same database, as a second process has.
    pub(crate) async fn reopened(&self) -> Store {
        Store::open(&self.url, self.clock.clone()).await.unwrap()
    }
    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("windfirm.db")
    }
    pub(crate) fn operation(&self) -> OperationId {
        OperationId(self.clock.new_uuid())
    }
    /// Runs SQL beside the store, as somebody with a shell on the database would.
    pub(crate) async fn raw(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self.kind {
            Kind::Sqlite => {
                let options = self.url.parse::<sqlx::sqlite::SqliteConnectOptions>()?.pragma("recursive_triggers", "on");
                let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
                sqlx::raw_sql(sql).execute(&mut connection).await.map(|done| done.rows_affected())
            }
            Kind::Postgres => {
                let mut connection = sqlx::PgConnection::connect(&self.url).await?;
                sqlx::raw_sql(sql).execute(&mut connection).await.map(|done| done.rows_affected())
            }
        }
    }
    /// The first column of all rows, as text.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        let rows: Vec<(String,)> = match self.kind {
            Kind::Sqlite => sqlx::query_as(sql).fetch_all(&mut sqlx::SqliteConnection::connect(&self.url).await.unwrap()).await.unwrap(),
            Kind::Postgres => sqlx::query_as(sql).fetch_all(&mut sqlx::PgConnection::connect(&self.url).await.unwrap()).await.unwrap(),
        };
        rows.into_iter().map(|(text,)| text).collect()
    }
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let found = self.texts(&format!("select cast(count(*) as text) from {table}")).await;
        found[0].parse().unwrap()
    }
    /// Leaves nothing behind on a server that is not ours.
    pub(crate) async fn close(self) {
        self.store.close().await;
        if self.kind == Kind::Postgres {
            let name = self.url.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
            let pattern = postgres::url_pattern().unwrap();
            let mut connection = sqlx::PgConnection::connect(&pattern.replace("{}", "postgres")).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(format!("drop database {name} with (force)"))).execute(&mut connection).await.unwrap();
        }
    }
}

async fn new_database() -> Option<String> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let pattern = tokio::task::spawn_blocking(postgres::url_pattern).await.unwrap()?;
    let name = format!("windfirm_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
    let mut connection = sqlx::PgConnection::connect(&pattern.replace("{}", "postgres")).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await.unwrap();
    Some(pattern.replace("{}", &name))
}

/// Makes one test per database of each of these functions.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let world = crate::world::World::sqlite().await;
                super::$name(&world).await;
                world.close().await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let Some(world) = crate::world::World::postgres().await else { return };
                super::$name(&world).await;
                world.close().await;
            })+
        }
    };
}
pub(crate) use on_both;
