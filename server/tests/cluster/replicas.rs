//! Two real portal processes on one real PostgreSQL, with runs in a real cluster, and between its runners and them a balancer that knows
//! nothing of either.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::net::{TcpListener, TcpStream};
use windfirm::clock::SystemClock;
use windfirm_measure::{frame::Frame, window::Merger};
use windfirm_model::{
    actor::SystemTask,
    clock::Clock as _,
    id::{PortalId, RunId},
    run::{RunState, RunStateKind},
    view::{app::AppPage, run::RunPage},
};
use windfirm_policy::Access;
use windfirm_store::{Store, runs::RunRecord};

use crate::{
    ana::log_in,
    cluster::TestCluster,
    k6::k6,
    own_secrets::sql,
    postgres, secrets,
    stage::{PATIENCE, Turn, cart, turn, until},
};

/// Within this time another portal goes on with the runs of one that has died.
const TAKEN_OVER: Duration = Duration::from_secs(20);

struct Portal {
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Portal {
    fn start(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.at("portal.log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_windfirm"));
        command.args(["serve", "--config"]).arg(self.at("windfirm.yaml")).arg("--site").arg(self.folder.path());
        self.child = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    fn log(&self) -> String {
        std::fs::read_to_string(self.at("portal.log")).unwrap_or_default()
    }
    /// SIGKILL: nothing is said, nothing is written.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

struct Two {
    portals: [Portal; 2],
    cluster: TestCluster,
    store: Store,
    admin: String,
    name: String,
    cookie: String,
    client: reqwest::Client,
    _turn: Turn,
}

impl Two {
    /// `None` after saying so: there is no cluster, no PostgreSQL or no k6.
    async fn open() -> Option<Self> {
        Self::open_with("", |_| ()).await
    }
    /// With this at the end of the policy, and what the cluster needs for it.
    async fn open_with(rules: &str, prepare: impl FnOnce(&TestCluster)) -> Option<Self> {
        let (cluster, k6) = (TestCluster::given()?, k6()?);
        let turn = turn(&cluster).await;
        let pattern = tokio::task::spawn_blocking(postgres::url_pattern).await.unwrap()?;
        prepare(&cluster);
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (admin, name) = (pattern.replace("{}", "postgres"), format!("replicas_{}", SystemClock.new_uuid().simple()));
        assert!(sql(&admin, &[&format!("create database {name}")]));
        let database = pattern.replace("{}", &name);
        let listener = cluster.listener().await;
        let balancer = format!("http://{}:{}", cluster.address(), listener.local_addr().unwrap().port());
        let portals = [(); 2].map(|()| {
            let folder = tempfile::tempdir().unwrap();
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let policy = windfirm_demo::repository::policy().replace(r#"["127.0.0.1:*"]"#, r#"["*.svc.cluster.local:80"]"#);
            std::fs::write(folder.path().join("policy.yaml"), policy + rules).unwrap();
            let config = format!(
                "listen: 127.0.0.1:{port}\npublic_url: http://127.0.0.1:7700/\nstate: state\npolicy: policy.yaml\ndatabase: {{ value: '{database}' }}\n\
                 tree: {{ repository: '{repository}', revision: HEAD, roots: roots, repositories: ['{address}'] }}\n\
                 identity: [ {{ name: none, issuer: 'http://127.0.0.1:9', client_id: windfirm }} ]\nrunner: {{ k6: '{k6}' }}\n\
                 clusters: [ {{ name: home, kubeconfig: {{ file: '{kubeconfig}' }}, argocd: {{}}, runs: {{ portal: '{balancer}', k6_image: '{image}', \
                 starter_image: '{starter}', pull_policy: Never, cpu: 50m, memory_mib: 256, start_limit_s: 110 }} }} ]\n",
                repository = cluster.folder.join("shop").display(),
                address = windfirm_demo::repository::ADDRESS,
                k6 = k6.display(),
                kubeconfig = cluster.folder.join("portal.kubeconfig").display(),
                image = cluster.image("k6"),
                starter = cluster.image("starter"),
            );
            std::fs::write(folder.path().join("windfirm.yaml"), config).unwrap();
            Portal { folder, port, child: None }
        });
        balance(listener, [portals[0].port, portals[1].port]);
        let store = Store::open(&database, Arc::new(SystemClock)).await.unwrap();
        let cookie = log_in(&store).await;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build().unwrap();
        let mut two = Self { portals, cluster, store, admin, name, cookie, client, _turn: turn };
        for portal in &mut two.portals {
            portal.start();
        }
        two.ready().await;
        Some(two)
    }

    /// Until both would launch.
    async fn ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        for number in [0, 1] {
            while self.may_launch(number).await != Some(true) {
                assert!(Instant::now() < deadline, "launches stay locked: {}", self.portals[number].log());
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }

    /// A call at one of them; `None` when it does not answer, or not well.
    async fn ask(&self, number: usize, method: &str, name: &str, fields: &str) -> Option<String> {
        let address = format!("http://127.0.0.1:{}/api/fn/{name}", self.portals[number].port);
        let request = if method == "GET" { self.client.get(format!("{address}?{fields}")) } else { self.client.post(address).body(fields.to_owned()) };
        let request = request.header("cookie", &self.cookie).header("sec-fetch-site", "same-origin");
        let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.ok()?;
        let good = answer.status().is_success();
        let text = answer.text().await.ok()?;
        good.then_some(text)
    }

    async fn page(&self, number: usize, run: RunId) -> Option<RunPage> {
        serde_json::from_str(&self.ask(number, "GET", "run", &format!("id={run}")).await?).ok()
    }

    async fn may_launch(&self, number: usize) -> Option<bool> {
        let page: AppPage = serde_json::from_str(&self.ask(number, "GET", "app", "path=/shop/cart/").await?).ok()?;
        Some(page.launch.allowed)
    }

    async fn launch(&self, number: usize, fields: &str) -> RunId {
        let answer = self.ask(number, "POST", "launch", fields).await.unwrap_or_else(|| panic!("not launched: {}", self.portals[number].log()));
        answer.trim_matches('"').parse().unwrap_or_else(|_| panic!("{answer}"))
    }

    async fn record(&self, run: RunId) -> RunRecord {
        self.store.run(&Access::system(SystemTask::RunSupervisor), run).await.unwrap().unwrap()
    }

    async fn wait_for(&self, run: RunId, fits: impl Fn(&RunRecord) -> bool) -> RunRecord {
        let deadline = Instant::now() + Duration::from_secs(150);
        loop {
            let record = self.record(run).await;
            if fits(&record) {
                return record;
            }
            let logs = || self.portals.iter().map(Portal::log).collect::<Vec<_>>().join("\n---\n");
            assert!(Instant::now() < deadline && record.state.is_live(), "it stays or ends otherwise: {:?}\n{}", record.state, logs());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// In whose hands the run is: the number of the portal, of those whose rows are there.
    async fn holder(&self, run: &RunRecord) -> usize {
        let owner = run.owner.unwrap();
        // Each says who it is by its row; which one has this state folder stands in that folder.
        let homes = [0, 1].map(|number| std::fs::read_to_string(self.portals[number].at("state/home")).unwrap().split_whitespace().next().unwrap().to_owned());
        let home = self.home_of(owner);
        homes.iter().position(|known| *known == home).unwrap()
    }

    fn home_of(&self, portal: PortalId) -> String {
        let url = self.admin.replacen("/postgres", &format!("/{}", self.name), 1);
        let asked = format!("select home from portals where id = '{}'", portal.0);
        let output = Command::new("psql").args(["--no-psqlrc", "-At", &url, "-c", &asked]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs, and numbers have come.
    async fn measuring(&self, run: RunId) -> RunRecord {
        self.wait_for(run, |record| matches!(record.state, RunState::Running { .. })).await;
        until("the first numbers at both", async || {
            let (a, b) = (self.page(0, run).await?, self.page(1, run).await?);
            (a.measured.totals.requests > 0 && b.measured.totals.requests > 0).then_some(())
        })
        .await;
        self.record(run).await
    }

    /// Ended well, with all that k6 counted, and windows that are what the frames make.
    async fn assert_whole(&self, run: RunId) {
        let ended = self.wait_for(run, |record| !record.state.is_live()).await;
        assert!(matches!(ended.state.kind(), RunStateKind::Passed | RunStateKind::Failed), "{:?}: {:?}", ended.state, ended.verdict);
        let completeness = ended.completeness.clone().unwrap();
        assert!(completeness.compared && !completeness.rows.is_empty(), "{completeness:?}");
        assert!(completeness.rows.iter().all(|row| row.received == row.k6), "{completeness:?}");
        let access = Access::system(SystemTask::Ingest);
        let rows = self.store.frames(&access, ended.execution, None, 10_000).await.unwrap();
        let frames: Vec<_> = rows.into_iter().map(|row| Frame { key: row.key, received_us: row.received.0, payload: row.payload }).collect();
        let again = Merger::from_frames(ended.created, windfirm::live::limits(), &frames);
        let windows = self.store.windows(&access, ended.execution).await.unwrap();
        let stored: Vec<_> = windows.into_iter().map(|window| (window.second, window.content)).collect();
        assert!(stored == again.seconds().map(|second| (second, again.encode_second(second))).collect::<Vec<_>>(), "windows are not what the frames make");
    }

    fn test_runs(&self, run: &RunRecord) -> usize {
        let found = self.cluster.kubectl(&["-n", "shop-staging", "get", "testruns", "-o", "name"], "");
        String::from_utf8(found.stdout).unwrap().lines().filter(|line| line.contains(&format!("windfirm-{}", run.execution))).count()
    }

    async fn close(mut self) {
        let gone = until("an empty namespace", async || {
            let left = self.cluster.kubectl(&["-n", "shop-staging", "get", "testruns", "-o", "name"], "");
            String::from_utf8(left.stdout).unwrap().trim().is_empty().then_some(())
        });
        gone.await;
        self.portals.iter_mut().for_each(Portal::kill);
        self.store.close().await;
        sql(&self.admin, &[&format!("drop database {} with (force)", self.name)]);
    }
}

/// Takes connections in turn to each, and to the other one where the first does not answer: as a Service does that has not heard yet.
fn balance(listener: TcpListener, ports: [u16; 2]) {
    let turn = AtomicUsize::new(0);
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let first = turn.fetch_add(1, Ordering::SeqCst) % 2;
            tokio::spawn(async move {
                for number in [first, 1 - first] {
                    if let Ok(mut to) = TcpStream::connect(("127.0.0.1", ports[number])).await {
                        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                        return;
                    }
                }
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_outlives_the_portal_that_looked_after_it() {
    let Some(mut two) = Two::open().await else { return };
    let run = two.launch(0, &cart(2, 4, 45)).await;
    let measuring = two.measuring(run).await;
    let holder = two.holder(&measuring).await;
    two.portals[holder].kill();
    let killed = Instant::now();
    let taken = two.wait_for(run, |record| record.owner != measuring.owner).await;
    let took = killed.elapsed();
    assert!(took < TAKEN_OVER, "taken over after {took:?}");
    assert_eq!(two.holder(&taken).await, 1 - holder);
    assert_eq!(two.test_runs(&taken), 1, "it was not started twice");
    // It comes back in the middle of the run, and is the other one now.
    two.portals[holder].start();
    two.assert_whole(run).await;
    let events = two.store.run_events(&Access::system(SystemTask::RunSupervisor), run).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.text.contains("another one goes on")).count(), 1, "{events:?}");
    assert_eq!(events.iter().filter(|event| event.text == "k6 runs").count(), 1, "{events:?}");
    println!("taken over after {took:?}");
    two.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_stood_still_for_a_while_spoils_nothing() {
    let Some(two) = Two::open().await else { return };
    let run = two.launch(1, &cart(2, 4, 60)).await;
    let measuring = two.measuring(run).await;
    let holder = two.holder(&measuring).await;
    two.portals[holder].signal("-STOP");
    let taken = two.wait_for(run, |record| record.owner != measuring.owner).await;
    assert_eq!(two.holder(&taken).await, 1 - holder);
    tokio::time::sleep(Duration::from_secs(10)).await;
    two.portals[holder].signal("-CONT");
    let ended = two.wait_for(run, |record| !record.state.is_live()).await;
    assert_eq!(ended.owner, taken.owner, "it stays with who took it");
    // What k6 had sent to the one that stood still it may have given up; all that was acknowledged is there, and no more.
    let completeness = ended.completeness.clone().unwrap();
    assert!(completeness.compared && completeness.rows.iter().all(|row| row.received <= row.k6), "{completeness:?}");
    assert_eq!(two.test_runs(&ended), 0);
    until("the same page at both", async || {
        let (a, b) = (two.page(0, run).await?, two.page(1, run).await?);
        (a.measured == b.measured && a.verdict == b.verdict).then_some(())
    })
    .await;
    two.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_stopped_at_the_portal_that_does_not_look_after_it() {
    let Some(mut two) = Two::open().await else { return };
    let run = two.launch(0, &cart(2, 4, 300)).await;
    let measuring = two.measuring(run).await;
    let holder = two.holder(&measuring).await;
    two.ask(1 - holder, "POST", "stop", &format!("id={run}")).await.unwrap();
    let ended = two.wait_for(run, |record| !record.state.is_live()).await;
    assert!(matches!(&ended.state, RunState::Cancelled { by } if by.contains("Ana")) && ended.owner == measuring.owner, "{ended:?}");
    assert!(ended.totals.unwrap().requests > 0);

    // Asked at one, and its own portal dies before it is over: who stopped it, and that it was stopped once, is not forgotten.
    let run = two.launch(0, &cart(2, 4, 300)).await;
    let measuring = two.measuring(run).await;
    let holder = two.holder(&measuring).await;
    two.ask(holder, "POST", "stop", &format!("id={run}")).await.unwrap();
    until("the wish on its way", async || {
        let progress = two.store.progress(&Access::system(SystemTask::RunSupervisor), measuring.execution).await.unwrap()?;
        progress.ending.wish.map(|_| ())
    })
    .await;
    two.portals[holder].kill();
    let ended = two.wait_for(run, |record| !record.state.is_live()).await;
    assert!(matches!(&ended.state, RunState::Cancelled { by } if by.contains("Ana")), "{ended:?}");
    two.close().await;
}

/// In nobody's hands until then: whoever is there queues it, and both are.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_a_secret_that_changed_while_no_portal_was_there_is_started_once() {
    let space = ["-n", "shop-staging"];
    let hand = |two: &Two, arguments: &[&str]| {
        let output = two.cluster.kubectl(&[&space[..], arguments].concat(), "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let Some(mut two) = Two::open_with(secrets::RULES, secrets::give).await else { return };
    let tidy = secrets::Tidy(TestCluster::given().unwrap());
    hand(&two, &["create", "secret", "generic", secrets::NAME, "--from-literal=username=first"]);
    // Within the second of the last change any change counts.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let after = format!("request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=smoke&request[after]={}", secrets::NAME);
    let run = two.launch(0, &after).await;
    let waits = two.record(run).await;
    assert!(matches!(waits.state, RunState::Waiting { .. }) && waits.owner.is_none(), "{waits:?}");
    assert!(two.page(1, run).await.is_some(), "the other one shows it too");

    two.portals.iter_mut().for_each(Portal::kill);
    hand(&two, &["patch", "secret", secrets::NAME, "--field-manager=rotator", "-p", r#"{"stringData":{"username":"second"}}"#]);
    two.portals.iter_mut().for_each(Portal::start);
    two.ready().await;
    let ended = two.wait_for(run, |record| !record.state.is_live()).await;
    assert_eq!(ended.state.kind(), RunStateKind::Passed, "{:?} {:?}", ended.state, ended.verdict);
    let events = two.store.run_events(&Access::system(SystemTask::RunSupervisor), run).await.unwrap();
    for told in ["was changed by “rotator”; the run is queued", "k6 runs"] {
        assert_eq!(events.iter().filter(|event| event.text.contains(told)).count(), 1, "{told}: {events:?}");
    }
    until("no TestRun", async || (two.test_runs(&ended) == 0).then_some(())).await;
    drop(tidy);
    two.close().await;
}
