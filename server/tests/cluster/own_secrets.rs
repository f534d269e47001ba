//! Secrets of the configuration that stand in the cluster, and change there while people log in and work.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    sync::Arc,
    time::Duration,
};

use axum::http::StatusCode;
use tokio::net::TcpListener;
use windfirm::{
    clock::SystemClock,
    config::{ClusterSection, Config, Secret, SecretRefSection},
    secrets::{Trouble, Use},
    sites::Sites,
    start, worker,
};
use windfirm_model::{
    audit::{EventCode, EventOutcome},
    clock::Clock,
};
use windfirm_policy::compile;
use windfirm_render::{OwnSecret, Settings, render};

use crate::{
    account::of_no_portal,
    cluster::TestCluster,
    harness::{As, House, Plan},
    postgres,
    stage::until,
    visitor::{Taken, Visitor, serve_changing_provider},
};

const PORTAL: &str = "http://127.0.0.1:7700/";

/// A namespace of one test, with a Secret that the portal may read, by what is rendered for it. All of it is deleted in the end.
struct Vault {
    cluster: TestCluster,
    namespace: String,
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.cluster.kubectl(&["delete", "namespace", &self.namespace, "--wait=false"], "");
    }
}

impl Vault {
    /// `None` after saying so: there is no cluster.
    fn open() -> Option<Self> {
        let cluster = TestCluster::given()?;
        let id = SystemClock.new_uuid().simple().to_string();
        let vault = Self { cluster, namespace: format!("windfirm-vault-{}-{}", &id[4..12], &id[28..]) };
        vault.hand(&["create", "namespace", &vault.namespace], "");
        let mut settings = Settings::new("windfirm/portal".parse().unwrap());
        settings.secrets = BTreeMap::from([(OwnSecret { namespace: vault.namespace.clone(), name: "portal".into() }, BTreeSet::new())]);
        let rendered = render(&compile(&windfirm_demo::repository::policy(), "policy.yaml").unwrap(), &settings).unwrap();
        let stream = rendered.stream();
        let own: Vec<&str> = stream.split("---\n").filter(|document| document.contains(&format!("namespace: {}", vault.namespace))).collect();
        assert_eq!(own.len(), 2, "a role and its binding: {own:?}");
        vault.hand(&["apply", "-f", "-"], &of_no_portal(&own.join("---\n")));
        Some(vault)
    }
    fn hand(&self, arguments: &[&str], input: &str) {
        let output = self.cluster.kubectl(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    /// The one key of the Secret, or another one.
    fn put(&self, name: &str, key: &str, value: &str) {
        let secret = serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": self.namespace }, "stringData": { key: value },
        });
        let replaced = self.cluster.kubectl(&["replace", "-f", "-"], &secret.to_string());
        if !replaced.status.success() {
            self.hand(&["create", "-f", "-"], &secret.to_string());
        }
    }
    fn reference(&self, name: &str, key: &str) -> Secret {
        let (name, key) = (name.to_owned(), key.to_owned());
        Secret::SecretRef(SecretRefSection { cluster: "home".into(), namespace: self.namespace.clone(), name, key })
    }
    /// The cluster, as a place of Secrets and nothing else.
    fn clusters(&self) -> Vec<ClusterSection> {
        let text = format!("[ {{ name: home, kubeconfig: {{ file: '{}' }} }} ]", self.cluster.folder.join("portal.kubeconfig").display());
        serde_saphyr::from_str(&text).unwrap()
    }
    /// Rights hold a moment after they are given.
    async fn readable(&self) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let sites = Sites::new(&self.clusters(), "test", &clock).unwrap();
        let secret = self.reference("portal", "value");
        until("the right to read", async || windfirm::secrets::read_once(&secret, &sites).await.ok()).await;
    }
}

fn trouble(house: &House) -> Option<Trouble> {
    house.portal.secrets.iter().next().unwrap().standing().trouble
}

fn value(house: &House) -> String {
    house.portal.secrets.iter().next().unwrap().value().expose().to_owned()
}

async fn refused(house: &House, told: &str) {
    until(told, async || matches!(trouble(house), Some(Trouble::Refused(why)) if why.contains(told)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_login_uses_what_the_secret_says_now_and_sessions_stay() {
    let Some(vault) = Vault::open() else { return };
    vault.put("portal", "value", "first-of-all\n");
    vault.readable().await;
    let taken = Taken::new("first-of-all");
    let issuer = serve_changing_provider(TcpListener::bind("127.0.0.1:0").await.unwrap(), PORTAL, taken.clone());
    let opened = House::build_with(Plan { public_url: PORTAL, issuer, ..Plan::default() }, |_, config| {
        config.clusters = vault.clusters();
        config.identity[0].client_secret = Some(vault.reference("portal", "value"));
    });
    let Some(house) = opened.await else { return };
    worker::start(&house.portal);
    let logs_in = async || Visitor::new(&house).log_in("ben").await.status;
    let mut ana = Visitor::new(&house);
    assert_eq!(ana.log_in("ana").await.headers["location"], "/tree");

    // One login is under way when it changes, first here and then there.
    let mut eli = Visitor::new(&house);
    let back = eli.visit_provider("eli").await;
    vault.put("portal", "value", "second-of-all");
    until("the other value", async || (value(&house) == "second-of-all").then_some(())).await;
    assert_eq!(logs_in().await, StatusCode::SEE_OTHER, "the provider is later than we are");
    taken.set("second-of-all");
    assert_eq!(eli.get(&back).await.headers["location"], "/tree");
    assert_eq!(logs_in().await, StatusCode::SEE_OTHER);
    assert_eq!(ana.get("/tree").await.status, StatusCode::OK, "who was in stays in");

    // Whatever is put there in its place, the last good one stays in force.
    let system = async || house.page(As::Chris, "/system").await.body;
    vault.put("portal", "other", "third-of-all");
    refused(&house, "has no key value; it has other").await;
    vault.put("portal", "value", "");
    refused(&house, "is empty").await;
    vault.hand(&["-n", &vault.namespace, "delete", "secret", "portal"], "");
    refused(&house, "There is no Secret").await;
    assert_eq!(logs_in().await, StatusCode::SEE_OTHER);
    assert_eq!(ana.get("/tree").await.status, StatusCode::OK);
    let page = system().await;
    assert!(page.contains("secret client of demo") && page.contains("It stays in force") && page.contains("There is no Secret"), "{page}");
    let loads = house.record().await.into_values().filter(|row| row.code == EventCode::SecretLoad.code()).map(|row| row.outcome).collect::<Vec<_>>();
    assert_eq!(loads, [EventOutcome::Done, EventOutcome::Failed]);

    vault.put("portal", "value", "fourth-of-all");
    taken.set("fourth-of-all");
    until("the end of the trouble", async || (trouble(&house).is_none() && value(&house) == "fourth-of-all").then_some(())).await;
    assert_eq!(logs_in().await, StatusCode::SEE_OTHER);

    // The right to read is taken away: nobody knows then what stands there, and that is said in the API server's own words.
    vault.hand(&["-n", &vault.namespace, "delete", "rolebinding", "windfirm-portal-secrets"], "");
    let away = until("the refusal", async || match trouble(&house) {
        Some(Trouble::Away(why)) => Some(why),
        _ => None,
    })
    .await;
    assert!(away.contains(r#"resource "secrets""#) && away.contains("system:serviceaccount:windfirm:portal"), "{away}");
    assert_eq!(logs_in().await, StatusCode::SEE_OTHER);
    for told in [page, system().await, format!("{:?} {:?}", house.portal.secrets, house.config)] {
        assert!(!told.contains("-of-all"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_cannot_have_its_secret_does_not_start_and_says_why() {
    let Some(vault) = Vault::open() else { return };
    vault.put("portal", "value", "here");
    vault.put("other", "value", "hunter2");
    vault.readable().await;
    let wrong = [("portal", "other", "has no key other; it has value."), ("other", "value", "cannot list resource \"secrets\" in API group \"\"")];
    for (name, key, told) in wrong {
        let text = format!(
            "public_url: {PORTAL}\nstate: s\npolicy: p\ntree: {{ repository: r }}\nidentity: [ {{ name: a, issuer: 'https://login.example', client_id: c }} ]\n"
        );
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            state: folder.path().join("state"),
            clusters: vault.clusters(),
            database: Some(vault.reference(name, key)),
            ..Config::parse(&text).unwrap()
        };
        let options = start::Options { site: folder.path().to_owned(), demo: false, runner_command: Vec::new() };
        let began = std::time::Instant::now();
        let error = start::build(&config, &options, config.listen, Arc::new(SystemClock)).await.err().unwrap().to_string();
        assert!(error.contains("does not start without it. database: ") && error.contains(told), "{error}");
        assert!(!error.contains("hunter2") && began.elapsed() < Duration::from_secs(20), "nothing is waited for: {error}");
    }
    vault.hand(&["-n", &vault.namespace, "delete", "secret", "portal"], "");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let sites = Sites::new(&vault.clusters(), "test", &clock).unwrap();
    let missing = windfirm::secrets::read_once(&vault.reference("portal", "value"), &sites).await.unwrap_err().why();
    assert!(missing.contains(&format!("There is no Secret {}/portal in cluster home.", vault.namespace)), "{missing}");
}

/// A database of its own, whose user has to tell a password.
struct Guarded {
    admin: String,
    role: String,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.sql(&[&format!("drop database {} with (force)", self.role), &format!("drop role {}", self.role)]);
    }
}

impl Guarded {
    /// `None` after saying so: there is no PostgreSQL, or none that asks for passwords.
    async fn open(password: &str) -> Option<Self> {
        let pattern = tokio::task::spawn_blocking(postgres::url_pattern).await.unwrap()?;
        let role = format!("rotated_{}", std::process::id());
        let guarded = Self { admin: pattern.replace("{}", "postgres"), role };
        let role = &guarded.role;
        assert!(guarded.sql(&[&format!("create role {role} login password '{password}'"), &format!("create database {role} owner {role}")]));
        // The server of these tests believes everybody on its socket; from here on it believes its owner only.
        guarded.sql(&[
            "do $$ declare file text := current_setting('hba_file'); begin if not exists (select from pg_hba_file_rules where auth_method <> 'trust') then \
             execute format('copy (values (''local all windfirm trust''), (''local all all scram-sha-256'')) to %L', file); end if; end $$",
            "select pg_reload_conf()",
        ]);
        for _ in 0..50 {
            if !sql(&guarded.url("wrong"), &["select 1"]) {
                return Some(guarded);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: the password of the database: this PostgreSQL asks for none\n");
        None
    }
    fn url(&self, password: &str) -> String {
        let (scheme, rest) = self.admin.split_once("://").unwrap();
        let place = rest.split_once('@').map_or(rest, |(_, place)| place);
        format!("{scheme}://{role}:{password}@{}", place.replacen("/postgres", &format!("/{role}", role = self.role), 1), role = self.role)
    }
    fn sql(&self, commands: &[&str]) -> bool {
        sql(&self.admin, commands)
    }
}

/// As somebody with a shell on the database; whether it was taken.
pub(crate) fn sql(url: &str, commands: &[&str]) -> bool {
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "--quiet", "--no-password", url]);
    commands.iter().for_each(|one| {
        command.args(["-c", one]);
    });
    command.output().unwrap().status.success()
}

/// Runs commands beside the requests of the same test: on a busy machine kubectl takes longer than a request waits for a connection.
async fn aside((vault, guarded): (&Arc<Vault>, &Arc<Guarded>), work: impl FnOnce(&Vault, &Guarded) + Send + 'static) {
    let (vault, guarded) = (Arc::clone(vault), Arc::clone(guarded));
    tokio::task::spawn_blocking(move || work(&vault, &guarded)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_the_database_is_rotated_without_a_request_that_fails() {
    let Some(vault) = Vault::open().map(Arc::new) else { return };
    let Some(guarded) = Guarded::open("first-of-all").await.map(Arc::new) else { return };
    vault.put("portal", "value", &guarded.url("first-of-all"));
    vault.readable().await;
    let opened = House::open_with(|_, config| {
        config.clusters = vault.clusters();
        config.database = Some(vault.reference("portal", "value"));
    });
    let Some(house) = opened.await else { return };
    assert_eq!(house.portal.store.kind(), "PostgreSQL");
    worker::start(&house.portal);
    let is_in_force = async |password: &str| {
        let url = guarded.url(password);
        until("the other password", async || (value(&house) == url).then_some(())).await;
    };
    let working = async |count: usize| {
        for _ in 0..count {
            let answer = house.page(As::Ana, "/runs").await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        }
    };
    let many = async || futures::future::join_all((0..16).map(|_| working(4))).await;
    let rotated = async {
        // The database takes the new one before the Secret has it: who needs another connection waits for it.
        let alter = format!("alter role {} password 'second-of-all'", guarded.role);
        aside((&vault, &guarded), move |vault, guarded| {
            assert!(guarded.sql(&[&alter]));
            vault.put("portal", "value", &guarded.url("second-of-all"));
        })
        .await;
        is_in_force("second-of-all").await;
    };
    tokio::join!(working(20), many(), rotated);

    // All connections are new ones now, by the new password.
    guarded.sql(&[&format!("select pg_terminate_backend(pid) from pg_stat_activity where usename = '{}'", guarded.role)]);
    until("the database to answer again", async || house.portal.store.ping().await.ok()).await;
    many().await;

    // The Secret may be the first as well: the portal tries until the database takes it.
    let third = async {
        aside((&vault, &guarded), |vault, guarded| vault.put("portal", "value", &guarded.url("third-of-all"))).await;
        refused(&house, "is not taken").await;
        let alter = format!("alter role {} password 'third-of-all'", guarded.role);
        aside((&vault, &guarded), move |_, guarded| assert!(guarded.sql(&[&alter]))).await;
        is_in_force("third-of-all").await;
    };
    tokio::join!(working(20), many(), third);

    // What is another database needs a restart, and what is gone changes nothing.
    vault.put("portal", "value", "postgres://windfirm:hunter2@other.example/windfirm");
    refused(&house, "restart it to move").await;
    vault.hand(&["-n", &vault.namespace, "delete", "secret", "portal"], "");
    refused(&house, "There is no Secret").await;
    many().await;
    let page = house.page(As::Chris, "/system").await.body;
    assert!(page.contains("secret database") && page.contains("It stays in force"), "{page}");
    let told = format!("{page} {:?} {:?} {:?}", house.portal.secrets, house.portal, house.config);
    assert!(!told.contains("-of-all") && !told.contains("hunter2"), "{told}");
    assert_eq!(house.portal.secrets.value(&Use::Database).unwrap().expose(), guarded.url("third-of-all"));
    house.portal.ending.cancel();
    house.portal.tasks.close();
    house.portal.tasks.wait().await;
    house.portal.store.close().await;
}
