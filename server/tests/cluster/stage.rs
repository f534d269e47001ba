//! The stage: a portal beside a real cluster, with the cluster's own copy of the demo's repository.

use std::{
    path::{Path, PathBuf},
    process::Output,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::{Method, StatusCode};
use tokio::sync::{Semaphore, SemaphorePermit};
use windfirm::{
    config::{ClusterSection, TreeConfig},
    worker,
};
use windfirm_model::{
    actor::SystemTask,
    id::{ExecutionId, RunId},
    run::RunState,
    view::{app::AppPage, run::RunEvent},
};
use windfirm_policy::Access;
use windfirm_store::runs::RunRecord;

use crate::{
    account::account_of,
    between::Between,
    cluster::{Hold, TestCluster},
    harness::{As, House, Plan},
    later_clock::LaterClock,
};

/// However busy the machine is: nothing here takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Accounts, rights and pods of the cluster are one thing for all tests: those that change them have it for themselves.
static TURNS: Semaphore = Semaphore::const_new(1);

/// The shop's part of the cluster.
pub(crate) struct Turn {
    _turn: SemaphorePermit<'static>,
    _hold: Hold,
}

/// Waits until no other of these tests has it, and nobody the whole cluster.
pub(crate) async fn turn(cluster: &TestCluster) -> Turn {
    Turn { _turn: TURNS.acquire().await.unwrap(), _hold: cluster.hold(false).await }
}

pub(crate) struct Stage {
    pub(crate) house: House,
    pub(crate) clock: Arc<LaterClock>,
    cluster: TestCluster,
    _turn: Turn,
}

impl Stage {
    /// `None` after saying so: there is no cluster, or no k6.
    pub(crate) async fn open() -> Option<Self> {
        let cluster = TestCluster::given()?;
        let kubeconfig = cluster.folder.join("portal.kubeconfig");
        Self::build(cluster, &kubeconfig, None).await
    }
    /// With runners of this image, and with this repository instead of the shop's own.
    pub(crate) async fn open_with_image(cluster: TestCluster, image: &str, repository: PathBuf) -> Option<Self> {
        let kubeconfig = cluster.folder.join("portal.kubeconfig");
        Self::build(cluster, &kubeconfig, Some((image, repository))).await
    }
    /// With a proxy of the test's own between the portal and the API server.
    pub(crate) async fn open_between() -> Option<(Self, Between)> {
        let cluster = TestCluster::given()?;
        let kubeconfig = kube::config::Kubeconfig::read_from(cluster.folder.join("portal.kubeconfig")).unwrap();
        let between = Between::open(serde_json::to_value(kubeconfig).unwrap()).await;
        Some((Self::build(cluster, &between.kubeconfig(), None).await?, between))
    }
    async fn build(cluster: TestCluster, kubeconfig: &Path, other: Option<(&str, PathBuf)>) -> Option<Self> {
        let turn = turn(&cluster).await;
        let listener = cluster.listener().await;
        let port = listener.local_addr().unwrap().port();
        let clusters = format!(
            "
- name: home
  kubeconfig: {{ file: '{kubeconfig}' }}
  argocd: {{ applications_in: ['*'] }}
  runs:
    portal: http://{address}:{port}
    k6_image: {k6}
    starter_image: {starter}
    pull_policy: Never
{image}    cpu: 50m
    memory_mib: 256
    start_limit_s: 110
",
            kubeconfig = kubeconfig.display(),
            address = cluster.address(),
            k6 = cluster.image("k6"),
            image = other.as_ref().map(|(name, _)| format!("    runner_image: {name}\n")).unwrap_or_default(),
            starter = cluster.image("starter"),
        );
        let clusters: Vec<ClusterSection> = serde_saphyr::from_str(&clusters).unwrap();
        let clock = Arc::<LaterClock>::default();
        let plan = Plan { listening: listener.local_addr().unwrap(), clock: Arc::<LaterClock>::clone(&clock), ..Plan::default() };
        let house = House::build_with(plan, |of_house, config| {
            config.clusters = clusters;
            let repository = other.map_or_else(|| cluster.folder.join("shop"), |(_, repository)| repository);
            config.tree =
                TreeConfig { repository, revision: "HEAD".into(), roots: "roots".into(), repositories: vec![windfirm_demo::repository::ADDRESS.into()] };
            config.policy = of_house.join("policy.yaml");
            let policy = std::fs::read_to_string(&config.policy).unwrap();
            assert!(policy.contains(r#"["127.0.0.1:*"]"#));
            std::fs::write(&config.policy, policy.replace(r#"["127.0.0.1:*"]"#, r#"["*.svc.cluster.local:80"]"#)).unwrap();
        })
        .await?;
        let (router, ending) = (house.router.clone(), house.portal.ending.clone());
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(async move { ending.cancelled().await }).await });
        worker::start(&house.portal);
        let stage = Self { house, clock, cluster, _turn: turn };
        // Whoever was killed in the middle may have left it otherwise.
        stage.restore("shop-staging");
        let mut why = None;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            why = stage.launch_lock("/shop/cart/", As::Ana).await;
            if why.is_none() {
                return Some(stage);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("launches stay locked: {why:?}");
    }

    /// What keeps this person from launching there, as the pages say it.
    pub(crate) async fn launch_lock(&self, path: &str, who: As) -> Option<String> {
        let answer = self.house.call(who, Method::GET, "app", &format!("path={path}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let page: AppPage = serde_json::from_str(&answer.body).unwrap();
        (!page.launch.allowed).then_some(page.launch.why)
    }

    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> Output {
        self.cluster.kubectl(arguments, input)
    }
    pub(crate) fn hand(&self, arguments: &[&str]) -> String {
        let output = self.kubectl(arguments, "");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
    /// The account of a namespace and the portal's right to act as it, as they were.
    pub(crate) fn restore(&self, namespace: &str) {
        assert!(self.kubectl(&["apply", "-f", "-"], &account_of(namespace)).status.success());
    }
    /// The API server's audit log, where it can be read.
    pub(crate) fn audit_log(&self) -> Option<String> {
        self.cluster.audit_log()
    }

    pub(crate) async fn launch(&self, who: As, fields: &str) -> RunId {
        let answer = self.house.call(who, Method::POST, "launch", fields).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body.trim_matches('"').parse().unwrap()
    }
    pub(crate) async fn record(&self, run: RunId) -> RunRecord {
        self.house.portal.store.run(&Access::system(SystemTask::RunSupervisor), run).await.unwrap().unwrap()
    }
    /// What stands on the timeline of a run.
    pub(crate) async fn events(&self, run: RunId) -> Vec<RunEvent> {
        self.house.portal.store.run_events(&Access::system(SystemTask::RunSupervisor), run).await.unwrap()
    }
    /// Waits until the portal has cleaned up after a run in the shop's staging: the next test finds room in its quota.
    pub(crate) async fn nothing_left(&self, execution: ExecutionId) {
        until("the end of what was left", async || {
            worker::housekeeping::round(self.house.portal.clone()).await;
            let left = self.hand(&["-n", "shop-staging", "get", "testruns,secrets,configmaps", "-o", "name"]);
            (!left.contains(&format!("windfirm-{execution}"))).then_some(())
        })
        .await;
    }
    /// Waits until something was measured of a run that goes on; how many requests.
    pub(crate) async fn first_numbers(&self, running: &RunRecord) -> u64 {
        until("the first numbers", async || {
            let live = self.house.portal.live.get(running.execution).await?;
            let requests = windfirm_measure::results::measured(&live.lock().await.merger, running.started?, &[]).totals.requests;
            (requests > 0).then_some(requests)
        })
        .await
    }
    /// Waits until the run is in a state that fits.
    pub(crate) async fn wait_for(&self, run: RunId, fits: impl Fn(&RunState) -> bool) -> RunRecord {
        until("the state of the run", async || {
            let record = self.record(run).await;
            assert!(record.state.is_live() || fits(&record.state), "it ended otherwise: {:?}", record.state);
            fits(&record.state).then_some(record)
        })
        .await
    }
}

/// Asks again until there is an answer.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} did not come within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A test of the cart with so many runners.
pub(crate) fn cart(runners: u32, vus: u32, seconds: u32) -> String {
    format!(
        "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=load&request[vus]={vus}&request[duration]={seconds}s&request[runners]={runners}"
    )
}
