//! The database itself: opening it, its schema, and what is said when it is away.

use std::collections::BTreeSet;

use windfirm_store::{Store, StoreError};

use crate::{
    people::{ana, current, launched},
    world::{World, new_clock, on_both},
};

on_both!(what_was_kept_is_there_after_a_restart, a_newer_schema_is_refused, a_changed_migration_is_refused, it_answers_a_ping, two_processes_may_start_at_once);

async fn what_was_kept_is_there_after_a_restart(world: &World) {
    let run = launched(world, &ana(), "/shop/pay/", "dev").await;
    world.store.close().await;
    let again = world.reopened().await;
    assert_eq!(again.run(&crate::people::access(&ana()), run.id).await.unwrap(), Some(run));
    again.close().await;
}

async fn a_newer_schema_is_refused(world: &World) {
    world.raw("insert into _sqlx_migrations (version, description, success, checksum, execution_time) select 9999, 'later', success, checksum, 0 from _sqlx_migrations where version = 1").await.unwrap();
    let refused = Store::open(&world.url, world.clock.clone()).await.unwrap_err();
    assert!(matches!(refused, StoreError::NewerSchema(9999)), "{refused}");
}

async fn a_changed_migration_is_refused(world: &World) {
    let nothing = if world.kind == crate::world::Kind::Sqlite { "x'00'" } else { "'\\x00'" };
    world.raw(&format!("update _sqlx_migrations set checksum = {nothing}")).await.unwrap();
    let refused = Store::open(&world.url, world.clock.clone()).await.unwrap_err();
    assert!(matches!(refused, StoreError::WrongSchema(_)), "{refused}");
}

async fn it_answers_a_ping(world: &World) {
    world.store.ping().await.unwrap();
    world.store.close().await;
    let away = world.store.ping().await.unwrap_err();
    assert!(matches!(away, StoreError::Unreachable(_)) && away.is_passing(), "{away}");
}

async fn two_processes_may_start_at_once(world: &World) {
    let (one, two) = tokio::join!(Store::open(&world.url, world.clock.clone()), Store::open(&world.url, world.clock.clone()));
    let (one, two) = (one.unwrap(), two.unwrap());
    let run = launched(world, &ana(), "/shop/pay/", "dev").await;
    assert_eq!(current(world, run.id).await, run);
    for store in [one, two] {
        store.ping().await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_meant_is_refused_in_words() {
    for url in ["", "mysql://x", "windfirm.db", "sqlite::memory:", "sqlite://:memory:", "postgres://["] {
        let refused = Store::open(url, new_clock()).await.unwrap_err();
        assert!(matches!(refused, StoreError::BadUrl(_)), "{url}: {refused}");
        assert!(refused.to_string().contains("Write sqlite:/path/to/windfirm.db or postgres://"), "{refused}");
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_named_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for url in [
        format!("postgres://nobody:hunter2@127.0.0.1:{port}/nothing"),
        format!("postgres://nobody:hunter2@localhost/nothing?host={}", folder.path().display()),
        format!("sqlite:{}/no/such/folder/windfirm.db", folder.path().display()),
    ] {
        let away = Store::open(&url, new_clock()).await.unwrap_err();
        assert!(matches!(away, StoreError::Unreachable(_)), "{url}: {away}");
        assert!(!format!("{away} {away:?}").contains("hunter2"), "a password never gets into an error");
    }
}

#[tokio::test]
async fn a_locked_file_is_named_locked() {
    use sqlx::Connection as _;
    let world = World::sqlite().await;
    let mut other = sqlx::SqliteConnection::connect(&world.url).await.unwrap();
    sqlx::raw_sql("begin immediate").execute(&mut other).await.unwrap();
    let refused = world.store.put_login("state", &serde_json::json!(1), windfirm_model::clock::Timestamp(0)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Locked(_)) && refused.is_passing(), "{refused}");
    // Reading goes on beside a writer.
    assert_eq!(world.store.queue_counts().await.unwrap().queued, 0);
    sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    world.store.put_login("state", &serde_json::json!(1), windfirm_model::clock::Timestamp(0)).await.unwrap();
}

#[tokio::test]
async fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::sqlite().await;
    launched(&world, &ana(), "/shop/pay/", "dev").await;
    for file in std::fs::read_dir(world.file().parent().unwrap()).unwrap().flatten() {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
}

#[tokio::test]
async fn both_databases_have_the_same_tables_columns_and_indexes() {
    let Some(postgres) = World::postgres().await else { return };
    let sqlite = World::sqlite().await;
    let of_sqlite = sqlite
        .texts(
            "select m.name || '.' || c.name || case when c.\"notnull\" then ' not null' else '' end from sqlite_master m, pragma_table_info(m.name) c \
             where m.type = 'table' and m.name not like 'sqlite_%' and m.name not like '_sqlx%' \
             union all select 'index ' || name from sqlite_master where type = 'index' and name not like 'sqlite_%'",
        )
        .await;
    let of_postgres = postgres
        .texts(
            "select table_name || '.' || column_name || case when is_nullable = 'NO' then ' not null' else '' end from information_schema.columns \
             where table_schema = 'public' and table_name not like '\\_sqlx%' \
             union all select 'index ' || indexname from pg_indexes where schemaname = 'public' and indexname not like '%\\_key' and indexname not like '%\\_pkey'",
        )
        .await;
    let set = |texts: Vec<String>| texts.into_iter().map(|text| text.replace(".seq not null", ".seq")).collect::<BTreeSet<_>>();
    let (of_sqlite, of_postgres) = (set(of_sqlite), set(of_postgres));
    assert!(of_sqlite.len() > 100, "{of_sqlite:?}");
    assert_eq!(of_sqlite, of_postgres);
    // Text is sorted by bytes on both, whatever language the server speaks.
    let by_language = "select table_name || '.' || column_name from information_schema.columns \
                       where table_schema = 'public' and table_name not like '\\_sqlx%' and data_type = 'text' and collation_name is distinct from 'C'";
    assert_eq!(postgres.texts(by_language).await, Vec::<String>::new());
    postgres.close().await;
}
