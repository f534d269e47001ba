//! The migrations, compiled in: forward only, the same numbers for both databases.

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

macro_rules! migrations {
    ($($number:literal $file:literal),+ $(,)?) => {
        pub(crate) fn sqlite() -> Migrator {
            Migrator::with_migrations(vec![$(migration($number, $file, include_str!(concat!("../../../../migrations/sqlite/", $file, ".sql")))),+])
        }
        pub(crate) fn postgres() -> Migrator {
            Migrator::with_migrations(vec![$(migration($number, $file, include_str!(concat!("../../../../migrations/postgres/", $file, ".sql")))),+])
        }
    };
}

migrations! {
    1 "0001_initial",
    2 "0002_judged",
    3 "0003_gates",
    4 "0004_portals",
    5 "0005_deployments",
    6 "0006_queued",
    7 "0007_short_ids",
}

fn migration(number: i64, name: &'static str, sql: &'static str) -> Migration {
    Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
}
