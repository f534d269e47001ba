//! One SQL text, two drivers: each macro expands its statement once per driver, so that all types stay concrete.

/// All rows of a query outside a transaction: `fetch_all!(store, Row, SQL, bind, …)`.
macro_rules! fetch_all {
    ($store:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $store.db() {
            $crate::db::Db::Sqlite { readers, .. } => sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_all(readers).await,
            $crate::db::Db::Postgres { pool } => match $crate::db::connection(pool).await {
                Ok(mut connection) => sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_all(&mut *connection).await,
                Err(error) => Err(error),
            },
        }
        .map_err($crate::error::StoreError::from)
    };
}

/// At most one row of a query outside a transaction.
macro_rules! fetch_optional {
    ($store:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $store.db() {
            $crate::db::Db::Sqlite { readers, .. } => sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_optional(readers).await,
            $crate::db::Db::Postgres { pool } => match $crate::db::connection(pool).await {
                Ok(mut connection) => sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_optional(&mut *connection).await,
                Err(error) => Err(error),
            },
        }
        .map_err($crate::error::StoreError::from)
    };
}

/// Exactly one row of a query outside a transaction.
macro_rules! fetch_one {
    ($store:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $store.db() {
            $crate::db::Db::Sqlite { readers, .. } => sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_one(readers).await,
            $crate::db::Db::Postgres { pool } => match $crate::db::connection(pool).await {
                Ok(mut connection) => sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_one(&mut *connection).await,
                Err(error) => Err(error),
            },
        }
        .map_err($crate::error::StoreError::from)
    };
}

/// At most one row inside a transaction, for `returning` and for reads that a change depends on.
macro_rules! tx_optional {
    ($tx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $tx {
            $crate::db::Tx::Sqlite(tx) => sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_optional(&mut **tx).await,
            $crate::db::Tx::Postgres(tx) => sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_optional(&mut **tx).await,
        }
        .map_err($crate::error::StoreError::from)
    };
}

/// A statement inside a transaction; the answer is how many rows it touched.
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $tx {
            $crate::db::Tx::Sqlite(tx) => sqlx::query($sql)$(.bind($bind))*.execute(&mut **tx).await.map(|done| done.rows_affected()),
            $crate::db::Tx::Postgres(tx) => sqlx::query($sql)$(.bind($bind))*.execute(&mut **tx).await.map(|done| done.rows_affected()),
        }
        .map_err($crate::error::StoreError::from)
    };
}

/// A row as a struct, read by column name, for both drivers.
macro_rules! row {
    ($(#[$meta:meta])* struct $name:ident { $($field:ident: $type:ty),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub(crate) struct $name { $(pub(crate) $field: $type,)+ }
        row!(@driver $name, sqlx::sqlite::SqliteRow, $($field)+);
        row!(@driver $name, sqlx::postgres::PgRow, $($field)+);
    };
    (@driver $name:ident, $driver:ty, $($field:ident)+) => {
        impl<'r> sqlx::FromRow<'r, $driver> for $name {
            fn from_row(row: &'r $driver) -> sqlx::Result<Self> {
                use sqlx::Row as _;
                Ok(Self { $($field: row.try_get(stringify!($field))?,)+ })
            }
        }
    };
}

/// The predicate of every list, on a table alias that has `path` and `environment`; `$1` is the digest of the access set.
macro_rules! in_scope {
    ($alias:literal) => {
        concat!(
            "exists (select 1 from access_sets s where s.digest = $1 and ",
            $alias,
            ".path >= s.path_from and ",
            $alias,
            ".path < s.path_to and (s.environment = '*' or s.environment = ",
            $alias,
            ".environment))"
        )
    };
}
