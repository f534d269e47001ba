//! The stage of one test: a namespace with its account, a portal that takes what runners push, an executor, orders.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Output,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

pub(crate) use crate::cluster::skipped;
use crate::{
    account::account_of,
    clock::SystemClock,
    cluster::{Hold, TestCluster},
    runner_image::runner_image,
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path as UrlPath, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::interval,
};
use tokio_util::task::TaskTracker;
use windfirm_cluster::{
    ClusterSpec, Clusters, Gateway, Impersonation, Source,
    operator::{KubernetesExecutor, OperatorSettings, PullPolicy, Resources, RunnerImage, Shelf},
};
use windfirm_executor::{Executor as _, ExecutorError, ExitReport, InCluster, Limits, Observation, Orders, Secret};
use windfirm_measure::wire::{self, Samples};
use windfirm_model::{
    clock::Clock,
    id::{ExecutionId, OperationId, RunId},
};
use windfirm_policy::{Permit, Resource, act::SuperviseRuns};

/// However busy the machine is: nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(240);
/// One pod of the shop's stand-in answers it.
const TARGET: &str = "http://cart.shop-staging.svc.cluster.local";
const TOKEN: &str = "write-only-token";
/// Runs at a time, of these tests.
static TURNS: Semaphore = Semaphore::const_new(2);

/// What runners pushed.
#[derive(Debug, Default)]
pub(crate) struct Received {
    says_stop: AtomicBool,
    is_away: AtomicBool,
    garbles: AtomicBool,
    counts: Mutex<BTreeMap<String, f64>>,
    runners: Mutex<BTreeSet<String>>,
    keys: Mutex<BTreeSet<String>>,
    /// `name=value`.
    tags: Mutex<BTreeSet<String>>,
    strangers: AtomicU64,
}

impl Received {
    pub(crate) fn count(&self, metric: &str) -> f64 {
        self.counts.lock().unwrap().get(metric).copied().unwrap_or_default()
    }
    pub(crate) fn runners(&self) -> BTreeSet<String> {
        self.runners.lock().unwrap().clone()
    }
    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        self.tags.lock().unwrap().contains(tag)
    }
    pub(crate) fn strangers(&self) -> u64 {
        self.strangers.load(Ordering::SeqCst)
    }
    /// Whether every delivery is answered as if by a proxy whose portal is not there.
    pub(crate) fn be_away(&self, away: bool) {
        self.is_away.store(away, Ordering::SeqCst);
    }
    /// From now on other files are given than were asked for.
    pub(crate) fn garble(&self) {
        self.garbles.store(true, Ordering::SeqCst);
    }
    /// From now on every delivery is answered with “stop”.
    pub(crate) fn say_stop(&self) {
        self.says_stop.store(true, Ordering::SeqCst);
    }
}

async fn take(State(received): State<Arc<Received>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if text(header::AUTHORIZATION.as_str()) != format!("Token {TOKEN}") {
        received.strangers.fetch_add(1, Ordering::SeqCst);
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if received.is_away.load(Ordering::SeqCst) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    if received.says_stop.load(Ordering::SeqCst) {
        return (StatusCode::FORBIDDEN, Json(json!({ "error": { "code": 4, "message": "The portal has had enough." } }))).into_response();
    }
    if !received.keys.lock().unwrap().insert(text("k6-idempotency-key")) {
        return StatusCode::OK.into_response();
    }
    let set = wire::decode(&body, &wire::Bounds::default()).unwrap();
    for metric in set.metrics {
        for series in metric.time_series {
            let runner = series.labels.iter().find(|label| label.name == "instance_id").map(|label| label.value.clone());
            received.runners.lock().unwrap().extend(runner);
            received.tags.lock().unwrap().extend(series.labels.iter().map(|label| format!("{}={}", label.name, label.value)));
            if let Some(Samples::Counter(counter)) = series.samples {
                *received.counts.lock().unwrap().entry(metric.name.clone()).or_default() += counter.values.iter().map(|value| value.value).sum::<f64>();
            }
        }
    }
    StatusCode::OK.into_response()
}

/// The portal's side of a large test: what lies on the shelf.
async fn give(State((received, shelf)): State<(Arc<Received>, Shelf)>, address: UrlPath<(ExecutionId, String)>, headers: HeaderMap) -> Response {
    if headers.get(header::AUTHORIZATION).is_none_or(|token| token != &format!("Token {TOKEN}")) {
        received.strangers.fetch_add(1, Ordering::SeqCst);
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let UrlPath((execution, digest)) = address;
    let Some(file) = shelf.find(execution, &digest) else { return StatusCode::NOT_FOUND.into_response() };
    let mut archive = std::fs::read(file).unwrap();
    if received.garbles.load(Ordering::SeqCst) {
        archive[700] ^= 1;
    }
    archive.into_response()
}

pub(crate) struct Stage {
    pub(crate) executor: KubernetesExecutor,
    pub(crate) received: Arc<Received>,
    pub(crate) namespace: String,
    cluster: TestCluster,
    portal: String,
    bundles: tempfile::TempDir,
    /// The portal's state folder.
    state: tempfile::TempDir,
    _turn: SemaphorePermit<'static>,
    _hold: Hold,
    _tasks: TaskTracker,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.kubectl(&["delete", "namespace", &self.namespace, "--wait=false"], "");
    }
}

impl Stage {
    /// `None` after saying so: there is no cluster.
    pub(crate) async fn open() -> Option<Self> {
        Self::open_with(|_| {}).await
    }
    pub(crate) async fn open_with(change: impl FnOnce(&mut OperatorSettings)) -> Option<Self> {
        Self::open_for(false, change).await
    }
    /// While no other test has a run, of whatever program.
    pub(crate) async fn open_alone() -> Option<Self> {
        Self::open_for(true, |_| {}).await
    }
    async fn open_for(alone: bool, change: impl FnOnce(&mut OperatorSettings)) -> Option<Self> {
        let cluster = TestCluster::given()?;
        let turn = TURNS.acquire_many(if alone { 2 } else { 1 }).await.unwrap();
        let hold = cluster.hold(alone).await;
        let id = SystemClock.new_uuid().simple().to_string();
        let namespace = format!("windfirm-test-{}", &id[id.len() - 12..]);
        let tasks = TaskTracker::new();
        // Where an address of another machine leads here, all of this machine's are listened on.
        let listener = cluster.listener().await;
        let portal = format!("http://{}:{}", cluster.address(), listener.local_addr().unwrap().port());
        let received = Arc::<Received>::default();
        let state = tempfile::tempdir().unwrap();
        let shelf = Shelf::in_state(state.path());
        let archives = Router::new().route("/ingest/v2/archives/{execution}/{digest}", get(give)).with_state((Arc::clone(&received), shelf));
        let router = Router::new().route("/ingest/v2/metrics/{execution}", post(take)).with_state(Arc::clone(&received)).merge(archives);
        tasks.spawn(async move { axum::serve(listener, router).await });
        let mut settings = OperatorSettings {
            instance: namespace.clone(),
            k6_image: cluster.image("k6"),
            runner_image: None,
            starter_image: cluster.image("starter"),
            pull_policy: PullPolicy::Never,
            runner: Resources { cpu: "100m".into(), memory_mib: 256 },
            runner_environment: Vec::new(),
            run_as: None,
            start_limit_s: 120,
        };
        change(&mut settings);
        let executor = executor(&cluster.folder, settings);
        let bundles = tempfile::tempdir().unwrap();
        let stage = Self { executor, received, namespace, cluster, portal, bundles, state, _turn: turn, _hold: hold, _tasks: tasks };
        assert!(stage.kubectl(&["create", "namespace", &stage.namespace], "").status.success());
        assert!(stage.kubectl(&["apply", "-f", "-"], &account_of(&stage.namespace)).status.success());
        Some(stage)
    }
    /// With runners of the runner image; `None` after saying so where the cluster has none.
    pub(crate) async fn open_with_image() -> Option<Self> {
        let image = runner_image(&TestCluster::given()?.folder)?;
        Some(Self::open().await?.renamed(image))
    }
    /// With this image of runners.
    pub(crate) fn renamed(mut self, name: String) -> Self {
        let runner_image = Some(RunnerImage { name, shelf: Shelf::in_state(self.state.path()) });
        self.executor = executor(&self.cluster.folder, OperatorSettings { runner_image, ..self.executor.settings().clone() });
        self
    }
    /// Whether the portal keeps archives for runners.
    pub(crate) fn shelf_is_used(&self) -> bool {
        std::fs::read_dir(self.state.path().join("archives")).is_ok_and(|mut all| all.next().is_some())
    }
    /// As if the portal had begun again with an empty state folder.
    pub(crate) fn lose_shelf(&self) {
        std::fs::remove_dir_all(self.state.path().join("archives")).unwrap();
    }
    /// The portal ends, and starts again.
    pub(crate) fn restart(&mut self) {
        self.executor = executor(&self.cluster.folder, self.executor.settings().clone());
    }
    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> Output {
        self.cluster.kubectl(arguments, input)
    }
    pub(crate) fn folder(&self) -> &Path {
        &self.cluster.folder
    }
    /// The same, in the namespace of the test; what it prints.
    pub(crate) fn hand(&self, arguments: &[&str]) -> String {
        let output = self.kubectl(&[&["--namespace", &self.namespace], arguments].concat(), "");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
    /// Another portal beside this one.
    pub(crate) fn another(&self) -> KubernetesExecutor {
        executor(&self.cluster.folder, self.executor.settings().clone())
    }
    /// The account and the portal's right to act as it, as they were.
    pub(crate) fn restore_account(&self) {
        assert!(self.kubectl(&["apply", "-f", "-"], &account_of(&self.namespace)).status.success());
    }
    /// What the API server wrote down of changes in the namespace of the test: as whom, verb and resource. `None` where that cannot be
    /// read.
    pub(crate) fn changes(&self) -> Option<Vec<(String, String, String)>> {
        let log = self.cluster.audit_log()?;
        let entries = log.lines().filter(|line| line.contains(&self.namespace)).filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of_portal = entries.filter(|entry| entry["user"]["username"] == "system:serviceaccount:windfirm:portal");
        let changes =
            of_portal.filter(|entry| matches!(entry["verb"].as_str(), Some("create" | "delete" | "patch" | "update")) && entry["stage"] == "ResponseComplete");
        let subresource = |entry: &Value| entry["objectRef"]["subresource"].as_str().map(|part| format!("/{part}")).unwrap_or_default();
        let told = changes
            .map(|entry| {
                let what = format!("{}{}", text(&entry["objectRef"]["resource"]), subresource(&entry));
                (text(&entry["impersonatedUser"]["username"]), text(&entry["verb"]), what)
            })
            .collect();
        Some(told)
    }
    pub(crate) fn permit(&self) -> Permit<SuperviseRuns> {
        self.permit_as("loadtest")
    }
    pub(crate) fn permit_as(&self, name: &str) -> Permit<SuperviseRuns> {
        Permit::for_run(OperationId(SystemClock.new_uuid()), Resource::default(), &format!("{}/{name}", self.namespace))
    }
    /// Orders for two runners. `scenario` is what k6 would have said that the script has.
    pub(crate) fn orders(&self, script: &str, scenario: &Value) -> Orders {
        let id = SystemClock.new_uuid();
        let bundle = self.bundles.path().join(id.simple().to_string());
        std::fs::create_dir_all(bundle.join("k6/lib")).unwrap();
        std::fs::write(bundle.join("k6/test.js"), script).unwrap();
        std::fs::write(bundle.join("k6/lib/target.js"), "export const target = __ENV.TARGET;").unwrap();
        std::fs::write(bundle.join("k6/data.json"), "[1,2,3]").unwrap();
        Orders {
            execution: ExecutionId(id),
            run: RunId(SystemClock.new_uuid()),
            portal: self.portal.clone(),
            token: Secret::new(TOKEN.into()),
            k6: "/nowhere/k6".into(),
            bundle,
            entry: "k6/test.js".into(),
            target: TARGET.into(),
            parameters: vec![("COLOUR".into(), "a \"b\" $(c)".into())],
            load: None,
            max_vus: 100,
            allowed: Vec::new(),
            deadline_s: 120,
            limits: Limits::default(),
            in_cluster: Some(InCluster {
                runners: 2,
                options: json!({ "scenarios": { "default": scenario } }),
                app: "shop/shop-staging/cart".into(),
                actor_sha256: "ac".repeat(32),
                again: false,
                commit: "c0".repeat(20),
                secrets: Vec::new(),
            }),
        }
    }
    pub(crate) async fn start(&self, orders: &Orders) {
        self.executor.start(&self.permit(), orders).await.unwrap();
    }
    pub(crate) async fn observe(&self, execution: ExecutionId) -> Result<Observation, ExecutorError> {
        self.executor.observe(&self.permit(), execution).await
    }
    /// Waits for the end, and says how long that took.
    pub(crate) async fn end(&self, execution: ExecutionId) -> (ExitReport, Duration) {
        let began = Instant::now();
        let report = until("the end", async || match self.observe(execution).await {
            Ok(Observation::Ended(report)) => Some(*report),
            Ok(Observation::Absent | Observation::Lost) => panic!("the run is gone"),
            Ok(_) => None,
            Err(error) if error.is_passing() => None,
            Err(error) => panic!("{error}"),
        })
        .await;
        (report, began.elapsed())
    }
    /// Waits until it runs and some requests were made.
    pub(crate) async fn running(&self, execution: ExecutionId) {
        until("a running k6", async || match self.observe(execution).await.unwrap() {
            Observation::Running { .. } => (self.received.runners().len() == 2 && self.received.count("http_reqs") > 0.0).then_some(()),
            Observation::Ended(report) => panic!("it ended: {report:?}"),
            _ => None,
        })
        .await;
    }
    /// The whole log, page by page, once it has ended.
    pub(crate) async fn log(&self, execution: ExecutionId) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let page = self.executor.log(&self.permit(), execution, u64::try_from(lines.len()).unwrap()).await.unwrap();
            if page.lines.is_empty() {
                return lines;
            }
            lines.extend(page.lines.into_iter().map(|line| line.text));
        }
    }
    /// Removes it, and sees that nothing is left but Kubernetes' own.
    pub(crate) async fn clean_up(&self, execution: ExecutionId) {
        self.executor.clean_up(&self.permit(), execution).await.unwrap();
        self.nothing_left().await;
        assert_eq!(self.observe(execution).await.unwrap(), Observation::Absent);
    }
    pub(crate) async fn nothing_left(&self) {
        until("an empty namespace", async || {
            let left = self.hand(&["get", "testruns,jobs,pods,secrets,services,configmaps", "-o", "name"]);
            left.lines().all(|line| line == "configmap/kube-root-ca.crt").then_some(())
        })
        .await;
    }
}

fn executor(folder: &Path, settings: OperatorSettings) -> KubernetesExecutor {
    let source = Source::Kubeconfig { file: folder.join("portal.kubeconfig"), context: None };
    let spec = ClusterSpec { name: "test".parse().unwrap(), source, impersonation: Impersonation::Constrained };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let clusters = Clusters::new(vec![spec], &clock).unwrap();
    KubernetesExecutor::new(Gateway::new(Arc::clone(clusters.get("test").unwrap())), settings, clock)
}

/// Asks again until there is an answer.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut tick = interval(Duration::from_millis(300));
    let asking = async {
        loop {
            tick.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

/// A script that asks for its target twice a second in each virtual user.
pub(crate) const STEADY: &str = "import http from 'k6/http';
import { sleep, check } from 'k6';
import { target } from './lib/target.js';
const data = JSON.parse(open('./data.json'));
export default function () {
  const answer = http.get(target + '/carts/' + data[1]);
  check(answer, { good: (answer) => answer.status === 200 });
  console.log('colour ' + __ENV.COLOUR + ', token ' + __ENV.K6_CLOUD_TOKEN);
  sleep(0.5);
}
export function teardown() { console.log('tidied up'); }
export function handleSummary() { return { stdout: 'my own words' }; }";

pub(crate) fn steady(vus: u32, seconds: u32) -> Value {
    json!({ "executor": "constant-vus", "vus": vus, "duration": format!("{seconds}s"), "gracefulStop": "5s" })
}
