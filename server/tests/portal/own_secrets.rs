//! Secrets in files that change while the portal runs, as a mounted Secret does.

use std::{path::Path, sync::Arc, time::Duration};

use axum::http::StatusCode;
use tokio::net::TcpListener;
use windfirm::{
    clock::SystemClock,
    config::{Config, Secret, SecretRefSection},
    secrets::{Secrets, Trouble, Use},
    sites::Sites,
    worker,
};
use windfirm_model::audit::{EventCode, EventOutcome};

use crate::{
    harness::{As, House, Plan},
    visitor::{Taken, Visitor, serve_changing_provider},
};

const PORTAL: &str = "http://127.0.0.1:7700/";

async fn until(what: &str, mut ask: impl FnMut() -> bool) {
    let asking = async {
        while !ask() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), asking).await.is_ok(), "{what} did not come");
}

fn client() -> Use {
    Use::Client("demo".into())
}

fn value(house: &House) -> String {
    house.portal.secrets.value(&client()).unwrap().expose().to_owned()
}

fn trouble(house: &House) -> Option<Trouble> {
    house.portal.secrets.iter().find(|held| held.used == client()).unwrap().standing().trouble
}

async fn logs_in(house: &House) -> StatusCode {
    Visitor::new(house).log_in("ben").await.status
}

async fn loads(house: &House) -> Vec<EventOutcome> {
    house.record().await.into_values().filter(|row| row.code == EventCode::SecretLoad.code()).map(|row| row.outcome).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_in_a_file_is_read_again_and_a_bad_one_changes_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = Taken::new("first-of-all");
    let issuer = serve_changing_provider(listener, PORTAL, taken.clone());
    let opened = House::build_with(Plan { public_url: PORTAL, issuer, ..Plan::default() }, |folder, config| {
        let file = folder.join("client-secret");
        std::fs::write(&file, "first-of-all\n").unwrap();
        config.identity[0].client_secret = Some(Secret::File(file));
    });
    let Some(house) = opened.await else { return };
    let file = house.folder.path().join("client-secret");
    worker::start(&house.portal);
    let mut ana = Visitor::new(&house);
    assert_eq!(ana.log_in("ana").await.status, StatusCode::SEE_OTHER);

    // A login is under way when both sides change.
    let mut eli = Visitor::new(&house);
    let back = eli.visit_provider("eli").await;
    taken.set("second-of-all");
    std::fs::write(&file, "second-of-all\n").unwrap();
    until("the other secret", || value(&house) == "second-of-all").await;
    assert_eq!(eli.get(&back).await.headers["location"], "/tree");
    assert_eq!(logs_in(&house).await, StatusCode::SEE_OTHER);
    assert_eq!(ana.get("/tree").await.status, StatusCode::OK, "who was in stays in");
    assert_eq!(loads(&house).await, [EventOutcome::Done]);

    for (change, told) in [(None, "cannot be read"), (Some("\n"), "There is nothing in the file")] {
        match change {
            Some(text) => std::fs::write(&file, text).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        until(told, || matches!(trouble(&house), Some(Trouble::Refused(why)) if why.contains(told))).await;
        let page = house.page(As::Chris, "/system").await.body;
        assert!(page.contains("secret client of demo") && page.contains("It stays in force") && page.contains(told), "{page}");
        assert_eq!(logs_in(&house).await, StatusCode::SEE_OTHER, "the last good one stays in force");
    }
    assert_eq!(loads(&house).await, [EventOutcome::Done, EventOutcome::Failed], "told once");
    let ready = house.page(As::Nobody, "/health/ready").await;
    assert!(ready.status == StatusCode::OK && ready.body.contains("An older one is in force") && !ready.body.contains("client-secret"), "{}", ready.body);

    taken.set("third-of-all");
    std::fs::write(&file, "third-of-all").unwrap();
    until("the end of the trouble", || trouble(&house).is_none() && value(&house) == "third-of-all").await;
    assert_eq!(logs_in(&house).await, StatusCode::SEE_OTHER);
    let page = house.page(As::Chris, "/system").await.body;
    assert!(page.contains("seen there just now") && !page.contains("It stays in force"), "{page}");
    let record = house.page(As::Dora, "/audit?code=secret.load").await.body;
    for told in [page, record, format!("{:?} {:?} {:?}", house.portal.secrets, house.portal, house.config)] {
        assert!(!told.contains("-of-all"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_of_sqlite_needs_a_restart_and_changes_nothing() {
    let opened = House::open_with(|folder, config| {
        let file = folder.join("database");
        std::fs::write(&file, format!("sqlite:{}", folder.join("own.db").display())).unwrap();
        config.database = Some(Secret::File(file));
    });
    let Some(house) = opened.await else { return };
    worker::start(&house.portal);
    std::fs::write(house.folder.path().join("database"), "sqlite:/nowhere/other.db").unwrap();
    let held = house.portal.secrets.iter().find(|held| held.used == Use::Database).unwrap();
    until("the refusal", || matches!(held.standing().trouble, Some(Trouble::Refused(why)) if why.contains("restart it to move"))).await;
    assert_eq!(house.page(As::Ana, "/runs").await.status, StatusCode::OK);
}

/// A configuration whose database stands in a cluster at this address.
fn elsewhere(folder: &Path, server: &str) -> Config {
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{ name: a, context: {{ cluster: a, user: a }} }}]\n\
         clusters: [{{ name: a, cluster: {{ server: '{server}' }} }}]\nusers: [{{ name: a, user: {{ token: s3cret }} }}]\n"
    );
    std::fs::write(folder.join("kubeconfig"), kubeconfig).unwrap();
    let text = "public_url: https://windfirm.example\nstate: s\npolicy: p\ntree: { repository: r }\n\
                identity: [ { name: company, issuer: 'https://login.example', client_id: c } ]\n\
                clusters: [ { name: home, kubeconfig: { file: kubeconfig } } ]\n\
                database: { secretRef: { cluster: home, namespace: vault, name: database, key: url } }\n";
    std::fs::write(folder.join("windfirm.yaml"), text).unwrap();
    Config::read(&folder.join("windfirm.yaml")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_away_is_waited_for_and_then_told() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = elsewhere(folder.path(), &format!("https://127.0.0.1:{port}"));
    let clock: Arc<dyn windfirm_model::clock::Clock> = Arc::new(SystemClock);
    let sites = Sites::new(&config.clusters, "test", &clock).unwrap();
    let began = std::time::Instant::now();
    let why = Secrets::read(&config, &sites, &*clock, Duration::from_secs(2)).await.unwrap_err();
    assert!(began.elapsed() >= Duration::from_secs(2), "{why}");
    for part in ["database: Cluster home cannot be reached", "waited 2 seconds for key url of Secret vault/database in cluster home."] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert!(!why.contains("s3cret"), "{why}");
    // What nobody but somebody can mend is told at once.
    let reference = SecretRefSection { cluster: "hmoe".into(), namespace: "vault".into(), name: "database".into(), key: "url".into() };
    let config = Config { database: Some(Secret::SecretRef(reference)), ..config };
    let why = Secrets::read(&config, &sites, &*clock, Duration::from_secs(600)).await.unwrap_err();
    assert!(why.contains("There is no cluster “hmoe”"), "{why}");
}
