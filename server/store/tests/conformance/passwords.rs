//! Another password of the same database, on a real PostgreSQL that asks for one.

use std::time::Duration;

use windfirm_store::{Store, StoreError};

use crate::world::{World, new_clock};

/// A user of the world's database who has to tell a password. `None` after saying so, where the server believes everybody.
struct Guarded {
    role: String,
    world: World,
}

impl Guarded {
    async fn open(password: &str) -> Option<Self> {
        let world = World::postgres().await?;
        let role = format!("of_{}", world.url.split('?').next()?.rsplit('/').next()?);
        world.raw(&format!("create role {role} login superuser password '{password}'")).await.unwrap();
        // The server of these tests believes everybody on its socket; from here on it believes its owner only.
        if world.texts("select auth_method from pg_hba_file_rules where error is null").await.iter().all(|method| method == "trust") {
            let file = world.texts("select setting from pg_settings where name = 'hba_file'").await.remove(0);
            let rules = "('local all windfirm trust'), ('local all all scram-sha-256')";
            world.raw(&format!("copy (values {rules}) to '{file}'; select pg_reload_conf()")).await.unwrap();
        }
        let guarded = Self { role, world };
        // A changed file is read a moment later.
        for _ in 0..50 {
            if Store::open(&guarded.url("wrong"), new_clock()).await.is_err() {
                return Some(guarded);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: passwords of the store: this PostgreSQL asks for none\n");
        guarded.end().await;
        None
    }
    fn url(&self, password: &str) -> String {
        let (scheme, rest) = self.world.url.split_once("://").unwrap();
        let place = rest.split_once('@').map_or(rest, |(_, place)| place);
        format!("{scheme}://{}:{password}@{place}", self.role)
    }
    async fn set_password(&self, password: &str) {
        self.world.raw(&format!("alter role {} password '{password}'", self.role)).await.unwrap();
    }
    async fn end(self) {
        self.world.raw(&format!("drop role {}", self.role)).await.unwrap();
        self.world.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_password_is_taken_without_a_statement_that_fails() {
    let Some(guarded) = Guarded::open("one").await else { return };
    let store = Store::open(&guarded.url("one"), new_clock()).await.unwrap();
    let working = async {
        loop {
            store.ping().await.unwrap();
        }
    };
    let rotated = async {
        // The database is first: whoever needs another connection waits for the password that it takes.
        guarded.set_password("two").await;
        let burst = futures::future::join_all((0..24).map(async |_| {
            for _ in 0..20 {
                store.ping().await.unwrap();
            }
        }));
        let taken = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            store.change_url(&guarded.url("two")).await.unwrap();
        };
        tokio::join!(burst, taken);
    };
    tokio::select! {
        () = working => {}
        () = rotated => {}
    }
    store.close().await;
    guarded.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_database_does_not_take_changes_nothing() {
    let Some(guarded) = Guarded::open("one").await else { return };
    let store = Store::open(&guarded.url("one"), new_clock()).await.unwrap();
    let refused = store.change_url(&guarded.url("hunter2")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unreachable(_)) && refused.is_passing(), "{refused:?}");
    assert!(!format!("{refused} {refused:?}").contains("hunter2"), "a password never gets into an error");
    let other = guarded.url("one").replace("/windfirm_", "/other_");
    for url in [other.as_str(), "sqlite:/nowhere/windfirm.db", "postgres://other.host/windfirm", "nothing"] {
        let refused = store.change_url(url).await.unwrap_err();
        assert!(matches!(refused, StoreError::OtherDatabase) && refused.to_string().contains("restart it"), "{url}: {refused:?}");
    }
    // More connections than are open, all by the password that was good before.
    let all = futures::future::join_all((0..24).map(|_| store.ping())).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    // Another user of the same database is none of these.
    let as_owner = guarded.world.url.clone();
    store.change_url(&as_owner).await.unwrap();
    store.close().await;
    guarded.end().await;
}

#[tokio::test]
async fn a_file_stays_the_file_that_it_is() {
    let world = World::sqlite().await;
    let refused = world.store.change_url("sqlite:/nowhere/other.db").await.unwrap_err();
    assert!(matches!(refused, StoreError::OtherDatabase), "{refused:?}");
    world.store.ping().await.unwrap();
}
